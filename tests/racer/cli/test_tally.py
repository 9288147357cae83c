"""Usage counted from facts."""

from __future__ import annotations

import pytest

from racer.cli.tally import Tally, middle
from racer.core.facts import CoolDownEnded, Fact, LaneEnded, LaneStarted, RaceEnded
from racer.core.heat import Ending, Outcome
from tests.racer.cli.facts import BEGINNING, WHOLE, A, B, attempt


def tallied(*facts: Fact) -> Tally:
    tally = Tally()
    for fact in facts:
        tally(fact)
    return tally


def test_each_provider_has_its_counts() -> None:
    """Requests, outcomes, reasons, tokens, and the times that are a lane's own."""
    a, b, c = tallied(*WHOLE).uses

    assert [(use.provider, use.requests) for use in (a, b, c)] == [("a", 1), ("b", 1), ("c", 1)]
    assert [dict(use.outcomes) for use in (a, b, c)] == [
        {Outcome.FAILED: 1},
        {Outcome.LOST: 1},
        {Outcome.WON: 1},
    ]
    assert dict(a.failures) == {"rate 429: slow down": 1}
    assert [(use.input_tokens, use.output_tokens, use.estimated) for use in (b, c)] == [
        (10, 5, True),
        (10, 20, False),
    ]
    assert (c.first_tokens, c.answers) == ([0.25], [0.75])
    assert (b.first_tokens, b.answers) == ([], [])


def test_races_and_requests_add_up() -> None:
    """Over several races: the latencies of those won, all requests, and those stopped half-way."""
    tally = tallied(*WHOLE, *WHOLE, RaceEnded("r3", Ending.EXHAUSTED, 9.0, 0))

    assert (tally.races, tally.lost, tally.requests, tally.stopped) == ([1.0, 1.0], 1, 6, 2)


def test_the_most_asked_comes_first() -> None:
    """The order of the table; names decide among equals."""
    tally = tallied(*BEGINNING, LaneStarted("r2", 0, B, 0.0))

    assert [use.provider for use in tally.uses] == ["b", "a"]


def test_a_late_answer_is_an_answer() -> None:
    """It was whole, so its time counts; a failure's does not."""
    (use,) = tallied(LaneEnded("r", 0, A, attempt("a/m", 0.0, 2.0, Outcome.LATE))).uses

    assert use.answers == [2.0]


def test_a_failure_without_a_reason_is_counted() -> None:
    """The table has a row for it all the same."""
    (use,) = tallied(LaneEnded("r", 0, A, attempt("a/m", 0.0, 2.0, Outcome.FAILED))).uses

    assert dict(use.failures) == {"no reason given": 1}


def test_an_interrupted_race_counts_nowhere() -> None:
    """It was neither won nor lost; facts that concern no lane are passed over."""
    tally = tallied(RaceEnded("r", Ending.ABORTED, 1.0, 0), CoolDownEnded("r", "a"))

    assert (tally.races, tally.lost, tally.uses) == ([], 0, ())


def test_an_answer_that_broke_off_is_a_lost_race() -> None:
    """Its reader has a part of it, and no reply."""
    assert tallied(RaceEnded("r", Ending.BROKEN, 1.0, 0)).lost == 1


@pytest.mark.parametrize(("seconds", "median"), [([], None), ([3.0, 1.0, 2.0], 2.0), ([1.0, 2.0], 1.5)])
def test_the_middle_of_nothing_is_nothing(seconds: list[float], median: float | None) -> None:
    """No number is made up where nothing was measured."""
    assert middle(seconds) == median
