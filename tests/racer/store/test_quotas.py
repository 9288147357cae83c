"""Exchanges, one rule at a time. test_quotas_shared.py lets several processes do anything in any order."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import TYPE_CHECKING

import pytest

from racer.core.quota import Alert, Report, Spend, Standing, Truth, Wish
from racer.core.span import Once, Rolling, slot_at
from racer.store.census import enrol
from racer.store.quotas import HOUR
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

MIDNIGHT = NOW + 16 * HOUR


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = database()
    yield connection
    connection.close()


@pytest.fixture
def one(connection: sqlite3.Connection) -> int:
    return enrol(connection, pid=1, boot="b", now=NOW)


@pytest.fixture
def two(connection: sqlite3.Connection) -> int:
    return enrol(connection, pid=2, boot="b", now=NOW)


def spend(meter: Meter, used: float, lease: float | None = None, *, now: float = NOW) -> Report:
    assert meter.span is not None
    return Report((Spend(meter, slot_at(meter.span, now), used, used if lease is None else lease),))


def standing(connection: sqlite3.Connection, owner: int, meter: Meter, now: float = NOW) -> Standing:
    return tell(connection, owner, Report(watched=(meter,)), now).standings[meter.name]


# ---------------------------------------------------------------- leases and slots


def test_what_is_spent_goes_from_the_lease_to_its_slot(connection: sqlite3.Connection, one: int) -> None:
    """The sum of both stays what it was."""
    leased(connection, one, MINUTE, 10)
    tell(connection, one, spend(MINUTE, 4))
    tell(connection, one, spend(MINUTE, 3, now=NOW + 1), NOW + 1)

    assert slots(connection) == "groq requests/minute 0 61 4 0\ngroq requests/minute 1 62 3 0"
    assert leases(connection) == "groq requests/minute 1 3"


def test_a_call_that_used_less_gives_its_slot_something_back(
    connection: sqlite3.Connection, one: int
) -> None:
    """A negative use is taken off, never below nothing; the lease is not touched by it."""
    leased(connection, one, DAY, 500, size=500)
    tell(connection, one, spend(DAY, 500))
    assert standing(connection, one, DAY).left == 500

    tell(connection, one, spend(DAY, -300, 0))
    assert standing(connection, one, DAY).left == 800

    tell(connection, one, spend(DAY, -300, 0))
    assert slots(connection) == "groq/llama tokens/day -28800 57600 0 0"


def test_a_call_that_used_more_than_all_its_lease_owes_nothing(
    connection: sqlite3.Connection, one: int
) -> None:
    """All of it counts; the lease ends at nothing, and so does what is left of the limit."""
    leased(connection, one, DAY, 900, size=900)
    tell(connection, one, spend(DAY, 1200, 1200))

    assert leases(connection) == ""
    assert standing(connection, one, DAY) == Standing(1000.0, 1200.0, 0.0, MIDNIGHT)
    assert standing(connection, one, DAY).left == 0


def test_what_is_given_back_is_there_for_others(connection: sqlite3.Connection, one: int, two: int) -> None:
    """In the same exchange already: gives back come before wishes."""
    assert leased(connection, one, MINUTE, 60) == 60
    assert leased(connection, two, MINUTE, 1) == 0

    report = Report(back=((MINUTE, 20.0),), wishes=(Wish(MINUTE, 5, 1),))
    assert tell(connection, one, report).granted == {MINUTE.name: 5.0}

    assert leased(connection, two, MINUTE, 60) == 15
    assert leases(connection) == "groq requests/minute 1 45\ngroq requests/minute 2 15"


def test_wishes_are_granted_in_turn_out_of_what_is_left(connection: sqlite3.Connection, one: int) -> None:
    """Two wishes for one meter see each other; every meter has its own answer, 0 where it is none."""
    report = Report(
        wishes=(Wish(MINUTE, 40, 1), Wish(MINUTE, 40, 1), Wish(DAY, 2000, 600), Wish(CREDIT, 6, 6))
    )

    assert tell(connection, one, report).granted == {MINUTE.name: 60.0, DAY.name: 800.0, CREDIT.name: 0.0}


def test_ahead_of_use_there_is_a_share_for_each_living_process(
    connection: sqlite3.Connection, one: int, two: int
) -> None:
    """A quarter of a half, and of what is left then again."""
    report = Report(wishes=(Wish(MINUTE, 0, 1, ahead=60),))

    assert tell(connection, one, report).granted == {MINUTE.name: 7.0}
    assert tell(connection, two, report).granted == {MINUTE.name: 6.0}


def test_a_slot_counts_until_its_end(connection: sqlite3.Connection, one: int) -> None:
    """Then there is room again: a sixtieth of the window late at most."""
    leased(connection, one, MINUTE, 60)
    tell(connection, one, spend(MINUTE, 60))

    assert leased(connection, one, MINUTE, 1, NOW + 60.9) == 0
    assert leased(connection, one, MINUTE, 60, NOW + 61) == 60


def test_calls_in_flight_have_leases_alone(connection: sqlite3.Connection, one: int, two: int) -> None:
    """They are leased when they start and come back when they end: nothing is ever used up."""
    assert leased(connection, one, FLIGHT, 3) == 3
    assert leased(connection, two, FLIGHT, 3) == 1
    assert standing(connection, one, FLIGHT) == Standing(4.0, 0.0, 4.0, None, 2)

    tell(connection, one, Report(back=((FLIGHT, 2.0),)))
    assert leased(connection, two, FLIGHT, 3) == 2
    assert slots(connection) == ""


@pytest.mark.parametrize("need", [0.0, 1.0])
def test_what_has_expired_is_not_to_be_had(connection: sqlite3.Connection, one: int, need: float) -> None:
    """Whatever is left of it, and for good."""
    credit = replace(CREDIT, span=Once(NOW + 10))
    assert leased(connection, one, credit, 1, NOW + 9) == 1

    tidings = tell(connection, one, Report(wishes=(Wish(credit, need, 1, ahead=1),)), NOW + 10)
    assert tidings.granted == {credit.name: 0.0}
    assert tidings.standings[credit.name].left == 0
    assert tidings.standings[credit.name].opens_at is None
    assert tidings.alerts == ()


def test_a_limit_edited_below_what_is_used_leaves_nothing(connection: sqlite3.Connection, one: int) -> None:
    """Nothing negative anywhere, and room only when enough of it has ended."""
    for now in (NOW, NOW + 20):
        leased(connection, one, MINUTE, 30, now)
        tell(connection, one, spend(MINUTE, 30, now=now), now)
    edited = replace(MINUTE, amount=30.0)

    assert standing(connection, one, edited, NOW + 30) == Standing(30.0, 60.0, 0.0, NOW + 81)
    assert leased(connection, one, edited, 1, NOW + 30) == 0
    assert leased(connection, one, edited, 1, NOW + 62) == 0
    assert leased(connection, one, edited, 1, NOW + 81) == 1


def test_every_meter_that_is_mentioned_is_told_of(connection: sqlite3.Connection, one: int) -> None:
    """Watched, wished for, spent of, given back or told of by a provider."""
    others = [replace(MINUTE, name=name) for name in ("spent", "back", "wished", "told", "watched")]
    spent, back, wished, told, watched = others
    report = replace(
        spend(spent, 1),
        back=((back, 1.0),),
        wishes=(Wish(wished, 1, 1),),
        truths=(Truth(told, "header", used=2.0),),
        watched=(watched,),
    )

    found = tell(connection, one, report).standings

    assert {name: (each.used, each.leased) for name, each in found.items()} == {
        "spent": (1, 0), "back": (0, 0), "wished": (0, 1), "told": (2, 0), "watched": (0, 0),
    }  # fmt: skip


# ---------------------------------------------------------------- when there is room again


def test_room_comes_back_with_the_first_slot_that_ends(connection: sqlite3.Connection, one: int) -> None:
    """Nothing used: nothing to come back. For a call that waits: when enough of it has ended."""
    for used in (3, -3):
        tell(connection, one, spend(MINUTE, used, 0, now=NOW - 9))
    assert standing(connection, one, MINUTE).opens_at is None
    for now, used in ((NOW, 10), (NOW + 5, 45)):
        leased(connection, one, MINUTE, used, now)
        tell(connection, one, spend(MINUTE, used, now=now), now)

    assert standing(connection, one, MINUTE, NOW + 6).opens_at == NOW + 61
    for size, opens in ((5, NOW + 61), (15, NOW + 61), (16, NOW + 66), (60, NOW + 66), (61, None)):
        wish = Report(wishes=(Wish(MINUTE, size, size),))
        tidings = tell(connection, one, wish, NOW + 6)
        assert tidings.standings[MINUTE.name].opens_at == opens
        tell(connection, one, Report(back=((MINUTE, 60.0),)), NOW + 6)


def test_what_is_leased_may_be_spent_at_this_very_moment(
    connection: sqlite3.Connection, one: int, two: int
) -> None:
    """So it is free again when what is used now is."""
    leased(connection, one, DAY, 900, size=900)
    leased(connection, one, CREDIT, 5, size=5)

    report = Report(wishes=(Wish(DAY, 200, 200), Wish(CREDIT, 1, 1)))
    found = tell(connection, two, report).standings
    assert found[DAY.name] == Standing(1000.0, 0.0, 900.0, MIDNIGHT, 2)
    assert found[CREDIT.name] == Standing(5.0, 0.0, 5.0, None, 2)


# ---------------------------------------------------------------- what providers say


def test_what_others_have_used_counts_beside_ours(connection: sqlite3.Connection, one: int) -> None:
    """The difference to all that we have counted, leases included, until the instant that is named."""
    leased(connection, one, MINUTE, 10)
    tell(connection, one, spend(MINUTE, 6))

    tell(connection, one, Report(truths=(Truth(MINUTE, "header", used=25.0, until=NOW + 30),)))
    tell(connection, one, Report(truths=(Truth(MINUTE, "header", used=25.0, until=NOW + 30),)))

    assert slots(connection) == "groq requests/minute 0 30 0 15\ngroq requests/minute 0 61 6 0"
    assert standing(connection, one, MINUTE).used == 21
    assert standing(connection, one, MINUTE, NOW + 30).used == 6


@pytest.mark.parametrize("used", [0.0, 9.0, 10.0, inf, nan])
def test_no_provider_makes_a_count_smaller(connection: sqlite3.Connection, one: int, used: float) -> None:
    """What it may not have counted yet is used all the same. What is no number says nothing."""
    leased(connection, one, MINUTE, 10)
    tell(connection, one, spend(MINUTE, 6))
    before = slots(connection), leases(connection)

    tell(connection, one, Report(truths=(Truth(MINUTE, "header", used=used),)))

    assert (slots(connection), leases(connection)) == before


@pytest.mark.parametrize(
    ("until", "text"),
    [
        (NOW + 30, "0 30 0 60"),
        (NOW + 9999, "0 61 0 60"),
        (inf, "0 61 0 60"),
        (NOW, ""),
        (NOW - 5, ""),
        (nan, ""),
        (None, ""),
    ],
)
def test_after_a_refusal_nothing_is_left_until_it_ends(
    connection: sqlite3.Connection, one: int, until: float | None, text: str
) -> None:
    """Within the window at the longest; a refusal that is over already, or names no end, closes nothing."""
    tell(connection, one, Report(truths=(Truth(MINUTE, "error", until=until),)))

    assert slots(connection) == (f"groq requests/minute {text}" if text else "")
    assert leased(connection, one, MINUTE, 1) == (0 if text else 1)


def test_a_refusal_closes_what_others_give_back_as_well(
    connection: sqlite3.Connection, one: int, two: int
) -> None:
    """A lease that comes back after it makes no room before its end."""
    leased(connection, one, DAY, 400, size=400)
    tell(connection, two, Report(truths=(Truth(DAY, "error", until=NOW + 99),)))
    tell(connection, one, Report(back=((DAY, 400.0),)))

    assert leased(connection, two, DAY, 1, NOW + 98) == 0
    assert leased(connection, two, DAY, 1, NOW + 99) == 1


def test_a_refusal_that_names_a_limit_is_both(connection: sqlite3.Connection, one: int) -> None:
    """The limit is kept, and all of it used."""
    found = tell(connection, one, Report(truths=(Truth(MINUTE, "error", limit=20.0, until=NOW + 9),)))

    assert found.standings[MINUTE.name] == Standing(20.0, 20.0, 0.0, NOW + 9, teller="error")


@pytest.mark.parametrize(
    ("own", "told", "limit", "teller"),
    [(True, 40.0, 40, "header"), (True, 90.0, 60, "configured"), (False, 90.0, 90, "header")],
)
def test_a_limit_that_is_told_holds_from_then_on(
    connection: sqlite3.Connection, one: int, own: bool, told: float, limit: float, teller: str
) -> None:
    """For every process, and in the same exchange already."""
    meter = replace(MINUTE, own=own)
    report = Report(truths=(Truth(meter, "header", limit=told),), wishes=(Wish(meter, 100, 1),))

    assert tell(connection, one, report).granted == {meter.name: limit}
    found = standing(connection, one, meter)
    assert (found.limit, found.leased, found.teller) == (limit, limit, teller)
    assert rows(connection, f"told, teller, told_at - {NOW} FROM meters") == f"{told:g} header 0"


@pytest.mark.parametrize("limit", [-1.0, inf, nan])
def test_a_limit_that_is_none_is_not_believed(connection: sqlite3.Connection, one: int, limit: float) -> None:
    """Below 0, endless, not a number."""
    tell(connection, one, Report(truths=(Truth(MINUTE, "header", limit=limit),)))

    assert standing(connection, one, MINUTE).limit == 60


def test_calls_in_flight_are_never_used_up_by_a_refusal(connection: sqlite3.Connection, one: int) -> None:
    """There is no window that they would count in. A limit is believed of them as of all."""
    truths = (Truth(FLIGHT, "error", until=NOW + 60), Truth(FLIGHT, "header", used=9.0, limit=2.0))
    tell(connection, one, Report(truths=truths))

    assert slots(connection) == ""
    assert leased(connection, one, FLIGHT, 9) == 2


# ---------------------------------------------------------------- alerts


def alerted(alerts: tuple[Alert, ...]) -> list[tuple[str, float, float | None]]:
    return [(alert.kind, alert.level, alert.resets_at) for alert in alerts]


def test_each_level_is_told_once_in_a_window(connection: sqlite3.Connection, one: int, two: int) -> None:
    """By the process that sees it first; the last level is all of the limit; the next day it begins anew."""
    told = [
        alerted(tell(connection, owner, spend(DAY, used, 0, now=now), now).alerts)
        for owner, used, now in (
            (one, 700, NOW), (one, 60, NOW), (two, 0, NOW), (two, 240, NOW), (one, 10, NOW),
            (two, 800, MIDNIGHT),
        )
    ]  # fmt: skip

    def reached(level: float, resets_at: float = MIDNIGHT) -> tuple[str, float, float]:
        return "reached", level, resets_at

    assert told == [
        [],
        [reached(0.75)],
        [],
        [reached(0.9), reached(1.0)],
        [],
        [reached(0.75, MIDNIGHT + 24 * HOUR)],
    ]
    assert rows(
        connection, f'kind, level, at - {NOW}, used, "limit", times FROM alerts ORDER BY at, level'
    ) == (
        "reached 0.75 0 760 1000 1\n"
        "reached 0.9 0 1000 1000 1\n"
        "reached 1 0 1000 1000 1\n"
        "reached 0.75 57600 800 1000 1"
    )


@pytest.mark.parametrize(
    ("meter", "later", "again"),
    [
        (MINUTE, 59.0, []),
        (
            MINUTE,
            60.0,
            [("reached", 0.75, NOW + 121), ("reached", 0.9, NOW + 121), ("reached", 1.0, NOW + 121)],
        ),
        (CREDIT, 1e8, []),
        (replace(CREDIT, span=Once(NOW + 60)), 59.0, []),
    ],
)
def test_where_any_stretch_is_a_window_alerts_come_once_in_each_of_a_row(
    connection: sqlite3.Connection, one: int, meter: Meter, later: float, again: list[object]
) -> None:
    """A minute's alerts once a minute, however its slots overlap; what is had but once has them once."""
    first = tell(connection, one, spend(meter, meter.amount, 0)).alerts
    assert [alert.level for alert in first] == [0.75, 0.9, 1.0]
    assert alerted(tell(connection, one, Report(watched=(meter,)), NOW + later).alerts) == again


def test_leases_alone_raise_no_alert(connection: sqlite3.Connection, one: int) -> None:
    """They may come back. What others have used counts, for an alert as for the limit."""
    leased(connection, one, DAY, 1000, size=1000)
    assert tell(connection, one, Report(watched=(DAY,))).alerts == ()

    tell(connection, one, Report(back=((DAY, 1000.0),)))
    found = tell(connection, one, Report(truths=(Truth(DAY, "header", used=800.0),))).alerts
    assert found == (Alert(DAY.name, "reached", 0.75, 800.0, 1000.0, MIDNIGHT),)


@pytest.mark.parametrize(
    ("seconds", "told"), [(1.0, []), (59.0, []), (60.0, [True, True]), (HOUR, [False, False])]
)
def test_short_windows_are_used_up_all_day_long(
    connection: sqlite3.Connection, one: int, seconds: float, told: list[bool]
) -> None:
    """Those of less than a minute raise no alert, and an alert of less than an hour is marked as brief."""
    meter = replace(MINUTE, name="m", amount=10.0, span=Rolling(seconds))
    leased(connection, one, meter, 8)

    alerts = tell(connection, one, spend(meter, 8)).alerts
    more = tell(connection, one, spend(meter, 2, 0)).alerts

    assert [alert.brief for alert in (*alerts, *more[:1])] == told


def test_a_refusal_that_nobody_foresaw_is_told_each_time_and_kept_once(
    connection: sqlite3.Connection, one: int
) -> None:
    """With what we had counted before; one row a window tells how often."""
    leased(connection, one, DAY, 100, size=100)
    tell(connection, one, spend(DAY, 100))
    refusal = Report(truths=(Truth(DAY, "error", until=NOW + 60, foreseen=False),))

    unforeseen = Alert(DAY.name, "unforeseen", 1.0, 100.0, 1000.0, NOW + 60)
    assert tell(connection, one, refusal).alerts[0] == unforeseen
    later = Report(truths=(Truth(DAY, "error", foreseen=False),))
    assert tell(connection, one, later, NOW + 70).alerts == (replace(unforeseen, resets_at=MIDNIGHT),)

    kept = f"level, at - {NOW}, used, resets_at - {NOW}, times FROM alerts WHERE kind = 'unforeseen'"
    assert rows(connection, kept) == "1 70 100 57600 2"


def test_a_refusal_of_calls_in_flight_is_kept_by_the_day(connection: sqlite3.Connection, one: int) -> None:
    """They have no window of their own, and nobody knows when they are open again."""
    refusal = Report(truths=(Truth(FLIGHT, "error", foreseen=False),))
    for now in (NOW, NOW + 60, MIDNIGHT):
        alerts = tell(connection, one, refusal, now).alerts
        assert alerted(alerts) == [("unforeseen", 1.0, None)]

    assert rows(connection, f"slot - {NOW}, times FROM alerts ORDER BY slot") == "-28800 2\n57600 1"


# ---------------------------------------------------------------- old slots


@pytest.mark.parametrize(
    ("meter", "day", "gone"),
    [
        (MINUTE, 2 * HOUR + 240, True),
        (MINUTE, 2 * HOUR, False),
        (DAY, 96 * HOUR, True),
        (DAY, 72 * HOUR, False),
    ],
)
def test_old_slots_go_in_the_end(
    connection: sqlite3.Connection, one: int, meter: Meter, day: float, gone: bool
) -> None:
    """Not before a clock that is set back could need them again: hours for a minute's, days for a day's."""
    tell(connection, one, spend(meter, 5))
    tell(connection, one, spend(meter, 7, now=NOW + day + 2), NOW + day + 2)

    assert len(slots(connection).splitlines()) == (1 if gone else 2)


def test_old_slots_are_not_even_looked_at(connection: sqlite3.Connection, one: int) -> None:
    """One long stretch's slots are found by their start: what is long over costs nothing."""
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT SUM(used) FROM slots WHERE meter = ? AND start >= ? AND until > ?",
        (1, 0, 0),
    )
    assert [row[3] for row in plan] == ["SEARCH slots USING PRIMARY KEY (meter=? AND start>?)"]

    short = replace(MINUTE, name="short", span=Rolling(1.0))
    for step in range(200):
        now = NOW + step * 0.37
        tell(connection, one, spend(short, 1, now=now), now)
        live = [step_ for step_ in range(step + 1) if slot_at(Rolling(1.0), NOW + step_ * 0.37).until > now]
        assert standing(connection, one, short, now).used == len(live)


def test_what_was_spent_before_the_clock_was_set_back(connection: sqlite3.Connection, one: int) -> None:
    """It counts in today's window, not in that of the day that the clock had said."""
    tell(connection, one, spend(MINUTE, 3, now=NOW + 9 * 86_400))

    assert slots(connection) == "groq requests/minute 0 61 3 0"
