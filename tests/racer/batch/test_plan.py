"""Forecasts of a batch: their range, their steps, who answers, what never ends; what chance may change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer.batch.plan import FEWEST, ROUGH, ROUGHLY, Forecast, Speed, Tank, forecast, spread_of
from racer.core.span import DAY, Calendar, Once, Rolling, slot_at

NOON = 1_800_014_400.0  # of a day in UTC
MIDNIGHT = NOON + DAY / 2
HOUR = 3600.0
DAILY = Calendar("day", 0, 0, UTC)


def speed(lane: str = "a/m", **more: object) -> Speed:
    """Well known, a second an answer, nothing charged."""
    usual = {"provider": lane.partition("/")[0], "seconds": 1.0, "known": 1000, **more}
    return Speed(lane, **usual)  # type: ignore[arg-type]


def plan(prompts: int, *speeds: Speed, tanks: tuple[Tank, ...] = (), **more: object) -> Forecast:
    usual = {"concurrency": 64, **more}
    return forecast(prompts, speeds, tanks, NOON, **usual)  # type: ignore[arg-type]


def seconds(end: float, within: float) -> object:
    return pytest.approx(end, rel=within)


def test_nothing_to_do_ends_now() -> None:
    """Without a range."""
    found = plan(0, speed())

    assert (found.low, found.middle, found.high) == (NOON, NOON, NOON)
    assert (found.done(NOON + 1), found.chance(NOON), found.shares) == (0, 1.0, ())


def test_a_well_known_lane_has_a_narrow_range() -> None:
    """An unknown one has a wide one, around the same end."""
    known, unknown = plan(1000, speed()), plan(1000, speed(known=0))

    assert known.middle - NOON == seconds(1000, 0.2)
    assert known.high - known.low < (unknown.high - unknown.low) / 2
    assert unknown.low <= known.middle <= unknown.high


def test_a_spread_may_be_given() -> None:
    """Instead of the one that follows from the number of attempts."""
    exact = plan(1000, speed(spread=0.0)).high

    assert exact < plan(1000, speed(spread=1.0)).high
    assert spread_of(0) > spread_of(10) > spread_of(1000) > 0


def test_a_day_that_is_used_up() -> None:
    """So many today, the rest after midnight; who had them, and when nothing runs."""
    tank = Tank("d", DAILY, 500, 100)
    found = plan(600, speed(charges=(("d", 1.0),), at_once=4), tanks=(tank,))

    assert found.done(MIDNIGHT) == 400
    assert found.done(NOON) == 0
    assert found.done(found.high + DAY) == 600
    assert MIDNIGHT < found.low <= found.middle <= found.high < MIDNIGHT + HOUR
    assert found.shares == (("a", 600),)
    assert found.sleeps[0][1] == MIDNIGHT
    assert (found.prompts, found.now, found.unfinished, found.why) == (600, NOON, 0, ())


def test_what_never_ends() -> None:
    """How many prompts stay, for want of what."""
    tank = Tank("credits", Once(), 100)
    found = plan(250, speed(charges=(("credits", 1.0),)), tanks=(tank,))

    assert (found.low, found.middle, found.high) == (inf, inf, inf)
    assert (found.unfinished, found.why) == (150, (tank,))
    assert found.shares == (("a", 100),)
    assert found.chance(NOON + 1000 * DAY) == 0


def test_no_lane_never_ends() -> None:
    """Nor does one whose call is larger than the limit."""
    large = plan(5, speed(charges=(("t", 200.0),)), tanks=(Tank("t", Rolling(60), 100, unit="tokens"),))

    assert plan(5).unfinished == large.unfinished == 5
    assert [tank.name for tank in large.why] == ["t"]


CLOSED = [
    (Tank("t", Once(NOON - 1), 100), inf),
    (Tank("t", Once(NOON + DAY), 100), NOON),
    (Tank("t", Rolling(DAY), 100, 100), NOON + DAY * 61 / 60),
    (Tank("t", Rolling(DAY), 100, 100, opens_at=NOON + HOUR), NOON + HOUR),
    (Tank("t", Rolling(DAY), 100, 100, opens_at=NOON + HOUR, whole_at=NOON + 2 * HOUR), NOON + HOUR),
    (Tank("t", Rolling(60), 100, 100, opens_at=NOON + 21), NOON + 41),
    (Tank("t", DAILY, 100, 100), slot_at(DAILY, NOON).until),
]


@pytest.mark.parametrize(("tank", "opens"), CLOSED)
def test_a_limit_opens_when_it_does(tank: Tank, opens: float) -> None:
    """A rolling one as late as it may, where nobody knows."""
    found = plan(10, speed(charges=(("t", 1.0),), at_once=10), tanks=(tank,))

    assert found.middle == opens == inf or opens <= found.middle < opens + 30


def test_a_lane_that_is_blocked_waits() -> None:
    """Until it may run, the other one runs alone."""
    both = plan(200, speed("a/m", until=NOON + 50), speed("b/m"))

    assert plan(10, speed(until=NOON + HOUR)).low > NOON + HOUR
    assert both.middle - NOON == seconds(125, 0.2)
    assert dict(both.shares)["b"] > dict(both.shares)["a"]


def test_the_job_has_limits_of_its_own() -> None:
    """So many at once, so many a second; and a limit of calls in flight."""
    fast = speed(at_once=10)
    flight = Tank("f", None, 2, 2)

    assert plan(1000, fast).middle - NOON == seconds(100, 0.2)
    assert plan(1000, fast, concurrency=5).middle - NOON == seconds(200, 0.2)
    assert plan(1000, fast, rate=1.0).middle - NOON == seconds(1000, 0.1)
    assert plan(1000, replace(fast, charges=(("f", 1.0),)), tanks=(flight,)).middle - NOON == seconds(
        500, 0.2
    )


def test_money_is_added_up() -> None:
    """For calls that fail, too."""
    assert plan(1000, speed(usd=0.01, success=0.5)).usd == pytest.approx(20, rel=0.1)


def test_tokens_are_uncertain_and_requests_are_not() -> None:
    """Limits that nobody knows are none."""
    tank = Tank("t", DAILY, 1000, unit="tokens")
    charges = (("t", 1.0), ("unknown", 1.0), ("free", 0.0))
    tokens = plan(1000, speed(charges=charges, at_once=64), tanks=(tank,))
    requests = plan(1000, speed(charges=charges, at_once=64), tanks=(replace(tank, unit="requests"),))

    assert tokens.high > MIDNIGHT > tokens.low
    assert requests.high < MIDNIGHT


def test_shares_are_whole() -> None:
    """They add up to all prompts, the largest first."""
    found = plan(1000, speed("a/m"), speed("b/m"), speed("b/n"), speed("c/m", seconds=1e6))

    assert sum(count for _, count in found.shares) == 1000
    assert [name for name, _ in found.shares] == ["b", "a"]


def test_the_same_seed_is_the_same_forecast() -> None:
    """Another one is not."""
    one = plan(100, speed(known=3), seed=1)

    assert one == plan(100, speed(known=3), seed=1)
    assert one.middle != plan(100, speed(known=3), seed=2).middle


ROLLING = Tank("r", Rolling(DAY), 100, 100)
CLEAR = [
    ((), 0.0),
    ((Tank("d", DAILY, 100, 100),), DAY / 2),
    ((Tank("d", DAILY, 50),), DAY / 2),
]


@pytest.mark.parametrize(("tanks", "began"), CLEAR)
def test_one_draw_is_as_rough_as_the_model(tanks: tuple[Tank, ...], began: float) -> None:
    """So much of the time since all lanes began together, and some seconds."""
    lane = speed(charges=tuple((tank.name, 1.0) for tank in tanks))
    found = plan(100, lane, tanks=tanks, samples=1)
    off = pytest.approx(ROUGH * (found.middle - NOON - began) + ROUGHLY)

    assert found.ends == (found.middle,)
    assert found.middle - found.low == off
    assert found.high - found.middle == off


def test_what_comes_back_by_and_by_is_rough() -> None:
    """When a rolling limit opens is not known to the second."""
    found = plan(10, speed(charges=(("r", 1.0),)), tanks=(ROLLING,), samples=1)

    assert found.sleeps
    assert found.high - found.middle > ROUGH * DAY


def test_some_draws_end_before_a_reset() -> None:
    """A range may begin before the wait that the middle one has, and is as rough as that is long."""
    tank = Tank("t", DAILY, 1000, unit="tokens")
    found = plan(1060, speed(charges=(("t", 1.0),), at_once=64), tanks=(tank,))

    assert found.low < NOON + HOUR < MIDNIGHT < found.middle
    assert min(found.ends) - found.low <= ROUGHLY + ROUGH * HOUR


def test_nothing_ends_before_now() -> None:
    """However soon it is done."""
    found = plan(1, speed(seconds=0.1))

    assert found.low == NOON < found.middle < found.high


def test_the_calls_at_once_may_be_unsure() -> None:
    """More than is expected, or fewer: the range is wider on either side. Never more than the job allows."""
    sure, unsure = (plan(1000, speed(at_once=6, unsure=each, spread=0.0)) for each in (0.0, 1.2))
    bound = plan(1000, speed(at_once=6, unsure=1.2, spread=0.0), concurrency=8)

    assert unsure.low < sure.low - 60 < sure.high + 60 < unsure.high
    assert bound.ends[0] - NOON > 80
    assert bound.high == unsure.high


def test_a_long_plan_has_fewer_samples() -> None:
    """As many as can be drawn in some tenths of a second."""
    tanks = tuple(Tank(f"t{number}", Rolling(DAY + number), 10) for number in range(20))
    lanes = [speed(f"l{tank.name}/m", charges=((tank.name, 1.0),)) for tank in tanks]

    assert FEWEST <= len(plan(200 * 60, *lanes, tanks=tanks).ends) < 40


# ---------------------------------------------------------------- what holds of every forecast

SPANS = st.sampled_from([DAILY, Rolling(DAY), Rolling(60), Rolling(HOUR), Once()])
LANE = st.tuples(
    st.floats(0.1, 20), st.integers(0, 200), st.floats(0.5, 1), st.integers(1, 16), SPANS, st.integers(5, 500)
)
LANES = st.lists(LANE, min_size=1, max_size=4)
Drawn = list[tuple[float, int, float, int, Rolling | Calendar | Once, int]]


def world(lanes: Drawn, more: float = 0.0) -> tuple[list[Speed], list[Tank]]:
    speeds = [
        Speed(f"l{n}", f"p{n}", each[0], each[1], None, each[2], each[3], ((f"t{n}", 1.0),))
        for n, each in enumerate(lanes)
    ]
    return speeds, [Tank(f"t{n}", each[4], each[5] * (1 + more)) for n, each in enumerate(lanes)]


def ends(lanes: Drawn, prompts: int, more: float = 0.0) -> Forecast:
    return forecast(prompts, *world(lanes, more), NOON, concurrency=1000, samples=12)


@settings(max_examples=25, deadline=None)
@given(LANES, st.integers(1, 2000), st.sampled_from([0.0, 0.4, 1.2]))
def test_the_range_is_in_order(lanes: Drawn, prompts: int, unsure: float) -> None:
    """And what is told adds up."""
    speeds, tanks = world(lanes)
    unknown = [replace(each, unsure=unsure) for each in speeds]
    found = forecast(prompts, unknown, tanks, NOON, concurrency=20, samples=12)

    assert NOON <= found.low <= found.middle <= found.high
    assert sum(count for _, count in found.shares) + found.unfinished == prompts
    assert list(found.ends) == sorted(found.ends)
    assert found.done(NOON + 400 * DAY) == prompts - found.unfinished


@settings(max_examples=25, deadline=None)
@given(LANES, st.integers(1, 1000), st.integers(1, 1000))
def test_more_prompts_never_end_earlier(lanes: Drawn, prompts: int, more: int) -> None:
    """But for what the last answers take, which are others then."""
    slack = 10 * max(each[0] for each in lanes)
    few, many = ends(lanes, prompts), ends(lanes, prompts + more)

    assert many.middle >= few.middle - slack
    assert many.steps[-1][0] >= few.steps[-1][0] - slack


@settings(max_examples=25, deadline=None)
@given(LANES, st.integers(1, 1000), st.floats(0, 3))
def test_higher_limits_never_end_later(lanes: Drawn, prompts: int, more: float) -> None:
    """But for the last answers, and for a short window, of which only the mean rate is followed."""
    slack = 10 * max(each[0] for each in lanes) + 2 * HOUR

    assert ends(lanes, prompts, more).middle <= ends(lanes, prompts).middle + slack
