"""Counts corrected by hand: by which names, within which range, and what is left of the count before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.core.quota import Report, Spend, Truth
from racer.core.span import Once, slot_at
from racer.store.census import enrol
from racer.store.correction import reset, set_used
from tests.racer.store.tables import (
    CREDIT,
    DAY,
    FLIGHT,
    MINUTE,
    NOW,
    database,
    leased,
    leases,
    rows,
    slots,
    tell,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from racer.core.quota import Meter


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """With 10 used and 5 leased of each of two meters, one of them long ago as well."""
    connection = database()
    owner = enrol(connection, pid=1, boot="b", now=NOW)
    for meter, now in ((MINUTE, NOW - 600), (MINUTE, NOW), (DAY, NOW)):
        assert meter.span is not None
        tell(connection, owner, Report((Spend(meter, slot_at(meter.span, now), 10.0, 0.0),)))
    for meter in (MINUTE, DAY):
        leased(connection, owner, meter, 5)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("groq", [MINUTE, DAY]),
        ("groq/llama", [DAY]),
        ("groq requests/minute", [MINUTE]),
    ],
)
def test_a_reset_empties_what_its_name_names(
    connection: sqlite3.Connection, name: str, changed: list[Meter]
) -> None:
    """A provider, an account, an account's model, a meter: what was used in the window now is gone."""
    assert reset(connection, name, NOW) == tuple((meter.name, 10.0, 0.0) for meter in changed)
    assert reset(connection, name, NOW) == tuple((meter.name, 0.0, 0.0) for meter in changed)


def test_a_reset_leaves_leases_and_what_is_long_over(connection: sqlite3.Connection) -> None:
    """Processes keep what they hold; slots that count no more change nothing."""
    reset(connection, "groq", NOW)

    assert slots(connection) == "groq requests/minute -600 -539 10 0"
    assert leases(connection) == "groq requests/minute 1 5\ngroq/llama tokens/day 1 5"


def test_a_reset_forgets_what_providers_have_told(connection: sqlite3.Connection) -> None:
    """What others used, and the limit that a header gave."""
    owner = enrol(connection, pid=2, boot="b", now=NOW)
    tell(connection, owner, Report(truths=(Truth(MINUTE, "header", used=40.0, limit=50.0),)))

    assert reset(connection, MINUTE.name, NOW) == ((MINUTE.name, 35.0, 0.0),)
    standing = tell(connection, owner, Report(watched=(MINUTE,))).standings[MINUTE.name]
    assert (standing.used, standing.limit, standing.teller) == (0.0, 60.0, "configured")
    assert rows(connection, "COUNT(*) FROM meters WHERE told_at IS NOT NULL") == "0"


def test_an_unknown_name_is_answered_with_the_known_ones(connection: sqlite3.Connection) -> None:
    """Also a piece of a name, and one with a wildcard."""
    known = "known are: groq, groq requests/minute, groq/llama, groq/llama tokens/day"
    for name in ("grog", "gro", "gro%", ""):
        with pytest.raises(LookupError) as caught:
            reset(connection, name, NOW)
        assert str(caught.value) == f"nothing is counted for {name!r}; {known}"


def test_before_anything_is_counted_no_name_is_known() -> None:
    """And that is what is said."""
    connection = database()
    with pytest.raises(LookupError, match="nothing was counted yet"):
        reset(connection, "groq", NOW)
    connection.close()


def test_a_set_replaces_what_is_used_now(connection: sqlite3.Connection) -> None:
    """All live slots become one, that of now; meters that were never used can be set, too."""
    assert set_used(connection, MINUTE, 60.0, NOW + 30) == (MINUTE.name, 10.0, 60.0)
    assert set_used(connection, CREDIT, 1.25, NOW) == (CREDIT.name, 0.0, 1.25)
    assert slots(connection) == (
        "groq requests/minute -600 -539 10 0\n"
        "groq requests/minute 30 91 60 0\n"
        "groq usd/once -1.8e+09 inf 1.25 0\n"
        "groq/llama tokens/day -28800 57600 10 0"
    )


def test_after_a_set_nothing_is_negative(connection: sqlite3.Connection) -> None:
    """All of the limit is used and something leased beside: nothing is left, and nobody owes anything."""
    set_used(connection, MINUTE, 60.0, NOW)

    owner = enrol(connection, pid=2, boot="b", now=NOW)
    assert leased(connection, owner, MINUTE, 1) == 0
    assert tell(connection, owner, Report(watched=(MINUTE,))).standings[MINUTE.name].left == 0


@pytest.mark.parametrize("used", [-1.0, 61.0, float("nan"), float("inf")])
def test_a_value_out_of_range_is_refused_with_the_range(connection: sqlite3.Connection, used: float) -> None:
    """And nothing changes."""
    before = slots(connection)
    with pytest.raises(ValueError, match=rf"{used:g} is not allowed for {MINUTE.name}: from 0 to 60$"):
        set_used(connection, MINUTE, used, NOW)
    assert slots(connection) == before


@pytest.mark.parametrize("meter", [FLIGHT, replace(CREDIT, span=Once(NOW))])
def test_what_has_no_window_cannot_be_set(connection: sqlite3.Connection, meter: Meter) -> None:
    """Calls in flight, and what has expired."""
    with pytest.raises(ValueError, match="has no window now"):
        set_used(connection, meter, 1.0, NOW)
