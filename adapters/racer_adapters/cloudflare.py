"""The dialect of Cloudflare's own endpoint for running a model of Workers AI.

The base URL ends in /accounts/{account}/ai. Sent, where it differs from what was asked:
1. Content is text: parts are joined, since most models refuse lists, and none is null. A message with a
   picture keeps its parts; pictures go along as `data:` URLs alone, for an address is not fetched.
2. A schema stands bare in `response_format`. A reply that must be JSON is not streamed: it cannot be.
3. To force one tool, only that one is sent, and a call is required.
4. Without `max_tokens` most models stop after 256, in mid-sentence, and nothing says so. So MAX_TOKENS goes
   along where the caller sets none.
Some models leave out the answer when they are asked to stream here; their row drops `stream`.

Read: an envelope with the result, or server-sent events without one; see cloudflare_reply.py.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from racer_adapters.cloudflare_reply import RULES, Results, read_models
from racer_adapters.decoding import event_decoder
from racer_adapters.dialect import Dialect, Listing
from racer_adapters.refusals import classify
from racer_adapters.request import given, post, settled
from racer_adapters.turns import text_of, with_tool
from racer_adapters.types import ImagePart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from racer_adapters.dialect import Decoder
    from racer_adapters.types import (
        Call,
        Message,
        Part,
        Shape,
        Target,
        Tool,
        ToolCall,
        ToolChoice,
        WireRequest,
    )

MAX_TOKENS = 2048  # enough for a whole answer, and little beside the context of any model
OURS = frozenset({"messages", "stream"})
CHOICES = {"auto": "auto", "none": "none", "required": "required", "named": "required"}


def encode(call: Call, target: Target) -> WireRequest:
    """Raises TypeError where `extra` or a schema holds what JSON cannot."""
    fields = given(
        messages=_messages(call.messages),
        max_tokens=MAX_TOKENS if call.max_tokens is None else call.max_tokens,
        temperature=call.temperature,
        top_p=call.top_p,
        seed=call.seed,
        tools=[_tool(tool) for tool in _offered(call)],
        tool_choice=None if call.tool_choice is None else CHOICES[call.tool_choice.mode],
        response_format=_response_format(call.shape),
        stream=(call.stream and call.shape is None) or None,
    )
    ours = OURS if call.max_tokens is not None else OURS | {"max_tokens"}
    body, dropped = settled(fields, call.extra, target, ours)
    path = f"/run/{quote(target.model, safe='/@:')}"
    return post(target, path, body, (*dropped, *_unsaid(call)))


def _unsaid(call: Call) -> Iterator[str]:
    """What was asked for and has no words in this dialect."""
    if call.stop:
        yield "stop"
    pictures = [part for message in call.messages for part in message.content if isinstance(part, ImagePart)]
    if not all(_is_sent(part) for part in pictures):
        yield "image_url"
    if any(part.detail for part in pictures):
        yield "detail"
    if any(message.name for message in call.messages if message.role != "tool"):
        yield "name"
    if any(tool.strict for tool in call.tools):
        yield "strict"


def _is_sent(part: Part) -> bool:
    return not isinstance(part, ImagePart) or part.url.startswith("data:")


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [_message(message, tool) for message, tool in with_tool(messages)]


def _message(message: Message, tool: str | None) -> dict[str, Any]:
    return {
        "role": message.role,
        "content": _content(message),
        **given(
            tool_calls=[_tool_call(call) for call in message.tool_calls],
            tool_call_id=message.tool_call_id,
            name=tool,
        ),
    }


def _content(message: Message) -> str | list[dict[str, Any]]:
    sent = [part for part in message.content if not isinstance(part, str) and _is_sent(part)]
    if any(isinstance(part, ImagePart) for part in sent):
        return [_part(part) for part in sent]
    return text_of(message)


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": {"url": part.url}}
    return {"type": "text", "text": part.text}


def _tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _offered(call: Call) -> Sequence[Tool]:
    choice: ToolChoice | None = call.tool_choice
    if choice is None or choice.mode != "named":
        return call.tools
    return [tool for tool in call.tools if tool.name == choice.name]


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, **given(description=tool.description)}
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    return {"type": "function", "function": function}


def _response_format(shape: Shape | None) -> dict[str, Any] | None:
    if shape is None:
        return None
    if shape.kind == "json":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": shape.schema or {}}


def _decoder() -> Decoder:
    return event_decoder(Results(), RULES)


CLOUDFLARE = Dialect(
    name="cloudflare",
    encode=encode,
    decoder=_decoder,
    classify=partial(classify, RULES),
    listing=Listing(paths=("/models/search?task=Text%20Generation&per_page=1000",), read=read_models),
)
