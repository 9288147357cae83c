"""racer_adapters/lines.py: bytes to lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters.lines import LONGEST_LINE, JsonLines, Lines
from tests.adapters.chopping import CUTS, bytewise, chopped


def split(chunks: list[bytes], longest: int = LONGEST_LINE) -> tuple[list[bytes], bool]:
    lines = Lines(longest)
    found = [line for chunk in chunks for line in lines.feed(chunk)]
    return found, lines.overflow


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", []),
        (b"a", []),
        (b"a\n", [b"a"]),
        (b"a\nb\r\nc\rd", [b"a", b"b", b"c"]),
        (b"\n\r\n\r\r", [b"", b"", b"", b""]),
        (b"a\x0b\x0c\x1c\x85b\xe2\x80\xa8c\n", [b"a\x0b\x0c\x1c\x85b\xe2\x80\xa8c"]),
    ],
)
def test_only_cr_lf_and_crlf_end_a_line(body: bytes, lines: list[bytes]) -> None:
    """Whole and byte by byte; what else Python takes for a line end is text."""
    assert split([body]) == (lines, False)
    assert split(bytewise(body)) == (lines, False)


@given(st.text("ab\r\n", max_size=30).map(str.encode), CUTS)
def test_pieces_do_not_matter(body: bytes, cuts: list[int]) -> None:
    """Any way to cut a body gives the lines of the whole."""
    assert split(chopped(body, cuts)) == split([body])


@pytest.mark.parametrize("body", [b"x\n12345678\ny", b"x\r12345678\r\ny\n"])
def test_a_line_of_the_longest_length_passes(body: bytes) -> None:
    """The limit is inclusive."""
    assert split([body], 8)[0][:2] == [b"x", b"12345678"]
    assert split(bytewise(body), 8) == split([body], 8)
    assert not split([body], 8)[1]


@pytest.mark.parametrize("body", [b"x\n123456789", b"x\n123456789\ny\n", b"x\n1234\n123456789\n"])
def test_a_longer_line_ends_it(body: bytes) -> None:
    """Lines before it are given, the rest is not, whether or not the long line has ended."""
    found, overflow = split([body], 8)

    assert found[0] == b"x"
    assert b"y" not in found
    assert overflow
    assert split(bytewise(body), 8) == (found, True)


def test_nothing_follows_an_overflow() -> None:
    """Also not what would be a fine line."""
    lines = Lines(3)
    lines.feed(b"1234")

    assert lines.feed(b"\nab\n") == []


def test_many_tiny_pieces_take_linear_time() -> None:
    """300,000 pieces of one long line: copying it for each would be 45 GB."""
    body = b"x" * 300_000 + b"\n"

    assert split(bytewise(body)) == ([body[:-1]], False)


def test_json_lines_skip_blank_ones() -> None:
    """Each other line is a frame without a name; the last needs no end."""
    frames = JsonLines()

    assert frames.feed(b'{"a":1}\r\n\r\n \n{"b"') == [("", b'{"a":1}')]
    assert frames.feed(b":2}") == []
    assert frames.close() == [("", b'{"b":2}')]
    assert frames.stray == b""


def test_json_lines_tell_an_overflow() -> None:
    """As the lines below them do."""
    frames = JsonLines(3)

    assert frames.feed(b"ab\n12345") == [("", b"ab")]
    assert frames.overflow
    assert frames.close() == []
