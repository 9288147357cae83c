"""Who works on a batch, and what it waits for: read from its desk and its pace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.batch.progress import LaneProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.batch.run import Runner

FOREVER = float("inf")


def lanes_of(runner: Runner, concurrency: int, skew: float, now: float) -> tuple[LaneProgress, ...]:
    """Each lane that was asked. `skew`: unix seconds minus the clock of `now`."""
    found: list[LaneProgress] = []
    for name, track in runner.pace.tracks.items():
        block = runner.desk.blocks.get(name)
        shut = block if block is not None and not block.pending and block.until > now else None
        until = shut.until + skew if shut is not None and shut.until < FOREVER else None
        window = int(min(track.places, concurrency))
        waits = None if shut is None else shut.reason
        found.append(LaneProgress(name, track.flying, window, track.answered, track.failed, waits, until))
    return tuple(found)


def asleep_until(runner: Runner, skew: float, now: float) -> float | None:
    """Until when nobody can be asked, in unix seconds. None while somebody can."""
    desk = runner.desk
    if desk.stopping or not desk.is_stuck:
        return None
    wake = desk.wake_at()
    return wake + skew if now + 1.0 < wake < FOREVER else None


def why_asleep(lanes: Sequence[LaneProgress], until: float | None) -> str:
    """Of those that everybody waits for, the one that comes first."""
    if until is None:
        return ""
    waiting = [lane for lane in lanes if lane.waits is not None and lane.until is not None]
    first = min(waiting, key=lambda lane: lane.until or FOREVER, default=None)
    return "" if first is None else f"{first.lane}: {first.waits}"
