"""Predictions, streams and refusals of Replicate. Their own client is in test_replicate_client.py."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from racer.sim.exchange import STATUSES, Job, Refusal, Request
from racer.sim.profile import Provider
from racer.sim.quota import Closed, Standing
from racer.sim.wire import replicate
from racer_adapters.contract import decode
from racer_adapters.errors import Kind
from racer_adapters.replicate import REPLICATE
from racer_adapters.types import Answer, Undo, Usage
from tests.racer.sim.scenes import moment, read_refusal, said, turn

if TYPE_CHECKING:
    from racer.sim.exchange import Frames, Turn, Why
    from racer_adapters.dialect import Decoder

LLAMA = Provider("a", dialect="replicate", models=("meta/llama",))
LIMIT = Standing("requests", "minute", 60.0, 20, 20, 59.5)
ORIGIN = "http://127.0.0.1:1/a"


def prediction(*tokens: str, model: str = "meta/llama", **answer: Any) -> Turn:
    """A turn of the provider at its address."""
    made = turn(LLAMA, *tokens, **answer)
    asked = replace(made.ask, model=model, surface="prediction", hold=0.0)
    return replace(made, moment=replace(made.moment, origin=ORIGIN), ask=asked)


def stream_decoder() -> Decoder:
    follow = decode(REPLICATE, [replicate.job(Job(prediction(), "queued")).body]).follow_up
    assert follow is not None
    return follow.decoder


STREAMED = replace(REPLICATE, decoder=stream_decoder)


def frames_of(frames: Frames) -> bytes:
    return frames.opening + b"".join(frames.reasoning + frames.tokens) + frames.closing


@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/models/meta/llama/predictions"])
def test_other_methods_are_refused(path: str) -> None:
    """Predictions are posted; looking at a list of them is not simulated."""
    assert read_refusal(replicate.WIRE, Request("GET", path, {}), LLAMA).why == "method"
    assert replicate.read(Request("GET", path + "/more", {}), moment(LLAMA)) is None


def test_a_prediction_tells_where_it_is() -> None:
    """On the address that the client came by; made it is a 201, looked at a 200."""
    made = replicate.job(Job(prediction(), "queued", new=True))
    urls = said(made)["urls"]

    assert (made.status, said(made)["status"]) == (201, "starting")
    assert urls["get"] == f"{ORIGIN}/v1/predictions/prediction-a7"
    assert urls["cancel"] == urls["get"] + "/cancel"
    assert urls["stream"] == f"{ORIGIN}/v1/streams/prediction-a7"
    assert replicate.job(Job(prediction(), "running")).status == 200


@pytest.mark.parametrize(
    ("model", "name", "version"),
    [("meta/llama", "meta/llama", "hidden"), ("me/mine:5c7d", "me/mine", "5c7d"), ("5c7d", "5c7d", "5c7d")],
)
def test_a_prediction_names_its_model_and_version(model: str, name: str, version: str) -> None:
    """Of an official model the version is nobody's business."""
    body = said(replicate.whole(prediction(model=model)))

    assert (body["model"], body["version"]) == (name, version)


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ({}, Answer("One two three.")),
        ({"reasoning": ("Hm", ".")}, Answer("One two three.", "Hm.")),
        ({"reasoning": ("Hm",)}, Answer("One two three.", "Hm")),
    ],
)
def test_our_dialect_reads_it(answer: dict[str, Any], read: Answer) -> None:
    """Done or streamed it says the same; only who is done has counted."""
    given = prediction(**answer)
    wanted = replace(read, ended=True, finish_reason="stop")
    counted = replace(wanted, usage=Usage(3, given.answer.output_tokens))

    assert decode(REPLICATE, [replicate.whole(given).body]).answer == counted
    assert decode(REPLICATE, [replicate.job(Job(given, "done")).body]).answer == counted
    assert decode(STREAMED, [frames_of(replicate.stream(given))]).answer == wanted


def test_our_dialect_follows_and_can_stop_it() -> None:
    """By the addresses of the prediction."""
    found = decode(REPLICATE, [replicate.job(Job(prediction(), "running")).body])

    assert found.undo == Undo(f"{ORIGIN}/v1/predictions/prediction-a7/cancel")
    assert found.follow_up is not None
    assert found.follow_up.url == f"{ORIGIN}/v1/streams/prediction-a7"


def test_lines_of_a_token_are_lines_of_data() -> None:
    """And come back as they were; every event has an id."""
    frames = replicate.stream(prediction("a\n", "\n\nb", ""))

    assert frames.tokens[0].startswith(b"event: output\nid: ")
    assert frames.tokens[0].endswith(b"data: a\ndata: \n\n")
    assert decode(STREAMED, [frames_of(frames)]).answer.text == "a\n\n\nb"
    assert frames.closing == frames.end


@pytest.mark.parametrize(
    ("state", "status", "kind"),
    [("failed", "failed", Kind.IN_BAND), ("cancelled", "canceled", Kind.SERVER)],
)
def test_our_dialect_knows_a_bad_end(state: Any, status: str, kind: Kind) -> None:
    """Inside a good status."""
    reply = replicate.job(Job(prediction(), state))
    error = decode(REPLICATE, [reply.body]).error

    assert (reply.status, said(reply)["status"]) == (200, status)
    assert error is not None
    assert error.kind is kind


def test_an_error_in_mid_stream() -> None:
    """An event for the error, and one for the end."""
    found = decode(STREAMED, [replicate.error_frame(Refusal("server"), prediction())]).error

    assert found is not None
    assert found.message == replicate.FAILED


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
@pytest.mark.parametrize("subject", ["meta/none", "5c7d"])
def test_our_dialect_knows_every_refusal(why: Why, subject: str) -> None:
    """By status and words; a prompt that is too long is a prediction that failed."""
    reply = replicate.refuse(Refusal(why, subject=subject), moment(LLAMA))
    if reply.status < 300:
        found = decode(REPLICATE, [reply.body]).error
    else:
        found = REPLICATE.classify(reply.status, reply.headers, reply.body)
        assert reply.headers["content-type"] == "application/problem+json"
        assert said(reply)["status"] == reply.status

    assert found is not None
    assert found.kind is KINDS[why]


@pytest.mark.parametrize(
    ("wait", "seconds", "again"),
    [(2.5, 3, " Your rate limit resets in ~3s."), (math.inf, None, ""), (None, None, "")],
)
def test_how_long_to_wait(wait: float | None, seconds: int | None, again: str) -> None:
    """As a number, and in words."""
    refusal = Refusal("limit", retry_after=wait, closed=Closed(LIMIT, 1))
    body = said(replicate.refuse(refusal, moment(LLAMA)))

    assert body.get("retry_after") == seconds
    assert body["detail"] == f"Request was throttled.{again}"


def test_a_header_of_ones_own() -> None:
    """As the profile writes it."""
    reply = replicate.refuse(Refusal("limit", retry_after="soon"), moment(LLAMA))

    assert reply.headers["retry-after"] == "soon"
