"""Single values of the caller's input, each checked with its place in it.

Every function raises ValueError with one sentence: the place, what was found, and what to give instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

_SHOWN = 40


def items(value: object, place: str, remedy: str) -> list[object]:
    if not isinstance(value, (list, tuple)):
        raise wrong(value, place, remedy)
    return list(cast("Sequence[object]", value))


def mapping(value: object, place: str, remedy: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong(value, place, remedy)
    return cast("Mapping[str, Any]", value)


def text(value: object, place: str, remedy: str, *, empty_is_fine: bool = False) -> str:
    """A plain copy, which can be written as UTF-8."""
    if not isinstance(value, str) or not (value or empty_is_fine):
        raise wrong(value, place, remedy)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{place} has half a character (a lone surrogate) at position {error.start}: "
            "decode the text with errors='replace'"
        ) from None
    return str.__str__(value)


def optional_text(within: Mapping[str, Any], name: str, place: str) -> str | None:
    """None where it is missing, null or empty."""
    value = within.get(name)
    return None if value is None else text(value, f"{place}.{name}", "a text", empty_is_fine=True) or None


def optional_bool(within: Mapping[str, Any], name: str, place: str) -> bool | None:
    value = within.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise wrong(value, f"{place}.{name}", "true or false")


def json_object(value: object, place: str, remedy: str) -> dict[str, Any]:
    """A deep copy, by way of the JSON that will be sent."""
    given = dict(mapping(value, place, remedy))
    try:
        return cast("dict[str, Any]", orjson.loads(orjson.dumps(given)))
    except orjson.JSONEncodeError as error:
        raise ValueError(
            f"{place} cannot be written as JSON ({error}): use texts, numbers, lists and mappings alone"
        ) from None


def wrong(value: object, place: str, remedy: str, verb: str = "give") -> ValueError:
    return ValueError(f"{place} is {shown(value)}: {verb} {remedy}")


def shown(value: object) -> str:
    """A caller's value in a sentence: the beginning of a text, of everything else its type."""
    if value is None:
        return "missing"
    if isinstance(value, str):
        return f'"{value[:_SHOWN]}…"' if len(value) > _SHOWN else f'"{value}"'
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
