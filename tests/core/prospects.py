"""What is to be expected of lanes, as a test says: by id, in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from racer.core.provider import Lane


@dataclass
class Odds:
    """`allowance` is how many extra requests are left; a lane that is not named takes a second.

    `lasts` are those of whose limits little is left, `unknown` those that nobody has asked for hours.
    """

    firsts: dict[str, float] = field(default_factory=dict[str, float])
    waits: dict[str, float] = field(default_factory=dict[str, float])
    prices: dict[str, float] = field(default_factory=dict[str, float])
    allowance: int = 9
    lasts: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()

    def first(self, lane: Lane) -> float:
        return self.firsts.get(lane.id, 1.0)

    def expected(self, lane: Lane) -> float:
        return self.waits.get(lane.id, 1.0)

    def price(self, lane: Lane) -> float:
        return 0.0 if lane.provider.local else self.prices.get(lane.id, 0.0)

    def last(self, lane: Lane) -> bool:
        return lane.id in self.lasts

    def rest(self, lane: Lane, age: float) -> float:
        return max(0.0, self.expected(lane) - age)

    def overdue(self, lane: Lane, age: float) -> bool:
        return False

    def forgotten(self, lane: Lane) -> bool:
        return lane.id in self.unknown

    def may_add(self) -> bool:
        return self.allowance > 0

    def add(self) -> None:
        self.allowance -= 1
