"""racer_adapters/anthropic.py: the dialect as a whole, by its golden folders and its refusals."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer_adapters.anthropic import ANTHROPIC, MAX_TOKENS, VERSION
from racer_adapters.contract import check_dialect, decode
from racer_adapters.errors import Kind
from racer_adapters.secret import Secret
from racer_adapters.types import Call, Message, Shape, Target, Tool, ToolCall
from tests.adapters import goldens
from tests.adapters.chopping import CUTS, bytewise, chopped, mutated

REPLIES = goldens.replies("anthropic")
REQUESTS = goldens.requests("anthropic")
TARGET = Target("http://127.0.0.1:1", "some-model")
HELLO = Message("user", "Hello")


def test_the_contract_holds() -> None:
    """All that every dialect must satisfy, with our golden replies as samples."""
    assert len(REPLIES) > 35
    check_dialect(ANTHROPIC, goldens.samples("anthropic"))


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_golden_replies(reply: goldens.Reply) -> None:
    """Each folder's body reads as it says: whole, byte by byte, and with junk behind a marked end."""
    assert decode(ANTHROPIC, [reply.body]) == reply.outcome
    assert decode(ANTHROPIC, bytewise(reply.body)) == reply.outcome
    if reply.marked and reply.outcome.error is None:
        assert decode(ANTHROPIC, [reply.body, b"\x00 junk", b"data: {\n\n"]) == reply.outcome


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_golden_requests(request_: goldens.Request) -> None:
    """Each folder's call is sent as it says, field for field."""
    sent = ANTHROPIC.encode(request_.call, TARGET)

    assert json.loads(sent.body) == request_.body
    assert sent.dropped == request_.dropped
    assert sent.url == "http://127.0.0.1:1/v1/messages"


@settings(max_examples=300)
@given(mutated([reply.body for reply in REPLIES]), CUTS)
def test_spoilt_replies_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(ANTHROPIC, chopped(body, cuts)) == decode(ANTHROPIC, [body])


@given(st.binary(max_size=300), CUTS)
def test_any_bytes_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(ANTHROPIC, chopped(body, cuts)) == decode(ANTHROPIC, [body])


# ---------------------------------------------------------------- requests


def sent(call: Call, target: Target = TARGET) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(ANTHROPIC.encode(call, target).body)
    return body


def test_the_key_is_a_bearer_token_and_the_version_is_named() -> None:
    """As their own client sends them. A server without a key gets none."""
    keyed = ANTHROPIC.encode(Call((HELLO,)), Target("http://h", "m", Secret("k" * 9)))

    assert keyed.headers == {
        "content-type": "application/json",
        "authorization": "Bearer " + "k" * 9,
        "anthropic-version": VERSION,
    }
    assert "authorization" not in ANTHROPIC.encode(Call((HELLO,)), TARGET).headers


def test_a_row_may_name_an_older_version_which_has_sampling() -> None:
    """In a header of any case; what its models refuse is dropped by the row too."""
    call = Call((HELLO,), temperature=1.5, top_p=0.9)
    old = Target("http://h", "m", headers={"Anthropic-Version": "2023-06-01"}, drops=frozenset({"top_p"}))
    request = ANTHROPIC.encode(call, old)
    body = json.loads(request.body)

    assert request.headers["anthropic-version"] == "2023-06-01"
    assert (body["temperature"], "top_p" in body) == (1.0, False)
    assert request.dropped == ("top_p",)
    assert ANTHROPIC.encode(call, TARGET).dropped == ("temperature", "top_p")


@pytest.mark.parametrize(("temperature", "found"), [(0, 0), (0.3, 0.3), (1, 1), (2, 1)])
def test_the_older_version_takes_temperatures_up_to_one(temperature: float, found: float) -> None:
    """What is warmer is sent as the warmest there is."""
    old = Target("http://h", "m", headers={"anthropic-version": "2023-06-01"})

    assert sent(Call((HELLO,), temperature=temperature), old)["temperature"] == found


def test_max_tokens_is_always_sent() -> None:
    """Ours where the caller set none, and then its loss is not told."""
    unlimited = Target("http://h", "m", drops=frozenset({"max_tokens"}))

    assert sent(Call((HELLO,)))["max_tokens"] == MAX_TOKENS
    assert sent(Call((HELLO,), max_tokens=5))["max_tokens"] == 5
    assert ANTHROPIC.encode(Call((HELLO,)), unlimited).dropped == ()
    assert ANTHROPIC.encode(Call((HELLO,), max_tokens=5), unlimited).dropped == ("max_tokens",)


def test_stop_may_be_renamed_and_dropped_by_either_name() -> None:
    """The row's names come after the dialect's own."""
    call = Call((HELLO,), stop=("x",))
    without = Target("http://h", "m", drops=frozenset({"stop_sequences"}))

    assert ANTHROPIC.encode(call, without).dropped == ("stop",)
    assert sent(call, Target("http://h", "m", renames={"stop": "ends"}))["ends"] == ["x"]


def test_ids_of_calls_are_spelled_as_they_allow() -> None:
    """A call and its result keep to each other; an empty id is one too."""
    messages = (
        HELLO,
        Message("assistant", "", (ToolCall("a.b:c", "f", "{}"), ToolCall("", "f", "{}"))),
        Message("tool", "1", tool_call_id="a.b:c"),
        Message("tool", "2"),
    )
    _, said, results = sent(Call(messages))["messages"]

    assert [block["id"] for block in said["content"]] == ["a_b_c", "_"]
    assert [block["tool_use_id"] for block in results["content"]] == ["a_b_c", "_"]


def test_ids_that_come_again_are_told_apart() -> None:
    """Two calls of one id are refused; a result keeps to the last call before it that has its id."""
    turn = (
        Message("assistant", "", (ToolCall("c.0", "f", "{}"), ToolCall("c:0", "g", "{}"))),
        Message("tool", "1", tool_call_id="c.0"),
        Message("tool", "2", tool_call_id="c:0"),
    )
    turns = sent(Call((HELLO, *turn, *turn)))["messages"]
    asked = [block["id"] for said in turns[1::2] for block in said["content"]]
    told = [block["tool_use_id"] for said in turns[2::2] for block in said["content"]]

    assert asked == told == ["c_0", "c_0_2", "c_0_3", "c_0_4"]


def test_a_tool_may_be_a_name_alone() -> None:
    """Its input is an object; a schema without a type gets one."""
    call = Call((HELLO,), tools=(Tool("f"), Tool("g", "", {"properties": {}}, strict=False)))

    assert sent(call)["tools"] == [
        {"name": "f", "input_schema": {"type": "object"}},
        {"name": "g", "strict": False, "input_schema": {"type": "object", "properties": {}}},
    ]


def test_an_empty_message_is_left_out() -> None:
    """Blank texts are refused; the turns around them are joined."""
    messages = (HELLO, Message("assistant", " "), Message("user", "Bye"))

    assert sent(Call(messages))["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Hello"}, {"type": "text", "text": "Bye"}]}
    ]


@pytest.mark.parametrize(
    "call",
    [
        Call((HELLO,), extra={"a": object()}),
        Call((HELLO,), shape=Shape("schema", {"type": "object", "a": object()})),
    ],
)
def test_what_json_cannot_hold_is_the_callers_mistake(call: Call) -> None:
    """parse_extra and parse_response_format find it earlier; here it is a TypeError."""
    with pytest.raises(TypeError):
        sent(call)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("refusal", goldens.refusals("anthropic"), ids=str)
def test_golden_refusals(refusal: goldens.Refusal) -> None:
    """What Anthropic's own words mean for key, model and account."""
    found = ANTHROPIC.classify(refusal.status, refusal.headers, refusal.body)

    assert (found.kind, found.retry_after, found.model_only) == refusal.meaning
    assert found.status == refusal.status
    assert found.message


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("invalid_request_error", Kind.BAD_REQUEST),
        ("authentication_error", Kind.AUTH),
        ("billing_error", Kind.CREDIT),
        ("permission_error", Kind.AUTH),
        ("not_found_error", Kind.NO_MODEL),
        ("request_too_large", Kind.TOO_LONG),
        ("rate_limit_error", Kind.RATE),
        ("api_error", Kind.SERVER),
        ("timeout_error", Kind.OVERLOADED),
        ("overloaded_error", Kind.OVERLOADED),
        ("new_error", Kind.IN_BAND),
    ],
)
def test_errors_in_a_stream_are_classified_by_their_type(kind: str, found: Kind) -> None:
    """They have no status of their own."""
    error = {"type": "error", "error": {"type": kind, "message": "no"}}
    body = b"event: error\ndata: " + json.dumps(error).encode() + b"\n\n"
    failed = decode(ANTHROPIC, [body]).error

    assert failed is not None
    assert failed.kind is found
