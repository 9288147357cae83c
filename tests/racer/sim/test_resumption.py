"""Going on with an answer that broke off: which words were quoted, and what each kind of model then says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.sim.exchange import Ask, Onset, Unfinished
from racer.sim.resumption import PREFACE, carried_on, quoted_end, resumed

if TYPE_CHECKING:
    from racer.sim.profile import Manner

BEGUN = 'The sky is blue because the "light" of the sun'
TOKENS = ("One", " two", " three", " four.")
FOUR = "One two three four."
CLEAR = "".join(PREFACE)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ('You stopped at "of the sun". Go on from there.', "of the sun"),
        ("You stopped at 'the sun'.", "the sun"),
        ("You stopped at `the sun`.", "the sun"),
        ("You stopped at “of the sun”.", "of the sun"),
        ("You stopped at ‘sun’.", "sun"),
        ("You stopped at «the sun».", "the sun"),
        ("The last words are:\nof the sun\nGo on.", "of the sun"),
        ("The last words are:\n> of the sun\nGo on.", "of the sun"),
        ("The last words are:\n```\n of the sun  \n```", " of the sun"),
        ('Begin with "sun", no, with "the sun".', "the sun"),
        ('You stopped at ""light" of the sun".', '"light" of the sun'),
        (f"You said:\n{BEGUN}\nNow the rest.", BEGUN),
        ("You stopped at “of the sun  ”.", "of the sun"),
        ("You stopped at of the sun.", ""),
        ('You stopped at "of the moon".', ""),
        ('You stopped at "of the sun, it seems".', ""),
        ('"  "\n\n', ""),
        ("Thanks!", ""),
        ("", ""),
    ],
)
def test_the_words_that_are_quoted(wish: str, words: str) -> None:
    """In marks of any kind, or on a line of their own; they are those that the answer ends with."""
    assert quoted_end(Unfinished("hi", BEGUN, wish)) == words
    assert quoted_end(Unfinished("hi", BEGUN + " \n", wish)) == words


def test_words_over_several_lines() -> None:
    """A quotation may have lines of its own."""
    begun = "First\n- one\n- two"

    assert quoted_end(Unfinished("", begun, "Go on behind:\n- one\n- two\n\nThanks.")) == "- one\n- two"


@given(st.text(max_size=30), st.integers(0, 30))
def test_any_end_on_a_line_of_its_own_is_found(begun: str, place: int) -> None:
    """Whatever it is made of: all of it, or more of the answer than was meant."""
    words = begun.rstrip()[place:]

    found = quoted_end(Unfinished("", begun, f"Go on from here:\n{words}\nPlease."))

    assert found.endswith(words)
    assert begun.rstrip().endswith(found)


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ("anchor", " two three four."),
        ("prefix", " three four."),
        ("restart", FOUR),
        ("chatter", CLEAR + " two three four."),
    ],
)
def test_what_is_said_to_quoted_words(manner: Manner, said: str) -> None:
    """The words and the rest, the rest alone, all again, or a sentence before."""
    broken = Unfinished("hi", "One two ", '" two"')

    assert "".join(resumed(TOKENS, broken, " two", manner)) == said


@pytest.mark.parametrize(
    ("onset", "manner", "prefix", "said"),
    [
        ("rest", "anchor", "", FOUR),
        ("rest", "anchor", "One t", "wo three four."),
        ("rest", "prefix", "One t", "wo three four."),
        ("rest", "anchor", "Another", FOUR),
        ("rest", "restart", "One t", FOUR),
        ("rest", "chatter", "One t", CLEAR + "wo three four."),
        ("rest", "anchor", FOUR, ""),
        ("echo", "anchor", "One t", FOUR),
        ("echo", "anchor", "Another", "Another" + FOUR),
        ("anew", "anchor", "One t", FOUR),
    ],
)
def test_what_is_said_to_a_prefix(onset: Onset, manner: Manner, prefix: str, said: str) -> None:
    """Its rest where that is what the provider does; all of it to a prefix of another text."""
    ask = Ask(model="m", prompt="hi", stream=True, prefix=prefix, onset=onset)

    assert "".join(carried_on(TOKENS, ask, manner)) == said
