"""racer/parsed/formats.py: dates and times are told wherever they stand in a type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum
from typing import Annotated, Any, NamedTuple, Optional, TypedDict

import msgspec
import pytest

from racer.parsed.formats import schema_of

MOMENT = {"type": "string", "format": "date-time"}
TIME = {"type": "string", "format": "time"}
NULL = {"type": "null"}


class Color(Enum):
    RED = "red"


class Event(msgspec.Struct):
    when: datetime
    next: Event | None = None


class Row(msgspec.Struct, array_like=True, tag=True):
    when: datetime


class Pair(NamedTuple):
    first: datetime
    second: int


class Table(TypedDict):
    at: time


@dataclass
class Plain:
    rows: list[datetime]
    event: Event


TYPES: list[tuple[Any, dict[str, Any]]] = [
    (datetime, MOMENT),
    (time, TIME),
    (date, {"type": "string", "format": "date"}),
    (Annotated[datetime, msgspec.Meta(tz=True)], MOMENT),
    (Annotated[datetime, msgspec.Meta(tz=False)], {"type": "string", "format": "local-date-time"}),
    (Annotated[time, msgspec.Meta(tz=False)], {"type": "string", "format": "partial-time"}),
    (
        Annotated[datetime, msgspec.Meta(extra_json_schema={"format": "own"})],
        {"type": "string", "format": "own"},
    ),
    (datetime | None, {"anyOf": [MOMENT, NULL]}),
    (
        Optional[Annotated[datetime, msgspec.Meta(description="x")]],  # noqa: UP045 - checkers know this form
        {"anyOf": [{**MOMENT, "description": "x"}, NULL]},
    ),
    (list[datetime] | int, {"anyOf": [{"type": "array", "items": MOMENT}, {"type": "integer"}]}),
    (dict[str, datetime] | None, {"anyOf": [{"type": "object", "additionalProperties": MOMENT}, NULL]}),
    (list[Any], {"type": "array"}),
    (dict[str, Any], {"type": "object"}),
    (
        tuple[int, time],
        {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "prefixItems": [{"type": "integer"}, TIME],
            "items": False,
        },
    ),
    (tuple[()], {"type": "array", "minItems": 0, "maxItems": 0}),
]


@pytest.mark.parametrize(("target", "schema"), TYPES)
def test_where_no_record_is(target: Any, schema: dict[str, Any]) -> None:
    """As msgspec has it, with a format."""
    assert schema_of(target) == schema


def test_in_records() -> None:
    """Of every kind, also in those that hold themselves."""
    parts = schema_of(Plain | None)["$defs"]

    assert parts["Plain"]["properties"]["rows"]["items"] == MOMENT
    assert parts["Event"]["properties"]["when"] == MOMENT
    assert schema_of(Table)["$defs"]["Table"]["properties"]["at"] == TIME
    assert schema_of(Pair)["$defs"]["Pair"]["prefixItems"] == [MOMENT, {"type": "integer"}]
    assert schema_of(Row)["$defs"]["Row"]["prefixItems"] == [{"enum": ["Row"]}, MOMENT]


@pytest.mark.parametrize("target", [int, Color, dict[str, list[int]], list[Color | None], int | bool])
def test_what_has_no_time_is_as_msgspec_has_it(target: Any) -> None:
    """Nothing else is changed."""
    assert schema_of(target) == msgspec.json.schema(target)


def test_two_of_one_name_stay_apart() -> None:
    """msgspec names them by their modules then."""
    other = msgspec.defstruct("Event", [("at", time)], module="elsewhere")

    parts = schema_of(tuple[Event, other])["$defs"]  # type: ignore[valid-type]

    assert sorted("when" in part["properties"] for part in parts.values()) == [False, True]
    assert parts["elsewhere.Event"]["properties"]["at"] == TIME


def test_what_msgspec_does_not_know() -> None:
    """It says so itself."""
    with pytest.raises(TypeError, match="is not supported"):
        schema_of(Callable[[], int])
