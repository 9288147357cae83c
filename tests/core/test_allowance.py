"""Extra requests in hand: what they begin with, what an answer adds, and what nothing adds."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.allowance import HIGHEST, MOST, Allowance, Budget

if TYPE_CHECKING:
    from racer.core.quota import Spent


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


def test_plenty_is_three_quarters_of_what_may_be_in_hand() -> None:
    """What is learned by the way must not cost what a slow hour needs."""
    allowance = Allowance(most=4)
    seen = [allowance.has_plenty]
    while allowance.take():
        seen.append(allowance.has_plenty)

    assert [True, True, False, False, False] == seen
    assert not Allowance(0.0).has_plenty


def test_without_extra_there_is_none() -> None:
    """Not even at first, and whatever is answered."""
    allowance = Allowance(0.0)
    allowance.answered()

    assert not allowance.has
    assert not allowance.take()


def races(*each: tuple[int, bool, int], policy: str = "frugal") -> list[Spent]:
    """So many races alike: whether they were answered, and the extra requests of each."""
    return [(policy, answered, extra) for count, answered, extra in each for _ in range(count)]


@pytest.mark.parametrize(
    ("before", "left"),
    [
        (races(), 20),
        (races((10, True, 2)), 2),
        (races((10, True, 2), (40, True, 0)), 12),
        (races((1000, True, 0), (9, False, 3)), 0),
        (races((9, False, 3), (1000, True, 0)), 20),
    ],
)
def test_what_races_before_have_sent_counts(before: list[Spent], left: int) -> None:
    """One program after the other, each with one race, has no more than one with all of them.

    Nor do quiet hours add up to more than what may be saved.
    """
    allowance = Allowance()
    allowance.recall(before)
    assert taken(allowance) == left

    begun = Allowance()
    begun.take()
    begun.recall(before)
    assert taken(begun) == max(0, left - 1)


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


# ---------------------------------------------------------------- of all races


def spent(budget: Budget, policy: str) -> int:
    """How many extra requests races of this policy may send now."""
    count = 0
    while budget.of(policy) and all(allowance.has for allowance in budget.of(policy)):
        for allowance in budget.of(policy):
            allowance.take()
        count += 1
    return count


def test_without_a_most_only_frugal_is_bounded() -> None:
    """Others spend what their policy is."""
    assert () == Budget().of("all")
    assert 20 == spent(Budget(), "frugal")
    assert 0 == spent(Budget(0.0), "frugal")


def test_the_most_bounds_every_race() -> None:
    """That of `frugal` by both: what one has spent the other lacks."""
    budget = Budget(0.25, 1.0)

    assert 20 == spent(budget, "all")
    assert 0 == spent(budget, "frugal")
    for _ in range(4):
        budget.answered("all")
    assert 4 == spent(budget, "frugal")
    assert 0 == spent(Budget(0.25, 0.0), "all")


def test_an_answer_gives_back_to_its_own_policy() -> None:
    """Races of another kind save nothing up for `frugal`."""
    budget = Budget()
    spent(budget, "frugal")
    for _ in range(100):
        budget.answered("all")
    assert 0 == spent(budget, "frugal")
    for _ in range(100):
        budget.answered("frugal")
    assert 20 == spent(budget, "frugal")


def test_what_races_before_had_counts() -> None:
    """For `frugal` its own, for the most those of all."""
    before = [*races((5, False, 2)), *races((1, False, 7), policy="all")]
    budget, untaxed, fresh = Budget(0.25, 1.0), Budget(), Budget(0.25, 1.0)
    for each, known in ((budget, before), (untaxed, before), (fresh, [])):
        each.recall(known)

    assert 3 == spent(budget, "all")
    assert 10 == spent(untaxed, "frugal")
    assert 20 == spent(fresh, "frugal")


@pytest.mark.parametrize(("extra", "most"), [(4.0, None), (0.25, -1.0), (0.25, nan)])
def test_a_budget_is_refused_like_an_allowance(extra: float, most: float | None) -> None:
    """In plain words."""
    with pytest.raises(ValueError, match="has to be from 0 to 3"):
        Budget(extra, most)
