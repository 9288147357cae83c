"""What the ledger knows of a lane: its meters and who reads its headers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from racer.acquaintance import Acquaintance, Known, zone
from racer.core.provider import Limit
from racer_adapters import DIALECTS
from racer_adapters.limits import FORMATS, no_limits
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.provider import Lane
    from racer_adapters.limits import Reader

DAY = Limit("requests", 100.0, "day", reset="00:00 America/Los_Angeles")


def limited(*limits: Limit, headers: str = "", dialect: str = "openai") -> Lane:
    plain = lane("a/m")
    provider = replace(plain.provider, limits=limits, limit_headers=headers, dialect=dialect)
    return replace(plain, provider=provider)


@pytest.mark.parametrize(
    ("asked", "reader"),
    [
        (limited(DAY), FORMATS["openai"]),
        (limited(DAY, headers="groq"), FORMATS["groq"]),
        (limited(DAY, dialect="anthropic"), FORMATS["anthropic"]),
        (limited(DAY, dialect="ollama"), no_limits),
    ],
)
def test_headers_are_read_as_the_row_says_else_as_the_dialect_does(asked: Lane, reader: Reader) -> None:
    """Providers of one dialect have headers of their own."""
    known = Acquaintance(DIALECTS)(asked)

    assert known.reader is reader
    assert [meter.per for meter in known.meters] == ["day"]


def test_a_lane_without_limits_has_nobody_read_its_headers() -> None:
    """There is nothing that they could correct."""
    assert Acquaintance(DIALECTS)(limited(headers="groq")) == Known((), None)


def test_a_lane_is_looked_up_once() -> None:
    """Meters are the same objects from then on: a race looks at them at every turn."""
    known = Acquaintance(DIALECTS)

    assert known(limited(DAY)) is known(limited(DAY))


def test_zones_are_those_of_iana() -> None:
    """Daylight saving included."""
    pacific = zone("America/Los_Angeles")
    summer, winter = (datetime(2026, month, 1, tzinfo=UTC).astimezone(pacific) for month in (7, 1))

    assert (summer.hour, winter.hour) == (17, 16)
