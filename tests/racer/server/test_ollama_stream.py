"""Replies as Ollama writes them."""

from __future__ import annotations

from typing import Any

import orjson
from ollama import ChatResponse

from racer.core.piece import Piece
from racer.core.reply import Reply
from racer.server.ollama_stream import Lines, answer_of
from racer.server.question import Refused
from racer.server.streaming import Opening
from racer_adapters.types import ToolCall, ToolDelta, Usage

REPLY = Reply(
    "hello", "groq", "m", Usage(3, 4), 1.5, "abc", finish_reason="stop", created=7, first_token=0.5,
    reasoning="hm",
)  # fmt: skip
CALLS = (ToolCall("1", "add", '{"a":1}'), ToolCall("2", "now", ""))


def lines(*pieces: Piece, reply: Reply = REPLY, thoughts: bool = True) -> list[dict[str, Any]]:
    encoder = Lines(thoughts=thoughts)
    data = encoder.begin(Opening("abc", "groq", "m", 7))
    data += b"".join(encoder.piece(piece) for piece in pieces) + encoder.end(reply)
    return [orjson.loads(line) for line in data.splitlines()]


def test_whole() -> None:
    """The client's own type takes it; times are nanoseconds."""
    answer = ChatResponse.model_validate(answer_of(REPLY, thoughts=True), strict=True)

    assert answer.message.model_dump(exclude_none=True) == {
        "role": "assistant", "content": "hello", "thinking": "hm",
    }  # fmt: skip
    assert (answer.model, answer.created_at, answer.done) == ("groq/m", "1970-01-01T00:00:07Z", True)
    assert (answer.done_reason, answer.prompt_eval_count, answer.eval_count) == ("stop", 3, 4)
    assert (answer.total_duration, answer.prompt_eval_duration, answer.eval_duration) == (
        1_500_000_000, 500_000_000, 1_000_000_000,
    )  # fmt: skip


def test_times_are_never_nothing() -> None:
    """Clients divide by them, also where an answer was kept from before."""
    answer = answer_of(Reply("x", "a", "m", Usage(), 0.0, "r", finish_reason="length"), thoughts=False)

    assert (answer["total_duration"], answer["eval_duration"], answer["prompt_eval_duration"]) == (1, 1, 1)
    assert answer["done_reason"] == "length"
    assert "thinking" not in answer["message"]


def test_calls() -> None:
    """With their arguments as objects, whole and in a line of their own."""
    reply = Reply("", "a", "m", Usage(), 1.0, "r", tool_calls=CALLS, finish_reason="tool_calls")
    wanted: list[Any] = [
        {"id": "1", "function": {"index": 0, "name": "add", "arguments": {"a": 1}}},
        {"id": "2", "function": {"index": 1, "name": "now", "arguments": {}}},
    ]
    called, last = lines(Piece(tool_calls=(ToolDelta(0, "1", "add", '{"a":1}'),)), reply=reply)

    assert answer_of(reply, thoughts=True)["message"]["tool_calls"] == wanted
    assert called["message"]["tool_calls"] == wanted
    assert (called["done"], last["done"], last["done_reason"]) == (False, True, "stop")


def test_lines() -> None:
    """One for each piece, then why it ends."""
    first, second, last = lines(Piece("hel", "hm"), Piece("lo"))

    assert first == {
        "model": "groq/m", "created_at": "1970-01-01T00:00:07Z", "done": False,
        "message": {"role": "assistant", "content": "hel", "thinking": "hm"},
    }  # fmt: skip
    assert second["message"] == {"role": "assistant", "content": "lo"}
    assert last["message"] == {"role": "assistant", "content": ""}
    assert last["eval_count"] == 4
    assert all(ChatResponse.model_validate(each) for each in (first, second, last))


def test_thoughts_that_are_not_wanted() -> None:
    """They are in no line, and make none."""
    first, last = lines(Piece("", "hm"), Piece("hello", "mh"), thoughts=False)

    assert first["message"] == {"role": "assistant", "content": "hello"}
    assert last["done"]


def test_an_answer_without_pieces() -> None:
    """What there was of it comes with the end."""
    reply = Reply("", "a", "m", Usage(), 1.0, "r", reasoning="hm", finish_reason="length")

    assert [each["message"].get("thinking") for each in lines(reply=reply)] == ["hm", None]
    assert len(lines(reply=reply, thoughts=False)) == 1


def test_what_is_no_piece() -> None:
    """A blank while the race is open, and an error as the last line, both also before it has begun."""
    encoder = Lines(thoughts=True)

    assert encoder.keep_alive() == b" "
    assert encoder.broken(Refused(502, "broke")) == b'{"error":"broke"}\n'
    assert encoder.content_type == "application/x-ndjson"
