"""Old rows go, a bite at a time; sums stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racer.core.facts import LaneEnded, LaneStarted, RaceEnded, RaceStarted
from racer.core.heat import Ending, Outcome
from racer.core.reply import Attempt
from racer.core.tax import Tax
from racer.store.meters import row_of
from racer.store.records import write
from racer.store.retention import ALERTS_KEPT, BITE, MOST_ATTEMPTS, RACES_KEPT, prune
from tests.core.lanes import lane
from tests.racer.store.tables import MINUTE, NOW, database, rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

A = lane("a/m")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = database()
    yield connection
    connection.close()


def race(
    connection: sqlite3.Connection, name: str, age: float, *, why: str = "excluded", lanes: int = 1
) -> None:
    """A race that began `age` seconds before NOW, with `lanes` attempts."""
    at = NOW - age
    write(connection, 1, [(at, RaceStarted(name, "all", 4, 60.0, (A,), (("b/m", why),)))])
    for number in range(lanes):
        record = Attempt("a/m", "a", "m", 0.0, 0.0, Outcome.WON)
        start, end = LaneStarted(name, number, A, 0.0), LaneEnded(name, number, A, record)
        write(connection, 1, [(at, start), (at, end)])


def left(connection: sqlite3.Connection) -> tuple[str, str]:
    """Races and attempts that are still there."""
    return (
        rows(connection, "group_concat(id, ' ') FROM (SELECT id FROM races ORDER BY id)"),
        rows(connection, "group_concat(race, ' ') FROM (SELECT race FROM attempts ORDER BY race)"),
    )


def test_races_and_attempts_are_kept_for_thirty_days(connection: sqlite3.Connection) -> None:
    """One that is a second younger stays."""
    race(connection, "old", RACES_KEPT)
    race(connection, "young", RACES_KEPT - 1)
    race(connection, "now", 0)

    assert not prune(connection, NOW)

    assert left(connection) == ("now young", "now young")


def test_sums_and_lessons_stay(connection: sqlite3.Connection) -> None:
    """What was used in a year can be told for good."""
    race(connection, "old", 365 * 86400.0, lanes=3)
    write(connection, 1, [(NOW, RaceEnded("old", Ending.WON, 1.0, 3, A, tax=Tax(3, 2)))])

    prune(connection, NOW)

    assert left(connection) == ("None", "None")
    assert rows(connection, "day, calls FROM days") == "2026-01-15 3"
    assert rows(connection, "day, races, sent, extra_requests FROM taxes") == "2026-01-15 1 3 2"
    assert rows(connection, "n FROM learned") == "3"


def test_the_newest_attempts_are_kept(connection: sqlite3.Connection) -> None:
    """Beyond so many, however young, the oldest go, and the races before them too."""
    for name, age in (("a", 40), ("b", 30), ("c", 20), ("d", 10)):
        race(connection, name, age, lanes=2)

    assert not prune(connection, NOW, most=4)

    assert left(connection) == ("c d", "c c d d")


def test_at_the_limit_nothing_goes(connection: sqlite3.Connection) -> None:
    """As many as may be kept are kept; of an empty database, too."""
    assert not prune(connection, NOW, most=2)
    race(connection, "a", 20, lanes=2)

    assert not prune(connection, NOW, most=2)

    assert left(connection) == ("a", "a a")


def test_little_goes_at_once(connection: sqlite3.Connection) -> None:
    """So that nobody waits long for the database; whether there may be more is said."""
    for number in range(5):
        race(connection, f"{number}", RACES_KEPT + 5 - number)
    seen: list[str] = []

    while prune(connection, NOW, bite=2):
        seen.append(left(connection)[1])

    assert seen == ["2 3 4", "4"]
    assert left(connection) == ("None", "None")


def test_a_list_of_skipped_lanes_stays_as_long_as_a_race_needs_it(connection: sqlite3.Connection) -> None:
    """Shared ones go with the last race; a race that skipped nobody has none."""
    race(connection, "old", RACES_KEPT, why="one")
    race(connection, "older", RACES_KEPT + 1, why="two")
    write(connection, 1, [(NOW - RACES_KEPT, RaceStarted("plain", "all", 4, 60.0, (A,)))])
    race(connection, "now", 0, why="two")

    prune(connection, NOW)

    assert left(connection)[0] == "now"
    assert rows(connection, "lanes FROM skips") == '[["b/m","two"]]'


def test_alerts_are_kept_for_ninety_days(connection: sqlite3.Connection) -> None:
    """They go in bites as well."""
    meter = row_of(connection, MINUTE, NOW).id
    alert = "INSERT INTO alerts VALUES (?, ?, 'reached', 0.9, ?, 54, 60, NULL, 1)"
    for age in (0.0, ALERTS_KEPT - 1, ALERTS_KEPT, ALERTS_KEPT + 1, ALERTS_KEPT + 2):
        connection.execute(alert, (meter, NOW - age, NOW - age))

    assert prune(connection, NOW, bite=2)
    assert (
        rows(connection, f"{NOW} - at FROM alerts ORDER BY at")
        == f"{ALERTS_KEPT:.6g}\n{ALERTS_KEPT - 1:.6g}\n0"
    )
    assert not prune(connection, NOW, bite=2)
    assert rows(connection, "COUNT(*) FROM alerts") == "2"


def test_what_the_documents_say() -> None:
    """docs/database.md names these numbers."""
    assert (RACES_KEPT, ALERTS_KEPT, MOST_ATTEMPTS) == (30 * 86400, 90 * 86400, 1_000_000)
    assert BITE <= 10_000
