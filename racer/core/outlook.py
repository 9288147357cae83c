"""What one race may expect of its lanes: what was learned, what is left of limits, and what may be added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.lessons import key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.core.admission import Admission
    from racer.core.allowance import Allowance
    from racer.core.latency import LaneStats, Latencies
    from racer.core.provider import Lane

LATE = 0.9  # the share of calls that have shown a first token before one is called late


class Outlook:
    """`gate` is the race's own: it knows what a call takes of its limits. `now` gives unix seconds."""

    __slots__ = ("_allowance", "_gate", "_latencies", "_now")

    def __init__(
        self, latencies: Latencies, gate: Admission, allowance: Allowance, now: Callable[[], float]
    ) -> None:
        self._latencies = latencies
        self._gate = gate
        self._allowance = allowance
        self._now = now

    def first(self, lane: Lane) -> float:
        return self._of(lane).first(LATE)

    def expected(self, lane: Lane) -> float:
        return self._of(lane).expected()

    def price(self, lane: Lane) -> float:
        return 0.0 if lane.provider.local else self._gate.price(lane, self._now())

    def may_add(self) -> bool:
        return self._allowance.has

    def add(self) -> None:
        self._allowance.take()

    def _of(self, lane: Lane) -> LaneStats:
        return self._latencies.of(key_of(lane), at=self._now())
