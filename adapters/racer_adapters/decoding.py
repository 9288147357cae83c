"""The body of a reply -> events, for every dialect that speaks JSON in frames.

The first byte that is not blank tells what the body is:
    a stream   frames, one after the other; a Splitter cuts them out
    a whole    one JSON text, read when the body is over
    a page     HTML or anything else that is no reply

A dialect brings a Reader, which makes events of one parsed frame, and gets a Decoder. What is decided here,
the same for all:
    EMPTY      nothing but blanks
    NOT_JSON   a page, or a body without a single frame
    MALFORMED  a frame, or a whole, that is complete and not a JSON object
    TRUNCATED  the body ends in mid-JSON, or in a stream before the reader had all it needs
    TOO_LARGE  a line or an event over 1 MiB, a whole over 8 MiB
What follows the end of the reply is not looked at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from racer_adapters import bodies
from racer_adapters.errors import Kind, WireError
from racer_adapters.jsontext import NotJson, as_list, as_object, cut_off, parse, parse_first
from racer_adapters.lines import JsonLines
from racer_adapters.refusals import in_band
from racer_adapters.sse import ServerEvents
from racer_adapters.types import End, FollowUp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer_adapters.dialect import Event
    from racer_adapters.refusals import Rules

LARGEST_WHOLE = 8 * 1024 * 1024
PAGE_BYTES = 2048
_EXCERPT = 120
_TEXT_IN_JSON = re.compile(r'"(?:[^"\\]|\\.)*+"?+(\s*+:)?+', re.DOTALL)
_BLANKS = b" \t\r\n\xef\xbb\xbf"  # with the bytes of the mark that some servers put first


class Reader(Protocol):
    """What one dialect makes of a reply. Never raises."""

    @property
    def complete(self) -> bool:
        """Whether the answer is whole, even if the body ends here."""
        ...

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        """Events of one frame, or of the whole. End or a WireError comes last, and means that it is over."""
        ...

    def end(self) -> Sequence[Event]:
        """What was held back, and End."""
        ...


class Splitter(Protocol):
    """Cuts a stream into named frames. After `overflow` it gives nothing more."""

    @property
    def overflow(self) -> bool: ...
    @property
    def stray(self) -> bytes | bytearray:
        """What stood between the frames."""
        ...

    def feed(self, data: bytes) -> list[tuple[str, bytes]]: ...
    def close(self) -> list[tuple[str, bytes]]:
        """The frame that was not ended: perhaps cut off."""
        ...


# What the body is. Plain numbers, for members of an enum are slow to look up on 3.11.
_UNKNOWN, _STREAM, _WHOLE, _PAGE, _OVER = range(5)

# What the first byte says; any other byte begins a stream of events, and no line of JSON.
_LAST = (End, FollowUp, WireError)
_EVENTS = {ord("<"): _PAGE, ord("{"): _WHOLE, ord("["): _WHOLE}
_LINES = {ord("{"): _STREAM}


class BodyDecoder:
    """A Decoder; make one with `event_decoder` or `line_decoder`."""

    __slots__ = (
        "_framed",
        "_hoard",
        "_new_splitter",
        "_otherwise",
        "_parse",
        "_reader",
        "_rules",
        "_splitter",
        "_way",
        "_ways",
    )

    _splitter: Splitter  # of a stream alone: most bodies in one piece are read without

    def __init__(
        self,
        reader: Reader,
        new_splitter: Callable[[], Splitter],
        rules: Rules,
        ways: dict[int, int],
        otherwise: int,
        parse_frame: Callable[[bytes], Any] = parse,
    ) -> None:
        self._reader = reader
        self._parse = parse_frame
        self._new_splitter = new_splitter
        self._rules = rules
        self._ways = ways
        self._otherwise = otherwise
        self._way = _UNKNOWN
        self._hoard = bytearray()
        self._framed = False

    def feed(self, data: bytes) -> Sequence[Event]:
        if self._way == _STREAM:
            return self._frames(self._splitter.feed(data))
        if self._way == _OVER:
            return ()
        if self._way == _UNKNOWN:
            data = data.lstrip(_BLANKS)
            if not data:
                return ()
            self._way = self._ways.get(data[0], self._otherwise)
            if self._way == _STREAM:
                self._splitter = self._new_splitter()
                return self._frames(self._splitter.feed(data))
        return self._gather(data)

    def close(self) -> Sequence[Event]:
        way, self._way = self._way, _OVER
        if way == _STREAM:
            return self._last()
        if way == _WHOLE:
            return self._whole()
        if way == _PAGE:
            return [self._page()]
        return () if way == _OVER else [WireError(Kind.EMPTY, "the body is empty")]

    def _gather(self, data: bytes) -> Sequence[Event]:
        self._hoard += data
        if self._way == _PAGE and len(self._hoard) >= PAGE_BYTES:
            return [self._fail(self._page())]
        if len(self._hoard) > LARGEST_WHOLE:
            self._hoard.clear()
            return [self._fail(WireError(Kind.TOO_LARGE, "the reply is larger than 8 MiB"))]
        return ()

    def _frames(self, frames: list[tuple[str, bytes]]) -> Sequence[Event]:
        events: list[Event] = []
        for name, data in frames:
            found = self._frame(name, data)
            if found:
                events += found
                if isinstance(found[-1], _LAST):
                    self._way = _OVER
                    return events
        if self._splitter.overflow:
            events.append(self._fail(_too_long()))
        return events

    def _frame(self, name: str, data: bytes) -> Sequence[Event]:
        if name == "error":
            return [in_band(self._rules, bodies.read(data))]
        try:
            message = self._parse(data)
        except NotJson:
            return self._odd(data)
        self._framed = True
        if isinstance(message, dict):
            return self._reader.frame(name, as_object(message))
        messages = _objects(message)
        if not messages:
            return [WireError(Kind.MALFORMED, f"a frame is no JSON object: {_excerpt(data)}")]
        return self._reader.frame(name, messages[0])

    def _odd(self, data: bytes) -> Sequence[Event]:
        """`[DONE]` is the one frame that is not JSON."""
        if data.startswith(b"[DONE]"):
            return self._reader.end()
        if not data.strip():
            return ()
        return [WireError(Kind.MALFORMED, f"a frame is not JSON: {_excerpt(data)}")]

    def _last(self) -> Sequence[Event]:
        events: list[Event] = []
        for name, data in self._splitter.close():
            cut = self._frame(name, data)
            events += () if _malformed(cut) or self._may_be_half(cut) else cut
        if self._splitter.overflow:
            return [_too_long()]
        if events and isinstance(events[-1], _LAST):
            return events
        return [*events, *(self._reader.end() if self._reader.complete else [self._cut()])]

    def _may_be_half(self, cut: Sequence[Event]) -> bool:
        """JSON shows that it is whole; of plain text nobody knows, unless it was the end."""
        return self._parse is not parse and not (cut and isinstance(cut[-1], _LAST))

    def _whole(self) -> Sequence[Event]:
        try:
            messages = _objects(parse_first(bytes(self._hoard)))
        except NotJson as error:
            if cut_off(error):
                return [WireError(Kind.TRUNCATED, "the body ends in the middle of its JSON")]
            return [WireError(Kind.MALFORMED, f"the body is not JSON: {_excerpt(self._hoard)}")]
        if not messages:
            return [WireError(Kind.MALFORMED, f"the body is no JSON object: {_excerpt(self._hoard)}")]
        events: list[Event] = []
        for message in messages:
            events += self._reader.frame("", message)
            if events and isinstance(events[-1], _LAST):
                return events
        return [*events, *(self._reader.end() if self._reader.complete else [self._other(messages[-1])])]

    def _other(self, message: dict[str, Any]) -> WireError:
        """JSON, but no reply: most likely an error in a shape of its own."""
        said = bodies.in_json(message)
        if said.message:
            return in_band(self._rules, said)
        return WireError(Kind.MALFORMED, f"the body is JSON, but no reply: {_excerpt(self._hoard)}")

    def _cut(self) -> WireError:
        stray = bytes(self._splitter.stray).strip()
        if stray.startswith((b"{", b"[")):
            return in_band(self._rules, bodies.read(stray))
        if stray and not self._framed:
            return _no_reply(stray)
        return WireError(Kind.TRUNCATED, "the stream ended without a finish reason or an end marker")

    def _page(self) -> WireError:
        return _no_reply(self._hoard[:PAGE_BYTES])

    def _fail(self, error: WireError) -> WireError:
        self._way = _OVER
        return error


def event_decoder(reader: Reader, rules: Rules, parse_frame: Callable[[bytes], Any] = parse) -> BodyDecoder:
    """For replies that are server-sent events, or one JSON text.

    `parse_frame` makes the reader's object of an event's data, where that is not JSON. It may raise NotJson.
    """
    return BodyDecoder(reader, ServerEvents, rules, _EVENTS, _STREAM, parse_frame)


def line_decoder(reader: Reader, rules: Rules) -> BodyDecoder:
    """For replies of one JSON object a line; a reply in one piece is one line."""
    return BodyDecoder(reader, JsonLines, rules, _LINES, _PAGE)


def _malformed(events: Sequence[Event]) -> bool:
    return bool(events) and isinstance(events[0], WireError) and events[0].kind is Kind.MALFORMED


def _objects(value: Any) -> list[dict[str, Any]]:
    """The object itself, or those of a list: some servers wrap their errors, one sends its stream so."""
    values = as_list(value) if isinstance(value, list) else [value]
    return [as_object(item) for item in values if isinstance(item, dict)]


def _too_long() -> WireError:
    return WireError(Kind.TOO_LARGE, "one line or event of the stream is over 1 MiB")


def _no_reply(body: bytes | bytearray) -> WireError:
    return WireError(Kind.NOT_JSON, f"not a model's reply: {_excerpt(body)}")


def _excerpt(body: bytes | bytearray) -> str:
    """Of JSON its keys alone: what may be the reply is in nobody's reasons."""
    text = bodies.plain(bytes(body[:PAGE_BYTES]))
    if text.lstrip().startswith(("{", "[", "data:")):
        text = _TEXT_IN_JSON.sub(lambda found: found[0] if found[1] else '"…"', text)
    return bodies.one_line(text, _EXCERPT)
