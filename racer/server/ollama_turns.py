"""The messages of Ollama's chat -> those of `race`. Pure.

Pictures stand beside the text there, and a tool's result is known by the tool's name: it belongs to the first
call of that tool that has none yet. Thoughts of earlier answers are left out, for they are nobody else's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer.server.fields import check_names, given
from racer.server.pictures import data_url
from racer_adapters.placed import items, mapping, optional_text, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN = ("role", "content", "images", "tool_calls", "tool_name", "tool_call_id", "name", "thinking")
_UNKNOWN = "it is not known: use the fields of Ollama's messages"


def turns(messages: object) -> list[dict[str, Any]]:
    """Raises ValueError and Refused."""
    found = items(messages, "messages", "a list of messages with role and content")
    reader = _Reader()
    return [reader.turn(item, f"messages[{at}]") for at, item in enumerate(found)]


class _Reader:
    """`open` has the calls that have no result yet, as id and name."""

    def __init__(self) -> None:
        self._open: list[tuple[str, str]] = []
        self._calls = 0

    def turn(self, item: object, place: str) -> dict[str, Any]:
        said = given(mapping(item, place, "an object with role and content"))
        check_names(said, KNOWN, _UNKNOWN, place)
        turn: dict[str, Any] = {"role": said.get("role"), "content": _content(said, place)}
        if calls := items(said.get("tool_calls", []), f"{place}.tool_calls", "a list of tool calls"):
            turn["tool_calls"] = [
                self._call(call, f"{place}.tool_calls[{at}]") for at, call in enumerate(calls)
            ]
        if turn["role"] == "tool":
            turn["tool_call_id"] = self._answered(said, place)
        return turn

    def _call(self, item: object, place: str) -> dict[str, Any]:
        said = mapping(item, place, "an object with function")
        function = mapping(said.get("function"), f"{place}.function", "an object with name and arguments")
        id_ = optional_text(said, "id", place) or f"call_{self._calls}"
        self._calls += 1
        self._open.append((id_, str(function.get("name"))))
        wanted = {"name": function.get("name"), "arguments": function.get("arguments", {})}
        return {"id": id_, "type": "function", "function": wanted}

    def _answered(self, said: Mapping[str, Any], place: str) -> str:
        """The id of the call that this is the result of."""
        id_ = optional_text(said, "tool_call_id", place)
        name = optional_text(said, "tool_name", place) or optional_text(said, "name", place)
        for each in self._open:
            if each[0] == id_ or (id_ is None and name in (None, each[1])):
                self._open.remove(each)
                return each[0]
        asked = shown(id_ or name) if id_ or name else "a tool"
        raise ValueError(
            f"{place} is the result of {asked}, and no message before it has a call of it that is open: "
            "give the assistant's message with its tool_calls, too"
        )


def _content(said: Mapping[str, Any], place: str) -> str | list[dict[str, Any]]:
    text = optional_text(said, "content", place) or ""
    images = items(said.get("images", []), f"{place}.images", "a list of pictures as base64")
    if not images:
        return text
    parts = [_picture(image, f"{place}.images[{at}]") for at, image in enumerate(images)]
    return [*([{"type": "text", "text": text}] if text else []), *parts]


def _picture(image: object, place: str) -> dict[str, Any]:
    given_whole = isinstance(image, str) and image.startswith("data:image/")
    return {"type": "image_url", "image_url": {"url": image if given_whole else data_url(image, place)}}
