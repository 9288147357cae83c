"""racer_adapters/replicate.py: predictions and their streams, by golden folders and the official client."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replicate.client import Client
from replicate.exceptions import ModelError
from replicate.prediction import Prediction

from racer_adapters.contract import check_dialect, decode
from racer_adapters.errors import Kind
from racer_adapters.jsontext import as_list
from racer_adapters.polling import pause
from racer_adapters.replicate import REPLICATE
from racer_adapters.secret import Secret
from racer_adapters.types import Call, Message, Target, Undo
from tests.adapters import goldens
from tests.adapters.chopping import CUTS, bytewise, chopped, mutated
from tests.adapters.jobs import told

if TYPE_CHECKING:
    from racer_adapters.dialect import Decoder

Json = dict[str, Any]
REPLIES = goldens.replies("replicate")
STREAMS = goldens.replies("replicate_stream")
REQUESTS = goldens.requests("replicate")
TARGET = Target("http://127.0.0.1:1/v1", "some-model")
HELLO = Message("user", "Hello")


def body_of(name: str) -> bytes:
    return next(reply.body for reply in (*REPLIES, *STREAMS) if reply.name == name)


def stream_decoder() -> Decoder:
    """What the dialect reads a stream with."""
    follow = decode(REPLICATE, [body_of("starting")]).follow_up
    assert follow is not None
    return follow.decoder


STREAMED = replace(REPLICATE, decoder=stream_decoder)


def test_the_contract_holds() -> None:
    """Of predictions and of streams, with our golden replies as samples."""
    assert len(REPLIES) + len(STREAMS) > 40
    check_dialect(REPLICATE, goldens.samples("replicate"))
    check_dialect(STREAMED, goldens.samples("replicate_stream"))


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_golden_replies(reply: goldens.Reply) -> None:
    """Each folder's body reads as it says, in one piece and byte by byte."""
    assert decode(REPLICATE, [reply.body]) == reply.outcome
    assert decode(REPLICATE, bytewise(reply.body)) == reply.outcome


@pytest.mark.parametrize("reply", STREAMS, ids=str)
def test_golden_streams(reply: goldens.Reply) -> None:
    """The same of streams, and with junk behind their end."""
    assert decode(STREAMED, [reply.body]) == reply.outcome
    assert decode(STREAMED, bytewise(reply.body)) == reply.outcome
    if reply.marked and reply.outcome.error is None:
        assert decode(STREAMED, [reply.body, b"\x00 junk", b"event: output\n\n"]) == reply.outcome


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_golden_requests(request_: goldens.Request) -> None:
    """Each folder's call is sent as it says, field for field."""
    sent = REPLICATE.encode(request_.call, TARGET)

    assert json.loads(sent.body) == request_.body
    assert sent.dropped == request_.dropped
    assert sent.url == "http://127.0.0.1:1/v1/predictions"


@pytest.mark.parametrize("refusal", goldens.refusals("replicate"), ids=str)
def test_golden_refusals(refusal: goldens.Refusal) -> None:
    """What Replicate's own words mean for key, model and account."""
    found = REPLICATE.classify(refusal.status, refusal.headers, refusal.body)

    assert (found.kind, found.retry_after, found.model_only) == refusal.meaning
    assert found.status == refusal.status


@settings(max_examples=200)
@given(mutated([reply.body for reply in REPLIES]), CUTS)
def test_spoilt_replies_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, another request, or a WireError."""
    assert decode(REPLICATE, chopped(body, cuts)) == decode(REPLICATE, [body])


@settings(max_examples=200)
@given(mutated([reply.body for reply in STREAMS]), CUTS)
def test_spoilt_streams_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(STREAMED, chopped(body, cuts)) == decode(STREAMED, [body])


@given(st.binary(max_size=300), CUTS)
def test_any_bytes_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception, whichever of the two they are taken for."""
    for dialect in (REPLICATE, STREAMED):
        assert decode(dialect, chopped(body, cuts)) == decode(dialect, [body])


# ---------------------------------------------------------------- requests


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        ("meta/meta-llama-3-8b-instruct", "/models/meta/meta-llama-3-8b-instruct/predictions", None),
        ("owner/a name?", "/models/owner/a%20name%3F/predictions", None),
        ("owner/name:5c7d", "/predictions", "5c7d"),
        ("5c7d", "/predictions", "5c7d"),
    ],
)
def test_a_model_has_a_door_of_its_own_or_a_version(model: str, path: str, version: str | None) -> None:
    """An official model by its name, any other by a version, with its name before it or without."""
    sent = REPLICATE.encode(Call((HELLO,)), Target("http://h/v1/", model))

    assert sent.url == f"http://h/v1{path}"
    assert json.loads(sent.body).get("version") == version


def test_only_who_does_not_stream_asks_to_be_waited_for() -> None:
    """Not for long, and a row may ask for longer; the key is a bearer token."""
    plain = Target("http://h", "m", Secret("k" * 9))
    longer = replace(plain, headers={"Prefer": "wait=30"})
    streamed, whole = Call((HELLO,)), Call((HELLO,), stream=False)
    key = {"content-type": "application/json", "authorization": "Bearer " + "k" * 9}

    assert REPLICATE.encode(streamed, plain).headers == key
    assert REPLICATE.encode(whole, plain).headers == {**key, "prefer": "wait=1"}
    assert REPLICATE.encode(whole, longer).headers == {**key, "prefer": "wait=30"}


def test_inputs_have_the_names_of_the_model() -> None:
    """Per model, as data: of a row for one that knows other names and fewer."""
    target = Target(
        "http://h",
        "m",
        renames={"max_tokens": "max_completion_tokens", "system_prompt": "system_instruction"},
        drops=frozenset({"seed", "stream"}),
    )
    call = Call((Message("system", "Be brief."), HELLO), max_tokens=5, seed=1)
    request = REPLICATE.encode(call, target)

    assert json.loads(request.body)["input"] == {
        "prompt": "Hello",
        "system_instruction": "Be brief.",
        "max_completion_tokens": 5,
    }
    assert "stream" not in json.loads(request.body)
    assert request.dropped == ("seed",)


def test_what_json_cannot_hold_is_the_callers_mistake() -> None:
    """parse_extra finds it earlier; here it is a TypeError."""
    with pytest.raises(TypeError):
        REPLICATE.encode(Call((HELLO,), extra={"a": object()}), TARGET)


# ---------------------------------------------------------------- a prediction from end to end


def test_a_prediction_is_streamed() -> None:
    """Made, and then its stream: the key may go along to the domain where streams lie."""
    job = told(REPLICATE, body_of("starting"), body_of("text"))

    assert job.answer == decode(STREAMED, [body_of("text")]).answer
    assert job.looks == ["https://stream-b.svc.ric1.c.replicate.net/v1/streams/abc"]
    assert job.follow_ups[0].kin == {"replicate.com", "replicate.net"}
    assert job.undo == Undo("https://api.replicate.com/v1/predictions/p1/cancel")


def test_a_prediction_without_a_stream_is_looked_at_less_and_less_often() -> None:
    """Until it is done; what it has said half-way is not taken, for it comes again."""
    waiting = body_of("starting_no_stream")
    job = told(REPLICATE, *[waiting] * 4, body_of("done"))

    assert [follow.after for follow in job.follow_ups] == [pause(looks) for looks in range(4)]
    assert job.answer == decode(REPLICATE, [body_of("done")]).answer


def test_a_prediction_may_fail_at_any_look() -> None:
    """It is not to be stopped any more, but nobody is told that: stopping it does no harm."""
    job = told(REPLICATE, body_of("starting_no_stream"), body_of("failed"))

    assert job.error is not None
    assert job.error.kind is Kind.IN_BAND
    assert job.undo is not None


# ---------------------------------------------------------------- the official client


class Wire:
    """A transport for the client: it keeps what was sent and answers with `body`."""

    def __init__(self, body: bytes = b"", content_type: str = "application/json") -> None:
        self.sent: list[httpx.Request] = []
        self._body = body
        self._headers = {"content-type": content_type}

    def client(self) -> Client:
        return Client(
            api_token="none", base_url="http://127.0.0.1:1", transport=httpx.MockTransport(self._answer)
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(200, headers=self._headers, content=self._body)


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_their_client_sends_what_we_send(request_: goldens.Request) -> None:
    """Path, waiting and body, for a version and for an official model."""
    for model in ("some-model", "owner/name"):
        ours = REPLICATE.encode(request_.call, Target("http://127.0.0.1:1/v1", model))
        body = json.loads(ours.body)
        wire = Wire(body_of("done"))
        options: Any = {name: body[name] for name in body if name not in ("version", "input")}
        options |= {} if request_.call.stream else {"wait": 1}
        if "/" in model:
            wire.client().models.predictions.create(model, body["input"], **options)
        else:
            wire.client().predictions.create(version=model, input=body["input"], **options)
        (theirs,) = wire.sent

        assert json.loads(theirs.content) == body
        assert (theirs.method, str(theirs.url)) == ("POST", ours.url)
        assert theirs.headers.get("prefer") == ours.headers.get("prefer")


def named(replies: list[goldens.Reply], sdk: str) -> list[goldens.Reply]:
    found = [reply for reply in replies if reply.sdk == sdk]
    assert found, f"no golden reply is for {sdk}"
    return found


@pytest.mark.parametrize("reply", named(REPLIES, "whole"), ids=str)
def test_their_client_reads_our_predictions(reply: goldens.Reply) -> None:
    """What it hands on as the output says the same."""
    said: Any = Wire(reply.body).client().run("owner/name", input={"prompt": "hi"}, use_file_output=False)
    text = "".join(as_list(said)) or said

    assert text in (reply.outcome.answer.text, {"text": "Blue.", "json_output": None}, {"colour": "blue"})


@pytest.mark.parametrize("reply", named(REPLIES, "failed"), ids=str)
def test_their_client_fails_where_we_fail(reply: goldens.Reply) -> None:
    """With the same words."""
    assert reply.outcome.error is not None

    with pytest.raises(ModelError, match=reply.outcome.error.message):
        Wire(reply.body).client().run("owner/name", input={"prompt": "hi"})


def streamed(reply: goldens.Reply) -> str:
    wire = Wire(reply.body, "text/event-stream")
    prediction = Prediction(**json.loads(body_of("starting")))
    prediction._client = wire.client()  # pyright: ignore[reportPrivateUsage]  as their own functions do it
    return "".join(str(event) for event in prediction.stream())


@pytest.mark.parametrize("reply", named(STREAMS, "stream"), ids=str)
def test_their_client_reads_our_streams(reply: goldens.Reply) -> None:
    """Its events joined as its users join them."""
    assert streamed(reply) == reply.outcome.answer.text


@pytest.mark.parametrize("reply", named(STREAMS, "error"), ids=str)
def test_their_client_fails_in_the_stream_where_we_fail(reply: goldens.Reply) -> None:
    """With the same words."""
    assert reply.outcome.error is not None

    with pytest.raises(RuntimeError, match=reply.outcome.error.message):
        streamed(reply)
