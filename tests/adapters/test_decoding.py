"""racer_adapters/decoding.py: what kind of body it is, and how it ends."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters import decoding
from racer_adapters.bodies import in_json
from racer_adapters.decoding import LARGEST_WHOLE, BodyDecoder, event_decoder, line_decoder
from racer_adapters.errors import Kind, WireError
from racer_adapters.jsontext import parse
from racer_adapters.lines import LONGEST_LINE
from racer_adapters.refusals import COMMON, in_band
from racer_adapters.types import End, FollowUp, Text
from tests.adapters.chopping import CUTS, bytewise, chopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer_adapters.dialect import Event

STREAM_CUT = WireError(Kind.TRUNCATED, "the stream ended without a finish reason or an end marker")
TOO_LONG = WireError(Kind.TOO_LARGE, "one line or event of the stream is over 1 MiB")


class Echo:
    """A reader for these tests: `say` is text, `stop` makes it complete, `over` ends it."""

    def __init__(self) -> None:
        self.complete = False

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        if message.get("error"):
            return [in_band(COMMON, in_json(message))]
        self.complete = self.complete or "stop" in message
        events: list[Event] = [Text(name + message["say"])] if "say" in message else []
        return [*events, *self.end()] if "over" in message else events

    def end(self) -> Sequence[Event]:
        return [End()]


def events() -> BodyDecoder:
    return event_decoder(Echo(), COMMON)


def lines() -> BodyDecoder:
    return line_decoder(Echo(), COMMON)


def read(make: Callable[[], BodyDecoder], chunks: list[bytes]) -> list[Event]:
    decoder = make()
    found = [event for chunk in chunks for event in decoder.feed(chunk)]
    found += decoder.close()
    assert list(decoder.close()) == []
    assert list(decoder.feed(b'data: {"say":"late"}\n\n{"say":"late"}\n')) == []
    return found


EVENTS: dict[str, tuple[bytes, list[Any]]] = {
    "a stream": (
        b'data: {"say":"a"}\n\ndata: {"say":"b"}\n\ndata: [DONE]\n\n',
        [Text("a"), Text("b"), End()],
    ),
    "a name": (b'event: x\ndata: {"say":"a"}\n\ndata: [DONE] really\n\n', [Text("xa"), End()]),
    "nothing behind the end": (b'data: {"over":1}\n\ndata: {"say":"b"}\n\ndata: {\n\n', [End()]),
    "complete at its end": (b'data: {"stop":1}\n\n', [End()]),
    "complete, and cut behind it": (b'data: {"stop":1}\n\ndata: {"say":"b', [End()]),
    "complete in a frame without end": (b'data: {"stop":1}', [End()]),
    "an end marker without end": (b'data: {"say":"a"}\n\ndata: [DONE]', [Text("a"), End()]),
    "cut": (b'data: {"say":"a"}\n\n', [Text("a"), STREAM_CUT]),
    "cut in a frame": (b'data: {"say":"a"}\n\ndata: {"sa', [Text("a"), STREAM_CUT]),
    "comments alone": (b": hi\n\n: ho\n\n", [STREAM_CUT]),
    "blank frames": (b"data:\n\ndata:  \n\ndata: [DONE]\n\n", [End()]),
    "leading blanks": (b'\xef\xbb\xbf\r\n\n  data: {"stop":1}\n\n', [End()]),
    "not JSON": (
        b'data: {"say":"a"}\n\ndata: oh no\n\ndata: {"say":"b"}\n\n',
        [Text("a"), WireError(Kind.MALFORMED, "a frame is not JSON: oh no")],
    ),
    "half JSON with its end": (
        b'data: {"say":\n\n',
        [WireError(Kind.MALFORMED, 'a frame is not JSON: {"say":')],
    ),
    "not an object": (b"data: 7\n\n", [WireError(Kind.MALFORMED, "a frame is no JSON object: 7")]),
    "an empty list": (b"data: []\n\n", [WireError(Kind.MALFORMED, "a frame is no JSON object: []")]),
    "a list of one": (b'data: [{"say":"a","over":1}]\n\n', [Text("a"), End()]),
    "an error event": (
        b'event: error\ndata: {"message":"boom","code":429}\n\n',
        [WireError(Kind.RATE, "boom", status=429)],
    ),
    "an error event of plain text": (b"event: error\ndata: boom\n\n", [WireError(Kind.IN_BAND, "boom")]),
    "an error event cut off": (b"event: error\ndata: boom", [WireError(Kind.IN_BAND, "boom")]),
    "raw JSON in a stream": (
        b'data: {"say":"a"}\n\n{\n "error": {"message": "boom", "code": 503}\n}\n',
        [Text("a"), WireError(Kind.OVERLOADED, "boom", status=503)],
    ),
    "noise in a stream": (b'data: {"say":"a"}\n\noh no\n', [Text("a"), STREAM_CUT]),
    "noise alone": (b"upstream error\n", [WireError(Kind.NOT_JSON, "not a model's reply: upstream error")]),
    "a whole": (b' {"say":"a","stop":1}\n', [Text("a"), End()]),
    "a whole that ends itself": (b'{"say":"a","over":1}', [Text("a"), End()]),
    "a whole with junk behind": (b'{"say":"a","stop":1} {"say":"b"} <html>', [Text("a"), End()]),
    "a whole in a list": (b'[{"say":"a","stop":1}]', [Text("a"), End()]),
    "a stream in a list": (b'[{"say":"a"},\n7,{"say":"b","stop":1}\n]', [Text("a"), Text("b"), End()]),
    "a stream in a list that ends itself": (b'[{"say":"a","over":1},{"say":"b"}]', [Text("a"), End()]),
    "a stream in a list, cut": (
        b'[{"say":"a"},{"stop":1}',
        [WireError(Kind.TRUNCATED, "the body ends in the middle of its JSON")],
    ),
    "a whole list": (b'[{"say":"a"},7,{"say":"b","stop":1}]', [Text("a"), Text("b"), End()]),
    "a whole list that ends itself": (b'[{"over":1},{"say":"b"}]', [End()]),
    "a whole list cut off": (
        b'[{"say":"a"},{"say":"b"',
        [WireError(Kind.TRUNCATED, "the body ends in the middle of its JSON")],
    ),
    "a whole error": (b'{"error":{"message":"boom"}}', [WireError(Kind.IN_BAND, "boom")]),
    "a whole error in other words": (
        b'{"say":"a","detail":"boom"}',
        [Text("a"), WireError(Kind.IN_BAND, "boom")],
    ),
    "a whole of another shape": (
        b'{"a":1}',
        [WireError(Kind.MALFORMED, 'the body is JSON, but no reply: {"a":1}')],
    ),
    "a reply of another shape": (
        b'{"words":["why he \\"sings\\""], "end": true}',
        [WireError(Kind.MALFORMED, 'the body is JSON, but no reply: {"words":["…"], "end": true}')],
    ),
    "a whole that is no object": (b"[7]", [WireError(Kind.MALFORMED, "the body is no JSON object: [7]")]),
    "a whole cut off": (b'{"say":"a', [WireError(Kind.TRUNCATED, "the body ends in the middle of its JSON")]),
    "a whole that is wrong": (b'{"say"]', [WireError(Kind.MALFORMED, 'the body is not JSON: {"…"]')]),
    "a page": (b"\r\n<html><title>Hi</title>", [WireError(Kind.NOT_JSON, "not a model's reply: Hi")]),
    "blank": (b" \r\n\t\xef\xbb\xbf", [WireError(Kind.EMPTY, "the body is empty")]),
    "nothing": (b"", [WireError(Kind.EMPTY, "the body is empty")]),
}

LINES: dict[str, tuple[bytes, list[Any]]] = {
    "lines": (b'{"say":"a"}\n\n{"say":"b","over":1}\n', [Text("a"), Text("b"), End()]),
    "one line without end": (b'{"say":"a","over":1}', [Text("a"), End()]),
    "junk behind the end": (b'{"over":1}\n<html>\n', [End()]),
    "cut": (b'{"say":"a"}\n', [Text("a"), STREAM_CUT]),
    "cut in a line": (b'{"say":"a"}\n{"say', [Text("a"), STREAM_CUT]),
    "an error": (
        b'{"say":"a"}\n{"error":"boom"}\n{"say":"b"}\n',
        [Text("a"), WireError(Kind.IN_BAND, "boom")],
    ),
    "not JSON": (b'{"say":"a"}\n<html>\n', [Text("a"), WireError(Kind.MALFORMED, "a frame is not JSON: ")]),
    "a page": (b"<title>Hi</title>", [WireError(Kind.NOT_JSON, "not a model's reply: Hi")]),
    "a list": (b"[]\n", [WireError(Kind.NOT_JSON, "not a model's reply: []")]),
    "an event": (b"data: {}\n\n", [WireError(Kind.NOT_JSON, "not a model's reply: data: {}")]),
    "blank": (b"\n\n", [WireError(Kind.EMPTY, "the body is empty")]),
}

ALL = [(events, *case) for case in EVENTS.values()] + [(lines, *case) for case in LINES.values()]


@pytest.mark.parametrize(
    ("make", "body", "wanted"), ALL, ids=[*EVENTS, *(f"lines: {name}" for name in LINES)]
)
def test_bodies(make: Callable[[], BodyDecoder], body: bytes, wanted: list[Any]) -> None:
    """Each kind of body and of end, whole and byte by byte; nothing follows."""
    assert read(make, [body]) == wanted
    assert read(make, bytewise(body)) == wanted


def test_a_dialect_may_read_its_frames_otherwise() -> None:
    """One whose data is plain text makes the object itself; what it cannot read is malformed."""

    def shouted(data: bytes) -> dict[str, str]:
        return {"say": data.decode().upper()} if data.isalpha() else parse(data)

    decoder = event_decoder(Echo(), COMMON, shouted)

    assert list(decoder.feed(b"data: a\n\ndata: ?\n\n")) == [
        Text("A"),
        WireError(Kind.MALFORMED, "a frame is not JSON: ?"),
    ]


def test_a_follow_up_ends_a_body() -> None:
    """The rest of the reply comes by another request."""
    found = FollowUp("/next", events())

    class Following(Echo):
        def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
            return [found]

    assert read(lambda: event_decoder(Following(), COMMON), [b"data: {}\n\ndata: {\n\n"]) == [found]
    assert read(lambda: event_decoder(Following(), COMMON), [b"{}"]) == [found]


@given(st.sampled_from(ALL), st.binary(max_size=20), CUTS)
def test_pieces_do_not_matter(
    case: tuple[Callable[[], BodyDecoder], bytes, list[Any]], junk: bytes, cuts: list[int]
) -> None:
    """Any way to cut a body, also a spoilt one, gives the events of the whole."""
    make, body, _ = case

    assert read(make, chopped(body + junk, cuts)) == read(make, [body + junk])


def test_too_long_a_line_or_event() -> None:
    """What came before it is kept; at the end of the body, too."""
    body = b'data: {"say":"a"}\n\ndata: ' + b"x" * LONGEST_LINE + b"\n\ndata: [DONE]\n\n"
    half = b"data: " + b"x" * (LONGEST_LINE // 2 + 1)

    assert read(events, [body]) == read(events, [body[:100], body[100:]]) == [Text("a"), TOO_LONG]
    assert read(lines, [b'{"say":"a"}\n{' + b"x" * LONGEST_LINE]) == [Text("a"), TOO_LONG]
    assert read(events, [b'data: {"say":"a"}\n\n' + half + b"\n" + half]) == [Text("a"), TOO_LONG]


def test_plain_text_that_may_be_half_is_left_out() -> None:
    """JSON shows that it is whole, text does not; an end is one."""
    body = b'data: {"say":"a"}\n\ndata: {"say":"b"}'
    assert [Text("a"), Text("b")] == read(events, [body])[:2]

    def plain() -> BodyDecoder:
        return event_decoder(Echo(), COMMON, lambda data: {"over" if data == b"." else "say": data.decode()})

    assert [Text("a"), STREAM_CUT] == read(plain, [b"data: a\n\ndata: b"])
    assert [Text("a"), End()] == read(plain, [b"data: a\n\ndata: ."])


def test_too_large_a_whole() -> None:
    """Eight MiB and no more, in one piece or in many; what was gathered is let go."""
    largest = b'{"say":"' + b"x" * (LARGEST_WHOLE - 19) + b'","stop":1}'
    larger = largest.replace(b"xx", b"xxx", 1)
    wanted = WireError(Kind.TOO_LARGE, "the reply is larger than 8 MiB")

    assert len(largest) == LARGEST_WHOLE
    assert read(events, [largest])[-1] == End()
    assert read(events, [larger]) == read(events, [larger[:9], larger[9:]]) == [wanted]


def test_a_page_is_told_at_once_when_it_is_long() -> None:
    """Its end need not be waited for, and it is not gathered."""
    decoder = events()

    assert list(decoder.feed(b"<html><title>Hi</title>")) == []
    assert list(decoder.feed(b"x" * decoding.PAGE_BYTES)) == [
        WireError(Kind.NOT_JSON, "not a model's reply: Hi")
    ]


def test_an_endless_blank_body_is_not_kept() -> None:
    """Some servers send line ends to keep the connection open."""
    decoder = events()
    for _ in range(1000):
        assert list(decoder.feed(b"\n" * 1000)) == []

    assert list(decoder.feed(b'{"say":"a","stop":1}')) == []
    assert list(decoder.close()) == [Text("a"), End()]


MIB = 1024 * 1024
# How it starts, what goes on and how often, and the most that may be kept of it.
ENDLESS = {
    "blanks": (b"", b"\n" * 65_536, 100, MIB),
    "comments": (b"", (b": " + b"x" * 97 + b"\n") * 650, 40, 2 * MIB),
    "noise": (b"", (b"x" * 99 + b"\n") * 650, 40, 2 * MIB),
    "a name": (b"event: ", b"x" * 65_536, 100, 2 * MIB),
    "data without end": (b"", (b"data: " + b"x" * 93 + b"\n") * 650, 40, 3 * MIB),
    "a line without end": (b"data: ", b"x" * 65_536, 100, 3 * MIB),
    "a page": (b"<html>", b"x" * 65_536, 100, MIB),
    "a whole": (b"{", b" " * 65_536, 200, 12 * MIB),
}


@pytest.mark.parametrize("make", [events, lines])
@pytest.mark.parametrize(("start", "piece", "times", "limit"), ENDLESS.values(), ids=ENDLESS)
def test_no_body_fills_the_memory(
    make: Callable[[], BodyDecoder], start: bytes, piece: bytes, times: int, limit: int
) -> None:
    """2.6 to 13 MB of each kind without an end: only what may still become something is kept."""
    decoder = make()
    tracemalloc.start()
    try:
        decoder.feed(start)
        for _ in range(times):
            decoder.feed(piece)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < limit


@pytest.mark.parametrize("make", [events, lines])
@given(body=st.binary(max_size=200) | st.text('data:{}[]"\n\r <>', max_size=60).map(str.encode), cuts=CUTS)
def test_any_bytes_are_read(make: Callable[[], BodyDecoder], body: bytes, cuts: list[int]) -> None:
    """Never an exception; whatever ends without End ends in one WireError."""
    found = read(make, chopped(body, cuts))

    assert isinstance(found[-1], (End, WireError))
    assert not any(isinstance(event, (End, WireError)) for event in found[:-1])
