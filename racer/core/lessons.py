"""What an attempt that has ended teaches about its lane, and under which key it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.heat import Outcome
from racer.core.latency import COLD_MARK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.latency import Ended, LaneStats
    from racer.core.provider import Lane
    from racer.core.reply import Attempt

ENDED: dict[Outcome, Ended] = {
    Outcome.WON: "answered",
    Outcome.LATE: "answered",
    Outcome.FAILED: "failed",
    Outcome.LOST: "stopped",
}


def key_of(lane: Lane) -> str:
    """Under which key something is learned: how fast a model answers does not depend on the account.

    But it does on whether a disk has to be read first: a cold model has a key of its own.
    """
    name = f"{lane.provider.name}/{lane.model.name}"
    return name + COLD_MARK if lane.is_cold else name


def learned_anew(keys: Sequence[str]) -> str:
    """In words, what becomes of lanes of which nothing could be read; empty where there are none."""
    if not keys:
        return ""
    others = len(keys) - 1
    more = f" and {others} more lane{'' if others == 1 else 's'}" if others else ""
    return f"what was learned of {keys[0]}{more} is of another version, or damaged: it is learned anew"


def learn(stats: LaneStats, attempt: Attempt, at: float, answer: int = 0) -> None:
    """`attempt` ended at `at` (unix seconds). `answer`: the tokens of its race's winner; 0 if nobody knows.

    Without these, a size learns nothing of the lanes that were stopped, and looks faster than it is.
    """
    if attempt.forced and attempt.outcome is Outcome.FAILED:
        return  # that it would fail was known: it says nothing of how long it takes when it is well
    ended = ENDED[attempt.outcome]
    usage = attempt.usage
    own = 0 if usage is None else usage.output_tokens
    stats.observe(
        at=at,
        first_token=attempt.first_token,
        total=attempt.latency,
        ended=ended,
        tokens=own if ended == "answered" else answer,
        streamed=attempt.streamed,
    )
