"""racer_adapters/cloudflare.py: what is sent, and the dialect as a whole by its golden folders."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer_adapters.cloudflare import CLOUDFLARE
from racer_adapters.contract import check_dialect, decode
from racer_adapters.secret import Secret
from racer_adapters.types import Call, ImagePart, Message, Shape, Target, TextPart, Tool, ToolCall
from tests.adapters import goldens
from tests.adapters.chopping import CUTS, bytewise, chopped, mutated

REPLIES = goldens.replies("cloudflare")
REQUESTS = goldens.requests("cloudflare")
BASE = "http://127.0.0.1:1/client/v4/accounts/abc/ai"
TARGET = Target(BASE, "@cf/meta/llama-3.1-8b-instruct-fp8")
HELLO = (Message("user", "Hi"),)
KEY = "test-key-" + "x" * 12


def test_the_contract_holds() -> None:
    """All that every dialect must satisfy, with our golden replies as samples."""
    assert len(REPLIES) > 30
    check_dialect(CLOUDFLARE, goldens.samples("cloudflare"))


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_golden_replies(reply: goldens.Reply) -> None:
    """Each folder's body reads as it says: whole, byte by byte, and with junk behind a marked end."""
    assert decode(CLOUDFLARE, [reply.body]) == reply.outcome
    assert decode(CLOUDFLARE, bytewise(reply.body)) == reply.outcome
    if reply.marked and reply.outcome.error is None:
        assert decode(CLOUDFLARE, [reply.body, b"\x00 junk", b"data: {\n\n"]) == reply.outcome


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_golden_requests(request_: goldens.Request) -> None:
    """Each folder's call is sent as it says, field for field; what cannot be said is told."""
    sent = CLOUDFLARE.encode(request_.call, TARGET)

    assert json.loads(sent.body) == request_.body
    assert sent.dropped == request_.dropped


@settings(max_examples=300)
@given(mutated([reply.body for reply in REPLIES]), CUTS)
def test_spoilt_replies_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(CLOUDFLARE, chopped(body, cuts)) == decode(CLOUDFLARE, [body])


@given(st.binary(max_size=300), CUTS)
def test_any_bytes_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(CLOUDFLARE, chopped(body, cuts)) == decode(CLOUDFLARE, [body])


def test_a_long_stream_keeps_nothing_but_its_answer() -> None:
    """10,000 events give 10,000 texts; the decoder holds no more than one event."""
    decoder = CLOUDFLARE.decoder()

    assert sum(len(decoder.feed(b'data: {"response":"y","p":"abc"}\n\n')) for _ in range(10_000)) == 10_000


# ---------------------------------------------------------------- requests


def sent(call: Call, target: Target = TARGET) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(CLOUDFLARE.encode(call, target).body)
    return body


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("@cf/meta/llama-3.1-8b-instruct-fp8", "@cf/meta/llama-3.1-8b-instruct-fp8"),
        ("@hf/a/b", "@hf/a/b"),
        ("odd?a#b c", "odd%3Fa%23b%20c"),
    ],
)
def test_the_model_stands_in_the_address_as_it_is(model: str, path: str) -> None:
    """`@` and `/` stay what they are; what would end the path does not."""
    request = CLOUDFLARE.encode(Call(HELLO), replace(TARGET, model=model))

    assert request.url == f"{BASE}/run/{path}"


def test_the_key_is_a_bearer_token() -> None:
    """Also for the list of models."""
    keyed = replace(TARGET, key=Secret(KEY))
    listing = CLOUDFLARE.listing
    assert listing is not None
    asked = listing.request(keyed, listing.paths[0])

    assert CLOUDFLARE.encode(Call(HELLO), keyed).headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers == {"authorization": f"Bearer {KEY}"}
    assert asked.url == f"{BASE}/models/search?task=Text%20Generation&per_page=1000"


def test_a_model_that_does_not_stream_is_not_asked_to() -> None:
    """Its row drops `stream`, which nobody asked for, so nothing is told."""
    request = CLOUDFLARE.encode(Call(HELLO), replace(TARGET, drops=frozenset({"stream"})))

    assert json.loads(request.body) == {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2048}
    assert request.dropped == ()


def test_a_cap_of_ours_is_dropped_without_a_word() -> None:
    """The caller's own is told."""
    uncapped = replace(TARGET, drops=frozenset({"max_tokens"}))

    assert CLOUDFLARE.encode(Call(HELLO), uncapped).dropped == ()
    assert CLOUDFLARE.encode(Call(HELLO, max_tokens=5), uncapped).dropped == ("max_tokens",)


@pytest.mark.parametrize(
    ("message", "content"),
    [
        (Message("user", ""), ""),
        (Message("user", ()), ""),
        (Message("user", (TextPart("a"), TextPart("b"))), "a\nb"),
        (Message("user", (ImagePart("https://example.test/a.png"), TextPart("a"))), "a"),
        (
            Message(
                "user", (ImagePart("data:image/png;base64,AAAA"), ImagePart("https://example.test/a.png"))
            ),
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
        ),
        (Message("assistant", "", (ToolCall("c", "f", "{}"),)), ""),
    ],
)
def test_content_is_text_unless_there_is_a_picture(message: Message, content: Any) -> None:
    """Never null, and a list only for the picture's sake."""
    assert sent(Call((message,)))["messages"][0]["content"] == content


def test_a_result_names_its_tool_where_that_is_known() -> None:
    """From the call, or else from the message itself."""
    calls = Message("assistant", "", (ToolCall("c", "f", "{}"),))
    results = [
        Message("tool", "1", tool_call_id="c"),
        Message("tool", "2", tool_call_id="d", name="g"),
        Message("tool", "3", tool_call_id="e"),
    ]
    messages = sent(Call((calls, *results)))["messages"][1:]

    assert [message.get("name") for message in messages] == ["f", "g", None]


def test_tools_and_shapes_send_only_what_was_given() -> None:
    """A tool may be a name alone; an empty schema is one."""
    call = Call(HELLO, tools=(Tool("f"), Tool("g", "", {}, strict=False)), shape=Shape("schema"))

    assert sent(call)["tools"] == [
        {"type": "function", "function": {"name": "f"}},
        {"type": "function", "function": {"name": "g", "parameters": {}}},
    ]
    assert sent(call)["response_format"] == {"type": "json_schema", "json_schema": {}}


def test_what_json_cannot_hold_is_the_callers_mistake() -> None:
    """parse_extra finds it earlier; here it is a TypeError."""
    with pytest.raises(TypeError):
        sent(Call(HELLO, extra={"a": object()}))
