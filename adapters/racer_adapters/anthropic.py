"""The dialect of Anthropic's Messages.

Sent, where it differs from what was asked:
1. System messages are gathered into `system`, wherever they stand. A conversation that has nothing else is
   asked as the user's.
2. Turns of one role in a row become one, since the results of tools must come together. Blank texts are
   left out, for they are refused; so are stop sequences of white space alone.
3. `max_tokens` is required: MAX_TOKENS where the caller sets none.
4. The version VERSION of the API has no `temperature` and no `top_p`. A row whose models still take them
   names an older version in its headers, as in `anthropic-version = "2023-06-01"`, and what those models
   refuse in its `drops`. A temperature above 1 is sent as 1.
5. There is no JSON mode: it is asked for in `system`. So is a schema that leaves an object open. Any other
   goes into `output_config`, with which the caller's own in `extra` is merged.
6. Ids of tool calls that another provider made are spelled with the letters allowed here; one that comes
   again in a later turn, as with servers that number the calls of each reply anew, is made another.
`thinking` is sent only by the caller's `extra`. Read: see anthropic_reply.py.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson

from racer_adapters import limits
from racer_adapters.anthropic_reply import Messages
from racer_adapters.anthropic_schema import closed
from racer_adapters.decoding import event_decoder
from racer_adapters.dialect import Dialect
from racer_adapters.errors import Kind
from racer_adapters.jsontext import as_object
from racer_adapters.refusals import COMMON, Rules, classify, rows
from racer_adapters.request import given, post, settled
from racer_adapters.turns import arguments_object, picture_data, system_text
from racer_adapters.types import ImagePart, TextPart

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

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

VERSION = "2026-10-21"
MAX_TOKENS = 16_384  # every model of today allows it, and a whole answer of that length takes some minutes

RULES: Rules = (
    # A limit that the customer has set for itself, by the month; and an account that was closed.
    *rows(Kind.CREDIT, (400,), "reached your specified api usage limits"),
    *rows(Kind.AUTH, (400,), "organization has been disabled"),
    # Too much for this model, or for this account: smaller ones go on.
    *rows(
        Kind.TOO_LONG, (400, 429),
        "exceed context limit", "maximum allowed number of output tokens", "for long context requests",
    ),
    *rows(Kind.BLOCKED, (400,), "content filtering policy"),
    *COMMON,
    # Its limits by the minute are each model's own.
    *rows(Kind.RATE, (429,), "requests per minute", "tokens per minute", model_only=True),
)  # fmt: skip

OURS = frozenset({"model", "messages", "stream"})
RENAMES = {"stop": "stop_sequences"}
CHOICES = {"auto": "auto", "none": "none", "required": "any", "named": "tool"}

_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")
_IN_WORDS = "Answer with one JSON object and nothing else: no explanation, no code fence."
_FITTING = "Answer with JSON that fits this schema and nothing else: no explanation, no code fence.\n"


def encode(call: Call, target: Target) -> WireRequest:
    """Raises TypeError where `extra` or a schema holds what JSON cannot."""
    target = _completed(target)
    sampling = _sampling(call, target.headers["anthropic-version"])
    system, turns = _conversation(call)
    fields = given(
        model=target.model,
        max_tokens=MAX_TOKENS if call.max_tokens is None else call.max_tokens,
        system=system,
        messages=turns,
        **sampling,
        stop=[stop for stop in call.stop if stop.strip()],
        tools=[_tool(tool) for tool in call.tools],
        tool_choice=_tool_choice(call.tool_choice),
        output_config={**_format(call.shape), **as_object(call.extra.get("output_config"))},
        stream=call.stream or None,
    )
    extra = {name: value for name, value in call.extra.items() if name != "output_config"}
    ours = OURS if call.max_tokens is not None else OURS | {"max_tokens"}
    body, dropped = settled(fields, extra, target, ours)
    return post(target, "/v1/messages", body, (*dropped, *_unsaid(call, sampling)))


def _completed(target: Target) -> Target:
    """The target with this dialect's names and version, where its row says nothing else."""
    headers = {name.lower(): value for name, value in target.headers.items()}
    return replace(
        target,
        headers={"anthropic-version": VERSION, **headers},
        renames={**RENAMES, **target.renames},
    )


def _sampling(call: Call, version: str) -> dict[str, float]:
    """Versions are dates, so that they compare."""
    if version >= VERSION:
        return {}
    warmth = None if call.temperature is None else min(call.temperature, 1.0)
    return given(temperature=warmth, top_p=call.top_p)


def _unsaid(call: Call, sampling: Mapping[str, float]) -> Iterator[str]:
    """What was asked for and has no words in this dialect, or in this version of it."""
    for name, asked in (("temperature", call.temperature), ("top_p", call.top_p)):
        if asked is not None and name not in sampling:
            yield name
    if call.seed is not None:
        yield "seed"
    if any(not stop.strip() for stop in call.stop):
        yield "stop"
    if any(message.name for message in call.messages if message.role != "tool"):
        yield "name"
    pictures = [(m.role, part) for m in call.messages for part in m.content if isinstance(part, ImagePart)]
    if any(role == "system" for role, _ in pictures):
        yield "image_url"
    if any(part.detail for _, part in pictures):
        yield "detail"


def _conversation(call: Call) -> tuple[str, list[dict[str, Any]]]:
    """The system text, and the turns."""
    system, turns = system_text(call.messages), _turns(call.messages)
    if not turns:
        system, turns = "", [{"role": "user", "content": system}]
    return "\n\n".join(text for text in (system, _asked_in_words(call.shape)) if text), turns


def _turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    turns: list[tuple[str, list[dict[str, Any]]]] = []
    for message in _with_own_ids(messages):
        blocks = [] if message.role == "system" else [*_blocks(message)]
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((role, blocks))
    return [{"role": role, "content": _shortest(blocks)} for role, blocks in turns]


def _blocks(message: Message) -> Iterator[dict[str, Any]]:
    content = _content(message.content)
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": message.tool_call_id}
        yield {**result, **given(content=_shortest(content))}
        return
    yield from content
    for call in message.tool_calls:
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_object(call)}


def _content(content: str | tuple[Part, ...]) -> list[dict[str, Any]]:
    parts = (TextPart(content),) if isinstance(content, str) else content
    return [_block(part) for part in parts if isinstance(part, ImagePart) or part.text.strip()]


def _block(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    data = picture_data(part)
    if data is None:
        return {"type": "image", "source": {"type": "url", "url": part.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": data[0], "data": data[1]}}


def _shortest(blocks: list[dict[str, Any]]) -> Any:
    """A single text by itself, without the block around it."""
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0]["type"] == "text" else blocks


def _with_own_ids(messages: Sequence[Message]) -> Iterator[Message]:
    """Each call with an id of its own, and each result with that of the last call that it can mean."""
    sent: dict[str, str] = {}
    taken: set[str] = set()
    for message in messages:
        calls: list[ToolCall] = []
        for call in message.tool_calls:
            sent[call.id] = _id(call.id, taken)
            taken.add(sent[call.id])
            calls.append(replace(call, id=sent[call.id]))
        asked = message.tool_call_id or ""
        yield replace(message, tool_calls=tuple(calls), tool_call_id=sent.get(asked) or _id(asked, ()))


def _id(id_: str, taken: Collection[str]) -> str:
    spelled = _NOT_IN_IDS.sub("_", id_) or "_"
    free = (each for number in count(2) if (each := f"{spelled}_{number}") not in taken)
    return next(free) if spelled in taken else spelled


def _tool(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        **given(description=tool.description, strict=tool.strict),
        "input_schema": {"type": "object", **(tool.parameters or {})},
    }


def _tool_choice(choice: ToolChoice | None) -> dict[str, Any] | None:
    return None if choice is None else {"type": CHOICES[choice.mode], **given(name=choice.name)}


def _format(shape: Shape | None) -> Mapping[str, Any]:
    schema = _grammar(shape)
    return {} if schema is None else {"format": {"type": "json_schema", "schema": schema}}


def _grammar(shape: Shape | None) -> dict[str, Any] | None:
    return None if shape is None or shape.schema is None else closed(shape.schema)


def _asked_in_words(shape: Shape | None) -> str:
    if shape is None or _grammar(shape) is not None:
        return ""
    return _IN_WORDS if shape.schema is None else _FITTING + orjson.dumps(shape.schema).decode()


def _decoder() -> Decoder:
    return event_decoder(Messages(RULES), RULES)


ANTHROPIC = Dialect(
    name="anthropic",
    encode=encode,
    decoder=_decoder,
    classify=partial(classify, RULES),
    limits=limits.ANTHROPIC,
)
