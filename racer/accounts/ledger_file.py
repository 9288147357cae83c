"""The database as a reader has it: never made, never changed, on the clock that all processes share."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from racer.errors import StoreError
from racer.store.connection import number, read_only, renewed, transaction
from racer.store.place import place_of
from racer.store.schema import APPLICATION, MIGRATIONS
from racer.store.trouble import translated, trouble

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from racer.config import Config
    from racer.timepiece import Timepiece

T = TypeVar("T")

LARGEST_COPY = 500_000_000  # bytes of memory
_CLOCK = "SELECT name, value FROM facts WHERE name LIKE 'clock.%'"


def file_of(config: Config, folder: Path) -> Path | None:
    """Where the database is, or would be; None where there is none on disk. Raises ConfigError.

    `folder` is where a relative path begins.
    """
    place = place_of(config.store.url, config.env)
    return None if place is None else folder.absolute() / place


def read(path: Path | None, work: Callable[[sqlite3.Connection, float], T], piece: Timepiece) -> T | None:
    """What `work` makes of the database, all of it in one state, and of the time; None where there is none.

    One of an older racer is copied into memory, and the copy brought up to date and read. Raises StoreError.
    """
    try:
        if path is None or not path.exists():
            return None
        with closing(read_only(path)) as connection:
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
    version = _version(connection, path)
    if version is None:
        return None
    if version == len(MIGRATIONS):
        return work(connection, now(connection, piece))
    with closing(_renewed(connection, path)) as copy:
        return work(copy, now(copy, piece))


def _version(connection: sqlite3.Connection, path: Path) -> int | None:
    """How old is it? None: there is nothing in it, as a process leaves it that died while it made it."""
    application, version = number(connection, "application_id"), number(connection, "user_version")
    tables: int = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if not (application or version or tables):
        return None
    if application != APPLICATION:
        raise trouble("foreign", path, f"application_id {application}, {tables} tables, views and indices")
    if version > len(MIGRATIONS):
        raise trouble("newer", path, f"its schema has number {version}, this racer knows {len(MIGRATIONS)}")
    return version


def _renewed(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    size = number(connection, "page_count") * number(connection, "page_size")
    if size > LARGEST_COPY:
        why = f"is of an older racer and, with {size / 1e6:,.0f} MB, too large to be copied for reading"
        step = 'run a race, such as `racer ask "Say hi"`, which brings it up to date'
        raise StoreError(f"the database {path} {why}: {step}", kind="unopened")
    copy = renewed(connection, MIGRATIONS)
    copy.execute("PRAGMA query_only = ON")
    return copy


def now(connection: sqlite3.Connection, piece: Timepiece) -> float:
    """The time by which the processes that share the file count, in unix seconds.

    The machine's clock may have been set since the first of them began; theirs was not.
    """
    clock = dict(connection.execute(_CLOCK).fetchall())
    if not piece.boot or clock.get("clock.boot") != piece.boot:
        return piece.wall()
    wall: float = clock["clock.wall"] + piece.ticks() - clock["clock.ticks"]
    return wall
