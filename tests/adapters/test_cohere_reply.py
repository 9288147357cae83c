"""racer_adapters/cohere_reply.py: what the golden folders do not show, for they show the whole alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from racer_adapters.cohere_reply import Chat
from racer_adapters.errors import Closed, Kind, WireError
from racer_adapters.refusals import COMMON
from racer_adapters.types import End, Finish, Reasoning, Text, ToolDelta, Usage

if TYPE_CHECKING:
    from racer_adapters.dialect import Event


def read(kind: str, index: int = 0, **message: Any) -> list[Event]:
    return [*Chat(COMMON).frame("", {"type": kind, "index": index, "delta": {"message": message}})]


def test_each_delta_is_told_at_once() -> None:
    """Text is the answer; thoughts and plans are not."""
    assert read("content-delta", content={"text": "Yes"}) == [Text("Yes")]
    assert read("content-delta", content={"thinking": "Hm"}) == [Reasoning("Hm")]
    assert read("tool-plan-delta", tool_plan="I will") == [Reasoning("I will")]
    assert read("citation-start", citations={"text": "Yes"}) == []
    assert read("content-end") == []


def test_calls_go_by_the_index_of_their_event() -> None:
    """In the whole, by their place."""
    call = {"id": "a", "function": {"name": "f", "arguments": "{"}}
    rest = {"function": {"arguments": "}"}}
    whole = Chat(COMMON).frame("", {"message": {"tool_calls": [call, {"id": "b"}]}})

    assert read("tool-call-start", 2, tool_calls=call) == [ToolDelta(2, "a", "f", "{")]
    assert read("tool-call-delta", 2, tool_calls=rest) == [ToolDelta(2, arguments="}")]
    assert [*whole] == [ToolDelta(0, "a", "f", "{"), ToolDelta(1, "b")]


@pytest.mark.parametrize(
    ("usage", "found"),
    [
        (
            {"billed_units": {"input_tokens": 5.0, "output_tokens": 2.0}, "tokens": {"input_tokens": 71}},
            (5, 2),
        ),
        ({"tokens": {"input_tokens": 71.0, "output_tokens": 3.0}}, (71, 3)),
        ({"billed_units": {"output_tokens": 2}, "tokens": {"input_tokens": 71}}, (71, 2)),
        ({"billed_units": {"search_units": 1}}, None),
        (None, None),
    ],
)
def test_billed_tokens_count(usage: Any, found: tuple[int, int] | None) -> None:
    """Those with the template around them where the others are missing."""
    end = {"type": "message-end", "delta": {"usage": usage, "finish_reason": "COMPLETE"}}
    events = Chat(COMMON).frame("", end)

    assert [*events] == [*([Usage(*found)] if found else []), Finish("stop"), End()]


@pytest.mark.parametrize(
    ("reason", "words", "error"),
    [
        ("ERROR", "boom", WireError(Kind.IN_BAND, "boom")),
        (
            "ERROR",
            "rate limit: 9 per day",
            WireError(Kind.QUOTA, "rate limit: 9 per day", closed=Closed(window="day", limit=9.0)),
        ),
        ("TIMEOUT", "too slow", WireError(Kind.OVERLOADED, "too slow")),
    ],
)
def test_an_end_may_be_a_failure(reason: str, words: str, error: WireError) -> None:
    """It is classified by what it says, and nothing comes after it."""
    reader = Chat(COMMON)
    end = {"type": "message-end", "delta": {"finish_reason": reason, "error": words}}

    assert [*reader.frame("", end)] == [error]
    assert not reader.complete


def test_a_whole_answer_and_an_error_are_read_too() -> None:
    """What has no type is one or the other: a message as an object, or one in words."""
    whole = {"message": {"content": [{"type": "text", "text": "Hi"}]}, "finish_reason": "COMPLETE"}

    assert [Text("Hi"), Finish("stop")] == [*Chat(COMMON).frame("", whole)][:2]
    (error,) = Chat(COMMON).frame("", {"message": "trial token rate limit exceeded"})
    assert isinstance(error, WireError)


def test_content_may_be_a_plain_text() -> None:
    """As older models send it."""
    assert read("content-delta", content="Yes") == [Text("Yes")]
