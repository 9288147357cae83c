"""Answers, pages and refusals of Anthropic's Messages. Their client's tests: test_anthropic_client.py."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from racer.sim.exchange import STATUSES, Refusal, Reply, Request
from racer.sim.profile import Provider
from racer.sim.quota import Closed, Standing
from racer.sim.wire import anthropic
from racer_adapters.anthropic import ANTHROPIC
from racer_adapters.contract import decode
from racer_adapters.errors import Kind
from racer_adapters.types import Answer, ToolCall, Usage
from tests.racer.sim.scenes import AT, KEY, calling, moment, read_refusal, said, turn

if TYPE_CHECKING:
    from racer.sim.exchange import Frames, Why

CLAUDE = Provider("a", dialect="anthropic", models=("m",), context=8)
LIMIT = Standing("requests", "minute", 60.0, 50, 50, 59.5)


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
    found = anthropic.read(Request("GET", "/v1/models", {}), moment(CLAUDE))
    keyed = replace(CLAUDE, keys=(KEY,))

    assert isinstance(found, Reply)
    assert [model["id"] for model in said(found)["data"]] == ["m"]
    assert read_refusal(anthropic.WIRE, Request("GET", "/v1/models", {}), keyed).why == "no_key"
    assert anthropic.read(Request("GET", "/v1/models", {"x-api-key": KEY}), moment(keyed)) is not None


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/messages"), ("POST", "/v1/models")])
def test_other_methods_are_refused(method: str, path: str) -> None:
    """Each path has its method."""
    assert read_refusal(anthropic.WIRE, Request(method, path, {}), CLAUDE).why == "method"


def test_a_whole_answer() -> None:
    """A message of one block, its reason and its counts."""
    body = said(anthropic.whole(turn(CLAUDE)))

    assert body["content"] == [{"type": "text", "text": "One two three."}]
    assert (body["type"], body["stop_reason"], body["model"]) == ("message", "end_turn", "m")
    assert (body["usage"]["input_tokens"], body["usage"]["output_tokens"]) == (3, 3)


def test_a_stream() -> None:
    """Input is told at its beginning, output at its end; a ping is among it; the end has a name."""
    frames = anthropic.stream(turn(CLAUDE))
    events = events_of(frames_of(frames))

    assert [event["type"] for event in events] == [
        "message_start",
        "ping",
        "content_block_start",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0]["message"]["usage"]["input_tokens"] == 3
    assert events[-2] == {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 3},
    }
    assert frames.closing.endswith(frames.end)


def test_thoughts_are_a_block_of_their_own() -> None:
    """Signed, and before the answer."""
    thinking = turn(CLAUDE, "Yes.", reasoning=("Let", " me"))
    events = events_of(frames_of(anthropic.stream(thinking)))
    deltas = [
        (event["index"], event["delta"]["type"]) for event in events if event["type"] == "content_block_delta"
    ]

    assert deltas == [(0, "thinking_delta"), (0, "thinking_delta"), (0, "signature_delta"), (1, "text_delta")]
    assert [part["type"] for part in said(anthropic.whole(thinking))["content"]] == ["thinking", "text"]


def test_a_call_that_is_cut_has_no_arguments() -> None:
    """In one piece they are an object, and half an object is none."""
    cut = said(anthropic.whole(turn(CLAUDE, '{"a"', tool="add", finish="length")))

    assert (cut["content"][0]["input"], cut["stop_reason"]) == ({}, "max_tokens")


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
    given = turn(CLAUDE, **answer)
    wanted = replace(read, ended=True, usage=Usage(3, given.answer.output_tokens))

    assert decode(ANTHROPIC, [frames_of(anthropic.stream(given))]).answer == wanted
    assert decode(ANTHROPIC, [anthropic.whole(given).body]).answer == wanted


def test_our_dialect_reads_a_call() -> None:
    """In pieces and as an object."""
    calling = turn(CLAUDE, '{"a":', "1}", tool="add", finish="tool_calls")
    call = ToolCall("toolu_00007", "add", '{"a":1}')
    wanted = Answer(tool_calls=(call,), finish_reason="tool_calls", ended=True, usage=Usage(3, 2))

    assert decode(ANTHROPIC, [frames_of(anthropic.stream(calling))]).answer == wanted
    assert decode(ANTHROPIC, [anthropic.whole(calling).body]).answer == wanted


def test_an_empty_answer_is_an_answer() -> None:
    """Without a block."""
    empty = replace(turn(CLAUDE), answer=replace(turn(CLAUDE).answer, tokens=()))

    assert said(anthropic.whole(empty))["content"] == []
    assert decode(ANTHROPIC, [frames_of(anthropic.stream(empty))]).answer.finish_reason == "stop"


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
    "no_quota": Kind.CREDIT,
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
    """An error in an object, with a type and the id of the request; our dialect makes of it what it means."""
    reply = anthropic.refuse(Refusal(why, subject="x"), moment(CLAUDE))
    body = said(reply)

    assert (body["type"], body["request_id"]) == ("error", reply.headers["request-id"])
    assert body["error"].keys() >= {"type", "message"}
    assert ANTHROPIC.classify(reply.status, reply.headers, reply.body).kind is KINDS[why]


def test_a_limit_says_what_it_is_and_when_it_ends() -> None:
    """In words, and in headers with a date."""
    refusal = Refusal("limit", retry_after=59.5, closed=Closed(LIMIT, 1))
    reply = anthropic.refuse(refusal, moment(CLAUDE, standings=(LIMIT,)))
    error = ANTHROPIC.classify(reply.status, reply.headers, reply.body)

    assert reply.headers["retry-after"] == "60"
    assert reply.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert reply.headers["anthropic-ratelimit-requests-reset"] == "2027-01-15T08:01:00Z"
    assert (error.kind, error.retry_after, error.model_only) == (Kind.RATE, 60.0, True)
    assert "50 requests per minute" in error.message


def test_without_a_wait_the_reset_tells_it() -> None:
    """Against the server's own clock."""
    reply = anthropic.refuse(Refusal("limit"), moment(CLAUDE, standings=(LIMIT,)))
    dated = {**reply.headers, "date": "Fri, 15 Jan 2027 08:00:00 GMT"}

    assert AT == 1_800_000_000
    assert ANTHROPIC.classify(reply.status, dated, reply.body).retry_after == 60.0


def test_the_shortest_limit_has_the_headers() -> None:
    """One that never opens again has none."""
    day, ever = replace(LIMIT, seconds=86_400.0, limit=9), replace(LIMIT, seconds=math.inf, unit="tokens")
    headers = anthropic.whole(
        replace(turn(CLAUDE), moment=moment(CLAUDE, standings=(LIMIT, day, ever)))
    ).headers

    assert headers["anthropic-ratelimit-requests-limit"] == "50"
    assert not any("tokens" in name for name in headers)


@pytest.mark.parametrize(("wait", "header"), [(None, None), (math.inf, None), (1.2, "2"), ("soon", "soon")])
def test_waits(wait: float | str | None, header: str | None) -> None:
    """In whole seconds, as a text, or not at all."""
    reply = anthropic.refuse(Refusal("limit", retry_after=wait), moment(CLAUDE))

    assert reply.headers.get("retry-after") == header


def test_an_error_in_a_stream_is_an_event() -> None:
    """It has the same form as a body, and a name."""
    frames = anthropic.stream(turn(CLAUDE))
    frame = anthropic.error_frame(Refusal("overloaded"), turn(CLAUDE))
    outcome = decode(ANTHROPIC, [frames.opening + frames.tokens[0] + frame])

    assert frame.startswith(b"event: error\n")
    assert outcome.answer.text == "One"
    assert outcome.error is not None
    assert outcome.error.kind is Kind.OVERLOADED


def test_our_dialect_reads_parallel_calls() -> None:
    """One block behind the other."""
    calls = (ToolCall("toolu_00007", "add", '{"a":1}'), ToolCall("toolu_01007", "now", "{}"))
    wanted = Answer(tool_calls=calls, finish_reason="tool_calls", ended=True, usage=Usage(3, 3))
    both = calling(CLAUDE)

    assert decode(ANTHROPIC, [frames_of(anthropic.stream(both))]).answer == wanted
    assert decode(ANTHROPIC, [anthropic.whole(both).body]).answer == wanted
    blocks = [event["index"] for event in events_of(b"".join(anthropic.stream(both).tokens))]
    assert blocks == [0, 0, 0, 0, 1, 1, 1]
