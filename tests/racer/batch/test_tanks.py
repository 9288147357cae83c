"""One run of the fluid model: basins of every span, shares, idle times, the last answers."""

from __future__ import annotations

from datetime import UTC
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer.batch.tanks import PATIENCE, ROUNDS, Basin, Resets, Run, Stream, period_of, slowest
from racer.core.span import DAY, Calendar, Once, Rolling, Span

NOON = 1_800_014_400.0  # of a day in UTC
HOUR = 3600.0
DAILY = Calendar("day", 0, 0, UTC)
ROLLING = Rolling(DAY)
FAR = NOON + 300 * DAY


def stream(
    most: float = 1.0, *takes: tuple[int, float], success: float = 1.0, seconds: float = 1.0
) -> Stream:
    return Stream(most, seconds, success, takes)


def full(limit: float, span: Span | None) -> Basin:
    return Basin(limit, limit, span)


def started(goal: float, *streams: Stream, basins: tuple[Basin, ...] = ()) -> Run:
    return Run(streams, basins, Resets(NOON), NOON, goal)


def about(seconds: float, within: float = 3.0) -> object:
    return pytest.approx(NOON + seconds, abs=within)


def test_a_lane_alone_answers_at_its_speed() -> None:
    """Calls that fail are made once more."""
    assert started(100, stream()).go(FAR) == about(100)
    assert started(100, stream(success=0.5)).go(FAR) == about(200)


def test_a_day_of_the_calendar_begins_at_its_reset() -> None:
    """What is left is used today, the rest after midnight; between them nothing runs."""
    run = started(250, stream(1.0, (0, 1.0)), basins=(Basin(200, 100, DAILY),))

    assert run.go(FAR) == about(12 * HOUR + 150)
    assert run.idle == [(NOON + 100, NOON + 12 * HOUR)]
    assert run.tight == {0}
    assert (NOON + 100, 100.0) in run.curve


def test_what_is_used_of_a_rolling_day_comes_back() -> None:
    """What was used before at the instants that are given, what is used now a whole span later."""
    run = started(
        250,
        stream(1.0, (0, 1.0)),
        basins=(Basin(200, 100, ROLLING, ((NOON + HOUR, 50), (NOON + 2 * HOUR, 50))),),
    )

    assert run.go(FAR) == about(period_of(ROLLING) + 50)
    assert run.done == 250


def test_a_short_window_is_a_rate_after_some_rounds() -> None:
    """A thousand calls at ten a minute take a hundred windows, and far fewer events."""
    run = started(1000, stream(5.0, (0, 1.0)), basins=(full(10, Rolling(60)),))

    assert run.go(FAR) == pytest.approx(NOON + 99 * period_of(Rolling(60)), rel=0, abs=61)
    assert run.visits < 10 * ROUNDS


LONG = [(Rolling(DAY), period_of(Rolling(DAY))), (DAILY, DAY)]


@pytest.mark.parametrize(("span", "period"), LONG)
def test_long_windows_are_rates_in_a_long_run(span: Span, period: float) -> None:
    """Each is followed where the run is short; of many lanes only for some days."""

    def run_of(lanes: int) -> tuple[Run, float]:
        streams = [stream(1.0 + number / lanes, (number, 1.0)) for number in range(lanes)]
        run = started(100.0 * lanes * 200, *streams, basins=tuple([full(100, span)] * lanes))
        return run, run.go(FAR)

    (few, exact), (many, near) = run_of(1), run_of(40)

    assert len(few.curve) > 2 * 199
    assert PATIENCE < many.visits < 5 * PATIENCE
    assert near == pytest.approx(exact, abs=period)


def test_what_opens_once_stays_open() -> None:
    """A basin that is filled at an instant, and then no more."""
    run = started(100, stream(1.0, (0, 1.0)), basins=(Basin(500, 0, Once(), ((NOON + HOUR, 500),)),))

    assert run.go(FAR) == about(HOUR + 100)
    assert run.idle == [(NOON, NOON + HOUR)]


def test_resets_are_known_again() -> None:
    """Those that were asked for; the instant that they are told from is none."""
    resets = Resets(NOON)
    midnight = resets.after(DAILY, NOON)

    assert resets.is_one(midnight)
    assert not resets.is_one(NOON)
    assert not resets.is_one(midnight + DAY)


def test_few_windows_are_followed_one_by_one() -> None:
    """The fourth begins three windows after the first."""
    run = started(35, stream(5.0, (0, 1.0)), basins=(full(10, Rolling(60)),))

    assert run.go(FAR) == about(3 * period_of(Rolling(60)) + 1)


def test_a_lane_below_its_limit_is_not_held_up() -> None:
    """However long it runs."""
    assert started(10_000, stream(0.1, (0, 1.0)), basins=(full(10, Rolling(60)),)).go(FAR) == about(100_000)


def test_credits_never_come_back() -> None:
    """The job stays where it is."""
    run = started(250, stream(1.0, (0, 1.0)), basins=(full(100, Once()),))

    assert run.go(FAR) == inf
    assert run.done == pytest.approx(100)


def test_credits_expire() -> None:
    """What is left of them then is lost."""
    run = started(2 * HOUR, stream(1.0, (0, 1.0)), basins=(full(1e6, Once(NOON + HOUR)),))

    assert run.go(FAR) == inf
    assert run.done == pytest.approx(HOUR)


def test_more_is_used_than_there_is() -> None:
    """Nothing runs until enough of it has come back."""
    basin = Basin(10, -5, ROLLING, ((NOON + HOUR, 5), (NOON + 2 * HOUR, 10)))

    assert started(5, stream(1.0, (0, 1.0)), basins=(basin,)).go(FAR) == about(2 * HOUR + 5)


def test_the_first_lane_takes_what_it_can() -> None:
    """The second has what is left of the flow they share, the third nothing."""
    lane = stream(3.0, (0, 1.0))
    run = started(400, lane, lane, lane, basins=(full(4, None),))

    assert run.go(FAR) == about(100)
    assert run.calls == pytest.approx([300, 100, 0])


def test_a_run_ends_at_its_horizon() -> None:
    """It says what is done by then, also in the middle of a pause."""
    run = started(1000, stream(1.0, (0, 1.0)), basins=(full(100, DAILY),))

    assert run.go(NOON + 50) == inf
    assert run.done == pytest.approx(50)

    run = started(1000, stream(1.0, (0, 1.0)), basins=(full(100, DAILY),))

    assert run.go(NOON + HOUR) == inf
    assert run.done == pytest.approx(100)
    assert run.now == NOON + HOUR
    assert run.idle == [(NOON + 100, NOON + HOUR)]


def test_lanes_that_nothing_holds_back_never_begin() -> None:
    """Without any lane a job never ends."""
    assert started(10).go(FAR) == inf
    assert started(10, stream(0.0)).go(FAR) == inf


def test_pauses_in_a_row_are_one() -> None:
    """Although something comes back in between that helps nobody."""
    one = Basin(10, -90, ROLLING, ((NOON + HOUR, 50), (NOON + 2 * HOUR, 50)))
    run = started(5, stream(1.0, (0, 1.0)), basins=(one,))
    run.go(FAR)

    assert run.idle == [(NOON, NOON + 2 * HOUR)]


def test_a_slow_answer_that_is_under_way_is_waited_for() -> None:
    """The lane stopped long before its last answers came."""
    slow = stream(1.0, (0, 1.0), seconds=500.0)

    assert started(20, slow, stream(0.5), basins=(full(10, Once()),)).go(FAR) > NOON + 500


def test_lanes_that_do_hardly_anything_are_not_waited_for() -> None:
    """A tenth of a call of theirs is none."""
    assert started(10, stream(10.0), stream(0.001, seconds=1000.0)).go(FAR) < NOON + 10


@given(st.floats(1, 1000), st.floats(0.01, 0.99))
def test_the_slowest_of_more_answers_is_slower(answers: float, luck: float) -> None:
    """With the same luck."""
    assert 0 < slowest(answers, luck) <= slowest(answers * 2, luck)


SPANS = st.sampled_from(
    [DAILY, ROLLING, Rolling(60), Rolling(HOUR), Rolling(5 * HOUR), Once(), Once(NOON + HOUR)]
)
BASINS = st.lists(st.tuples(st.floats(1, 500), st.floats(0, 1), SPANS), min_size=3, max_size=3)
TAKES = st.lists(st.tuples(st.integers(0, 2), st.floats(0.1, 5)), max_size=3, unique_by=lambda each: each[0])


@settings(max_examples=60, deadline=None)
@given(BASINS, st.lists(st.tuples(st.floats(0.01, 20), TAKES), min_size=1, max_size=4), st.floats(1, 2000))
def test_no_basin_is_overdrawn(
    basins: list[tuple[float, float, Span]],
    lanes: list[tuple[float, list[tuple[int, float]]]],
    goal: float,
) -> None:
    """At no instant, whatever is shared; and no run is done before its goal."""
    made = tuple(Basin(limit, limit * left, span) for limit, left, span in basins)
    lowest = inf

    class Watched(Run):
        def _turn(self) -> None:
            nonlocal lowest
            lowest = min(lowest, *self.level)
            super()._turn()

    run = Watched([stream(most, *takes) for most, takes in lanes], made, Resets(NOON), NOON, goal)
    end = run.go(NOON + 20 * DAY)

    assert lowest > -1e-6
    assert (run.done == goal) == (end < inf)
    assert run.curve == sorted(run.curve)
