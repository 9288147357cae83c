"""Where the lines of a batch come from: a file, a pipe or stdin. It blocks, so it is read in a thread."""

from __future__ import annotations

import hashlib
import os
import select
import stat
import sys
import zlib
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePath
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from racer.batch.form import PARQUET, Form, form_of
from racer.batch.records import LARGEST, count_lines, lines_of, numbered
from racer.batch.tables import count_parquet, count_rows, csv_records, parquet_records
from racer.errors import BadRequest, JobError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from typing import BinaryIO

    from racer.batch.records import Record

__all__ = ["LARGEST", "Census", "Source", "digest_of"]

_CHUNK = 2**16
_MARK = 8  # bytes for each chunk of a file
_HEAD = 2**20  # what is looked at, at most, to tell the form
_STDIN = "stdin"
_GZIP = b"\x1f\x8b"
_CHANGED = (
    "{name} was changed while the batch was reading it. What is there of it now was not asked: put it back "
    "as it was, and run the same command again; or begin anew with another file for the output"
)


@dataclass(frozen=True, slots=True)
class Census:
    """What there is in a file: records that are not blank, bytes (unpacked) and a digest of those."""

    prompts: int
    bytes: int
    digest: str
    mark: Mark | None = None


class Mark(NamedTuple):
    """By which a file that is read once more is known to be as it was: a digest of all up to the end of each
    piece of it, and what the system says of it, which is all there is of a file that is not read in order."""

    pieces: bytes
    status: tuple[int, ...]


def digest_of(raw: bytes) -> bytes:
    """By which a line is known again."""
    return hashlib.blake2b(raw, digest_size=8).digest()


class Source:
    """The records of one input, in its order. One thread takes; any may close."""

    def __init__(
        self, tap: _Tap, measured: _Measured, form: Form, batches: Iterator[list[Record]], column: str
    ) -> None:
        self.name = tap.name
        self.form = form
        self.is_pipe = tap.path is None
        self._tap, self._measured, self._batches, self._column = tap, measured, batches, column
        self._stack = ExitStack()
        self._ready: list[Record] = []
        self._at = 0
        self._taking = Lock()
        self._closed = False

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        stdin: BinaryIO | None = None,
        form: Form | None = None,
        column: str = "prompt",
    ) -> Source:
        """`path` may be "-", which is stdin; `column` is the one of a table that has the prompts.

        Returns when the first record is there. Raises BadRequest where the input cannot be read, is in no
        form that is known here, or has nothing in it.
        """
        name = _STDIN if path == "-" else os.fspath(path)
        with ExitStack() as stack, _told(name):
            tap = _Tap(name, path, stdin, stack)
            measured = _Measured(tap)
            head, chunks = _begun(tap.chunks if tap.path is None else iter(measured))
            told = form_of(head, _suffix(name))
            source = cls(tap, measured, form or told, _batches(tap, chunks, form or told, column), column)
            if not source._fill():
                raise BadRequest("there is no prompt in it: write one a line")
            source._stack = stack.pop_all()
        return source

    def census(self) -> Census | None:
        """One quick pass over the whole of a file; None of a pipe, which can be read but once.

        From then on nothing is taken that was not there in this pass.
        """
        if self._tap.path is None:
            return None
        with ExitStack() as stack, _told(self.name):
            tap = _Tap(self.name, self._tap.path, None, stack)
            measured = _Measured(tap)
            if self.form is not Form.TABLE:
                prompts = count_lines(lines_of(measured))
            elif tap.is_parquet:
                prompts = count_parquet(self._tap.path, self._column)
            else:
                prompts = count_rows(lines_of(measured), self._column)
            census = measured.census(prompts)
        self._measured.expected = census.mark
        return census

    def take(self, most: int = 1000) -> list[Record]:
        """The next records that are there, with their numbers: at least one, and none at the end.

        Of a pipe it gives what has come, rather than to wait for `most`; it waits for the first one. Raises
        BadRequest where the input cannot be read on, and JobError (changed) where it is another one now.
        """
        with self._taking, _told(self.name):
            more = self._fill()
            if not self._closed:
                self._measured.compare()
            if not more:
                return []
            found = self._ready[self._at : self._at + max(1, most)]
            self._at += len(found)
            return found

    def close(self) -> None:
        """Ends a `take` that waits for a pipe: it returns nothing. stdin stays open."""
        if self._closed:
            return
        self._closed = True
        self._tap.wake()
        with self._taking:
            self._batches, self._ready = iter(()), []
            self._stack.close()

    def _fill(self) -> bool:
        """Whether there is a record to take."""
        while self._at >= len(self._ready) and not self._closed:
            batch = next(self._batches, None)
            if batch is None:
                return False
            self._ready, self._at = batch, 0
        return not self._closed


def _batches(tap: _Tap, chunks: Iterable[bytes], form: Form, column: str) -> Iterator[list[Record]]:
    if form is not Form.TABLE:
        return numbered(lines_of(chunks))
    if not tap.is_parquet:
        return csv_records(lines_of(chunks), column)
    if tap.path is None or tap.is_packed:
        raise BadRequest("Parquet is read from a file alone: save it unpacked, and give its name")
    return parquet_records(tap.path, column)


class _Tap:
    """An input that is open: its chunks, unpacked. `path` is None of a pipe."""

    def __init__(
        self, name: str, path: str | os.PathLike[str], stdin: BinaryIO | None, stack: ExitStack
    ) -> None:
        self.name = name
        self.path: str | None = None
        self._file_open: BinaryIO | None = None
        self._wake: int | None = None
        self._stream: Any = None  # it would close itself if nobody held it
        raw = self._stdin(stdin, stack) if path == "-" else self._file(Path(path), stack)
        first, chunks = _at_least(len(PARQUET), raw)
        self.is_packed = first.startswith(_GZIP)
        if self.is_packed:
            first, chunks = _at_least(len(PARQUET), _unpacked(chunks))
        self.is_parquet = first.startswith(PARQUET)
        self.chunks = chunks

    def status(self) -> tuple[int, ...]:
        """By which the system knows a file that nobody has touched."""
        if self._file_open is None:
            return ()
        found = os.fstat(self._file_open.fileno())
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def wake(self) -> None:
        """Whoever waits for a pipe."""
        if self._wake is not None:
            os.write(self._wake, b".")

    def _file(self, path: Path, stack: ExitStack) -> Iterator[bytes]:
        file = stack.enter_context(path.open("rb", buffering=0))
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return _poured(file.fileno(), self._bell(stack))
        self.path, self._file_open = str(path.absolute()), file
        return iter(partial(file.read, _CHUNK), b"")

    def _stdin(self, given: BinaryIO | None, stack: ExitStack) -> Iterator[bytes]:
        """The first read takes all that the stream has buffered, so that its descriptor can be read on."""
        stream = self._stream = given or getattr(sys.stdin, "buffer", None)
        if stream is None:
            raise BadRequest("this program has none: name a file")
        read = getattr(stream, "read1", stream.read)
        first = iter([read(_HEAD) or b""])
        try:
            number = stream.fileno()
        except (OSError, AttributeError):
            return chain(first, iter(partial(read, _CHUNK), b""))
        return chain(first, _poured(number, self._bell(stack)))

    def _bell(self, stack: ExitStack) -> int:
        """What becomes readable when somebody wakes."""
        bell, self._wake = os.pipe()
        stack.callback(os.close, bell)
        stack.callback(os.close, self._wake)
        return bell


def _poured(number: int, bell: int) -> Iterator[bytes]:
    """Chunks of a pipe as they come, until its end or until the bell."""
    poll = select.poll()
    poll.register(number, select.POLLIN)
    poll.register(bell, select.POLLIN)
    while all(ready != bell for ready, _ in poll.poll()):
        with suppress(BlockingIOError):  # somebody else has read it
            chunk = os.read(number, _CHUNK)
            if not chunk:
                return
            yield chunk


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Of gzip, which may have several members, and zeros behind them."""
    engine: Any = None
    for packed in chunks:
        rest = packed
        while rest:
            if engine is None:
                rest = rest.lstrip(b"\0")
                engine = zlib.decompressobj(31) if rest else None
                continue
            while chunk := engine.decompress(rest, _CHUNK):
                yield chunk
                rest = engine.unconsumed_tail
            rest = b""
            if engine.eof:
                rest, engine = engine.unused_data, None
    if engine is not None:
        raise BadRequest("the gzip file is cut off: make it anew, or copy it again")


def _at_least(size: int, chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The beginning, of so many bytes if there are, and everything."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= size:
            break
    return first, chain([first], chunks)


def _begun(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The beginning, with a whole line if there is one that is not too long, and everything."""
    head, begun = bytearray(), False
    for chunk in chunks:
        head += chunk
        rest = chunk if begun else chunk.lstrip()
        begun = begun or bool(rest)
        if b"\n" in rest or len(head) >= _HEAD:
            break
    return bytes(head[:_HEAD]), chain([bytes(head)], chunks)


def _even(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of one size, but for the last."""
    kept = b""
    for chunk in chunks:
        kept = kept + chunk if kept else chunk
        while len(kept) >= _CHUNK:
            yield kept if len(kept) == _CHUNK else kept[:_CHUNK]
            kept = kept[_CHUNK:]
    if kept:
        yield kept


class _Measured:
    """What is in a file, as it passes. `expected`: what was there in an earlier pass."""

    def __init__(self, tap: _Tap) -> None:
        self._tap = tap
        self._size = 0
        self._digest = hashlib.blake2b(digest_size=16)
        self._pieces = bytearray()
        self._compared = 0
        self._ended = False
        self.expected: Mark | None = None

    def __iter__(self) -> Iterator[bytes]:
        for piece in _even(self._tap.chunks):
            self._size += len(piece)
            self._digest.update(piece)
            self._pieces += self._digest.copy().digest()[:_MARK]
            yield piece
        self._ended = True

    def census(self, prompts: int) -> Census:
        """When the rest has passed, too."""
        for _ in self:
            pass
        mark = Mark(bytes(self._pieces), self._tap.status())
        return Census(prompts, self._size, self._digest.hexdigest(), mark)

    def compare(self) -> None:
        """Raises JobError where what has passed is not what was expected."""
        if self.expected is None:
            return
        if self._tap.is_parquet and not self._tap.is_packed:
            same = self._tap.status() == self.expected.status
        else:
            same = self.expected.pieces.startswith(self._pieces[self._compared :], self._compared)
            self._compared = len(self._pieces)
            same = same and (not self._ended or len(self._pieces) == len(self.expected.pieces))
        if not same:
            raise JobError(_CHANGED.format(name=self._tap.name), kind="changed")


def _suffix(name: str) -> str:
    path = PurePath(name)
    return PurePath(path.stem).suffix if path.suffix.lower() == ".gz" else path.suffix


@contextmanager
def _told(name: str) -> Generator[None]:
    """What goes wrong, in words for people."""
    try:
        yield
    except BadRequest as error:
        raise BadRequest(f"{name}: {error}") from None
    except FileNotFoundError:
        raise BadRequest(f"{name}: there is no such file: check the name, or give - for stdin") from None
    except IsADirectoryError:
        raise BadRequest(f"{name}: this is a folder: name a file in it") from None
    except PermissionError:
        raise BadRequest(f"{name}: it may not be read: see to its permissions (chmod u+r)") from None
    except zlib.error as error:
        raise BadRequest(f"{name}: the gzip file is damaged ({error}): make it anew") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadRequest(f"{name}: it cannot be read ({why}): see to it and start again") from None
