"""The database as it is read: what there is, what is wrong with it, and that it stays as it was."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from racer.accounts.ledger_file import LARGEST_COPY, file_of, now, read
from racer.config import compose
from racer.errors import StoreError
from racer.store import census
from racer.store.schema import MIGRATIONS, Migration
from racer.timepiece import Timepiece
from tests.racer.accounts.ledgers import NOW, put_old_race, written

PIECE = Timepiece(lambda: NOW, lambda: 500.0, "this boot")


def count(connection: sqlite3.Connection, at: float) -> tuple[int, float]:
    """How many meters there are, and when that was."""
    found = connection.execute("SELECT COUNT(*) FROM meters").fetchone()
    return int(found[0]), at


def nothing(connection: sqlite3.Connection) -> None:
    """A database with tables alone."""


def test_where_it_is(tmp_path: Path) -> None:
    """As RACER_DB, the configuration or the home folder say; a relative path starts in the folder."""
    assert file_of(compose({}, {}, {"RACER_DB": "my.db"}), tmp_path) == tmp_path / "my.db"
    assert file_of(compose({"store": {"url": "sqlite:////a/b.db"}}, {}, {}), tmp_path) == Path("/a/b.db")
    assert file_of(compose({}, {}, {"RACER_DB": ":memory:"}), tmp_path) is None


def test_none_is_made_to_be_read(tmp_path: Path) -> None:
    """Neither the file nor its folder."""
    assert read(None, count, PIECE) is None
    assert read(tmp_path / "folder" / "racer.db", count, PIECE) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", None])
def test_an_empty_one_holds_nothing(content: bytes | None, tmp_path: Path) -> None:
    """As a process leaves it that died while it made it."""
    path = tmp_path / "racer.db"
    if content is None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    else:
        path.write_bytes(content)

    assert read(path, count, PIECE) is None


def test_it_is_read_and_left_as_it_was(tmp_path: Path) -> None:
    """Without a log beside it; none stays, and the file has the same bytes."""
    path = written(tmp_path / "racer.db", nothing)
    before = path.read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["racer.db", "racer.db.lock"]

    assert read(path, count, PIECE) == (0, NOW)

    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["racer.db", "racer.db.lock"]


def test_it_is_read_while_another_writes(tmp_path: Path) -> None:
    """What is committed so far, without waiting."""
    path = written(tmp_path / "racer.db", nothing)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM facts")

        assert read(path, count, PIECE) == (0, NOW)


def test_nothing_can_be_written(tmp_path: Path) -> None:
    """By whatever the work is."""
    path = written(tmp_path / "racer.db", nothing)

    with pytest.raises(StoreError) as caught:
        read(path, lambda connection, _: connection.execute("DELETE FROM facts"), PIECE)

    assert caught.value.kind == "read_only"


def pragma(statement: str, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("PRAGMA user_version = 999", "newer"),
        ("PRAGMA user_version = 0", "other"),
        ("PRAGMA application_id = 7", "foreign"),
    ],
)
def test_other_tables_than_ours_are_refused(statement: str, kind: str, tmp_path: Path) -> None:
    """Of a newer racer, of none that there was, of another program."""
    path = written(tmp_path / "racer.db", nothing)
    pragma(statement, path)

    with pytest.raises(StoreError) as caught:
        read(path, count, PIECE)

    assert caught.value.kind == kind
    assert str(path) in str(caught.value)


# ---------------------------------------------------------------- of an older racer


def old_race(connection: sqlite3.Connection) -> None:
    """One that the first racers have written."""
    census.anchor(connection, wall=NOW - 100, ticks=400.0, boot="this boot")
    put_old_race(connection, "r")


def races(connection: sqlite3.Connection, at: float) -> tuple[list[tuple[object, ...]], float]:
    return connection.execute("SELECT race, ending, sent FROM v_races").fetchall(), at


def test_one_of_an_older_racer_is_read_as_if_it_were_new(tmp_path: Path) -> None:
    """What it does not know is NULL; the clock is its own. The file and its folder stay as they were."""
    path = written(tmp_path / "racer.db", old_race, migrations=MIGRATIONS[:1])
    before, names = path.read_bytes(), sorted(tmp_path.iterdir())

    assert read(path, races, Timepiece(lambda: NOW + 7, lambda: 500.0, "this boot")) == (
        [("r", "won", None)],
        NOW,
    )

    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == names


def test_one_of_an_older_racer_is_read_while_it_writes(tmp_path: Path) -> None:
    """What is in its log, too, and nothing that is not committed."""
    path = written(tmp_path / "racer.db", nothing, migrations=MIGRATIONS[:1])
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        put_old_race(older, "a")
        older.execute("BEGIN IMMEDIATE")
        put_old_race(older, "b")

        assert read(path, races, PIECE) == ([("a", "won", None)], NOW)


def test_nothing_can_be_written_into_a_copy(tmp_path: Path) -> None:
    """As in the file: what is written there would be lost."""
    path = written(tmp_path / "racer.db", nothing, migrations=MIGRATIONS[:1])

    with pytest.raises(StoreError) as caught:
        read(path, lambda connection, _: connection.execute("DELETE FROM facts"), PIECE)

    assert caught.value.kind == "read_only"


def test_a_large_one_of_an_older_racer_is_not_copied(tmp_path: Path) -> None:
    """It says what brings the file up to date. A hole takes no room on the disk."""
    path = written(tmp_path / "racer.db", nothing, migrations=MIGRATIONS[:1])
    size = LARGEST_COPY + 4096
    with path.open("r+b") as file:
        file.truncate(size)
        file.seek(28)  # where SQLite counts its pages
        file.write((size // 4096).to_bytes(4, "big"))

    with pytest.raises(StoreError, match=r"with 500 MB, too large to be copied .* run a race") as caught:
        read(path, count, PIECE)

    assert caught.value.kind == "unopened"


@pytest.mark.parametrize("migrations", [MIGRATIONS, MIGRATIONS[:1]])
def test_a_folder_that_cannot_be_written(migrations: tuple[Migration, ...], tmp_path: Path) -> None:
    """No log can be made there: the file is read without one."""
    path = written(tmp_path / "racer.db", put_old_race, migrations=migrations)
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("root may write everywhere")
        assert read(path, races, PIECE) == ([("r", "won", None)], NOW)
    finally:
        tmp_path.chmod(0o700)


def test_a_broken_one_stays_where_it_is(tmp_path: Path) -> None:
    """A command that reads says so; racer sets it aside when it opens it next."""
    path = tmp_path / "racer.db"
    path.write_bytes(b"no database " * 1000)

    with pytest.raises(StoreError) as caught:
        read(path, count, PIECE)

    assert caught.value.kind == "corrupt"
    assert path.read_bytes() == b"no database " * 1000


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """SQLite cannot open it."""
    with pytest.raises(StoreError) as caught:
        read(tmp_path, count, PIECE)

    assert caught.value.kind == "unopened"


@pytest.mark.real_time
def test_a_locked_one_is_told(tmp_path: Path) -> None:
    """Another program may shut out readers, too; it is waited for a little."""
    path = written(tmp_path / "racer.db", nothing)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(StoreError) as caught:
            read(path, count, PIECE)

    assert caught.value.kind == "locked"


@pytest.mark.parametrize(
    ("boot", "expected"),
    [("this boot", 1000.0 + 400.0), ("another boot", NOW), ("", NOW)],
)
def test_the_time_is_that_of_all_processes(boot: str, expected: float, tmp_path: Path) -> None:
    """The clock that the first of this boot has brought, whatever the machine's says now."""
    path = written(
        tmp_path / "racer.db",
        lambda connection: census.anchor(connection, wall=1000.0, ticks=100.0, boot="this boot"),
    )
    piece = Timepiece(lambda: NOW, lambda: 500.0, boot)

    assert read(path, lambda connection, _: now(connection, piece), PIECE) == expected
