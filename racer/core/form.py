"""How a call asks for a value: in the strongest form that the model it goes to can take.

Rule 1: a schema of the provider's own, then JSON mode with the schema in words, then words alone.
Rule 2: words alone where tools may be called: several providers refuse a form beside tools.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from racer_adapters.jsontext import dump
from racer_adapters.types import Message, Shape, TextPart

if TYPE_CHECKING:
    from racer.core.into import Into
    from racer_adapters.types import Call

_ASKED = (
    "Your answer must be one JSON value that fits the JSON schema below, and nothing else: "
    "no explanation before or after it, no code fence.\n"
)


def formed(call: Call, into: Into, can: frozenset[str]) -> Call:
    """`call` as it asks a model with the abilities `can` for what `into` wants."""
    fixed = _is_object(into.shape) and not call.tools
    if fixed and "schema" in can:
        return replace(call, shape=into.shape)
    messages = _instructed(call.messages, _ASKED + dump(into.shape.schema))
    return replace(call, messages=messages, shape=Shape("json") if fixed and "json" in can else None)


def _is_object(shape: Shape) -> bool:
    """JSON modes know objects alone, and so do most providers' schemas."""
    return shape.schema is not None and shape.schema.get("type") == "object"


def _instructed(messages: tuple[Message, ...], words: str) -> tuple[Message, ...]:
    """In the first system message, for some models read one alone."""
    for place, message in enumerate(messages):
        if message.role == "system":
            return (*messages[:place], _extended(message, words), *messages[place + 1 :])
    return (Message("system", words), *messages)


def _extended(message: Message, words: str) -> Message:
    content = message.content
    if isinstance(content, str):
        return replace(message, content=f"{content}\n\n{words}" if content else words)
    return replace(message, content=(*content, TextPart(words)))
