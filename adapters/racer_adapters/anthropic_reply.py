"""A `message` object, or the events of one, -> events: the reply of Anthropic's Messages.

Reader rules:
1. The type stands in the data; the event's name is used where it does not.
2. Input tokens come first, output tokens at the end. Both are totals so far; the input is what was read
   anew, written to the cache and read from it.
3. Only blocks of type tool_use are calls of the caller's tools. Those that the server runs itself, their
   results, citations, signatures and pings are passed over.
4. A stop reason makes the answer complete, whatever follows; `message_stop` ends it.
5. `refusal` is the content filter. A window that is full is `length`. "end_turn" after calls is `tool_calls`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer_adapters import bodies
from racer_adapters.jsontext import as_count, as_list, as_object, as_text, dump
from racer_adapters.refusals import in_band
from racer_adapters.types import End, Finish, FinishReason, Reasoning, Text, ToolDelta, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer_adapters.dialect import Event
    from racer_adapters.refusals import Rules

REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_INPUTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class Messages:
    """Reads one reply, streamed or whole."""

    __slots__ = ("_calls", "_input", "_rules", "complete")

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._calls: dict[int, int] = {}
        self._input = 0
        self.complete = False

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        kind = as_text(message.get("type")) or name
        if kind == "content_block_delta":
            return self._delta(as_count(message.get("index")), as_object(message.get("delta")))
        if kind == "error" or message.get("error"):
            return [in_band(self._rules, bodies.in_json(message))]
        if kind == "content_block_start":
            return self._block(as_count(message.get("index")), as_object(message.get("content_block")))
        if kind == "message_start":
            return self._begun(as_object(message.get("message")))
        if kind == "message_delta":
            return [*self._usage(message), *self._finish(as_object(message.get("delta")))]
        if kind == "message":
            return self._whole(message)
        return self.end() if kind == "message_stop" else ()

    def end(self) -> Sequence[Event]:
        return [End()]

    def _begun(self, message: dict[str, Any]) -> list[Event]:
        """The output is not told yet: the one token that the server counts here is none that came."""
        return [Usage(used.input_tokens) for used in self._usage(message) if used.input_tokens]

    def _whole(self, message: dict[str, Any]) -> list[Event]:
        events: list[Event] = []
        for index, block in enumerate(as_list(message.get("content"))):
            events += self._block(index, as_object(block))
        return [*events, *self._usage(message), *self._finish(message)]

    def _block(self, index: int, block: dict[str, Any]) -> list[Event]:
        if block.get("type") != "tool_use":
            return _said(block)
        self._calls[index] = len(self._calls)
        made = as_object(block.get("input"))
        return [
            ToolDelta(
                self._calls[index],
                as_text(block.get("id")),
                as_text(block.get("name")),
                dump(made) if made else "",
            )
        ]

    def _delta(self, index: int, delta: dict[str, Any]) -> list[Event]:
        fragment = as_text(delta.get("partial_json"))
        if not fragment:
            return _said(delta)
        call = self._calls.get(index)
        return [] if call is None else [ToolDelta(call, arguments=fragment)]

    def _usage(self, message: dict[str, Any]) -> list[Usage]:
        said = as_object(message.get("usage"))
        self._input = sum(as_count(said.get(name)) for name in _INPUTS) or self._input
        usage = Usage(self._input, as_count(said.get("output_tokens")))
        return [] if usage == Usage() else [usage]

    def _finish(self, said: dict[str, Any]) -> list[Event]:
        stop = as_text(said.get("stop_reason"))
        if not stop:
            return []
        self.complete = True
        reason = REASONS.get(stop, "other")
        return [Finish("tool_calls" if self._calls and reason == "stop" else reason)]


def _said(part: dict[str, Any]) -> list[Event]:
    """The text or the thought in a block or a delta, which name them alike."""
    text, thought = as_text(part.get("text")), as_text(part.get("thinking"))
    if text:
        return [Text(text)]
    return [Reasoning(thought)] if thought else []
