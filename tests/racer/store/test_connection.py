"""One connection: settings, whose file it is, migrations, broken files, transactions, the log."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from racer.errors import StoreError
from racer.store.connection import (
    LARGEST_LOG,
    PRAGMAS,
    Opened,
    Terms,
    apply,
    connected,
    in_memory,
    number,
    on_disk,
    read_only,
    renewed,
    shrunk,
    transaction,
)
from racer.store.file import identity
from racer.store.schema import APPLICATION, MIGRATIONS, Migration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NOON = 1_769_860_800.0  # 2026-01-31, 12:00 UTC
LATER: tuple[Migration, ...] = (*MIGRATIONS, Migration("a table more", ("CREATE TABLE more (x)",)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "racer.db"


@pytest.fixture
def ours(file: Path) -> Iterator[sqlite3.Connection]:
    connection, _ = on_disk(file, Terms(NOON, MIGRATIONS))
    with closing(connection):
        yield connection


def opened(
    file: Path, migrations: Sequence[Migration] = MIGRATIONS, *, broken: tuple[int, int] | None = None
) -> Opened:
    """Open and close."""
    connection, found = on_disk(file, Terms(NOON, migrations, broken))
    connection.close()
    return found


def asked(file: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


def remember(connection: sqlite3.Connection, name: str) -> None:
    transaction(connection, lambda inside: inside.execute("INSERT INTO facts VALUES (?, 1)", (name,)))


def remembered(file: Path) -> list[object]:
    return [name for (name,) in asked(file, "SELECT name FROM facts ORDER BY name")]


# ---------------------------------------------------------------- a good file


def test_a_new_file(file: Path) -> None:
    """It is made where there is none, with all tables, and marked as ours."""
    found = opened(file)

    assert found == Opened(file, new=True, identity=identity(file))
    assert asked(file, "PRAGMA application_id") == [(APPLICATION,)]
    assert asked(file, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert asked(file, "SELECT * FROM facts") == []


def test_nobody_else_may_read_it(ours: sqlite3.Connection, file: Path) -> None:
    """Nor its log, nor the index of that, nor the folder's other files of ours."""
    remember(ours, "x")

    names = {each.name: each.stat().st_mode & 0o777 for each in file.parent.iterdir()}

    assert names == dict.fromkeys(("racer.db", "racer.db-wal", "racer.db-shm", "racer.db.lock"), 0o600)


def test_an_old_file(ours: sqlite3.Connection, file: Path) -> None:
    """It is opened as it is, beside whoever has it open."""
    remember(ours, "x")

    assert opened(file) == Opened(file, new=False, identity=identity(file))
    assert remembered(file) == ["x"]


@pytest.mark.parametrize(("name", "_", "wanted"), PRAGMAS)
def test_what_is_asked_of_sqlite_holds(
    ours: sqlite3.Connection, name: str, _: str, wanted: int | str
) -> None:
    """Each setting is there when it is read back: SQLite does not say when it refuses one."""
    assert ours.execute(f"PRAGMA {name}").fetchone()[0] == wanted


def test_a_setting_that_is_not_taken(ours: sqlite3.Connection, file: Path) -> None:
    """Where SQLite keeps to its own, the message says which it is. One that it does not know is no matter."""
    apply(ours, file, [("no_such_setting", "1", 1)])

    with pytest.raises(StoreError, match="keeps page_size at 4096 where 1000 is needed"):
        apply(ours, file, [("page_size", "1000", 1000)])  # no power of two


def test_strange_names(tmp_path: Path) -> None:
    """Signs that mean something in an address mean nothing in a path."""
    path = tmp_path / "a folder?mode=memory#50%25 ä" / "x.db"

    opened(path)

    assert asked(path, "PRAGMA application_id") == [(APPLICATION,)]


def test_eight_at_once_make_one_file(file: Path) -> None:
    """Those who come at the same moment wait for each other: one makes it, nobody finds it half made."""
    found: list[Opened] = []
    threads = [threading.Thread(target=lambda: found.append(opened(file))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(each.new for each in found) == [False] * 7 + [True]


def test_in_memory() -> None:
    """The same tables, and no file."""
    with closing(in_memory(MIGRATIONS)) as connection:
        assert number(connection, "user_version") == len(MIGRATIONS)
        assert number(connection, "foreign_keys") == 1


def test_sqlite_never_makes_the_file(file: Path) -> None:
    """It would let others read it; here, where somebody takes it away at the wrong moment."""
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        connected(file)

    assert not file.exists()


# ---------------------------------------------------------------- a file that is not for us


def seen(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file in it: what it holds, and its mode."""
    return {each.name: (each.read_bytes(), each.stat().st_mode) for each in folder.iterdir()}


def refused_as_foreign(file: Path) -> None:
    """Twice, for the first time must not leave what makes it look like ours."""
    before = seen(file.parent)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"is not racer's.*set RACER_DB") as caught:
            opened(file)
        assert caught.value.kind == "foreign"
        assert seen(file.parent) == before


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
@pytest.mark.parametrize(
    "statement", ["CREATE TABLE t (x)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"]
)
def test_the_database_of_another_program(file: Path, statement: str, journal: str) -> None:
    """It is left exactly as it was, and nothing beside it: it has tables or marks, but not our mark."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute(f"PRAGMA journal_mode = {journal}")
        other.execute(statement)
    file.chmod(0o644)

    refused_as_foreign(file)


def test_the_log_of_another_program(file: Path) -> None:
    """A crash has left it: it is for that program to copy it back."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE t (x)")
        left = as_after_a_crash(file)
        before = left.read_bytes(), Path(f"{left}-wal").read_bytes()

        with pytest.raises(StoreError, match="is not racer's"):
            opened(left)

    assert (left.read_bytes(), Path(f"{left}-wal").read_bytes()) == before
    assert not Path(f"{left}.lock").exists()


@pytest.mark.parametrize("text", ["x", "a letter to the bank, " * 400])
def test_a_file_that_is_no_database(file: Path, text: str) -> None:
    """Where our lock does not lie beside it, it is somebody's own: it keeps its name and its mode."""
    file.write_text(text)
    file.chmod(0o644)

    refused_as_foreign(file)


def test_a_damaged_database_without_our_lock(file: Path) -> None:
    """Nothing tells that it is ours."""
    flipped(file)
    Path(f"{file}.lock").unlink()

    refused_as_foreign(file)


def test_the_database_of_another_program_beside_our_lock(file: Path) -> None:
    """Put there in the place of ours: the lock makes it ours no more than its name does."""
    opened(file)
    file.unlink()
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE t (x)")
    file.chmod(0o644)

    refused_as_foreign(file)


def test_ours_without_its_lock(file: Path) -> None:
    """Copied from elsewhere: its marks tell that it is ours. It is closed to others then."""
    opened(file)
    Path(f"{file}.lock").unlink()
    file.chmod(0o644)

    assert not opened(file).new
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_looked_at(file: Path) -> None:
    """Another program holds it: whose it is cannot be told, and it is worth another try."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="is locked") as caught:
            opened(file)

    assert caught.value.kind == "locked"


def test_the_database_of_a_newer_racer(file: Path) -> None:
    """It is refused and left as it is; both numbers are named."""
    opened(file, LATER)

    numbers = f"number {len(LATER)}, this racer knows {len(MIGRATIONS)}"
    with pytest.raises(StoreError, match=f"newer racer.*{numbers}.*upgrade") as caught:
        opened(file)

    assert caught.value.kind == "newer"
    assert asked(file, "SELECT * FROM more") == []


# ---------------------------------------------------------------- migrations


def test_an_older_file_is_brought_up_to_date(file: Path) -> None:
    """What it holds stays, and a copy from before is kept beside it, as private as the file."""
    connection, _ = on_disk(file, Terms(NOON, MIGRATIONS))
    with closing(connection):
        remember(connection, "x")

    found = opened(file, LATER)

    backup = Path(f"{file}.backup-20260131T120000")
    assert (found.backup, found.new) == (backup, False)
    assert asked(file, "SELECT * FROM more") == []
    assert remembered(file) == ["x"]
    assert remembered(backup) == ["x"]
    assert asked(backup, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert backup.stat().st_mode & 0o777 == 0o600
    assert opened(file, LATER).backup is None


def test_a_migration_that_fails_leaves_nothing(file: Path) -> None:
    """The tables and the record of them are one transaction."""
    opened(file)
    wrong = (*LATER, Migration("a mistake", ("CREATE TABLE much_more (x)", "CREATE TABLE oops")))

    with pytest.raises(StoreError, match="failed: "):
        opened(file, wrong)

    assert asked(file, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert asked(file, "SELECT name FROM sqlite_master WHERE name LIKE '%more'") == []
    opened(file, LATER)


# ---------------------------------------------------------------- to read alone


def test_a_copy_is_brought_up_to_date_and_the_file_is_not(ours: sqlite3.Connection, file: Path) -> None:
    """It has what the connection sees, in the state that its transaction began with."""
    remember(ours, "x")
    with closing(read_only(file)) as reader:
        reader.execute("BEGIN")
        assert number(reader, "user_version") == len(MIGRATIONS)
        remember(ours, "y")

        with closing(renewed(reader, LATER)) as copy:
            assert copy.execute("SELECT name FROM facts").fetchall() == [("x",)]
            assert copy.execute("SELECT * FROM more").fetchall() == []
            assert number(copy, "user_version") == len(LATER)
            assert number(copy, "trusted_schema") == 0

    assert number(ours, "user_version") == len(MIGRATIONS)


def test_a_copy_that_cannot_be_brought_up_to_date(ours: sqlite3.Connection) -> None:
    """It is an error, as it would be in the file."""
    wrong = (*MIGRATIONS, Migration("a mistake", ("CREATE TABLE oops",)))

    with pytest.raises(sqlite3.OperationalError):
        renewed(ours, wrong)


def test_a_reader_writes_nothing(file: Path) -> None:
    """It is told not to; and what it makes beside the file goes with it."""
    opened(file)
    before = seen(file.parent)

    with closing(read_only(file)) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM facts")

    assert seen(file.parent) == before


def test_where_no_log_can_be_made_the_file_is_read_alone(file: Path) -> None:
    """Here a link is in its way, elsewhere nothing may be written."""
    opened(file)
    Path(f"{file}-shm").symlink_to("nowhere/at/all")

    with closing(read_only(file)) as reader:
        assert reader.execute("SELECT * FROM facts").fetchall() == []


def test_a_file_is_not_read_without_its_log(ours: sqlite3.Connection, file: Path) -> None:
    """What happened last is in there."""
    remember(ours, "x")
    crashed = as_after_a_crash(file)
    Path(f"{crashed}-shm").symlink_to("nowhere/at/all")

    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        read_only(crashed)


# ---------------------------------------------------------------- broken files


def garbage(file: Path) -> None:
    opened(file)
    file.write_bytes(b"a letter to the bank, " * 400)


def zeros(file: Path) -> None:
    opened(file)
    file.write_bytes(bytes(file.stat().st_size))


def cut(file: Path) -> None:
    opened(file)
    file.write_bytes(file.read_bytes()[:8192])


def flipped(file: Path) -> None:
    """The page with the list of tables."""
    opened(file)
    data = bytearray(file.read_bytes())
    data[100:4096] = b"\xff" * 3996
    file.write_bytes(data)


@pytest.mark.parametrize("damage", [garbage, zeros, cut, flipped])
def test_a_broken_file_is_set_aside(file: Path, damage: Callable[[Path], None]) -> None:
    """Never deleted: it gets a new name. The new one knows that what was used before is not known."""
    damage(file)
    before = file.read_bytes()

    found = opened(file)

    aside = Path(f"{file}.corrupt-20260131T120000")
    assert (found.set_aside, found.new) == (aside, True)
    assert aside.read_bytes() == before
    assert asked(file, "SELECT * FROM facts") == [("corrupted_at", NOON)]
    assert opened(file).set_aside is None


@pytest.mark.parametrize("in_use", [False, True])
def test_its_log_is_set_aside_with_it(file: Path, in_use: bool) -> None:
    """What was not yet copied back may be the one part that can be saved; closing must not remove it."""
    opened(file)
    connection, _ = on_disk(file, Terms(NOON, MIGRATIONS))
    with closing(connection):
        remember(connection, "x")
        log = Path(f"{file}-wal").read_bytes()
        if not in_use:
            file = as_after_a_crash(file)
            Path(f"{file}.lock").touch()
        with file.open("r+b") as disk:
            disk.write(b"\xff" * 4096)

        found = opened(file)

    assert found.set_aside is not None
    assert Path(f"{found.set_aside}-wal").read_bytes() == log
    assert remembered(file) == ["corrupted_at"]


def as_after_a_crash(file: Path) -> Path:
    """A copy with its log, that nobody has open."""
    left = file.with_name("left.db")
    for side in ("", "-wal"):
        Path(f"{left}{side}").write_bytes(Path(f"{file}{side}").read_bytes())
    return left


def test_eight_at_once_set_one_file_aside(file: Path) -> None:
    """Whoever finds it broken at the same moment waits, and then finds the new one."""
    garbage(file)
    found: list[Opened] = []
    threads = [threading.Thread(target=lambda: found.append(opened(file))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(each.set_aside is not None for each in found) == [False] * 7 + [True]
    assert len(list(file.parent.glob("*.corrupt-*"))) == 1


def test_a_file_that_is_known_as_broken(file: Path) -> None:
    """What SQLite has called broken in use is set aside though it opens well: that file, and no other."""
    opened(file)
    broken = identity(file)

    first, second = opened(file, broken=broken), opened(file, broken=broken)

    assert first.set_aside is not None
    assert identity(first.set_aside) == broken
    assert second.set_aside is None


def test_an_empty_file_is_a_new_one(file: Path) -> None:
    """As it is after a crash between the first two steps."""
    file.touch()

    assert opened(file).new


# ---------------------------------------------------------------- transactions


def test_all_is_kept(ours: sqlite3.Connection, file: Path) -> None:
    """The result of the work is handed on when everything is written."""

    def work(inside: sqlite3.Connection) -> int:
        inside.execute("INSERT INTO facts VALUES ('a', 1)")
        inside.execute("INSERT INTO facts VALUES ('b', 1)")
        return 7

    assert transaction(ours, work) == 7
    assert remembered(file) == ["a", "b"]


@pytest.mark.parametrize("error", [KeyError("a bug"), sqlite3.OperationalError("a mishap"), SystemExit()])
def test_or_nothing(ours: sqlite3.Connection, file: Path, error: BaseException) -> None:
    """Whatever is raised passes as it is, and leaves neither rows nor a transaction."""

    def work(inside: sqlite3.Connection) -> None:
        inside.execute("INSERT INTO facts VALUES ('a', 1)")
        raise error

    with pytest.raises(type(error)):
        transaction(ours, work)

    assert not ours.in_transaction
    assert remembered(file) == []


def test_what_was_left_open_is_undone(ours: sqlite3.Connection, file: Path) -> None:
    """As after a ROLLBACK that failed: what is there of it is not taken into the next transaction."""
    ours.execute("BEGIN")
    ours.execute("INSERT INTO facts VALUES ('left over', 1)")

    remember(ours, "x")

    assert remembered(file) == ["x"]


def test_a_full_disk(ours: sqlite3.Connection, file: Path) -> None:
    """Nothing of what did not fit is kept, and what fits is taken again."""
    ours.execute(f"PRAGMA max_page_count = {number(ours, 'page_count')}")

    def work(inside: sqlite3.Connection) -> None:
        inside.execute("INSERT INTO facts VALUES ('a', 1)")
        inside.execute("INSERT INTO facts VALUES ('b', zeroblob(100000))")

    with pytest.raises(sqlite3.OperationalError, match="full"):
        transaction(ours, work)

    assert not ours.in_transaction
    remember(ours, "x")
    assert remembered(file) == ["x"]


# ---------------------------------------------------------------- the log


def grow(connection: sqlite3.Connection, name: str) -> None:
    """More than the log may have."""
    statement = "INSERT OR REPLACE INTO facts VALUES (?, zeroblob(?))"
    transaction(connection, lambda inside: inside.execute(statement, (name, LARGEST_LOG)))


def test_a_short_log_is_left_alone(ours: sqlite3.Connection, file: Path) -> None:
    """Copying costs a sync or two: not for every page."""
    remember(ours, "x")
    size = file.stat().st_size

    assert 0 < shrunk(ours, file) < LARGEST_LOG
    assert file.stat().st_size == size


def test_a_long_log_is_copied_back_and_starts_anew(ours: sqlite3.Connection, file: Path) -> None:
    """The next commit cuts it, so it does not grow for ever; nothing is lost on the way."""
    grow(ours, "x")

    shrunk(ours, file)
    assert file.stat().st_size > LARGEST_LOG
    assert not ours.in_transaction
    remember(ours, "y")

    assert shrunk(ours, file) < LARGEST_LOG
    assert remembered(file) == ["x", "y"]


def test_no_commit_alone_copies_it_back(ours: sqlite3.Connection, file: Path) -> None:
    """SQLite does so by itself after 1000 pages; older ones may then damage the file."""
    size = file.stat().st_size

    grow(ours, "x")
    remember(ours, "y")

    assert file.stat().st_size == size


def test_who_reads_for_long_keeps_the_log_long(ours: sqlite3.Connection, file: Path) -> None:
    """Its size is told, so that somebody can be warned; when the reader is gone, the log is cut."""
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM facts").fetchall()
        for name in "abc":
            grow(ours, name)
            shrunk(ours, file)
        assert shrunk(ours, file) > 3 * LARGEST_LOG
    shrunk(ours, file)
    remember(ours, "x")

    assert shrunk(ours, file) < LARGEST_LOG


def test_it_is_copied_only_while_nobody_can_commit(ours: sqlite3.Connection, file: Path) -> None:
    """Where another program holds the right to write, copying waits for it, and gives up like any writer."""
    grow(ours, "x")
    ours.execute("PRAGMA busy_timeout = 0")
    size = file.stat().st_size
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")

        with pytest.raises(sqlite3.OperationalError, match="locked"):
            shrunk(ours, file)

    assert file.stat().st_size == size
