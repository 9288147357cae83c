"""Facts of a race for tests: one lane fails, another takes its place and wins, a third is stopped."""

from __future__ import annotations

from racer.core.facts import Fact, LaneEnded, LaneFirstToken, LaneStarted, RaceEnded, RaceStarted
from racer.core.heat import Ending, Outcome
from racer.core.reply import Attempt
from racer_adapters.types import Usage
from tests.core.lanes import lane

A, B, C, D = (lane(name) for name in ("a/m", "b/m", "c/m", "d/m"))
RACE = "r1"
SAID = Usage(10, 20)
GUESSED = Usage(10, 5, estimated=True)


def attempt(
    name: str,
    start: float,
    latency: float,
    outcome: Outcome,
    reason: str | None = None,
    usage: Usage | None = None,
) -> Attempt:
    provider, _, model = name.partition("/")
    return Attempt(name, provider, model, start, latency, outcome, reason, usage=usage)


BEGINNING: tuple[Fact, ...] = (
    RaceStarted(RACE, "all", 2, 60.0, (A, B, C, D)),
    LaneStarted(RACE, 0, A, 0.0),
    LaneStarted(RACE, 1, B, 0.0),
)
FAILURE: tuple[Fact, ...] = (
    LaneEnded(RACE, 0, A, attempt("a/m", 0.0, 0.25, Outcome.FAILED, "rate 429: slow\ndown", GUESSED)),
    LaneStarted(RACE, 2, C, 0.25),
)
TOKEN: tuple[Fact, ...] = (LaneFirstToken(RACE, 2, C, 0.5, 0.25),)
VICTORY: tuple[Fact, ...] = (
    LaneEnded(RACE, 2, C, attempt("c/m", 0.25, 0.75, Outcome.WON, usage=SAID)),
    LaneEnded(RACE, 1, B, attempt("b/m", 0.0, 1.0, Outcome.LOST, usage=GUESSED)),
    RaceEnded(RACE, Ending.WON, 1.0, 3, C),
)
WHOLE: tuple[Fact, ...] = (*BEGINNING, *FAILURE, *TOKEN, *VICTORY)
