"""Text from outside never moves a cursor, changes a title or fills a clipboard."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.printable import LONGEST_HELD, PlainFlow, one_line, plain

HOSTILE = {
    "nothing to do: Grüße, 你好, 🎉\n\tnext": "nothing to do: Grüße, 你好, 🎉\n\tnext",
    "\x1b[31mred\x1b[0m": "red",
    "\x1b[2J\x1b[1;1Hhome": "home",
    "\x9b31mred": "red",
    "\x1b]0;new title\x07text": "text",
    "\x1b]52;c;ZXZpbA==\x1b\\text": "text",
    "\x9d52;c;ZXZpbA==\x9ctext": "text",
    "\x1bPdevice\x1b\\text": "text",
    "\x1b]no end, so the text must not vanish": "no end, so the text must not vanish",
    "\x1b(Bcharset": "charset",
    "\x1bcreset": "reset",
    "over\rwritten": "overwritten",
    "one\r\ntwo": "one\ntwo",
    "bell\x07 back\x08 nul\x00 del\x7f": "bell back nul del",
    "exe\u202ecod.txt": "execod.txt",
    "cut off \x1b": "cut off ",
    "cut off \x1b[": "cut off ",
}


@pytest.mark.parametrize(("text", "left"), HOSTILE.items())
def test_sequences_go_and_text_stays(text: str, left: str) -> None:
    """Whole escape sequences are taken out, payload included; line ends and tabs stay."""
    assert plain(text) == left


@given(st.text(alphabet=st.sampled_from("\x1b\x9b\x9d\x9c\x90[](P0;mBa\\ \x07\r\n\t\x00\x7f\x85\u202e")))
def test_no_control_is_left(text: str) -> None:
    """Whatever comes in, nothing that a terminal obeys comes out, and cleaning twice changes nothing."""
    cleaned = plain(text)

    assert [char for char in cleaned if unicodedata.category(char) == "Cc" and char not in "\n\t"] == []
    assert plain(cleaned) == cleaned


def test_a_long_hostile_text_is_read_once() -> None:
    """Openings without an end, a million of them, do not each search the whole rest."""
    assert plain("\x9d\x1b]" * 500_000) == ""


def flowed(pieces: list[str]) -> str:
    flow = PlainFlow()
    return "".join([*(flow.add(piece) for piece in pieces), flow.end()])


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_in_pieces_is_cleaned_as_one(text: str) -> None:
    """Wherever it is cut."""
    assert flowed(list(text)) == plain(text)
    assert all(flowed([text[:at], text[at:]]) == plain(text) for at in range(len(text)))


@given(st.lists(st.text(alphabet=st.sampled_from("\x1b\x9b\x9d\x9c\x90[](P0;mBa\\ \x07\r\n\t\x00\x7f"))))
def test_any_pieces_are_cleaned_as_one(pieces: list[str]) -> None:
    """Sequences inside sequences, cut anywhere."""
    assert flowed(pieces) == plain("".join(pieces))


def test_only_what_may_become_a_sequence_is_held_back() -> None:
    """The text before it is shown; an opening without an end does not hold the rest for ever."""
    flow = PlainFlow()

    assert flow.add("now \x1b]0;title") == "now "
    assert flow.add("\x07then") == "then"
    assert flow.add("\x1b]" + "x" * LONGEST_HELD) == "x" * LONGEST_HELD
    assert flow.end() == ""


def test_one_line_has_no_line_ends() -> None:
    """A reason with line ends still fits in a cell."""
    assert one_line("  rate 429:\n slow\tdown\x1b[0m ") == "rate 429: slow down"
