"""One connection to SQLite: opened, checked, brought up to date, and its transactions. It waits in place."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from racer.store.file import (
    alone,
    close_to_others,
    file_size,
    free_name,
    identity,
    make,
    set_aside,
    settled,
    unclaimed,
)
from racer.store.schema import APPLICATION
from racer.store.trouble import kind_of, translated, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from racer.store.file import Identity
    from racer.store.schema import Migration

T = TypeVar("T")

BUSY = 2.0  # seconds to wait for a lock: no longer, for the caller tries again and others wait behind it
LARGEST_LOG = 4 << 20
SMALLEST = 512  # bytes: one page. SQLite takes a file of a single byte for an empty one

# Name, value, and what SQLite must answer when it is asked what it has.
PRAGMAS: tuple[tuple[str, str, int | str], ...] = (
    # Tables refer to each other, and views are read by people: nothing in the file may run code of others.
    ("foreign_keys", "ON", 1),
    ("trusted_schema", "OFF", 0),
    # A crash of ours loses nothing. A power cut may lose the last commits, but breaks no file in WAL mode;
    # a sync for each commit costs ten times as much.
    ("synchronous", "NORMAL", 1),
    # Readers, of other programs too, do not wait for the writer, nor it for them.
    ("journal_mode", "WAL", "wal"),
    # SQLite before 3.51.3 may damage a file when one process copies the log back while another writes. So
    # no commit does that by itself; `shrunk` does.
    ("wal_autocheckpoint", "0", 0),
    # A log that has been copied back is cut when it starts anew: its size tells how much there is to copy.
    ("journal_size_limit", str(1 << 20), 1 << 20),
    ("busy_timeout", str(round(BUSY * 1000)), round(BUSY * 1000)),
    # Mapped memory makes that same fault worse, and some systems build SQLite with it.
    ("mmap_size", "0", 0),
)
IN_MEMORY = PRAGMAS[:2]  # the others are about files


class Opened(NamedTuple):
    """What was found when the database was opened."""

    path: Path | None
    new: bool  # there was no database, or a broken one
    set_aside: Path | None = None  # what the broken one is called now
    backup: Path | None = None  # a copy from before its tables were changed
    identity: Identity | None = None


class Terms(NamedTuple):
    """How a file is to be opened: the time in unix seconds, our tables, the file that is known as broken."""

    now: float
    migrations: Sequence[Migration]
    broken: Identity | None = None


def in_memory(migrations: Sequence[Migration]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    apply(connection, None, IN_MEMORY)
    connection.deserialize(_empty(tuple(migrations)))
    return connection


@cache
def _empty(migrations: tuple[Migration, ...]) -> bytes:
    """An empty database: to make its tables takes twenty times as long as to copy them."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        transaction(connection, lambda inside: _migrate(inside, migrations))
        return connection.serialize()


def renewed(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> sqlite3.Connection:
    """A copy in memory of what `connection` sees, brought up to date; the file stays as it is."""
    with ExitStack() as undo:
        copy = undo.enter_context(closing(sqlite3.connect(":memory:", isolation_level=None)))
        connection.backup(copy)
        apply(copy, None, IN_MEMORY)
        transaction(copy, lambda inside: _migrate(inside, migrations))
        undo.pop_all()
    return copy


def on_disk(path: Path, terms: Terms) -> tuple[sqlite3.Connection, Opened]:
    """Open the file, make it where there is none, set it aside where it is broken. Raises StoreError."""
    try:
        path = settled(path)
        _refuse_foreign(path, len(terms.migrations))
        with alone(path, BUSY):
            broken = terms.broken is not None and identity(path) == terms.broken
            return _opened(path, terms, set_aside(path, terms.now) if broken else None)
    except (sqlite3.Error, OSError) as error:
        raise translated(error, path) from error


def _refuse_foreign(path: Path, newest: int) -> None:
    """Before anything is changed or laid beside it: is the file that is there somebody else's?

    What SQLite cannot read is ours only where our lock lies beside it. Raises StoreError (foreign, newer)
    and sqlite3.Error.
    """
    if not unclaimed(path):
        return
    if file_size(path, "") < SMALLEST:
        raise trouble("foreign", path, "file is not a database")
    # To write, SQLite would copy back a log that a crash has left; to read, it would leave an empty one.
    mode = "ro" if file_size(path, "-wal") else "rw"
    try:
        with closing(connected(path, mode=mode)) as connection:
            _version(connection, path, newest)
    except sqlite3.DatabaseError as error:
        if kind_of(error) != "corrupt":
            raise
        raise trouble("foreign", path, str(error)) from error


def _opened(path: Path, terms: Terms, aside: Path | None) -> tuple[sqlite3.Connection, Opened]:
    make(path)
    with ExitStack() as undo:
        connection = undo.enter_context(closing(connected(path)))
        try:
            new, backup = _readied(connection, path, terms, aside)
        except sqlite3.DatabaseError as error:
            if aside is not None or kind_of(error) != "corrupt":
                raise
            # Before the connection closes: SQLite then sees that its file has moved, and leaves the log be.
            close_to_others(path)
            aside = set_aside(path, terms.now)
        else:
            undo.pop_all()
            return connection, Opened(path, new, aside, backup, identity(path))
    return _opened(path, terms, aside)


def connected(path: Path, *, mode: str = "rw") -> sqlite3.Connection:
    """To read and write, or `ro`: SQLite itself never makes the file, for it would let others read it."""
    return sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=BUSY, isolation_level=None)


def read_only(path: Path) -> sqlite3.Connection:
    """One that is told not to write; it may lie where nothing can be written. Raises sqlite3.Error.

    It could write elsewhere, for SQLite then clears away the log that it has to make for reading. Where it
    can make none it reads the file alone, unless a log has been left: whoever has it open has made one.
    """
    try:
        return _told_not_to_write(connected(path))
    except sqlite3.OperationalError as error:
        unwritable = kind_of(error) in ("unopened", "read_only") and path.is_file()
        if not unwritable or file_size(path, "-wal"):
            raise
    return _told_not_to_write(connected(path, mode="ro&immutable=1"))


def _told_not_to_write(connection: sqlite3.Connection) -> sqlite3.Connection:
    with ExitStack() as undo:
        undo.enter_context(closing(connection))
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        number(connection, "user_version")  # what keeps SQLite from the log shows here
        undo.pop_all()
    return connection


def _readied(
    connection: sqlite3.Connection, path: Path, terms: Terms, aside: Path | None
) -> tuple[bool, Path | None]:
    """Was it new, and where is the copy that was made? Nothing is written before it is known as ours."""
    version = _version(connection, path, len(terms.migrations))
    close_to_others(path)
    apply(connection, path, PRAGMAS)
    if version == len(terms.migrations):
        return False, None
    backup = _backup(connection, path, terms.now) if version else None

    def work(inside: sqlite3.Connection) -> None:
        _migrate(inside, terms.migrations)
        if aside is not None:  # what was used in the windows of now is not known: it is not nothing
            inside.execute("INSERT INTO facts (name, value) VALUES ('corrupted_at', ?)", (terms.now,))

    transaction(connection, work)
    return version == 0, backup


def _version(connection: sqlite3.Connection, path: Path, newest: int) -> int:
    """How many migrations the file has had: 0 for an empty one. Raises StoreError (foreign, newer)."""
    application = number(connection, "application_id")
    version = number(connection, "user_version")
    tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION and (application or version or tables):
        raise trouble("foreign", path, f"application_id {application}, {tables} tables, views and indices")
    if version > newest:
        raise trouble("newer", path, f"its schema has number {version}, this racer knows {newest}")
    return version


def number(connection: sqlite3.Connection, pragma: str) -> int:
    value: int = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    return value


def apply(
    connection: sqlite3.Connection, path: Path | None, pragmas: Sequence[tuple[str, str, int | str]]
) -> None:
    """SQLite is silent where it does not obey, so each is read back. Raises StoreError."""
    for name, value, wanted in pragmas:
        connection.execute(f"PRAGMA {name} = {value}")
        row = connection.execute(f"PRAGMA {name}").fetchone()
        if row is not None and row[0] != wanted:  # no row: built without what the pragma is about
            raise trouble("unopened", path, f"SQLite keeps {name} at {row[0]} where {wanted} is needed")


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Inside one transaction, with the record of it: either all has happened or nothing."""
    for migration in migrations[number(connection, "user_version") :]:
        for statement in migration.statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(migrations)}")
    connection.execute(f"PRAGMA application_id = {APPLICATION}")


def _backup(connection: sqlite3.Connection, path: Path, now: float) -> Path:
    target = free_name(path, "backup", now)
    make(target)
    with closing(connected(target)) as copy:
        connection.backup(copy)
    return target


# ---------------------------------------------------------------- transactions


def transaction(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T], *, begin: str = "BEGIN IMMEDIATE"
) -> T:
    """Run `work` as a whole or not at all.

    It is IMMEDIATE wherever something is written: SQLite does not wait, whatever its time-out, for a reader
    that turns into a writer. Raises sqlite3.Error, and what `work` raises.
    """
    if connection.in_transaction:  # a ROLLBACK that failed once
        connection.execute("ROLLBACK")
    connection.execute(begin)
    try:
        result = work(connection)
        connection.execute("COMMIT")
        return result
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def shrunk(connection: sqlite3.Connection, path: Path) -> int:
    """Copy the log back into the database where it has grown; how many bytes of it there still are.

    The fault of SQLite before 3.51.3 needs a commit in the midst of that copying. So a second connection
    copies (PASSIVE: it waits for nobody) while `connection` holds the right to write, which shuts out every
    writer of every process. Later versions need no such care, and take no harm.

    When the last connection to the file closes, SQLite copies the log back by itself. That is safe in every
    version: it first takes the lock on the file that each connection shares, exclusively, so there is no
    other, and none can come.
    """
    if file_size(path, "-wal") > LARGEST_LOG:
        transaction(connection, lambda _: _copied_back(path))
    return file_size(path, "-wal")


def _copied_back(path: Path) -> None:
    with closing(connected(path)) as second:
        second.execute("PRAGMA wal_checkpoint(PASSIVE)")
