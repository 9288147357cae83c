"""What a bench has seen: each call to a lane and each race, as it came. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from racer.core.reply import Attempt


class Kind(StrEnum):
    """What was asked: one lane alone, or all of them by a policy."""

    LANE = "lane"
    POLICY = "policy"


ANSWERED = "answered"
BURST = 0.01  # seconds: an answer that is there sooner was written before, and sent at once
KEPT_OUT = "kept_out"  # nothing was sent: every lane was resting or used up


@dataclass(frozen=True, slots=True)
class Sample:
    """One question put to one contender. `at` is in unix seconds, all else in seconds from there.

    `outcome` is `answered`, `kept_out`, or the class of the failure: a Kind of racer_adapters.errors, or
    `deadline`. `took` runs to the end, whatever the end was. `attempts` are the lanes that ran, `sent` of
    them requests. `answered_by` is a lane's id. `round` counts from 0; those of the warm-up are -1.
    `thought`: it wrote more than its answer shows.
    """

    kind: Kind
    contender: str
    round: int
    prompt: int
    at: float
    outcome: str
    took: float
    first_token: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    answered_by: str | None = None
    reason: str | None = None
    attempts: tuple[Attempt, ...] = ()
    thought: bool = False

    @property
    def sent(self) -> int:
        return len(self.attempts)

    @property
    def answered(self) -> bool:
        return self.outcome == ANSWERED

    @property
    def warm_up(self) -> bool:
        return self.round < 0

    @property
    def tokens_per_second(self) -> float | None:
        """While it was writing: from its first token to its end.

        None where all came in one burst, and where it thought: nobody saw it write all that was counted.
        """
        if not self.answered or self.thought or not self.output_tokens or self.first_token is None:
            return None
        writing = self.took - self.first_token
        return self.output_tokens / writing if writing > BURST else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": str(self.kind),
            "contender": self.contender,
            "round": self.round,
            "prompt": self.prompt,
            "at": round(self.at, 3),
            "outcome": self.outcome,
            "took": round(self.took, 6),
            "first_token": None if self.first_token is None else round(self.first_token, 6),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "thought": self.thought,
            "answered_by": self.answered_by,
            "reason": self.reason,
            "attempts": [attempt.to_dict() for attempt in self.attempts],
        }
