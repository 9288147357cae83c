"""The job file: what is put in, who owns an id, and how a broken one is told."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from racer.batch.index import AGAIN, Damaged, Index, number_of, peek, sides
from racer.errors import JobError

if TYPE_CHECKING:
    from pathlib import Path

D = b"12345678"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".out.jsonl.job"


def test_what_is_put_in_is_there_again(path: Path) -> None:
    """For its owner alone, also behind the last writing of another opening."""
    with closing(Index.open(path)) as index:
        index.put(terms={"a": 1}, pid=7)
        index.put(pid=None)
        index.note([(1, D, 10, False), (2, D, 20, True)], noted={"size": 5})

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with closing(Index.open(path)) as index:
        assert (index.get("terms"), index.get("pid"), index.get("noted")) == ({"a": 1}, None, {"size": 5})
        assert list(index.entries()) == [(1, 0), (2, 1)]
        assert list(index.digests(2, 9)) == [(2, D)]
        index.clear()
        assert list(index.entries()) == []


def test_lines_that_are_to_be_asked_again(path: Path) -> None:
    """They stay marked, whatever else is forgotten, until they have a row; their ids are free."""
    with closing(Index.open(path)) as index:
        index.note([(1, D, 10, False), (2, D, 20, True), (3, D, 30, True)])
        assert index.ask_again(rebuild=True)
        assert not index.ask_again(rebuild=7), "none has failed since"
        assert index.get("rebuild") is True
        assert list(index.entries()) == [(1, 0), (2, AGAIN), (3, AGAIN)]
        assert not index.claim([(10, 4)])
        assert index.claim([(20, 4)])
        index.note([(3, D, 30, True)])
        index.forget_rows(rebuild=None)
        assert (list(index.entries()), index.get("rebuild")) == ([(2, AGAIN)], None)
        index.note([(2, D, 20, False)])
        assert list(index.entries()) == [(2, 0)]


def test_all_or_nothing(path: Path) -> None:
    """What fails leaves nothing behind, and does not stand in the way of the next."""
    with closing(Index.open(path)) as index:
        with pytest.raises(sqlite3.Error):
            index.note([(1, D, 10, False), (2, None, 20, True)], noted=1)  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]  the fault

        assert (list(index.entries()), index.get("noted")) == ([], None)
        index.note([(1, D, 10, False)])
        assert list(index.entries()) == [(1, 0)]


def test_an_answer_counts_more_than_an_error(path: Path) -> None:
    """Of two rows of a line, whichever comes first."""
    with closing(Index.open(path)) as index:
        index.note([(1, D, 10, True), (1, b"22222222", 10, False), (1, D, 10, True)])

        assert list(index.entries()) == [(1, 0)]
        assert list(index.digests(1, 1)) == [(1, b"22222222")]


def test_who_owns_an_id(path: Path) -> None:
    """Of the lines that are done those with an answer, and the first; then whoever claims it first."""
    with closing(Index.open(path)) as index:
        index.note([(3, D, 10, True), (4, D, 10, False), (5, D, 10, False), (6, D, 20, True)])

        assert index.claim([(30, 1), (40, 2)])
        assert not index.claim([(50, 7), (10, 8), (30, 9)])
        assert [index.owner(each) for each in (10, 20, 30, 40, 50)] == [4, 6, 1, 2, 7]
        index.hand_over(20, 2)
        assert index.owner(20) == 2


def test_ids_as_numbers() -> None:
    """A text and a number that look alike are two ids, and no id is too odd."""
    odd: list[str | int] = ["7", 7, "", "\ud800", 1 << 80, "x" * 1000]

    assert len({number_of(each) for each in odd}) == len(odd)
    assert number_of("7") == number_of("7")


def test_others_may_peek(path: Path) -> None:
    """While it is open, and whatever lies there."""
    with closing(Index.open(path)) as index:
        index.put(pid=7)
        index.flush()
        assert peek(path, "pid") == 7
        assert peek(path, "nothing") is None
        assert [each.name for each in sides(path)] == [".out.jsonl.job-wal", ".out.jsonl.job"]

    path.write_bytes(b"noise" * 1000)
    assert peek(path, "pid") is None
    path.unlink()
    assert peek(path, "pid") is None


def test_a_newer_one_is_refused(path: Path) -> None:
    """It is left as it is."""
    Index.open(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    before = path.read_bytes()

    with pytest.raises(JobError, match="upgrade this one") as caught:
        Index.open(path)

    assert caught.value.kind == "newer"
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["noise", "folder", "link", "other", "cut", "tables"])
def test_what_is_damaged(path: Path, kind: str) -> None:
    """Noise, half a file, things in its place, and a database of somebody else."""
    with closing(Index.open(path)) as index:
        index.note((line, D, line, False) for line in range(5000))
    if kind == "noise":
        path.write_bytes(bytes(range(256)) * 40)
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[:9000])
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "link":
        path.rename(path.with_name("x"))
        path.symlink_to("x")
    else:
        statement = "DROP TABLE lines" if kind == "tables" else "PRAGMA application_id = 5"
        with closing(sqlite3.connect(path)) as other:
            other.execute(statement)

    with pytest.raises(Damaged):
        read(path)


def read(path: Path) -> None:
    with closing(Index.open(path)) as index:
        list(index.entries())


def test_values_that_are_no_json(path: Path) -> None:
    """A hand, or a bit."""
    with closing(Index.open(path)) as index:
        index.put(noted=1)
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE job SET value = '{'")
        other.commit()

    with closing(Index.open(path)) as index, pytest.raises(Damaged):
        index.get("noted")
