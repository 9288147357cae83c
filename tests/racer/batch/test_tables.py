"""racer/batch/tables.py: rows of CSV and Parquet become JSON objects, or say what is wrong with them."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.batch.line import Bad
from racer.batch.records import LARGEST, lines_of
from racer.batch.tables import count_parquet, count_rows, csv_records, parquet_records
from racer.errors import BadRequest

if TYPE_CHECKING:
    from pathlib import Path

    from racer.batch.records import Record


MUCH = (b"a" * 1023 + b"\n") * (2 * LARGEST // 1024)


def read(data: bytes, column: str = "prompt") -> list[Record]:
    records = [record for batch in csv_records(lines_of([data]), column) for record in batch]
    assert count_rows(lines_of([data]), column) == len(records)
    return records


def values(data: bytes, column: str = "prompt") -> list[tuple[int, Any]]:
    return [(line, raw if isinstance(raw, Bad) else orjson.loads(raw)) for line, raw in read(data, column)]


def why(data: bytes) -> str:
    (_, found) = read(b"prompt,id\n" + data)[0]
    assert isinstance(found, Bad)
    return found.message


def test_csv() -> None:
    """Rows are numbered with the header as the first, those with nothing in them left out."""
    table = b'prompt,id,color\r\nHi,1,red\r\n\r\n,,\r\n"two\nlines, ""x""",,\r\nlast'
    assert values(table) == [
        (2, {"prompt": "Hi", "id": "1"}),
        (5, {"prompt": 'two\nlines, "x"'}),
        (6, {"prompt": "last"}),
    ]


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t"])
def test_delimiters(delimiter: bytes) -> None:
    """What parts the cells is seen in the header."""
    assert values(b"id|prompt\n1|a".replace(b"|", delimiter)) == [(2, {"id": "1", "prompt": "a"})]


def test_columns() -> None:
    """The prompts may stand in a column of any name; then one named prompt is none."""
    assert values(b"prompt,q\nno,yes", "q") == [(2, {"prompt": "yes"})]
    assert values(b"messages\n[]") == [(2, {"messages": "[]"})]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            b"question;id\n",
            'no column "prompt": name the one with the prompts; the columns are "question", "id"',
        ),
        (b"caf\xe9\n", 'the columns are "caf\ufffd"'),
        (b"prompt,prompt\n", '2 columns "prompt": name them apart'),
        (b'"prompt\n', "none that can be read"),
        (b'"' + MUCH + b'"', "none that can be read"),
    ],
)
def test_headers(header: bytes, message: str) -> None:
    """A table without the column, or with two of them, is refused, and says which there are."""
    with pytest.raises(BadRequest, match=message):
        read(header)
    with pytest.raises(BadRequest, match=message):
        count_rows(lines_of([header]), "prompt")


def test_bad_rows() -> None:
    """A row that cannot be read is told with its number."""
    assert (
        why(b"a,b,c")
        == 'line 2: it has 3 cells, and the header has 2: put quotes around a text that has "," in it'
    )
    assert why(b"caf\xe9,1").startswith("line 2: it is not UTF-8 (byte 0xE9)")
    assert why(b"a\rb,1").startswith("line 2: it is not CSV (new-line character")
    assert why(b'"a\nb\n').startswith("line 2: a quote is opened in it and never closed")
    assert why(b'"' + MUCH + b'"').startswith("line 2: it has 20,971,522 bytes, and 10 MiB are the most")


def test_a_long_cell() -> None:
    """A cell may be as long as a line, and the limit of the csv module is what it was."""
    before = csv.field_size_limit()
    ((_, found),) = values(b"prompt\n" + b"a" * 1_000_000)
    assert found == {"prompt": "a" * 1_000_000}
    assert csv.field_size_limit() == before


CELLS = st.text(st.characters(exclude_characters="\0\r", codec="utf-8"), min_size=1, max_size=8)


@given(st.lists(CELLS, max_size=6), st.integers(1, 9))
def test_what_was_written_is_read(prompts: list[str], size: int) -> None:
    """Each prompt comes back from a CSV, however its bytes come."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["prompt"], *([each] for each in prompts)])
    data = text.getvalue().encode()
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    found = [raw for batch in csv_records(lines_of(chunks), "prompt") for _, raw in batch]
    wanted = [each for each in prompts if each.strip('" \t\r\n,')]
    assert [orjson.loads(raw)["prompt"] for raw in found if isinstance(raw, bytes)] == wanted


# ---------------------------------------------------------------- Parquet


def parquet(path: Path, columns: dict[str, Any]) -> str:
    arrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(arrow.table(columns), path, row_group_size=700)
    return str(path)


def test_parquet(tmp_path: Path) -> None:
    """Rows are numbered from 1; only the columns that mean something are read."""
    count = 1500
    columns = {"q": [f"p{n}" for n in range(count)], "id": list(range(count)), "color": ["red"] * count}
    path = parquet(tmp_path / "in.parquet", columns)
    found = [record for batch in parquet_records(path, "q") for record in batch]
    assert [line for line, _ in found] == list(range(1, count + 1))
    assert found[1234][1] == b'{"prompt":"p1234","id":1234}'
    assert count_parquet(path, "q") == count


def test_parquet_values(tmp_path: Path) -> None:
    """Messages may be a list of records; bytes are text, and what JSON does not know is written out."""
    from decimal import Decimal

    said = [{"role": "user", "content": "Hi"}]
    path = parquet(
        tmp_path / "a", {"messages": [said, None], "id": [Decimal("1.5"), None], "system": [b"x", None]}
    )
    first, second = [
        orjson.loads(raw)
        for batch in parquet_records(path, "prompt")
        for _, raw in batch
        if isinstance(raw, bytes)
    ]
    assert first == {"messages": said, "id": "1.5", "system": "x"}
    assert second == {"messages": None, "id": None, "system": None}


def test_bad_parquet_rows(tmp_path: Path) -> None:
    """A row that cannot be read is told with its number, and the rest is read."""
    path = parquet(tmp_path / "a", {"prompt": [b"\xe9", b"a" * (LARGEST + 1), b"fine"]})
    (_, first), (_, second), (_, third) = [
        record for batch in parquet_records(path, "prompt") for record in batch
    ]
    assert isinstance(first, Bad)
    assert first.message.startswith("line 1: it cannot be read as JSON")
    assert isinstance(second, Bad)
    assert second.message.startswith("line 2: it has 10,485,774 bytes")
    assert third == b'{"prompt":"fine"}'


def test_text_in_parquet_that_is_none(tmp_path: Path) -> None:
    """A text may say to be UTF-8 and be none."""
    arrow: Any = pytest.importorskip("pyarrow")
    texts = arrow.array([b"\xe9"], arrow.binary()).view(arrow.string())
    path = parquet(tmp_path / "a", {"prompt": texts})
    ((_, found),) = next(iter(parquet_records(path, "prompt")))
    assert isinstance(found, Bad)
    assert found.message.startswith("line 1: it has a text that is not UTF-8")


def test_parquet_that_is_none(tmp_path: Path) -> None:
    """A damaged file, and one without the column, are refused."""
    path = parquet(tmp_path / "a", {"question": ["?"]})
    with pytest.raises(BadRequest, match='no column "prompt"'):
        next(iter(parquet_records(path, "prompt")))
    with pytest.raises(BadRequest, match='no column "prompt"'):
        count_parquet(path, "prompt")
    (tmp_path / "b").write_bytes(b"PAR1 and nothing")
    with pytest.raises(BadRequest, match="it cannot be read as Parquet"):
        next(iter(parquet_records(str(tmp_path / "b"), "prompt")))


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lacks pyarrow is told what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(BadRequest, match=r"needs pyarrow: pip install 'llm-racer\[parquet\]'"):
        next(iter(parquet_records("any", "prompt")))
