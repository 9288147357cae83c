"""Ratios of what was measured in turns, with the spread over the turns; and quantiles."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Ratio:
    """Of two things measured in turns: the middle one, and what eight in ten turns lie between."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
        """Each of ours beside that of theirs from the same turn."""
        ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
        tenth = len(ratios) // 10
        return cls(statistics.median(ratios), ratios[tenth], ratios[-1 - tenth])

    @classmethod
    def read(cls, told: Sequence[float]) -> Ratio:
        """What `told` gave."""
        return cls(*told)

    def told(self) -> list[float]:
        return [round(value, 3) for value in (self.middle, self.low, self.high)]

    def __str__(self) -> str:
        return f"{short(self.middle)} ({short(self.low)} to {short(self.high)})"


def short(value: float) -> str:
    """Three figures at most."""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that `share` of all do not exceed."""
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)  # rounded up
    return ordered[min(len(ordered), max(1, rank)) - 1]
