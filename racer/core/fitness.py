"""How fit each lane is for the next call: how slow it was of late, how much of its limits is used. Pure.

Reckoned at most once a second, for it is asked in every race and changes slowly.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from racer.core.lessons import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from racer.core.latency import Latencies
    from racer.core.provider import Lane
    from racer.core.purse import Purse
    from racer.core.quota import Meter
    from racer.core.rank import Form

KEPT = 1.0
STEPS = 1.19  # lanes that differ by less are as good as each other


class Fitness:
    """`meters` gives a lane's counters. `now` is in unix seconds."""

    __slots__ = ("_at", "_forms", "_latencies", "_lengths", "_meters", "_purse")

    def __init__(self, latencies: Latencies, purse: Purse, meters: Callable[[Lane], Sequence[Meter]]) -> None:
        self._latencies = latencies
        self._purse = purse
        self._meters = meters
        self._forms: dict[str, Form] = {}
        self._at = -math.inf
        self._lengths: dict[str, int] = {}

    def forms(self, lanes: Iterable[Lane], now: float) -> Mapping[str, Form]:
        """By a lane's id, how slow it was of late and how much is used: little of either is good."""
        if not 0 <= now - self._at < KEPT:
            self._at = now
            self._lengths.clear()
            self._forms = {lane.id: self._form(lane, now) for lane in lanes}
        return self._forms

    def length(self, lane: Lane) -> int:
        """How many tokens its answers have, at the most in nearly all cases."""
        length = self._lengths.get(lane.id)
        if length is None:
            length = self._lengths[lane.id] = self._latencies.of(key_of(lane)).lengths.high()
        return length

    def _form(self, lane: Lane, now: float) -> Form:
        stats = self._latencies.of(key_of(lane), at=now)
        pockets = (self._purse.pocket(meter) for meter in self._meters(lane))
        used = 1.0 - min((pocket.share_left for pocket in pockets), default=1.0)
        return round(math.log(stats.expected(), STEPS)), round(used, 1)
