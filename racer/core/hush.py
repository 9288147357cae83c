"""Prompts and replies are nobody's business: what a reason quotes of them is taken out."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from racer_adapters.types import TextPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from racer_adapters.types import Answer, Call, Message

LEAST = 20  # characters: what is shorter may stand in a reason by chance
PROMPT, REPLY = "[prompt]", "[reply]"
_ADDRESS = 1000  # characters of a picture's address: the rest is its data
_BLOCK = 10
_STEP = LEAST - _BLOCK + 1  # every quotation then holds one whole block


def hushed(reason: str, call: Call, answer: Answer) -> str:
    """`[prompt]` where it quotes at least `LEAST` characters of what was asked, `[reply]` of what came."""
    if len(reason) < LEAST:
        return reason
    return without(without(reason, tuple(_asked(call)), PROMPT), tuple(_said(answer)), REPLY)


def without(reason: str, texts: Sequence[str], instead: str) -> str:
    """Texts are looked for as they are, and in one line, as reasons are."""
    found = [form for text in texts for form in dict.fromkeys((text, " ".join(text.split())))]
    suspects = [(text, _starts(reason, text)) for text in found if len(text) >= LEAST]
    if not any(starts for _, starts in suspects):
        return reason
    kept: list[str] = []
    at = 0
    while at < len(reason):
        quoted = max((_quoted(reason, at, text) for text, starts in suspects if at in starts), default=0)
        kept.append(instead if quoted else reason[at])
        at += quoted or 1
    return "".join(kept)


def _starts(reason: str, text: str) -> set[int]:
    """Where a quotation could begin: a text of megabytes is gone through once, not for each letter."""
    blocks = {reason[at : at + _BLOCK] for at in range(len(reason) - _BLOCK + 1)}
    blocks.intersection_update(text[at : at + _BLOCK] for at in range(0, len(text) - _BLOCK + 1, _STEP))
    if not blocks:
        return set()
    ends = (at for at in range(len(reason)) if reason[at : at + _BLOCK] in blocks)
    return {start for at in ends for start in range(max(0, at - _STEP + 1), at + 1)}


def _quoted(reason: str, at: int, text: str) -> int:
    """How many characters from there on are of `text`, where that is enough to be a quotation."""
    least, most = LEAST, len(reason) - at
    if most < least or reason[at : at + least] not in text:
        return 0
    while least < most:
        middle = (least + most + 1) // 2
        if reason[at : at + middle] in text:
            least = middle
        else:
            most = middle - 1
    return least


def _asked(call: Call) -> Iterator[str]:
    return chain.from_iterable(map(_texts, call.messages))


def _texts(message: Message) -> Iterable[str]:
    yield from (call.arguments for call in message.tool_calls)
    if isinstance(message.content, str):
        yield message.content
        return
    for part in message.content:
        yield part.text if isinstance(part, TextPart) else part.url[:_ADDRESS]


def _said(answer: Answer) -> Iterator[str]:
    yield from (answer.text, answer.reasoning)
    for call in answer.tool_calls:
        yield from (call.name, call.arguments)
