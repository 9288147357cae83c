"""racer_adapters/sse.py: bytes to server-sent events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters.lines import LONGEST_LINE
from racer_adapters.sse import MOST_STRAY, ServerEvents
from tests.adapters.chopping import CUTS, bytewise, chopped

Events = list[tuple[str, bytes]]


def read(chunks: list[bytes], longest: int = LONGEST_LINE) -> tuple[Events, bool, bytes]:
    reader = ServerEvents(longest)
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return [*events, *reader.close()], reader.overflow, bytes(reader.stray)


RULES: dict[str, tuple[bytes, Events]] = {
    "the usual event": (b'data: {"a":1}\n\n', [("", b'{"a":1}')]),
    "several in one piece": (b"data: 1\n\ndata: 2\n\n", [("", b"1"), ("", b"2")]),
    "no space": (b"data:1\n\n", [("", b"1")]),
    "only one space is taken off": (b"data:  1 \n\n", [("", b" 1 ")]),
    "a tab is no space": (b"data:\t1\n\n", [("", b"\t1")]),
    "CRLF": (b"data: 1\r\n\r\ndata: 2\r\n\r\n", [("", b"1"), ("", b"2")]),
    "CR": (b"data: 1\r\rdata: 2\r\r", [("", b"1"), ("", b"2")]),
    "mixed": (b"data: 1\r\n\ndata: 2\r\r\n", [("", b"1"), ("", b"2")]),
    "U+2028 ends nothing": ("data: a\u2028b\n\n".encode(), [("", "a\u2028b".encode())]),
    "several lines of data": (b"data: a\ndata:b\ndata\ndata: \n\n", [("", b"a\nb\n\n")]),
    "an empty line of data first": (b"data\ndata: b\n\n", [("", b"\nb")]),
    "empty data is an event": (b"data:\n\ndata\n\n", [("", b""), ("", b"")]),
    "a name": (b"event: error\ndata: 1\n\n", [("error", b"1")]),
    "a name behind the data": (b"data: 1\nevent:x\n\n", [("x", b"1")]),
    "the last name counts": (b"event: a\nevent: b\ndata: 1\n\n", [("b", b"1")]),
    "a name holds for one event": (b"event: a\ndata: 1\n\ndata: 2\n\n", [("a", b"1"), ("", b"2")]),
    "a name without data is none": (b"event: a\n\ndata: 2\n\n", [("", b"2")]),
    "a name that is no UTF-8": (b"event: \xff\ndata: 1\n\n", [("\ufffd", b"1")]),
    "comments": (b": hi\n:\ndata: 1\n: ho\n\n", [("", b"1")]),
    "id and retry": (b"id: 7\nretry: 10\nid\ndata: 1\n\n", [("", b"1")]),
    "a byte order mark": (b"\xef\xbb\xbfdata: 1\n\n", [("", b"1")]),
    "blank lines": (b"\n\n\r\n\ndata: 1\n\n\n\n", [("", b"1")]),
    "the last event needs no blank line": (b"data: 1\n", [("", b"1")]),
    "nor a line end": (b"\xef\xbb\xbfdata: 1", [("", b"1")]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("body", "events"), RULES.values(), ids=RULES)
def test_rules(body: bytes, events: Events) -> None:
    """Each rule of the format, whole and byte by byte."""
    assert read([body])[0] == events
    assert read(bytewise(body))[0] == events


@given(
    st.lists(st.sampled_from([b"data: x", b"data:", b"event: e", b": c", b"odd", b"\n", b"\r", b"\r\n"])),
    CUTS,
)
def test_pieces_do_not_matter(pieces: list[bytes], cuts: list[int]) -> None:
    """Any way to cut a stream gives the events of the whole."""
    body = b"".join(pieces)

    assert read(chopped(body, cuts)) == read([body])


@given(st.binary(max_size=200), CUTS)
def test_any_bytes_are_read(body: bytes, cuts: list[int]) -> None:
    """Never an exception, and the same in any pieces."""
    assert read(chopped(body, cuts), 20) == read([body], 20)


def test_a_second_mark_is_not_skipped() -> None:
    """Only the first bytes of the stream may be a byte order mark."""
    assert read([b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n"])[0] == [("", b"1")]


@pytest.mark.parametrize(
    "body",
    [
        b"data: 1\n\ndata: 123456789\n\ndata: 2\n\n",
        b"data: 1\n\ndata: 1234567\ndata: 1234567\n\ndata: 2\n\n",
        b"data: 1\n\ndata:\ndata: 1234567\ndata: 12345\n\ndata: 2\n\n",
        b"data: 1\n\ndata: 1234567\ndata: 123456",
        b"data: 1\n\n" + b"data\n" * 15 + b"\n",
    ],
)
def test_too_long_a_line_or_an_event_ends_the_stream(body: bytes) -> None:
    """Over 13 bytes of line or data here: what came before is given, `overflow` is set, nothing follows."""
    assert read([body], 13) == ([("", b"1")], True, b"")
    assert read(bytewise(body), 13) == ([("", b"1")], True, b"")


def test_an_event_of_the_longest_size_passes() -> None:
    """Its lines and the line ends between them count, the word `data` does not."""
    body = b"data: 123456\ndata: 123456\n\n"

    assert read([body], 13) == ([("", b"123456\n123456")], False, b"")


def test_what_has_no_field_name_is_kept() -> None:
    """Some servers write an error into the stream as it is."""
    stray = read([b'data: 1\n\n{\n "error": "x"\n}\n'])[2]

    assert stray == b'{\n "error": "x"\n}\n'


def test_what_is_kept_is_bounded() -> None:
    """A stream of nothing but noise must not fill the memory."""
    reader = ServerEvents()
    for _ in range(10):
        reader.feed((b"x" * 9_999 + b"\n") * 10)
    reader.feed(b"y" * 500_000 + b"\n")

    assert MOST_STRAY <= len(reader.stray) < MOST_STRAY + 10_001


def test_many_lines_of_one_event_take_linear_time() -> None:
    """100,000 lines: joining each to those before it would copy 10 GB."""
    events, overflow, _ = read([b"data:x\n" * 100_000 + b"\n"])

    assert not overflow
    assert events == [("", b"\n".join([b"x"] * 100_000))]
