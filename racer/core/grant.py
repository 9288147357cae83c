"""How much of a limit one process may lease, when there is room again, and which alerts are due.

Rule 1: calls that wait come first, and only whole ones: a part of a call helps nobody.
Rule 2: for calls to come there is at most a quarter of an equal share of what is left, so that leases become
        smaller towards the limit's end and none of it stays in the hands of somebody who does not use it.
"""

from __future__ import annotations

from math import ceil, floor, inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racer.core.quota import Wish

TOLERANCE = 1e-9  # of sums of fractions
FRACTIONS = frozenset({"usd", "neurons"})  # units that are not counted in whole numbers
CAUTION = 4


def granted(wish: Wish, *, limit: float, used: float, leased: float, processes: int) -> float:
    """What is leased for `wish`: never more than `limit - used - leased`; 0 where no whole call fits.

    `used` and `leased` are those of all `processes` together.
    """
    whole = wish.meter.unit not in FRACTIONS
    left = limit - used - leased
    need = _calls(wish.need, wish.size, left, whole=whole)
    share = (left - need) / (CAUTION * max(1, processes))
    return need + _calls(wish.ahead, wish.size, share, whole=whole)


def _calls(wanted: float, size: float, room: float, *, whole: bool) -> float:
    """`wanted`, less as many calls of `size` as do not fit into `room`.

    What is left over of `wanted` beside whole calls goes with the first one: the rest of that is in hand.
    """
    if whole:
        wanted, size, room = _up(wanted), _up(size), floor(room + TOLERANCE)
    if wanted <= room + TOLERANCE:
        return max(0.0, float(wanted))
    if size <= TOLERANCE:
        return max(0.0, float(room))
    fits = wanted - ceil((wanted - room - TOLERANCE) / size) * size
    return float(fits) if fits > TOLERANCE else 0.0


def _up(amount: float) -> float:
    return ceil(amount - TOLERANCE)


def opens_at(slots: Iterable[tuple[float, float]], limit: float, need: float, now: float) -> float | None:
    """The first instant from `now` on at which `need` fits. None where it never does.

    `slots` are (until, used): what is used counts until then.
    """
    if need > limit + TOLERANCE:
        return None
    room = limit
    for until, used in sorted((slot for slot in slots if slot[0] > now), reverse=True):
        room -= used
        if need > room + TOLERANCE:
            return until if until < inf else None
    return now


def reached(levels: Iterable[float], used: float, limit: float) -> tuple[float, ...]:
    """Which of `levels`, shares of `limit`, are used; all of it (1.0) is always one of them."""
    if used <= 0:
        return ()
    return tuple(level for level in sorted({*levels, 1.0}) if used >= level * limit - TOLERANCE)
