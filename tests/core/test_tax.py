"""The tax of a race: which lanes were extra, what they cost, and how much time they saved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.heat import Outcome
from racer.core.provider import Limit
from racer.core.reply import Attempt
from racer.core.tax import NONE, Tax, tax_of
from racer_adapters.types import Usage
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.provider import Lane

WON, LOST, FAILED, LATE = Outcome.WON, Outcome.LOST, Outcome.FAILED, Outcome.LATE
A, B, C = (lane(f"{name}/m") for name in "abc")
HERE, THERE = lane("o/m", local=True), lane("p/m", local=True)
DEAR = replace(A, model=replace(A.model, price=(1.0, 2.0)))
GIVEN = replace(DEAR, provider=replace(A.provider, limits=(Limit("requests", 5, "day"),)))


def ran(on: Lane, outcome: Outcome, latency: float, usage: Usage | None = None) -> tuple[Lane, Attempt]:
    return on, Attempt(on.id, on.provider.name, on.model.name, 0.0, latency, outcome, usage=usage)


def rest(on: Lane, age: float) -> float:
    """As if all answers took ten seconds."""
    return max(0.0, 10.0 - age)


def tax(*story: tuple[Lane, Attempt], latency: float = 2.0, won: bool = True, deadline: float = 60.0) -> Tax:
    return tax_of(story, latency, won=won, deadline=deadline, rest=rest)


def test_one_lane_that_answers_has_no_tax() -> None:
    """Nothing was extra and nothing saved; one request was sent, or none where it is at home."""
    assert Tax(sent=1) == tax(ran(A, WON, 2.0))
    assert NONE == tax(ran(HERE, WON, 2.0))
    assert NONE == tax(won=False)


def test_lanes_that_failed_one_after_the_other_are_needed() -> None:
    """So would one at a time have asked them; the last has taken what is left of the time."""
    assert Tax(sent=3) == tax(ran(A, FAILED, 0.5), ran(B, FAILED, 0.5), ran(C, WON, 1.0))


def test_what_ran_beside_the_first_is_extra() -> None:
    """The first would have taken ten seconds."""
    assert Tax(2, 1, saved=8.0) == tax(ran(A, LOST, 2.0), ran(B, WON, 2.0))
    assert Tax(2, 1) == tax(ran(A, WON, 2.0), ran(B, LOST, 2.0))


def test_whoever_took_the_place_of_a_failed_one_was_there_already() -> None:
    """Alone it would have begun only then."""
    assert Tax(3, 1, saved=0.5) == tax(ran(A, FAILED, 0.5), ran(B, WON, 2.0), ran(C, LOST, 2.0))


def test_one_that_was_late_took_as_long_as_it_took() -> None:
    """Nothing has to be guessed."""
    assert Tax(2, 1, saved=0.25) == tax(ran(A, LATE, 2.25), ran(B, WON, 2.0))


def test_a_lane_at_home_costs_nothing() -> None:
    """It saves what the first of the others would have taken, and is needed where there is no other."""
    assert Tax(1, 0, saved=8.0) == tax(ran(HERE, WON, 2.0), ran(A, LOST, 2.0))
    assert Tax(1) == tax(ran(HERE, LOST, 2.0), ran(A, WON, 2.0))
    assert Tax(saved=8.0) == tax(ran(HERE, LOST, 2.0), ran(THERE, WON, 2.0))


def test_nobody_waits_for_longer_than_the_deadline() -> None:
    """So no more can be saved."""
    assert 3.0 == tax(ran(A, LOST, 2.0), ran(B, WON, 2.0), deadline=5.0).saved


def test_a_race_that_is_lost_saves_nothing_and_costs_all_the_same() -> None:
    """One lane after the other would have failed, too."""
    assert Tax(3, 1) == tax(ran(A, FAILED, 1.0), ran(B, LOST, 2.0), ran(C, LOST, 2.0), won=False)
    assert Tax(2) == tax(ran(A, FAILED, 1.0), ran(B, FAILED, 2.0), won=False)


@pytest.mark.parametrize(
    ("extra", "usage", "tokens", "usd"),
    [
        (DEAR, None, 0, 0.0),
        (DEAR, Usage(1000, 500), 1500, 0.002),
        (DEAR, Usage(1000, 500, usd=0.5), 1500, 0.5),
        (GIVEN, Usage(1000, 500), 1500, 0.0),
        (B, Usage(1000, 500), 1500, 0.0),
    ],
    ids=["nobody knows", "by its list price", "as its provider says", "given away", "without a price"],
)
def test_what_the_extra_ones_used(extra: Lane, usage: Usage | None, tokens: int, usd: float) -> None:
    """Tokens, and money where it costs any; the needed ones do not count."""
    paid = tax(ran(C, WON, 2.0, Usage(9, 9, usd=9.0)), ran(extra, LOST, 1.0, usage))

    assert (tokens, usd) == (paid.tokens, round(paid.usd, 9))


LANES = st.sampled_from([A, B, C, HERE, THERE, DEAR])
STORIES = st.lists(st.tuples(LANES, st.sampled_from([LOST, FAILED, LATE]), st.floats(0, 50)), max_size=6)


@given(STORIES, st.floats(0, 60), st.booleans(), st.floats(0.1, 60))
def test_nothing_is_ever_less_than_nothing(
    story: list[tuple[Lane, Outcome, float]], latency: float, won: bool, deadline: float
) -> None:
    """And no more is extra than was sent, less the one that is needed."""
    paid = tax(*(ran(*one) for one in story), latency=latency, won=won, deadline=deadline)

    assert 0 <= paid.requests <= max(0, paid.sent - 1)
    assert paid.sent == sum(not on.provider.local for on, _, _ in story)
    assert min(paid.tokens, paid.usd, paid.saved) >= 0
    assert paid.saved <= deadline
