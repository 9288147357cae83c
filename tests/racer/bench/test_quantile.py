"""Quantiles and their bounds: against tables, exact sums, and draws whose true quantiles are known."""

from __future__ import annotations

import math
import random
import statistics
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.bench.quantile import estimate, joint_level, least, places, quantile
from racer.bench.report import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable

P95 = statistics.NormalDist().inv_cdf(0.95)
SHARES = st.floats(0.01, 0.99)
NUMBERS = st.lists(st.floats(0.0, 100.0), min_size=1, max_size=80)


# ---------------------------------------------------------------- the quantile itself


@pytest.mark.parametrize(
    ("numbers", "p", "value"),
    [
        ([3.0], 0.5, 3.0),
        ([3.0], 0.99, 3.0),
        ([1.0, 2.0], 0.5, 1.5),
        ([1.0, 2.0, 9.0], 0.5, 2.0),
        ([1.0, 2.0, 3.0, 10.0], 0.5, 2.5),
        ([1.0, 2.0, 3.0, 10.0], 0.95, 10.0),
        ([float(number) for number in range(1, 21)], 0.95, 19.65),
        ([1.0, 2.0, 3.0, 10.0], 0.01, 1.0),
    ],
)
def test_quantiles_of_few_numbers(numbers: list[float], p: float, value: float) -> None:
    """The middle one or between the two middle ones; towards the ends, the outermost."""
    assert quantile(numbers, p) == pytest.approx(value)


@given(NUMBERS, SHARES, SHARES)
def test_more_is_never_less(numbers: list[float], p: float, q: float) -> None:
    """Quantiles rise with p, and none lies outside of what was seen."""
    ordered = sorted(numbers)

    assert quantile(ordered, min(p, q)) <= quantile(ordered, max(p, q)) + 1e-9
    assert ordered[0] - 1e-9 <= quantile(ordered, p) <= ordered[-1] + 1e-9


# ---------------------------------------------------------------- bounds


@pytest.mark.parametrize(
    ("n", "p", "level", "found"),
    [
        (5, 0.5, 0.95, (None, None)),
        (6, 0.5, 0.95, (1, 6)),
        (20, 0.5, 0.95, (6, 15)),
        (20, 0.95, 0.95, (17, None)),
        (71, 0.95, 0.95, (63, None)),
        (72, 0.95, 0.95, (64, 72)),
        (100, 0.5, 0.95, (40, 61)),
        (1, 0.99, 0.9, (1, None)),
    ],
)
def test_places_that_tables_have(
    n: int, p: float, level: float, found: tuple[int | None, int | None]
) -> None:
    """The well-known ones of the median, and a p95 that needs 72 numbers to have an end above."""
    assert places(n, p, level) == found


def chance_below(k: int, n: int, p: Fraction) -> Fraction:
    """Of fewer than k among n, exactly."""
    return sum((math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k)), Fraction(0))


@pytest.mark.parametrize("n", [1, 7, 20, 59, 140])
@pytest.mark.parametrize("p", [Fraction(1, 2), Fraction(19, 20), Fraction(99, 100)])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_places_are_the_closest_that_are_sure(n: int, p: Fraction, level: float) -> None:
    """By sums of fractions: neither side may fail more often than it may, the next place would."""
    risk = (1 - level) / 2
    low, high = places(n, float(p), level)

    assert chance_below(low or 0, n, p) <= risk < chance_below((low or 0) + 1, n, p)
    above = n + 1 if high is None else high
    assert 1 - chance_below(above, n, p) <= risk < 1 - chance_below(above - 1, n, p)


def test_thousands_of_numbers() -> None:
    """Factors far below what a float can hold do no harm: about the normal approximation."""
    low, high = places(5000, 0.95, 0.95)

    assert low == pytest.approx(4750 - 1.96 * math.sqrt(5000 * 0.95 * 0.05), abs=2)
    assert high == pytest.approx(4750 + 1.96 * math.sqrt(5000 * 0.95 * 0.05), abs=2)


@given(NUMBERS, SHARES, st.floats(0.9, 0.9999))
def test_an_estimate_lies_within_its_bounds(numbers: list[float], p: float, level: float) -> None:
    """Whatever the numbers, in whatever order."""
    value, low, high = estimate(numbers, p, level)

    assert low is None or low <= value + 1e-9
    assert high is None or value <= high + 1e-9


def test_an_estimate_names_numbers_that_were_seen() -> None:
    """In order or not; where there are too few, nothing is claimed."""
    assert estimate([20.0 - number for number in range(20)], 0.5, 0.95) == Estimate(10.5, 6.0, 15.0)
    assert estimate([3.0, 1.0], 0.5, 0.95) == Estimate(2.0, None, None)


# ---------------------------------------------------------------- how many it takes


@pytest.mark.parametrize(
    ("p", "level", "n"), [(0.5, 0.95, 6), (0.95, 0.9, 59), (0.95, 0.95, 72), (0.99, 0.95, 368)]
)
def test_the_least_that_bound_from_above(p: float, level: float, n: int) -> None:
    """So many have an upper end, and one fewer has none."""
    assert least(p, level) == n
    assert places(n, p, level)[1] == n
    assert places(n - 1, p, level)[1] is None


@given(SHARES, st.floats(0.01, 0.9999))
def test_the_least_is_the_least(p: float, level: float) -> None:
    """Logarithms may be off by a hair; the answer is not."""
    n, risk = least(p, level), (1 - level) / 2

    assert p**n <= risk
    assert n == 1 or p ** (n - 1) > risk * (1 - 1e-9)


# ---------------------------------------------------------------- together


def test_one_median_keeps_its_level() -> None:
    """Two sides of one interval: half of what may fail for each, as always."""
    assert joint_level([(20, 0.5)], 0.95) == pytest.approx(0.95)


def test_what_cannot_be_stated_costs_nothing() -> None:
    """A p99 of 20 numbers has no upper end, so its risk is the lower one's; three numbers claim nothing."""
    assert joint_level([(20, 0.99)], 0.95) == pytest.approx(0.90)
    assert joint_level([(20, 0.5), (3, 0.5), (0, 0.95)], 0.95) == pytest.approx(0.95)
    assert joint_level([], 0.95) == pytest.approx(0.90)


def test_many_claims_share_what_may_fail() -> None:
    """Ten medians have twenty sides."""
    assert joint_level([(100, 0.5)] * 10, 0.95) == pytest.approx(1 - 0.05 / 10)


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from([0.5, 0.95, 0.99])), max_size=30))
def test_what_may_fail_is_never_spent_twice(claims: list[tuple[int, float]]) -> None:
    """The sides that are stated, times what each may fail with, is at most what all may fail with."""
    level = joint_level(claims, 0.95)
    stated = sum(side is not None for n, p in claims if n for side in places(n, p, level))

    assert stated * (1 - level) / 2 <= 0.05 + 1e-9


# ---------------------------------------------------------------- do they hold?


def lognormal(chance: random.Random) -> float:
    return chance.lognormvariate(0.0, 0.5)


def uniform(chance: random.Random) -> float:
    return chance.random()


def rolled(chance: random.Random) -> float:
    """Few values, each of them often: ties everywhere."""
    return float(chance.randrange(1, 7))


def spiked(chance: random.Random) -> float:
    """One in ten is far away, so that the p95 lies in the tail's own middle."""
    return chance.random() + (10.0 if chance.random() < 0.1 else 0.0)


TRUE = [
    (lognormal, 0.5, 1.0),
    (lognormal, 0.95, math.exp(0.5 * P95)),
    (uniform, 0.5, 0.5),
    (uniform, 0.95, 0.95),
    (rolled, 0.5, 3.0),
    (rolled, 0.95, 6.0),
    (spiked, 0.5, 5 / 9),
    (spiked, 0.95, 10.5),
]


@pytest.mark.parametrize("n", [20, 60, 200])
@pytest.mark.parametrize(("draw", "p", "true"), TRUE, ids=lambda each: getattr(each, "__name__", str(each)))
def test_bounds_hold_as_often_as_they_say(
    draw: Callable[[random.Random], float], p: float, true: float, n: int
) -> None:
    """In 400 samples of each size, at 0.9, the true one is missed no more often than chance allows."""
    chance = random.Random(f"{draw.__name__} {p} {n}")
    held = 0
    for _ in range(400):
        _, low, high = estimate((draw(chance) for _ in range(n)), p, 0.9)
        held += (low is None or low <= true) and (high is None or true <= high)

    assert held / 400 >= 0.9 - 3 * math.sqrt(0.9 * 0.1 / 400)


def test_they_are_not_far_too_wide() -> None:
    """Four times as many numbers have bounds about half as far apart."""
    chance = random.Random(7)
    widths: list[float] = []
    for n in (100, 400, 1600):
        found = [estimate((uniform(chance) for _ in range(n)), 0.5, 0.95) for _ in range(50)]
        widths.append(statistics.mean((each.high or 9.0) - (each.low or 0.0) for each in found))

    assert all(0.4 < narrow / wide < 0.6 for wide, narrow in pairwise(widths))
