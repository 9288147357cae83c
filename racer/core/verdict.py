"""Is this answer a reply at all? The checks that are always on, before any of the caller's own.

An HTML page, an error in a 200 body and a cut stream are seen by the decoder already; here we look at
what the answer says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import Collection

    from racer_adapters.types import Answer, Call, Shape

NOTHING = object()
# White space as str.strip() has it, and what shows nothing although it is none: joiners and marks.
INVISIBLE = (
    "".join(map(chr, [*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200E)]))
    + "\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)


def judge(answer: Answer, call: Call) -> WireError | None:
    """Why `answer` is not a reply to `call`, or None when it is one."""
    if not answer.ended and answer.finish_reason is None:
        return WireError(Kind.TRUNCATED, "the reply stopped without a finish reason or an end marker")
    if answer.tool_calls:
        return _judge_tools(answer, call)
    if answer.finish_reason == "content_filter":
        return _blocked(answer)
    if not answer.text.strip(INVISIBLE):
        return _judge_empty(answer)
    if needs_call(call):
        return WireError(Kind.INVALID, "a tool call was required, and the reply has none")
    if call.shape is not None:
        return _judge_json(answer, call.shape)
    return None


def _blocked(answer: Answer) -> WireError:
    """Refused, or cut off where it became improper: whatever it says, it is not what was asked for."""
    came = len(answer.text.strip())
    told = f" after {came:,} characters" if came else ""
    blocked = "the model refused, or its provider's content filter withheld the reply"
    return WireError(Kind.BLOCKED, blocked + told)


def _judge_empty(answer: Answer) -> WireError:
    if answer.reasoning.strip():
        return WireError(Kind.EMPTY, "only reasoning, no answer")
    return WireError(Kind.EMPTY, "no text and no tool call" if not answer.text else "only whitespace")


def _judge_tools(answer: Answer, call: Call) -> WireError | None:
    allowed = callable_tools(call)
    for made in answer.tool_calls:
        if made.name not in allowed:
            return misnamed(allowed)
        value = _parsed(made.arguments)
        if value is NOTHING:
            return _not_json(answer, f"what the tool {made.name!r} is called with")
        if not isinstance(value, dict):
            return WireError(Kind.INVALID, f"what the tool {made.name!r} is called with is no JSON object")
    return None


def misnamed(allowed: Collection[str]) -> WireError:
    """What is said of a call of a tool that is none of those that may be called: its name is the reply's."""
    if not allowed:
        return WireError(Kind.INVALID, "a tool call, and no tool was to be called")
    return WireError(Kind.INVALID, "a call of a tool that was not offered")


def callable_tools(call: Call) -> frozenset[str]:
    choice = call.tool_choice
    if choice is not None and choice.mode == "none":
        return frozenset()
    if choice is not None and choice.name is not None:
        return frozenset({choice.name})
    return frozenset(tool.name for tool in call.tools)


def needs_call(call: Call) -> bool:
    """Whether words alone are no reply."""
    return call.tool_choice is not None and call.tool_choice.mode in ("required", "named")


def _judge_json(answer: Answer, shape: Shape) -> WireError | None:
    value = _parsed(answer.text)
    if value is NOTHING:
        return _not_json(answer, "the reply")
    if shape.kind == "json" and not isinstance(value, dict):
        return another_value()
    return None


def another_value() -> WireError:
    return WireError(Kind.INVALID, "a JSON object was asked for, and the reply is another JSON value")


def _not_json(answer: Answer, what: str) -> WireError:
    """No fault of the lane's health: what cut it off is the number of tokens that the caller allowed."""
    if answer.finish_reason == "length":
        return WireError(Kind.INVALID, f"{what} is cut off in mid-JSON: allow more max_tokens")
    return not_json(what)


def not_json(what: str) -> WireError:
    return WireError(Kind.INVALID, f"{what} is not JSON")


def _parsed(text: str) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        return NOTHING
