"""Who may run beside whom, and whose turn it is: rule 4 of a race."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.provider import Lane


def is_in_the_way(lane: Lane, at_work: Sequence[Lane], local_lanes: int) -> bool:
    """Its machine is busy, or the same model is asked already on the limits that its account shares."""
    if lane.provider.local:
        busy = sum(other.provider.local and other.host == lane.host for other in at_work)
        if busy >= local_lanes:
            return True
    pool = lane.account.pool
    return pool is not None and any(
        other.model is lane.model and other.account.pool == pool for other in at_work
    )


def in_turn(lanes: Sequence[Lane], used: Mapping[str, int], turns: int) -> tuple[list[Lane], int]:
    """`lanes` with those last whose providers have `used` their `turns`, and how many these are."""
    fresh: list[Lane] = []
    had: list[Lane] = []
    for lane in lanes:
        (had if used.get(lane.provider.name, 0) >= turns else fresh).append(lane)
    return fresh + had, len(had)
