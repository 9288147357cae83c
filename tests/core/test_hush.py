"""What was asked and what came are taken out of the reasons that quote them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.hush import LEAST, PROMPT, hushed, without
from racer_adapters.types import Answer, Call, ImagePart, Message, TextPart, ToolCall

SECRET = "the answer to the question of my neighbour"
NOTHING = Answer()


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("server 500: broken, and nobody knows why", "server 500: broken, and nobody knows why"),
        (f"cannot say {SECRET}.", "cannot say [prompt]."),
        (f"{SECRET[5:]}{SECRET}", "[prompt][prompt]"),
        (f"cannot say {SECRET[: LEAST - 1]}", f"cannot say {SECRET[: LEAST - 1]}"),
        (f"cannot say {SECRET[:LEAST]}… and so on", "cannot say [prompt]… and so on"),
        (f"cannot say {SECRET[3 : LEAST + 3]}", "cannot say [prompt]"),
        ("", ""),
    ],
)
def test_what_is_quoted_at_length_is_taken_out(reason: str, told: str) -> None:
    """A few words may be there by chance."""
    assert without(reason, ("hello", SECRET), PROMPT) == told
    assert without(reason, (), PROMPT) == reason


def test_a_text_of_several_lines_is_known_in_one() -> None:
    """Providers' words are brought into one line before they are a reason."""
    text = "my bank\nis the one\n\twith the\nblue door"

    assert without(f"no: {' '.join(text.split())}", (text,), PROMPT) == "no: [prompt]"
    assert without(f"no:\n{text}", (text,), PROMPT) == "no:\n[prompt]"


@given(st.text("ab ", max_size=60), st.text("ab ", max_size=60))
def test_nothing_that_is_long_enough_is_overseen(reason: str, text: str) -> None:
    """Wherever it begins: a look at each place, one after the other, finds the same."""
    line = " ".join(text.split())
    slow, at = "", 0
    while at < len(reason):
        most = max(
            (end - at for end in range(at + LEAST, len(reason) + 1)
             if reason[at:end] in text or reason[at:end] in line),
            default=0,
        )  # fmt: skip
        slow += PROMPT if most else reason[at]
        at += most or 1

    assert without(reason, (text,), PROMPT) == slow


@pytest.mark.parametrize(
    "message",
    [
        Message("user", SECRET),
        Message("system", (TextPart("Be brief."), TextPart(SECRET))),
        Message("user", (ImagePart(f"https://example.org/?q={SECRET}"),)),
        Message("assistant", "", (ToolCall("c1", "say", f'{{"what":"{SECRET}"}}'),)),
    ],
)
def test_whatever_a_message_is_made_of(message: Message) -> None:
    """Its text, its parts, the address of a picture, and what a tool was called with."""
    call = Call((Message("user", "hello"), message))

    assert hushed(f"wrong input: {SECRET}!", call, NOTHING) == "wrong input: [prompt]!"


@pytest.mark.parametrize(
    "answer",
    [
        replace(NOTHING, text=f"It is {SECRET}."),
        replace(NOTHING, reasoning=SECRET),
        replace(NOTHING, tool_calls=(ToolCall("c1", "say", f'{{"what":"{SECRET}"}}'),)),
        replace(NOTHING, tool_calls=(ToolCall("c1", SECRET, "{}"),)),
    ],
)
def test_what_came_is_not_quoted_either(answer: Answer) -> None:
    """A check of the caller's may say what it did not like."""
    assert hushed(f"not ({SECRET})", Call((Message("user", "hi"),)), answer) == "not ([reply])"


def test_a_short_reason_quotes_nothing() -> None:
    """Whatever was asked."""
    assert hushed("too long", Call((Message("user", "too long"),)), NOTHING) == "too long"


def test_a_question_of_megabytes_is_gone_through_once() -> None:
    """The last of its words are found as the first are."""
    text = "x" * 5_000_000 + SECRET

    assert without(f"{'y' * 500} {SECRET}", (text,), PROMPT) == f"{'y' * 500} [prompt]"
