"""The dialect of OpenAI's chat completions, which most providers and servers speak.

Sent: exactly what was asked, nothing that is None or empty; `stream_options` only with a stream. Providers
that want other names or fewer fields say so as data, in `Target.renames` and `Target.drops`.
An answer that is begun is the last message. Those who want it marked rename `begun`, as to `prefix`.
Read: see completions.py. Refusals: the rows below, then those that all dialects share.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from racer_adapters import limits
from racer_adapters.completions import Completions
from racer_adapters.decoding import event_decoder
from racer_adapters.dialect import Dialect, Listing
from racer_adapters.errors import Kind
from racer_adapters.jsontext import NotJson, as_list, as_object, as_text, parse_first
from racer_adapters.refusals import COMMON, Rules, classify, rows
from racer_adapters.request import given, post, settled
from racer_adapters.types import ImagePart, Installed

if TYPE_CHECKING:
    from collections.abc import Sequence

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

RULES: Rules = (
    # OpenAI and Groq limit each model by itself, and say which window closed in the text alone.
    *rows(Kind.TOO_LONG, (413, 429), "request too large"),
    *rows(Kind.QUOTA, (429,), "(rpd)", "(tpd)", model_only=True),
    # The model wrote JSON or a tool call that Groq itself threw away: no fault of the caller's.
    *rows(Kind.INVALID, (400,), "json_validate_failed", "tool_use_failed"),
    *rows(Kind.DENIED, (400,), "model_terms_required"),
    *rows(Kind.RATE, (402,), "in_flight_budget"),  # OpenRouter
    *rows(Kind.CREDIT, (403,), "key limit exceeded"),
    # Mistral and Gemini's compatible endpoint say "not for you" as a limit of zero.
    *rows(Kind.DENIED, (429,), "limit: 0,", "limit: 0 ", "x-ratelimit-limit-req-minute=0;"),
    *rows(Kind.QUOTA, (429,), "perday & permodel", model_only=True, least_wait=120.0),
    *rows(Kind.RATE, (429,), "perminute & permodel", model_only=True),
    # Perplexity, Fireworks, NVIDIA.
    *rows(Kind.NO_MODEL, (400, 403), "chat_completions_not_available", "agent_api_migration_required"),
    *rows(Kind.CREDIT, (412,), "suspended"),
    *rows(Kind.OVERLOADED, (400,), "degraded"),
    # Cloudflare's numbers.
    *rows(Kind.NO_MODEL, (400,), "code=5007;"),
    *rows(Kind.DENIED, (403,), "code=5016;", "code=5018;", "code=3023;", "code=3041;"),
    *rows(Kind.QUOTA, (429,), "code=3036;"),
    *rows(Kind.OVERLOADED, (429,), "code=3040;"),
    *rows(Kind.AUTH, (400,), "code=10000;"),
    *COMMON,
    # What is left of 429 and names a model, or comes from behind OpenRouter, closes that model alone.
    *rows(
        Kind.RATE, (429,),
        "rate limit reached for", "service tier capacity exceeded", "rate-limited upstream",
        "provider returned error", model_only=True,
    ),
)  # fmt: skip

OURS = frozenset({"model", "messages", "stream", "stream_options"})


def encode(call: Call, target: Target) -> WireRequest:
    """Raises TypeError where `extra` or a schema holds what JSON cannot."""
    fields = given(
        model=target.model,
        messages=[_message(message, target) for message in call.messages],
        max_tokens=call.max_tokens,
        temperature=call.temperature,
        top_p=call.top_p,
        stop=call.stop,
        seed=call.seed,
        tools=[_tool(tool) for tool in call.tools],
        tool_choice=_tool_choice(call.tool_choice),
        response_format=_response_format(call.shape),
        stream=call.stream or None,
        stream_options={"include_usage": True} if call.stream else None,
    )
    body, dropped = settled(fields, call.extra, target, OURS)
    return post(target, "/chat/completions", body, dropped)


def _message(message: Message, target: Target) -> dict[str, Any]:
    """An assistant's empty content goes along as "": some servers miss it, others refuse null."""
    parts = message.content
    content = parts if isinstance(parts, str) else [_part(part) for part in parts]
    sent: dict[str, Any] = {"role": message.role, "content": content}
    if message.name:
        sent["name"] = message.name
    if message.tool_calls:
        sent["tool_calls"] = [_tool_call(call) for call in message.tool_calls]
    if message.tool_call_id:
        sent["tool_call_id"] = message.tool_call_id
    if message.begun and (mark := target.renames.get("begun")):
        sent[mark] = True
    return sent


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": given(url=part.url, detail=part.detail)}
    return {"type": "text", "text": part.text}


def _tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, **given(description=tool.description, strict=tool.strict)}
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice | None) -> Any:
    if choice is None or choice.mode != "named":
        return choice and choice.mode
    return {"type": "function", "function": {"name": choice.name}}


def _response_format(shape: Shape | None) -> dict[str, Any] | None:
    if shape is None:
        return None
    if shape.kind == "json":
        return {"type": "json_object"}
    schema = {"name": shape.name, "schema": shape.schema or {}, **given(strict=shape.strict)}
    return {"type": "json_schema", "json_schema": schema}


def _decoder() -> Decoder:
    return event_decoder(Completions(RULES), RULES)


def _installed(bodies: Sequence[bytes]) -> tuple[Installed, ...]:
    """The ids in the server's order; nothing where the body is no list of models."""
    try:
        listed = parse_first(bodies[0]) if bodies else None
    except NotJson:
        return ()
    models = as_list(listed) or as_list(as_object(listed).get("data"))
    names = (as_text(as_object(model).get("id")) for model in models)
    return tuple(Installed(name) for name in names if name)


OPENAI = Dialect(
    name="openai",
    encode=encode,
    decoder=_decoder,
    classify=partial(classify, RULES),
    listing=Listing(paths=("/models",), read=_installed),
    limits=limits.OPENAI,
)
