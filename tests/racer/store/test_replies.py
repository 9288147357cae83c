"""The shelf of replies, in a real database in memory."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from racer.store import replies
from racer.store.replies import LARGEST, get, prune, put
from racer.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400.0


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """With the tables, and in the transaction that its caller holds."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for migration in MIGRATIONS:
        for statement in migration.statements:
            connection.execute(statement)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def kept(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT key FROM replies ORDER BY key")]


def size(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT COALESCE(SUM(LENGTH(reply)), 0) FROM replies").fetchone()[0])


def test_what_is_kept_is_found(connection: sqlite3.Connection) -> None:
    """Under its own key, with when it was made; every byte is as it was."""
    put(connection, "a", bytes(range(256)), 100.0, 200.0)
    put(connection, "b", b"", 101.0, 200.0)

    assert get(connection, "a", 150.0) == (bytes(range(256)), 100.0)
    assert get(connection, "b", 150.0) == (b"", 101.0)
    assert get(connection, "c", 150.0) is None


def test_nothing_is_found_from_its_end_on(connection: sqlite3.Connection) -> None:
    """Also while the row is still there; and what ends at once is not kept."""
    put(connection, "a", b"x", 100.0, 200.0)
    put(connection, "b", b"x", 100.0, 100.0)

    assert get(connection, "a", 199.9) is not None
    assert get(connection, "a", 200.0) is None
    assert kept(connection) == ["a"]


def test_the_newer_reply_takes_the_place(connection: sqlite3.Connection) -> None:
    """One reply a key."""
    put(connection, "a", b"old", 100.0, 200.0)
    put(connection, "a", b"new", 150.0, 160.0)

    assert get(connection, "a", 155.0) == (b"new", 150.0)
    assert get(connection, "a", 165.0) is None


def test_a_transaction_that_fails_keeps_nothing(connection: sqlite3.Connection) -> None:
    """These functions neither begin nor commit: the caller does, with whatever else belongs together."""
    put(connection, "a", b"x", 100.0, 200.0)
    prune(connection, 100.0)
    assert connection.in_transaction
    connection.execute("ROLLBACK")

    assert kept(connection) == []


def test_a_reply_that_is_too_large_is_not_kept(connection: sqlite3.Connection) -> None:
    """More than 1 MiB, or more than there is room for. What was kept before stays."""
    put(connection, "a", b"x", 100.0, 200.0)
    put(connection, "a", bytes(LARGEST + 1), 101.0, 200.0)
    put(connection, "b", bytes(LARGEST), 101.0, 200.0)
    put(connection, "c", bytes(91), 101.0, 200.0, cap_bytes=100)

    assert get(connection, "a", 150.0) == (b"x", 100.0)
    assert kept(connection) == ["a", "b"]


def test_the_oldest_make_room(connection: sqlite3.Connection) -> None:
    """Never more than the cap, whatever is put in which order; the newest is always there."""
    for number in range(100):
        put(connection, f"{number:03}", bytes(30), 100.0 + number, DAY, cap_bytes=300)
        assert size(connection) <= 300
        assert kept(connection)[-1] == f"{number:03}"

    assert kept(connection) == [f"{number:03}" for number in range(100 - len(kept(connection)), 100)]
    assert size(connection) > 200


def test_what_has_expired_makes_room_first(connection: sqlite3.Connection) -> None:
    """An older reply that is still good stays."""
    put(connection, "old", bytes(30), 100.0, DAY, cap_bytes=100)
    put(connection, "short", bytes(40), 101.0, 110.0, cap_bytes=100)
    put(connection, "new", bytes(40), 120.0, DAY, cap_bytes=100)

    assert kept(connection) == ["new", "old"]


def test_replacing_a_reply_takes_no_more_room(connection: sqlite3.Connection) -> None:
    """The same key a hundred times drops no other."""
    put(connection, "other", bytes(30), 100.0, DAY, cap_bytes=100)
    for number in range(100):
        put(connection, "a", bytes(30), 101.0 + number, DAY, cap_bytes=100)

    assert kept(connection) == ["a", "other"]


def test_rows_of_others_are_counted_in(connection: sqlite3.Connection) -> None:
    """Where no sum is kept yet, what is there is counted."""
    connection.execute("INSERT INTO replies VALUES ('old', 50.0, 9999.0, ?)", (bytes(80),))
    put(connection, "new", bytes(30), 100.0, DAY, cap_bytes=100)

    assert kept(connection) == ["new"]


def test_prune_drops_what_has_expired(connection: sqlite3.Connection) -> None:
    """Whenever it is called; what is good and has room stays."""
    put(connection, "a", b"x", 100.0, 200.0)
    put(connection, "b", b"x", 100.0, 201.0)
    prune(connection, 200.0)

    assert kept(connection) == ["b"]


def test_the_sum_is_set_right_by_pruning(connection: sqlite3.Connection) -> None:
    """It may be too high, and is never too low."""
    for number in range(5):
        put(connection, "a", bytes(30), 100.0 + number, DAY)
    name = (replies.SIZE,)
    select = "SELECT value FROM facts WHERE name = ?"
    assert connection.execute(select, name).fetchone() == (150,)

    prune(connection, 110.0)
    assert connection.execute(select, name).fetchone() == (30,)


@pytest.mark.parametrize("row", [("text", 1.0), (7, 1.0), (b"x", "yesterday"), (1.5, b"1")])
def test_what_is_of_the_wrong_type_is_not_there(
    connection: sqlite3.Connection, row: tuple[object, object]
) -> None:
    """SQLite takes any type anywhere, and other programs may write."""
    connection.execute("INSERT INTO replies (key, reply, at, until) VALUES ('a', ?, ?, 1e9)", row)

    assert get(connection, "a", 150.0) is None


def test_keys_are_values_and_no_sql(connection: sqlite3.Connection) -> None:
    """Whatever is in a key or a reply."""
    hostile = "'; DROP TABLE replies; --"
    put(connection, hostile, hostile.encode(), 100.0, 200.0)

    assert get(connection, hostile, 150.0) == (hostile.encode(), 100.0)
