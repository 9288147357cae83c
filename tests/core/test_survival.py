"""The histogram of times that were cut short: against a plain loop, and against known distributions."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.survival import (
    ANSWERED,
    BINS,
    EDGES,
    FAILED,
    FOLD,
    LONGEST,
    SHORTEST,
    Curve,
    Memory,
    bin_of,
)

EVEN = ([0.1] * BINS, [0.02] * BINS)
ADDED = st.lists(st.tuples(st.integers(0, BINS - 1), st.sampled_from([ANSWERED, FAILED, None])), max_size=60)
CHANCES = st.lists(st.floats(0.0, 0.5), min_size=BINS, max_size=BINS)


def plainly(attempts: float, added: list[tuple[int, int | None]]) -> list[float]:
    """What a memory is by definition, every bin touched by every attempt that reached it."""
    risk, ends = [0.0] * BINS, [[0.0] * BINS, [0.0] * BINS]
    for at_bin, cause in added:
        for each in range(at_bin + (cause is not None)):
            for numbers in (risk, *ends):
                numbers[each] *= 1 - 1 / attempts
            risk[each] += 1
        if cause is not None:
            ends[cause][at_bin] += 1
    return [*risk, *ends[ANSWERED], *ends[FAILED]]


def memory_of(added: list[tuple[int, int | None]], *, folded_after: int = -1) -> Memory:
    memory = Memory(40)
    for place, (at_bin, cause) in enumerate(added):
        memory.add(at_bin, cause)
        if place == folded_after:
            memory.fold()
    return memory


# ---------------------------------------------------------------- the memory


@pytest.mark.parametrize(
    ("seconds", "at_bin"),
    [(-1.0, 0), (0.0, 0), (0.021, 0), (0.025, 1), (1.0, 22), (100.0, 49), (1e9, 49), (math.inf, 49)],
)
def test_every_time_has_a_bin(seconds: float, at_bin: int) -> None:
    """What is shorter or longer than all bins goes into the first or the last."""
    assert bin_of(seconds) == at_bin


@given(ADDED, st.integers(0, 60))
def test_a_memory_is_what_the_plain_loop_gives(added: list[tuple[int, int | None]], folded: int) -> None:
    """To weigh new ones more is to weigh old ones less, whenever it is folded."""
    memory = memory_of(added, folded_after=folded)

    assert memory.numbers() == pytest.approx(plainly(40, added))


@given(ADDED)
def test_no_bin_has_more_ends_than_risk(added: list[tuple[int, int | None]]) -> None:
    """Who ended in a bin had reached it, and a memory of 40 attempts never holds more than 40."""
    memory = memory_of(added)
    memory.fold()

    for risk, answered, failed in zip(memory.risk, *memory.ends, strict=True):
        assert 0 <= answered + failed <= risk + 1e-9 <= 40 + 1e-8


def test_any_number_of_attempts_fits_between_two_readings() -> None:
    """The weight of new ones does not grow without end, whether they ended or were stopped."""
    memory = Memory(40)
    for _ in range(30 * FOLD):
        memory.add(20, None)
    for _ in range(2 * FOLD):
        memory.add(10, ANSWERED)
    memory.fold()

    assert memory.risk[10] == pytest.approx(40)
    assert memory.ends[ANSWERED][10] == pytest.approx(40)
    assert memory.risk[11] == pytest.approx(40)
    assert memory.ends[ANSWERED][11] == 0


def test_a_memory_weighs_as_much_as_it_remembers() -> None:
    """What came, less what has faded; nothing to begin with."""
    memory = memory_of([(5, 0), (9, None)])
    assert Memory(40).weight == 0
    assert 1.9 < memory.weight <= 2
    memory.fold(0.25)
    assert 0.4 < memory.weight <= 0.5


def test_a_stop_in_the_first_bin_teaches_nothing() -> None:
    """It has lived through no bin."""
    assert memory_of([(0, None)]).numbers() == memory_of([]).numbers()


def test_what_fades_weighs_less_everywhere() -> None:
    """Risk and ends alike: the chances stay, and what they lean on gains."""
    memory = memory_of([(10, ANSWERED), (20, FAILED)])
    before = memory.numbers()

    memory.fold(0.25)

    assert memory.numbers() == [0.25 * number for number in before]


@given(ADDED)
def test_what_is_restored_is_what_was_told(added: list[tuple[int, int | None]]) -> None:
    """Numbers go out and in, and nothing that was there before stays."""
    memory = memory_of(added)
    other = memory_of([(5, FAILED), (30, None)])

    other.restore(memory.numbers())

    assert other.numbers() == memory.numbers()


def test_an_empty_memory_is_what_it_leans_on() -> None:
    """And the more is in it, the less it leans."""
    once, often = memory_of([(10, ANSWERED)]), memory_of([(10, ANSWERED)] * 100)

    assert memory_of([]).over(EVEN, 4.0) == EVEN
    assert once.over(EVEN, 4.0)[ANSWERED][10] == pytest.approx((1 + 4 * 0.1) / (1 + 4))
    assert often.over(EVEN, 4.0)[ANSWERED][10] > 0.9
    assert often.over(EVEN, 4.0)[ANSWERED][11] == 0.1


def test_a_memory_of_one_cause_takes_the_other_from_below() -> None:
    """It knows answers alone, so what is known of failures stays as it is."""
    memory = Memory(40, causes=1)
    memory.add(10, ANSWERED)

    answered, failed = memory.over(EVEN, 4.0)

    assert answered[10] > 0.1
    assert failed == EVEN[FAILED]
    assert len(memory.numbers()) == 2 * BINS


# ---------------------------------------------------------------- the curve


def test_quantiles_are_of_answers_alone() -> None:
    """Failures take nothing away from them: they count as stops."""
    halves = [0.5 if each == 20 else 0.0 for each in range(BINS)]
    early = [0.9 if each == 5 else 0.001 for each in range(BINS)]

    assert Curve((halves, early)).quantile(0.5) == pytest.approx(EDGES[21])
    assert Curve((halves, early)).quantile(0.25) == pytest.approx(math.sqrt(EDGES[20] * EDGES[21]), rel=0.03)


@pytest.mark.parametrize(
    ("q", "seconds"), [(-0.1, SHORTEST), (0.0, SHORTEST), (1.0, LONGEST), (2.0, LONGEST)]
)
def test_quantiles_end_where_the_bins_end(q: float, seconds: float) -> None:
    """No share of answers comes before the first bin, and what comes after the last is not told apart."""
    assert Curve(EVEN).quantile(q) == seconds


@given(CHANCES, st.lists(st.floats(0.0, 1.0), min_size=2))
def test_quantiles_are_monotone(chances: list[float], shares: list[float]) -> None:
    """A greater share takes at least as long."""
    curve = Curve((chances, EVEN[FAILED]))
    times = [curve.quantile(q) for q in sorted(shares)]

    assert all(shorter <= longer * (1 + 1e-12) for shorter, longer in pairwise(times))


def test_a_sure_end_can_be_divided_by() -> None:
    """Where all have ended the chance of more is tiny, and never 0."""
    curve = Curve(([1.0] * BINS, [0.5] * BINS))

    assert curve.alive(50.0) > 0
    assert math.isfinite(curve.remaining(50.0))
    assert math.isfinite(curve.remaining(1e6))


@given(CHANCES, st.floats(0.0, LONGEST))
def test_the_area_below_the_curve_is_the_time_to_wait(chances: list[float], age: float) -> None:
    """What is waited before an age, and after it by those that get so far, is the whole wait."""
    curve = Curve((chances, EVEN[FAILED]))
    corners = [0.0, *(edge for edge in EDGES if edge < age), age]
    before = sum((curve.alive(a) + curve.alive(b)) / 2 * (b - a) for a, b in pairwise(corners))

    assert before + curve.alive(age) * curve.remaining(age) == pytest.approx(curve.remaining(0.0))


def test_the_tail_past_the_last_bin_is_heavy() -> None:
    """Who has waited so long waits as long again: the area below a chance that falls with the square."""
    curve = Curve(EVEN)

    assert curve.remaining(LONGEST) == LONGEST
    assert curve.remaining(1000.0) == 1000.0
    assert curve.alive(2 * LONGEST) == pytest.approx(curve.alive(LONGEST) / 4)


@given(CHANCES, st.lists(st.floats(0.0, 300.0), min_size=2))
def test_the_chance_to_be_still_waiting_falls(chances: list[float], ages: list[float]) -> None:
    """From 1 at the start, and through the ends of bins without a jump up."""
    curve = Curve((chances, EVEN[FAILED]))
    chances_left = [curve.alive(age) for age in sorted(ages)]

    assert curve.alive(0.0) == 1.0
    assert all(later <= sooner * (1 + 1e-12) for sooner, later in pairwise(chances_left))


def test_another_curve_can_lean_on_it() -> None:
    """It still has the chances that it was made of."""
    assert Curve(EVEN).hazards == EVEN


def test_success_is_the_share_that_ends_well() -> None:
    """By the chances in each bin, of those that get there."""
    assert Curve(EVEN).success == pytest.approx(0.1 / 0.12)
