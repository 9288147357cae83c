"""racer_adapters/anthropic_reply.py: what the golden folders do not show, for they show the whole alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer_adapters.anthropic_reply import Messages
from racer_adapters.errors import WireError
from racer_adapters.refusals import COMMON
from racer_adapters.types import End, Finish, Reasoning, Text, ToolDelta, Usage

if TYPE_CHECKING:
    from racer_adapters.dialect import Event


def read(*frames: dict[str, Any]) -> list[Event]:
    reader = Messages(COMMON)
    return [event for frame in frames for event in reader.frame("", frame)]


def block(index: int, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": fields}


def delta(index: int, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": fields}


def test_input_is_told_before_the_output() -> None:
    """So that a lane that is stopped half-way knows what it has spent; the token counted there is none."""
    begun = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}
    ended = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 4}}

    assert read(begun) == [Usage(9, 0)]
    assert read(begun, ended)[1:] == [Usage(9, 4)]
    assert read({"type": "message_start", "message": {"usage": {"output_tokens": 1}}}) == []


def test_calls_are_numbered_among_themselves() -> None:
    """Blocks of other kinds stand between them; a fragment of theirs is none of ours."""
    events = read(
        block(0, type="text", text=""),
        block(1, type="tool_use", id="a", name="f", input={}),
        delta(1, type="input_json_delta", partial_json="{}"),
        block(2, type="server_tool_use", id="s", name="web_search", input={}),
        delta(2, type="input_json_delta", partial_json='{"q":1}'),
        block(3, type="tool_use", id="b", name="g", input={"x": 1}),
    )

    assert events == [ToolDelta(0, "a", "f"), ToolDelta(0, arguments="{}"), ToolDelta(1, "b", "g", '{"x":1}')]


def test_each_delta_is_told_at_once() -> None:
    """Text and thoughts; a signature and a citation say nothing."""
    events = read(
        delta(0, type="thinking_delta", thinking="Hm"),
        delta(0, type="signature_delta", signature="c2ln"),
        delta(1, type="text_delta", text="Yes"),
        delta(1, type="citations_delta", citation={}),
    )

    assert events == [Reasoning("Hm"), Text("Yes")]


def test_it_is_complete_with_its_reason() -> None:
    """And over with its end."""
    reader = Messages(COMMON)

    assert not reader.complete
    assert reader.frame("", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}) == [
        Finish("stop")
    ]
    assert reader.complete
    assert reader.frame("message_stop", {}) == [End()]


def test_a_deep_input_is_no_json() -> None:
    """What cannot be written down again fails as a call without sensible arguments, not here."""
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    (call,) = read(block(0, type="tool_use", id="a", name="f", input=deep))

    assert call == ToolDelta(0, "a", "f", "[nested too deep]")


def test_a_whole_message_is_read_like_its_pieces() -> None:
    """Every block in its order, then what it cost and how it ended."""
    whole: dict[str, Any] = {
        "type": "message",
        "content": [
            {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        ],
        "usage": {"input_tokens": 9, "output_tokens": 4},
        "stop_reason": "tool_use",
    }

    events = read(whole)

    assert [Text("Hi"), Usage(9, 4), Finish("tool_calls")] == [
        e for e in events if not isinstance(e, ToolDelta)
    ]
    assert ["f"] == [e.name for e in events if isinstance(e, ToolDelta)]


def test_an_error_is_a_failure_wherever_it_stands() -> None:
    """As an event of its own, or inside something else."""
    for frame in (
        {"type": "error", "error": {"type": "overloaded_error", "message": "x"}},
        {"error": {"message": "x"}},
    ):
        (error,) = read(frame)
        assert isinstance(error, WireError)
