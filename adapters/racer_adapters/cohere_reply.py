"""A reply of Cohere's chat, version 2, streamed or whole -> events.

Reader rules:
1. The type stands in the data; the event's name is used where it does not. A whole reply has no type.
2. What a message holds has the same names in a delta and in the whole: `content` (an object in a delta,
   a list or a text in the whole), `tool_plan`, `tool_calls` (an object in a delta).
3. Thinking and the plan to use tools are reasoning, never the answer. Citations are passed over.
4. Tokens are counted twice: those billed, which quota and price go by, and those with the template
   around them, which are used where the former are missing. Both may come as fractions.
5. `message-end` ends the reply, whatever follows. ERROR and TIMEOUT are failures, and `error` says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer_adapters import bodies
from racer_adapters.jsontext import as_count, as_list, as_object, as_text
from racer_adapters.refusals import in_band
from racer_adapters.types import End, Finish, FinishReason, Reasoning, Text, ToolDelta, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer_adapters.dialect import Event
    from racer_adapters.refusals import Rules

REASONS: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
}
FAILURES = {"ERROR": "the reply ended in an error", "TIMEOUT": "the model ran out of time"}


class Chat:
    """Reads one reply, streamed or whole."""

    __slots__ = ("_called", "_rules", "complete")

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._called = False
        self.complete = False

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        kind = as_text(message.get("type")) or name
        delta = as_object(message.get("delta"))
        if kind == "message-end":
            return self._failed(delta) or [*self._ended(delta), *self.end()]
        if kind:
            return self._said(as_object(delta.get("message")), as_count(message.get("index")))
        if message.get("error") or as_text(message.get("message")):
            return [in_band(self._rules, bodies.in_json(message))]
        return [
            *self._said(as_object(message.get("message")), 0),
            *(self._failed(message) or self._ended(message)),
        ]

    def end(self) -> Sequence[Event]:
        return [End()]

    def _said(self, said: dict[str, Any], index: int) -> list[Event]:
        events = _reasoning(as_text(said.get("tool_plan")))
        content, calls = said.get("content"), said.get("tool_calls")
        if isinstance(content, str):
            events += _text(content)
        for part in as_list(content) or [content]:
            events += _reasoning(as_text(as_object(part).get("thinking")))
            events += _text(as_text(as_object(part).get("text")))
        for number, call in enumerate(as_list(calls) or [calls] * bool(calls)):
            self._called = True
            events.append(_tool(as_object(call), index + number))
        return events

    def _failed(self, said: dict[str, Any]) -> list[Event]:
        reason = as_text(said.get("finish_reason"))
        if reason not in FAILURES:
            return []
        why = as_text(said.get("error")) or FAILURES[reason]
        return [in_band(self._rules, bodies.in_json({"message": why, "code": reason}))]

    def _ended(self, said: dict[str, Any]) -> list[Event]:
        events = _usage(as_object(said.get("usage")))
        reason = as_text(said.get("finish_reason"))
        if reason:
            self.complete = True
            ended = REASONS.get(reason, "other")
            events.append(Finish("tool_calls" if self._called and ended == "stop" else ended))
        return events


def _text(text: str) -> list[Event]:
    return [Text(text)] if text else []


def _reasoning(text: str) -> list[Event]:
    return [Reasoning(text)] if text else []


def _tool(call: dict[str, Any], index: int) -> ToolDelta:
    function = as_object(call.get("function"))
    return ToolDelta(
        index=index,
        id=as_text(call.get("id")),
        name=as_text(function.get("name")),
        arguments=as_text(function.get("arguments")),
    )


def _usage(usage: dict[str, Any]) -> list[Event]:
    billed, counted = as_object(usage.get("billed_units")), as_object(usage.get("tokens"))
    said = Usage(
        input_tokens=as_count(billed.get("input_tokens")) or as_count(counted.get("input_tokens")),
        output_tokens=as_count(billed.get("output_tokens")) or as_count(counted.get("output_tokens")),
    )
    return [] if said == Usage() else [said]
