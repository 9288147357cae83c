"""What an attempt that has ended teaches about its lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.heat import Outcome

if TYPE_CHECKING:
    from racer.core.latency import Ended, LaneStats
    from racer.core.provider import Lane
    from racer.core.reply import Attempt

ENDED: dict[Outcome, Ended] = {
    Outcome.WON: "answered",
    Outcome.LATE: "answered",
    Outcome.FAILED: "failed",
    Outcome.LOST: "stopped",
}


def lane_key(provider: str, model: str) -> str:
    """Under which key something is learned: how fast a model answers does not depend on the account."""
    return f"{provider}/{model}"


def key_of(lane: Lane) -> str:
    return lane_key(lane.provider.name, lane.model.name)


def learn(stats: LaneStats, attempt: Attempt, at: float) -> None:
    """`attempt` ended at `at` (unix seconds)."""
    ended = ENDED[attempt.outcome]
    answered = ended == "answered" and attempt.usage is not None
    stats.observe(
        at=at,
        first_token=attempt.first_token,
        total=attempt.latency,
        ended=ended,
        tokens=attempt.usage.output_tokens if answered and attempt.usage else 0,
    )
