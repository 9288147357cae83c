"""The policies: who starts when, given who runs and who waits."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import pytest

from racer.core.frugal import plan_frugal
from racer.core.plan import POLICIES, plan_all, plan_one
from racer.core.view import Running, View, Why
from tests.core.lanes import lane
from tests.core.prospects import Odds

if TYPE_CHECKING:
    from racer.core.provider import Lane

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


def spared(*waiting: str, lasts: str, width: int = 2, had_turn: int = 0, groups: str = "") -> list[str]:
    """Whom `all` starts, with little left of the limits of `lasts`; `groups` are wished for less."""
    odds = Odds(lasts=frozenset(f"{name}/m" for name in lasts))
    lanes = {"a": A, "b": B, "c": C}
    later = {f"{name}/m": 1 for name in groups}
    seen = View(5.0, width, [], [lanes[name] for name in waiting], odds, later, had_turn)
    return [each.lane.provider.name for each in plan_all(seen) if each.offset == 0]


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        (spared("a", "b", "c", lasts="a"), "bc"),
        (spared("a", "b", "c", lasts="ab"), "ca"),
        (spared("a", "b", "c", lasts="c"), "ab"),
        (spared("a", "b", "c", lasts="abc"), "ab"),
        (spared("a", "b", lasts="a"), "ab"),
        (spared("a", "b", "c", lasts="a", had_turn=2), "ab"),
        (spared("a", "b", "c", lasts="a", groups="bc"), "ab"),
        (spared("a", "b", "c", lasts="a", width=1), "b"),
    ],
    ids=[
        "others fill its place",
        "one other, then the better of the two",
        "it had no place",
        "nobody else",
        "no others",
        "the others had their turn",
        "it is the one that is wished for",
        "the only place",
    ],
)
def test_all_spares_the_last_of_a_lane_where_others_can_fill_its_place(
    started: list[str], expected: str
) -> None:
    """Never against the caller's wishes, nor against the turns of providers, and no place stays empty."""
    assert list(expected) == started


def test_all_asks_beside_others_only_what_its_allowance_has() -> None:
    """One that costs nothing is always welcome, and a lane that failed is replaced."""
    local, spent = lane("o/m", local=True), Odds(allowance=0)

    def planned(*running: Running, vacant: int = 0) -> list[object]:
        now = View(5.0, 4, running, [A, local, B], spent, {}, 0, vacant)
        return [(each.lane, each.extra) for each in plan_all(now) if each.offset == 0]

    assert [(A, False), (local, False), (B, False)] == planned()
    assert [(A, False), (local, False), (B, False)] == planned(Running(0, lane("p/m", local=True), 0.0))
    assert [(local, False)] == planned(Running(0, C, 0.0))
    assert [(A, False), (local, False), (B, False)] == planned(Running(0, C, 0.0), vacant=1)
    spent.allowance = 1
    assert [(A, True), (local, False), (B, True)] == planned(Running(0, C, 0.0))


def test_whoever_is_not_started_for_a_reason_says_so() -> None:
    """It never starts by this plan, and people are told why."""
    spared = View(5.0, 1, [], [A, B], Odds(lasts=frozenset({"a/m"})))
    held = View(5.0, 4, [Running(0, C, 0.0)], [A, lane("o/m", local=True), B], Odds(allowance=0))

    assert [(A, inf, Why.SPARED), (B, 0.0, Why.FIRST)] == told(spared)
    assert [("a/m", inf, Why.HELD), ("b/m", inf, Why.HELD), ("o/m", 0.0, Why.BESIDE)] == [
        (who.id, offset, why) for who, offset, why in told(held)
    ]


def told(seen: View) -> list[tuple[Lane, float, Why]]:
    return [(each.lane, each.offset, each.why) for each in plan_all(seen)]


def test_every_start_says_why() -> None:
    """The first, those beside it, and who replaces another."""
    beside = View(5.0, 3, [Running(0, C, 0.0)], [A, B])
    vacant = View(5.0, 3, [], [A], vacant=1)

    assert [Why.FIRST] == [each.why for each in plan_one(view("a"))]
    assert [Why.FIRST, Why.FIRST] == [each.why for each in plan_all(view("a", "b"))]
    assert [Why.BESIDE, Why.BESIDE] == [each.why for each in plan_all(beside)]
    assert [[Why.REPLACES]] * 2 == [[each.why for each in plan(vacant)] for plan in (plan_all, plan_one)]


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
