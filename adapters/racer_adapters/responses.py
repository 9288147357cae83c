"""The dialect of `/responses`: Perplexity's Agent API, which is OpenAI's Responses with fields of its own.

Sent: what Perplexity's own client sends. System messages become `instructions`, everything else an item of
`input`. JSON of any shape is asked for as a schema that every object fits. `stop` and `seed` cannot be
said. Presets, models to fall back to and the provider's own tools come by the caller's `extra`.
Read: typed events. The text is what the deltas give; `.done` and the response at the end repeat it, so they
are read for what no delta gave. Thoughts of the search steps are reasoning. `response.completed` or
`response.incomplete` is the end; `[DONE]` without one of them is a stream cut off.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from racer_adapters import bodies
from racer_adapters.decoding import event_decoder
from racer_adapters.dialect import Dialect
from racer_adapters.errors import Kind, WireError
from racer_adapters.jsontext import as_count, as_list, as_number, as_object, as_text
from racer_adapters.refusals import COMMON, Rules, classify, in_band, rows
from racer_adapters.request import given, post, settled
from racer_adapters.thinking import Thinking
from racer_adapters.turns import system_text, text_of, with_tool
from racer_adapters.types import (
    End,
    Finish,
    FinishReason,
    ImagePart,
    Reasoning,
    Refusal,
    ToolDelta,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from racer_adapters.dialect import Decoder, Event
    from racer_adapters.types import Call, Message, Part, Shape, Target, Tool, ToolChoice, WireRequest

RULES: Rules = (
    # The key is good and the door is shut: another address, or another model, is needed.
    *rows(Kind.NO_MODEL, (400, 403), "chat_completions_not_available", "agent_api_migration_required"),
    *rows(Kind.NO_MODEL, (400,), "validation failed: model & is not supported"),
    *rows(Kind.CREDIT, (401,), "insufficient_quota"),
    *COMMON,
)

OURS = frozenset({"model", "input", "stream"})
ANY_OBJECT = {"type": "object"}
CUT_SHORT: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
UNFINISHED = frozenset({"queued", "in_progress"})

# ---------------------------------------------------------------- what is asked


def encode(call: Call, target: Target) -> WireRequest:
    """Raises TypeError where `extra` or a schema holds what JSON cannot."""
    system = system_text(call.messages)
    items = [item for message, tool in with_tool(call.messages) for item in _items(message, tool)]
    fields = given(
        model=target.model,
        input=items or [_said("system", system)],
        instructions=system if items else None,
        max_output_tokens=call.max_tokens,
        temperature=call.temperature,
        top_p=call.top_p,
        tools=[_tool(tool) for tool in call.tools],
        tool_choice=_tool_choice(call.tool_choice),
        response_format=_response_format(call.shape),
        stream=call.stream or None,
    )
    body, dropped = settled(fields, call.extra, target, OURS)
    unsaid = given(stop=call.stop, seed=call.seed)
    return post(target, "/responses", body, (*dropped, *unsaid))


def _items(message: Message, tool: str | None) -> Iterator[dict[str, Any]]:
    """What one message is made of; a system message, of nothing: it stands in the instructions."""
    if message.role == "tool":
        item = {"type": "function_call_output", "call_id": message.tool_call_id or ""}
        yield item | {"output": text_of(message)} | given(name=tool)
    elif message.role == "user":
        parts = message.content
        yield _said("user", parts if isinstance(parts, str) else [_part(part) for part in parts])
    elif message.role == "assistant":
        if text_of(message):
            yield _said("assistant", text_of(message))
        for call in message.tool_calls:
            item = {"type": "function_call", "call_id": call.id, "name": call.name}
            yield item | {"arguments": call.arguments} | given(thought_signature=call.signature)


def _said(role: str, content: str | list[dict[str, str]]) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


def _part(part: Part) -> dict[str, str]:
    if isinstance(part, ImagePart):
        return {"type": "input_image", "image_url": part.url}
    return {"type": "input_text", "text": part.text}


def _tool(tool: Tool) -> dict[str, Any]:
    """Flat, unlike the tools of chat completions."""
    flat = {"type": "function", "name": tool.name, **given(description=tool.description, strict=tool.strict)}
    return flat if tool.parameters is None else {**flat, "parameters": tool.parameters}


def _tool_choice(choice: ToolChoice | None) -> Any:
    if choice is None or choice.mode != "named":
        return choice and choice.mode
    return {"type": "function", "name": choice.name}


def _response_format(shape: Shape | None) -> dict[str, Any] | None:
    if shape is None:
        return None
    schema = ANY_OBJECT if shape.kind == "json" else shape.schema or {}
    form = {"name": shape.name, "schema": schema, **given(strict=shape.strict)}
    return {"type": "json_schema", "json_schema": form}


# ---------------------------------------------------------------- what comes back


class Responses:
    """Reads one reply, streamed or whole."""

    __slots__ = ("_calls", "_refused", "_spoke", "_thinking", "_thought")

    complete = False

    def __init__(self) -> None:
        self._thinking = Thinking()
        self._calls: dict[str, bool] = {}
        self._spoke = False
        self._thought = False
        self._refused = False

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        kind = as_text(message.get("type")) or name
        if kind.endswith(".delta"):
            return self._delta(kind, message)
        if kind in ("response.output_item.added", "response.output_item.done"):
            item = as_object(message.get("item"))
            return self._call(item, whole=kind.endswith("done")) if _is_call(item) else ()
        if kind.startswith("response.reasoning."):
            return self._thoughts(as_text(message.get("thought")))
        if kind in ("response.completed", "response.incomplete", "response.cancelled"):
            return self._response(as_object(message.get("response")))
        return self._other(kind, message)

    def end(self) -> Sequence[Event]:
        return [WireError(Kind.TRUNCATED, "the stream ended before the response was completed")]

    def _other(self, kind: str, message: dict[str, Any]) -> Sequence[Event]:
        failed = as_object(message.get("response")) if kind == "response.failed" else message
        error = message.get("error") or failed.get("error")
        if error or kind in ("error", "response.failed"):
            said = error or message.get("message") or "the response has failed"
            return [in_band(RULES, bodies.in_json({"error": said, "code": message.get("code")}))]
        return self._response(message) if "output" in message else ()

    def _delta(self, kind: str, message: dict[str, Any]) -> Sequence[Event]:
        delta = as_text(message.get("delta"))
        if not delta:
            return ()
        if kind == "response.function_call_arguments.delta":
            return self._arguments(as_text(message.get("item_id")), delta)
        if "reasoning" in kind:
            return self._thoughts(delta)
        if kind not in ("response.output_text.delta", "response.refusal.delta"):
            return ()
        self._spoke = True
        return self._refusal(delta) if "refusal" in kind else self._thinking.feed(delta)

    def _refusal(self, text: str) -> Sequence[Event]:
        self._refused = True
        return [Refusal(text)]

    def _thoughts(self, text: str) -> Sequence[Event]:
        self._thought = self._thought or text != ""
        return [Reasoning(text)] if text else ()

    def _arguments(self, item: str, delta: str) -> Sequence[Event]:
        if item not in self._calls:
            return ()
        self._calls[item] = True
        return [ToolDelta([*self._calls].index(item), arguments=delta)]

    def _call(self, item: dict[str, Any], *, whole: bool) -> Sequence[Event]:
        """A call of a tool, of which deltas may have given the arguments already."""
        id_ = as_text(item.get("id")) or as_text(item.get("call_id"))
        told = self._calls.setdefault(id_, False)
        self._calls[id_] = told or whole
        if told:
            return ()
        return [
            ToolDelta(
                [*self._calls].index(id_),
                as_text(item.get("call_id")) or id_,
                as_text(item.get("name")),
                as_text(item.get("arguments")) if whole else "",
                as_text(item.get("thought_signature")),
            )
        ]

    def _response(self, response: dict[str, Any]) -> Sequence[Event]:
        """The response as it stands at the end: whatever has not been said yet, and how it ended."""
        status = as_text(response.get("status"))
        if response.get("error") or status in ("failed", "cancelled"):
            error = response.get("error") or {"message": f"the response is {status}"}
            return [in_band(RULES, bodies.in_json({"error": error}))]
        if status in UNFINISHED:
            return [WireError(Kind.MALFORMED, f"a response that is still {status}")]
        events = [event for item in as_list(response.get("output")) for event in self._item(as_object(item))]
        usage, finish = _usage(as_object(response.get("usage"))), self._finish(status, response)
        return [*events, *self._thinking.close(), *usage, Finish(finish), End()]

    def _item(self, item: dict[str, Any]) -> Sequence[Event]:
        if _is_call(item):
            return self._call(item, whole=True)
        if item.get("type") == "reasoning" and not self._thought:
            parts = as_list(item.get("content")) or as_list(item.get("summary"))
            text = "".join(as_text(as_object(part).get("text")) for part in parts)
            return [Reasoning(text)] if text else ()
        if item.get("type") != "message" or self._spoke:
            return ()
        return [event for part in as_list(item.get("content")) for event in self._part(as_object(part))]

    def _part(self, part: dict[str, Any]) -> Sequence[Event]:
        text, refusal = as_text(part.get("text")), as_text(part.get("refusal"))
        if refusal and not text:
            return self._refusal(refusal)
        return self._thinking.feed(text) if text else ()

    def _finish(self, status: str, response: dict[str, Any]) -> FinishReason:
        if status == "incomplete":
            reason = as_object(response.get("incomplete_details")).get("reason")
            return CUT_SHORT.get(as_text(reason), "other")
        if self._refused:
            return "content_filter"
        return "tool_calls" if self._calls else "stop"


def _is_call(item: dict[str, Any]) -> bool:
    return item.get("type") == "function_call"


def _usage(usage: dict[str, Any]) -> list[Event]:
    cost = as_number(as_object(usage.get("cost")).get("total_cost"))
    said = Usage(
        input_tokens=as_count(usage.get("input_tokens")),
        output_tokens=as_count(usage.get("output_tokens")),
        usd=cost if cost is not None and cost >= 0 else None,
    )
    return [] if said == Usage() else [said]


def _decoder() -> Decoder:
    return event_decoder(Responses(), RULES)


RESPONSES = Dialect(
    name="responses",
    encode=encode,
    decoder=_decoder,
    classify=partial(classify, RULES),
)
