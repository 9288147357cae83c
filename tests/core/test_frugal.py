"""The policy `frugal`: who starts when, by example, and what holds of every view."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core import frugal
from racer.core.frugal import GAPS, LATEST, LOOK_AGAIN, SILENCE, SOONEST
from racer.core.view import Planned, Running, View, Why
from tests.core.lanes import lane
from tests.core.prospects import Odds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.provider import Lane

A, B, C = (lane(f"{name}/m") for name in "abc")
LOADED, COLD = lane("o/m", local=True, loaded=True), lane("u/m", local=True)
WAITS = {"a/m": 3.0, "b/m": 2.0, "c/m": 1.0, "u/m": 5.0}


def odds(
    *,
    firsts: dict[str, float] | None = None,
    waits: dict[str, float] = WAITS,
    prices: dict[str, float] | None = None,
    allowance: int = 9,
) -> Odds:
    return Odds(firsts or {}, waits, prices or {}, allowance)


def view(
    running: Sequence[Running],
    waiting: Sequence[Lane],
    *,
    now: float = 10.0,
    width: int = 4,
    prospects: Odds | None = None,
    groups: dict[str, int] | None = None,
    had_turn: int = 0,
    vacant: int = 0,
) -> View:
    return View(now, width, running, waiting, prospects or odds(), groups or {}, had_turn, vacant)


def run(
    on: Lane, started: float, first: float | None = None, last: float | None = None, pieces: int = 0
) -> Running:
    """`on` at work; which attempt it is makes no difference."""
    return Running(0, on, started, first, last, pieces)


def plan_frugal(view: View) -> list[Planned]:
    """Its plan, whatever the reasons."""
    return [replace(planned, why=Why.FIRST) for planned in frugal.plan_frugal(view)]


# ------------------------------------------------------------------- the first


def test_whoever_is_expected_soonest_goes_first() -> None:
    """Alone, whatever the width and the rank."""
    assert [Planned(C)] == plan_frugal(view([], [A, B, C]))


def test_the_price_of_a_request_counts_as_seconds() -> None:
    """A lane that is quick and dear goes behind one that is slower and cheap."""
    assert [Planned(B)] == plan_frugal(view([], [A, B, C], prospects=odds(prices={"c/m": 1.5})))


def test_among_equals_the_first_in_order_of_rank_goes() -> None:
    """As where nothing is known of them."""
    assert [Planned(B)] == plan_frugal(view([], [B, A, C], prospects=Odds()))


def test_the_wishes_of_the_caller_come_first() -> None:
    """Whatever it costs: among those that are wished for alike the price decides."""
    dear = odds(prices={"a/m": 99.0, "b/m": 99.0})

    assert [Planned(B)] == plan_frugal(view([], [A, B, C], prospects=dear, groups={"c/m": 1}))


def test_providers_that_had_their_turn_wait_until_no_other_is_left() -> None:
    """The heat puts them behind the others, however quick they are."""
    assert [Planned(B)] == plan_frugal(view([], [A, B, C], had_turn=1))
    assert [Planned(C)] == plan_frugal(view([], [A, B, C], had_turn=3))


def test_nobody_waits() -> None:
    """Then there is nothing to plan, whoever runs."""
    assert [] == plan_frugal(view([], []))
    assert [] == plan_frugal(view([run(A, 0.0)], []))


# ------------------------------------------------------------------- local lanes


def test_a_loaded_local_lane_starts_beside_the_first() -> None:
    """It costs nothing."""
    assert [Planned(LOADED), Planned(C)] == plan_frugal(view([], [LOADED, A, B, C]))


def test_a_loaded_local_lane_is_not_waited_for() -> None:
    """It neither holds a start back by what it says, nor is anybody late beside it."""
    assert [Planned(C)] == plan_frugal(view([run(LOADED, 9.9, 9.95)], [A, B, C]))
    assert [Planned(C, 0.5, extra=True)] == plan_frugal(view([run(A, 9.5), run(LOADED, 10.0)], [C]))


def test_a_local_lane_that_is_not_loaded_has_no_head_start() -> None:
    """It is one of the others: it takes a place when it is the best, and is late like any other."""
    slow = odds(waits={"u/m": 5.0, "a/m": 6.0}, firsts={"u/m": 4.0})

    assert [Planned(C)] == plan_frugal(view([], [COLD, A, B, C]))
    assert [Planned(COLD)] == plan_frugal(view([], [COLD, A], prospects=slow))
    assert [Planned(A, 3.0)] == plan_frugal(view([run(COLD, 9.0)], [A], prospects=slow))


def test_a_cold_local_lane_starts_beside_one_that_is_late() -> None:
    """It costs nothing, and is warm for the next race; but it never takes the place of the other."""
    late = view([run(A, 5.0)], [B, COLD])

    assert [Planned(COLD), Planned(B, extra=True)] == plan_frugal(late)
    assert [Planned(COLD, 0.5), Planned(B, 0.5, extra=True)] == plan_frugal(view([run(A, 9.5)], [B, COLD]))
    assert [Planned(B, extra=True)] == plan_frugal(view([run(A, 5.0)], [B, COLD], width=2))
    assert [Planned(COLD), Planned(B)] == plan_frugal(view([run(A, 9.0)], [B, COLD], vacant=1))


def test_a_cold_local_lane_is_not_waited_for_beside_others() -> None:
    """While it is loaded the next one is due all the same."""
    assert [Planned(C, 0.5, extra=True)] == plan_frugal(view([run(A, 9.5), run(COLD, 10.0)], [C]))


def test_several_loaded_local_lanes_do_not_take_every_place() -> None:
    """One of them goes before the others, the rest behind."""
    second, third = (lane(f"{name}/m", local=True, loaded=True) for name in "pq")
    waiting = [LOADED, second, third, A]

    assert [Planned(LOADED), Planned(A)] == plan_frugal(view([], waiting, width=2))
    assert [Planned(A)] == plan_frugal(view([run(LOADED, 10.0)], waiting[1:], width=2))
    now = [run(LOADED, 10.0), run(A, 10.0)]
    assert [Planned(second), Planned(third)] == plan_frugal(view(now, waiting[1:3], width=4))


def test_a_head_start_gives_way_to_the_wishes_of_the_caller() -> None:
    """Where there is one place, it is for the lane that is wished for; a later one it does not wait for."""
    wished = {"o/m": 1}

    assert [Planned(C)] == plan_frugal(view([], [C, LOADED], width=1, groups=wished))
    assert [Planned(LOADED)] == plan_frugal(view([run(A, 10.0)], [C, LOADED], width=2, groups=wished))


# ------------------------------------------------------------------- one that is late


def test_the_next_is_planned_for_when_the_last_is_late() -> None:
    """When nine in ten of its calls have shown a token; the head start of a local lane has no part in it."""
    known = odds(firsts={"a/m": 0.5, "b/m": 0.75})

    assert [Planned(C, 0.5, extra=True)] == plan_frugal(view([run(A, 10.0)], [C], prospects=known))
    both = [run(A, 9.0), run(B, 10.0), run(LOADED, 10.0)]
    assert [Planned(C, 0.75, extra=True)] == plan_frugal(view(both, [C], prospects=known))


def test_one_that_is_late_is_joined_at_once() -> None:
    """From the instant on at which it is."""
    for started in (9.5, 5.0):
        late = view([run(A, started)], [B, C], prospects=odds(firsts={"a/m": 0.5}))
        assert [Planned(C, extra=True)] == plan_frugal(late)


def test_no_lane_is_late_in_the_first_moment() -> None:
    """However quick it is said to be."""
    quick = view([run(A, 10.0)], [B], prospects=odds(firsts={"a/m": 0.001}))

    assert [pytest.approx(SOONEST)] == [planned.offset for planned in plan_frugal(quick)]


def test_an_extra_request_goes_to_who_is_forgotten() -> None:
    """So that every lane is known; not what replaces another, and not against the caller's wishes."""
    unknown = Odds({}, WAITS, {}, 9, unknown=frozenset({"b/m"}))

    assert [Planned(B, extra=True)] == plan_frugal(view([run(A, 5.0)], [B, C], prospects=unknown))
    assert [Planned(C)] == plan_frugal(view([run(A, 5.0)], [B, C], prospects=unknown, vacant=1))
    assert [Planned(C)] == plan_frugal(view([], [B, C], prospects=unknown))
    wished = view([run(A, 5.0)], [C, B], prospects=unknown, groups={"b/m": 1})
    assert [Planned(C, extra=True)] == plan_frugal(wished)


def test_no_lane_is_waited_for_without_end() -> None:
    """However late it has become: what hangs makes itself look slower from race to race."""
    slow = view([run(A, 10.0)], [B], prospects=odds(firsts={"a/m": 60.0}))

    assert [LATEST] == [planned.offset for planned in plan_frugal(slow)]


def test_the_first_request_is_no_extra_beside_a_local_lane() -> None:
    """One that was not loaded, and is late: nothing was asked yet that costs."""
    assert [Planned(A)] == plan_frugal(view([run(COLD, 0.0)], [A], prospects=odds(allowance=0)))


def test_without_allowance_nobody_is_added_who_costs() -> None:
    """It is looked at again in a while; a local lane costs nothing, loaded or not."""
    spent = odds(allowance=0)

    assert [Planned(C, LOOK_AGAIN, extra=True)] == plan_frugal(view([run(A, 0.0)], [B, C], prospects=spent))
    assert [Planned(COLD)] == plan_frugal(view([run(A, 0.0)], [B, C, COLD], prospects=spent))
    assert [Planned(B, 1.0, extra=True)] == plan_frugal(view([run(A, 10.0)], [B], prospects=spent))


def test_when_every_place_is_taken_nobody_is_planned() -> None:
    """Neither now nor for later."""
    for width in (1, 2):
        full = [run(A, 0.0), run(B, 0.0)]
        assert [] == plan_frugal(view(full, [C, LOADED], width=width))


# ------------------------------------------------------------------- one that failed


def test_one_that_failed_is_replaced_at_once() -> None:
    """Beside those that run, and without an allowance."""
    spent = odds(allowance=0)

    assert [Planned(C)] == plan_frugal(view([run(A, 10.0)], [B, C], prospects=spent, vacant=1))
    assert [Planned(C)] == plan_frugal(view([], [B, C], prospects=spent, vacant=1))


def test_one_that_failed_is_not_replaced_while_another_streams() -> None:
    """Until that one has stalled."""
    streams = [run(A, 8.0, 9.0)]

    assert [Planned(C, 1.0)] == plan_frugal(view(streams, [C], vacant=1))
    assert [Planned(C)] == plan_frugal(view(streams, [C], vacant=1, now=11.0))


# ------------------------------------------------------------------- one that streams


def test_a_stream_holds_everybody_back_while_it_runs() -> None:
    """The next is due when it would have stalled: also the lane that came late beside it."""
    streams, silent = run(A, 5.0, 9.0, last=9.5, pieces=10), run(B, 6.0)

    for running in ([streams], [streams, silent], [silent, streams]):
        assert [Planned(C, 1.5, extra=True)] == plan_frugal(view(running, [C]))


def test_a_stream_that_has_stalled_is_one_that_is_late() -> None:
    """The next starts beside it at once, and the one after that when the next is late."""
    stalled = run(A, 5.0, 7.0, last=8.0, pieces=10)

    assert [Planned(C, extra=True)] == plan_frugal(view([stalled], [C]))
    assert [Planned(C, 1.0, extra=True)] == plan_frugal(view([stalled, run(B, 10.0)], [C]))


def test_a_stream_that_pauses_often_may_pause_for_longer() -> None:
    """So many times as long as it mostly does; one whose pauses nobody knows yet, two seconds."""
    steady, new = run(A, 0.0, 4.0, last=10.0, pieces=12), run(A, 0.0, 10.0)

    assert [Planned(C, GAPS * 0.5, extra=True)] == plan_frugal(view([steady], [C]))
    assert [Planned(C, SILENCE, extra=True)] == plan_frugal(view([new], [C]))


# ------------------------------------------------------------------- why


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (view([], [A]), [Why.FIRST]),
        (view([], [LOADED, A]), [Why.AHEAD, Why.FIRST]),
        (view([run(LOADED, 9.0)], [A]), [Why.FIRST]),
        (view([run(A, 10.0)], [B]), [Why.LATE]),
        (view([run(A, 5.0)], [B]), [Why.LATE]),
        (view([run(A, 5.0, 6.0)], [B]), [Why.STALLED]),
        (view([run(A, 5.0, 6.0), run(B, 10.0)], [C]), [Why.LATE]),
        (view([run(A, 10.0)], [B], vacant=1), [Why.REPLACES]),
        (view([], [B], vacant=1), [Why.REPLACES]),
        (view([run(A, 8.0, 9.0)], [B], vacant=1), [Why.STALLED]),
    ],
)
def test_each_start_says_why(given: View, why: list[Why]) -> None:
    """It is shown to people who look at the race later."""
    assert why == [planned.why for planned in frugal.plan_frugal(given)]


# ------------------------------------------------------------------- what holds of every view


LANES = [
    *(lane(f"{name}/m") for name in "abcdef"),
    *(lane(f"{name}/m", local=True) for name in "gh"),
    *(lane(f"{name}/m", local=True, loaded=True) for name in "ij"),
]
IDS = [each.id for each in LANES]
seconds = st.floats(0, 20)
by_lane = st.dictionaries(st.sampled_from(IDS), seconds)
odds_drawn = st.builds(Odds, by_lane, by_lane, by_lane, st.integers(0, 1))


@st.composite
def runs(draw: st.DrawFn, on: Lane, started: float) -> Running:
    if draw(st.booleans()):
        return run(on, started)
    first = draw(st.floats(started, 20))
    return run(on, started, first, draw(st.none() | st.floats(first, 20)), draw(st.integers(0, 50)))


@st.composite
def views(draw: st.DrawFn) -> View:
    """Some lanes run, others wait, and it is 20."""
    order = draw(st.permutations(LANES))
    starts = sorted(draw(st.lists(seconds, max_size=5)))
    running = [draw(runs(on, started)) for on, started in zip(order, starts, strict=False)]
    waiting = order[len(starts) : draw(st.integers(len(starts), len(order)))]
    return view(
        running,
        waiting,
        now=20.0,
        width=draw(st.integers(max(1, len(starts) - 1), 6)),
        prospects=draw(odds_drawn),
        groups=draw(st.dictionaries(st.sampled_from(IDS), st.integers(0, 2))),
        had_turn=draw(st.integers(0, len(waiting))),
        vacant=draw(st.integers(0, 2)),
    )


def is_ahead(lane: Lane) -> bool:
    return lane.provider.local and not lane.is_cold


@given(views())
def test_no_more_than_the_width_and_nobody_twice(given: View) -> None:
    """A plan has lanes that wait, each once, and fits the free places."""
    plan = plan_frugal(given)
    ids = [planned.lane.id for planned in plan]

    assert len(plan) <= max(0, given.width - len(given.running))
    assert len(set(ids)) == len(ids)
    assert set(ids) <= {each.id for each in given.waiting}
    assert all(planned.offset >= 0 for planned in plan)


@given(views())
def test_somebody_starts_when_nobody_runs(given: View) -> None:
    """As long as a lane waits, whatever is allowed."""
    plan = plan_frugal(replace(given, running=[]))

    assert bool(plan) is bool(given.waiting)
    assert all(planned.offset == 0 and not planned.extra for planned in plan)


@given(views())
def test_the_same_view_has_the_same_plan(given: View) -> None:
    """A policy keeps nothing."""
    assert plan_frugal(given) == plan_frugal(given)


@given(views())
def test_no_extra_starts_without_allowance(given: View) -> None:
    """Whoever starts beside one that costs is an extra, unless it costs nothing or replaces another."""
    costs = any(not each.lane.provider.local for each in given.running)
    for planned in plan_frugal(given):
        assert planned.extra is (costs and not given.vacant and not planned.lane.provider.local)
        assert planned.offset > 0 or not planned.extra or given.prospects.may_add()


@given(views())
def test_nobody_starts_beside_a_stream(given: View) -> None:
    """Nobody but those with a head start; a local one is no stream that is waited for beside others."""
    metered = [each for each in given.running if not each.lane.provider.local]
    others = metered or [each for each in given.running if not is_ahead(each.lane)]
    last_pieces = [each.first_token if each.last is None else each.last for each in others]
    streams = any(at is not None and given.now < at + SILENCE for at in last_pieces)
    starts = [planned.lane for planned in plan_frugal(given) if planned.offset == 0]

    assert not streams or all(is_ahead(each) for each in starts)


@given(views())
def test_one_at_a_time_and_the_wishes_first(given: View) -> None:
    """Of those that have no head start one is planned, and none that could go instead has a better place."""
    plan = plan_frugal(given)
    costs = any(not each.lane.provider.local for each in plan)
    # A cold one that is warmed beside one that costs has its own test.
    planned = [each for each in plan if not is_ahead(each.lane) and not (costs and each.lane.is_cold)]
    able = given.waiting[: len(given.waiting) - given.had_turn] or given.waiting
    others = [each for each in able if not is_ahead(each)]

    def place(lane: Lane) -> tuple[int, float]:
        known = given.prospects
        return given.groups.get(lane.id, 0), known.expected(lane) + known.price(lane)

    assert len(planned) <= 1
    for each in planned:
        if each.extra and given.prospects.forgotten(each.lane):
            continue
        # Where the allowance is used up, a local lane may go in the stead of a better one.
        alike = [one for one in others if one.provider.local or not each.lane.provider.local]
        among = others if given.prospects.may_add() or each.extra else alike
        assert place(each.lane) == min(map(place, among))
