"""The dialect of Google's Gemini API: generateContent, and streamGenerateContent as server-sent events.

Sent, where it differs from what was asked:
1. System messages are gathered into `systemInstruction`, wherever they stand. A row whose models refuse that
   (Gemma's) drops it: then the user's first turn begins with them. So does a conversation of nothing else.
2. Sampling and the form of the reply go into `generationConfig`, with which the caller's own in `extra` is
   merged.
3. The results of tools that stand together are one turn. A result that is no JSON object becomes one.
4. The model signs its calls of tools, and refuses a conversation in which the first call of a turn comes back
   without its signature. Calls that another model made have none, so they get the word that Google has for
   those. A row whose models know no signatures drops `thoughtSignature`.
5. The key goes into a header and never into the address, where it would be logged.
Read: see gemini_reply.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from racer_adapters.decoding import event_decoder
from racer_adapters.dialect import Dialect, Listing
from racer_adapters.gemini_reply import RULES, Candidates, read_models
from racer_adapters.jsontext import NotJson, as_object, parse
from racer_adapters.refusals import classify
from racer_adapters.request import given, post, settled
from racer_adapters.turns import arguments_object, picture_data, system_text, text_of, with_tool
from racer_adapters.types import ImagePart, TextPart

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

KEY_HEADER = "x-goog-api-key"
SIGNED_BY_NOBODY = "skip_thought_signature_validator"
SIGNATURE = "thoughtSignature"
SYSTEM = "systemInstruction"
OURS = frozenset({SYSTEM, "contents", "generationConfig"})
RENAMES = {"max_tokens": "maxOutputTokens", "top_p": "topP", "stop": "stopSequences"}
MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}
IMAGE_TYPES = {
    "gif": "image/gif", "heic": "image/heic", "heif": "image/heif", "jpeg": "image/jpeg",
    "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp",
}  # fmt: skip


def encode(call: Call, target: Target) -> WireRequest:
    """Raises TypeError where `extra` or a schema holds what JSON cannot."""
    generation, undone = settled(
        {**_sampling(call), **_form(call.shape)},
        as_object(call.extra.get("generationConfig")),
        replace(target, renames={**RENAMES, **target.renames}),
    )
    system, contents = _conversation(call.messages, target)
    fields = given(
        **{SYSTEM: system},
        contents=contents,
        tools=_tools(call.tools),
        toolConfig=_tool_config(call.tool_choice),
        generationConfig=generation,
    )
    extra = {name: value for name, value in call.extra.items() if name != "generationConfig"}
    body, dropped = settled(fields, extra, target, OURS)
    path = _path(target.model, stream=call.stream)
    return post(target, path, body, (*dropped, *undone, *_unsaid(call)), KEY_HEADER)


def _path(model: str, *, stream: bool) -> str:
    """Google's own names say what they are: models/… or tunedModels/…; a bare one is a model's."""
    name = quote(model if "/" in model else f"models/{model}", safe="/@")
    return f"/{name}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"


def _sampling(call: Call) -> dict[str, Any]:
    return given(
        max_tokens=call.max_tokens,
        temperature=call.temperature,
        top_p=call.top_p,
        seed=call.seed,
        stop=call.stop,
    )


def _form(shape: Shape | None) -> dict[str, Any]:
    if shape is None:
        return {}
    return given(responseMimeType="application/json", responseJsonSchema=shape.schema)


def _unsaid(call: Call) -> Iterator[str]:
    """What was asked for and has no words in this dialect."""
    pictures = [(m.role, part) for m in call.messages for part in m.content if isinstance(part, ImagePart)]
    if any(role in ("system", "tool") for role, _ in pictures):
        yield "image_url"
    if any(part.detail for _, part in pictures):
        yield "detail"
    if any(message.name for message in call.messages if message.role != "tool"):
        yield "name"
    if any(tool.strict for tool in call.tools):
        yield "strict"


# ---------------------------------------------------------------- the conversation


def _conversation(
    messages: Sequence[Message], target: Target
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The system instruction, and the turns."""
    text, contents = system_text(messages), _contents(messages, signed=SIGNATURE not in target.drops)
    if not text:
        return None, contents
    parts = [{"text": text}]
    if contents and SYSTEM not in target.drops:
        return {"parts": parts}, contents
    if contents and contents[0]["role"] == "user":
        return None, [{"role": "user", "parts": [*parts, *contents[0]["parts"]]}, *contents[1:]]
    return None, [{"role": "user", "parts": parts}, *contents]


def _contents(messages: Sequence[Message], *, signed: bool) -> list[dict[str, Any]]:
    spoken = [pair for pair in with_tool(messages) if pair[0].role != "system"]
    contents: list[dict[str, Any]] = []
    for results, group in groupby(spoken, key=lambda pair: pair[0].role == "tool"):
        if results:
            contents.append({"role": "user", "parts": [_result(message, tool) for message, tool in group]})
        else:
            contents += [_content(message, signed=signed) for message, _ in group]
    return contents


def _content(message: Message, *, signed: bool) -> dict[str, Any]:
    said = (TextPart(message.content),) if isinstance(message.content, str) else message.content
    parts = [_part(part) for part in said if isinstance(part, ImagePart) or part.text]
    parts += _calls(message.tool_calls, signed=signed)
    return {"role": "model" if message.role == "assistant" else "user", "parts": parts or [{"text": ""}]}


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"text": part.text}
    data = picture_data(part)
    if data is not None:
        return {"inlineData": {"mimeType": data[0], "data": data[1]}}
    return {"fileData": {"fileUri": part.url, **given(mimeType=_image_type(part.url))}}


def _image_type(url: str) -> str | None:
    """What the end of an address says of it: the name of a file, perhaps with more behind it."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return None
    return IMAGE_TYPES.get(path.rpartition(".")[2].lower())


def _calls(calls: Sequence[ToolCall], *, signed: bool) -> Iterator[dict[str, Any]]:
    for place, call in enumerate(calls):
        made = {"id": call.id, "name": call.name, "args": arguments_object(call)}
        signature = call.signature or ("" if place else SIGNED_BY_NOBODY)
        yield {"functionCall": made, **({SIGNATURE: signature} if signed and signature else {})}


def _result(message: Message, tool: str | None) -> dict[str, Any]:
    id_ = message.tool_call_id or ""
    text = text_of(message)
    try:
        output = parse(text.encode())
    except NotJson:
        output = None
    response = as_object(output) if isinstance(output, dict) else {"output": text}
    return {"functionResponse": {"id": id_, "name": tool or id_, "response": response}}


# ---------------------------------------------------------------- tools


def _tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    return [{"functionDeclarations": [_declaration(tool) for tool in tools]}] if tools else []


def _declaration(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, **given(description=tool.description, parametersJsonSchema=tool.parameters)}


def _tool_config(choice: ToolChoice | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    allowed = [choice.name] if choice.mode == "named" else []
    return {"functionCallingConfig": {"mode": MODES[choice.mode], **given(allowedFunctionNames=allowed)}}


def _decoder() -> Decoder:
    return event_decoder(Candidates(), RULES)


GEMINI = Dialect(
    name="gemini",
    encode=encode,
    decoder=_decoder,
    classify=partial(classify, RULES),
    listing=Listing(paths=("/models?pageSize=1000",), read=read_models, key_header=KEY_HEADER),
)
