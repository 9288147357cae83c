"""A form that is asked for in words: a JSON schema in the conversation, or JSON that was begun.

A model that reads one obeys it, whoever wrote it and however.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from racer.sim.json_value import as_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.sim.exchange import Ask, Unfinished

MOST_PLACES = 100
_SIGNS = frozenset({"type", "properties", "$ref", "anyOf", "$defs"})
_DECODER = json.JSONDecoder()


def wants_json(ask: Ask, unfinished: Unfinished | None) -> bool:
    """Whether the answer is JSON: told by a field, in words, or by its own beginning.

    `unfinished` is the answer that is to be gone on with, if any.
    """
    begun = ask.prefix if unfinished is None else unfinished.begun
    return ask.json or begun.lstrip().startswith(("{", "[")) or stated_schema(ask, unfinished) is not None


def stated_schema(ask: Ask, unfinished: Unfinished | None) -> Mapping[str, Any] | None:
    """The first JSON schema that stands in the conversation, if JSON is spoken of there."""
    text = ask.prompt if unfinished is None else f"{unfinished.prompt}\n{unfinished.wish}"
    if "JSON" not in text:
        return None
    place = text.find("{")
    for _ in range(MOST_PLACES):
        if place < 0:
            return None
        value = as_object(_value_at(text, place))
        if value is not None and _SIGNS & value.keys():
            return value
        place = text.find("{", place + 1)
    return None


def _value_at(text: str, place: int) -> Any:
    try:
        return _DECODER.raw_decode(text, place)[0]
    except (ValueError, RecursionError):
        return None
