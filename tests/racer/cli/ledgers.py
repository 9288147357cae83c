"""Databases and rows of them for tests of the commands that read one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from racer.store.connection import Terms, on_disk, transaction
from racer.store.readings import Alarm, Day, Usage
from racer.store.schema import MIGRATIONS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

NOW = 1_800_014_400.0  # noon of a day in UTC, 2027-01-15


def written(path: Path, work: Callable[[sqlite3.Connection], object], now: float = NOW) -> Path:
    """A database in which `work` was done, closed again."""
    connection, _ = on_disk(path, Terms(now, MIGRATIONS))
    with closing(connection):
        transaction(connection, work)
    return path


def put_day(connection: sqlite3.Connection, row: Day) -> None:
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO days ({', '.join(row._fields)}) VALUES ({marks})", row)


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
