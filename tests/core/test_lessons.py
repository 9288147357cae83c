"""What is learned of a lane when an attempt has ended."""

from __future__ import annotations

import pytest

from racer.core.heat import Outcome
from racer.core.latency import LaneStats
from racer.core.lessons import ENDED, key_of, lane_key, learn
from racer.core.reply import Attempt
from racer_adapters.types import Usage
from tests.core.lanes import lane

NOW = 1_800_000_000.0


def attempt(outcome: Outcome, *, tokens: int | None = 40, first: float | None = 0.4) -> Attempt:
    usage = None if tokens is None else Usage(10, tokens)
    return Attempt("a/m", "a", "m", 0.5, 2.0, outcome, first_token=first, usage=usage)


def learned(outcome: Outcome, *, tokens: int | None = 40, times: int = 200) -> LaneStats:
    stats = LaneStats()
    for _ in range(times):
        learn(stats, attempt(outcome, tokens=tokens), NOW)
    return stats


def test_every_outcome_teaches_something() -> None:
    """A new outcome may not be forgotten here."""
    assert set(ENDED) == set(Outcome)


def test_a_lane_is_known_by_provider_and_model() -> None:
    """Whose key it was has nothing to do with how fast a model answers."""
    assert lane_key("groq", "openai/gpt-oss-20b") == "groq/openai/gpt-oss-20b"


@pytest.mark.parametrize("outcome", [Outcome.WON, Outcome.LATE])
def test_an_answer_teaches_how_long_it_took(outcome: Outcome) -> None:
    """The winner's and the one that came too late alike."""
    stats = learned(outcome)

    assert stats.n == 200
    assert stats.first(0.5) == pytest.approx(0.4, rel=0.25)
    assert stats.total(0.5) == pytest.approx(2.0, rel=0.25)


def test_a_stopped_lane_teaches_only_that_it_took_longer() -> None:
    """A loser would have answered later than it was stopped: that makes nothing faster, and is no failure."""
    stopped, failed = learned(Outcome.LOST), learned(Outcome.FAILED)

    assert stopped.total(0.5) > learned(Outcome.WON).total(0.5)
    assert failed.expected() > learned(Outcome.WON).expected()


@pytest.mark.parametrize(
    ("outcome", "tokens", "longer"),
    [
        (Outcome.WON, 9_000, True),
        (Outcome.LATE, 9_000, True),
        (Outcome.WON, None, False),
        (Outcome.WON, 0, False),
        (Outcome.LOST, 9_000, False),
        (Outcome.FAILED, 9_000, False),
    ],
)
def test_only_whole_answers_teach_how_long_answers_are(
    outcome: Outcome, tokens: int | None, longer: bool
) -> None:
    """What had come when a lane was stopped or broke is a part of an answer."""
    usual = LaneStats().lengths.high()

    assert (learned(outcome, tokens=tokens).lengths.high() > usual) is longer


def test_the_key_of_a_lane_says_nothing_of_its_account() -> None:
    """Two keys of a provider learn together."""
    assert key_of(lane("a/m")) == lane_key("a", "m") == "a/m"
