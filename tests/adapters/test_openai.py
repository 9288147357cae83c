"""racer_adapters/openai.py: the dialect as a whole, by its golden folders and its refusals."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer_adapters.contract import check_dialect, decode
from racer_adapters.errors import Kind
from racer_adapters.openai import OPENAI
from racer_adapters.secret import Secret
from racer_adapters.types import Call, ImagePart, Installed, Message, Shape, Target, TextPart, Tool, ToolCall
from tests.adapters import goldens
from tests.adapters.chopping import CUTS, bytewise, chopped, mutated

REPLIES = goldens.replies("openai")
REQUESTS = goldens.requests("openai")
TARGET = Target("http://127.0.0.1:1/v1", "some-model")


def test_the_contract_holds() -> None:
    """All that every dialect must satisfy, with our golden replies as samples."""
    assert len(REPLIES) > 40
    check_dialect(OPENAI, goldens.samples("openai"))


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_golden_replies(reply: goldens.Reply) -> None:
    """Each folder's body reads as it says: whole, byte by byte, and with junk behind a marked end."""
    assert decode(OPENAI, [reply.body]) == reply.outcome
    assert decode(OPENAI, bytewise(reply.body)) == reply.outcome
    if reply.marked and reply.outcome.error is None:
        assert decode(OPENAI, [reply.body, b"\x00 junk", b"data: {\n\n"]) == reply.outcome


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_golden_requests(request_: goldens.Request) -> None:
    """Each folder's call is sent as it says, field for field."""
    sent = OPENAI.encode(request_.call, TARGET)

    assert json.loads(sent.body) == request_.body
    assert sent.dropped == request_.dropped
    assert sent.url == "http://127.0.0.1:1/v1/chat/completions"


@settings(max_examples=300)
@given(mutated([reply.body for reply in REPLIES]), CUTS)
def test_spoilt_replies_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(OPENAI, chopped(body, cuts)) == decode(OPENAI, [body])


@given(st.binary(max_size=300), CUTS)
def test_any_bytes_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(OPENAI, chopped(body, cuts)) == decode(OPENAI, [body])


def test_a_long_stream_keeps_nothing_but_its_answer() -> None:
    """100,000 one-byte pieces and then 10,000 chunks; the decoder holds no more than one line."""
    body = b'data: {"choices":[{"delta":{"content":"' + b"x" * 99_960 + b'"}}]}\n\n'
    decoder = OPENAI.decoder()
    found = [event for piece in bytewise(body) for event in decoder.feed(piece)]
    for _ in range(10_000):
        found += decoder.feed(b'data: {"choices":[{"delta":{"content":"y"}}]}\n\n')

    assert len(found) == 10_001


# ---------------------------------------------------------------- requests


def sent(call: Call, target: Target = TARGET) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(OPENAI.encode(call, target).body)
    return body


def test_a_providers_quirks_are_applied() -> None:
    """Mistral's row: another name for the seed, no stream options; only what the caller set is told."""
    mistral = Target(
        "http://h", "m", renames={"seed": "random_seed"}, drops=frozenset({"stream_options", "stop"})
    )
    request = OPENAI.encode(Call((Message("user", "Hi"),), seed=7, stop=("x",)), mistral)

    assert json.loads(request.body) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "random_seed": 7,
        "stream": True,
    }
    assert request.dropped == ("stop",)


def test_the_key_is_a_bearer_token() -> None:
    """And without a key there is no such header, for local servers need none."""
    keyed = OPENAI.encode(Call((Message("user", "Hi"),)), Target("http://h", "m", Secret("k" * 9)))

    assert keyed.headers == {"content-type": "application/json", "authorization": "Bearer " + "k" * 9}
    assert "authorization" not in OPENAI.encode(Call((Message("user", "Hi"),)), TARGET).headers


def test_every_field_of_a_message_goes_along() -> None:
    """Names, parts, calls and results."""
    messages = (
        Message("user", (TextPart("a"), ImagePart("https://example.test/a.png", "high")), name="Ann"),
        Message("assistant", "b", (ToolCall("c", "f", "{}"),)),
        Message("tool", "d", tool_call_id="c"),
    )

    assert sent(Call(messages))["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "https://example.test/a.png", "detail": "high"}},
            ],
            "name": "Ann",
        },
        {
            "role": "assistant",
            "content": "b",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "content": "d", "tool_call_id": "c"},
    ]


def test_a_begun_answer_is_marked_where_that_is_wanted() -> None:
    """By a row that renames `begun`; all other servers refuse or ignore what they do not know."""
    begun = Call((Message("user", "Hi"), Message("assistant", "Hel", begun=True)))
    marking = Target("http://h", "m", renames={"begun": "prefix"})

    assert sent(begun)["messages"][-1] == {"role": "assistant", "content": "Hel"}
    assert sent(begun, marking)["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hel", "prefix": True},
    ]


def test_tools_and_shapes_send_only_what_was_given() -> None:
    """A tool may be a name alone; an empty schema is one."""
    call = Call(
        (Message("user", "Hi"),), tools=(Tool("f"), Tool("g", "", {}, strict=False)), shape=Shape("schema")
    )

    assert sent(call)["tools"] == [
        {"type": "function", "function": {"name": "f"}},
        {"type": "function", "function": {"name": "g", "strict": False, "parameters": {}}},
    ]
    assert sent(call)["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "reply", "schema": {}},
    }


def test_what_json_cannot_hold_is_the_callers_mistake() -> None:
    """parse_extra finds it earlier; here it is a TypeError."""
    with pytest.raises(TypeError):
        sent(Call((Message("user", "Hi"),), extra={"a": object()}))


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("refusal", goldens.refusals("openai"), ids=str)
def test_golden_refusals(refusal: goldens.Refusal) -> None:
    """What each provider's own words mean for key, model and account."""
    found = OPENAI.classify(refusal.status, refusal.headers, refusal.body)

    assert (found.kind, found.retry_after, found.model_only) == refusal.meaning
    assert found.status == refusal.status
    assert found.message


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (502, b"", Kind.OVERLOADED, ""),
        (
            524,
            b"<html><title>h | 524: A timeout occurred</title></html>",
            Kind.OVERLOADED,
            "h | 524: A timeout occurred",
        ),
        (500, b"Internal Server Error", Kind.SERVER, "Internal Server Error"),
        (401, b'"Unauthorized"', Kind.AUTH, "Unauthorized"),
        (400, b'{"error":"\xff\x00\n"}', Kind.BAD_REQUEST, '{"error":"\ufffd "}'),
        (429, b'{"error":' * 2000, Kind.RATE, None),
    ],
)
def test_refusals_that_are_no_json(status: int, body: bytes, kind: Kind, message: str | None) -> None:
    """Empty, a page, plain text, broken bytes, half of something."""
    found = OPENAI.classify(status, {}, body)

    assert found.kind is kind
    assert message in (None, found.message)


# ---------------------------------------------------------------- models


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"object":"list","data":[{"id":"b","object":"model"},{"id":"a"}]}', ["b", "a"]),
        (b'[{"id":"b","type":"chat"},{"id":"a"}]', ["b", "a"]),
        (b'{"data":[{"name":"x"},{"id":""},{"id":7},7,{"id":"a"}]}', ["a"]),
        (b'{"error":"no"}', []),
        (b"<html>", []),
        (b"", []),
    ],
)
def test_the_models_of_a_server(body: bytes, names: list[str]) -> None:
    """Their ids in the server's order; nothing from anything else."""
    listing = OPENAI.listing
    assert listing is not None

    assert listing.paths == ("/models",)
    assert listing.read([body]) == tuple(Installed(name) for name in names)
    assert listing.read([]) == ()
