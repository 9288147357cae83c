"""The statement that answers an inquiry, reckoned from the configuration and from what the database says."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from racer.accounts.gauge import gauges_of
from racer.accounts.ledger_file import file_of, read
from racer.accounts.outlook import outlook_of
from racer.accounts.statement import Statement, taxes_of, totals_of
from racer.acquaintance import zone
from racer.config.files import toml
from racer.core.savings import savings_of
from racer.store import readings

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from racer.accounts.inquiry import Inquiry
    from racer.accounts.outlook import Outlook
    from racer.config import Config
    from racer.store.readings import Alarm, Day, Taxed, Usage
    from racer.timepiece import Timepiece

LOOK_BACK = 90 * 86_400.0  # for days with use, from which the rate is taken


class Stored(NamedTuple):
    """What the database says, by its own clock; empty where there is none."""

    now: float
    usage: Sequence[Usage] = ()
    days: Sequence[Day] = ()
    alarms: Sequence[Alarm] = ()
    taxed: Sequence[Taxed] = ()


def stated(inquiry: Inquiry, config: Config, folder: Path, piece: Timepiece) -> Statement:
    """Everything that was asked for. `folder` is where a relative path of the database begins.

    Reads the disk, and waits for it. Raises BadRequest, ConfigError and StoreError.
    """
    path = file_of(config, folder)
    found = read(path, partial(stored, inquiry=inquiry), piece)
    if found is None:
        return statement_of(inquiry, config, Stored(piece.wall()))
    return statement_of(inquiry, config, found, database=str(path))


def stored(connection: sqlite3.Connection, now: float, *, inquiry: Inquiry) -> Stored:
    """Runs in a transaction that its caller holds. Raises BadRequest."""
    begins = inquiry.begins(now)
    days = readings.days(connection, max(0.0, min(begins, now - LOOK_BACK)))
    alarms, taxed = readings.alerts(connection, begins), readings.taxed(connection, begins)
    return Stored(now, readings.usage(connection, now), days, alarms, taxed)


def statement_of(inquiry: Inquiry, config: Config, told: Stored, *, database: str = "") -> Statement:
    """`database`: where it was told, empty where nothing was ever stored. Raises BadRequest."""
    since = inquiry.begins(told.now)
    days = [row for row in told.days if row.day >= _day(since)]
    statement = Statement(
        told.now,
        since,
        database,
        gauges_of(config.providers, told.usage, zone, told.now),
        totals_of(days),
        tuple(told.alarms),
        taxes=taxes_of(told.taxed),
    )
    if inquiry.looks_ahead:
        statement = statement._replace(outlook=_outlook(inquiry, config, statement, told))
    if inquiry.saved:
        statement = statement._replace(savings=savings_of(days, config.providers), priced=_priced())
    return statement


def _outlook(inquiry: Inquiry, config: Config, statement: Statement, told: Stored) -> Outlook:
    return outlook_of(
        config.providers,
        statement.gauges,
        told.days,
        now=told.now,
        today=_day(told.now),
        tokens=inquiry.tokens_per_day,
    )


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _priced() -> str:
    """When the prices of the catalogue were read."""
    text = files("racer_adapters").joinpath("providers.toml").read_text("utf-8")
    priced: str = toml(text, "the built-in catalogue")["priced"]
    return priced
