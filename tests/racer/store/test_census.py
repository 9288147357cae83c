"""The census: who lives, whose leases a burial turns into use, and the clock that all agree on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.core.quota import Report, Wish
from racer.core.span import Calendar, Once, Rolling
from racer.store.census import (
    GRACE,
    LONGEST_SILENCE,
    anchor,
    bury,
    enrol,
    leave,
    living,
    move_anchor,
    seen,
)
from racer.store.quotas import exchange
from tests.racer.store.tables import (
    ANGELES,
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
    connection = database()
    yield connection
    connection.close()


def born(connection: sqlite3.Connection, pid: int = 1, now: float = NOW) -> int:
    return enrol(connection, pid=pid, boot="b", now=now)


def nobody_knows(_pid: int, _boot: str) -> None:
    return None


def none_lives(_pid: int, _boot: str) -> bool:
    return False


# ---------------------------------------------------------------- the living


def test_who_was_seen_within_the_grace_is_living(connection: sqlite3.Connection) -> None:
    """Not a moment longer."""
    first = born(connection, 1)
    born(connection, 2, NOW + 10)

    assert living(connection, NOW + GRACE) == 2
    assert living(connection, NOW + GRACE + 1) == 1
    assert seen(connection, first, NOW + GRACE + 1)
    assert living(connection, NOW + GRACE + 1) == 2


def test_who_leaves_is_gone_with_its_leases(connection: sqlite3.Connection) -> None:
    """Only its own: what it did not spend is free again."""
    one, two = born(connection, 1), born(connection, 2)
    leased(connection, one, MINUTE, 20)
    leased(connection, two, MINUTE, 30)

    leave(connection, one)

    assert living(connection, NOW) == 1
    assert leases(connection) == "groq requests/minute 2 30"
    assert slots(connection) == ""
    assert not seen(connection, one, NOW)


# ---------------------------------------------------------------- burials


@pytest.mark.parametrize(
    ("meter", "text"),
    [
        (MINUTE, "groq requests/minute 10 71 3 0"),
        (DAY, "groq/llama tokens/day -28800 57600 3 0"),
        (replace(DAY, span=Calendar("day", 0, 0, ANGELES)), "groq/llama tokens/day 0 86400 3 0"),
        (replace(MINUTE, span=Rolling(18_000.0)), "groq requests/minute 0 18300 3 0"),
        (CREDIT, "groq usd/once -1.8e+09 inf 3 0"),
        (replace(CREDIT, span=Once(NOW + 99)), "groq usd/once -1.8e+09 99 3 0"),
        (FLIGHT, ""),
    ],
)
def test_the_leases_of_the_dead_count_as_used_from_their_burial_on(
    connection: sqlite3.Connection, meter: Meter, text: str
) -> None:
    """Nobody knows what was spent of them. Calls in flight ended with their process."""
    leased(connection, born(connection), meter, 3)

    assert bury(connection, NOW + 10, none_lives) == 1
    assert slots(connection) == text
    assert leases(connection) == ""
    assert rows(connection, "COUNT(*) FROM owners") == "0"


def test_the_dead_are_those_not_seen_and_those_known_to_be_dead(connection: sqlite3.Connection) -> None:
    """One too long without a sign of life, one without a process; the third lives on with what it has."""
    for pid, now in ((1, NOW - GRACE - 1), (2, NOW), (3, NOW - GRACE)):
        leased(connection, born(connection, pid, now), MINUTE, pid, now)

    assert bury(connection, NOW, lambda pid, boot: False if (pid, boot) == (2, "b") else None) == 2
    assert rows(connection, "pid FROM owners") == "3"
    assert leases(connection) == "groq requests/minute 3 3"
    assert slots(connection) == "groq requests/minute 0 61 3 0"
    assert bury(connection, NOW, nobody_knows) == 0


@pytest.mark.parametrize(
    ("alive", "silent", "buried"),
    [
        (False, 0.0, 1),
        (None, GRACE, 0),
        (None, GRACE + 1, 1),
        (True, GRACE + 1, 0),
        (True, LONGEST_SILENCE, 0),
        (True, LONGEST_SILENCE + 1, 1),
    ],
)
def test_how_long_one_may_be_silent(
    connection: sqlite3.Connection, alive: bool | None, silent: float, buried: int
) -> None:
    """Not at all without a process, for an hour with one, and for the grace where nobody can tell."""
    owner = born(connection)
    leased(connection, owner, FLIGHT, 2)

    assert bury(connection, NOW + silent, lambda _pid, _boot: alive) == buried
    assert leases(connection) == ("" if buried else f"groq calls/flight {owner} 2")


def test_what_was_running_ends_with_its_process(connection: sqlite3.Connection) -> None:
    """Attempts without an outcome are lost and races without an ending aborted: the dead one's, no others."""
    attempts = """INSERT INTO attempts
        (race, number, at, owner, lane, provider, model, account, start, outcome)
        VALUES (?, ?, 0, ?, '', '', '', '', 0, ?)"""
    races = """INSERT INTO races (id, at, owner, policy, width, deadline, lanes, ending)
        VALUES (?, 0, ?, 'all', 1, 60, '', ?)"""
    dead, alive = born(connection, 1), born(connection, 2)
    rows_ = [("a", 1, dead, "running"), ("a", 2, dead, "won"), ("b", 1, alive, "running")]
    connection.executemany(attempts, rows_)
    connection.executemany(races, [("a", dead, None), ("b", alive, None), ("c", dead, "won")])

    bury(connection, NOW, lambda pid, _: pid == 2)

    assert rows(connection, "race, number, outcome, reason FROM attempts") == (
        "a 1 lost its process ended\na 2 won None\nb 1 running None"
    )
    assert rows(connection, "id, ending FROM races") == "a aborted\nb None\nc won"


@pytest.mark.parametrize(
    "search",
    [
        "UPDATE attempts SET outcome = 'lost', reason = '' WHERE owner = 1 AND outcome = 'running'",
        "UPDATE races SET ending = 'aborted' WHERE owner = 1 AND ending IS NULL",
    ],
)
def test_a_burial_reads_no_more_than_what_was_running(connection: sqlite3.Connection, search: str) -> None:
    """Through an index of these alone: a million attempts that have ended are not looked at."""
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {search}")]

    assert ["_running (owner=?)" in step for step in plan] == [True]


def test_who_was_buried_by_mistake_is_told_and_not_heard(connection: sqlite3.Connection) -> None:
    """Stopped for ten minutes it comes back: nothing of its report changes anything, and it enrols anew."""
    stopped, other = born(connection, 1), born(connection, 2)
    leased(connection, stopped, DAY, 300)
    later = NOW + 600
    seen(connection, other, later)
    bury(connection, later, nobody_knows)
    before = list(connection.iterdump())

    report = Report(back=((DAY, 300.0),), wishes=(Wish(DAY, 100, 100),))

    assert exchange(connection, stopped, report, later, ()) is None
    assert list(connection.iterdump()) == before
    again = tell(connection, born(connection, 1, later), Report(wishes=(Wish(DAY, 900, 100),)), later)
    assert again.granted == {DAY.name: 700.0}


def test_nobody_gets_the_number_of_one_who_was_buried(connection: sqlite3.Connection) -> None:
    """Else the one who comes back would be taken for the other."""
    one = born(connection, 1)
    bury(connection, NOW, none_lives)

    assert born(connection, 2) != one
    assert not seen(connection, one, NOW)


# ---------------------------------------------------------------- the clock


def test_processes_of_one_boot_agree_on_the_clock(connection: sqlite3.Connection) -> None:
    """The first one's anchor holds for all, whatever the wall says when another comes."""
    assert anchor(connection, wall=NOW, ticks=5.0, boot="one") == (NOW, 5.0)
    assert anchor(connection, wall=NOW + 3600, ticks=9.0, boot="one") == (NOW, 5.0)


def test_a_new_boot_has_ticks_of_its_own(connection: sqlite3.Connection) -> None:
    """They begin anew, so the anchor does, too."""
    anchor(connection, wall=NOW, ticks=5.0, boot="one")

    assert anchor(connection, wall=NOW + 99, ticks=1.0, boot="two") == (NOW + 99, 1.0)
    assert anchor(connection, wall=NOW, ticks=2.0, boot="two") == (NOW + 99, 1.0)


def test_a_clock_that_was_put_right_is_right_for_all(connection: sqlite3.Connection) -> None:
    """The anchor that was moved is what the next one gets."""
    anchor(connection, wall=NOW, ticks=5.0, boot="one")

    move_anchor(connection, NOW - 3600, 7.0)

    assert anchor(connection, wall=NOW, ticks=8.0, boot="one") == (NOW - 3600, 7.0)


@pytest.mark.parametrize(
    ("meter", "text"),
    [(MINUTE, "groq requests/minute 0 61 3 0"), (DAY, "groq/llama tokens/day -28800 57600 3 0")],
)
def test_a_clock_that_is_set_back(connection: sqlite3.Connection, meter: Meter, text: str) -> None:
    """What was counted in a window to come counts in today's: not forgotten, nor until that one is over."""
    leased(connection, born(connection), meter, 3)
    bury(connection, NOW + 9 * 86_400, none_lives)

    move_anchor(connection, NOW, 7.0)

    assert slots(connection) == text
