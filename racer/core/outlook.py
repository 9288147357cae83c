"""What one race may expect of its lanes: what was learned, what is left of limits, and what may be added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.lessons import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer.core.admission import Admission
    from racer.core.allowance import Allowance
    from racer.core.latency import LaneStats, Latencies, Size
    from racer.core.provider import Lane

LATE = 0.9  # the share of calls that have shown a first token before one is called late


class Outlook:
    """`gate` is the race's own: it knows what a call takes of its limits. `now` gives unix seconds.

    An extra request comes out of all `allowances`. `sparing`: whether the last of a limit is to be spared.
    `size` is that of the answer, where the call bounds it.
    """

    __slots__ = ("_allowances", "_gate", "_latencies", "_now", "_size", "_sparing")

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

    def first(self, lane: Lane) -> float:
        return self._of(lane).first(LATE)

    def expected(self, lane: Lane) -> float:
        return self._of(lane).expected(self._size)

    def price(self, lane: Lane) -> float:
        return 0.0 if lane.provider.local else self._gate.worth(lane, self._now()).price

    def last(self, lane: Lane) -> bool:
        return self._sparing and not lane.provider.local and self._gate.worth(lane, self._now()).last

    def rest(self, lane: Lane, age: float) -> float:
        return self._of(lane).rest(age)

    def overdue(self, lane: Lane, age: float) -> bool:
        return self._of(lane).overdue(age)

    def may_add(self) -> bool:
        return all(allowance.has for allowance in self._allowances)

    def add(self) -> None:
        for allowance in self._allowances:
            allowance.take()

    def _of(self, lane: Lane) -> LaneStats:
        return self._latencies.of(key_of(lane), at=self._now())
