"""The price of quota: of one limit, of several, of what is half known, by any clock. Time is a number."""

from __future__ import annotations

from datetime import UTC
from itertools import pairwise
from math import inf, isfinite, nan
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.price import BRIEF, DEAREST, HORIZON, LAST, NOTHING, crowding, pace, worth_of
from racer.core.purse import Charge, Purse
from racer.core.quota import Meter, Standing, Tidings, Truth
from racer.core.span import DAY, Calendar, Once, Rolling, Span
from tests.core.till import meter

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = 1_800_000_000.0
NOON = NOW - NOW % DAY + DAY / 2
MIDNIGHT = NOON + DAY / 2

DAILY = meter("requests", 20.0, Calendar("day", 0, 0, UTC), per="day")
LONG = meter("requests", 100.0, Rolling(18_000.0), per="rolling 5h")
MINUTE = meter("requests", 30.0, Rolling(60.0))
PACED = meter("requests", 1.0, Rolling(2.0), per="2 s")
TOKENS = meter("tokens", 100_000.0, Calendar("day", 0, 0, UTC), per="day")
CREDITS = meter("requests", 1000.0, Once(), per="once")
FLIGHT = meter("calls", 4.0, None, per="flight")

SHARES = st.floats(0, 1)


def purse_of(*stood: tuple[Meter, Standing], heard: float = NOON, held: float = 0.0) -> Purse:
    """A purse that heard at `heard` how these meters stand, and holds as much of each."""
    purse = Purse()
    for of, _ in stood:
        purse.pocket(of)
    purse.receive(Tidings({of.name: held for of, _ in stood}, {of.name: how for of, how in stood}), heard)
    return purse


def price_of(charges: Sequence[Charge], purse: Purse, now: float, horizon: float = HORIZON) -> float:
    """The seconds alone."""
    return worth_of(charges, purse, now, horizon).price


def priced(of: Meter, standing: Standing, now: float = NOON, amount: float = 1.0) -> float:
    return price_of([(of, amount)], purse_of((of, standing)), now)


# ---------------------------------------------------------------- the two shapes


@pytest.mark.parametrize(
    ("left", "time_left", "price"),
    [
        (1.0, 1.0, 0.0),
        (0.5, 0.55, 0.0),
        (0.75, 1.0, 0.3064),
        (0.45, 1.0, 1.5973),
        (0.0, 1.0, 10.9253),
        (0.0, 0.05, 0.0),
        (0.0, 0.0, 0.0),
    ],
)
def test_what_a_call_is_worth(left: float, time_left: float, price: float) -> None:
    """Nothing on pace; with a fifth too little a third of a second; with half, one and a half."""
    assert pace(left, time_left) == pytest.approx(price, abs=1e-4)


@given(SHARES, SHARES, SHARES)
def test_the_less_is_left_the_dearer(less: float, more: float, time_left: float) -> None:
    """At the same time of the day."""
    less, more = sorted((less, more))

    assert pace(less, time_left) >= pace(more, time_left)


@given(SHARES, SHARES, SHARES)
def test_the_longer_it_must_last_the_dearer(left: float, sooner: float, later: float) -> None:
    """With as much left."""
    sooner, later = sorted((sooner, later))

    assert pace(left, later) >= pace(left, sooner)


@given(st.floats(), st.floats())
def test_a_price_is_always_a_number_of_seconds(left: float, time_left: float) -> None:
    """Never negative, never endless, also of what is no share: the nearest one counts."""
    assert 0 <= pace(left, time_left) <= DEAREST < 13.4
    assert 0 <= crowding(left) <= DEAREST


def test_what_is_no_number() -> None:
    """Nothing left, or no time left."""
    assert pace(nan, 1.0) == pace(0.0, 1.0)
    assert pace(0.0, nan) == 0
    assert crowding(nan) == 0


@pytest.mark.parametrize(
    ("used", "price"), [(0.0, 0.0), (0.6, 0.0), (0.8, 1.5973), (1.0, DEAREST), (9.0, DEAREST)]
)
def test_a_brief_window_is_free_until_most_of_it_is_used(used: float, price: float) -> None:
    """Then the same shape, up to the dearest."""
    assert crowding(used) == pytest.approx(price, abs=1e-4)


@given(SHARES, SHARES)
def test_the_more_is_used_the_dearer(less: float, more: float) -> None:
    """Of a brief window, too."""
    less, more = sorted((less, more))

    assert crowding(less) <= crowding(more)


# ---------------------------------------------------------------- windows of the calendar


def test_half_of_a_day_is_left_at_noon() -> None:
    """Half used is on pace, and so is a little more; of twenty a day one call is much."""
    assert priced(DAILY, Standing(20, 9, 0, MIDNIGHT)) == 0
    assert priced(DAILY, Standing(20, 10, 0, MIDNIGHT)) == 0
    assert priced(DAILY, Standing(20, 11, 0, MIDNIGHT)) == pytest.approx(pace(0.4, 0.5))
    assert priced(DAILY, Standing(20, 15, 0, MIDNIGHT)) > 1


def test_a_call_counts_as_if_it_were_made() -> None:
    """By what it takes of the limit: a long prompt is dear where a short one is not."""
    stood = Standing(100_000, 50_000, 0, MIDNIGHT)

    assert priced(TOKENS, stood, amount=500) == 0
    assert priced(TOKENS, stood, amount=30_000) == pytest.approx(pace(0.2, 0.5))


def test_it_becomes_cheaper_towards_the_end() -> None:
    """What is left at midnight is lost."""
    stood = Standing(20, 16, 0, MIDNIGHT)
    prices = [priced(DAILY, stood, NOON + hours * 3600) for hours in range(13)]

    assert prices == sorted(prices, reverse=True)
    assert prices[0] > 2
    assert prices[-2:] == [0, 0]


def test_what_is_held_is_left() -> None:
    """A lease counts as used in the store, but not by who may spend it; leases of others do."""
    stood = Standing(20, 5, 8, MIDNIGHT)

    assert priced(DAILY, stood) == pytest.approx(pace(0.3, 0.5))
    assert price_of([(DAILY, 1.0)], purse_of((DAILY, stood), held=8.0), NOON) == 0


def test_what_was_spent_since_counts() -> None:
    """At once, and not only when the store has heard of it."""
    purse = purse_of((DAILY, Standing(20, 5, 8, MIDNIGHT)), held=8.0)
    charges = [(DAILY, 1.0)]
    for _ in range(8):
        purse.take(charges, NOON)

    spent = price_of(charges, purse, NOON)
    assert spent == pytest.approx(pace(6 / 20, 0.5))
    purse.report(NOON)
    assert price_of(charges, purse, NOON) == spent


def test_a_new_day_begins_at_no_price() -> None:
    """What was used yesterday is free again, although nobody has said so yet; the day lasts a day."""
    stood = Standing(20, 20, 0, MIDNIGHT)

    assert priced(DAILY, stood, NOON) == pytest.approx(pace(0.0, 0.5))
    assert priced(DAILY, stood, MIDNIGHT) == 0
    assert priced(DAILY, stood, MIDNIGHT + 1) == 0


# ---------------------------------------------------------------- windows that begin at any time


def test_a_rolling_window_ends_where_its_first_use_is_free_again() -> None:
    """Used up in the first hour of five, it has to last for four."""
    assert priced(LONG, Standing(100, 30, 0, NOON + 12_600)) == 0
    assert priced(LONG, Standing(100, 80, 0, NOON + 14_400)) == pytest.approx(pace(0.19, 0.8))


def test_a_rolling_window_of_which_nothing_is_used_has_all_its_time() -> None:
    """Nobody says when it begins: with the first call."""
    assert priced(LONG, Standing(100, 0, 0, None)) == 0
    assert priced(LONG, Standing(100, 0, 0, None), amount=55) == pytest.approx(pace(0.45, 1.0))


def test_a_rolling_window_that_has_opened_is_free() -> None:
    """How much is free again is not known before a call asks for it: so one has to."""
    stood = Standing(100, 100, 0, NOON + 60)

    assert priced(LONG, stood, NOON + 60) == 0


def test_a_minute_has_no_pace() -> None:
    """It is free until most of it is used, at any time of it."""
    assert priced(MINUTE, Standing(30, 18, 0, NOON + 50)) == 0
    assert priced(MINUTE, Standing(30, 24, 0, NOON + 50)) == pytest.approx(crowding(0.8))
    assert priced(MINUTE, Standing(30, 30, 0, NOON + 1)) == pytest.approx(DEAREST)
    assert priced(MINUTE, Standing(30, 30, 0, None)) == pytest.approx(DEAREST)


def test_one_call_at_a_time_is_not_dear() -> None:
    """Of a brief window the call itself does not count: it would be all of a limit of one."""
    assert priced(PACED, Standing(1, 0, 0, None)) == 0
    assert priced(PACED, Standing(1, 1, 0, NOON + 2)) == pytest.approx(DEAREST)


def test_what_was_heard_of_a_minute_fades() -> None:
    """All of it counts until the first is free again, nothing after a minute; between, as if evenly."""
    stood = Standing(30, 30, 0, NOON + 11)
    prices = [priced(MINUTE, stood, NOON + after) for after in (0, 11, 16, 21, 36, 60, 61, 9999)]

    assert prices[:2] == [DEAREST, DEAREST]
    assert all(sooner >= later for sooner, later in pairwise(prices))
    assert prices[3] == pytest.approx(crowding(0.8))
    assert prices[4:] == [0, 0, 0, 0]


def test_a_minute_heard_of_in_the_future_is_not_believed() -> None:
    """The clock was set back: it may be hours until that minute."""
    assert priced(MINUTE, Standing(30, 30, 0, NOON + 50), NOON - 1) == 0


def test_how_long_is_brief() -> None:
    """Up to two minutes a race may wait for a window; longer ones have a pace."""
    stood = Standing(10, 5, 0, NOON + 100)

    assert priced(meter("requests", 10.0, Rolling(BRIEF)), stood) == 0
    assert priced(meter("requests", 10.0, Rolling(BRIEF + 1)), stood) == pytest.approx(pace(0.4, 100 / 121))


# ---------------------------------------------------------------- credits


def test_credits_are_priced_by_what_is_used_of_them() -> None:
    """They never come back, and nobody knows how long they have to last: as if it were always a month."""
    assert priced(CREDITS, Standing(1000, 49, 0, None)) == 0
    assert priced(CREDITS, Standing(1000, 549, 0, None)) == pytest.approx(pace(0.45, 1.0))
    assert priced(CREDITS, Standing(1000, 549, 0, None), NOON + 99 * DAY) == pytest.approx(pace(0.45, 1.0))


@pytest.mark.parametrize(
    ("days", "time_left"), [(60, 1.0), (30, 1.0), (24, 0.8), (12, 0.4), (1, 1 / 30), (0, 0), (-5, 0)]
)
def test_credits_that_expire_soon_are_cheap(days: int, time_left: float) -> None:
    """What is not used by then is lost."""
    expires = NOON + days * DAY
    credit = meter("usd", 5.0, Once(expires), per="once")

    assert priced(credit, Standing(5, 4, 0, expires), amount=0.0) == pytest.approx(pace(0.2, time_left))
    assert priced(credit, Standing(5, 4, 0, None), amount=0.0) == pytest.approx(pace(0.2, time_left))


def test_how_long_credits_should_last_may_be_said() -> None:
    """By default it is a month; who says a week has them cheap from the last week on."""
    expires = NOON + 7 * DAY
    charges = [(meter("usd", 5.0, Once(expires), per="once"), 0.0)]
    purse = purse_of((charges[0][0], Standing(5, 4, 0, expires)))

    assert price_of(charges, purse, NOON, 7 * DAY) == pytest.approx(pace(0.2, 1.0))
    assert price_of(charges, purse, NOON) == price_of(charges, purse, NOON, HORIZON) == 0


# ---------------------------------------------------------------- of a lane


def test_a_lane_is_as_dear_as_the_dearest_of_its_limits() -> None:
    """In whatever order they come."""
    purse = purse_of(
        (DAILY, Standing(20, 12, 0, MIDNIGHT)),
        (TOKENS, Standing(100_000, 80_000, 0, MIDNIGHT)),
        (MINUTE, Standing(30, 1, 0, NOON + 50)),
    )
    charges = [(DAILY, 1.0), (TOKENS, 500.0), (MINUTE, 1.0)]
    dearest = pace(0.195, 0.5)

    assert price_of(charges, purse, NOON) == pytest.approx(dearest)
    assert price_of(charges[::-1], purse, NOON) == pytest.approx(dearest)


def test_calls_in_flight_have_no_price() -> None:
    """They come back when they end: a lane that is full cannot start, and that is all."""
    assert priced(FLIGHT, Standing(4, 4, 0, None)) == 0


def test_what_nothing_is_known_of_has_no_price() -> None:
    """No limits, none that was asked for, none that was heard of; and to look is not to ask."""
    purse = Purse()

    assert price_of([], purse, NOON) == 0
    assert price_of([(DAILY, 1.0)], purse, NOON) == 0
    assert not purse.counts
    purse.pocket(DAILY)
    assert price_of([(DAILY, 1.0)], purse, NOON) == 0


def test_a_limit_of_nothing_is_the_dearest() -> None:
    """There is nothing left of it, whatever is used."""
    assert priced(DAILY, Standing(0, 0, 0, None), MIDNIGHT - DAY) == pace(0.0, 1.0)
    assert priced(MINUTE, Standing(0, 0, 0, None)) == pytest.approx(DEAREST)


def test_what_is_to_go_back_is_not_left() -> None:
    """A provider knows of more use than we: what was leased on the old count is spent no more."""
    purse = purse_of((DAILY, Standing(20, 5, 8, MIDNIGHT)), held=8.0)
    purse.believe([Truth(DAILY, "header", used=19)])

    assert price_of([(DAILY, 1.0)], purse, NOON) == pytest.approx(pace(0.3, 0.5))


# ---------------------------------------------------------------- any clock

SPANS: list[Span | None] = [
    Calendar("day", 0, 0, UTC), Calendar("month", 7, 30, UTC), Rolling(60.0), Rolling(18_000.0),
    Once(), Once(NOON + DAY), None,
]  # fmt: skip
CLOCKS = st.floats(-4e9, 4e9).map(lambda gap: NOON + gap)
AMOUNTS = st.floats(0, 1e12)


@given(
    span=st.sampled_from(SPANS),
    standing=st.builds(Standing, AMOUNTS, AMOUNTS, AMOUNTS, st.none() | CLOCKS),
    held=AMOUNTS,
    amount=AMOUNTS,
    heard=CLOCKS | st.just(-inf),
    clocks=st.lists(CLOCKS, min_size=1, max_size=5),
)
def test_clocks_that_jump_give_a_finite_price(
    span: Span | None, standing: Standing, held: float, amount: float, heard: float, clocks: list[float]
) -> None:
    """Forth or back, by seconds or decades; and the same question has the same answer."""
    of = meter("requests", 100.0, span)
    purse = purse_of((of, standing), heard=heard, held=held)
    prices = [price_of([(of, amount)], purse, now) for now in clocks]

    assert all(isfinite(price) and 0 <= price <= DEAREST for price in prices)
    assert [price_of([(of, amount)], purse, now) for now in clocks] == prices
    fresh = [
        price_of([(of, amount)], purse_of((of, standing), heard=heard, held=held), now) for now in clocks
    ]
    assert fresh == prices


@given(
    span=st.sampled_from(SPANS),
    used=st.tuples(st.floats(0, 100), st.floats(0, 100)),
    amount=st.floats(0, 100),
    opens=st.none() | st.floats(0, 1e6),
    after=st.floats(0, 1e5),
)
def test_the_less_is_left_of_a_limit_the_dearer(
    span: Span | None, used: tuple[float, float], amount: float, opens: float | None, after: float
) -> None:
    """Whatever its window, whenever it is asked."""
    of = meter("requests", 100.0, span)
    opens_at = None if opens is None else NOON + opens
    less, more = (priced(of, Standing(100, each, 0, opens_at), NOON + after, amount) for each in sorted(used))

    assert less <= more


# ---------------------------------------------------------------- the last of a limit


@pytest.mark.parametrize(
    ("used", "now", "last"),
    [
        (17.0, NOON, False),
        (18.0, NOON, True),
        (20.0, NOON, True),
        (19.0, MIDNIGHT - DAY / 50, False),
    ],
    ids=["a tenth stays", "it would take of the last tenth", "nothing is left", "on pace: it ends soon"],
)
def test_the_last_of_a_limit_is_a_tenth_of_what_is_behind_its_pace(
    used: float, now: float, last: bool
) -> None:
    """After the call less than a tenth would be left, and the limit has to last for longer."""
    worth = worth_of([(DAILY, 1.0)], purse_of((DAILY, Standing(20.0, used, 0.0, MIDNIGHT)), heard=now), now)

    assert (LAST, last) == (0.1, worth.last)
    assert not worth.last or worth.price > 0


def test_one_limit_at_its_last_is_enough() -> None:
    """Whatever is left of the others; a call without limits takes of none."""
    minute = (MINUTE, Standing(30.0, 28.0, 0.0, NOON + 50))
    purse = purse_of((DAILY, Standing(20.0, 0.0, 0.0, None)), minute)

    assert worth_of([(DAILY, 1.0), (MINUTE, 1.0)], purse, NOON).last
    assert not worth_of([(DAILY, 1.0)], purse, NOON).last
    assert worth_of([], purse, NOON) == NOTHING
