"""Server-sent events, incrementally: bytes in pieces of any size -> (event name, data).

Rules, after the WHATWG text, and where we are more patient than it:
1. Only CR, LF and CRLF end a line. One byte order mark at the start is skipped.
2. A blank line ends an event. Several `data` lines are joined by LF. An event without data is none.
3. Comments, `id`, `retry` and unknown fields are skipped; the latter are kept as `stray`, for some
   servers put an error into the stream without `data:` before it.
4. The name is "" where the stream gives none. Data stays bytes: JSON parsers want bytes, and a
   character may not be cut at the end of a line. Names with invalid UTF-8 are mended.
5. A line or an event longer than `longest` sets `overflow`, and nothing follows.
"""

from __future__ import annotations

from racer_adapters.lines import LONGEST_LINE, Lines

ServerEvent = tuple[str, bytes]

MOST_STRAY = 64 * 1024
_MARK = b"\xef\xbb\xbf"
_SKIPPED = frozenset({b"", b"id", b"retry"})


class ServerEvents:
    """Reads one stream of events."""

    __slots__ = ("_at_start", "_data", "_lines", "_longest", "_name", "overflow", "stray")

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._lines = Lines(longest)
        self._longest = longest
        self._data: bytes | bytearray | None = None
        self._name = ""
        self._at_start = True
        self.overflow = False
        self.stray = bytearray()

    def feed(self, data: bytes) -> list[ServerEvent]:
        """The events that `data` completes."""
        if self.overflow:
            return []
        lines = self._lines.feed(data)
        if self._at_start and lines:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_MARK)
        events = self._read(lines)
        self.overflow = self.overflow or self._lines.overflow
        return events

    def close(self) -> list[ServerEvent]:
        """The last event, if the stream ended without the blank line behind it: perhaps cut off."""
        return self.feed(b"\n\n")

    def _read(self, lines: list[bytes]) -> list[ServerEvent]:
        events: list[ServerEvent] = []
        for line in lines:
            if line.startswith(b"data:"):
                value = line[6:] if line.startswith(b" ", 5) else line[5:]
                if self._data is None:
                    self._data = value
                else:
                    self._add(self._data, value)
            elif line:
                self._field(line)
            else:
                if self.overflow:
                    return events
                if self._data is not None:
                    events.append((self._name, bytes(self._data)))
                    self._data = None
                self._name = ""
        return events

    def _add(self, data: bytes | bytearray, value: bytes) -> None:
        """A further line of data: rare, so that only then the data is kept in what can grow."""
        grown = data if isinstance(data, bytearray) else bytearray(data)
        grown += b"\n" + value
        self._data = grown
        self.overflow = self.overflow or len(grown) > self._longest

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")
        elif line == b"data":
            self._read([b"data:"])
        elif name not in _SKIPPED and len(self.stray) < MOST_STRAY:
            self.stray += line[:MOST_STRAY] + b"\n"
