"""Parts of a conversation in the forms that dialects other than OpenAI's want them in."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from racer_adapters.jsontext import NotJson, as_object, parse
from racer_adapters.types import ImagePart, TextPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from racer_adapters.types import Message, ToolCall


def text_of(message: Message) -> str:
    """What a message says in words; its pictures are left out."""
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text for part in message.content if isinstance(part, TextPart))


def system_text(messages: Iterable[Message]) -> str:
    """All system messages as one text, wherever they stand."""
    texts = (text_of(message) for message in messages if message.role == "system")
    return "\n\n".join(text for text in texts if text.strip())


def with_tool(messages: Iterable[Message]) -> Iterator[tuple[Message, str | None]]:
    """Each message; with the result of a tool its name, which OpenAI's form says only in the call before it.

    An id may come again in a later turn: some servers number the calls of each reply anew.
    """
    names: dict[str, str] = {}
    for message in messages:
        names.update((call.id, call.name) for call in message.tool_calls)
        name = names.get(message.tool_call_id or "", message.name)
        yield message, name if message.role == "tool" else None


def arguments_object(call: ToolCall) -> dict[str, Any]:
    """The arguments as an object; what a model wrote that is none goes along as a text, and nothing as {}."""
    if not call.arguments.strip():
        return {}
    try:
        arguments = parse(call.arguments.encode())
    except NotJson:
        arguments = None
    return as_object(arguments) if isinstance(arguments, dict) else {"input": call.arguments}


def picture_data(part: ImagePart) -> tuple[str, str] | None:
    """Media type and base64 of a `data:` URL; None for a picture by address. No type said is PNG."""
    if not part.url.startswith("data:"):
        return None
    head, _, data = part.url.removeprefix("data:").partition(",")
    kind = head.partition(";")[0] or "image/png"
    if head.endswith(";base64"):
        return kind, data
    return kind, base64.b64encode(unquote_to_bytes(data)).decode()
