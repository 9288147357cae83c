"""What is remarked of a bench: what was not sent, who was kept out, and whose answers were cut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from racer.bench.remarks import remarks
from racer.bench.report import Spending
from racer.core.heat import Outcome
from racer.core.reply import Attempt
from tests.racer.bench.samples import asked, raced, run

SENT = Spending({"p/a": 3}, {"all": 6}, {"p": 9})
ADVICE = "who thinks first may need more, which --max-tokens gives"


def failed(lane: str, reason: str | None) -> Attempt:
    return Attempt(lane, "p", "m", 0.0, 0.5, Outcome.FAILED, reason)


def test_of_a_bench_that_went_as_announced_there_is_nothing_to_say() -> None:
    """Nor of one that was stopped, of which it is known that it sent less."""
    samples = [asked("p/a", 0, 0.2), raced("all", 0, 0.2, run("p/a"))]

    assert remarks(SENT, SENT, samples, {0: 512}, complete=True) == ()
    assert remarks(SENT, Spending(), samples, {}, complete=False) == ()


def test_what_was_not_sent_is_told() -> None:
    """In all, of which policy, and who was kept out for what."""
    samples = [asked("p/a", number, 0.0, "kept_out", reason="auth") for number in (1, 2)]
    samples.append(raced("one", 1, 0.0, outcome="kept_out"))
    sent = Spending({"p/a": 1}, {"all": 4}, {"p": 5})

    assert remarks(SENT, sent, samples, {}, complete=True) == (
        "announced were 9 requests, and 5 were sent",
        "all has 2 of 6 requests left: lanes were kept out of its races",
        "p/a was kept out 2 times: auth",
        "one was kept out once: None",
    )
    assert remarks(SENT, Spending(), [], {}, complete=True)[1].startswith("all has 6 of 6 requests left")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("empty: only reasoning, no answer", True),
        ("truncated: the stream ended without a finish reason or an end marker", True),
        ("empty", True),
        ("invalid: the reply is cut off in mid-JSON: allow more max_tokens", True),
        ("server 500: the answer is empty", False),
        (None, False),
    ],
)
def test_answers_that_a_bound_may_have_cut_are_told(reason: str | None, told: bool) -> None:
    """One that is empty, or that ends in its midst."""
    samples = [asked("p/a", 0, 0.2, "empty", attempts=(failed("p/a", reason),))]

    found = remarks(SENT, SENT, samples, {0: 512}, complete=True)

    line = f"1 answer was empty or cut off, with 512 tokens allowed (p/a 1): {ADVICE}"
    assert found == ((line,) if told else ())
    assert remarks(SENT, SENT, samples, {1: 512}, complete=True) == ()


def test_they_are_counted_by_lane() -> None:
    """In races too, where another lane has answered."""
    empty = failed("p/a", "empty: no text")
    samples = [
        raced("all", 0, 0.2, empty, run("p/b")),
        asked("p/b", 0, 0.2, "empty", attempts=(failed("p/b", "empty: no text"),)),
        asked("p/a", 0, 0.2, "empty", attempts=(empty,)),
    ]
    samples += [replace(each, prompt=1) for each in samples]

    (line,) = remarks(SENT, SENT, samples, {0: 64, 1: 9}, complete=False)

    assert line == f"6 answers were empty or cut off, with 9 to 64 tokens allowed (p/a 4, p/b 2): {ADVICE}"
