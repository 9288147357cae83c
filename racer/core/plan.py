"""Policies: who starts when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from racer.core.frugal import plan_frugal
from racer.core.view import Planned, View, Why

if TYPE_CHECKING:
    from racer.core.provider import Lane

Policy = Callable[[View], Sequence[Planned]]

NEVER = float("inf")


def plan_all(view: View) -> Sequence[Planned]:
    """The best lanes at once; a place that comes free is filled at once.

    Who would take of the last of a limit that is behind its pace goes behind those who would not, where the
    caller's wishes put them alike. A request beside others comes out of the allowance, where there is one.
    """
    room = max(0, view.width - len(view.running))
    extra = not view.vacant and any(not run.lane.provider.local for run in view.running)
    if extra and not view.prospects.may_add():
        return _free_ones(view.waiting, room)
    why = Why.REPLACES if view.vacant else Why.BESIDE if view.running else Why.FIRST
    lanes, spared = _shares(view, room)
    plan = [Planned(lane, extra=extra and not lane.provider.local, why=why) for lane in lanes]
    return [*(Planned(lane, NEVER, why=Why.SPARED) for lane in spared), *plan] if spared else plan


def _free_ones(lanes: Sequence[Lane], room: int) -> list[Planned]:
    """Those that cost nothing, and that the others are held back."""
    free = [Planned(lane, why=Why.BESIDE) for lane in lanes if lane.provider.local][:room]
    held = [lane for lane in lanes[:room] if not lane.provider.local]
    return [*(Planned(lane, NEVER, why=Why.HELD) for lane in held), *free]


def plan_one(view: View) -> Sequence[Planned]:
    """One lane at a time; the next when it has failed."""
    why = Why.REPLACES if view.vacant else Why.FIRST
    return [] if view.running else [Planned(lane, why=why) for lane in view.waiting[:1]]


def _shares(view: View, room: int) -> tuple[Sequence[Lane], Sequence[Lane]]:
    """As many lanes as there is `room` for, and those that are spared: not where no others are left."""
    lanes, last = view.waiting, view.prospects.last
    best = lanes[:room]
    if len(lanes) <= room or not any(map(last, best)):
        return best, ()
    fresh = len(lanes) - view.had_turn
    places = {lane.id: (at >= fresh, view.groups.get(lane.id, 0)) for at, lane in enumerate(lanes)}
    chosen = sorted(lanes, key=lambda lane: (*places[lane.id], last(lane)))[:room]
    ids = {lane.id for lane in chosen}
    return chosen, [lane for lane in best if lane.id not in ids]


POLICIES: dict[str, Policy] = {"all": plan_all, "frugal": plan_frugal, "one": plan_one}
