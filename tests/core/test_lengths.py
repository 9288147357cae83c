"""The guess at how long an answer may be: careful while little is known, close when much is."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.lengths import ANSWERS, EDGES, PRIOR, Lengths


def lengths_of(tokens: list[int]) -> Lengths:
    lengths = Lengths()
    for each in tokens:
        lengths.observe(each)
    return lengths


@pytest.mark.parametrize("tokens", [[], [20], [20] * 30])
def test_few_answers_say_little(tokens: list[int]) -> None:
    """As long as few are known, the guess stays what it was."""
    assert lengths_of(tokens).high() == PRIOR


def test_many_short_answers_make_the_guess_short() -> None:
    """After some forty, 95 in 100 are short; for a greater share the prior still counts."""
    lengths = lengths_of([20] * 60)

    assert lengths.high() == 20
    assert lengths.high(0.99) == PRIOR


@pytest.mark.parametrize("seed", range(5))
def test_the_guess_is_near_the_true_quantile(seed: int) -> None:
    """Within one bin and the noise of 500 answers, for lengths spread as answers are."""
    chance = random.Random(seed)
    tokens = [round(chance.lognormvariate(5.0, 0.8)) for _ in range(3000)]
    true = sorted(tokens)[int(0.95 * len(tokens))]

    assert true / 1.2 <= lengths_of(tokens).high() <= true * 1.45


def test_old_answers_are_forgotten() -> None:
    """A model that has become talkative is reserved more for, and the other way round."""
    lengths = lengths_of([64] * 5000 + [4096] * ANSWERS)

    assert lengths.high(0.5) == 4096
    assert lengths_of([4096] * 5000 + [64] * 4 * ANSWERS).high() == 64


@pytest.mark.parametrize(
    ("tokens", "guess"), [(-1, EDGES[0]), (0, EDGES[0]), (8, 8), (9, 10), (10**9, EDGES[-1])]
)
def test_every_length_has_a_bin(tokens: int, guess: int) -> None:
    """The guess is the end of the bin; the last bin has all that is longer."""
    assert lengths_of([tokens] * 100).high() == guess


def test_weights_do_not_grow_without_end() -> None:
    """However many answers come between two readings."""
    assert sum(lengths_of([64] * 30_000).numbers()) == pytest.approx(ANSWERS - 1)


@given(st.lists(st.integers(0, 10**5)), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_what_is_restored_guesses_the_same(tokens: list[int], one: float, other: float) -> None:
    """For every share; and a greater share needs at least as many tokens."""
    lengths, restored = lengths_of(tokens), lengths_of([5000] * 10)
    low, high = sorted([one, other])

    restored.restore(lengths.numbers())

    assert restored.numbers() == lengths.numbers()
    assert restored.high(low) == lengths.high(low) <= lengths.high(high)
