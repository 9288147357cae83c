"""JSON from strangers: parsed with limits, and read field by field without trusting any type.

orjson bounds the depth and refuses NaN; integers beyond 64 bits become floats. Two faults are mended
rather than refused, because real servers commit them: invalid UTF-8 and lone surrogate escapes become
U+FFFD, so that neither can reach a terminal or a database.
"""

from __future__ import annotations

import math
import re
from typing import Any

import orjson

NotJson = orjson.JSONDecodeError

_ESCAPES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
_NOTHING: dict[str, Any] = {}
MOST_TOKENS = 10**12


def parse(data: bytes) -> Any:
    """The value in `data`. Raises NotJson."""
    try:
        return orjson.loads(data)
    except NotJson as error:
        if error.msg == "unexpected end of data":
            raise
    text = data.decode("utf-8", "replace")
    return orjson.loads(_ESCAPES.sub(lambda found: "�" if found[1] else found[0], text))


def parse_first(data: bytes) -> Any:
    """The first value in `data`; what follows it is left alone. Raises NotJson."""
    try:
        return parse(data)
    except NotJson as error:
        if error.msg != "unexpected content after document":
            raise
        return orjson.loads(error.doc[: error.pos])


def dump(value: Any) -> str:
    """JSON text of a parsed value; of one that is nested too deep, a text that is no JSON."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "[nested too deep]"


def cut_off(error: NotJson) -> bool:
    """Whether the text ended too early, and was JSON up to there."""
    return error.msg == "unexpected end of data"


def as_object(value: Any) -> dict[str, Any]:
    """`value` if it is an object, else an empty one. Not to be changed."""
    return value if isinstance(value, dict) else _NOTHING  # pyright: ignore[reportUnknownVariableType]  of anything


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]  of anything


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def as_count(value: Any) -> int:
    """A number of tokens: whole, never negative, zero where nothing sensible was said."""
    if type(value) is int:  # as it nearly always is
        return value if 0 < value <= MOST_TOKENS else 0
    number = as_number(value)
    return int(number) if number is not None and 0 < number <= MOST_TOKENS else 0


def as_number(value: Any) -> float | None:
    """A finite number, or None; true and false are none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return value
    return None
