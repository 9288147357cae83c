"""Policies: who starts when.

A policy is a pure function from what is running and who is waiting to `Planned(lane, offset)`, offsets in
seconds from now. It is asked again at every turn of the race, so it keeps no state of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from racer.core.provider import Lane


@dataclass(slots=True)
class Running:
    """A lane at work. `first_token` is the instant of its first real token, once it came."""

    attempt: int
    lane: Lane
    started: float
    first_token: float | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What a policy may know. `waiting` is in order of rank and holds only lanes that may start now."""

    now: float
    width: int
    running: Sequence[Running]
    waiting: Sequence[Lane]


@dataclass(frozen=True, slots=True)
class Planned:
    lane: Lane
    offset: float = 0.0


Policy = Callable[[View], Sequence[Planned]]


def plan_all(view: View) -> Sequence[Planned]:
    """The best lanes at once; a place that comes free is filled at once."""
    return [Planned(lane) for lane in view.waiting[: max(0, view.width - len(view.running))]]


def plan_one(view: View) -> Sequence[Planned]:
    """One lane at a time; the next when it has failed."""
    return [] if view.running else [Planned(lane) for lane in view.waiting[:1]]


POLICIES: dict[str, Policy] = {"all": plan_all, "one": plan_one}
