"""Facts on their way to the store: which are kept, in which order, and what if nobody takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racer.core.facts import CoolDownEnded, LaneEnded, LaneFirstToken, LaneStarted, RaceEnded, RaceStarted
from racer.core.heat import Ending, Outcome
from racer.core.reply import Attempt
from racer.recorder import MOST, Recorder
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.facts import Fact

A = lane("a/m")
STARTED = RaceStarted("r", "all", 4, 60.0, (A,))
ATTEMPT = Attempt("a/m", "a", "m", 0.0, 1.0, Outcome.WON)


@pytest.mark.parametrize(
    "fact",
    [
        STARTED,
        LaneStarted("r", 0, A, 0.0),
        LaneFirstToken("r", 0, A, 0.5, 0.5),
        LaneEnded("r", 0, A, ATTEMPT),
        RaceEnded("r", Ending.WON, 1.0, 1, A),
    ],
)
def test_the_story_of_a_race_is_kept(fact: Fact) -> None:
    """Each with the instant at which it was seen; taken once, for one batch."""
    kept = Recorder()

    assert kept.note(7.0, fact)
    assert len(kept) == 1
    assert kept.take() == ((7.0, fact),)
    assert kept.take() == ()


def test_other_facts_are_not_recorded() -> None:
    """The store hears of cool-downs from nobody: they are a matter of this process."""
    kept = Recorder()

    assert not kept.note(7.0, CoolDownEnded("r", "lane a/m"))
    assert len(kept) == 0


def test_what_could_not_be_written_comes_first_the_next_time() -> None:
    """Order is that of the facts, however often a batch comes back."""
    kept = Recorder()
    for at in (1.0, 2.0):
        kept.note(at, STARTED)
    batch = kept.take()
    kept.note(3.0, STARTED)
    kept.take_back(batch)

    assert [at for at, _ in kept.take()] == [1.0, 2.0, 3.0]
    assert kept.lost == 0


def test_memory_is_bounded_and_losses_are_counted() -> None:
    """With a store that is gone for hours the oldest facts go, one for each new one."""
    kept = Recorder()
    for at in range(MOST + 3):
        kept.note(float(at), STARTED)

    assert (len(kept), kept.lost) == (MOST, 3)
    assert kept.take()[0] == (3.0, STARTED)


def test_a_batch_that_comes_back_does_not_make_it_grow() -> None:
    """Each failed try would else leave what came in the meantime on top."""
    kept = Recorder()
    for at in range(MOST):
        kept.note(float(at), STARTED)
    for again in range(3):
        batch = kept.take()
        kept.note(MOST + again, STARTED)
        kept.take_back(batch)

    assert (len(kept), kept.lost) == (MOST, 3)
    assert kept.take()[0] == (3.0, STARTED)
