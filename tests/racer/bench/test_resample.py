"""Rounds drawn again: by a seed, whole rounds at a time, and bounds that hold as often as they say."""

from __future__ import annotations

import math
import random

import pytest

from racer.bench.resample import RESAMPLES, bounds, spread

SHARES = (0.5, 0.95)


def test_a_seed_repeats_what_was_drawn() -> None:
    """The same bench says the same again; another seed says something close by."""
    column = [float(number % 17) for number in range(40)]

    assert spread([column], SHARES, 1) == spread([column], SHARES, 1)
    assert spread([column], SHARES, 1) != spread([column], SHARES, 2)


def test_each_column_has_each_share_in_each_resample() -> None:
    """Of a column that is always the same, so is every quantile; one round is drawn again and again."""
    found = spread([[2.0] * 5, [3.0] * 5], SHARES, 1)

    assert found == [[[2.0] * RESAMPLES] * 2, [[3.0] * RESAMPLES] * 2]
    assert spread([[4.0]], [0.5], 1) == [[[4.0] * RESAMPLES]]


def test_rounds_are_drawn_whole() -> None:
    """Two contenders that differ by the same in every round differ by that in every resample."""
    chance = random.Random(3)
    a = [chance.lognormvariate(0.0, 1.0) for _ in range(30)]
    one, other = spread([a, [number + 0.25 for number in a]], SHARES, 1)

    for place in range(2):
        assert bounds(one[place], other[place], 0.99) == pytest.approx((0.25, 0.25))


def test_bounds_leave_out_the_same_at_either_end() -> None:
    """Of a hundred differences, 0.9 lie from about the fifth to the ninety-fifth."""
    b = [float(number) for number in range(1, 101)]

    assert bounds([0.0] * 100, b[::-1], 0.9) == pytest.approx((5.35, 95.65))


@pytest.mark.parametrize(("n", "share"), [(20, 0.5), (75, 0.95)])
def test_bounds_of_a_difference_hold_about_as_often_as_they_say(n: int, share: float) -> None:
    """In 40 seeded benches of two lanes, one 1.3 times as slow, at 0.95: at most 5 miss it."""
    chance = random.Random(f"{n} {share}")
    true = 0.3 * (1.0 if share == 0.5 else math.exp(0.5 * 1.6448536))
    missed = 0
    for _ in range(40):
        a, b = ([chance.lognormvariate(math.log(m), 0.5) for _ in range(n)] for m in (1.0, 1.3))
        [one], [other] = spread([a, b], [share], 1)
        low, high = bounds(one, other, 0.95)
        missed += not low <= true <= high

    assert missed <= 5
