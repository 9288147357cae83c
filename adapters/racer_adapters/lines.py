"""Bytes in pieces of any size -> whole lines, in linear time and bounded memory.

Only CR, LF and CRLF end a line, also when CR and LF come in different pieces.
"""

from __future__ import annotations

LONGEST_LINE = 1024 * 1024


class Lines:
    """Splits a body. `overflow` turns true at a line longer than `longest` bytes; then nothing follows."""

    __slots__ = ("_after_cr", "_longest", "_part", "overflow")

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._part = bytearray()
        self._after_cr = False
        self._longest = longest
        self.overflow = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their ends."""
        if self.overflow or not data:
            return []
        if self._after_cr:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = data.split(b"\n")
        rest = lines.pop()
        part = self._part
        crowded = len(part) + len(data) > self._longest
        if lines and part:
            lines[0] = bytes(part) + lines[0]
            part.clear()
        part += rest
        return self._bounded(lines) if crowded else lines

    def _bounded(self, lines: list[bytes]) -> list[bytes]:
        for index, line in enumerate(lines):
            if len(line) > self._longest:
                self.overflow = True
                return lines[:index]
        self.overflow = len(self._part) > self._longest
        return lines


class JsonLines:
    """Newline-delimited JSON: every line that is not blank is a frame, which has no name."""

    __slots__ = ("_lines",)

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._lines = Lines(longest)

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        return [("", line) for line in self._lines.feed(data) if line and not line.isspace()]

    def close(self) -> list[tuple[str, bytes]]:
        """The last line, if nothing ended it: perhaps cut off."""
        return self.feed(b"\n")

    @property
    def overflow(self) -> bool:
        return self._lines.overflow

    @property
    def stray(self) -> bytes:
        return b""
