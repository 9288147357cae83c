"""Samples: what was sent, how fast it wrote, and plain values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from racer.bench.sample import Kind, Sample
from tests.racer.bench.samples import asked, raced, run


def test_what_was_sent_is_what_ran() -> None:
    """A lane that was kept out was sent nothing."""
    assert raced("all", 0, 0.2, run("p/a"), run("p/b")).sent == 2
    assert asked("p/a", 0, 0.0, "kept_out").sent == 0


def test_answers_and_warm_ups() -> None:
    """By the outcome, and by the round."""
    assert asked("p/a", 0, 0.2).answered
    assert not asked("p/a", 0, 0.2, "deadline").answered
    assert asked("p/a", -1, 0.2).warm_up
    assert not asked("p/a", 0, 0.2).warm_up


def test_speed_is_from_the_first_token_on() -> None:
    """30 tokens in the half second after it."""
    assert asked("p/a", 0, 0.75, first_token=0.25, output_tokens=30).tokens_per_second == 60.0


@pytest.mark.parametrize(
    "more",
    [
        {"outcome": "cut", "first_token": 0.25, "output_tokens": 30},
        {"first_token": 0.25},
        {"first_token": 0.25, "output_tokens": 0},
        {"output_tokens": 30},
        {"first_token": 0.75, "output_tokens": 30},
        {"first_token": 0.745, "output_tokens": 30},  # in one burst
        {"first_token": 0.25, "output_tokens": 30, "thought": True},
    ],
)
def test_no_speed_without_all_that_it_takes(more: dict[str, Any]) -> None:
    """An answer, its tokens, all of them seen, a first token, and time after it."""
    assert asked("p/a", 0, 0.75, **more).tokens_per_second is None


def test_plain_values() -> None:
    """As report.json has them: rounded, with the attempts, and no text of anybody's."""
    sample = Sample(
        Kind.POLICY, "frugal", 3, 1, 1_800_000_000.12345, "answered", 0.12345678, 0.1000000049, 7, 8, "p/a",
        attempts=(run("p/a"),),
    )  # fmt: skip

    plain = json.loads(json.dumps(sample.to_dict()))

    assert plain.pop("attempts") == [run("p/a").to_dict()]
    assert plain == {
        "kind": "policy",
        "contender": "frugal",
        "round": 3,
        "prompt": 1,
        "at": 1_800_000_000.123,
        "outcome": "answered",
        "took": 0.123457,
        "first_token": 0.1,
        "input_tokens": 7,
        "output_tokens": 8,
        "thought": False,
        "answered_by": "p/a",
        "reason": None,
    }
    assert asked("p/a", 0, 0.2).to_dict()["first_token"] is None
