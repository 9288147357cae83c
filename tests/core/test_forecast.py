"""Forecasts: the rate that days with use give, how long an account bears it, and how long all of them do."""

from __future__ import annotations

from datetime import UTC
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.forecast import Demand, Pace, Supply, Vessel, at_rate, pace_of, runway, together
from racer.core.span import DAY, Calendar, Once, Rolling

NOON = 1_800_014_400.0  # of a day in UTC
HOUR = 3600.0
DAILY = Calendar("day", 0, 0, UTC)
ROLLING = Rolling(DAY)
# 240 calls, 240,000 tokens, 24 USD a day: ten calls an hour.
DEMAND = Demand(240, 180_000, 60_000, 24.0, 48.0)


NO_TOKENS = Demand(3, 0, 0)


def vessel(limit: float, left: float | None = None, *, unit: str = "requests", **more: object) -> Vessel:
    """All of it is left unless something else is said; a day of the calendar."""
    usual = {"model": "", "span": DAILY, **more}
    return Vessel(unit=unit, limit=limit, left=limit if left is None else left, **usual)  # type: ignore[arg-type]


def supply(*vessels: Vessel, models: tuple[str, ...] = ("m",)) -> Supply:
    return Supply("a", vessels, models)


# ---------------------------------------------------------------- demand


UNITS = {
    "requests": 240,
    "tokens": 240_000,
    "input_tokens": 180_000,
    "output_tokens": 60_000,
    "usd": 24,
    "neurons": 48,
}


@pytest.mark.parametrize(("unit", "amount"), UNITS.items())
def test_demand_has_every_unit(unit: str, amount: float) -> None:
    """As limits have them."""
    assert DEMAND.of(unit) == amount


def test_demand_is_priced() -> None:
    """In dollars for a million tokens; neurons follow from dollars, or without a price from calls."""
    demand = Demand(2, 1_000_000, 500_000)

    assert demand.priced((1.0, 4.0)) == Demand(2, 1_000_000, 500_000, 3.0, 3.0 / 0.000011)
    assert demand.priced(None) == Demand(2, 1_000_000, 500_000, 0.0, 200.0)


def test_demand_adds_up() -> None:
    """Field by field."""
    assert Demand(1, 2, 3, 4, 5).plus(Demand(1, 1, 1, 1, 1)) == Demand(2, 3, 4, 5, 6)
    assert Demand(1, 2, 3, 4, 5).times(2) == Demand(2, 4, 6, 8, 10)


# ---------------------------------------------------------------- pace


def days(*calls: int) -> dict[str, Demand]:
    """From the first of a month on."""
    return {f"2026-11-{number:02}": Demand(count, count, 0) for number, count in enumerate(calls, start=1)}


PACES = [
    (days(), "2026-11-30", None),
    (days(0, 0), "2026-11-30", None),
    (days(10, 0, 20, 30), "2026-11-30", (10, 20, 30, 3)),
    (days(10, 20, 90), "2026-11-03", (10, 15, 20, 2)),
    (days(0, 0, 90), "2026-11-03", (90, 90, 90, 1)),
    (days(999, 1, 2, 3, 4, 5, 6, 7), "2026-11-30", (1, 4, 7, 7)),
]


@pytest.mark.parametrize(("used", "today", "pace"), PACES)
def test_pace_is_that_of_the_last_days_with_use(
    used: dict[str, Demand], today: str, pace: tuple[int, ...] | None
) -> None:
    """Of seven; today, which is not over, only where it is the first. The range: quietest to busiest."""
    found = pace_of(used, today)
    calls = found and (found.low.calls, found.usual.calls, found.high.calls, found.days)

    assert calls == pace


def test_a_rate_that_is_given_keeps_the_form_of_use() -> None:
    """Calls of the same size, and days as far from the mean."""
    pace = Pace(DEMAND.times(0.5), DEMAND, DEMAND.times(2), 7)

    found = at_rate(480_000, pace)

    assert found == Pace(DEMAND, DEMAND.times(2), DEMAND.times(4), 7)


@pytest.mark.parametrize("pace", [None, Pace(NO_TOKENS, NO_TOKENS, NO_TOKENS, 2)])
def test_a_rate_without_use_is_of_calls_of_a_usual_size(pace: Pace | None) -> None:
    """A thousand tokens, three quarters of them in; and nobody knows a range."""
    day = Demand(5, 3750, 1250)

    assert at_rate(5000, pace) == Pace(day, day, day, 0)


# ---------------------------------------------------------------- one account

RUNWAYS: dict[str, tuple[Supply, float, float]] = {
    "no limit": (supply(), inf, inf),
    "enough each day": (supply(vessel(480)), inf, 2.0),
    "today is nearly over": (supply(vessel(480, 100)), 10 * HOUR, 2.0),
    "it lasts until the reset": (supply(vessel(480, 121)), inf, 2.0),
    "it runs out each day": (supply(vessel(60)), 6 * HOUR, 0.25),
    "it lasts today and not tomorrow": (supply(vessel(160)), 12 * HOUR + 16 * HOUR, 160 / 240),
    "used up": (supply(vessel(480, 0)), 0.0, 2.0),
    "overdrawn": (supply(vessel(480, -5)), 0.0, 2.0),
    "what rolls comes back": (supply(vessel(480, 5, span=ROLLING)), inf, 2.0),
    "what rolls is used up": (supply(vessel(480, 0, span=ROLLING)), 0.0, 2.0),
    "too little rolls": (supply(vessel(120, 10, span=ROLLING)), HOUR, 0.5),
    "a minute bounds a day": (supply(vessel(1, 0, span=Rolling(60))), inf, 6.0),
    "a month": (supply(vessel(31 * 120, span=Calendar("month", 0, 0, UTC))), inf, 0.5),
    "a unit that is not used": (supply(vessel(1, unit="other", span=Rolling(60))), inf, 6.0),
    "the weakest": (supply(vessel(480), vessel(60_000, unit="tokens")), 6 * HOUR, 0.25),
    "credits": (supply(vessel(48, unit="usd", span=Once())), 2 * DAY, 0.0),
    "credits that expire": (supply(vessel(480, span=Once(NOON + DAY))), DAY, 0.0),
    "credits that have expired": (supply(vessel(480, span=Once(NOON - DAY))), 0.0, 0.0),
    "credits, enough of them a day": (supply(vessel(480, span=Once()), vessel(240)), 2 * DAY, 0.0),
    "credits, too little a day": (supply(vessel(480, span=Once()), vessel(60)), 6 * HOUR, 0.0),
    "credits of a model": (supply(vessel(480, span=Once(), model="m"), models=("m", "n")), 2 * DAY, 0.0),
    "credits, nothing a day": (supply(vessel(480, span=Once()), vessel(0)), 0.0, 0.0),
    "models stand in": (
        supply(vessel(60, model="m"), vessel(20, model="n"), models=("m", "n")),
        8 * HOUR,
        80 / 240,
    ),
    "models share": (
        supply(vessel(60, model="m"), vessel(60, model="n"), vessel(10), models=("m", "n")),
        HOUR,
        10 / 240,
    ),
    "one model without a limit": (supply(vessel(1, model="m"), models=("m", "n")), inf, inf),
    "models that are enough together": (
        supply(vessel(150, 60, model="m"), vessel(150, 60, model="n"), models=("m", "n")),
        inf,
        300 / 240,
    ),
    "models that are enough, but not today": (
        supply(vessel(150, 30, model="m"), vessel(150, 30, model="n"), models=("m", "n")),
        6 * HOUR,
        300 / 240,
    ),
}
# The month is asked about below, for how long it lasts depends on which one it is.
EXACT = {name: case for name, case in RUNWAYS.items() if name != "a month"}


@pytest.mark.parametrize(("given", "seconds", "cover"), EXACT.values(), ids=EXACT)
def test_how_long_an_account_lasts(given: Supply, seconds: float, cover: float) -> None:
    """Until it is empty, where that comes before its window ends; and which share of the demand is back."""
    found = runway(given, DEMAND, NOON)

    assert [found.seconds, found.cover] == pytest.approx([seconds, cover])
    assert found.lasts is (seconds == inf)


def test_a_month_that_is_too_small_ends_before_its_end() -> None:
    """Half of what a long month takes is no more than that."""
    found = runway(RUNWAYS["a month"][0], DEMAND, NOON)

    assert found.cover == 0.5
    assert found.seconds / DAY == found.days == pytest.approx(15.5, abs=0.01)


def test_without_demand_all_lasts() -> None:
    """Except what expires."""
    none = Demand(0, 0, 0)

    assert runway(supply(vessel(1), vessel(1, span=ROLLING)), none, NOON).lasts
    assert runway(supply(vessel(1, span=Once())), none, NOON).lasts
    assert runway(supply(vessel(1, span=Once(NOON + HOUR))), none, NOON).seconds == HOUR


@pytest.mark.parametrize(("left", "unused"), [(100, False), (1000, True)])
def test_credits_may_expire_unused(left: float, unused: bool) -> None:
    """Where they end before they are empty."""
    assert runway(supply(vessel(left, span=Once(NOON + DAY))), DEMAND, NOON).unused is unused


# ---------------------------------------------------------------- all together


def flow(limit: float, left: float | None = None) -> Supply:
    """So many requests a day."""
    return supply(vessel(limit, left))


def stock(days: float, *more: Vessel, expires: float | None = None) -> Supply:
    """Credits for so many days of demand."""
    return supply(vessel(240 * days, span=Once(None if expires is None else NOON + expires * DAY)), *more)


TOGETHER: dict[str, tuple[list[Supply], float, float]] = {
    "nobody": ([], 0.0, 0.0),
    "one that lasts": ([flow(24), flow(480)], inf, 2.1),
    "too little of both": ([flow(60), flow(60, 30)], 9 * HOUR, 0.5),
    "enough of both": ([flow(180, 80), flow(120, 80)], inf, 1.25),
    "credits alone": ([stock(2), stock(3)], 5 * DAY, 0.0),
    "credits bear the rest": ([flow(120, 10), stock(2)], 4 * DAY, 0.5),
    "those that expire go first": ([stock(2), stock(5, expires=3)], 5 * DAY, 0.0),
    "some expire before their turn": ([stock(3, expires=4), stock(3, expires=2)], 4 * DAY, 0.0),
    "some have ended by then": ([stock(2, expires=2), stock(9, expires=2), stock(1)], 3 * DAY, 0.0),
    "credits that give too little a day": (
        [flow(120, 10), stock(2, vessel(24))],
        2.4 * HOUR + 2.4 * HOUR,
        0.5,
    ),
    "credits that give enough a day": ([flow(120, 10), stock(2, vessel(120))], 4 * DAY, 0.5),
    "credits fill the gap": ([flow(480, 30), stock(1)], inf, 2.0),
    "credits do not fill it": ([flow(480, 30), stock(1 / 24)], 4 * HOUR, 2.0),
    "what is left is more than the credits": ([flow(120, 110), stock(1 / 24)], 11 * HOUR, 0.5),
}


@pytest.mark.parametrize(("parts", "seconds", "cover"), TOGETHER.values(), ids=TOGETHER)
def test_how_long_all_last(parts: list[Supply], seconds: float, cover: float) -> None:
    """What comes back bears its share for ever; credits bear the rest until they are empty or expire."""
    found = together(parts, DEMAND, NOON)

    assert [found.seconds, found.cover] == pytest.approx([seconds, cover])


def test_each_serves_at_its_own_price() -> None:
    """A dollar goes further where a token costs less."""
    dollars = vessel(1.0, unit="usd", span=Once())
    supplies = [Supply(name, (dollars,), ("m",), price) for name, price in (("a", (1, 1)), ("b", (4, 4)))]

    found = together(supplies, Demand(1, 500_000, 500_000), NOON)

    assert found.days == pytest.approx(1 + 1 / 4)


amounts = st.floats(1, 1e6)


@given(limit=amounts, left=amounts, more=st.floats(1, 10), once=st.booleans())
def test_more_demand_never_lasts_longer(limit: float, left: float, more: float, once: bool) -> None:
    """Whatever is left, and of whatever kind it is."""
    span = Once(NOON + 3 * DAY) if once else DAILY
    given_ = supply(vessel(limit, min(left, limit), span=span))

    little, much = (runway(given_, DEMAND.times(factor), NOON) for factor in (1.0, more))

    assert much.seconds <= little.seconds + 1e-6
    assert (
        together([given_], DEMAND.times(more), NOON).seconds
        <= together([given_], DEMAND, NOON).seconds + 1e-6
    )
