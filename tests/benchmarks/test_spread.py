"""benchmarks/spread.py: ratios of turns, and quantiles."""

from __future__ import annotations

import pytest

from benchmarks.spread import Ratio, quantile, short


def test_a_ratio_compares_turn_by_turn() -> None:
    """A turn that was slow for both says nothing of either."""
    ratio = Ratio.of([2.0, 20.0, 3.0], [1.0, 10.0, 1.0])

    assert (ratio.middle, ratio.low, ratio.high) == (2.0, 2.0, 3.0)


def test_the_spread_leaves_a_tenth_out_at_each_end() -> None:
    """Eight in ten turns lie between."""
    ratio = Ratio.of([float(turn) for turn in range(1, 21)], [1.0] * 20)

    assert (ratio.low, ratio.high) == (3.0, 18.0)


def test_a_ratio_is_read_as_it_was_told() -> None:
    """As far as it is kept: three digits behind the point."""
    ratio = Ratio.of([1.0, 2.0, 4.0], [3.0, 3.0, 3.0])

    assert Ratio.read(ratio.told()).told() == ratio.told() == [0.667, 0.333, 1.333]


def test_turns_of_both_are_needed() -> None:
    """A turn without its other half is a mistake of whoever measures."""
    with pytest.raises(ValueError, match="shorter"):
        Ratio.of([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("value", "said"), [(0.123, "0.12"), (9.99, "9.99"), (9.996, "10.0"), (18.44, "18.4"), (120.4, "120")]
)
def test_three_figures_are_enough(value: float, said: str) -> None:
    """And what is rounded up to one more digit before the point has one less behind it."""
    assert short(value) == said


@pytest.mark.parametrize(("share", "found"), [(0.01, 1.0), (0.5, 2.0), (0.51, 3.0), (0.75, 3.0), (1.0, 4.0)])
def test_a_quantile_is_a_value_that_was_seen(share: float, found: float) -> None:
    """The least that so many do not exceed, whatever the order."""
    assert quantile([4.0, 1.0, 3.0, 2.0], share) == found
