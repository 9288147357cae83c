"""Going on with a job: what its output holds, whatever a crash or a hand has done to it.

The output is the truth and the job file an index of it. A crash leaves rows behind those that are noted,
and the last of them may be torn: it is cut. Where the output is not what was noted, all of it is read. Lines
of it that are no rows, and second rows of a line, are taken out; the file with them is kept aside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from racer.batch.bits import Bits
from racer.batch.index import AGAIN, Damaged, number_of
from racer.batch.rows import begins_a_row, line_of
from racer.batch.trouble import trouble

if TYPE_CHECKING:
    from pathlib import Path

    from racer.batch.index import Entry, Index
    from racer.batch.outfile import OutFile, Piece
    from racer.batch.rows import Seen

_TAIL = 4096
_BATCH = 5000
_STRANGE = 1000  # lines that are no rows, and more than there are rows: the rest need not be read


@dataclass(slots=True)
class Standing:
    """The lines that have a row, and those of them whose row is an error. `only`: no others are asked."""

    done: Bits = field(default_factory=Bits)
    failed: Bits = field(default_factory=Bits)
    only: Bits | None = None

    def add(self, line: int, *, failed: bool) -> bool:
        """Was it new? Of two rows of one line, an answer counts more than an error."""
        new = self.done.add(line)
        if new and failed:
            self.failed.add(line)
        elif not failed:
            self.failed.discard(line)
        return new


@dataclass(slots=True)
class Reading:
    """What was found from some place in the output on."""

    good: int = 0
    bad: int = 0
    twice: int = 0
    torn: Piece | None = None  # the last one, without its newline
    whole: bool = False  # only the newline of it is missing


class Note(NamedTuple):
    """What the job file says of the output as it was: its size, and a mark of the last `length` bytes."""

    size: int
    length: int
    tail: str
    done: int
    failed: int


def note_of(found: Any) -> Note | None:
    """As it is read from the job file. Raises Damaged."""
    if found is None:
        return None
    try:
        note = Note(**found)
    except TypeError as error:
        raise Damaged(str(error)) from None
    numbers: list[object] = [note.size, note.length, note.done, note.failed]
    if not all(isinstance(each, int) for each in numbers):
        raise Damaged("a number in it is none")
    return note


def noted(out: OutFile, standing: Standing) -> dict[str, Any]:
    """What to put into the job file for the output as it is now."""
    length = min(_TAIL, out.size)
    tail = _mark(out.tail(out.size, length))
    return Note(out.size, length, tail, standing.done.count, standing.failed.count)._asdict()


def fits(out: OutFile, note: Note) -> bool:
    """Whether the output still has, up to the same place, the end that was noted."""
    return note.size <= out.size and _mark(out.tail(note.size, note.length)) == note.tail


def standing_of(index: Index, note: Note) -> Standing:
    """What the job file knows. Raises Damaged where that is not what was noted."""
    standing = Standing()
    done, failed = standing.done, standing.failed
    for line, bad in index.entries():
        if bad == AGAIN:
            continue
        done.add(line)
        if bad:
            failed.add(line)
    if (done.count, failed.count) != (note.done, note.failed):
        raise Damaged("lines are missing in it")
    return standing


def went_on(out: OutFile, index: Index, note: Note) -> tuple[Standing, str]:
    """The output fits: only what came after the note is read. And what there is to say of it."""
    standing = standing_of(index, note)
    reading = _read(out, index, standing, note.size)
    if not note.size:
        _refuse_strange(out.path, reading)
    said = _mended(out, standing, reading)
    index.note((), noted=noted(out, standing))
    return standing, said


def read_anew(out: OutFile, index: Index, *, known: bool) -> tuple[Standing, str]:
    """All of the output is read. `known`: a job has written to this name, so a torn row alone may be its."""
    index.forget_rows(rebuild=True)
    standing = Standing()
    reading = _read(out, index, standing, 0)
    _refuse_strange(out.path, reading)
    if not (reading.good or known):
        raise trouble("exists", out.path, "no batch has written it")
    if reading.torn is not None and not reading.whole:
        reading.bad += 1  # who knows what else was done to it: the file is kept as it was
    said = _mended(out, standing, reading)
    index.note((), noted=noted(out, standing), rebuild=None)
    return standing, said


def reopened(index: Index) -> Standing:
    """What is to be asked where only errors are: lines that failed, and those of an earlier such run that
    have no row since. Nothing is changed yet."""
    left = Standing(only=Bits())
    assert left.only is not None, "it was just made"
    for line, bad in index.entries():
        (left.only if bad else left.done).add(line)
    return left


def take_errors_out(out: OutFile, index: Index, left: Standing) -> None:
    """Take the rows that are errors out of the output. Before one is gone, the job file knows its line for
    good as one that is to be asked again."""
    if not index.ask_again(rebuild=True):  # from now on the output may be either: the old one, or the new one
        return
    index.flush()

    def answered(data: bytes) -> bool:
        seen = line_of(data)
        return seen is not None and not seen.failed

    out.rewrite(answered)
    index.note((), noted=noted(out, left), rebuild=None)


def _read(out: OutFile, index: Index, standing: Standing, start: int) -> Reading:
    reading = Reading()
    entries: list[Entry] = []
    for piece in out.pieces(start):
        seen = line_of(piece.data)
        if not piece.data.endswith(b"\n"):
            reading.torn, reading.whole = piece, seen is not None
        if seen is not None:
            _take(seen, standing, reading, entries)
        elif reading.torn is None or not begins_a_row(piece.data):
            reading.bad += 1
            if reading.bad > max(_STRANGE, reading.good) and not start:
                break
        if len(entries) >= _BATCH:
            index.note(entries)
            entries.clear()
    index.note(entries)
    return reading


def _take(seen: Seen, standing: Standing, reading: Reading, entries: list[Entry]) -> None:
    reading.good += 1
    if not standing.add(seen.line, failed=seen.failed):
        reading.twice += 1
    entries.append((seen.line, seen.digest, number_of(seen.id), seen.failed))


def _refuse_strange(path: Path, reading: Reading) -> None:
    if reading.bad > reading.good:
        raise trouble("exists", path, "it is not the output of a batch")


def _mended(out: OutFile, standing: Standing, reading: Reading) -> str:
    if reading.bad or reading.twice:
        return _repaired(out, standing, reading)
    if reading.torn is None:
        return ""
    if not reading.whole:
        out.cut_to(reading.torn.offset)
    elif not out.append([b""]) and out.why is not None:
        raise out.why
    return ""


def _repaired(out: OutFile, standing: Standing, reading: Reading) -> str:
    """One row a line in the output, and nothing else."""
    kept = Bits()

    def counts(data: bytes) -> bool:
        seen = line_of(data)
        return seen is not None and seen.failed == (seen.line in standing.failed) and kept.add(seen.line)

    aside = out.keep_copy("damaged")
    out.rewrite(counts)
    return (
        f"{reading.bad:,} lines of {out.path} were no rows, and {reading.twice:,} rows were of a line that "
        f"had one already: they were taken out. As it was, the file is kept as {aside}."
    )


def _mark(tail: bytes) -> str:
    return blake2b(tail, digest_size=16).hexdigest()
