"""A call or a race as a sample: which class its failure has, and from where its times count."""

from __future__ import annotations

from typing import Any

import pytest

from racer.bench.sample import KEPT_OUT, Kind, Sample
from racer.bench.seen import outcome_of, sample_of
from racer.core.heat import Outcome
from racer.core.reply import Attempt, Reply
from racer.errors import BadRequest, DeadlineExceeded, NoLanes, RaceLost, RacerError
from racer_adapters import errors
from racer_adapters.errors import WireError
from racer_adapters.types import ToolCall, Usage


def attempt(lane: str, outcome: Outcome, start: float = 0.0, reason: str | None = None) -> Attempt:
    provider, _, model = lane.partition("/")
    return Attempt(lane, provider, model, start, 0.5, outcome, reason)


def sample(ending: Reply | Exception, *attempts: Attempt) -> Sample:
    return sample_of(Kind.LANE, "a/m", 3, 1, attempts, ending, at=100.0, took=0.7)


def lost(*kinds: errors.Kind) -> RaceLost:
    error = RaceLost("all failed.\n  a/m: why")
    error.__cause__ = ExceptionGroup("each", [WireError(kind) for kind in kinds])
    return error


def test_an_answer_counts_from_its_first_request() -> None:
    """What it waited for a limit before is not the lane's time."""
    usage = Usage(input_tokens=9, output_tokens=40)
    reply = Reply("hi", "a", "m", usage, latency=20.9, race_id="r", first_token=20.3)

    seen = sample(reply, attempt("b/m", Outcome.LOST, 20.1), attempt("a/m", Outcome.WON, 20.0))

    assert (seen.outcome, seen.answered_by, seen.at) == ("answered", "a/m", 100.0)
    assert seen.took == pytest.approx(0.9)
    assert seen.first_token == pytest.approx(0.3)
    assert [each.start for each in seen.attempts] == pytest.approx([0.1, 0.0])
    assert (seen.input_tokens, seen.output_tokens, seen.round, seen.prompt) == (9, 40, 3, 1)


def test_an_answer_in_one_piece_has_no_first_token() -> None:
    """Nobody saw it begin."""
    reply = Reply("hi", "a", "m", Usage(), latency=0.5, race_id="r")

    assert sample(reply, attempt("a/m", Outcome.WON)).first_token is None


@pytest.mark.parametrize(
    ("reply", "thought"),
    [
        ({"text": "x" * 80, "usage": Usage(9, 20)}, False),
        ({"text": "x" * 80, "usage": Usage(9, 39)}, False),
        ({"text": "x" * 80, "usage": Usage(9, 40)}, True),
        ({"text": "391", "usage": Usage(9, 20)}, False),
        ({"text": "391", "usage": Usage(9, 21)}, True),
        ({"text": "391", "usage": Usage(9, 1), "reasoning": "17 times 23"}, True),
        ({"text": "", "usage": Usage(9, 30), "tool_calls": (ToolCall("1", "f", "x" * 80),)}, False),
        ({"text": "hi", "usage": Usage()}, False),
    ],
)
def test_more_may_be_written_than_is_seen(reply: dict[str, Any], thought: bool) -> None:
    """Reasoning, or twice as many tokens and twenty more than the text has."""
    ending = Reply(provider="a", model="m", latency=1.0, race_id="r", first_token=0.5, **reply)

    assert sample(ending, attempt("a/m", Outcome.WON)).thought is thought


def test_a_failure_has_the_class_of_its_lane() -> None:
    """And its reason, in a line."""
    seen = sample(lost(errors.Kind.SERVER), attempt("a/m", Outcome.FAILED, reason="server 500: broken"))

    assert (seen.outcome, seen.reason, seen.took) == ("server", "server 500: broken", 0.7)
    assert seen.first_token is None


def test_of_several_failures_the_most_frequent_names_the_class() -> None:
    """Of these the first."""
    assert outcome_of(lost(errors.Kind.RATE, errors.Kind.SERVER, errors.Kind.SERVER)) == "server"
    assert outcome_of(lost(errors.Kind.RATE, errors.Kind.SERVER)) == "rate"
    assert outcome_of(RacerError("nobody knows")) == "unknown"


def test_a_race_that_is_lost_says_so_in_its_first_line() -> None:
    """The lanes' own reasons stand with the attempts."""
    attempts = [attempt(f"{name}/m", Outcome.FAILED, reason="server") for name in "ab"]

    assert sample(lost(errors.Kind.SERVER), *attempts).reason == "all failed."
    assert sample(BadRequest("two agree"), attempts[0]).reason == "two agree"


def test_what_the_deadline_cut_off_has_failed() -> None:
    """To the race it was merely stopped."""
    seen = sample(DeadlineExceeded("no whole answer within 5 s"), attempt("a/m", Outcome.LOST))

    assert seen.outcome == "deadline"
    assert (seen.attempts[0].outcome, seen.attempts[0].reason) == (
        Outcome.FAILED,
        "no whole answer within 5 s",
    )


def test_whoever_was_sent_nothing_was_kept_out() -> None:
    """The reason is the lane's own where it is told, else that of the others, else the first line."""
    skipped = [("b/m", "resting"), ("a/m", "used up: 1 requests a day"), ("c", "no key")]
    skipped.insert(0, ("d/m", "not in only"))  # which the bench has said, and nobody else

    assert sample(NoLanes("none", skipped=skipped)).outcome == KEPT_OUT
    assert sample(NoLanes("none", skipped=skipped)).reason == "used up: 1 requests a day"
    assert sample(NoLanes("none", skipped=skipped[:2])).reason == "resting"
    assert sample(NoLanes("none\n  c: no key", skipped=skipped[3:])).reason == "none"
    assert sample(DeadlineExceeded("not granted")).outcome == KEPT_OUT
