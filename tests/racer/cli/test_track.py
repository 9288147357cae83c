"""Facts in, bars out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from racer.cli.track import Bar, Stage, Track
from racer.core.facts import (
    CoolDownEnded,
    CoolDownStarted,
    Fact,
    FieldsDropped,
    LaneEnded,
    LaneStarted,
    RaceEnded,
    RaceStarted,
)
from racer.core.heat import Ending, Outcome
from tests.core.lanes import lane
from tests.racer.cli.facts import BEGINNING, FAILURE, TOKEN, WHOLE, A, B, attempt

WAITING_A, WAITING_B = Bar("a/m", 0.0), Bar("b/m", 0.0)
FAILED_A = Bar("a/m", 0.0, Stage.FAILED, None, 0.25, "rate 429: slow down")
STORY: list[tuple[tuple[Fact, ...], tuple[Bar, ...]]] = [
    (BEGINNING[:1], ()),
    (BEGINNING, (WAITING_A, WAITING_B)),
    ((*BEGINNING, *FAILURE), (FAILED_A, WAITING_B, Bar("c/m", 0.25))),
    ((*BEGINNING, *FAILURE, *TOKEN), (FAILED_A, WAITING_B, Bar("c/m", 0.25, Stage.ANSWERING, 0.5))),
    (
        WHOLE,
        (
            FAILED_A,
            Bar("b/m", 0.0, Stage.LOST, None, 1.0),
            Bar("c/m", 0.25, Stage.WON, 0.5, 1.0),
        ),
    ),
]


def told(*facts: Fact) -> Track:
    track = Track()
    for fact in facts:
        track.tell(fact)
    return track


@pytest.mark.parametrize(("facts", "bars"), STORY)
def test_bars_follow_the_race(facts: tuple[Fact, ...], bars: tuple[Bar, ...]) -> None:
    """Each lane that started has one bar, in the order of the starts; instants are the race's."""
    assert told(*facts).bars == bars


def test_what_is_known_of_the_race() -> None:
    """Policy, width and entrants at the start; ending and latency at the end."""
    track = told(*BEGINNING)
    assert (track.policy, track.width, track.entrants, track.is_over) == ("all", 2, 4, False)

    track = told(*WHOLE)
    assert (track.ending, track.latency, track.is_over) == (Ending.WON, 1.0, True)


def test_a_race_that_was_broken_off_is_not_over() -> None:
    """Ctrl-C ends a race without a result."""
    assert not told(*BEGINNING, RaceEnded("r1", Ending.ABORTED, 0.5, 2)).is_over


def test_a_race_that_broke_off_is_over() -> None:
    """It has its result: the answer's reader got an error."""
    assert told(*BEGINNING, RaceEnded("r1", Ending.BROKEN, 0.5, 2)).is_over


def test_who_goes_on_for_another_says_behind_what() -> None:
    """The bar keeps it for the table."""
    record = replace(attempt("b/m", 0.0, 1.0, Outcome.WON), resumed_at=97)

    assert told(*BEGINNING, LaneEnded("r1", 1, B, record)).bars[1].behind == 97


def test_a_late_lane_is_late() -> None:
    """A valid reply after the winner's is neither won nor failed."""
    late = LaneEnded("r1", 1, A, attempt("a/m", 0.0, 1.0, Outcome.LATE))

    assert told(*BEGINNING, late).bars[1].stage is Stage.LATE


def test_a_new_race_clears_the_last() -> None:
    """One track serves many races, one after another."""
    track = told(*WHOLE, BEGINNING[0])

    assert (track.bars, track.ending, track.latency) == ((), None, None)


def test_cool_downs_leave_the_bars_alone() -> None:
    """They are told between a race's facts and concern no lane of it."""
    more = (CoolDownStarted("r1", "a", 30.0, 30.0, "rate"), CoolDownEnded("r1", "a"))

    assert told(*WHOLE, *more).bars == told(*WHOLE).bars


def test_names_from_outside_are_cleaned() -> None:
    """A server may call its models whatever it likes."""
    evil = lane("a/\x1b[2Jm")

    assert (
        told(RaceStarted("r", "all", 1, 1.0, (evil,)), LaneStarted("r", 0, evil, 0.0)).bars[0].lane == "a/m"
    )


def test_every_outcome_has_its_stage() -> None:
    """A fifth outcome would need a fifth word."""
    ends = [told(*BEGINNING, LaneEnded("r1", 1, A, attempt("a/m", 0.0, 1.0, outcome))) for outcome in Outcome]

    assert [track.bars[1].stage.value for track in ends] == [outcome.value for outcome in Outcome]


def test_what_a_lane_could_not_be_told_moves_no_bar() -> None:
    """It is a matter of the log."""
    assert told(*BEGINNING, FieldsDropped("r", A, ("seed",))).bars == told(*BEGINNING).bars
