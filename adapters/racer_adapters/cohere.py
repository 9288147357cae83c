"""The dialect of Cohere's chat, version 2.

Sent, where it differs from what was asked:
1. System messages are gathered into one, which comes first, as they want it. A conversation that has
   nothing else is asked as the user's.
2. What an assistant said beside its calls of tools is its `tool_plan`.
3. `temperature` goes up to 1 and `p`, which is their `top_p`, from 0.01 to 0.99: what lies outside is sent
   as the nearest of these.
4. A tool that must be called by name is sent alone, with a choice of REQUIRED.
5. A schema goes into `response_format` in a form of their own. It is refused together with tools, so it is
   dropped there. `strict` holds for all tools at once.
`thinking`, `safety_mode`, `k` and the like are sent only by the caller's `extra`. Read: see cohere_reply.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from racer_adapters import limits
from racer_adapters.cohere_reply import Chat
from racer_adapters.decoding import event_decoder
from racer_adapters.dialect import Dialect
from racer_adapters.errors import Kind
from racer_adapters.refusals import COMMON, Rules, classify, rows
from racer_adapters.request import given, post, settled
from racer_adapters.turns import system_text, text_of
from racer_adapters.types import ImagePart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from racer_adapters.dialect import Decoder
    from racer_adapters.types import Call, Message, Part, Shape, Target, Tool, ToolCall, WireRequest

RULES: Rules = (
    # A status of their own for a key that is blocked; with others it means that capacity is short.
    *rows(Kind.AUTH, (498,), "", weak=True),
    *rows(Kind.NO_MODEL, (400,), "model & is not supported by", "model & was removed"),
    # Calls by the minute are counted by model, tokens and calls by the month by account.
    *rows(Kind.RATE, (429,), "calls / minute", "per minute request limit", model_only=True),
    *COMMON,
)

OURS = frozenset({"model", "messages", "stream"})
RENAMES = {"stop": "stop_sequences", "top_p": "p"}
NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


def encode(call: Call, target: Target) -> WireRequest:
    """Raises TypeError where `extra` or a schema holds what JSON cannot."""
    fields = given(
        model=target.model,
        messages=_messages(call.messages),
        max_tokens=call.max_tokens,
        temperature=_within(call.temperature, 0.0, 1.0),
        top_p=_within(call.top_p, 0.01, 0.99),
        stop=call.stop,
        seed=call.seed,
        tools=[_tool(tool) for tool in _callable(call)],
        tool_choice=_tool_choice(call),
        strict_tools=any(tool.strict for tool in call.tools) or None,
        response_format=None if call.tools else _response_format(call.shape),
        stream=call.stream,
    )
    target = replace(target, renames={**RENAMES, **target.renames})
    body, dropped = settled(fields, call.extra, target, OURS)
    return post(target, "/v2/chat", body, (*dropped, *_unsaid(call)))


def _unsaid(call: Call) -> Iterator[str]:
    """What was asked for and has no words in this dialect."""
    if call.shape is not None and call.tools:
        yield "response_format"
    if any(message.name for message in call.messages if message.role != "tool"):
        yield "name"
    wordy = (message for message in call.messages if message.role in ("system", "tool"))
    if any(isinstance(part, ImagePart) for message in wordy for part in message.content):
        yield "image_url"


def _within(value: float | None, least: float, most: float) -> float | None:
    return None if value is None else min(max(value, least), most)


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    system = system_text(messages)
    turns = [_message(message) for message in messages if message.role != "system"]
    first = {"role": "system" if turns else "user", "content": system}
    return [*([first] if system else []), *turns]


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": text_of(message)}
    if message.tool_calls:
        calls = [_tool_call(call) for call in message.tool_calls]
        return {"role": message.role, **given(tool_plan=text_of(message)), "tool_calls": calls}
    parts = message.content
    content = parts if isinstance(parts, str) else [_part(part) for part in parts]
    return {"role": message.role, "content": content}


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": given(url=part.url, detail=part.detail)}
    return {"type": "text", "text": part.text}


def _tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _callable(call: Call) -> tuple[Tool, ...]:
    choice = call.tool_choice
    if choice is None or choice.mode != "named":
        return call.tools
    return tuple(tool for tool in call.tools if tool.name == choice.name)


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, **given(description=tool.description)}
    return {"type": "function", "function": {**function, "parameters": tool.parameters or NO_PARAMETERS}}


def _tool_choice(call: Call) -> str | None:
    """To leave it to the model is to say nothing."""
    if call.tool_choice is None or call.tool_choice.mode == "auto":
        return None
    return "NONE" if call.tool_choice.mode == "none" else "REQUIRED"


def _response_format(shape: Shape | None) -> dict[str, Any] | None:
    return None if shape is None else {"type": "json_object", **given(json_schema=shape.schema)}


def _decoder() -> Decoder:
    return event_decoder(Chat(RULES), RULES)


COHERE = Dialect(
    name="cohere",
    encode=encode,
    decoder=_decoder,
    classify=partial(classify, RULES),
    limits=limits.COHERE,
)
