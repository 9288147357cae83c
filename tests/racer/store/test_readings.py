"""What commands read: meters as they stand, sums, alerts, races with every lane, what was learned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.core.facts import Fact, LaneEnded, LaneStarted, RaceEnded, RaceStarted
from racer.core.heat import Ending, Outcome
from racer.core.reply import Attempt
from racer.core.span import Slot
from racer.core.tax import Tax
from racer.core.view import Due, Why
from racer.store import readings
from racer.store.meters import count, row_of, tell
from racer.store.records import write
from racer_adapters.types import Usage
from tests.core.lanes import lane
from tests.racer.store.tables import CREDIT, DAY, MINUTE, NOW, database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

A, B = lane("a/m"), lane("b/n")
SKIPPED = (("c/m", "no key: set C_API_KEY"), ("d/m", "excluded"))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = database()
    yield connection
    connection.close()


def lease(connection: sqlite3.Connection, meter: int, owner: int, amount: float) -> None:
    connection.execute("INSERT INTO leases VALUES (?, ?, ?)", (meter, owner, amount))


def race(connection: sqlite3.Connection, name: str, at: float = NOW) -> None:
    """Two lanes: the first has failed, the second has won."""
    failed = Attempt("a/m", "a", "m", 0.0, 0.25, Outcome.FAILED, "rate 429: slow down", 429)
    usage = Usage(10, 20, estimated=True, usd=0.5)
    won = Attempt("b/n", "b", "n", 0.25, 1.0, Outcome.WON, first_token=0.5, usage=usage)
    notes: list[tuple[float, Fact]] = [
        (at, RaceStarted(name, "one", 1, 60.0, (A, B), SKIPPED)),
        (at, LaneStarted(name, 0, A, 0.0)),
        (at + 0.25, LaneEnded(name, 0, A, failed)),
        (at + 0.25, LaneStarted(name, 1, B, 0.25)),
        (at + 1.25, LaneEnded(name, 1, B, won)),
        (at + 1.25, RaceEnded(name, Ending.WON, 1.25, 2, B)),
    ]
    write(connection, 1, notes)


# ---------------------------------------------------------------- usage


def test_usage_is_what_counts_now(connection: sqlite3.Connection) -> None:
    """Slots that are over count no more; others' use and leases of all processes do."""
    id_ = row_of(connection, MINUTE, NOW).id
    count(connection, id_, Slot(NOW - 61, NOW), 50.0)
    count(connection, id_, Slot(NOW - 30, NOW + 31), 5.0)
    count(connection, id_, Slot(NOW - 10, NOW + 51), 3.0, outside=2.0)
    lease(connection, id_, 1, 4.0)
    lease(connection, id_, 2, 6.0)

    [found] = readings.usage(connection, NOW)

    assert found == readings.Usage(
        meter=MINUTE.name,
        provider="groq",
        account="groq",
        model="",
        unit="requests",
        per="minute",
        used=8.0,
        outside=2.0,
        leased=10.0,
        limit=60.0,
        amount=60.0,
        teller="configured",
        source="configured",
        told_at=None,
        resets_at=NOW + 31,
    )


def test_a_meter_that_nobody_used_is_shown(connection: sqlite3.Connection) -> None:
    """With nothing used, and nothing that would reset; meters stand in the order of their names."""
    row_of(connection, MINUTE, NOW)
    row_of(connection, DAY, NOW)
    id_ = row_of(connection, CREDIT, NOW).id
    count(connection, id_, Slot(NOW, float("inf")), 1.5)

    found = [(each.model, each.unit, each.used, each.resets_at) for each in readings.usage(connection, NOW)]

    assert found == [
        ("", "requests", 0.0, None),
        ("", "usd", 1.5, None),
        ("llama", "tokens", 0.0, None),
    ]


def test_an_empty_slot_resets_nothing(connection: sqlite3.Connection) -> None:
    """What was given back leaves a slot in which nothing is used."""
    id_ = row_of(connection, MINUTE, NOW).id
    count(connection, id_, Slot(NOW, NOW + 61), 1.0)
    count(connection, id_, Slot(NOW, NOW + 61), -1.0)

    assert readings.usage(connection, NOW)[0].resets_at is None


@pytest.mark.parametrize(
    ("own", "told", "limit", "teller"),
    [(True, 50.0, 50.0, "header"), (True, 70.0, 60.0, "configured"), (False, 70.0, 70.0, "header")],
)
def test_the_limit_is_the_one_that_holds(
    connection: sqlite3.Connection, own: bool, told: float, limit: float, teller: str
) -> None:
    """As in counting: what a provider has told, but for a lower limit of the user's own."""
    meter = replace(MINUTE, own=own)
    tell(connection, row_of(connection, meter, NOW).id, told, "header", NOW)

    [found] = readings.usage(connection, NOW)

    assert (found.limit, found.teller, found.amount, found.told_at) == (limit, teller, 60.0, NOW)
    assert row_of(connection, meter, NOW)[1:] == (limit, teller)


# ---------------------------------------------------------------- sums, alerts


def test_days_are_told_from_a_day_on(connection: sqlite3.Connection) -> None:
    """The whole day of `since` belongs to it, for sums know no hours."""
    for name, at in (("r", NOW - 2 * 86400), ("s", NOW - 86400), ("t", NOW)):
        race(connection, name, at)

    found = readings.days(connection, NOW - 86400)

    assert [(day.day, day.provider, day.calls) for day in found] == [
        ("2027-01-14", "a", 1),
        ("2027-01-14", "b", 1),
        ("2027-01-15", "a", 1),
        ("2027-01-15", "b", 1),
    ]
    assert found[1] == readings.Day("2027-01-14", "b", "n", "b", 1, 1, 0, 0, 0, 10, 20, 10, 20, 0.5)


def taxed(
    connection: sqlite3.Connection,
    name: str,
    policy: str,
    tax: Tax,
    *,
    at: float = NOW,
    ending: Ending = Ending.WON,
) -> None:
    """A race that cost so much."""
    started = RaceStarted(name, policy, 4, 60.0, (A, B))
    write(
        connection,
        1,
        [(at, started), (at + 1, RaceEnded(name, ending, 1.0, 2, tax=tax, charged=tax.requests))],
    )


def test_races_are_summed_up_by_policy(connection: sqlite3.Connection) -> None:
    """From a day on, the whole of it; without a day all of them."""
    taxed(connection, "q", "all", Tax(3, 2, 90, 0.5, 1.5), at=NOW - 2 * 86400)
    taxed(connection, "r", "all", Tax(4, 3, 100, 0.25, 0.5), at=NOW - 86400)
    taxed(connection, "s", "all", Tax(2, 1, 10), ending=Ending.EXPIRED)
    taxed(connection, "t", "frugal", Tax(1))

    assert readings.taxed(connection, NOW - 86400) == (
        readings.Taxed("all", 2, 1, 6, 4, 110, 0.25, 0.5),
        readings.Taxed("frugal", 1, 1, 1, 0, 0, 0.0, 0.0),
    )
    assert readings.taxed(connection, None)[0] == readings.Taxed("all", 3, 2, 9, 6, 200, 0.75, 2.0)
    assert readings.taxed(connection, NOW + 86400) == ()


def test_what_the_last_races_have_spent(connection: sqlite3.Connection) -> None:
    """The oldest first, and no more of them than are asked for; who still runs has spent nothing yet."""
    taxed(connection, "r", "all", Tax(4, 3), at=NOW - 86400)
    taxed(connection, "s", "all", Tax(2, 1), ending=Ending.EXPIRED)
    taxed(connection, "t", "frugal", Tax(3, 2))

    assert readings.spent(connection) == [("all", True, 3), ("all", False, 1), ("frugal", True, 2)]
    assert readings.spent(connection, 2) == [("all", False, 1), ("frugal", True, 2)]


def test_alerts_are_told_with_their_meter(connection: sqlite3.Connection) -> None:
    """From an instant on, the oldest first."""
    id_ = row_of(connection, DAY, NOW).id
    alert = "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, 900, 1000, ?, ?)"
    connection.execute(alert, (id_, 2.0, "unforeseen", 1.0, NOW + 5, None, 3))
    connection.execute(alert, (id_, 1.0, "reached", 0.9, NOW, NOW + 60, 1))
    connection.execute(alert, (id_, 0.0, "reached", 0.9, NOW - 1, NOW, 1))

    first, second = readings.alerts(connection, NOW)

    of = (DAY.name, "groq", "groq", "llama", "tokens", "day")
    assert first == (*of, "reached", 0.9, NOW, 900.0, 1000.0, NOW + 60, 1)
    assert second == (*of, "unforeseen", 1.0, NOW + 5, 900.0, 1000.0, None, 3)


# ---------------------------------------------------------------- races


def test_a_race_is_told_with_every_lane(connection: sqlite3.Connection) -> None:
    """Those that ran, in the order of their start, and those that were left out."""
    race(connection, "19b3b879")

    story = readings.race(connection, "19b3b879")

    assert story is not None
    assert story.race[:10] == ("19b3b879", NOW, "one", 1, 60.0, ("a/m", "b/n"), "won", 1.25, 2, "b/n")
    assert story.race[10:] == ((), (), 0, 0, 0, 0.0, 0.0)
    assert story.skipped == SKIPPED
    first, second = story.attempts
    assert first == (
        *(0, NOW, "a/m", "a", "m", "a", 0.0, "failed", "rate 429: slow down", 429, 0.25),
        *(None, None, None, None, None),
        *(0.0, "first"),
    )
    assert second[:8] == (1, NOW + 0.25, "b/n", "b", "n", "b", 0.25, "won")
    assert second[8:] == (None, None, 1.0, 0.5, 10, 20, 1, 0.5, 0.0, "first")


def test_a_race_that_runs_and_left_nobody_out(connection: sqlite3.Connection) -> None:
    """It has no end yet."""
    write(connection, 1, [(NOW, RaceStarted("r", "all", 4, 60.0, (A,)))])

    story = readings.race(connection, None)

    assert story is not None
    assert (story.race.ending, story.race.winner, story.attempts, story.skipped) == (None, None, (), ())
    assert story.race[11:] == ((), None, None, None, None, None)


def test_who_was_kept_out_of_a_race(connection: sqlite3.Connection) -> None:
    """Each with its reason, in a race's story and among the last ones."""
    kept_out = (("a/m", "used up: 5 requests a day"), ("b/n", "rate: slow down"))
    ended = RaceEnded("r", Ending.EXHAUSTED, 0.5, 0, kept_out=kept_out)
    write(connection, 1, [(NOW, RaceStarted("r", "all", 4, 60.0, (A, B))), (NOW, ended)])

    story = readings.race(connection, "r")

    assert story is not None
    assert story.race.kept_out == readings.races(connection, 1)[0].kept_out == kept_out


def test_who_was_to_start_next_and_what_the_others_cost(connection: sqlite3.Connection) -> None:
    """As the end of the race has told it."""
    due = (Due("b/n", 1.84, 0.4, Why.LATE), Due("c/o", 2.5, 0.0, Why.BESIDE))
    ended = RaceEnded("r", Ending.WON, 1.5, 1, A, due=due, tax=Tax(3, 2, 412, 0.25, 1.3))
    write(connection, 1, [(NOW, RaceStarted("r", "frugal", 4, 60.0, (A, B))), (NOW, ended)])

    [race_] = readings.races(connection, 1)

    assert race_.due == (
        readings.Planned("b/n", 1.84, 0.4, "late"),
        readings.Planned("c/o", 2.5, 0.0, "beside"),
    )
    assert race_[12:] == (3, 2, 412, 0.25, 1.3)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, "ab34"),
        ("ab12", "ab12"),
        ("ab3", "ab34"),
        ("c", "cd"),
        ("cd", "cd"),
        ("ab", None),
        ("x", None),
        ("%", None),
        ("", None),
        ("\udcff", None),
    ],
)
def test_a_race_is_found_by_what_begins_no_other_id(
    connection: sqlite3.Connection, wanted: str | None, found: str | None
) -> None:
    """The beginning of its id will do; without any, it is the last one."""
    for place, name in enumerate(("ab12", "cd", "ab34")):
        race(connection, name, NOW + place)

    story = readings.race(connection, wanted)

    assert (story and story.race.id) == found


def test_an_id_that_begins_another_one_is_still_an_id(connection: sqlite3.Connection) -> None:
    """The whole id is never in doubt."""
    race(connection, "ab")
    race(connection, "abc")

    story = readings.race(connection, "ab")

    assert story is not None
    assert story.race.id == "ab"


def test_there_may_be_no_race(connection: sqlite3.Connection) -> None:
    """In a database that is new."""
    assert readings.race(connection, None) is None
    assert readings.races(connection, 10) == []
    assert readings.usage(connection, NOW) == []
    assert readings.learned(connection) == {}


def test_candidates_are_told(connection: sqlite3.Connection) -> None:
    """Where a beginning is that of several; not of thousands."""
    for number in range(12):
        race(connection, f"ab{number:02}")

    assert readings.race_ids(connection, "ab1") == ["ab10", "ab11"]
    assert len(readings.race_ids(connection, "")) == readings.MOST_CANDIDATES


def test_the_last_races_are_told_newest_first(connection: sqlite3.Connection) -> None:
    """As many as are asked for."""
    for place, name in enumerate(("r", "s", "t")):
        race(connection, name, NOW + place)

    assert [race.id for race in readings.races(connection, 2)] == ["t", "s"]
    assert readings.races(connection, 1)[0].lanes == ("a/m", "b/n")


# ---------------------------------------------------------------- a million attempts


@pytest.mark.parametrize(
    "statement",
    [readings.USAGE, readings.DAYS, readings.ALERTS, readings.LEARNED, readings.TAXED],
    ids=["usage", "days", "alerts", "learned", "taxed"],
)
def test_no_number_of_attempts_slows_these_down(connection: sqlite3.Connection, statement: str) -> None:
    """They do not look at attempts, nor at races."""
    values = [NOW] * statement.count("?")
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()

    assert not any(table in str(step) for step in plan for table in ("attempts", "races"))


@pytest.mark.parametrize("statement", [readings.RACE_OF, readings.LANES])
def test_a_race_is_found_by_an_index(connection: sqlite3.Connection, statement: str) -> None:
    """Its story takes as long in a database of a million attempts as in one of ten."""
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", ["r"] * statement.count("?")).fetchall()

    assert [str(step[-1]).split(" (")[0] for step in plan if "INDEX" not in str(step[-1])] == []


def test_the_last_races_are_the_last_rows(connection: sqlite3.Connection) -> None:
    """Nothing is sorted to find them."""
    plan = connection.execute(f"EXPLAIN QUERY PLAN {readings.LAST_RACES}", (5,)).fetchall()

    assert not any("B-TREE" in str(step[-1]) for step in plan)
