"""What a policy sees, and what stands in where nothing is known."""

from __future__ import annotations

from racer.core.view import UNKNOWN, Planned, Prospects, Running, View
from tests.core.lanes import lane

A = lane("a/m")


def test_where_nothing_is_known_lanes_are_alike() -> None:
    """None is dear, and a second may be asked after a second."""
    nothing: Prospects = UNKNOWN

    assert (1.0, 1.0) == (nothing.first(A), nothing.expected(A))
    assert 0.0 == nothing.price(A) == nothing.rest(A, 3.0)
    assert not nothing.last(A)
    assert not nothing.overdue(A, 99.0)
    assert not nothing.forgotten(A)
    nothing.add()
    assert nothing.may_add()


def test_a_view_needs_no_more_than_who_runs_and_who_waits() -> None:
    """The rest has neutral defaults: nothing known, no wishes, nobody had a turn, nobody has failed."""
    view = View(0.0, 4, [Running(0, A, 0.0)], [])

    assert (UNKNOWN, {}, 0, 0) == (view.prospects, view.groups, view.had_turn, view.vacant)
    assert (None, None, 0) == (view.running[0].first_token, view.running[0].last, view.running[0].pieces)


def test_a_plan_is_a_lane_and_an_offset() -> None:
    """Without an offset a lane starts at once; a policy that hedges gives seconds from now, and says so."""
    assert Planned(A) == Planned(A, 0.0, extra=False)
    assert Planned(A, 0.3).offset == 0.3
