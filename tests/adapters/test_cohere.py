"""racer_adapters/cohere.py: the dialect as a whole, by its golden folders and its refusals."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer_adapters.cohere import COHERE
from racer_adapters.contract import check_dialect, decode
from racer_adapters.secret import Secret
from racer_adapters.types import Call, Message, Target, Tool
from tests.adapters import goldens
from tests.adapters.chopping import CUTS, bytewise, chopped, mutated

REPLIES = goldens.replies("cohere")
REQUESTS = goldens.requests("cohere")
TARGET = Target("http://127.0.0.1:1", "some-model")
HELLO = Message("user", "Hello")


def test_the_contract_holds() -> None:
    """All that every dialect must satisfy, with our golden replies as samples."""
    assert len(REPLIES) > 35
    check_dialect(COHERE, goldens.samples("cohere"))


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_golden_replies(reply: goldens.Reply) -> None:
    """Each folder's body reads as it says: whole, byte by byte, and with junk behind a marked end."""
    assert decode(COHERE, [reply.body]) == reply.outcome
    assert decode(COHERE, bytewise(reply.body)) == reply.outcome
    if reply.marked and reply.outcome.error is None:
        assert decode(COHERE, [reply.body, b"\x00 junk", b"data: {\n\n"]) == reply.outcome


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_golden_requests(request_: goldens.Request) -> None:
    """Each folder's call is sent as it says, field for field."""
    sent = COHERE.encode(request_.call, TARGET)

    assert json.loads(sent.body) == request_.body
    assert sent.dropped == request_.dropped
    assert sent.url == "http://127.0.0.1:1/v2/chat"


@settings(max_examples=300)
@given(mutated([reply.body for reply in REPLIES]), CUTS)
def test_spoilt_replies_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(COHERE, chopped(body, cuts)) == decode(COHERE, [body])


@given(st.binary(max_size=300), CUTS)
def test_any_bytes_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(COHERE, chopped(body, cuts)) == decode(COHERE, [body])


# ---------------------------------------------------------------- requests


def sent(call: Call, target: Target = TARGET) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(COHERE.encode(call, target).body)
    return body


def test_the_key_is_a_bearer_token() -> None:
    """And nothing else is said in headers."""
    keyed = COHERE.encode(Call((HELLO,)), Target("http://h", "m", Secret("k" * 9)))

    assert keyed.headers == {"content-type": "application/json", "authorization": "Bearer " + "k" * 9}


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (Call((HELLO,), temperature=2), {"temperature": 1.0}),
        (Call((HELLO,), temperature=0), {"temperature": 0.0}),
        (Call((HELLO,), top_p=0), {"p": 0.01}),
        (Call((HELLO,), top_p=1), {"p": 0.99}),
    ],
)
def test_numbers_are_kept_in_their_bounds(call: Call, found: dict[str, float]) -> None:
    """A value outside is refused, so the nearest one is sent."""
    assert found.items() <= sent(call).items()


@pytest.mark.parametrize("drop", ["top_p", "p"])
def test_fields_are_dropped_by_either_name(drop: str) -> None:
    """Theirs or ours; told by the caller's name."""
    request = COHERE.encode(Call((HELLO,), top_p=0.5), Target("http://h", "m", drops=frozenset({drop})))

    assert "p" not in json.loads(request.body)
    assert request.dropped == ("top_p",)


def test_a_row_may_rename_further() -> None:
    """The row's names come after the dialect's own."""
    assert (
        sent(Call((HELLO,), top_p=0.5), Target("http://h", "m", renames={"top_p": "share"}))["share"] == 0.5
    )


def test_strictness_is_asked_for_all_tools_at_once() -> None:
    """Where one of them wants it; no word of it otherwise."""
    strict, loose = Tool("f", strict=True), Tool("g", strict=False)

    assert sent(Call((HELLO,), tools=(strict, loose)))["strict_tools"] is True
    assert "strict_tools" not in sent(Call((HELLO,), tools=(loose,)))


def test_what_json_cannot_hold_is_the_callers_mistake() -> None:
    """parse_extra finds it earlier; here it is a TypeError."""
    with pytest.raises(TypeError):
        sent(Call((HELLO,), extra={"a": object()}))


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("refusal", goldens.refusals("cohere"), ids=str)
def test_golden_refusals(refusal: goldens.Refusal) -> None:
    """What Cohere's own words mean for key, model and account."""
    found = COHERE.classify(refusal.status, refusal.headers, refusal.body)

    assert (found.kind, found.retry_after, found.model_only) == refusal.meaning
    assert (found.status, found.message) == (refusal.status, json.loads(refusal.body)["message"])
