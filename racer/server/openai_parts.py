"""Names inside the fields of OpenAI's bodies: an unknown one is refused, not dropped. Pure.

What has another type than it should is left to the race, which says so with its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from racer.server.fields import check_names, given
from racer.server.schemas import check_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

# Clients send an answer back as they got it, with what belongs to answers alone.
ECHOED = (
    "refusal", "annotations", "parsed", "reasoning_content", "reasoning", "reasoning_details",
    "provider_specific_fields",
)  # fmt: skip
HINT = "cache_control"  # how a provider is to keep its books: no answer depends on it
_MESSAGE = frozenset(
    {"role", "content", "name", "tool_calls", "tool_call_id", "function_call", HINT, *ECHOED}
)
_PLAIN = frozenset({"role", "content"})
_CALL = frozenset({"id", "type", "function", "index", "extra_content"})
_CALLED = frozenset({"name", "arguments", "parsed_arguments"})
_PARTS: Mapping[str, frozenset[str]] = {
    "text": frozenset({"type", "text", HINT}),
    "image_url": frozenset({"type", "image_url", HINT}),
}
_PICTURE = frozenset({"url", "detail"})
_TOOL = frozenset({"type", "function", HINT})
_FUNCTION = frozenset({"name", "description", "parameters", "strict", HINT})
_FORMS: Mapping[str, frozenset[str]] = {
    "json_schema": frozenset({"type", "json_schema"}),
    "json_object": frozenset({"type"}),
    "text": frozenset({"type"}),
}
_SCHEMA = frozenset({"name", "schema", "strict", "description"})
_REMEDY = "it is not known: use the fields of OpenAI's chat completions"
_AUDIO = {"audio": "answers are text: leave it out"}


def check_parts(body: Mapping[str, Any]) -> None:
    """Raises Refused with the place of the first that is not known."""
    for place, message in _each(body.get("messages"), "messages"):
        if not message.keys() <= _PLAIN or not isinstance(message.get("content"), str):
            _check_message(message, place)
    for place, tool in _each(body.get("tools"), "tools"):
        _check(tool, _TOOL, place)
        _check(tool.get("function"), _FUNCTION, f"{place}.function")
    choice = body.get("tool_choice")
    _check(choice, ("type", "function"), "tool_choice")
    _check(_of(choice, "function"), ("name",), "tool_choice.function")
    _check_form(body.get("response_format"), "response_format")


def _check_message(message: Mapping[str, Any], place: str) -> None:
    check_names(given(message), _MESSAGE, _REMEDY, place, _AUDIO)
    for where, part in _each(message.get("content"), f"{place}.content"):
        _check_kind(part, _PARTS, where)
        _check(part.get("image_url"), _PICTURE, f"{where}.image_url")
    for where, call in _each(message.get("tool_calls"), f"{place}.tool_calls"):
        _check(call, _CALL, where)
        _check(call.get("function"), _CALLED, f"{where}.function")


def _check_form(form: object, place: str) -> None:
    _check_kind(form, _FORMS, place)
    said = _of(form, "json_schema")
    _check(said, _SCHEMA, f"{place}.json_schema")
    if isinstance(schema := _of(said, "schema"), dict):
        check_schema(cast("object", schema), f"{place}.json_schema.schema")


def _check_kind(said: object, kinds: Mapping[str, frozenset[str]], place: str) -> None:
    """Where its type is known, for that says which fields it has."""
    kind = _of(said, "type")
    if isinstance(kind, str) and kind in kinds:
        _check(said, kinds[kind], place)


def _check(said: object, known: Collection[str], place: str) -> None:
    if isinstance(said, dict):
        check_names(given(cast("dict[str, Any]", said)), known, _REMEDY, place)


def _each(values: object, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(values, list):
        for index, each in enumerate(cast("list[object]", values)):
            if isinstance(each, dict):
                yield f"{place}[{index}]", cast("dict[str, Any]", each)


def _of(said: object, name: str) -> object:
    return cast("dict[str, Any]", said).get(name) if isinstance(said, dict) else None
