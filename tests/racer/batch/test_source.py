"""racer/batch/source.py: files, pipes and stdin give their records; what cannot be read says why."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.batch.form import Form
from racer.batch.line import Bad
from racer.batch.source import LARGEST, Source, digest_of
from racer.errors import BadRequest, JobError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from racer.batch.records import Record

PROMPTS = b'{"prompt": "a"}\r\n\n{"prompt": "b"}'


def everything(source: Source, most: int = 1000) -> list[Record]:
    found: list[Record] = []
    while batch := source.take(most):
        assert len(batch) <= most
        found += batch
    return found


def read(path: Path, data: bytes, **options: Any) -> list[Record]:
    path.write_bytes(data)
    with closing(Source.open(path, **options)) as source:
        census = source.census()
        found = everything(source)
        assert census is not None
        assert census.prompts == len(found)
        return found


def piped(data: bytes) -> io.BufferedReader:
    """The reading end of a pipe that has it all."""
    there, here = os.pipe()
    with os.fdopen(here, "wb") as pipe:
        pipe.write(data)
    return os.fdopen(there, "rb")


def refusal(path: object, **options: Any) -> str:
    with pytest.raises(BadRequest) as caught:
        Source.open(path, **options)  # type: ignore[arg-type]
    return str(caught.value)


# ---------------------------------------------------------------- files


def test_file(tmp_path: Path) -> None:
    """A file has a name and a form, and its lines their numbers."""
    path = tmp_path / "in.jsonl"
    assert read(path, b"\xef\xbb\xbf" + PROMPTS) == [(1, b'{"prompt": "a"}'), (3, b'{"prompt": "b"}')]
    with closing(Source.open(str(path))) as source:
        assert (source.name, source.form, source.is_pipe) == (str(path), Form.PROMPTS, False)


def test_forms(tmp_path: Path) -> None:
    """The form is told by the file, or given."""
    assert read(tmp_path / "in.txt", b"a\nb\n") == [(1, b"a"), (2, b"b")]
    assert read(tmp_path / "in.csv", b"q,id\nHi,3\n", column="q") == [(2, b'{"prompt":"Hi","id":"3"}')]
    assert read(tmp_path / "in.dat", b"prompt\nHi\n", form=Form.TABLE) == [(2, b'{"prompt":"Hi"}')]


def test_parquet(tmp_path: Path) -> None:
    """Of a Parquet file the rows."""
    arrow = pytest.importorskip("pyarrow")
    path = tmp_path / "in.parquet"
    pytest.importorskip("pyarrow.parquet").write_table(arrow.table({"prompt": ["a", "b"]}), path)
    data = path.read_bytes()
    assert read(path, data) == [(1, b'{"prompt":"a"}'), (2, b'{"prompt":"b"}')]
    assert "from a file alone" in refusal("-", stdin=io.BytesIO(data))
    path.write_bytes(gzip.compress(data))
    assert "from a file alone" in refusal(path)


def test_batches(tmp_path: Path) -> None:
    """At most so many at once, and at least one."""
    lines = [b"%d" % number for number in range(20_000)]
    assert read(tmp_path / "a", b"\n".join(lines)) == list(enumerate(lines, 1))
    with closing(Source.open(tmp_path / "a")) as source:
        assert everything(source, 7) == list(enumerate(lines, 1))
    with closing(Source.open(tmp_path / "a")) as source:
        assert source.take(0) == [(1, b"0")]


def test_census(tmp_path: Path) -> None:
    """It has the lines, the bytes and a digest, and takes nothing away from what is taken."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(PROMPTS)
    with closing(Source.open(path)) as source:
        census = source.census()
        assert census is not None
        assert (census.prompts, census.bytes, len(census.digest)) == (2, len(PROMPTS), 32)
        assert source.census() == census
        assert len(everything(source)) == 2
        path.write_bytes(PROMPTS.replace(b"a", b"c"))
        assert source.census() != census


BIG = b"".join(b"prompt %d\n" % number for number in range(50_000))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
@pytest.mark.parametrize(
    "now",
    [
        pytest.param(b"", id="empty"),
        pytest.param(BIG[:200_000], id="cut"),
        pytest.param(BIG[:-1], id="cut by a byte"),
        pytest.param(BIG + b"more\n", id="longer"),
        pytest.param(BIG.replace(b"prompt", b"tpromp"), id="written over"),
        pytest.param(BIG.replace(b"49999", b"49998"), id="a letter"),
    ],
)
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, now: bytes, pack: Callable[[bytes], bytes]
) -> None:
    """Nothing is taken that was not there when it was counted, and it does not end as if it were whole."""
    path, taken = tmp_path / "in.txt", list[bytes]()
    path.write_bytes(pack(BIG))
    with closing(Source.open(path, form=Form.TEXT)) as source:
        source.census()
        path.write_bytes(pack(now))
        with pytest.raises((JobError, BadRequest), match=r"was changed while|cut off|damaged"):
            take_all(source, taken)

    assert BIG.startswith(b"".join(text + b"\n" for text in taken))


def take_all(source: Source, taken: list[bytes]) -> None:
    while found := source.take():
        taken.extend(bytes(raw) for _, raw in found if not isinstance(raw, Bad))


def test_a_file_that_changes_after_it_was_read(tmp_path: Path) -> None:
    """Or that another one takes the place of: what was counted is what was taken."""
    path = tmp_path / "in.txt"
    path.write_bytes(BIG)
    with closing(Source.open(path)) as source:
        source.census()
        (tmp_path / "other").write_bytes(b"other\n")
        (tmp_path / "other").rename(path)
        assert len(everything(source)) == 50_000
    with closing(Source.open(path)) as source:
        source.census()
        assert source.take() == [(1, b"other")]
        assert source.take() == []


def test_a_parquet_file_that_is_touched_while_it_is_read(tmp_path: Path) -> None:
    """It is not read in its order, so what the system says of it counts."""
    arrow: Any = pytest.importorskip("pyarrow")
    path = tmp_path / "in.parquet"
    pytest.importorskip("pyarrow.parquet").write_table(arrow.table({"prompt": ["a"] * 9000}), path)
    with closing(Source.open(path)) as source:
        source.census()
        assert source.take(1)
        os.utime(path, ns=(0, 0))
        with pytest.raises(JobError, match="was changed while"):
            source.take()


def test_gzip(tmp_path: Path) -> None:
    """gzip is seen by its beginning; it may have several members, and zeros at its end."""
    packed = gzip.compress(PROMPTS[:20]) + gzip.compress(PROMPTS[20:]) + bytes(600)
    assert len(read(tmp_path / "in.jsonl.gz", packed)) == 2
    assert read(tmp_path / "a.csv.gz", gzip.compress(b"prompt\nHi", mtime=0)) == [(2, b'{"prompt":"Hi"}')]
    big = [b"%d" % number for number in range(100_000)]
    assert len(read(tmp_path / "b", gzip.compress(b"\n".join(big)))) == len(big)
    with piped(gzip.compress(PROMPTS)) as stdin, closing(Source.open("-", stdin=stdin)) as source:
        assert len(everything(source)) == 2


def test_bad_gzip(tmp_path: Path) -> None:
    """gzip that is cut off or damaged says so, once its whole lines are taken."""
    big = b"".join(b"%d\n" % number for number in range(100_000))
    packed = gzip.compress(big)
    path = tmp_path / "in.txt.gz"
    path.write_bytes(packed[:-9])
    with closing(Source.open(path)) as source:
        with pytest.raises(BadRequest, match="is cut off"):
            everything(source)
        with pytest.raises(BadRequest, match="is cut off"):
            source.census()
    path.write_bytes(packed[:-8] + bytes(8))
    with closing(Source.open(path)) as source, pytest.raises(BadRequest, match="is damaged"):
        everything(source)


def test_a_long_line(tmp_path: Path) -> None:
    """A line of 50 MB in the middle is a bad one, at a bounded cost, and the rest is read."""
    path = tmp_path / "in.txt"
    with path.open("wb") as file:
        file.write(b"a\n")
        file.writelines([b"b" * 2**20] * 50)
        file.write(b"\nc\n")
    tracemalloc.start()
    try:
        with closing(Source.open(path)) as source:
            (_, first), (line, bad), (_, last) = everything(source)
        assert tracemalloc.get_traced_memory()[1] < 3 * LARGEST
    finally:
        tracemalloc.stop()
    assert (first, line, last) == (b"a", 2, b"c")
    assert isinstance(bad, Bad)
    assert bad.message.startswith("line 2: it has 52,428,800 bytes")


def test_a_long_first_line(tmp_path: Path) -> None:
    """The form is told though the first line is longer than what is looked at."""
    line = b'{"custom_id": "a", "body": {"messages": "' + b"a" * 2**21 + b'"}}'
    path = tmp_path / "in.jsonl"
    path.write_bytes(line)
    with closing(Source.open(path)) as source:
        assert source.form is Form.REQUESTS
        assert everything(source) == [(1, line)]


# ---------------------------------------------------------------- what cannot be read


def test_no_file(tmp_path: Path) -> None:
    """What is not there, or no file, or may not be read."""
    assert "there is no such file" in refusal(tmp_path / "none")
    assert refusal(tmp_path).startswith(f"{tmp_path}: this is a folder")
    assert "cannot be read (embedded null byte)" in refusal("a\0b")
    assert "cannot be read (File name too long)" in refusal("a" * 5000)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be read (Too many levels" in refusal(tmp_path / "loop")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permissions(tmp_path: Path) -> None:
    """A file of somebody else's."""
    path = tmp_path / "a"
    path.write_bytes(PROMPTS)
    path.chmod(0)
    assert "it may not be read" in refusal(path)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n \r\n\n", gzip.compress(b"", mtime=0)])
def test_empty(tmp_path: Path, data: bytes) -> None:
    """Nothing in it is no batch."""
    (tmp_path / "a").write_bytes(data)
    assert refusal(tmp_path / "a") == f"{tmp_path / 'a'}: there is no prompt in it: write one a line"
    assert refusal("-", stdin=io.BytesIO(data)).startswith("stdin: there is no prompt in it")


def test_no_text(tmp_path: Path) -> None:
    """What is not in UTF-8 as a whole is refused, whatever form was given."""
    (tmp_path / "a").write_bytes("Hi\n".encode("utf-16"))
    assert refusal(tmp_path / "a", form=Form.TEXT).startswith(
        f"{tmp_path / 'a'}: the input is UTF-16: convert it"
    )


def test_table_without_the_column(tmp_path: Path) -> None:
    """A table says which columns it has before anything is taken."""
    (tmp_path / "a.csv").write_bytes(b"question\nHi\n")
    assert 'a.csv: there is no column "prompt"' in refusal(tmp_path / "a.csv")


def test_a_file_that_goes_away(tmp_path: Path) -> None:
    """What is open is read on; another pass says that it is gone."""
    path = tmp_path / "a"
    path.write_bytes(PROMPTS)
    with closing(Source.open(path)) as source:
        path.unlink()
        assert len(everything(source)) == 2
        with pytest.raises(BadRequest, match="there is no such file"):
            source.census()


# ---------------------------------------------------------------- pipes


def test_stdin() -> None:
    """A pipe is read as it comes; it has no census."""
    with piped(PROMPTS) as stdin, closing(Source.open("-", stdin=stdin)) as source:
        assert (source.name, source.form, source.is_pipe, source.census()) == (
            "stdin",
            Form.PROMPTS,
            True,
            None,
        )
        assert [line for line, _ in everything(source)] == [1, 3]


def test_a_pipe_gives_what_it_has() -> None:
    """It does not wait for as many as are asked for."""
    there, here = os.pipe()
    with os.fdopen(here, "wb", 0) as pipe, os.fdopen(there, "rb") as stdin:
        pipe.write(b"one\ntwo\nth")
        with closing(Source.open("-", stdin=stdin)) as source:
            assert source.take() == [(1, b"one"), (2, b"two")]
            pipe.write(b"ree\n")
            assert source.take() == [(3, b"three")]
            pipe.write(b"end")
            pipe.close()
            assert source.take() == [(4, b"end")]
            assert source.take() == []


def test_what_stdin_has_buffered() -> None:
    """What somebody has looked at is not lost."""
    with piped(b"a\n" * 10_000) as stdin:
        stdin.peek()
        with closing(Source.open("-", stdin=stdin)) as source:
            assert len(everything(source)) == 10_000


def test_fifo(tmp_path: Path) -> None:
    """A named pipe is a pipe, with the form that its name says."""
    path = tmp_path / "in.jsonl"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(PROMPTS,))
    writer.start()
    with closing(Source.open(path)) as source:
        assert (source.is_pipe, source.form) == (True, Form.PROMPTS)
        assert len(everything(source)) == 2
    writer.join()


def test_stdin_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stdin where none is given, and a program may have none."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Hi\n")))
    with closing(Source.open("-")) as source:
        assert everything(source) == [(1, b"Hi")]
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal("-") == "stdin: this program has none: name a file"


def test_closed_stdin() -> None:
    """A stream that is closed says so."""
    stdin = piped(PROMPTS)
    stdin.close()
    assert "stdin: it cannot be read (" in refusal("-", stdin=stdin)


def test_raw_stdin() -> None:
    """A stream without a buffer is read as well."""
    there, here = os.pipe()
    with os.fdopen(here, "wb") as pipe:
        pipe.write(PROMPTS)
    with os.fdopen(there, "rb", 0) as stdin, closing(Source.open("-", stdin=stdin)) as source:
        assert len(everything(source)) == 2


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"\xef\xbb\xbf", b" ", b"bc"]), min_size=1))
def test_pieces_make_no_difference(pieces: list[bytes]) -> None:
    """However a stream is cut, its records are the same."""

    class Stream(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            return parts.pop(0) if parts else b""

    parts, data = list(pieces), b"".join(pieces)
    outcomes: list[Callable[[], list[Record]]] = [
        lambda: everything(Source.open("-", stdin=Stream())),
        lambda: everything(Source.open("-", stdin=io.BytesIO(data))),
    ]
    found: list[object] = []
    for outcome in outcomes:
        try:
            found.append(outcome())
        except BadRequest as error:
            found.append(str(error))
    assert found[0] == found[1]


# ---------------------------------------------------------------- the end


def test_close_ends_a_take() -> None:
    """Who waits for a pipe is woken with nothing, not with half a line."""
    there, here = os.pipe()
    with os.fdopen(here, "wb", 0) as pipe, os.fdopen(there, "rb") as stdin:
        pipe.write(b"one\nhalf")
        source = Source.open("-", stdin=stdin)
        assert source.take() == [(1, b"one")]
        found: list[list[Record]] = []
        waiting = threading.Thread(target=lambda: found.append(source.take()))
        waiting.start()
        source.close()
        waiting.join()
        source.close()
        assert found == [[]]
        assert not stdin.closed


def test_closed(tmp_path: Path) -> None:
    """Nothing comes of what is closed."""
    (tmp_path / "a").write_bytes(PROMPTS)
    source = Source.open(tmp_path / "a")
    source.close()
    assert source.take() == []


def test_digest_of() -> None:
    """Eight bytes, the same for the same line."""
    assert digest_of(b"a") == digest_of(b"a") != digest_of(b"b")
    assert len(digest_of(b"")) == 8
