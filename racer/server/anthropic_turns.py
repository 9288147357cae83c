"""The messages of Anthropic's API -> those of `race`. Pure.

1. `system` comes first, as one text.
2. The results of tools stand in a user's turn there, and are messages of their own here. What else is in such
   a turn follows them, pictures out of results too, for most providers take none there.
3. Thoughts of earlier answers are left out, for they are nobody else's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer.server.fields import check_names, given
from racer.server.pictures import data_url
from racer.server.question import Refused, check_images, wrong
from racer_adapters.placed import items, json_object, mapping, optional_bool, optional_text, text
from racer_adapters.placed import wrong as wrong_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Turn = dict[str, Any]
Block = tuple[str, "Mapping[str, Any]"]  # its place, and what it says

IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
ROLES = ("user", "assistant", "system")
KNOWN: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "citations"),
    "image": ("source", "transformations"),
    "tool_use": ("id", "name", "input", "caller", "toolset_name"),
    "tool_result": ("tool_use_id", "content", "is_error", "toolset_name"),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
}
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "user": ("text", "image", "tool_result"),
    "assistant": ("text", "tool_use", "thinking", "redacted_thinking"),
    "system": ("text",),
    "result": ("text", "image"),
}
_UNKNOWN = "it is not known: use the fields of Anthropic's messages"
_PREFILL = (
    "messages ends with a message of the assistant, which not every model could go on with: end with one of "
    "the user"
)
_FAILED = "The tool has failed."


def turns(messages: object, system: object = None) -> list[Turn]:
    """Raises ValueError and Refused."""
    return [turn for _, turn in placed_turns(messages, system)]


def placed_turns(messages: object, system: object = None) -> list[tuple[str, Turn]]:
    """Each with the place that it has in the body. Raises ValueError and Refused."""
    found = items(messages, "messages", "a list of messages with role and content")
    first = "" if system is None else _plain(_blocks(system, "system", "system"))
    made: list[tuple[str, Turn]] = []
    if first.strip():
        made.append(("system", {"role": "system", "content": first}))
    role = ""
    for at, item in enumerate(found):
        place = f"messages[{at}]"
        said = given(mapping(item, place, "an object with role and content"))
        check_names(said, ("role", "content"), _UNKNOWN, place)
        role = said.get("role", "")
        if role not in ROLES:
            raise wrong_value(said.get("role"), f"{place}.role", "user, assistant or system", "use")
        blocks = _blocks(said.get("content"), f"{place}.content", role)
        results = (at for at, block in blocks if block["type"] == "tool_result")
        made += ((next(results, place), turn) for turn in _TURNS[role](blocks, place))
    if not found:
        raise ValueError("messages is an empty list: give at least one message")
    if role == "assistant":
        raise wrong("messages", _PREFILL, "unsupported_value")
    return made


def names_of(placed: Sequence[tuple[str, Turn]]) -> dict[str, str]:
    """By its place among racer's messages, where a message stands in the body."""
    names = {f"messages[{at}]": place for at, (place, _) in enumerate(placed)}
    called = {
        f"messages[{at}].tool_call_id": f"{place}.tool_use_id"
        for at, (place, turn) in enumerate(placed)
        if turn["role"] == "tool"
    }
    return names | called


def _blocks(content: object, place: str, role: str) -> list[Block]:
    if isinstance(content, str):
        return [(place, {"type": "text", "text": text(content, place, "a text", empty_is_fine=True)})]
    given_ = items(content, place, "a text, or a list of content blocks")
    return [_block(item, f"{place}[{at}]", ALLOWED[role]) for at, item in enumerate(given_)]


def _block(item: object, place: str, allowed: Sequence[str]) -> Block:
    said = given(mapping(item, place, "a content block with type"))
    kind = said.get("type")
    if not isinstance(kind, str) or kind not in allowed:
        raise wrong_value(kind, f"{place}.type", " or ".join(allowed), "use")
    check_names(said, ("type", "cache_control", *KNOWN[kind]), _UNKNOWN, place)
    if kind == "text":
        text(said.get("text"), f"{place}.text", "a text", empty_is_fine=True)
    return place, said


def _user(blocks: Sequence[Block], place: str) -> Iterator[Turn]:
    """Results first, then the rest as one message."""
    rest: list[Block] = []
    count = 0
    for at, block in blocks:
        if block["type"] != "tool_result":
            rest.append((at, block))
            continue
        count += 1
        inner = _blocks(block.get("content", ""), f"{at}.content", "result")
        yield _result(block, inner, at)
        rest += [each for each in inner if each[1]["type"] == "image"]
    parts = [_part(each, at) for at, each in rest if each["type"] == "image" or each["text"].strip()]
    if not parts and not count:
        raise ValueError(f"{place}.content is empty: write something, or leave the message out")
    if parts:
        plain = len(parts) == 1 and parts[0]["type"] == "text"
        yield {"role": "user", "content": parts[0]["text"] if plain else parts}


def _assistant(blocks: Sequence[Block], place: str) -> Iterator[Turn]:
    calls = [_call(block, at) for at, block in blocks if block["type"] == "tool_use"]
    said = _plain(blocks)
    if not said.strip() and not calls:
        raise ValueError(f"{place}.content is empty: write something, or leave the message out")
    yield {"role": "assistant", "content": said, **({"tool_calls": calls} if calls else {})}


def _system(blocks: Sequence[Block], place: str) -> Iterator[Turn]:
    yield {"role": "system", "content": _plain(blocks)}


_TURNS = {"user": _user, "assistant": _assistant, "system": _system}


def _plain(blocks: Sequence[Block]) -> str:
    return "\n".join(block["text"] for _, block in blocks if block["type"] == "text")


def _result(block: Mapping[str, Any], inner: Sequence[Block], place: str) -> Turn:
    said = _plain(inner)
    if optional_bool(block, "is_error", place):
        said = f"{_FAILED} {said}".strip()
    id_ = text(block.get("tool_use_id"), f"{place}.tool_use_id", "the id of the call")
    return {"role": "tool", "tool_call_id": id_, "content": said}


def _call(block: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {
        "id": text(block.get("id"), f"{place}.id", "the id of the call"),
        "type": "function",
        "function": {
            "name": text(block.get("name"), f"{place}.name", "the name of the tool"),
            "arguments": json_object(block.get("input", {}), f"{place}.input", "an object"),
        },
    }


def _part(block: Mapping[str, Any], place: str) -> dict[str, Any]:
    if block["type"] == "text":
        return {"type": "text", "text": block["text"]}
    place = f"{place}.source"
    source = mapping(block.get("source"), place, "an object of type base64 or url")
    if source.get("type") == "url":
        return _at_address(source, f"{place}.url")
    if source.get("type") != "base64":
        raise wrong_value(source.get("type"), f"{place}.type", "base64 or url", "use")
    kind = optional_text(source, "media_type", place)
    if kind not in IMAGES:
        raise wrong_value(kind, f"{place}.media_type", " or ".join(IMAGES), "use")
    return {"type": "image_url", "image_url": {"url": data_url(source.get("data"), f"{place}.data", kind)}}


def _at_address(source: Mapping[str, Any], place: str) -> dict[str, Any]:
    url = text(source.get("url"), place, "an https: address")
    part = {"type": "image_url", "image_url": {"url": url}}
    try:
        check_images([{"content": [part]}])
    except Refused:
        raise wrong(
            place, f"{place} is not a public https: address: send the picture as base64 instead"
        ) from None
    return part
