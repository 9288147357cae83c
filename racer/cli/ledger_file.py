"""The database as a command reads it: never made, never changed, on the clock that all processes share."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from racer.store.connection import connected, number, transaction
from racer.store.place import place_of
from racer.store.schema import APPLICATION, MIGRATIONS
from racer.store.trouble import translated, trouble

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from racer.cli.shell import Shell
    from racer.config import Config
    from racer.timepiece import Timepiece

T = TypeVar("T")

_CLOCK = "SELECT name, value FROM facts WHERE name LIKE 'clock.%'"


def file_of(config: Config, shell: Shell) -> Path | None:
    """Where the database is, or would be; None where there is none on disk. Raises ConfigError."""
    place = place_of(config.store.url, config.env)
    return None if place is None else shell.cwd.absolute() / place


def read(path: Path | None, work: Callable[[sqlite3.Connection, float], T], piece: Timepiece) -> T | None:
    """What `work` makes of the database, all of it in one state, and of the time; None where there is none.

    The connection could write, for SQLite then clears away the log that it had to make for reading; but
    it is told not to. Raises StoreError.
    """
    try:
        if path is None or not path.exists():
            return None
        with closing(connected(path)) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            inside = partial(_work, work=work, path=path, piece=piece)
            return transaction(connection, inside, begin="BEGIN DEFERRED")
    except (sqlite3.Error, OSError) as error:
        raise translated(error, path) from error


def _work(
    connection: sqlite3.Connection,
    *,
    work: Callable[[sqlite3.Connection, float], T],
    path: Path,
    piece: Timepiece,
) -> T | None:
    if not _filled(connection, path):
        return None
    return work(connection, now(connection, piece))


def _filled(connection: sqlite3.Connection, path: Path) -> bool:
    """Are our tables in it? A process that died while it made the file has left an empty one."""
    application, version = number(connection, "application_id"), number(connection, "user_version")
    tables: int = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if not (application or version or tables):
        return False
    if application != APPLICATION:
        raise trouble("foreign", path, f"application_id {application}, {tables} tables, views and indices")
    if version > len(MIGRATIONS):
        raise trouble("newer", path, f"its schema has number {version}, this racer knows {len(MIGRATIONS)}")
    if version < len(MIGRATIONS):
        raise trouble("unopened", path, "it is of an older racer, and the next race brings it up to date")
    return True


def now(connection: sqlite3.Connection, piece: Timepiece) -> float:
    """The time by which the processes that share the file count, in unix seconds.

    The machine's clock may have been set since the first of them began; theirs was not.
    """
    clock = dict(connection.execute(_CLOCK).fetchall())
    if not piece.boot or clock.get("clock.boot") != piece.boot:
        return piece.wall()
    wall: float = clock["clock.wall"] + piece.ticks() - clock["clock.ticks"]
    return wall
