"""Rows of meters: one each, kept like the configuration; limits that are told; spans as text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from racer.core.span import Calendar, Once, Rolling, Slot, Span
from racer.store.meters import count, row, row_of, span_from, span_text, tell
from tests.racer.store.tables import ANGELES, CREDIT, DAY, FLIGHT, MINUTE, NOW, database, rows, slots

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from racer.core.quota import Meter


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = database()
    yield connection
    connection.close()


def test_a_meter_gets_its_row_at_first_mention(connection: sqlite3.Connection) -> None:
    """One row, whoever asks and however often."""
    first = row_of(connection, DAY, NOW)

    assert row_of(connection, DAY, NOW + 1) == first == (first.id, 1000.0, "configured")
    assert rows(connection, "name, account, model, unit, per, amount, own, source, span FROM meters") == (
        "groq/llama tokens/day groq llama tokens day 1000 1 configured day 00:00 UTC"
    )


def test_a_row_follows_the_configuration(connection: sqlite3.Connection) -> None:
    """Amount, own and source are those that were read last; the row stays the same."""
    first = row_of(connection, MINUTE, NOW)
    edited = replace(MINUTE, amount=30.0, own=False, source="docs")

    assert row_of(connection, edited, NOW) == (first.id, 30.0, "configured")
    assert rows(connection, "amount, own, source FROM meters") == "30 0 docs"


@pytest.mark.parametrize(
    ("own", "told", "limit", "teller"),
    [
        (True, None, 60.0, "configured"),
        (True, 50.0, 50.0, "header"),
        (True, 70.0, 60.0, "configured"),
        (False, 50.0, 50.0, "header"),
        (False, 70.0, 70.0, "header"),
        (False, 0.0, 0.0, "header"),
    ],
)
def test_a_provider_is_believed_over_all_but_a_lower_limit_of_the_users_own(
    connection: sqlite3.Connection, own: bool, told: float | None, limit: float, teller: str
) -> None:
    """The user's own word holds where it is lower; a number of the catalogue never does."""
    meter = replace(MINUTE, own=own)
    id_ = row_of(connection, meter, NOW).id
    if told is not None:
        tell(connection, id_, told, "header", NOW)

    assert row_of(connection, meter, NOW) == (id_, limit, teller)
    assert row(id_, 60.0, own=own, told=told, teller="header" if told is not None else None)[1] == limit


def test_a_slot_is_never_below_nothing(connection: sqlite3.Connection) -> None:
    """What is taken off goes no further than 0, in a new row and in one that is there."""
    id_ = row_of(connection, MINUTE, NOW).id
    for used, left in ((-5.0, 0), (3.0, 3), (-1.0, 2), (-9.0, 0), (2.0, 2)):
        count(connection, id_, Slot(NOW, NOW + 61), used)
        assert rows(connection, "used FROM slots") == f"{left}"
    count(connection, id_, Slot(NOW, NOW + 61), outside=4.0)

    assert slots(connection) == "groq requests/minute 0 61 2 4"


# ---------------------------------------------------------------- after a corruption


@pytest.mark.parametrize(
    ("meter", "later", "assumed"),
    [
        (MINUTE, 60.0, "groq requests/minute 0 61 0 30"),
        (MINUTE, 61.0, ""),
        (DAY, 16 * 3600.0 - 1, "groq/llama tokens/day -28800 57600 0 500"),
        (DAY, 16 * 3600.0, ""),
        (CREDIT, 1e8, "groq usd/once -1.8e+09 inf 0 2.5"),
        (FLIGHT, 0.0, ""),
    ],
)
def test_half_a_window_is_taken_for_used_when_its_count_was_broken(
    connection: sqlite3.Connection, meter: Meter, later: float, assumed: str
) -> None:
    """As long as the window lasts in which the broken file was set aside, and only for a new row."""
    connection.execute("INSERT INTO facts VALUES ('corrupted_at', ?)", (NOW,))

    row_of(connection, meter, NOW + later)
    row_of(connection, meter, NOW + later)

    assert slots(connection) == assumed


# ---------------------------------------------------------------- spans as text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (Rolling(60.0), "rolling 60.0"),
        (Rolling(1 / 3), "rolling 0.3333333333333333"),
        (Once(), "once"),
        (Once(NOW), "once 1800000000.0"),
        (Calendar("day", 0, 0, UTC), "day 00:00 UTC"),
        (Calendar("month", 17, 5, ANGELES), "month 17:05 America/Los_Angeles"),
    ],
)
def test_a_span_comes_back_from_its_text(span: Span, text: str) -> None:
    """Nothing of it is lost."""
    assert span_text(span) == text
    assert span_from(text) == span


def test_calls_in_flight_have_no_span() -> None:
    """None stays None."""
    assert span_text(None) is None


@pytest.mark.parametrize("zone", ["Mars/Olympus", str(timezone(timedelta(hours=2))), "../etc/passwd", ""])
def test_in_a_zone_that_is_unknown_here_any_stretch_is_the_window(zone: str) -> None:
    """It holds what is used for longer than the true window may, never shorter."""
    assert span_from(f"day 00:00 {zone}") == Rolling(86_400.0)


def test_what_is_no_span_is_said_to_be_none() -> None:
    """Text that nobody here has written."""
    with pytest.raises(ValueError, match="'later' is no span"):
        span_from("later")
