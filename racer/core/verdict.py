"""Is this answer a reply at all? The checks that are always on, before any of the caller's own.

An HTML page, an error in a 200 body and a cut stream are seen by the decoder already; here we look at
what the answer says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from racer_adapters.types import Answer, Call, Shape

NOTHING = object()


def judge(answer: Answer, call: Call) -> WireError | None:
    """Why `answer` is not a reply to `call`, or None when it is one."""
    if not answer.ended and answer.finish_reason is None:
        return WireError(Kind.TRUNCATED, "the reply stopped without a finish reason or an end marker")
    if answer.tool_calls:
        return _judge_tools(answer, call)
    if not answer.text.strip():
        return _judge_empty(answer)
    if call.tool_choice is not None and call.tool_choice.mode in ("required", "named"):
        return WireError(Kind.INVALID, "a tool call was required, and the reply has none")
    if call.shape is not None:
        return _judge_json(answer, call.shape)
    return None


def _judge_empty(answer: Answer) -> WireError:
    if answer.finish_reason == "content_filter":
        return WireError(Kind.BLOCKED, "the provider's content filter withheld the reply")
    if answer.reasoning.strip():
        return WireError(Kind.EMPTY, "only reasoning, no answer")
    return WireError(Kind.EMPTY, "no text and no tool call" if not answer.text else "only whitespace")


def _judge_tools(answer: Answer, call: Call) -> WireError | None:
    allowed = _callable_tools(call)
    if not allowed:
        return WireError(Kind.INVALID, "a tool call, and no tool was to be called")
    for made in answer.tool_calls:
        if made.name not in allowed:
            return WireError(Kind.INVALID, f"a call of the tool {made.name[:60]!r}, which was not offered")
        if not isinstance(_parsed(made.arguments), dict):
            return _not_json(answer, f"what the tool {made.name!r} is called with")
    return None


def _callable_tools(call: Call) -> frozenset[str | None]:
    choice = call.tool_choice
    if choice is not None and choice.mode in ("none", "named"):
        return frozenset({choice.name} if choice.mode == "named" else ())
    return frozenset(tool.name for tool in call.tools)


def _judge_json(answer: Answer, shape: Shape) -> WireError | None:
    value = _parsed(answer.text)
    if value is NOTHING:
        return _not_json(answer, "the reply")
    if shape.kind == "json" and not isinstance(value, dict):
        return WireError(Kind.INVALID, "a JSON object was asked for, and the reply is another JSON value")
    return None


def _not_json(answer: Answer, what: str) -> WireError:
    """No fault of the lane's health: what cut it off is the number of tokens that the caller allowed."""
    cut = answer.finish_reason == "length"
    return WireError(
        Kind.INVALID,
        f"{what} is cut off in mid-JSON: allow more max_tokens" if cut else f"{what} is not JSON",
    )


def _parsed(text: str) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        return NOTHING
