"""Databases and rows of them for tests of the commands that read one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from racer.store.connection import Terms, on_disk, transaction
from racer.store.readings import Alarm, Day, Usage
from racer.store.schema import MIGRATIONS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from racer.store.schema import Migration

NOW = 1_800_014_400.0  # noon of a day in UTC, 2027-01-15


def written(
    path: Path,
    work: Callable[[sqlite3.Connection], object],
    now: float = NOW,
    *,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> Path:
    """A database in which `work` was done, closed again. With the first migration alone it is an old one."""
    connection, _ = on_disk(path, Terms(now, migrations))
    with closing(connection):
        transaction(connection, work)
    return path


def put_day(connection: sqlite3.Connection, row: Day) -> None:
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO days ({', '.join(row._fields)}) VALUES ({marks})", row)


def put_old_race(connection: sqlite3.Connection, name: str = "r", at: float = NOW) -> None:
    """Won by a/m, in the words of the first racers."""
    race = (name, at, "all", 2, 20.0, '["a/m"]', "won", 0.5, 1, "a/m")
    columns = "id, at, owner, policy, width, deadline, lanes, ending, latency, attempts, winner"
    connection.execute(f"INSERT INTO races ({columns}) VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)", race)
    attempt = (name, at, "a/m", "a", "m", "a:KEY", "won", 0.5)
    columns = "race, number, at, owner, lane, provider, model, account, start, outcome, latency"
    connection.execute(f"INSERT INTO attempts ({columns}) VALUES (?, 0, ?, 1, ?, ?, ?, ?, 0, ?, ?)", attempt)


def usage(unit: str = "requests", limit: float = 100, **more: object) -> Usage:
    """A meter of account a:KEY, of which nothing is used unless it is said."""
    per = str(more.pop("per", "day"))
    usual = Usage(
        meter=f"a#1 {unit}/{per}",
        provider="a",
        account="a:KEY",
        model="",
        unit=unit,
        per=per,
        used=0.0,
        outside=0.0,
        leased=0.0,
        limit=limit,
        amount=limit,
        teller="configured",
        source="configured",
        told_at=None,
        resets_at=None,
    )
    return usual._replace(**more)  # type: ignore[arg-type]


def day(name: str = "2027-01-14", calls: int = 10, **more: object) -> Day:
    """Calls of a:KEY to model m, 1,000 tokens each; one in two won."""
    tokens = (750 * calls, 250 * calls, 375 * calls, 125 * calls)
    usual = Day(name, "a", "m", "a:KEY", calls, calls // 2, 0, 0, 0, *tokens, usd=0.0)
    return usual._replace(**more)  # type: ignore[arg-type]


def alarm(kind: str = "reached", level: float = 0.75, **more: object) -> Alarm:
    usual = Alarm(
        meter="a#1 requests/day",
        provider="a",
        account="a:KEY",
        model="",
        unit="requests",
        per="day",
        kind=kind,
        level=level,
        at=NOW - 3600,
        used=75.0,
        limit=100.0,
        resets_at=None,
        times=1,
    )
    return usual._replace(**more)  # type: ignore[arg-type]
