"""The conversation in a request of Anthropic's Messages, read as strictly as they do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from racer.sim.conversation import Said
from racer.sim.exchange import Refusal, Unfit
from racer.sim.json_value import as_array, as_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ID = re.compile(r"[a-zA-Z0-9_-]+")
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
EMPTY = "text content blocks must be non-empty"


def unfit(place: str, message: str) -> Unfit:
    return Unfit(Refusal("bad_field", f"{place}: {message}", place))


def read_system(system: Any) -> list[Said]:
    if system is None:
        return []
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else as_array(system) or []
    return [Said("\n".join(_text(block, f"system.{n}") for n, block in enumerate(blocks)), "system")]


def read_messages(messages: Any) -> list[Said]:
    """Raises Unfit."""
    given = as_array(messages)
    if given is None:
        raise unfit("messages", "Field required" if messages is None else "Input should be a valid array")
    if not given:
        raise unfit("messages", "at least one message is required")
    said: list[Said] = []
    open_calls: list[str] = []
    for n, message in enumerate(given):
        found = as_object(message) or {}
        if found.get("role") not in ("user", "assistant"):
            raise unfit(f"messages.{n}.role", "Input should be 'user' or 'assistant'")
        blocks = _blocks(found.get("content"), f"messages.{n}.content", final=n == len(given) - 1)
        _check_results(blocks, open_calls, f"messages.{n}")
        open_calls = [str(block["id"]) for block in blocks if block.get("type") == "tool_use"]
        said += _said(blocks, str(found["role"]), f"messages.{n}.content")
    if open_calls:
        raise unfit("messages", "`tool_use` ids were found without `tool_result` blocks after them")
    return said


def _blocks(content: Any, place: str, *, final: bool) -> list[dict[str, Any]]:
    found = [{"type": "text", "text": content}] if isinstance(content, str) else as_array(content)
    if found is None:
        raise unfit(place, "Input should be a valid string or array")
    if not found and not final:
        raise unfit("messages", "all messages must have non-empty content")
    blocks = [as_object(block) or {} for block in found]
    for n, block in enumerate(blocks):
        if block.get("type") == "tool_use":
            _check_call(block, f"{place}.{n}")
    return blocks


def _check_call(block: Mapping[str, Any], place: str) -> None:
    if not isinstance(block.get("id"), str) or not ID.fullmatch(block["id"]):
        raise unfit(f"{place}.tool_use.id", f"String should match pattern '^{ID.pattern}$'")
    if not isinstance(block.get("name"), str) or not ID.fullmatch(block["name"]):
        raise unfit(f"{place}.tool_use.name", f"String should match pattern '^{ID.pattern}$'")
    if as_object(block.get("input")) is None:
        raise unfit(f"{place}.tool_use.input", "Input should be a valid dictionary")


def _check_results(blocks: list[dict[str, Any]], open_calls: list[str], place: str) -> None:
    """The calls of the turn before must all be answered now, and before anything else is said."""
    kinds = [block.get("type") for block in blocks]
    results = [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]
    for id_ in results:
        if id_ not in open_calls:
            raise unfit(place, f"unexpected `tool_use_id` found in `tool_result` blocks: {id_}")
    if missing := [id_ for id_ in open_calls if id_ not in results]:
        raise unfit(place, f"`tool_use` ids were found without `tool_result` blocks: {', '.join(missing)}")
    if kinds[: len(results)] != ["tool_result"] * len(results):
        raise unfit(place, "`tool_result` blocks must come first")


def _said(blocks: list[dict[str, Any]], role: str, place: str) -> Iterator[Said]:
    """Each result of a tool by itself; the rest as one."""
    texts: list[str] = []
    for n, block in enumerate(blocks):
        if block.get("type") == "tool_result":
            yield Said(_result(block.get("content"), f"{place}.{n}"), "tool")
        elif block.get("type") != "tool_use":
            texts.append(_part(block, f"{place}.{n}"))
    calls = any(block.get("type") == "tool_use" for block in blocks)
    if texts or calls:
        yield Said("\n".join(texts), role, plain=not calls)


def _result(content: Any, place: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(_part(as_object(part) or {}, place) for part in as_array(content) or ())


def _part(block: dict[str, Any], place: str) -> str:
    if block.get("type") == "image":
        return _image(as_object(block.get("source")) or {}, place)
    if block.get("type") in ("thinking", "redacted_thinking"):
        return ""
    return _text(block, place)


def _text(block: Any, place: str) -> str:
    found = as_object(block) or {}
    text = found.get("text")
    if found.get("type") != "text" or not isinstance(text, str):
        raise unfit(place, f"Input tag '{found.get('type')}' does not match any of the expected tags")
    if not text.strip():
        raise unfit("messages", EMPTY)
    return text


def _image(source: dict[str, Any], place: str) -> str:
    if source.get("type") == "url" and isinstance(url := source.get("url"), str):
        return url
    kind, data = source.get("media_type"), source.get("data")
    if source.get("type") == "base64" and kind in IMAGES and isinstance(data, str):
        return f"data:{kind};base64,{data}"
    raise unfit(f"{place}.source", "Input should be a valid image source")
