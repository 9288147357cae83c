"""Words out of noise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.sim.words import VOCABULARY, beyond, cut, pieces


@given(st.binary(max_size=200).filter(lambda noise: len(noise) % 2 == 0))
def test_there_is_one_piece_for_two_bytes(noise: bytes) -> None:
    """The number of tokens is what was asked for, and none is empty."""
    found = pieces(noise)

    assert len(found) == len(noise) // 2
    assert all(found)


def test_text_reads_like_sentences() -> None:
    """It begins with a capital letter, ends with one stop, and is made of known words."""
    text = "".join(pieces(bytes(range(200))))

    assert text[0].isupper()
    assert text.endswith(".")
    assert not text.endswith("..")
    assert text.count(".") > 3
    words = [word.lower() for word in text.replace(".", "").split()][:-1]
    assert set(words) <= set(VOCABULARY)


def test_some_words_are_not_ascii() -> None:
    """A reader that cuts characters in half is found out."""
    assert any(not word.isascii() for word in VOCABULARY)


@given(st.text(), st.integers(1, 9))
def test_cut_loses_nothing(text: str, size: int) -> None:
    """The pieces joined are the text, and none is longer than `size`."""
    found = cut(text, size)

    assert "".join(found) == text
    assert all(0 < len(piece) <= size for piece in found)


@pytest.mark.parametrize(
    ("place", "rest"),
    [(0, ("One", " two")), (2, ("e", " two")), (3, (" two",)), (5, ("wo",)), (7, ()), (99, ())],
)
def test_what_is_beyond_a_place(place: int, rest: tuple[str, ...]) -> None:
    """The tokens behind it; one that it lies in is cut."""
    assert beyond(("One", " two"), place) == rest
