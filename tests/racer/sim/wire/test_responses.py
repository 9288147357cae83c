"""Answers, pages and refusals of Perplexity's Agent API. The clients are in test_perplexity_client.py."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from racer.sim.exchange import STATUSES, Refusal, Reply, Request
from racer.sim.profile import Provider
from racer.sim.wire import responses
from racer_adapters.contract import decode
from racer_adapters.errors import Kind
from racer_adapters.responses import RESPONSES
from racer_adapters.types import Answer, ToolCall, Usage
from tests.racer.sim.scenes import KEY, moment, read_refusal, said, turn

if TYPE_CHECKING:
    from racer.sim.exchange import Frames, Why

SONAR = Provider("a", dialect="responses", models=("perplexity/sonar",), context=8)


def frames_of(frames: Frames) -> bytes:
    return frames.hello + frames.opening + b"".join(frames.reasoning + frames.tokens) + frames.closing


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
    found = responses.read(Request("GET", "/v1/models", {}), moment(SONAR))

    assert isinstance(found, Reply)
    assert [model["id"] for model in said(found)["data"]] == ["perplexity/sonar"]
    keyed = replace(SONAR, keys=(KEY,))
    assert read_refusal(responses.WIRE, Request("GET", "/v1/models", {}), keyed).why == "no_key"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/responses"), ("POST", "/v1/models"), ("GET", "/chat/completions")]
)
def test_other_methods_are_refused(method: str, path: str) -> None:
    """Each path has its method."""
    assert read_refusal(responses.WIRE, Request(method, path, {}), SONAR).why == "method"
    assert responses.read(Request(method, path + "/more", {}), moment(SONAR)) is None


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/sonar"])
def test_the_old_doors_are_shut(path: str) -> None:
    """With a good key they say where to go; a wrong one is told first."""
    good = {"Authorization": f"Bearer {KEY}"}
    keyed = replace(SONAR, keys=(KEY,))
    refusal = read_refusal(responses.WIRE, Request("POST", path, good, b"{}"), keyed)
    reply = responses.refuse(refusal, moment(SONAR))

    assert (reply.status, said(reply)["error"]["type"]) == (403, "chat_completions_not_available")
    assert RESPONSES.classify(reply.status, reply.headers, reply.body).kind is Kind.NO_MODEL
    assert read_refusal(responses.WIRE, Request("POST", path, {}, b"{}"), keyed).why == "no_key"


def test_a_whole_answer() -> None:
    """One message in the output, counts, and a price."""
    body = said(responses.whole(turn(SONAR)))

    assert (body["object"], body["status"], body["error"]) == ("response", "completed", None)
    assert [item["content"][0]["text"] for item in body["output"]] == ["One two three."]
    assert body["usage"]["total_tokens"] == 6
    assert body["usage"]["cost"]["total_cost"] > 0


def test_a_stream() -> None:
    """Every event has the next number; the text is repeated twice behind its deltas."""
    frames = responses.stream(turn(SONAR))
    events = events_of(frames_of(frames))

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        *["output_text.delta"] * 3,
        "output_text.done",
        "output_item.done",
        "completed",
    ]
    assert frames.closing.endswith(frames.end)
    assert frames.early


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ({}, Answer("One two three.", finish_reason="stop")),
        ({"finish": "length"}, Answer("One two three.", finish_reason="stop")),
        ({"reasoning": ("Hm", ".")}, Answer("One two three.", "Hm.", finish_reason="stop")),
    ],
)
def test_our_dialect_reads_it(answer: dict[str, Any], read: Answer) -> None:
    """Streamed and whole say the same, but for the thoughts, which only a stream tells."""
    given = turn(SONAR, **answer)
    tokens = given.answer.output_tokens
    wanted = replace(read, ended=True, usage=Usage(3, tokens, usd=(3 + tokens) * responses.DOLLARS))

    assert decode(RESPONSES, [frames_of(responses.stream(given))]).answer == wanted
    assert decode(RESPONSES, [responses.whole(given).body]).answer == replace(wanted, reasoning="")


def test_our_dialect_reads_a_call() -> None:
    """Whose arguments come in one piece; the response then asks for an action."""
    calling = turn(SONAR, '{"a":', "1}", tool="add", finish="tool_calls")
    found = decode(RESPONSES, [frames_of(responses.stream(calling))]).answer

    assert found.tool_calls == (ToolCall("call_a7", "add", '{"a":1}'),)
    assert found == decode(RESPONSES, [responses.whole(calling).body]).answer
    assert said(responses.whole(calling))["status"] == "requires_action"


def test_an_answer_of_nothing_is_ended_all_the_same() -> None:
    """No token, but every event that belongs to it."""
    empty = turn(SONAR)
    frames = responses.stream(replace(empty, answer=replace(empty.answer, tokens=())))

    assert frames.tokens == ()
    assert decode(RESPONSES, [frames_of(frames)]).answer.ended


KINDS: dict[Why, Kind] = {
    "no_key": Kind.AUTH,
    "bad_key": Kind.AUTH,
    "bad_json": Kind.BAD_REQUEST,
    "bad_field": Kind.BAD_REQUEST,
    "unknown_field": Kind.BAD_REQUEST,
    "bad_turns": Kind.BAD_REQUEST,
    "no_model": Kind.NO_MODEL,
    "too_long": Kind.TOO_LONG,
    "too_big": Kind.TOO_LONG,
    "limit": Kind.RATE,
    "parallel": Kind.RATE,
    "no_quota": Kind.CREDIT,
    "credit": Kind.CREDIT,
    "forbidden": Kind.NO_MODEL,
    "server": Kind.SERVER,
    "gateway": Kind.OVERLOADED,
    "unavailable": Kind.OVERLOADED,
    "timeout": Kind.OVERLOADED,
    "overloaded": Kind.OVERLOADED,
    "no_route": Kind.NO_MODEL,
    "method": Kind.NO_MODEL,
    "beyond_limit": Kind.RATE,
}


@pytest.mark.parametrize("why", STATUSES)
def test_our_dialect_knows_every_refusal(why: Why) -> None:
    """By its status and its words."""
    reply = responses.refuse(Refusal(why, subject="x"), moment(SONAR))

    assert RESPONSES.classify(reply.status, reply.headers, reply.body).kind is KINDS[why]
    assert said(reply)["error"]["code"] == reply.status


@pytest.mark.parametrize(("wait", "header"), [(2.5, "3"), ("soon", "soon"), (math.inf, None), (None, None)])
def test_how_long_to_wait(wait: float | str | None, header: str | None) -> None:
    """In whole seconds, or the text as it is."""
    reply = responses.refuse(Refusal("limit", retry_after=wait), moment(SONAR))

    assert reply.headers.get("retry-after") == header


def test_an_error_in_mid_stream() -> None:
    """The response has failed, and nothing follows."""
    frame = responses.error_frame(Refusal("server"), turn(SONAR))
    found = decode(RESPONSES, [frame]).error

    assert found is not None
    assert (found.kind, found.message) == (Kind.SERVER, "Internal server error")
