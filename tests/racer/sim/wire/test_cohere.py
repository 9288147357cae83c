"""Answers, pages and refusals of Cohere's chat. Their own client's tests are in test_cohere_client.py."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from racer.sim.exchange import STATUSES, Refusal, Reply, Request
from racer.sim.profile import Provider
from racer.sim.quota import Closed, Standing
from racer.sim.wire import cohere
from racer_adapters.cohere import COHERE
from racer_adapters.contract import decode
from racer_adapters.errors import Kind
from racer_adapters.types import Answer, ToolCall, Usage
from tests.racer.sim.scenes import KEY, calling, moment, read_refusal, said, turn

if TYPE_CHECKING:
    from racer.sim.exchange import Frames, Why

COMMAND = Provider("a", dialect="cohere", models=("m",), context=8)
LIMIT = Standing("requests", "minute", 60.0, 20, 20, 59.5)


def frames_of(frames: Frames) -> bytes:
    return frames.opening + b"".join(frames.reasoning + frames.tokens) + frames.closing


def events_of(data: bytes) -> list[Any]:
    """The JSON of every event; each must have the name that its data has for a type."""
    found: list[Any] = []
    for frame in data.strip().split(b"\n\n"):
        name, event = frame.split(b"\n")
        found.append(orjson.loads(event.removeprefix(b"data: ")))
        assert name == b"event: " + found[-1]["type"].encode()
    return found


def test_the_models() -> None:
    """A page of them, for who has a key."""
    found = cohere.read(Request("GET", "/v1/models", {}), moment(COMMAND))

    assert isinstance(found, Reply)
    assert [(model["name"], model["context_length"]) for model in said(found)["models"]] == [("m", 8)]
    keyed = replace(COMMAND, keys=(KEY,))
    assert read_refusal(cohere.WIRE, Request("GET", "/v1/models", {}), keyed).why == "no_key"


@pytest.mark.parametrize(("method", "path"), [("GET", "/v2/chat"), ("POST", "/v1/models")])
def test_other_methods_are_refused(method: str, path: str) -> None:
    """Each path has its method."""
    assert read_refusal(cohere.WIRE, Request(method, path, {}), COMMAND).why == "method"


def test_a_whole_answer() -> None:
    """A message of one text, its reason, and two counts in fractions."""
    body = said(cohere.whole(turn(COMMAND)))

    assert body["message"] == {"role": "assistant", "content": [{"type": "text", "text": "One two three."}]}
    assert body["finish_reason"] == "COMPLETE"
    assert body["usage"]["billed_units"] == {"input_tokens": 3.0, "output_tokens": 3.0}
    assert body["usage"]["tokens"]["input_tokens"] > 3


def test_a_stream() -> None:
    """Everything is told at its end, which is the last event."""
    frames = cohere.stream(turn(COMMAND))
    events = events_of(frames_of(frames))

    assert [event["type"] for event in events] == [
        "message-start",
        "content-start",
        *["content-delta"] * 3,
        "content-end",
        "message-end",
    ]
    assert events[-1]["delta"]["finish_reason"] == "COMPLETE"
    assert frames.closing == frames.end


def test_thoughts_are_a_content_of_their_own() -> None:
    """Before the answer, with an index of their own."""
    thinking = turn(COMMAND, "Yes.", reasoning=("Let", " me"))
    events = events_of(frames_of(cohere.stream(thinking)))
    starts = [event for event in events if event["type"] == "content-start"]
    whole = said(cohere.whole(thinking))["message"]["content"]

    kinds = [(start["index"], start["delta"]["message"]["content"]["type"]) for start in starts]
    assert kinds == [(0, "thinking"), (1, "text")]
    assert [part["type"] for part in whole] == ["thinking", "text"]


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ({}, Answer("One two three.", finish_reason="stop")),
        ({"finish": "length"}, Answer("One two three.", finish_reason="length")),
        ({"reasoning": ("Hm", ".")}, Answer("One two three.", "Hm.", finish_reason="stop")),
    ],
)
def test_our_dialect_reads_it(answer: dict[str, Any], read: Answer) -> None:
    """Streamed and whole say the same."""
    given = turn(COMMAND, **answer)
    wanted = replace(read, ended=True, usage=Usage(3, given.answer.output_tokens))

    assert decode(COHERE, [frames_of(cohere.stream(given))]).answer == wanted
    assert decode(COHERE, [cohere.whole(given).body]).answer == wanted


def test_our_dialect_reads_a_call() -> None:
    """With the plan that comes before it."""
    calling = turn(COMMAND, '{"a":', "1}", tool="add", finish="tool_calls", reasoning=("I", " add."))
    call = ToolCall("add_00007", "add", '{"a":1}')
    wanted = Answer("", "I add.", (call,), "tool_calls", ended=True, usage=Usage(3, 4))

    assert decode(COHERE, [frames_of(cohere.stream(calling))]).answer == wanted
    assert decode(COHERE, [cohere.whole(calling).body]).answer == wanted


KINDS: dict[Why, Kind] = {
    "no_route": Kind.NO_MODEL,
    "method": Kind.NO_MODEL,
    "no_key": Kind.AUTH,
    "bad_key": Kind.AUTH,
    "bad_json": Kind.BAD_REQUEST,
    "bad_field": Kind.BAD_REQUEST,
    "unknown_field": Kind.BAD_REQUEST,
    "bad_turns": Kind.BAD_REQUEST,
    "no_model": Kind.NO_MODEL,
    "too_long": Kind.TOO_LONG,
    "too_big": Kind.TOO_LONG,
    "beyond_limit": Kind.RATE,
    "limit": Kind.RATE,
    "parallel": Kind.RATE,
    "no_quota": Kind.QUOTA,
    "credit": Kind.CREDIT,
    "forbidden": Kind.AUTH,
    "server": Kind.SERVER,
    "gateway": Kind.OVERLOADED,
    "unavailable": Kind.OVERLOADED,
    "timeout": Kind.OVERLOADED,
    "overloaded": Kind.OVERLOADED,
}


@pytest.mark.parametrize("why", STATUSES)
def test_refusals_have_their_form_and_meaning(why: Why) -> None:
    """A sentence and an id; our dialect makes of it what it means."""
    reply = cohere.refuse(Refusal(why, subject="x"), moment(COMMAND))

    assert said(reply).keys() == {"id", "message"}
    assert COHERE.classify(reply.status, reply.headers, reply.body).kind is KINDS[why]


@pytest.mark.parametrize(
    ("limit", "words", "kind", "model_only"),
    [
        (LIMIT, "limited to 20 API calls / minute", Kind.RATE, True),
        (replace(LIMIT, unit="tokens", limit=100_000), "limit is 100000 tokens per minute", Kind.RATE, False),
        (replace(LIMIT, period="once", seconds=math.inf), "20 API calls / month", Kind.QUOTA, False),
    ],
)
def test_a_limit_says_what_it_is(limit: Standing, words: str, kind: Kind, model_only: bool) -> None:
    """In a sentence alone: there are no headers, and no wait."""
    reply = cohere.refuse(Refusal("limit", retry_after=59.5, closed=Closed(limit, 1)), moment(COMMAND))
    error = COHERE.classify(reply.status, reply.headers, reply.body)

    assert words in error.message
    assert reply.headers == {"content-type": "application/json"}
    assert (error.kind, error.retry_after, error.model_only) == (kind, None, model_only)


def test_a_header_that_a_fault_asks_for_is_sent_as_it_is() -> None:
    """So that a client can be tried with any."""
    reply = cohere.refuse(Refusal("limit", retry_after="soon"), moment(COMMAND))

    assert reply.headers["retry-after"] == "soon"


@pytest.mark.parametrize(("why", "kind"), [("server", Kind.IN_BAND), ("timeout", Kind.OVERLOADED)])
def test_an_error_in_a_stream_ends_the_message(why: Why, kind: Kind) -> None:
    """With a reason of its own."""
    frames = cohere.stream(turn(COMMAND))
    frame = cohere.error_frame(Refusal(why), turn(COMMAND))
    outcome = decode(COHERE, [frames.opening + frames.tokens[0] + frame])

    assert events_of(frame)[0]["type"] == "message-end"
    assert outcome.answer.text == "One"
    assert outcome.error is not None
    assert outcome.error.kind is kind


def test_our_dialect_reads_parallel_calls() -> None:
    """Each has its number, and ends before the next begins."""
    calls = (ToolCall("add_00007", "add", '{"a":1}'), ToolCall("now_01007", "now", "{}"))
    wanted = Answer("", "", calls, "tool_calls", ended=True, usage=Usage(3, 3))

    assert decode(COHERE, [frames_of(cohere.stream(calling(COMMAND)))]).answer == wanted
    assert decode(COHERE, [cohere.whole(calling(COMMAND)).body]).answer == wanted
