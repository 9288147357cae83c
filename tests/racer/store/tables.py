"""A database in memory with the tables of racer, the meters that tests count with, and rows as text."""

from __future__ import annotations

import sqlite3
from datetime import UTC
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from racer.core.quota import Meter, Report, Tidings, Wish
from racer.core.span import Calendar, Once, Rolling
from racer.store.quotas import exchange
from racer.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from racer.core.span import Span

NOW = 1_800_000_000.0  # 15 January 2027, 08:00 UTC: a full minute
LEVELS = (0.75, 0.9)
ANGELES = ZoneInfo("America/Los_Angeles")


def meter(
    unit: str, per: str, amount: float, span: Span | None, *, model: str = "", own: bool = True
) -> Meter:
    name = f"groq{'/' + model if model else ''} {unit}/{per}"
    return Meter(name, "groq", "groq", model, unit, per, amount, span, own=own)


MINUTE = meter("requests", "minute", 60.0, Rolling(60.0))
DAY = meter("tokens", "day", 1000.0, Calendar("day", 0, 0, UTC), model="llama")
CREDIT = meter("usd", "once", 5.0, Once())
FLIGHT = meter("calls", "flight", 4.0, None)


def database() -> sqlite3.Connection:
    """Inside the transaction that the caller of every function holds."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for migration in MIGRATIONS:
        for statement in migration.statements:
            connection.execute(statement)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def rows(connection: sqlite3.Connection, select: str) -> str:
    """What `SELECT ...` gives: a row a line, whole numbers without their point, instants from NOW on."""
    found = connection.execute(f"SELECT {select}")
    return "\n".join(" ".join(_shown(value) for value in row) for row in found)


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def slots(connection: sqlite3.Connection) -> str:
    """Of every slot: the meter, when it begins and ends (seconds from NOW), what is used, and by others."""
    columns = f"name, start - {NOW}, until - {NOW}, used, outside"
    return rows(connection, f"{columns} FROM slots JOIN meters ON id = meter ORDER BY name, start, until")


def leases(connection: sqlite3.Connection) -> str:
    """Of every lease that is not empty: the meter, the owner, how much."""
    held = "leases JOIN meters ON id = meter WHERE leases.amount > 0"
    return rows(connection, f"name, owner, leases.amount FROM {held} ORDER BY name, owner")


def tell(connection: sqlite3.Connection, owner: int, report: Report, now: float = NOW) -> Tidings:
    """The tidings of one whose exchange is heard."""
    tidings = exchange(connection, owner, report, now, LEVELS)
    assert tidings is not None
    return tidings


def leased(
    connection: sqlite3.Connection,
    owner: int,
    meter_: Meter,
    need: float,
    now: float = NOW,
    *,
    size: float = 1.0,
) -> float:
    """How much of a wish is granted."""
    return tell(connection, owner, Report(wishes=(Wish(meter_, need, size),)), now).granted[meter_.name]
