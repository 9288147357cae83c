"""The rows of a CSV or Parquet file, each as a JSON object of the fields that a batch reads."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from importlib import import_module
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from racer.batch.formats import FIELDS
from racer.batch.line import Bad, id_of
from racer.batch.records import LARGEST, Long, Row, too_long
from racer.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from racer.batch.records import Lines, Record

_AT_ONCE = 1000
_PLAIN = 100_000  # bytes; csv takes cells of this size whatever its limit was set to, within reason
_DELIMITERS = (",", ";", "\t")
_NONE: list[str] = []
_widening = Lock()

Found: TypeAlias = "bytes | int | None"  # a row, the size of one that is too long, or one without an end


# ---------------------------------------------------------------- CSV


def csv_records(pieces: Iterable[Lines], column: str) -> Iterator[list[Record]]:
    """Rows with their numbers: the header is 1. Raises BadRequest where it lacks the column."""
    rows = _Rows(column)
    for piece in chain(pieces, (None,)):
        found = list(rows.of(piece) if piece is not None else rows.rest())
        yield [(line, _record(row, line, rows.columns, rows.delimiter)) for line, row in found]


def count_rows(pieces: Iterable[Lines], column: str) -> int:
    """Of those behind the header that are not blank."""
    rows = _Rows(column)
    return sum(len(list(rows.of(piece))) for piece in pieces) + len(rows.rest())


class _Rows:
    """Numbers rows as they are put together. The header and those with nothing in them are left out."""

    def __init__(self, column: str) -> None:
        self.columns: list[str | None] = []
        self.delimiter = ","
        self._column = column
        self._row = Row()
        self._line = 0

    def of(self, piece: Lines) -> Iterator[tuple[int, Found]]:
        for line in (piece,) if isinstance(piece, Long) else piece:
            found = self._row.add(line)
            if found is None:
                continue
            self._line += 1
            if isinstance(found, bytes) and not found.strip(b'" \t\r\n' + self._row.delimiter):
                continue
            if self.columns:
                yield self._line, found
            else:
                self.delimiter, self.columns = _header(found, self._column)
                self._row.delimiter = self.delimiter.encode()

    def rest(self) -> list[tuple[int, Found]]:
        """What an open quote has swallowed up to the end."""
        if not self._row.quoted:
            return []
        if not self.columns:
            raise _lacking([], self._column)
        return [(self._line + 1, None)]


def _record(found: Found, line: int, columns: Sequence[str | None], delimiter: str) -> bytes | Bad:
    if found is None:
        return _bad(line, "a quote is opened in it and never closed: close it, or write it twice")
    if isinstance(found, int):
        return too_long(line, found, ", or close its quotes")
    try:
        cells = _cells(found.decode(), delimiter)
    except UnicodeDecodeError as error:
        return _bad(line, f"it is not UTF-8 (byte 0x{found[error.start]:02X}): save the table as UTF-8")
    except csv.Error as error:
        return _bad(line, f"it is not CSV ({error}): put quotes around its cells")
    if len(cells) > len(columns):
        much = f"it has {len(cells)} cells, and the header has {len(columns)}"
        return _bad(line, f'{much}: put quotes around a text that has "{delimiter}" in it')
    return orjson.dumps({name: cell for name, cell in zip(columns, cells, strict=False) if name and cell})


def _header(found: Found, column: str) -> tuple[str, list[str | None]]:
    """What parts the cells, and what each column is for."""
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else ""
    names: list[str] = []
    for delimiter in _DELIMITERS:
        names = [name.strip() for name in _cells(text, delimiter)]
        if column in names or "messages" in names:
            return delimiter, _columns(names, column)
    raise _lacking(max((_cells(text, each) for each in _DELIMITERS), key=len), column)


def _cells(row: str, delimiter: str) -> list[str]:
    """csv has one limit for a whole process, so it is raised for no longer than it must be."""
    if len(row) <= _PLAIN:
        return next(csv.reader([row], delimiter=delimiter), _NONE)
    with _widening:
        before = csv.field_size_limit(LARGEST)
        try:
            return next(csv.reader([row], delimiter=delimiter), _NONE)
        finally:
            csv.field_size_limit(before)


# ---------------------------------------------------------------- Parquet


def parquet_records(path: str, column: str) -> Iterator[list[Record]]:
    """The same of a Parquet file, whose rows are numbered from 1."""
    arrow = _pyarrow()
    with _translated(arrow), arrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=2**16) as file:
        names: list[str] = file.schema_arrow.names
        wanted = _wanted(names, column)
        line = 1
        for batch in file.iter_batches(_AT_ONCE, columns=list(wanted), use_threads=False):
            yield [(at, _values(batch, at - line, wanted, at)) for at in range(line, line + batch.num_rows)]
            line += batch.num_rows


def count_parquet(path: str, column: str) -> int:
    arrow = _pyarrow()
    with _translated(arrow), arrow.parquet.ParquetFile(path) as file:
        _wanted(file.schema_arrow.names, column)
        return int(file.metadata.num_rows)


def _wanted(names: Sequence[str], column: str) -> dict[str, str]:
    meant = zip(names, _columns(names, column), strict=True)
    return {name: purpose for name, purpose in meant if purpose is not None}


def _values(batch: Any, index: int, wanted: dict[str, str], line: int) -> bytes | Bad:
    try:
        row = {purpose: batch.column(name)[index].as_py() for name, purpose in wanted.items()}
        record = orjson.dumps(row, default=_as_json)
    except UnicodeDecodeError as error:
        return _bad(line, f"it has a text that is not UTF-8 ({error.reason}): write the file anew")
    except orjson.JSONEncodeError as error:
        return _bad(line, f"it cannot be read as JSON ({error}): use texts, numbers and lists")
    return too_long(line, len(record)) if len(record) > LARGEST else record


def _as_json(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else str(value)


def _pyarrow() -> Any:
    try:
        import_module("pyarrow.parquet")
        return import_module("pyarrow")
    except ImportError:
        raise BadRequest(
            "Parquet needs pyarrow: pip install 'llm-racer[parquet]' (or pyarrow), or give CSV"
        ) from None


@contextmanager
def _translated(arrow: Any) -> Generator[None]:
    try:
        yield
    except arrow.ArrowException as error:
        first = str(error).partition("\n")[0]
        raise BadRequest(f"it cannot be read as Parquet ({first}): write it anew") from None


# ---------------------------------------------------------------- both


def _columns(names: Sequence[str], column: str) -> list[str | None]:
    """What each column is for; None where it is for nothing here."""
    if names.count(column) > 1:
        raise BadRequest(f'there are {names.count(column)} columns "{column}": name them apart')
    if column not in names and "messages" not in names:
        raise _lacking(names, column)
    purposes = [None if name == "prompt" or name not in FIELDS else name for name in names]
    return ["prompt" if name == column else use for name, use in zip(names, purposes, strict=True)]


def _lacking(names: Sequence[str], column: str) -> BadRequest:
    there = ", ".join(f'"{name[:40]}"' for name in names[:12]) or "none that can be read"
    return BadRequest(
        f'there is no column "{column}": name the one with the prompts; the columns are {there}'
    )


def _bad(line: int, why: str) -> Bad:
    return Bad(line, id_of(line), f"line {line}: {why}")
