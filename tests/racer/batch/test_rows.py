"""The rows of OUT: what they say, what they survive, and what is read from them again."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.batch.line import Failure, Result
from racer.batch.rows import BEGINNING, Seen, answer_row, begins_a_row, error_row, line_of, row_of
from racer.core.heat import Outcome
from racer.core.reply import Attempt, Reply
from racer_adapters.types import Usage

DIGEST = bytes(range(8))
TRIED = Attempt("groq/llama#2", "groq", "llama", 0.0, 0.5, Outcome.WON)
BROKEN = Attempt("mistral/small", "mistral", "small", 0.0, 0.5, Outcome.FAILED, reason="429")
LATE = Attempt("x/y", "x", "y", 0.0, 0.5, Outcome.LOST)


def reply(text: str = "hi", **more: Any) -> Reply[Any]:
    given: dict[str, Any] = {"usage": Usage(3, 4, estimated=True), "latency": 0.25, "race_id": "r1"}
    return Reply(text, "groq", "llama", **(given | more))


def test_an_answer() -> None:
    """OpenAI's form, and what racer knows besides."""
    row = answer_row(7, "a", DIGEST, reply(attempts=(BROKEN, TRIED)))
    found = json.loads(row)

    assert row.startswith(BEGINNING)
    assert b"\n" not in row
    assert (found["id"], found["custom_id"], found["error"]) == ("batch_req_r1", "a", None)
    assert found["response"] == {"status_code": 200, "request_id": "r1", "body": reply().to_openai()}
    assert found["racer"] == {
        "line": 7,
        "digest": "0001020304050607",
        "provider": "groq",
        "model": "llama",
        "lane": "groq/llama#2",
        "latency": 0.25,
        "attempts": 2,
        "input_tokens": 3,
        "output_tokens": 4,
        "estimated": True,
        "cached": False,
    }


def test_all_attempts_of_the_line_count() -> None:
    """More races may have been run for it than the one that won; a kept reply had none."""
    many = json.loads(answer_row(7, 5, DIGEST, reply(), attempts=[BROKEN, BROKEN, LATE]))
    none = json.loads(answer_row(7, 5, DIGEST, reply(cached=True)))

    assert (many["custom_id"], many["racer"]["attempts"], many["racer"]["lane"]) == (5, 3, "groq/llama")
    assert (none["racer"]["attempts"], none["racer"]["cached"]) == (0, True)


def test_a_parsed_value_comes_along_where_it_was_asked_for() -> None:
    """In plain values, null included."""
    with_it = json.loads(answer_row(1, "a", DIGEST, reply(parsed={"n": (1, 2)}), parsed=True))
    nothing = json.loads(answer_row(1, "a", DIGEST, reply(), parsed=True))

    assert with_it["racer"]["parsed"] == {"n": [1, 2]}
    assert nothing["racer"]["parsed"] is None


def test_an_error() -> None:
    """Why, and what each lane had to say."""
    row = error_row(3, "a", DIGEST, "no_lane", "nobody", attempts=[BROKEN, LATE], race_id="r9")
    found = json.loads(row)

    assert found["id"] == "batch_req_r9"
    assert (found["response"], found["error"]) == (None, {"code": "no_lane", "message": "nobody"})
    assert found["racer"]["attempts"] == 2
    assert found["racer"]["lanes"] == [
        {"lane": "mistral/small", "reason": "429"},
        {"lane": "x/y", "reason": "lost"},
    ]
    assert json.loads(error_row(3, "a", DIGEST, "bad_line", "no prompt"))["id"] == "batch_req_line-3"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("half \ud83d", "half �"),
        ("whole 😀", "whole 😀"),
        (float("nan"), None),
        (1.5, 1.5),
        (1 << 70, str(1 << 70)),
        (-5, -5),
        ([True, None, "\ud800"], [True, None, "�"]),
        ({"\udc00": 1}, {"�": 1}),
        ("a\nb\u2028c", "a\nb\u2028c"),
    ],
)
def test_no_value_costs_a_row(value: object, written: object) -> None:
    """What JSON cannot hold is mended; beside half a character, everything goes that way."""
    row = answer_row(2, "i\ud800", DIGEST, reply("\ud800", parsed=value), parsed=True)

    assert orjson.loads(row)["racer"]["parsed"] == written
    assert line_of(row) == Seen(2, DIGEST, "i�", False)
    assert b"\n" not in row


def test_what_is_nested_without_end_is_cut() -> None:
    """A row is worth more than the inside of one value."""
    deep: Any = []
    for _ in range(400):
        deep = [deep]

    row = answer_row(2, "a", DIGEST, reply(parsed=deep), parsed=True)

    assert b"[nested too deep]" in row
    assert line_of(row) == Seen(2, DIGEST, "a", False)


def test_an_object_of_no_known_kind_is_its_text() -> None:
    """Nothing of a message may be in the way of its row."""
    message: Any = ValueError("\ud800 odd")

    row = error_row(1, "a", DIGEST, "x", message)

    assert orjson.loads(row)["error"]["message"] == "� odd"


@given(
    st.integers(1, (1 << 48) - 1),
    st.text() | st.integers(-(1 << 63), (1 << 63) - 1),
    st.binary(min_size=8, max_size=8),
)
def test_rows_are_known_again(line: int, id_: str | int, digest: bytes) -> None:
    """Whatever their ids are."""
    assert line_of(answer_row(line, id_, digest, reply())) == Seen(line, digest, id_, False)
    assert line_of(error_row(line, id_, digest, "x", "y") + b"\n") == Seen(line, digest, id_, True)


@pytest.mark.parametrize(
    "row",
    [
        b"",
        b"\n",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'{"racer": 7}',
        b'{"racer": []}',
        b'{"custom_id": "a", "error": null}',
        b'{"racer": {"line": 1, "digest": "0011223344556677"}, "custom_id": "a"}',
        b'{"racer": {"line": true, "digest": "0011223344556677"}, "custom_id": "a", "error": null}',
        b'{"racer": {"line": 0, "digest": "0011223344556677"}, "custom_id": "a", "error": null}',
        b'{"racer": {"line": 281474976710656, "digest": "0011223344556677"}, "custom_id": 1, "error": null}',
        b'{"racer": {"line": 1, "digest": "0011"}, "custom_id": "a", "error": null}',
        b'{"racer": {"line": 1, "digest": "zz"}, "custom_id": "a", "error": null}',
        b'{"racer": {"line": 1, "digest": 5}, "custom_id": "a", "error": null}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_row(row: bytes) -> None:
    """Other JSON, other people's JSON lines, halves, noise."""
    assert line_of(row) is None


def test_a_strange_id_is_its_text() -> None:
    """A hand may have changed it."""
    row = b'{"racer": {"line": 1, "digest": "0011223344556677"}, "custom_id": 1.5, "error": null}'

    assert line_of(row) == Seen(1, bytes.fromhex("0011223344556677"), "1.5", False)


@given(st.integers(0, 200), st.integers(0, 20))
def test_what_a_crash_leaves(cut: int, zeros: int) -> None:
    """The beginning of a row of any length, and zeros where the disk had not written it."""
    row = error_row(1, "a", DIGEST, "x", "y")

    assert begins_a_row(row[:cut] + bytes(zeros))
    assert not begins_a_row(b"dear diary"[: cut + 1])


def test_a_result_is_an_answer_or_an_error() -> None:
    """The row is that of its reply where there is one, else that of its failure, whatever is known of it."""
    answered = row_of(Result(7, "a", reply()), DIGEST, parsed=False)
    failed = row_of(Result(7, "a", failure=Failure("empty", "said nothing")), DIGEST, parsed=False)
    nothing = row_of(Result(7, "a"), DIGEST, parsed=False)

    assert answered == answer_row(7, "a", DIGEST, reply())
    assert failed == error_row(7, "a", DIGEST, "empty", "said nothing")
    assert nothing == error_row(7, "a", DIGEST, "unknown", "")
