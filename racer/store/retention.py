"""What is dropped when it is old: races, attempts and alerts. Their sums by the day stay for good.

Runs in a transaction that its caller holds, and drops so little at once that it is a short one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

DAY = 86400.0
RACES_KEPT = 30 * DAY
ALERTS_KEPT = 90 * DAY
MOST_ATTEMPTS = 1_000_000
BITE = 2000

# Races and attempts lie in the order in which they began: what is too old or too many is found without an
# index on the time, which each of them would have to pay for.
_TOO_MANY = """SELECT at FROM attempts WHERE id <= (SELECT MAX(id) FROM attempts) - ?
    ORDER BY id DESC LIMIT 1"""
_ATTEMPTS = """DELETE FROM attempts WHERE id IN
    (SELECT id FROM (SELECT id, at FROM attempts ORDER BY id LIMIT ?2) WHERE at <= ?1)"""
_RACES = "SELECT id, skips FROM (SELECT id, skips, at FROM races ORDER BY rowid LIMIT ?2) WHERE at <= ?1"
_SKIPS = "DELETE FROM skips WHERE id = ? AND NOT EXISTS (SELECT 1 FROM races WHERE races.skips = skips.id)"
_ALERTS = """DELETE FROM alerts WHERE (meter, slot, kind, level) IN
    (SELECT meter, slot, kind, level FROM alerts WHERE at <= ? ORDER BY at LIMIT ?)"""


def prune(connection: sqlite3.Connection, now: float, *, most: int = MOST_ATTEMPTS, bite: int = BITE) -> bool:
    """Drop what is old at `now` (unix seconds), `bite` rows of a kind at most. Whether there may be more.

    Races and attempts are kept for 30 days, and the newest `most` attempts with the races since then;
    alerts for 90 days; lists of skipped lanes as long as a race needs them.
    """
    found = connection.execute(_TOO_MANY, (most,)).fetchone()
    since = max(now - RACES_KEPT, found[0] if found else 0.0)
    attempts = connection.execute(_ATTEMPTS, (since, bite)).rowcount
    races = _drop_races(connection, since, bite)
    alerts = connection.execute(_ALERTS, (now - ALERTS_KEPT, bite)).rowcount
    return bite in (attempts, races, alerts)


def _drop_races(connection: sqlite3.Connection, since: float, bite: int) -> int:
    races = connection.execute(_RACES, (since, bite)).fetchall()
    connection.executemany("DELETE FROM races WHERE id = ?", [(id_,) for id_, _ in races])
    connection.executemany(_SKIPS, [(skips,) for skips in {skips for _, skips in races} - {None}])
    return len(races)
