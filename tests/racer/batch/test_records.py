"""racer/batch/records.py: lines and rows do not depend on how bytes come, and what is kept has a limit."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.batch.line import Bad
from racer.batch.records import LARGEST, Long, Row, count_lines, ends_open, lines_of, numbered, too_long

MARK = b"\xef\xbb\xbf"
INPUTS = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b'{"b"}', b" ", MARK, b"\xef", b'"', b"\0"])).map(
    b"".join
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """In pieces, of which some may be empty."""
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def flat(chunks: list[bytes]) -> list[bytes | Long]:
    found: list[bytes | Long] = []
    for piece in lines_of(chunks):
        found += [piece] if isinstance(piece, Long) else piece
    return found


def test_lines() -> None:
    """Lines as they stand, the last one with or without its end; the mark of UTF-8 is none of them."""
    assert flat([MARK + b"a\r\n\nb"]) == [b"a\r", b"", b"b"]
    assert flat([b"a\n"]) == [b"a"]
    assert flat([MARK]) == [b""]
    assert flat([]) == []


@given(INPUTS, st.lists(st.integers(0, 1000), max_size=8))
def test_cuts_make_no_difference(data: bytes, places: list[int]) -> None:
    """Wherever the bytes are cut, the lines, their numbers and their count are the same."""
    chunks = cut(data, places)
    assert flat(chunks) == flat([data])
    records = [record for batch in numbered(lines_of(chunks)) for record in batch]
    assert records == [record for batch in numbered(lines_of([data])) for record in batch]
    assert count_lines(lines_of(chunks)) == len(records)


def test_numbers() -> None:
    """Blank lines are counted and left out."""
    batches = numbered(lines_of([b"a\n\n \r\n" + MARK + b"\nb\r\n", b"c"]))
    assert list(batches) == [[(1, b"a"), (5, b"b")], [(6, b"c")]]


@pytest.mark.parametrize("end", [b"", b"\nlast"])
def test_a_line_that_is_too_long(end: bytes) -> None:
    """It is told with its number and size, and its neighbours are as ever."""
    data = b"first\n" + b'"' * (LARGEST + 1) + end
    chunks = [data[at : at + 2**20] for at in range(0, len(data), 2**20)]
    found = flat(chunks)
    assert found == [b"first", Long(LARGEST + 1, LARGEST + 1), *([b"last"] if end else [])]
    records = [record for batch in numbered(lines_of(chunks)) for record in batch]
    assert records[1] == (2, too_long(2, LARGEST + 1))
    assert count_lines(lines_of(chunks)) == len(records)


def test_the_longest_line() -> None:
    """A line of just the most that is allowed is kept."""
    assert flat([b"a" * LARGEST, b"\n"]) == [b"a" * LARGEST]


def test_memory_of_a_long_line() -> None:
    """A line of 100 MB takes no more than the most that is kept."""
    tracemalloc.start()
    try:
        assert [*lines_of(b"a" * 2**16 for _ in range(1600))] == [Long(1600 * 2**16, 0)]
        assert tracemalloc.get_traced_memory()[1] < 3 * LARGEST
    finally:
        tracemalloc.stop()


def test_too_long() -> None:
    """The sentence has the size and the limit."""
    message = "line 2: it has 52,428,800 bytes, and 10 MiB are the most: shorten it!"
    assert too_long(2, 50 * 2**20, "!") == Bad(2, "line-2", message)


# ---------------------------------------------------------------- rows of a CSV


def rows(data: bytes, delimiter: bytes = b",") -> list[bytes | int]:
    row, found = Row(delimiter), list[bytes | int]()
    for line in flat([data]):
        ended = row.add(line)
        if ended is not None:
            found.append(ended)
    return [*found, row.end()] if row.quoted else found


def test_rows() -> None:
    """A row goes on where a line ends within quotes, and a quote within a bare cell is nothing."""
    assert rows(b'a,"b\n\nc"\nd') == [b'a,"b\n\nc"', b"d"]
    assert rows(b'5" pipe,a\n"6"" pipe"\n"x"y,"z"') == [b'5" pipe,a', b'"6"" pipe"', b'"x"y,"z"']
    assert rows(b'a;"b\n"', b";") == [b'a;"b\n"']
    assert rows(b'a,"never\nclosed') == [b'a,"never\nclosed']


def test_rows_that_are_too_long() -> None:
    """They are told by their size, and what comes behind them is read as ever."""
    line = b"a" * (LARGEST // 2) + b"\n"
    assert rows(b'"' + 3 * line + b'"\nnext') == [3 * len(line) + 2, b"next"]
    assert rows(b'a,"' + b"a" * LARGEST + b'\nrest"\nnext') == [LARGEST + 3 + 6, b"next"]
    assert rows(b'"' + b"a" * LARGEST + b'"\nnext') == [LARGEST + 2, b"next"]


def test_a_row_of_the_most() -> None:
    """A row of several lines may be as long as a line."""
    row = b'"' + b"a" * (LARGEST - 3) + b'\n"'
    assert rows(row) == [row]


CELLS = st.text(st.sampled_from('ab",; \t'), max_size=6)


@given(st.lists(st.lists(CELLS | st.just("a\n\nb"), min_size=1, max_size=4), max_size=5))
def test_rows_of_the_csv_module(table: list[list[str]]) -> None:
    """What the csv module has written has as many rows as were written."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    assert len(rows(text.getvalue().encode())) == len(table)


@given(st.lists(CELLS).map(",".join))
def test_ends_open_as_the_csv_module(line: str) -> None:
    """A line ends within quotes just where the csv module reads on."""
    read = list(csv.reader([line, "\0end"]))
    assert ends_open(line.encode(), b",", False) is (len(read) == 1 and bool(line))
