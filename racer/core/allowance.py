"""An allowance of extra requests: what races may send beside the one that an answer takes. Pure.

It bounds them whatever the plan believes: where nothing is answered, nothing is added, so an outage costs
what was in hand and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.grant import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from racer.core.quota import Spent

EXTRA = 0.25
HIGHEST = 3.0  # of `extra`, and so of four lanes at once
MOST = 20.0
PLENTY = 0.75
HEDGING = "frugal"  # the policy whose extra requests have a bound of their own


class Allowance:
    """`extra` requests are added for each answer, up to `most`, which are in hand at first.

    With an `extra` of 0 there is none, ever. Raises ValueError where `extra` is not from 0 to HIGHEST.
    """

    __slots__ = ("_extra", "_most", "left")

    def __init__(self, extra: float = EXTRA, most: float = MOST, *, name: str = "extra") -> None:
        if not 0 <= extra <= HIGHEST:
            raise ValueError(f"{name} has to be from 0 to {HIGHEST:g}, not {extra!r}")
        self._extra = extra
        self._most = most if extra > 0 else 0.0
        self.left = self._most

    @property
    def has(self) -> bool:
        """Whether an extra request may be sent now."""
        return self.left + TOLERANCE >= 1

    @property
    def has_plenty(self) -> bool:
        """Whether little of what may be in hand is missing."""
        return self.has and self.left >= PLENTY * self._most

    def take(self) -> bool:
        """Send an extra request, if there is one left: whether there was."""
        if not self.has:
            return False
        self.left = max(0.0, self.left - 1)
        return True

    def recall(self, races: Iterable[Spent]) -> None:
        """What `races` before this one, the oldest first, have left of it."""
        before = Allowance(self._extra, self._most)
        for _, answered, extra in races:
            before.left = max(0.0, before.left - extra)
            if answered:
                before.answered()
        self.left = max(0.0, self.left - (self._most - before.left))

    def answered(self) -> None:
        """A race was answered."""
        self.left = min(self._most, self.left + self._extra)


class Budget:
    """What all races of one Racer may spend on extra requests. Raises ValueError as `Allowance` does.

    `extra` bounds those of `frugal`, `max_tax` those of every race; without it the others have no bound.
    """

    __slots__ = ("_hedges", "_taxed")

    def __init__(self, extra: float = EXTRA, max_tax: float | None = None) -> None:
        self._hedges = Allowance(extra)
        self._taxed = () if max_tax is None else (Allowance(max_tax, name="max_tax"),)

    def of(self, policy: str) -> tuple[Allowance, ...]:
        """What an extra request of a race by this policy comes out of: out of each."""
        return (self._hedges, *self._taxed) if policy == HEDGING else self._taxed

    def answered(self, policy: str) -> None:
        """A race by this policy was answered."""
        for allowance in self.of(policy):
            allowance.answered()

    def recall(self, races: Sequence[Spent]) -> None:
        """What `races` before this had, the oldest first."""
        self._hedges.recall(race for race in races if race[0] == HEDGING)
        for allowance in self._taxed:
            allowance.recall(races)
