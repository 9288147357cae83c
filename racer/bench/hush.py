"""Prompts are nobody's business: what a provider quotes of one in its reasons is taken out of a sample."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from racer_adapters.types import TextPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from racer.bench.sample import Sample
    from racer_adapters.types import Call

LEAST = 20  # characters: what is shorter may stand in a reason by chance
HUSHED = "[prompt]"


def hushed(sample: Sample, call: Call) -> Sample:
    """The same, with `[prompt]` where a reason quotes at least `LEAST` characters of what was asked."""
    if sample.reason is None and all(each.reason is None for each in sample.attempts):
        return sample
    texts = tuple(_texts(call))
    attempts = tuple(
        each if each.reason is None else replace(each, reason=without(each.reason, texts))
        for each in sample.attempts
    )
    reason = None if sample.reason is None else without(sample.reason, texts)
    return replace(sample, reason=reason, attempts=attempts)


def without(reason: str, texts: Sequence[str]) -> str:
    kept: list[str] = []
    at = 0
    while at < len(reason):
        quoted = max((_quoted(reason, at, text) for text in texts), default=0)
        kept.append(HUSHED if quoted else reason[at])
        at += quoted or 1
    return "".join(kept)


def _quoted(reason: str, at: int, text: str) -> int:
    """How many characters from there on are of `text`, where that is enough to be a quotation."""
    end = at + LEAST
    if end > len(reason) or reason[at:end] not in text:
        return 0
    while end < len(reason) and reason[at : end + 1] in text:
        end += 1
    return end - at


def _texts(call: Call) -> Iterable[str]:
    for message in call.messages:
        if isinstance(message.content, str):
            yield message.content
        else:
            yield from (part.text for part in message.content if isinstance(part, TextPart))
