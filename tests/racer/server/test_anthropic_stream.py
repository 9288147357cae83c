"""Replies as Anthropic writes them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from anthropic.types import Message

from racer.core.piece import Piece
from racer.core.reply import Reply
from racer.server.anthropic_stream import Events, error_of, message_of, stop_of
from racer.server.question import Refused
from racer.server.streaming import Opening
from racer_adapters.types import ToolCall, ToolDelta, Usage

REPLY = Reply(
    "hello", "groq", "m", Usage(3, 4), 1.5, "abc", finish_reason="stop", created=7, reasoning="hm"
)  # fmt: skip


def events(*pieces: Piece, reply: Reply = REPLY, thoughts: bool = True) -> list[dict[str, Any]]:
    encoder = Events(thoughts=thoughts, input_tokens=9)
    data = encoder.begin(Opening("abc", "groq", "m", 7))
    data += b"".join(encoder.piece(piece) for piece in pieces) + encoder.end(reply)
    return parsed(data)


def parsed(data: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for event in data.removesuffix(b"\n\n").split(b"\n\n"):
        name, _, value = event.removeprefix(b"event: ").partition(b"\ndata: ")
        found.append(orjson.loads(value))
        assert found[-1]["type"] == name.decode()
    return found


def blocks(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Each block's kind and all that was said in it; they must come one behind the other."""
    said: list[tuple[str, str]] = []
    is_open = False
    for event in found[1:-2]:
        assert event["index"] == len(said) - (event["type"] != "content_block_start")
        assert is_open is (event["type"] != "content_block_start")
        is_open = event["type"] != "content_block_stop"
        if event["type"] == "content_block_start":
            said.append((event["content_block"]["type"], ""))
        elif event["type"] == "content_block_delta":
            words = [value for name, value in event["delta"].items() if name != "type"]
            said[-1] = said[-1][0], said[-1][1] + words[0]
    assert not is_open
    return said


def test_whole() -> None:
    """The client's own type takes it."""
    answer = Message.model_validate(message_of(REPLY, thoughts=True))
    plain = message_of(REPLY, thoughts=False)

    assert (answer.id, answer.model, answer.stop_reason) == ("msg_abc", "groq/m", "end_turn")
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 4)
    assert plain["content"] == [{"type": "text", "text": "hello"}]


def test_calls() -> None:
    """With their arguments as objects."""
    calls = (ToolCall("1", "add", '{"a":1}'), ToolCall("2", "now", ""))
    reply = Reply("", "a", "m", Usage(), 1.0, "r", tool_calls=calls)
    answer = message_of(reply, thoughts=True)

    assert answer["content"] == [
        {"type": "tool_use", "id": "1", "name": "add", "input": {"a": 1}},
        {"type": "tool_use", "id": "2", "name": "now", "input": {}},
    ]
    assert answer["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        (None, "end_turn"), ("other", "end_turn"), ("stop", "end_turn"), ("length", "max_tokens"),
        ("tool_calls", "tool_use"), ("content_filter", "refusal"),
    ],
)  # fmt: skip
def test_why_it_ends(reason: Any, stop: str) -> None:
    """In Anthropic's words."""
    assert stop_of(Reply("x", "a", "m", Usage(), 1.0, "r", finish_reason=reason)) == stop


def test_events() -> None:
    """Of thoughts and text, each in a block, with the counts at the end."""
    found = events(Piece("hel", "hm"), Piece("lo"))

    assert found[0]["message"]["usage"]["input_tokens"] == 9
    assert found[0]["message"]["content"] == []
    assert blocks(found) == [("thinking", "hm"), ("text", "hello")]
    assert found[-2]["delta"]["stop_reason"] == "end_turn"
    assert found[-2]["usage"]["input_tokens"] == 3
    assert found[-2]["usage"]["output_tokens"] == 4
    assert found[-1] == {"type": "message_stop"}
    assert blocks(events(Piece("hello", "hm"), thoughts=False)) == [("text", "hello")]


def test_events_of_calls() -> None:
    """A block for each; text that comes then stands behind them."""
    found = events(
        Piece("See:"),
        Piece(tool_calls=(ToolDelta(0, "1", "add", '{"a"'),)),
        Piece("Late.", "late", tool_calls=(ToolDelta(0, arguments=":1}"), ToolDelta(1, "", "now"))),
    )

    assert blocks(found) == [("text", "See:"), ("tool_use", '{"a":1}'), ("tool_use", ""), ("text", "Late.")]
    starts = [each["content_block"] for each in found if each["type"] == "content_block_start"]
    assert starts[1] == {"type": "tool_use", "id": "1", "name": "add", "input": {}}
    assert (starts[2]["id"], starts[2]["name"]) == ("toolu_abc_1", "now")


def test_an_answer_without_pieces() -> None:
    """What there was of it comes with the end."""
    reply = Reply("", "a", "m", Usage(), 1.0, "r", reasoning="hm", finish_reason="length")

    assert blocks(events(reply=reply)) == [("thinking", "hm")]
    assert blocks(events(reply=reply, thoughts=False)) == []


def test_what_is_no_piece() -> None:
    """A comment before the message has begun, a ping in it, and an error at any time."""
    encoder = Events(thoughts=True)
    waiting, broken = encoder.keep_alive(), encoder.broken(Refused(502, "broke"))
    encoder.begin(Opening("abc", "groq", "m", 7))

    assert waiting == b": waiting\n\n"
    assert parsed(encoder.keep_alive()) == [{"type": "ping"}]
    assert parsed(broken)[0]["error"] == {"type": "api_error", "message": "broke"}
    assert encoder.content_type.startswith("text/event-stream")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"), (401, "authentication_error"), (403, "permission_error"),
        (404, "not_found_error"), (405, "invalid_request_error"), (413, "request_too_large"),
        (429, "rate_limit_error"), (500, "api_error"), (502, "api_error"), (503, "overloaded_error"),
        (504, "timeout_error"), (529, "overloaded_error"),
    ],
)  # fmt: skip
def test_errors(status: int, kind: str) -> None:
    """In Anthropic's words."""
    told = error_of(Refused(status, "no"))

    assert told == {"type": "error", "error": {"type": kind, "message": "no"}, "request_id": None}
