"""Policies: who starts when."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from racer.core.frugal import plan_frugal
from racer.core.view import Planned, View

Policy = Callable[[View], Sequence[Planned]]


def plan_all(view: View) -> Sequence[Planned]:
    """The best lanes at once; a place that comes free is filled at once."""
    return [Planned(lane) for lane in view.waiting[: max(0, view.width - len(view.running))]]


def plan_one(view: View) -> Sequence[Planned]:
    """One lane at a time; the next when it has failed."""
    return [] if view.running else [Planned(lane) for lane in view.waiting[:1]]


POLICIES: dict[str, Policy] = {"all": plan_all, "frugal": plan_frugal, "one": plan_one}
