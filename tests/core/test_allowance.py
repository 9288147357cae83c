"""Extra requests in hand: what they begin with, what an answer adds, and what nothing adds."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.allowance import HIGHEST, MOST, Allowance


def taken(allowance: Allowance) -> int:
    """How many requests it gives until it has no more."""
    count = 0
    while allowance.take():
        count += 1
    return count


def test_at_first_there_are_twenty() -> None:
    """So that the first races, of which nothing is known, may be hedged."""
    allowance = Allowance()

    assert allowance.has
    assert taken(allowance) == 20
    assert not allowance.has


def test_four_answers_give_one_more() -> None:
    """A quarter of a request an answer: three of them are not enough."""
    allowance = Allowance()
    taken(allowance)
    for _ in range(3):
        allowance.answered()

    assert not allowance.take()
    allowance.answered()
    assert taken(allowance) == 1


def test_tenths_add_up() -> None:
    """Ten tenths are one, although their sum as fractions is a little less."""
    allowance = Allowance(0.1, most=1)
    taken(allowance)
    for _ in range(10):
        allowance.answered()

    assert allowance.take()
    assert allowance.left == 0


def test_more_than_the_most_is_never_in_hand() -> None:
    """A quiet day does not save up for a storm."""
    allowance = Allowance(3.0, most=5)
    for _ in range(100):
        allowance.answered()

    assert taken(allowance) == 5


def test_without_extra_there_is_none() -> None:
    """Not even at first, and whatever is answered."""
    allowance = Allowance(0.0)
    allowance.answered()

    assert not allowance.has
    assert not allowance.take()


@pytest.mark.parametrize("extra", [-0.01, 3.01, nan, inf])
def test_what_extra_may_be(extra: float) -> None:
    """From 0 to 3: anything else is refused in plain words."""
    with pytest.raises(ValueError, match="extra has to be from 0 to 3, not"):
        Allowance(extra)


@given(st.floats(0, HIGHEST), st.lists(st.booleans(), max_size=200))
def test_what_is_taken_is_within_the_budget(extra: float, steps: list[bool]) -> None:
    """However answers and requests are mixed: no more than the first ones and the share of the answers."""
    allowance = Allowance(extra)
    given_, answers = 0, 0
    for is_answer in steps:
        if is_answer:
            allowance.answered()
            answers += 1
        else:
            given_ += allowance.take()

        assert 0 <= allowance.left <= MOST
    assert given_ <= (MOST if extra else 0) + extra * answers + 1e-6
