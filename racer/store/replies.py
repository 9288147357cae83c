"""Replies that may be given again: read, kept, and dropped when they are too old or too many.

Each function runs in a transaction that its caller holds. Instants are unix seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

MEBIBYTE = 1024 * 1024
LARGEST = MEBIBYTE
CAP = 64 * MEBIBYTE
ROOM = 0.9  # of the cap, when it was passed: so that not each reply after that has to make room again
SIZE = "replies.bytes"

_TOTAL = "SELECT COALESCE(SUM(LENGTH(reply)), 0) FROM replies"
_OLDEST = """DELETE FROM replies WHERE key IN (
    SELECT key FROM (SELECT key, SUM(LENGTH(reply)) OVER (ORDER BY at DESC, key) AS total FROM replies)
    WHERE total > ?)"""
_SET_SIZE = (
    "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


def get(connection: sqlite3.Connection, key: str, now: float) -> tuple[bytes, float] | None:
    """The reply kept under `key`, and when it was made; None where there is none any more."""
    row = connection.execute(
        "SELECT reply, at FROM replies WHERE key = ? AND until > ?", (key, now)
    ).fetchone()
    if row is None or not isinstance(row[0], bytes) or not isinstance(row[1], float):
        return None  # SQLite keeps whatever another program has written
    return row[0], row[1]


def put(
    connection: sqlite3.Connection, key: str, reply: bytes, at: float, until: float, cap_bytes: int = CAP
) -> None:
    """Keep `reply`, made at `at`, until `until`, in place of the one before. One that is too large is not."""
    if len(reply) > min(LARGEST, cap_bytes * ROOM) or until <= at:
        return
    connection.execute(
        """INSERT INTO replies (key, at, until, reply) VALUES (?, ?, ?, ?)
        ON CONFLICT (key) DO UPDATE SET at = excluded.at, until = excluded.until, reply = excluded.reply""",
        (key, at, until, reply),
    )
    if _grown(connection, len(reply)) > cap_bytes:
        prune(connection, at, cap_bytes)


def prune(connection: sqlite3.Connection, now: float, cap_bytes: int = CAP) -> None:
    """Drop what has expired; then, if the rest is larger than `cap_bytes`, the oldest."""
    connection.execute("DELETE FROM replies WHERE until <= ?", (now,))
    if _total(connection) > cap_bytes:
        connection.execute(_OLDEST, (cap_bytes * ROOM,))
    connection.execute(_SET_SIZE, (SIZE, _total(connection)))


def _grown(connection: sqlite3.Connection, by: int) -> int:
    """How large the replies are at most. To count them all takes 30 ms when the cap is reached, so a sum is
    kept; it forgets what a reply has taken the place of, and `prune` sets it right."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (SIZE,)).fetchone()
    size = (int(row[0]) if row else _total(connection) - by) + by
    connection.execute(_SET_SIZE, (SIZE, size))
    return size


def _total(connection: sqlite3.Connection) -> int:
    return int(connection.execute(_TOTAL).fetchone()[0])
