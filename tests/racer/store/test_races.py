"""Races become rows: each ends once and counts once; who was to start next, and what extra lanes cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.core.facts import RaceEnded, RaceStarted
from racer.core.heat import Ending
from racer.core.tax import Tax
from racer.core.view import Due, Why
from racer.store.figures import MOST
from racer.store.races import give_up, write
from racer.store.text import LONGEST_NAME
from tests.core.lanes import lane
from tests.racer.store.tables import NOW, database, rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

A, B = lane("a/m"), lane("b/n")
TAX = Tax(3, 2, 412, 0.25, 1.5)
WON = RaceEnded("r", Ending.WON, 2.0, 3, A, tax=TAX)
RACES = "id, ending, latency, due, sent, extra_requests, extra_tokens, extra_usd, saved FROM races"
TAXES = "* FROM taxes ORDER BY day, policy"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = database()
    yield connection
    connection.close()


def end(connection: sqlite3.Connection, results: Iterable[RaceEnded]) -> None:
    """Told by process 7, in a batch of their own."""
    write(connection, 7, (), results)


def began(connection: sqlite3.Connection, *races: str, policy: str = "all", at: float = NOW) -> None:
    """In process 7."""
    write(connection, 7, [(at, RaceStarted(race, policy, 4, 60.0, (A, B))) for race in races], ())


def test_the_tax_of_a_race_is_in_its_row(connection: sqlite3.Connection) -> None:
    """Nothing while it runs; zeros where there was no extra lane."""
    began(connection, "r", "s", "t")
    end(connection, [WON, RaceEnded("s", Ending.WON, 1.0, 1, A)])

    assert rows(connection, f"{RACES} ORDER BY id") == (
        "r won 2 None 3 2 412 0.25 1.5\ns won 1 None 0 0 0 0 0\nt None None None None None None None None"
    )


def test_who_was_to_start_next_is_written_with_the_end(connection: sqlite3.Connection) -> None:
    """As a list in JSON: the lane, when, at what price, and why."""
    began(connection, "r")
    due = (Due("b/n", 1.84, 0.4, Why.LATE), Due("c/o", 2.0, 0.0, Why.BESIDE))
    end(connection, [replace(WON, due=due)])

    assert rows(connection, "due FROM races") == '[["b/n",1.84,0.4,"late"],["c/o",2.0,0.0,"beside"]]'


def test_races_are_summed_up_by_the_day_on_which_they_began(connection: sqlite3.Connection) -> None:
    """And by policy; those that nobody won are races, and no answers."""
    began(connection, "r", "s")
    began(connection, "t", policy="frugal")
    began(connection, "u", at=NOW + 86400)
    end(connection, [WON, replace(WON, race="s", ending=Ending.EXPIRED), replace(WON, race="t")])
    end(connection, [replace(WON, race="u", tax=Tax(1))])

    assert rows(connection, TAXES) == (
        "2027-01-15 all 2 1 6 4 824 0.5 3\n"
        "2027-01-15 frugal 1 1 3 2 412 0.25 1.5\n"
        "2027-01-16 all 1 1 1 0 0 0 0"
    )


def test_what_is_told_twice_counts_once(connection: sqlite3.Connection) -> None:
    """A batch that may not have been heard is told again, with what has come meanwhile."""
    for _ in range(2):
        began(connection, "r")
        end(connection, [WON, replace(WON, ending=Ending.EXPIRED)])

    assert rows(connection, TAXES) == "2027-01-15 all 1 1 3 2 412 0.25 1.5"
    assert rows(connection, "ending FROM races") == "won"


def test_a_race_that_is_whole_in_its_batch_counts_once(connection: sqlite3.Connection) -> None:
    """Its row is that of a race which came in two pieces; told again, with another end, it stays as it is."""
    start = RaceStarted("r", "all", 4, 60.0, (A, B), (("c/m", "excluded"),))
    write(connection, 7, [(NOW, start), (NOW + 9, start)], [WON, replace(WON, ending=Ending.EXPIRED)])
    whole = rows(connection, "* FROM races"), rows(connection, TAXES)

    write(connection, 7, [(NOW + 9, start)], [replace(WON, ending=Ending.EXPIRED)])
    assert (rows(connection, "* FROM races"), rows(connection, TAXES)) == whole

    other = database()
    write(other, 7, [(NOW, start)], ())
    end(other, [WON])
    assert (rows(other, "* FROM races"), rows(other, TAXES)) == whole
    other.close()


def test_rows_lie_in_the_order_in_which_races_began(connection: sqlite3.Connection) -> None:
    """Whether they are over or not, and however many there are: what is old is found by it."""
    names = [f"r{number:04}" for number in range(1500)]
    begun = [(NOW, RaceStarted(name, "all", 4, 60.0, (A, B))) for name in names]
    write(connection, 7, begun, [replace(WON, race=name) for name in names if not name.endswith("7")])
    write(connection, 7, (), [replace(WON, race=name) for name in names])

    assert rows(connection, "id FROM races ORDER BY rowid") == "\n".join(names)
    assert rows(connection, "races, answers, sent FROM taxes") == "1500 1500 4500"


def test_a_late_end_may_come_with_its_beginning(connection: sqlite3.Connection) -> None:
    """A batch of which nobody knew whether it was heard comes again after the burial."""
    start = RaceStarted("r", "all", 4, 60.0, (A, B))
    write(connection, 7, [(NOW, start)], ())
    give_up(connection, 7)
    write(connection, 8, [(NOW, start)], [WON])

    assert rows(connection, "owner, ending, latency FROM races") == "7 won 2"
    assert rows(connection, TAXES) == "2027-01-15 all 1 1 3 2 412 0.25 1.5"


def test_a_race_that_nobody_saw_begin_counts_nowhere(connection: sqlite3.Connection) -> None:
    """Its beginning was given up while the disk was full, or its row has gone by its age."""
    end(connection, [WON])

    assert rows(connection, "COUNT(*) FROM races") == rows(connection, "COUNT(*) FROM taxes") == "0"


def test_a_race_that_was_given_up_is_a_race_without_tax(connection: sqlite3.Connection) -> None:
    """What had ended stays as it is, and so does what runs elsewhere."""
    began(connection, "r", "s")
    began(connection, "t", policy="one")
    write(connection, 8, [(NOW, RaceStarted("u", "all", 4, 60.0, (A, B)))], ())
    end(connection, [WON])

    give_up(connection, 7)
    give_up(connection, 7)

    assert rows(connection, "id, ending, latency, sent FROM races ORDER BY id") == (
        "r won 2 3\ns aborted None None\nt aborted None None\nu None None None"
    )
    assert rows(connection, TAXES) == ("2027-01-15 all 2 1 3 2 412 0.25 1.5\n2027-01-15 one 1 0 0 0 0 0 0")


def test_a_late_end_adds_what_is_missing(connection: sqlite3.Connection) -> None:
    """The race counts already, on the day that has it; its answer and its tax do not."""
    began(connection, "r")
    give_up(connection, 7)

    end(connection, [WON])
    end(connection, [replace(WON, tax=Tax(9, 9, 9, 9.0, 9.0))])
    give_up(connection, 7)

    assert rows(connection, f"{RACES}") == "r won 2 None 3 2 412 0.25 1.5"
    assert rows(connection, TAXES) == "2027-01-15 all 1 1 3 2 412 0.25 1.5"


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -1.0])
def test_no_number_breaks_a_row_or_a_sum(connection: sqlite3.Connection, odd: float) -> None:
    """A dialect or a policy of anybody's may count as it likes; a name may be long."""
    began(connection, "r")
    due = (Due("x" * 10_000, odd, odd, Why.LATE),)
    end(connection, [replace(WON, due=due, tax=Tax(-1, 10**30, -1, odd, odd))])

    assert rows(connection, "sent, extra_requests, extra_tokens, extra_usd, saved FROM taxes") == (
        f"0 {MOST} 0 0 0"
    )
    assert rows(connection, "due FROM races") == f'[["{"x" * LONGEST_NAME}",0.0,0.0,"late"]]'


def test_the_running_ones_are_found_by_an_index(connection: sqlite3.Connection) -> None:
    """However many races there were, a burial looks at those without an end alone."""
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT policy FROM races WHERE owner = 7 AND ending IS NULL"
    ).fetchall()

    assert "races_running" in str(plan)
