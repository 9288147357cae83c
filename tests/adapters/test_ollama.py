"""racer_adapters/ollama.py: the dialect as a whole, by its golden folders and its refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer_adapters.contract import check_dialect, decode
from racer_adapters.ollama import OLLAMA
from racer_adapters.ollama_server import PATHS, read_installed
from racer_adapters.secret import Secret
from racer_adapters.types import Call, ImagePart, Message, Target, TextPart, Tool, ToolCall
from tests.adapters import goldens
from tests.adapters.chopping import CUTS, bytewise, chopped, mutated

REPLIES = goldens.replies("ollama")
REQUESTS = goldens.requests("ollama")
TARGET = Target("http://127.0.0.1:11434", "some-model")
HELLO = (Message("user", "Hi"),)


def test_the_contract_holds() -> None:
    """All that every dialect must satisfy, with our golden replies as samples."""
    assert len(REPLIES) > 15
    check_dialect(OLLAMA, goldens.samples("ollama"))


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_golden_replies(reply: goldens.Reply) -> None:
    """Each folder's body reads as it says: whole, byte by byte, and with junk behind a marked end."""
    assert decode(OLLAMA, [reply.body]) == reply.outcome
    assert decode(OLLAMA, bytewise(reply.body)) == reply.outcome
    if reply.marked and reply.outcome.error is None:
        assert decode(OLLAMA, [reply.body, b"\x00 junk", b'{"error":"late"}\n']) == reply.outcome


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_golden_requests(request_: goldens.Request) -> None:
    """Each folder's call is sent as it says, field for field; what cannot be said is told."""
    sent = OLLAMA.encode(request_.call, TARGET)

    assert json.loads(sent.body) == request_.body
    assert sent.dropped == request_.dropped
    assert sent.url == "http://127.0.0.1:11434/api/chat"


@settings(max_examples=300)
@given(mutated([reply.body for reply in REPLIES]), CUTS)
def test_spoilt_replies_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(OLLAMA, chopped(body, cuts)) == decode(OLLAMA, [body])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["content", "thinking", "tool_calls", "function", "name", "arguments", "id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(VALUES, VALUES, st.booleans())
def test_any_json_is_read(message: Any, other: Any, done: bool) -> None:
    """Never an exception, whatever stands in the known fields."""
    line = {
        "message": message,
        "done": done,
        "done_reason": other,
        "eval_count": other,
        "error": other if done else None,
    }

    decode(OLLAMA, [json.dumps(line).encode()])


# ---------------------------------------------------------------- requests


def sent(call: Call, target: Target = TARGET) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(OLLAMA.encode(call, target).body)
    return body


def test_the_cloud_gets_a_bearer_token() -> None:
    """The local server gets none."""
    keyed = OLLAMA.encode(Call(HELLO), Target("https://ollama.com", "m", Secret("k" * 9)))

    assert keyed.headers["authorization"] == "Bearer " + "k" * 9
    assert "authorization" not in OLLAMA.encode(Call(HELLO), TARGET).headers


@pytest.mark.parametrize(
    ("arguments", "object_"),
    [
        ('{"a":[1]}', {"a": [1]}),
        ("", {"input": ""}),
        ("[1]", {"input": "[1]"}),
        ("oh no", {"input": "oh no"}),
    ],
)
def test_arguments_are_objects(arguments: str, object_: dict[str, Any]) -> None:
    """What a model once wrote that is none is not lost."""
    message = Message("assistant", "", (ToolCall("c", "f", arguments),))

    assert sent(Call((message,)))["messages"][0]["tool_calls"] == [
        {"function": {"name": "f", "arguments": object_}}
    ]


def test_a_result_names_its_tool() -> None:
    """By the call before it, else by the message's own name, else not at all; no other role has one."""
    messages = (
        Message("assistant", "", (ToolCall("c1", "f", "{}"),)),
        Message("tool", "1", tool_call_id="c1", name="other"),
        Message("tool", "2", tool_call_id="c2", name="g"),
        Message("tool", "3", tool_call_id="c3"),
        Message("user", "4", name="Ann"),
    )

    assert [message.get("tool_name") for message in sent(Call(messages))["messages"]] == [
        None,
        "f",
        "g",
        None,
        None,
    ]


def test_pictures_are_sent_as_base64() -> None:
    """Also those that a data: URL writes in another way."""
    parts = (TextPart("a"), ImagePart("data:image/png;base64,AAAA"), ImagePart("data:,a%20b"), TextPart("b"))

    assert sent(Call((Message("user", parts),)))["messages"] == [
        {"role": "user", "content": "a\nb", "images": ["AAAA", "YSBi"]}
    ]


def test_tools_send_only_what_was_given() -> None:
    """`strict` is OpenAI's alone."""
    tools = (Tool("f"), Tool("g", "d", {}, strict=True))

    assert sent(Call(HELLO, tools=tools))["tools"] == [
        {"type": "function", "function": {"name": "f"}},
        {"type": "function", "function": {"name": "g", "description": "d", "parameters": {}}},
    ]


def test_quirks_reach_the_options_too() -> None:
    """Dropped by the names that stand in the body."""
    target = Target("http://h", "m", drops=frozenset({"seed", "format"}), renames={"num_predict": "max"})
    request = OLLAMA.encode(Call(HELLO, seed=1, max_tokens=2, extra={"format": "json"}), target)

    assert json.loads(request.body)["options"] == {"max": 2}
    assert request.dropped == ("format", "seed")


@pytest.mark.parametrize("options", [None, 7, []])
def test_odd_options_are_passed_over(options: Any) -> None:
    """There is nothing to merge."""
    assert "options" not in sent(Call(HELLO, extra={"options": options}))


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("refusal", goldens.refusals("ollama"), ids=str)
def test_golden_refusals(refusal: goldens.Refusal) -> None:
    """Ollama's own words, local and in its cloud; the text is the message, on one line."""
    found = OLLAMA.classify(refusal.status, refusal.headers, refusal.body)

    assert (found.kind, found.retry_after, found.model_only) == refusal.meaning
    assert found.message == " ".join(refusal.name.split())


def test_its_models_are_asked_for_at_both_places() -> None:
    """What is installed, and what is in memory."""
    listing = OLLAMA.listing
    assert listing is not None

    assert (listing.paths, listing.read) == (PATHS, read_installed)
