"""Quantiles of what was seen, and between which bounds the true ones lie. Pure.

The p-quantile of n numbers is what stands at place (n + 1/3) · p + 1/3 of them in order: between two places
in proportion, and at either end the outermost. It is about as often too high as too low, whatever they are
drawn from.

Its bounds are two of the numbers. How many of n lie below the true quantile is binomial, so chance alone
says at which places it may be. Nothing is assumed but that the draws are independent of each other: any
shape is fine, and so are ties, which only make the bounds surer than they say.

Rule 1: a side that n numbers cannot be sure of is None.
Rule 2: `level` is the chance that both sides hold; each may fail with half of what is left to 1.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from racer.bench.report import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def quantile(ordered: Sequence[float], p: float) -> float:
    """Of numbers in ascending order, at least one."""
    place = min(max((len(ordered) + 1 / 3) * p + 1 / 3, 1.0), float(len(ordered)))
    below = int(place)
    low, high = ordered[below - 1], ordered[min(below, len(ordered) - 1)]
    return low + (place - below) * (high - low)


def estimate(numbers: Iterable[float], p: float, level: float) -> Estimate:
    """The p-quantile of at least one number, and its bounds."""
    ordered = sorted(numbers)
    low, high = places(len(ordered), p, level)
    return Estimate(
        quantile(ordered, p),
        None if low is None else ordered[low - 1],
        None if high is None else ordered[high - 1],
    )


@lru_cache(maxsize=1024)
def places(n: int, p: float, level: float) -> tuple[int | None, int | None]:
    """At which places of n numbers in ascending order, counted from 1, the bounds stand."""
    risk = (1 - level) / 2
    low, from_above = _sure_below(n, p, risk), _sure_below(n, 1 - p, risk)
    return low or None, n + 1 - from_above if from_above else None


def least(p: float, level: float) -> int:
    """How many numbers it takes to bound their p-quantile from above."""
    risk = (1 - level) / 2
    n = max(1, math.floor(math.log(risk) / math.log(p)))
    while p**n > risk:
        n += 1
    return n


def joint_level(claims: Sequence[tuple[int, float]], confidence: float) -> float:
    """The level for each quantile, so that all bounds that can be stated hold together.

    `claims` has for each how many numbers there are, and p. What may fail is shared out evenly among the
    sides that are stated. Fewer of them leave more for each, with which more of them can be stated: the
    fewest that agree are taken. This looks at how many numbers there are, never at the numbers.
    """
    shares = 1
    while _stated(claims, (1 - confidence) / shares) > shares:
        shares += 1
    return 1 - 2 * (1 - confidence) / shares


def _stated(claims: Sequence[tuple[int, float]], risk: float) -> int:
    """How many sides can be stated where each may fail with `risk`."""
    return sum((p**n <= risk) + ((1 - p) ** n <= risk) for n, p in claims)


def _sure_below(n: int, p: float, risk: float) -> int:
    """The last place, from 1, that is above the true quantile with at most `risk`; 0 where none is.

    The k-th number is above it where fewer than k are not.
    """
    tail = 0.0
    for below in range(n):
        tail += _chance(below, n, p)
        if tail > risk:
            return below
    return n


def _chance(k: int, n: int, p: float) -> float:
    """Of exactly k among n. By logarithms: the factors alone leave what a float can hold."""
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))
