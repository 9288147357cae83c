"""racer_adapters/thinking.py: reasoning inside the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters.thinking import MOST_BLANKS, Thinking
from racer_adapters.types import Reasoning, Text


def read(pieces: list[str]) -> tuple[str, str]:
    """Reasoning and text, each joined."""
    thinking = Thinking()
    events = [event for piece in pieces for event in thinking.feed(piece)]
    events += thinking.close()
    assert all(isinstance(event, (Text, Reasoning)) and event.text for event in events)
    return (
        "".join(event.text for event in events if isinstance(event, Reasoning)),
        "".join(event.text for event in events if isinstance(event, Text)),
    )


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("Hello", "", "Hello"),
        ("<think>why</think>Hello", "why", "Hello"),
        ("\n <think>\nwhy\n</think>\n\nHello \n", "\nwhy\n", "Hello \n"),
        ("<think></think>Hello", "", "Hello"),
        ("<think>why</think>", "why", ""),
        ("<think>why</think> \n", "why", ""),
        ("<think>why", "why", ""),
        ("<think>why</thi", "why</thi", ""),
        ("<think>a < b </b> </thinking></think>Hello", "a < b </b> </thinking>", "Hello"),
        ("<think>why</think>Hello</think>", "why", "Hello</think>"),
        ("<think>a</think><think>b</think>c", "a", "<think>b</think>c"),
        ("Hello <think>x</think>", "", "Hello <think>x</think>"),
        ("<thinking>x</thinking>", "", "<thinking>x</thinking>"),
        ("<thi", "", "<thi"),
        ("<", "", "<"),
        (" \n", "", " \n"),
        ("  Hello", "", "  Hello"),
        (" " * MOST_BLANKS + "<think>why</think>Hello", "why", "Hello"),
        (" " * (MOST_BLANKS + 1) + "<think>why</think>", "", " " * (MOST_BLANKS + 1) + "<think>why</think>"),
    ],
)
def test_the_tag_at_the_start_is_told_apart(text: str, reasoning: str, answer: str) -> None:
    """Whole, character by character, and nothing is lost elsewhere."""
    assert read([text]) == (reasoning, answer)
    assert read(list(text)) == (reasoning, answer)


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "</", "think>", "a", " ", "\n"])), st.data())
def test_pieces_do_not_matter(tokens: list[str], data: st.DataObject) -> None:
    """Any way to cut a text gives what the whole gives."""
    text = "".join(tokens)
    at = data.draw(st.integers(0, len(text)))
    pieces = [piece for piece in (text[:at], text[at:]) if piece]

    assert read(pieces) == read([text] if text else [])


def test_the_first_plain_piece_comes_at_once() -> None:
    """Nothing is held back once no tag can come: the first token decides races."""
    thinking = Thinking()

    assert thinking.feed("Hel") == [Text("Hel")]
    assert thinking.plain
    assert thinking.feed("<think>") == [Text("<think>")]


def test_reasoning_comes_as_it_is_thought() -> None:
    """Only what may be the beginning of the closing tag waits."""
    thinking = Thinking()

    assert thinking.feed("<think>one two</") == [Reasoning("one two")]
    assert thinking.feed("three") == [Reasoning("</three")]
