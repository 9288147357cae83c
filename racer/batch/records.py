"""Chunks of bytes -> the lines in them, and lines -> the rows of a CSV. What is kept at once has a limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from racer.batch.form import BLANK, MARK
from racer.batch.line import Bad, id_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGEST = 10 * 2**20  # bytes of a line, or of a row


@dataclass(frozen=True, slots=True)
class Long:
    """A line that is too long to keep, and how many quotes were in it."""

    size: int
    quotes: int


Record: TypeAlias = "tuple[int, bytes | Bad]"
Lines: TypeAlias = "list[bytes] | Long"


def lines_of(chunks: Iterable[bytes]) -> Iterator[Lines]:
    """All lines, as many at once as a chunk ends, without their line feeds. Where a file is cut into chunks
    makes no difference to the lines."""
    kept, size, quotes, fresh = bytearray(), 0, 0, True
    for chunk in chunks:
        lines = chunk.split(b"\n")
        size += len(lines[0])
        if size > LARGEST:
            quotes += (kept + lines[0]).count(b'"')
            kept.clear()
        else:
            kept += lines[0]
        if len(lines) == 1:
            continue
        if size > LARGEST:
            yield Long(size, quotes)
            del lines[0]
        else:
            lines[0] = bytes(kept.removeprefix(MARK)) if fresh else bytes(kept)
        fresh, kept, quotes = False, bytearray(lines.pop()), 0
        size = len(kept)
        yield lines
    if size > LARGEST:
        yield Long(size, quotes)
    elif kept:
        yield [bytes(kept.removeprefix(MARK)) if fresh else bytes(kept)]


def numbered(pieces: Iterable[Lines]) -> Iterator[list[Record]]:
    """Each line that is not blank with its number in the file, from 1, as they come."""
    line = 1
    for piece in pieces:
        if isinstance(piece, Long):
            yield [(line, too_long(line, piece.size))]
            line += 1
        else:
            yield [(at, raw.rstrip(b"\r")) for at, raw in enumerate(piece, line) if raw.strip() not in BLANK]
            line += len(piece)


def count_lines(pieces: Iterable[Lines]) -> int:
    """Of those that are not blank."""
    return sum(
        1 if isinstance(piece, Long) else sum(bare not in BLANK for bare in map(bytes.strip, piece))
        for piece in pieces
    )


def too_long(line: int, size: int, hint: str = "") -> Bad:
    most = f"{LARGEST // 2**20} MiB"
    return Bad(
        line, id_of(line), f"line {line}: it has {size:,} bytes, and {most} are the most: shorten it{hint}"
    )


# ---------------------------------------------------------------- rows of a CSV


@dataclass(slots=True)
class Row:
    """A row as it is put together of lines, for a line may end within quotes; as the csv module has it."""

    delimiter: bytes = b","
    quoted: bool = False
    _kept: bytearray = field(default_factory=bytearray)
    _size: int = 0

    def add(self, line: bytes | Long) -> bytes | int | None:
        """The row that ends with this line, or its size where that is too long; None within quotes."""
        if isinstance(line, Long):
            self.quoted ^= line.quotes % 2 == 1
        else:
            self.quoted = ends_open(line, self.delimiter, self.quoted)
            if not self.quoted and not self._size:
                return line
        self._keep(line)
        return None if self.quoted else self.end()

    def end(self) -> bytes | int:
        """What there is of a row; nothing is kept of it."""
        row, size = bytes(self._kept[:-1]), self._size - 1
        self._kept, self._size, self.quoted = bytearray(), 0, False
        return size if size > LARGEST else row

    def _keep(self, line: bytes | Long) -> None:
        size = line.size if isinstance(line, Long) else len(line)
        self._size += size + 1
        if self._size > LARGEST + 1 or isinstance(line, Long):
            self._kept.clear()
        else:
            self._kept += line + b"\n"


def ends_open(line: bytes, delimiter: bytes, quoted: bool) -> bool:
    """Whether a line ends within quotes, as it may have begun. In a bare cell a quote is a character."""
    at = 0
    if not quoted:
        if b'"' not in line:
            return False
        quoted = line.startswith(b'"')
        at = int(quoted)
    while True:
        while quoted:
            at = line.find(b'"', at) + 1
            if not at:
                return True
            quoted = line[at : at + 1] == b'"'  # two of them are one character
            at += quoted
        at = line.find(delimiter, at) + 1
        if not at:
            return False
        quoted = line[at : at + 1] == b'"'
        at += quoted
