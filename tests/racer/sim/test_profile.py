"""Distributions and paces, sampled from a chance that the test holds."""

from __future__ import annotations

import math
import statistics
from random import Random
from typing import TYPE_CHECKING

import pytest

from racer.sim.profile import (
    Constant,
    Distribution,
    Lognormal,
    Provider,
    Spikes,
    Uniform,
    draw_pace,
)

if TYPE_CHECKING:
    from racer.sim.profile import Chance


def chances(*numbers: float) -> Chance:
    return iter(numbers).__next__


def test_constant_needs_no_chance() -> None:
    """A constant is itself and draws nothing."""
    assert Distribution(Constant(0.25)).sample(chances()) == 0.25


@pytest.mark.parametrize(("drawn", "value"), [(0.0, 2.0), (0.5, 3.0), (0.75, 3.5)])
def test_uniform_maps_chance_to_the_range(drawn: float, value: float) -> None:
    """Uniform is linear from low to high."""
    assert Distribution(Uniform(2.0, 4.0)).sample(chances(drawn)) == value


def test_lognormal_has_its_median_and_sigma() -> None:
    """Over many draws the median is the median, and the logarithm spreads by sigma."""
    chance = Random(1).random
    values = [Distribution(Lognormal(0.4, 0.5)).sample(chance) for _ in range(20_000)]

    assert statistics.median(values) == pytest.approx(0.4, rel=0.02)
    assert statistics.stdev(math.log(value) for value in values) == pytest.approx(0.5, rel=0.03)


def test_lognormal_takes_the_edges_of_chance() -> None:
    """Zero and the largest number below one give finite, positive values."""
    edge = math.nextafter(1.0, 0.0)
    for first in (0.0, edge):
        for second in (0.0, edge):
            assert 0 < Lognormal(1.0, 1.0).sample(chances(first, second)) < math.inf


@pytest.mark.parametrize(("drawn", "value"), [(0.049, 5.0), (0.05, 1.0)])
def test_spikes_strike_their_share(drawn: float, value: float) -> None:
    """A draw below the share is multiplied, others are not."""
    assert Distribution(Constant(1.0), Spikes(0.05, 5.0)).sample(chances(drawn)) == value


def test_pace_without_rate_has_no_gap() -> None:
    """Rate 0 means that nothing lies between two tokens."""
    assert draw_pace(Provider("a"), chances(), cold=False).gap == 0.0


def test_cold_start_comes_on_top() -> None:
    """A cold model loads first; a warm one does not."""
    slow = Provider(
        "a",
        first_token=Distribution(Constant(0.5)),
        rate=Distribution(Constant(4.0)),
        cold_start=Distribution(Constant(3.0)),
    )
    cold, warm = (draw_pace(slow, chances(), cold=is_cold) for is_cold in (True, False))

    assert (cold.first, cold.loading, cold.gap) == (3.5, 3.0, 0.25)
    assert (warm.first, warm.loading) == (0.5, 0.0)


def test_keys_do_not_show_in_a_repr() -> None:
    """A provider can be printed."""
    assert "k" * 9 not in repr(Provider("a", keys=("k" * 9,)))
