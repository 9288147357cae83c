"""The public views: their columns are those that docs/database.md explains, and its example queries run."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from racer.core.facts import LaneEnded, LaneStarted, RaceEnded, RaceStarted
from racer.core.heat import Ending, Outcome
from racer.core.reply import Attempt
from racer.core.span import Slot
from racer.core.tax import Tax
from racer.core.view import Due, Why
from racer.store.meters import count, row_of
from racer.store.records import write
from racer_adapters.types import Usage
from tests.core.lanes import lane
from tests.racer.store.tables import CREDIT, MINUTE, database, rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[3] / "docs" / "database.md").read_text()
QUERIES = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SECTIONS = dict(re.findall(r"^### `(v_[a-z]+)`\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL))
A, B, C = lane("a/m"), lane("b/n"), lane("c/o")
KEPT_OUT = ((C.id, "used up: 5 requests a day"),)
TAX = Tax(2, 1, 412, 0.25, 1.3)
AN_HOUR_AGO = time.time() // 1 - 3600
FAR = 4_000_000_000.0


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    """With a race, in which one lane has failed, an alert, and meters that are used."""
    connection = database()
    failed = Attempt("a/m", "a", "m", 0.0, 0.25, Outcome.FAILED, "rate 429: slow", 429, usage=Usage(3, 0))
    won = Attempt("b/n", "b", "n", 0.0, 1.0, Outcome.WON, first_token=0.5, usage=Usage(3, 20, usd=0.5))
    facts = (
        RaceStarted("r", "all", 4, 60.0, (A, B, C)),
        LaneStarted("r", 0, A, 0.0, 0.35),
        LaneStarted("r", 1, B, 0.0, why=Why.BESIDE),
        LaneEnded("r", 0, A, failed),
        LaneEnded("r", 1, B, won),
        RaceEnded("r", Ending.WON, 1.0, 2, B, KEPT_OUT, (Due("b/n", 1.5, 0.4, Why.LATE),), TAX),
    )
    write(connection, 1, [(AN_HOUR_AGO, fact) for fact in facts])
    minute, credit = (row_of(connection, meter, AN_HOUR_AGO).id for meter in (MINUTE, CREDIT))
    count(connection, minute, Slot(AN_HOUR_AGO, AN_HOUR_AGO + 61), 50.0)
    count(connection, minute, Slot(AN_HOUR_AGO, FAR), 5.0, outside=2.0)
    count(connection, credit, Slot(AN_HOUR_AGO, float("inf")), 1.5)
    connection.execute("INSERT INTO leases VALUES (?, 1, 4.0)", (minute,))
    alert = "INSERT INTO alerts VALUES (?, 0, 'reached', 0.75, 0.0, 45, 60, ?, 1)"
    connection.execute(alert, (minute, float("inf")))
    yield connection
    connection.close()


def test_each_view_is_explained_column_by_column(connection: sqlite3.Connection) -> None:
    """The page has a section for each view, and in it a row for each column, in their order."""
    views = rows(connection, "name FROM sqlite_master WHERE type = 'view'").split()

    columns = {view: [row[1] for row in connection.execute(f"PRAGMA table_info({view})")] for view in views}

    assert {
        name: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for name, text in SECTIONS.items()
    } == columns


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: re.findall(r"v_\w+", query)[0])
def test_the_queries_of_the_page_answer(connection: sqlite3.Connection, query: str) -> None:
    """Each finds something in a database in which something has happened."""
    assert connection.execute(query).fetchall()


def test_usage_is_that_of_now(connection: sqlite3.Connection) -> None:
    """Slots that are over count no more; an instant that never comes is NULL."""
    columns = 'account, "window", used, "limit", resets_at, unit, leased, source'

    assert rows(connection, f"{columns} FROM v_usage ORDER BY unit") == (
        "groq minute 7 60 2096-10-02T07:06:40Z requests 4 configured\ngroq once 1.5 5 None usd 0 configured"
    )


def test_an_attempt_is_told_as_it_is_kept(connection: sqlite3.Connection) -> None:
    """With its instant as text."""
    columns = "race, attempt, lane, outcome, reason, status, latency, first_token, estimated, usd"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(AN_HOUR_AGO))

    assert rows(connection, f"{columns} FROM v_attempts") == (
        "r 0 a/m failed rate 429: slow 429 0.25 None 0 None\nr 1 b/n won None None 1 0.5 0 0.5"
    )
    assert rows(connection, "DISTINCT at FROM v_attempts") == rows(connection, "at FROM v_races") == at


def test_who_was_kept_out_is_told(connection: sqlite3.Connection) -> None:
    """As a list that SQLite itself can read."""
    assert rows(connection, "kept_out FROM v_races") == '[["c/o","used up: 5 requests a day"]]'


def test_the_plan_of_a_race_is_told(connection: sqlite3.Connection) -> None:
    """Why each lane started and at what price, and who was to start next."""
    assert rows(connection, "price, why FROM v_attempts ORDER BY attempt") == "0.35 first\n0 beside"
    assert rows(connection, "due FROM v_races") == '[["b/n",1.5,0.4,"late"]]'


def test_the_tax_of_a_race_is_told_and_that_of_its_day(connection: sqlite3.Connection) -> None:
    """The same numbers under the same names."""
    tax = "sent, extra_requests, extra_tokens, extra_usd, saved"
    day = time.strftime("%Y-%m-%d", time.gmtime(AN_HOUR_AGO))

    assert rows(connection, f"{tax} FROM v_races") == "2 1 412 0.25 1.3"
    assert rows(connection, f"day, policy, races, answers, {tax} FROM v_tax") == (
        f"{day} all 1 1 2 1 412 0.25 1.3"
    )


def test_alerts_and_lessons_are_told(connection: sqlite3.Connection) -> None:
    """The limit of an alert by its account and window; a lane by provider and model."""
    assert rows(connection, 'at, account, "window", kind, level, resets_at FROM v_alerts') == (
        "1970-01-01T00:00:00Z groq minute reached 0.75 None"
    )
    assert rows(connection, "lane, n FROM v_latency ORDER BY lane") == "a/m 1\nb/n 1"
