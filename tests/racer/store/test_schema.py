"""The tables and views: they can be made, and the public views are what the documents promise."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from racer.store.connection import Terms, in_memory, on_disk
from racer.store.schema import APPLICATION, MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = 1_769_860_800.0  # 2026-01-31, 12:00 UTC
NEVER = 1e18

# What the views promise, and what they have beside it.
VIEWS: dict[str, set[str]] = {
    "v_races": {
        "race",
        "at",
        "policy",
        "width",
        "deadline",
        "ending",
        "latency",
        "attempts",
        "winner",
        "kept_out",
        *("due", "sent", "extra_requests", "extra_tokens", "extra_usd", "saved"),
    },
    "v_attempts": {
        *("race", "attempt", "at", "lane", "provider", "model", "account", "start", "outcome", "reason"),
        *("status", "latency", "first_token", "input_tokens", "output_tokens", "estimated", "usd"),
        *("price", "why"),
    },
    "v_usage": {
        *("account", "window", "used", "limit", "resets_at"),
        *("provider", "model", "unit", "leased", "source"),
    },
    "v_latency": {"lane", "n", "p50", "p95", "p99", "success_rate", "first_p50", "first_p95"},
    "v_alerts": {
        *("at", "account", "model", "unit", "window", "kind", "level", "used", "limit", "resets_at", "times"),
    },
    "v_tax": {
        *("day", "policy", "races", "answers", "sent"),
        *("extra_requests", "extra_tokens", "extra_usd", "saved"),
    },
}


@pytest.fixture
def tables() -> Iterator[sqlite3.Connection]:
    """As a racer has them open: SQLite then trusts no view more than it would a stranger's."""
    with closing(in_memory(MIGRATIONS)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def fill(tables: sqlite3.Connection, table: str, **values: object) -> None:
    """A row; what is not given and must be there is nothing, in the form that its column wants."""
    row = dict(values)
    for column in tables.execute(f"PRAGMA table_info({table})"):
        if column["notnull"] and column["dflt_value"] is None:
            row.setdefault(column["name"], "" if column["type"] == "TEXT" else 0)
    names = ", ".join(f'"{name}"' for name in row)
    tables.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))


def the_row(tables: sqlite3.Connection, view: str) -> dict[str, object]:
    (row,) = tables.execute(f"SELECT * FROM {view}").fetchall()
    return dict(row)


def test_the_mark() -> None:
    """Four letters, that `file` and the like can be taught."""
    assert APPLICATION.to_bytes(4, "big") == b"race"


def test_each_migration_has_a_name_and_work() -> None:
    """They are told by their place in the list; the names are for people."""
    assert len({migration.name for migration in MIGRATIONS}) == len(MIGRATIONS) > 0
    assert all(migration.statements for migration in MIGRATIONS)


def test_a_migration_has_single_statements_only() -> None:
    """None ends the transaction that all of them are in, and none makes what may be there already."""
    for migration in MIGRATIONS:
        for statement in migration.statements:
            assert sqlite3.complete_statement(f"{statement};")
            assert ";" not in statement
            assert not re.search(r"\b(COMMIT|ROLLBACK|PRAGMA|IF NOT EXISTS)\b", statement, re.IGNORECASE)


@pytest.mark.parametrize("view", VIEWS)
def test_the_columns_of_the_public_views(tables: sqlite3.Connection, view: str) -> None:
    """Programs of others read them: a column may come, none may go."""
    assert {column[0] for column in tables.execute(f"SELECT * FROM {view}").description} == VIEWS[view]


def test_no_view_is_forgotten(tables: sqlite3.Connection) -> None:
    """Whatever is public is in the list above."""
    found = {row["name"] for row in tables.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}

    assert found == set(VIEWS)


def test_what_is_new_in_a_view_is_behind_what_was_there(tables: sqlite3.Connection) -> None:
    """Programs of others may read by place."""
    with closing(in_memory(MIGRATIONS[:1])) as first:
        for (view,) in first.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall():
            before, after = (
                [column[0] for column in each.execute(f"SELECT * FROM {view}").description]
                for each in (first, tables)
            )
            assert after[: len(before)] == before


def test_what_the_first_racers_wrote_is_kept(tmp_path: Path) -> None:
    """Of a race from before nobody knows what was planned, or what it cost beside: NULL, and no sum."""
    file = tmp_path / "racer.db"
    old, _ = on_disk(file, Terms(NOON, MIGRATIONS[:1]))
    with closing(old):
        old.row_factory = sqlite3.Row
        fill(old, "races", id="r", at=NOON, lanes='["groq/m"]', policy="all", ending="won", winner="groq/m")
        fill(old, "attempts", race="r", number=0, at=NOON, lane="groq/m", outcome="won", latency=0.5)
        fill(old, "days", day="2026-01-31", provider="groq", calls=1, won=1)
        old.commit()

    new, opened = on_disk(file, Terms(NOON, MIGRATIONS))

    with closing(new):
        new.row_factory = sqlite3.Row
        race, attempt = the_row(new, "v_races"), the_row(new, "v_attempts")
        assert (race["race"], race["winner"], race["due"], race["sent"]) == ("r", "groq/m", None, None)
        assert (attempt["latency"], attempt["price"], attempt["why"]) == (0.5, None, None)
        assert the_row(new, "days")["calls"] == 1
        assert new.execute("SELECT * FROM v_tax").fetchall() == []
    assert opened.backup is not None


def test_a_slot_is_of_a_meter(tables: sqlite3.Connection) -> None:
    """Counts without a limit that they belong to are refused."""
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        fill(tables, "slots", meter=1, start=0.0, until=1.0)


def test_the_time_of_an_attempt(tables: sqlite3.Connection) -> None:
    """Instants are shown as text, in UTC."""
    fill(tables, "attempts", race="r", number=1, at=NOON + 0.75, lane="groq/m", outcome="won", latency=0.5)
    fill(tables, "races", id="r", at=NOON, lanes="[]", winner="groq/m")

    attempt, race = the_row(tables, "v_attempts"), the_row(tables, "v_races")

    assert (attempt["at"], attempt["lane"], attempt["latency"]) == ("2026-01-31T12:00:00Z", "groq/m", 0.5)
    assert (race["race"], race["at"], race["winner"]) == ("r", "2026-01-31T12:00:00Z", "groq/m")


def test_an_attempt_is_there_once(tables: sqlite3.Connection) -> None:
    """Its race and its number tell it from all others."""
    fill(tables, "attempts", race="r", number=1)

    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        fill(tables, "attempts", race="r", number=1)


def test_usage_is_what_still_counts(tables: sqlite3.Connection) -> None:
    """Slots that are over count no more; what others have used does; the first to end is the next reset."""
    now = time.time()  # the view itself asks SQLite for the time
    fill(tables, "meters", id=1, name="groq requests", account="groq", per="day", unit="requests", amount=100)
    fill(tables, "slots", meter=1, start=0.0, until=now - 10.0, used=50.0)
    fill(tables, "slots", meter=1, start=1.0, until=253402300799.0, used=3.0, outside=4.0)
    fill(tables, "slots", meter=1, start=2.0, until=NEVER, used=5.0)
    fill(tables, "leases", meter=1, owner=1, amount=2.0)
    fill(tables, "leases", meter=1, owner=2, amount=6.0)

    row = the_row(tables, "v_usage")

    assert (row["used"], row["leased"], row["limit"]) == (12.0, 8.0, 100.0)
    assert (row["account"], row["window"], row["resets_at"]) == ("groq", "day", "9999-12-31T23:59:59Z")
    assert row["source"] == "configured"


def test_a_limit_without_use(tables: sqlite3.Connection) -> None:
    """It is there, with nothing used, and no reset."""
    fill(tables, "meters", id=1, name="x", amount=100)

    row = the_row(tables, "v_usage")

    assert (row["used"], row["leased"], row["resets_at"]) == (0.0, 0.0, None)


def test_what_never_comes_has_no_time(tables: sqlite3.Connection) -> None:
    """A limit that is given once has no reset."""
    fill(tables, "meters", id=1, name="x", per="once", amount=100)
    fill(tables, "slots", meter=1, start=0.0, until=NEVER, used=3.0)

    assert the_row(tables, "v_usage")["resets_at"] is None


@pytest.mark.parametrize(
    ("own", "told", "limit", "source"),
    [
        (1, None, 100, "configured"),
        (0, None, 100, "configured"),
        (0, 500, 500, "header"),
        (0, 20, 20, "header"),
        (1, 500, 100, "configured"),
        (1, 20, 20, "header"),
    ],
)
def test_whose_limit_holds(
    tables: sqlite3.Connection, own: int, told: float | None, limit: float, source: str
) -> None:
    """What a provider says is believed over the catalogue; the user's own number holds where it is lower."""
    fill(tables, "meters", id=1, name="x", amount=100, own=own, told=told, teller=told and "header")

    row = the_row(tables, "v_usage")

    assert (row["limit"], row["source"]) == (limit, source)


def test_alerts_and_latencies(tables: sqlite3.Connection) -> None:
    """An alert names the account of its meter; a lane's quantiles are those that were learned."""
    fill(tables, "meters", id=1, name="x", account="groq", unit="requests", per="day")
    fill(tables, "alerts", meter=1, slot=NOON, kind="used", level=0.9, at=NOON, used=90.0, limit=100.0)
    fill(tables, "learned", lane="groq/m", n=7, p50=0.5, success=0.9)

    alert, latency = the_row(tables, "v_alerts"), the_row(tables, "v_latency")

    assert (alert["account"], alert["window"], alert["level"]) == ("groq", "day", 0.9)
    assert (alert["at"], alert["limit"]) == ("2026-01-31T12:00:00Z", 100.0)
    assert (latency["lane"], latency["n"], latency["p50"], latency["success_rate"]) == ("groq/m", 7, 0.5, 0.9)


@pytest.mark.parametrize("table", ["alerts", "replies"])
def test_what_is_deleted_by_its_age_is_found_by_it(tables: sqlite3.Connection, table: str) -> None:
    """Old rows are found without reading the others; races and attempts lie in their order anyway."""
    plan = tables.execute(f"EXPLAIN QUERY PLAN DELETE FROM {table} WHERE at < 1").fetchall()

    assert any(f"{table}_at" in row["detail"] for row in plan)
