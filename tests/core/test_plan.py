"""The policies: who starts when, given who runs and who waits."""

from __future__ import annotations

import pytest

from racer.core.frugal import plan_frugal
from racer.core.plan import POLICIES, plan_all, plan_one
from racer.core.view import Running, View
from tests.core.lanes import lane

A, B, C = (lane(f"{name}/m") for name in "abc")


def view(*waiting: str, running: int = 0, width: int = 2) -> View:
    lanes = {"a": A, "b": B, "c": C}
    at_work = [Running(number, A, 0.0) for number in range(running)]
    return View(5.0, width, at_work, [lanes[name] for name in waiting])


@pytest.mark.parametrize(
    ("given", "planned"),
    [
        (view("a", "b", "c"), [A, B]),
        (view("a", "b", "c", width=9), [A, B, C]),
        (view("c", "b", running=1), [C]),
        (view("a", running=2), []),
        (view("a", running=3), []),
        (view(), []),
    ],
    ids=["the best", "fewer than places", "a free place", "full", "more than full", "nobody"],
)
def test_all_fills_the_free_places_in_order(given: View, planned: list[object]) -> None:
    """`all` starts as many as there are places, best first, at once."""
    assert [(each.lane, each.offset) for each in plan_all(given)] == [(each, 0.0) for each in planned]


@pytest.mark.parametrize(
    ("given", "planned"),
    [(view("b", "a"), [B]), (view("a", running=1), []), (view(), [])],
    ids=["the best", "one runs", "nobody"],
)
def test_one_starts_a_lane_when_none_runs(given: View, planned: list[object]) -> None:
    """`one` never has two lanes at work, whatever the width."""
    assert [(each.lane, each.offset) for each in plan_one(given)] == [(each, 0.0) for each in planned]


def test_policies_by_name() -> None:
    """The table is what the option `policy` may say."""
    assert {"all": plan_all, "one": plan_one, "frugal": plan_frugal} == POLICIES
