"""A guess at tokens where a provider does not count them for us: four bytes each, rounded up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer_adapters.types import TextPart, Usage

if TYPE_CHECKING:
    from racer_adapters.types import Answer, Call, Message

BYTES_A_TOKEN = 4
TOKENS_A_MESSAGE = 4
TOKENS_AN_IMAGE = 1000


def tokens_of(text: str) -> int:
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return -(-size // BYTES_A_TOKEN)


def prompt_tokens(call: Call) -> int:
    return sum([TOKENS_A_MESSAGE + _message_tokens(message) for message in call.messages])


def _message_tokens(message: Message) -> int:
    if isinstance(message.content, str):
        return tokens_of(message.content)
    return sum(
        tokens_of(part.text) if isinstance(part, TextPart) else TOKENS_AN_IMAGE for part in message.content
    )


def usage_of(answer: Answer, asked: int) -> Usage:
    """What the provider counted, with every gap filled by our own estimate. Never negative.

    `asked` is our estimate of the prompt: `prompt_tokens`, once for all lanes of a race.
    """
    stated = answer.usage
    if stated is None:
        return Usage(asked, _said(answer), estimated=True)
    if stated.input_tokens > 0 and stated.output_tokens > 0:
        return stated
    return Usage(
        stated.input_tokens if stated.input_tokens > 0 else asked,
        stated.output_tokens if stated.output_tokens > 0 else _said(answer),
        estimated=True,
        neurons=stated.neurons,
        usd=stated.usd,
    )


def _said(answer: Answer) -> int:
    texts = (answer.text, answer.reasoning, *(made.arguments for made in answer.tool_calls))
    return sum(map(tokens_of, texts))
