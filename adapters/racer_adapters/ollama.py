"""The dialect of Ollama's own chat endpoint, local or in its cloud: JSON lines.

Sent: sampling goes into `options`; `think` and `keep_alive` only by the caller's `extra`, whose `options`
are merged with ours. Two things cannot be said in this dialect and are named in `dropped` when asked for:
`tool_choice` (but "none" is obeyed by sending no tools) and `image_url`, an image by address, which Ollama
does not fetch: an answer to such a request has not seen the image.
Read: text and `thinking` line by line; a line `{"error": …}` may come at any time; `done` ends it.
"""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from racer_adapters import bodies
from racer_adapters.decoding import line_decoder
from racer_adapters.dialect import Dialect, Listing
from racer_adapters.errors import Kind
from racer_adapters.jsontext import NotJson, as_count, as_list, as_object, as_text, dump, parse
from racer_adapters.ollama_server import PATHS, read_installed
from racer_adapters.refusals import COMMON, Rules, classify, in_band, rows
from racer_adapters.request import given, post, settled
from racer_adapters.thinking import Thinking
from racer_adapters.turns import with_tool
from racer_adapters.types import End, Finish, FinishReason, ImagePart, Reasoning, TextPart, ToolDelta, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from racer_adapters.dialect import Decoder, Event
    from racer_adapters.types import Call, Message, Shape, Target, Tool, ToolCall, WireRequest

RULES: Rules = (
    *rows(Kind.QUOTA, (429,), "usage limit"),
    *rows(Kind.DENIED, (403,), "subscription"),
    *rows(Kind.NO_MODEL, (400,), "does not support chat", "does not support generate"),
    *rows(Kind.NO_MODEL, (404,), "model & not found"),
    # Memory may be free again in a moment, and a smaller model may fit now.
    *rows(Kind.OVERLOADED, (500,), "requires more system memory", "unable to load", model_only=True),
    *COMMON,
)

OURS = frozenset({"model", "messages", "stream"})
REASONS: dict[str, FinishReason] = {"": "stop", "stop": "stop", "length": "length"}


def encode(call: Call, target: Target) -> WireRequest:
    """Raises TypeError where `extra` or a schema holds what JSON cannot."""
    sampling = given(
        num_predict=call.max_tokens,
        temperature=call.temperature,
        top_p=call.top_p,
        seed=call.seed,
        stop=call.stop,
    )
    options, undone = settled(sampling, as_object(call.extra.get("options")), target)
    silenced = call.tool_choice is not None and call.tool_choice.mode == "none"
    fields = given(
        model=target.model,
        messages=_messages(call.messages),
        tools=[] if silenced else [_tool(tool) for tool in call.tools],
        stream=call.stream,
        format=_format(call.shape),
        options=options,
    )
    extra = {name: value for name, value in call.extra.items() if name != "options"}
    body, dropped = settled(fields, extra, target, OURS)
    return post(target, "/api/chat", body, (*dropped, *undone, *_unsaid(call)))


def _unsaid(call: Call) -> Iterator[str]:
    """What was asked for and has no words in this dialect."""
    if call.tool_choice is not None and call.tool_choice.mode in ("required", "named"):
        yield "tool_choice"
    parts = (part for message in call.messages for part in message.content)
    if any(isinstance(part, ImagePart) and not part.url.startswith("data:") for part in parts):
        yield "image_url"


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [_message(message, tool) for message, tool in with_tool(messages)]


def _message(message: Message, tool: str | None) -> dict[str, Any]:
    return {
        "role": message.role,
        "content": _text(message),
        **given(
            images=[*_images(message)],
            tool_calls=[_tool_call(call) for call in message.tool_calls],
            tool_name=tool,
        ),
    }


def _text(message: Message) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text for part in message.content if isinstance(part, TextPart))


def _images(message: Message) -> Iterator[str]:
    """The base64 of each `data:` URL."""
    for part in message.content:
        if isinstance(part, ImagePart) and part.url.startswith("data:"):
            kind, _, data = part.url.partition(",")
            yield data if kind.endswith(";base64") else base64.b64encode(unquote_to_bytes(data)).decode()


def _tool_call(call: ToolCall) -> dict[str, Any]:
    """Arguments are an object here; what a model wrote that is none goes along as a text."""
    try:
        arguments = parse(call.arguments.encode())
    except NotJson:
        arguments = None
    if not isinstance(arguments, dict):
        arguments = {"input": call.arguments}
    return {"function": {"name": call.name, "arguments": as_object(arguments)}}


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, **given(description=tool.description)}
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    return {"type": "function", "function": function}


def _format(shape: Shape | None) -> Mapping[str, Any] | str | None:
    if shape is None:
        return None
    return shape.schema if shape.kind == "schema" else "json"


class Chat:
    """Reads one reply, line by line."""

    __slots__ = ("_calls", "_thinking")

    complete = False

    def __init__(self) -> None:
        self._thinking = Thinking()
        self._calls = 0

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        if message.get("error"):
            return [in_band(RULES, bodies.in_json(message))]
        said = as_object(message.get("message"))
        thought, text = as_text(said.get("thinking")), as_text(said.get("content"))
        events: list[Event] = [Reasoning(thought)] if thought else []
        if text:
            events += self._thinking.feed(text)
        if "tool_calls" in said:
            events += [self._tool(as_object(call)) for call in as_list(said["tool_calls"])]
        if message.get("done") is True:
            events += self._done(message)
        return events

    def end(self) -> Sequence[Event]:
        return [*self._thinking.close(), End()]

    def _tool(self, call: dict[str, Any]) -> ToolDelta:
        function = as_object(call.get("function"))
        arguments = function.get("arguments")
        self._calls += 1
        return ToolDelta(
            index=self._calls - 1,
            id=as_text(call.get("id")),
            name=as_text(function.get("name")),
            arguments=arguments if isinstance(arguments, str) else dump(arguments or {}),
        )

    def _done(self, message: dict[str, Any]) -> list[Event]:
        """Counts of zero are left out by the server; none at all means that nobody counted."""
        events: list[Event] = []
        if "prompt_eval_count" in message or "eval_count" in message:
            counts = as_count(message.get("prompt_eval_count")), as_count(message.get("eval_count"))
            events.append(Usage(input_tokens=counts[0], output_tokens=counts[1]))
        reason = REASONS.get(as_text(message.get("done_reason")), "other")
        events.append(Finish("tool_calls" if self._calls and reason == "stop" else reason))
        return [*events, *self.end()]


def _decoder() -> Decoder:
    return line_decoder(Chat(), RULES)


OLLAMA = Dialect(
    name="ollama",
    encode=encode,
    decoder=_decoder,
    classify=partial(classify, RULES),
    listing=Listing(paths=PATHS, read=read_installed),
)
