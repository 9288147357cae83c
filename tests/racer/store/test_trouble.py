"""Errors of SQLite and of the disk, each made by real means where there are any, and what is told of them."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from racer.errors import StoreError, StoreTrouble
from racer.store.trouble import WORDS, kind_of, translated, trouble

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = Path("here") / "racer.db"


def locked(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as one:
        one.execute("BEGIN IMMEDIATE")
        with closing(sqlite3.connect(file, timeout=0)) as other:
            other.execute("CREATE TABLE t (x)")


def full(file: Path) -> None:
    with closing(sqlite3.connect(file)) as one:
        one.execute("PRAGMA max_page_count = 2")
        one.execute("CREATE TABLE t (x)")
        one.execute("INSERT INTO t VALUES (zeroblob(10000))")


def read_only(file: Path) -> None:
    file.touch()
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as one:
        one.execute("CREATE TABLE t (x)")


def no_database(file: Path) -> None:
    file.write_bytes(b"a letter to the bank, " * 400)
    with closing(sqlite3.connect(file)) as one:
        one.execute("SELECT * FROM sqlite_master")


def cut(file: Path) -> None:
    with closing(sqlite3.connect(file)) as one, one:
        one.execute("CREATE TABLE t AS SELECT zeroblob(20000) AS x")
    os.truncate(file, 8192)
    no_read(file)


def no_read(file: Path) -> None:
    with closing(sqlite3.connect(file)) as one:
        one.execute("SELECT * FROM t").fetchall()


def a_folder(file: Path) -> None:
    file.mkdir()
    with closing(sqlite3.connect(file)):
        pass


def no_constraint(file: Path) -> None:
    with closing(sqlite3.connect(file)) as one:
        one.execute("CREATE TABLE t (x NOT NULL)")
        one.execute("INSERT INTO t VALUES (NULL)")


def closed(file: Path) -> None:
    one = sqlite3.connect(file)
    one.close()
    one.execute("SELECT 1")


def below_a_file(file: Path) -> None:
    file.touch()
    (file / "racer.db").touch()


CASES: list[tuple[Callable[[Path], None], StoreTrouble]] = [
    (locked, "locked"),
    (full, "full"),
    (read_only, "read_only"),
    (no_database, "corrupt"),
    (cut, "corrupt"),
    (a_folder, "unopened"),
    (below_a_file, "unopened"),
    (no_read, "other"),
    (no_constraint, "other"),
    (closed, "other"),
]


@pytest.mark.parametrize(("mishap", "kind"), CASES, ids=lambda case: getattr(case, "__name__", case))
def test_each_mishap_has_its_kind(mishap: Callable[[Path], None], kind: str, tmp_path: Path) -> None:
    """What really goes wrong is told apart, whatever class its exception has."""
    with pytest.raises((sqlite3.Error, OSError)) as caught:
        mishap(tmp_path / "racer.db")

    assert isinstance(caught.value, (sqlite3.Error, OSError))
    told = translated(caught.value, FILE)

    assert told.kind == kind
    assert str(FILE) in str(told)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "full"),
        (errno.EROFS, "read_only"),
        (errno.EACCES, "read_only"),
        (errno.EPERM, "read_only"),
        (errno.EMFILE, "unopened"),
    ],
)
def test_errors_of_the_disk(number: int, kind: str) -> None:
    """The system's numbers are told apart too, and its words are kept, with the file they are about."""
    told = translated(OSError(number, os.strerror(number), "x.lock"), FILE)

    assert told.kind == kind
    assert f"{os.strerror(number)}: x.lock" in str(told)


def test_no_room_for_the_index_of_the_log() -> None:
    """SQLite calls a full disk an input error where the file is one of those that it maps into memory."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE

    assert kind_of(error) == "full"


def test_every_kind_has_its_words() -> None:
    """Each message names the database and why; and each but the last says what to do."""
    assert set(WORDS) == set(get_args(StoreTrouble))
    for kind in WORDS:
        message = str(trouble(kind, FILE, "{because}"))
        assert f"the database {FILE}" in message
        assert "{because}" in message
        assert kind == "other" or any(what in message for what in ("RACER_DB", "racer opens it next"))


def test_a_database_in_memory_has_no_path() -> None:
    """It is called what it is, and an error without words gets the name of its class."""
    told = translated(sqlite3.Error(), None)

    assert isinstance(told, StoreError)
    assert str(told) == "the database in memory failed: Error"
    assert "OSError" in str(translated(OSError(), FILE))
