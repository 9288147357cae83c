"""Traces: what is read from a database, what is passed over, and what failures become."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from racer.bench.trace import Place, error_of, recorded
from racer.core.facts import LaneEnded, LaneFirstToken, LaneStarted, RaceEnded, RaceStarted
from racer.core.heat import Ending, Outcome
from racer.core.reply import Attempt
from racer.store.connection import in_memory, transaction
from racer.store.records import give_up, write
from racer.store.schema import MIGRATIONS
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import Usage
from tests.core.lanes import lane
from tests.racer.bench.traces import BEGAN, put, put_attempt, race, seen

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from racer.bench.trace import Recorded, Trace
    from racer.core.facts import Fact

A, B = lane("a/m"), lane("b/m")


@pytest.fixture
def database() -> sqlite3.Connection:
    return in_memory(MIGRATIONS)


def read(
    database: sqlite3.Connection, races: Sequence[Recorded], limit: int = 1000, since: float = 0
) -> Trace:
    with closing(database):
        put(database, races)
        return recorded(database, since, limit)


def test_a_race_is_read_as_racer_has_written_it(database: sqlite3.Connection) -> None:
    """Its instant to the fraction, its lanes and what each did, in seconds from its own start."""
    won = Attempt("b/m", "b", "m", 0.25, 0.5, Outcome.WON, first_token=0.125, usage=Usage(30, 20))
    lost = Attempt("a/m", "a", "m", 0.0, 0.75, Outcome.LOST)
    facts: list[Fact] = [
        RaceStarted("r", "all", 2, 60.0, (A, B)),
        LaneStarted("r", 0, A, 0.0),
        LaneStarted("r", 1, B, 0.25),
        LaneFirstToken("r", 1, B, 0.4, 0.125),
        LaneEnded("r", 1, B, won),
        LaneEnded("r", 0, A, lost),
        RaceEnded("r", Ending.WON, 0.75, 2, B),
    ]
    with closing(database):
        transaction(database, lambda inside: write(inside, 1, [(BEGAN + 0.125, fact) for fact in facts]))
        put(database, [race(number, seen("a/m"), seen("b/m")) for number in range(1, 6)])

        found = recorded(database, 0.0, 100)

    first = found.races[0]
    assert (first.id, first.at, first.policy, first.width) == ("r", BEGAN + 0.125, "all", 2)
    assert (first.deadline, first.latency, first.winner, first.prompt) == (60.0, 0.75, "b/m", 30)
    assert first.lanes == ("a/m", "b/m")
    assert first.answered
    a, b = first.seen
    assert (a.lane, a.took, a.first, a.stopped, a.answered) == ("a/m", 0.75, None, True, False)
    assert (b.start, b.took, b.first, b.tokens, b.answered) == (0.25, 0.5, 0.125, 20, True)
    assert found.lanes["a/m"] == Place("a", "m", A.account.name)


def test_races_come_in_the_order_in_which_they_began(database: sqlite3.Connection) -> None:
    """Several processes may write down theirs late."""
    races = [race(number, seen()) for number in (3, 1, 0, 2, 4)]

    found = read(database, races)

    assert [each.id for each in found.races] == ["r0000", "r0001", "r0002", "r0003", "r0004"]


def test_only_the_last_races_and_those_since_a_time_are_read(database: sqlite3.Connection) -> None:
    """Both bounds hold."""
    races = [race(number, seen()) for number in range(20)]

    found = read(database, races, limit=10, since=races[12].at)

    assert [each.id for each in found.races] == [each.id for each in races[12:]]


def test_more_races_than_one_query_takes_are_read(database: sqlite3.Connection) -> None:
    """Attempts are asked for by the hundred."""
    found = read(database, [race(number, seen()) for number in range(1100)], limit=2000)

    assert len(found.races) == sum(len(each.seen) for each in found.races) == 1100


def test_races_that_tell_nothing_are_passed_over(database: sqlite3.Connection) -> None:
    """Those that run, that were left, whose request was wrong, and of which rows are gone: all counted."""
    races = [race(number, seen()) for number in range(6)]
    races += [
        race(6, seen(), ending="aborted"),
        race(7, seen(), ending="refused"),
        race(8, seen(), ending="", winner=None),
    ]
    with closing(database):
        put(database, races)
        database.execute("DELETE FROM attempts WHERE race = 'r0000'")
        found = recorded(database, 0.0, 100)

    assert [each.id for each in found.races] == [f"r000{number}" for number in range(1, 6)]
    assert found.passed_over == {
        "their attempts are no longer kept": 1,
        "left by their caller": 1,
        "their request was wrong": 1,
        "without an end": 1,
    }


def test_a_race_of_one_lane_has_nothing_to_decide(database: sqlite3.Connection) -> None:
    """It is none of the races, and tells all the same how its lane was."""
    races = [race(number, seen("a/m"), lanes=("a/m", "b/m")) for number in range(3)]
    races += [race(number, seen("b/m", 9.0), lanes=("b/m",)) for number in range(3, 8)]
    races += [race(number, seen("a/m"), lanes=("a/m",)) for number in range(8, 10)]

    found = read(database, races)

    assert len(found.races) == 3
    assert found.passed_over == {"one lane alone might run: nothing to decide": 7}
    assert (list(found.lanes), found.left_out) == (["a/m", "b/m"], ())
    assert [each.id for each in found.asides] == [f"r000{number}" for number in range(3, 10)]


def test_lanes_of_which_too_little_was_seen_are_left_out(database: sqlite3.Connection) -> None:
    """Asked too seldom, or never once to its end; and so are races that only these could run in."""
    races = [race(number, seen("a/m"), seen("b/m", stopped=True)) for number in range(5)]
    races += [race(number, seen("c/m")) for number in range(5, 9)]

    found = read(database, races)

    assert list(found.lanes) == ["a/m"]
    assert dict(found.left_out) == {
        "b/m": "stopped each of 5 times: nobody knows how long it takes",
        "c/m": "asked 4 times: 5 are needed",
    }
    assert found.passed_over == {"none of their lanes is replayed": 4}
    assert len(found.races) == 5


def test_failures_that_are_the_question_s_own_say_nothing_of_a_lane(database: sqlite3.Connection) -> None:
    """A lane that only ever met prompts that were too long was not seen."""
    error = WireError(Kind.TOO_LONG, "too long", status=400)

    found = read(database, [race(number, seen("a/m", error=error)) for number in range(9)])

    assert not found.lanes


def test_an_attempt_that_ended_with_its_process_is_no_attempt(database: sqlite3.Connection) -> None:
    """Nobody knows how long it ran."""
    races = [race(number, seen()) for number in range(6)]
    with closing(database):
        put(database, races)
        put_attempt(database, races[0], 1, seen("a/m"))
        database.execute("UPDATE attempts SET outcome = 'running', latency = NULL WHERE number = 1")
        give_up(database, 1)
        found = recorded(database, 0.0, 100)

    assert len(found.races[0].seen) == 1


def test_a_lane_that_ran_into_our_patience_is_silent() -> None:
    """One that its provider's server calls a timeout has answered so."""
    ours = seen(error=WireError(Kind.TIMEOUT, "no token within 10 s"))
    theirs = seen(error=WireError(Kind.TIMEOUT, "upstream", status=504))

    assert (ours.silent, theirs.silent, seen().silent) == (True, False, False)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (WireError(Kind.RATE, "slow\ndown: please", status=429), 429),
        (WireError(Kind.TIMEOUT, "no token within 10 s"), None),
        (WireError(Kind.SERVER, status=500), 500),
        (WireError(Kind.RESET), None),
    ],
)
def test_a_failure_is_read_from_its_reason(error: WireError, status: int | None) -> None:
    """The reason is how it was told."""
    assert error_of(str(error), status) == error


@pytest.mark.parametrize("reason", ["", "something else: odd", "upside down"])
def test_a_reason_that_nobody_knows_is_a_fault_of_the_server(reason: str) -> None:
    """So that it counts as a failure of that lane alone."""
    assert error_of(reason, 599) == WireError(Kind.SERVER, reason, status=599)
