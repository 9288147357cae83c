"""What is learned of a lane when an attempt has ended."""

from __future__ import annotations

import pytest

from racer.core.heat import Outcome
from racer.core.latency import LaneStats
from racer.core.lessons import ENDED, key_of, learn, learned_anew
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


@pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.FAILED])
def test_a_loser_is_of_its_winners_size(outcome: Outcome) -> None:
    """Where that is known, a size is not learned of winners alone; its length is not the loser's."""
    told, untold = (learned(Outcome.WON, times=20) for _ in range(2))
    usual = told.lengths.high()
    for _ in range(20):
        learn(told, attempt(outcome), NOW, answer=40)
        learn(untold, attempt(outcome), NOW)

    assert told.total(0.9, "small") > untold.total(0.9, "small")
    assert told.total(0.9) == untold.total(0.9)
    assert told.lengths.high() == usual


def test_an_answer_is_of_its_own_size() -> None:
    """One that came late, whatever the winner had; one that nobody counted is of none."""
    late, uncounted = LaneStats(), LaneStats()
    for _ in range(50):
        learn(late, attempt(Outcome.LATE, tokens=40), NOW, answer=9_000)
        learn(uncounted, attempt(Outcome.LATE, tokens=None), NOW, answer=9_000)

    assert late.total(0.5, "large") == late.total(0.5) != late.total(0.5, "small")
    assert uncounted.total(0.5, "large") == uncounted.total(0.5)
    assert uncounted.lengths.high() == LaneStats().lengths.high()


# ---------------------------------------------------------------- under which key


def test_a_failure_that_was_foreseen_teaches_nothing() -> None:
    """A lane that rests for its failures was asked because nobody else was left."""
    stats = LaneStats()
    for forced, taught in ((True, 0), (False, 1)):
        learn(stats, Attempt("a/m", "a", "m", 0.0, 9.0, Outcome.FAILED, forced=forced), NOW)
        assert stats.n == taught
    learn(stats, Attempt("a/m", "a", "m", 0.0, 9.0, Outcome.WON, forced=True), NOW)
    assert stats.n == 2


def test_the_key_of_a_lane_says_nothing_of_its_account() -> None:
    """Whose key it was has nothing to do with how fast a model answers: two learn together."""
    assert key_of(lane("groq/openai/gpt-oss-20b")) == "groq/openai/gpt-oss-20b"
    assert key_of(lane("a/m", account="one")) == key_of(lane("a/m", account="two")) == "a/m"


def test_a_cold_model_is_another_lane() -> None:
    """What it takes to get it from the disk says nothing of how fast it is in memory."""
    for loaded, key in (
        (True, "ollama/llama3.2"),
        (None, "ollama/llama3.2"),
        (False, "ollama/llama3.2 (cold)"),
    ):
        assert key_of(lane("ollama/llama3.2", local=True, loaded=loaded)) == key


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ((), ""),
        (("a/m",), "what was learned of a/m is of another version, or damaged: it is learned anew"),
        (
            ("a/m", "b/m"),
            "what was learned of a/m and 1 more lane is of another version, or damaged: it is learned anew",
        ),
        (
            ("a/m", "b/m", "c/m"),
            "what was learned of a/m and 2 more lanes is of another version, or damaged: it is learned anew",
        ),
    ],
)
def test_what_could_not_be_read_in_words(keys: tuple[str, ...], words: str) -> None:
    """One lane by name, the others by number; nothing where there are none."""
    assert learned_anew(keys) == words
