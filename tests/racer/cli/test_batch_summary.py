"""The last words of a batch, and the same as a document."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.batch.progress import LaneProgress
from racer.cli.batch_summary import MOST_CODES, Reason, Tally, document, lasted, summary
from tests.racer.cli.batches import FRESH, HALF, ON_STDOUT, ORDER, answered, failed

if TYPE_CHECKING:
    from racer.cli.batch_order import Order

EARLIER = "3,000 of them in earlier runs"


def tally_of(*codes: str) -> Tally:
    tally = Tally()
    tally.add(answered(1))
    for line, code in enumerate(codes, 2):
        tally.add(failed(line, code, f"{code}:\n\x1b[31mwhy of {line}"))
    return tally


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (29_520, "8 h 12 min"),
        (90_000, "1 day 1 h"),
        (2 * 86_400 + 3 * 3600, "2 days 3 h"),
    ],
)
def test_a_time_is_told_in_two_units(seconds: float, text: str) -> None:
    """The larger ones."""
    assert lasted(seconds) == text


def test_the_summary_has_everything() -> None:
    """What was answered and in what time, what it took, who answered, what failed and how to try again."""
    tally = tally_of("no_lane", "no_lane", "bad_line")

    assert summary(HALF, tally, ORDER, {"gpt-9": 3, "m\x07": 1}) == [
        f"3,062 of 5,000 prompts answered, 38 failed, 1,900 left, in 8 h 12 min; {EARLIER}",
        "  5,120 requests, 1,204,331 tokens in, 802,113 out, nothing paid",
        "  answered by groq/llama 60, mistral/small 2",
        "  nobody has gpt-9 (3 lines), m (1 line): any lane was asked",
        "  2 failed (line 2 is the first): no_lane: why of 2",
        "  1 failed (line 4): bad_line: why of 4",
        "  35 failed in earlier runs: OUT says why",
        "  to try them again: racer batch --errors-only out.jsonl",
    ]


def test_a_batch_without_trouble_is_told_in_few_words() -> None:
    """Nothing is said of what there was none of."""
    done = replace(FRESH, total=2, done=2, elapsed=1.25)
    assert summary(done, Tally(), ORDER) == ["2 of 2 prompts answered, 0 failed, in 1.2 s"]
    assert summary(replace(done, total=None), Tally(), ORDER) == ["2 prompts answered, 0 failed, in 1.2 s"]


def test_what_was_paid_is_told() -> None:
    """In dollars."""
    paid = replace(FRESH, attempts=1, input_tokens=1, usd=2.5)
    assert summary(paid, Tally(), ORDER)[1] == "  1 request, 1 token in, 0 out, 2.50 USD"


def test_of_many_lanes_those_that_did_most_are_told() -> None:
    """The others are a number."""
    lanes = tuple(LaneProgress(f"p{n}/m", 0, 1, n, 0) for n in range(1, 10))
    line = summary(replace(FRESH, lanes=lanes), Tally(), ORDER)[1]

    assert line.startswith("  answered by p9/m 9, p8/m 8, ")
    assert line.endswith(", p4/m 4, 3 others 6")


def test_of_many_models_that_nobody_has_some_are_told() -> None:
    """Those that most lines ask for."""
    line = summary(FRESH, Tally(), ORDER, {f"m{n}": n for n in range(1, 9)})[1]
    assert line.startswith("  nobody has m8 (8 lines), ")
    assert line.endswith("m3 (3 lines), …: any lane was asked")


def test_reasons_are_told_by_their_number() -> None:
    """The most frequent first, and the rest together; of those without words, the code."""
    tally = tally_of(*(code for n in range(9) for code in [f"c{n}"] * (n + 1)))
    tally.add(failed(99, "mute", ""))
    lines = summary(replace(FRESH, failed=46), tally, ORDER)

    assert [reason.lines for reason in tally.reasons[:3]] == [9, 8, 7]
    assert lines[-2:] == [
        "  2 failed for other reasons",
        "  to try them again: racer batch --errors-only out.jsonl",
    ]
    assert summary(FRESH, _mute(), ORDER)[1] == "  1 failed (line 1): mute"


def _mute() -> Tally:
    tally = Tally()
    tally.add(failed(1, "mute", ""))
    return tally


def test_a_line_is_named_once() -> None:
    """Messages about bad lines begin with it."""
    tally = Tally()
    tally.add(failed(7, "bad_line", "line 7: it is not JSON"))
    assert summary(FRESH, tally, ORDER)[1] == "  1 failed (line 7): it is not JSON"


def test_memory_does_not_grow_with_what_failed() -> None:
    """However many codes there are, and however long a reason is."""
    tally = tally_of(*(f"c{n}" for n in range(1000)))
    tally.add(failed(1, "c0", "x" * 10**6))

    assert tally.failed == 1001
    assert len(tally.reasons) == MOST_CODES + 1
    assert tally.reasons[0] == Reason("other", 950, 52, "c50: why of 52")
    assert all(len(reason.message) <= 300 for reason in tally.reasons)


@pytest.mark.parametrize(
    ("name", "typed"), [("my answers.jsonl", "'my answers.jsonl'"), ("-x", "./-x"), ("a/b", "a/b")]
)
def test_the_command_can_be_typed_as_it_is_told(name: str, typed: str) -> None:
    """Also for names that a shell or an option would take apart."""
    lines = summary(replace(FRESH, failed=1), Tally(), replace(ORDER, said_out=name))
    assert lines[-1] == f"  to try them again: racer batch --errors-only {typed}"


@pytest.mark.parametrize(
    ("order", "particular"),
    [
        (replace(ORDER, options={"rate": "10/s", "policy": "one"}), False),
        (replace(ORDER, options={"only": ["a"]}), True),
        (replace(ORDER, system="Be brief."), True),
    ],
)
def test_options_that_make_the_answers_are_given_again(order: Order, *, particular: bool) -> None:
    """A job goes on with no others."""
    line = summary(replace(FRESH, failed=1), Tally(), order)[-1]
    assert line.endswith("out.jsonl, with the options of this run") is particular


def test_what_is_on_stdout_cannot_be_tried_again() -> None:
    """There is no job."""
    assert not any("--errors-only" in line for line in summary(HALF, Tally(), ON_STDOUT))


def test_the_document_has_the_same() -> None:
    """In JSON, by names that stay."""
    found = document(HALF, tally_of("no_lane"), ORDER, ending="stopped", message="it was full")

    assert json.loads(json.dumps(found)) == {
        "ending": "stopped",
        "message": "it was full",
        "out": "out.jsonl",
        "total": 5000,
        "answered": 3062,
        "failed": 38,
        "earlier": 3000,
        "left": 1900,
        "seconds": 29520.0,
        "requests": 5120,
        "input_tokens": 1_204_331,
        "output_tokens": 802_113,
        "usd": 0.0,
        "lanes": [
            {"lane": "groq/llama", "answered": 60, "failed": 0},
            {"lane": "mistral/small", "answered": 2, "failed": 3},
        ],
        "failures": [{"code": "no_lane", "lines": 1, "first_line": 2, "message": "no_lane: why of 2"}],
    }
    assert document(replace(HALF, total=None), Tally(), ORDER, ending="done", message=None)["left"] is None
