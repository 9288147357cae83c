"""What one race may expect of its lanes: what was learned, what is left of limits, and what may be added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.lessons import key_of
from racer.core.price import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer.core.admission import Admission
    from racer.core.allowance import Allowance
    from racer.core.latency import LaneStats, Latencies, Size
    from racer.core.price import Worth
    from racer.core.provider import Lane

INSTANT = 0.02  # seconds in which a race makes its plans: what is reckoned holds for them all
VERY_LATE = 0.99  # the share of calls that are answered before one is
LATE = 0.9  # the share of calls that have shown a first token before one is called late


class Outlook:
    """`gate` is the race's own: it knows what a call takes of its limits. `now` gives unix seconds.

    An extra request comes out of all `allowances`. `sparing`: whether the last of a limit is to be spared.
    `size` is that of the answer, where the call bounds it.
    """

    __slots__ = (
        "_allowances", "_at", "_expected", "_gate", "_latencies", "_now", "_prices", "_size", "_sparing",
    )  # fmt: skip

    def __init__(
        self,
        latencies: Latencies,
        gate: Admission,
        allowances: Sequence[Allowance],
        now: Callable[[], float],
        *,
        sparing: bool = True,
        size: Size | None = None,
    ) -> None:
        self._latencies = latencies
        self._gate = gate
        self._allowances = allowances
        self._now = now
        self._sparing = sparing
        self._size: Size | None = size
        self._at = now()
        self._expected: dict[str, float] = {}
        self._prices: dict[str, float] = {}

    def first(self, lane: Lane) -> float:
        return self._of(lane).first(LATE)

    def expected(self, lane: Lane) -> float:
        expected = self._expected.get(lane.id)
        if expected is None or self._has_passed():
            expected = self._expected[lane.id] = self._of(lane).expected(self._size)
        return expected

    def price(self, lane: Lane) -> float:
        price = self._prices.get(lane.id)
        if price is None or self._has_passed():
            price = self._prices[lane.id] = self._worth(lane).price
        return price

    def last(self, lane: Lane) -> bool:
        """Always as it is now: races that begin in one instant take of one limit."""
        return self._sparing and self._worth(lane).last

    def rest(self, lane: Lane, age: float) -> float:
        return self._of(lane).rest(age)

    def late(self, lane: Lane) -> float:
        return self._of(lane).total(VERY_LATE)

    def overdue(self, lane: Lane, age: float) -> bool:
        return self._of(lane).overdue(age)

    def forgotten(self, lane: Lane) -> bool:
        plenty = all(allowance.has_plenty for allowance in self._allowances)
        metered = not lane.provider.local  # the others are no extra request
        return metered and plenty and self._of(lane).forgotten and self.price(lane) == 0

    def may_add(self) -> bool:
        return all(allowance.has for allowance in self._allowances)

    def add(self) -> None:
        for allowance in self._allowances:
            allowance.take()

    def _worth(self, lane: Lane) -> Worth:
        return NOTHING if lane.provider.local else self._gate.worth(lane, self._now())

    def _has_passed(self) -> bool:
        """Whether the instant has for which things were reckoned: then all of them are reckoned anew."""
        now = self._now()
        if 0 <= now - self._at < INSTANT:
            return False
        self._at = now
        self._expected.clear()
        self._prices.clear()
        return True

    def _of(self, lane: Lane) -> LaneStats:
        return self._latencies.of(key_of(lane), at=self._now())
