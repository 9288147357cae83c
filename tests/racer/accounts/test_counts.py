"""How every limit stands: by the database, and where there is none, or none that can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.accounts.counts import Counts, counted, unused
from racer.acquaintance import zone
from racer.core.field import field_of
from racer.core.metering import meters_of
from racer.core.span import slot_at
from racer.errors import StoreError
from racer.store.meters import count, row_of
from racer.timepiece import Timepiece
from tests.racer.accounts.ledgers import NOW, written
from tests.racer.accounts.rows import LONG_KEY, config_of_rows, row

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

ROWS = {"a": row(limits=[{"requests": 100, "per": "day"}], models=[{"name": "m", "price": [1, 3]}])}
ENV = {"A_KEY": LONG_KEY, "RACER_DB": "racer.db"}
CONFIG = config_of_rows(ENV, **ROWS)
PIECE = Timepiece(lambda: NOW, lambda: 500.0, "this boot")


def used(folder: Path) -> Path:
    """40 requests of the day."""
    (lane,) = field_of(CONFIG.providers, {}).lanes
    (meter,) = meters_of(lane, zone)

    def work(connection: sqlite3.Connection) -> None:
        assert meter.span is not None
        count(connection, row_of(connection, meter, NOW).id, slot_at(meter.span, NOW), 40.0)

    return written(folder / "racer.db", work)


def left(counts: Counts) -> list[float]:
    return [gauge.left for gauge in counts.gauges]


def test_what_is_counted_is_not_left(tmp_path: Path) -> None:
    """By what the processes that share the database have used."""
    used(tmp_path)

    counts = counted(CONFIG, tmp_path, PIECE)

    assert (left(counts), counts.found, counts.trouble) == ([60.0], True, None)


def test_without_a_database_all_is_left(tmp_path: Path) -> None:
    """That nothing was counted is told, and no database is made."""
    assert counted(CONFIG, tmp_path, PIECE) == Counts(unused(CONFIG, NOW))
    assert left(Counts(unused(CONFIG, NOW))) == [100.0]
    assert list(tmp_path.iterdir()) == []


def test_trouble_is_told_beside_what_is_known(tmp_path: Path) -> None:
    """Whoever asks for the providers wants them all the same."""
    (tmp_path / "racer.db").write_bytes(b"no database " * 1000)

    counts = counted(CONFIG, tmp_path, PIECE)

    assert (left(counts), counts.found) == ([100.0], False)
    assert isinstance(counts.trouble, StoreError)
