"""How every limit stands by the database, or as if nothing was used where nobody can tell."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from racer.accounts.gauge import gauges_of
from racer.accounts.ledger_file import file_of, read
from racer.acquaintance import zone
from racer.errors import StoreError
from racer.store import readings

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from racer.accounts.gauge import Gauge
    from racer.config import Config
    from racer.timepiece import Timepiece


class Counts(NamedTuple):
    """`found`: is anything counted? `trouble`: why nobody can tell."""

    gauges: tuple[Gauge, ...]
    found: bool = False
    trouble: StoreError | None = None


def counted(config: Config, folder: Path, piece: Timepiece) -> Counts:
    """`folder` is where a relative path of the database begins. Reads the disk, and waits for it.

    Raises ConfigError.
    """
    try:
        stored = read(file_of(config, folder), partial(gauged, config=config), piece)
    except StoreError as error:
        return Counts(unused(config, piece.wall()), trouble=error)
    return Counts(unused(config, piece.wall())) if stored is None else Counts(stored, found=True)


def gauged(connection: sqlite3.Connection, now: float, *, config: Config) -> tuple[Gauge, ...]:
    """Runs in a transaction that its caller holds."""
    return gauges_of(config.providers, readings.usage(connection, now), zone, now)


def unused(config: Config, now: float) -> tuple[Gauge, ...]:
    """As long as there is no database."""
    return gauges_of(config.providers, (), zone, now)
