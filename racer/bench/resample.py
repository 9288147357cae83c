"""What else the same bench might have seen: rounds drawn again from those it had, by a seed. Pure.

For figures that have no exact bounds, such as a difference between two contenders. A round is drawn with all
that was seen in it, so what slows everybody at once takes no part in the difference.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from racer.bench.quantile import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 2000


def spread(columns: Sequence[Sequence[float]], shares: Sequence[float], seed: int) -> list[list[list[float]]]:
    """For each column, for each share: its quantile in each of the resamples.

    Columns are as long as each other and have something in them; a place in them is a round.
    """
    chance = Random(seed)
    places = list(range(len(columns[0])))
    found: list[list[list[float]]] = [[[] for _ in shares] for _ in columns]
    for _ in range(RESAMPLES):
        drawn = chance.choices(places, k=len(places))
        for column, quantiles in zip(columns, found, strict=True):
            ordered = sorted([column[place] for place in drawn])
            for share, kept in zip(shares, quantiles, strict=True):
                kept.append(quantile(ordered, share))
    return found


def bounds(a: Sequence[float], b: Sequence[float], level: float) -> tuple[float, float]:
    """Between which numbers b less a lies in `level` of the resamples of both."""
    apart = sorted([other - one for one, other in zip(a, b, strict=True)])
    return quantile(apart, (1 - level) / 2), quantile(apart, (1 + level) / 2)
