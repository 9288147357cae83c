"""racer/hearers.py: who is told which facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.facts import ClockJumped, StoreHealed
from racer.hearers import Hearers

if TYPE_CHECKING:
    from racer.core.facts import Fact


class Deaf:
    """An observer with no use for one kind of facts."""

    ignores = frozenset({StoreHealed})

    def __call__(self, fact: Fact) -> None:
        """It is not called here."""


def everything(fact: Fact) -> None:
    """An observer that says nothing of what it hears."""


def test_who_says_nothing_hears_all() -> None:
    """In the order in which they were given."""
    hearers = Hearers([everything, everything])
    assert hearers[ClockJumped] == hearers[StoreHealed] == (everything, everything)


def test_what_one_has_no_use_for_it_is_not_told() -> None:
    """All else it is; and the others hear everything."""
    deaf = Deaf()
    hearers = Hearers([deaf, everything])
    assert hearers[StoreHealed] == (everything,)
    assert hearers[ClockJumped] == (deaf, everything)


def test_it_is_looked_up_once_for_each_kind() -> None:
    """Then it is there."""
    hearers = Hearers([everything])
    assert hearers[ClockJumped] is hearers[ClockJumped]
    assert list(hearers) == [ClockJumped]
