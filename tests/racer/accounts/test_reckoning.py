"""The statement of a configuration and a database, with all that can be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racer.accounts.inquiry import Inquiry
from racer.accounts.reckoning import Stored, stated, statement_of
from racer.acquaintance import zone
from racer.core.field import field_of
from racer.core.metering import meters_of
from racer.core.span import slot_at
from racer.errors import BadRequest, StoreError
from racer.store.meters import count, row_of
from racer.timepiece import Timepiece
from tests.racer.accounts.ledgers import NOW, day, put_day, written
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
        for name in ("2027-01-13", "2027-01-14", "2026-12-01"):
            put_day(connection, day(name, 100))

    return written(folder / "racer.db", work)


def test_everything_that_is_counted(tmp_path: Path) -> None:
    """Limits as they stand now, sums since the day that is asked for."""
    path = used(tmp_path)

    statement = stated(Inquiry(), CONFIG, tmp_path, PIECE)

    assert (statement.now, statement.since, statement.database) == (NOW, NOW - 7 * 86_400, str(path))
    assert [gauge.left for gauge in statement.gauges] == [60.0]
    assert [total.calls for total in statement.totals] == [200]
    assert (statement.outlook, statement.savings, statement.priced) == (None, None, "")


def test_further_back_there_is_more(tmp_path: Path) -> None:
    """The rate of a forecast does not depend on it."""
    used(tmp_path)

    near, far = (stated(Inquiry(since, forecast=True), CONFIG, tmp_path, PIECE) for since in ("7d", "60d"))

    assert [total.calls for total in far.totals] == [300]
    assert near.outlook is not None
    assert near.outlook == far.outlook


def test_what_is_saved_is_of_that_time(tmp_path: Path) -> None:
    """By list prices, and from when these are."""
    used(tmp_path)

    statement = stated(Inquiry(saved=True), CONFIG, tmp_path, PIECE)

    assert statement.savings is not None
    assert statement.savings.worth == pytest.approx(0.075 * 1 + 0.025 * 3)
    assert statement.priced == "May to October 2026"


def test_without_a_database(tmp_path: Path) -> None:
    """The limits of the configuration, by the clock of the machine; none is made."""
    statement = stated(Inquiry(tokens_per_day=1000.0), CONFIG, tmp_path, PIECE)

    assert statement == statement_of(Inquiry(tokens_per_day=1000.0), CONFIG, Stored(NOW))
    assert statement.database == ""
    assert [gauge.left for gauge in statement.gauges] == [100.0]
    assert statement.outlook is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
def test_a_time_that_is_none_is_refused(there: bool, tmp_path: Path) -> None:
    """With a database and without."""
    if there:
        used(tmp_path)

    with pytest.raises(BadRequest, match="since=: found 'tomorrow'"):
        stated(Inquiry("tomorrow"), CONFIG, tmp_path, PIECE)


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    """And not taken for one in which nothing was used."""
    (tmp_path / "racer.db").write_bytes(b"no database " * 1000)

    with pytest.raises(StoreError, match="is damaged"):
        stated(Inquiry(), CONFIG, tmp_path, PIECE)
