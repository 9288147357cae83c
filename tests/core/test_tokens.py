"""The guess at tokens, and what a provider's own count becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.tokens import TOKENS_A_MESSAGE, TOKENS_AN_IMAGE, prompt_tokens, tokens_of, usage_of
from racer_adapters.types import Answer, Call, ImagePart, Message, TextPart, ToolCall, Usage

HELLO = Call((Message("user", "12345678"),))
PROMPT = TOKENS_A_MESSAGE + 2


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("é" * 4, 2)])
def test_a_token_is_four_bytes_rounded_up(text: str, tokens: int) -> None:
    """Bytes and not letters: a language that needs more bytes a letter needs more tokens too."""
    assert tokens_of(text) == tokens


def test_half_a_character_can_be_counted() -> None:
    """A lone surrogate has no bytes in UTF-8, and still breaks nothing."""
    assert tokens_of("\ud800") == 1


def test_a_prompt_is_the_sum_of_its_messages() -> None:
    """Texts, parts and images count; each message has a little of its own."""
    call = Call(
        (Message("system", "1234"), Message("user", (TextPart("12345"), ImagePart("https://a.test/i.png"))))
    )

    assert prompt_tokens(call) == 2 * TOKENS_A_MESSAGE + 1 + 2 + TOKENS_AN_IMAGE


def test_without_a_count_all_is_guessed() -> None:
    """Text, reasoning and the arguments of tool calls are what was said."""
    answer = Answer(text="1234", reasoning="1234", tool_calls=(ToolCall("1", "f", '{"a":1}'),))

    assert usage_of(answer, prompt_tokens(HELLO)) == Usage(PROMPT, 1 + 1 + 2, estimated=True)


def test_a_whole_count_is_believed() -> None:
    """What the provider counted is taken as it is, its own units too."""
    counted = Usage(7, 9, neurons=1.5, usd=0.01)

    assert usage_of(Answer(text="1234", usage=counted), prompt_tokens(HELLO)) is counted


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (Usage(7, 0), Usage(7, 1, estimated=True)),
        (Usage(0, 9), Usage(PROMPT, 9, estimated=True)),
        (Usage(-5, -1, neurons=2.0, usd=3.0), Usage(PROMPT, 1, estimated=True, neurons=2.0, usd=3.0)),
    ],
    ids=["no output", "no input", "negative"],
)
def test_a_gap_in_the_count_is_filled(stated: Usage, expected: Usage) -> None:
    """Half a count keeps its half; the other is guessed, and the whole is called a guess."""
    assert usage_of(Answer(text="1234", usage=stated), prompt_tokens(HELLO)) == expected


@given(
    st.text(),
    st.none() | st.builds(Usage, st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6)),
)
def test_usage_is_never_negative(text: str, stated: Usage | None) -> None:
    """Whatever a provider says of itself."""
    usage = usage_of(Answer(text=text, usage=stated), prompt_tokens(HELLO))

    assert usage.input_tokens >= 0
    assert usage.output_tokens >= 0
