"""What several races used, counted from their facts: requests, results, tokens and times. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from racer.core.facts import LaneEnded, LaneFirstToken, LaneStarted, RaceEnded
from racer.core.heat import Ending, Outcome
from racer.core.printable import one_line

if TYPE_CHECKING:
    from racer.core.facts import Fact
    from racer.core.reply import Attempt


@dataclass(slots=True)
class Use:
    """What one provider did. Seconds are a lane's own; `answers` are those of whole answers alone."""

    provider: str
    requests: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter[Outcome])
    failures: Counter[str] = field(default_factory=Counter[str])
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    first_tokens: list[float] = field(default_factory=list[float])
    answers: list[float] = field(default_factory=list[float])

    def add(self, attempt: Attempt) -> None:
        self.outcomes[attempt.outcome] += 1
        if attempt.outcome is Outcome.FAILED:
            self.failures[one_line(attempt.reason or "no reason given")] += 1
        if attempt.outcome in (Outcome.WON, Outcome.LATE):
            self.answers.append(attempt.latency)
        if attempt.usage is not None:
            self.input_tokens += attempt.usage.input_tokens
            self.output_tokens += attempt.usage.output_tokens
            self.estimated = self.estimated or attempt.usage.estimated


class Tally:
    """An observer. `races` are the latencies of the races that were won, in seconds."""

    def __init__(self) -> None:
        self._uses: dict[str, Use] = {}
        self.races: list[float] = []
        self.lost = 0

    @property
    def uses(self) -> tuple[Use, ...]:
        """The most asked provider first."""
        return tuple(sorted(self._uses.values(), key=lambda use: (-use.requests, use.provider)))

    @property
    def requests(self) -> int:
        return sum(use.requests for use in self._uses.values())

    @property
    def stopped(self) -> int:
        return sum(use.outcomes[Outcome.LOST] for use in self._uses.values())

    def __call__(self, fact: Fact) -> None:
        if isinstance(fact, LaneStarted):
            self._of(fact.lane.provider.name).requests += 1
        elif isinstance(fact, LaneFirstToken):
            self._of(fact.lane.provider.name).first_tokens.append(fact.after)
        elif isinstance(fact, LaneEnded):
            self._of(fact.lane.provider.name).add(fact.record)
        elif isinstance(fact, RaceEnded):
            self._count(fact)

    def _count(self, fact: RaceEnded) -> None:
        if fact.ending is Ending.WON:
            self.races.append(fact.latency)
        elif fact.ending is not Ending.ABORTED:
            self.lost += 1

    def _of(self, provider: str) -> Use:
        name = one_line(provider)
        return self._uses.setdefault(name, Use(name))


def middle(seconds: list[float]) -> float | None:
    """The median, or None of nothing."""
    return median(seconds) if seconds else None
