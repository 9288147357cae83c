"""Values as JSON holds them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

import msgspec
import orjson
import pydantic
import pydantic.v1
import pytest

from racer.core.plain import plain


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    LARGE = 3


class Struct(msgspec.Struct):
    name: str
    colours: list[Colour]


@dataclass
class Class:
    name: str
    when: datetime


class Model(pydantic.BaseModel):
    name: str
    price: Decimal


class Old(pydantic.v1.BaseModel):
    name: str


MORNING = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        ({"a": [1, ("b", None)]}, {"a": [1, ["b", None]]}),
        ({1: "a", Colour.RED: "b", MORNING: "c"}, {"1": "a", "red": "b", "2026-01-02T03:04:00+00:00": "c"}),
        ({"a"}, ["a"]),
        (b"hi", "aGk="),
        (Size.LARGE, 3),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (Decimal("1.50"), "1.50"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Struct("a", [Colour.RED]), {"name": "a", "colours": ["red"]}),
        ([Class("a", MORNING)], [{"name": "a", "when": "2026-01-02T03:04:00+00:00"}]),
        (Model(name="a", price=Decimal("1.5")), {"name": "a", "price": "1.5"}),
        (Old(name="a"), {"name": "a"}),
    ],
)
def test_a_value_is_plain(value: Any, told: object) -> None:
    """And can be written as JSON."""
    assert told == plain(value)
    assert told == orjson.loads(orjson.dumps(plain(value)))
