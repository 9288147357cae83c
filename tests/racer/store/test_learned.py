"""What lanes teach goes to one row a lane, and adds up over batches and processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racer.core.heat import Outcome
from racer.core.latency import LaneStats
from racer.core.lessons import learn as observe
from racer.core.reply import Attempt
from racer.store.learned import learn
from racer.store.readings import learned
from racer.store.records import End
from racer_adapters.types import Usage
from tests.core.lanes import lane
from tests.racer.store.tables import NOW, database, rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from racer.core.provider import Lane


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = database()
    yield connection
    connection.close()


def end(who: Lane, outcome: Outcome = Outcome.WON, latency: float = 1.0, *, seen: float = NOW) -> End:
    names = (who.id, who.provider.name, who.model.name, who.account.name)
    record = Attempt(*names[:3], 0.0, latency, outcome, first_token=latency / 2, usage=Usage(10, 100))
    return End(seen - latency, seen, who, names, record)


def test_a_row_holds_the_lane_and_what_people_ask_of_it(connection: sqlite3.Connection) -> None:
    """The bytes are those of LaneStats, and the columns are what it says."""
    ends = [end(lane("a/m"), latency=1.0 + 0.1 * number, seen=NOW + number) for number in range(20)]
    stats = LaneStats()
    for one in ends:
        observe(stats, one.record, one.seen)

    learn(connection, ends)

    assert learned(connection) == {"a/m": stats.dump()}
    columns = "p50, p95, p99, first_p50, first_p95, success"
    expected = stats.total(0.5), stats.total(0.95), stats.total(0.99), stats.first(0.5), stats.first(0.95)
    found = connection.execute(f"SELECT n, at, {columns} FROM learned").fetchone()
    assert found == pytest.approx((20, NOW + 19, *expected, stats.success), rel=1e-5)


def test_keys_of_one_model_teach_the_same_lane(connection: sqlite3.Connection) -> None:
    """How fast a model answers has nothing to do with whose key it is."""
    learn(connection, [end(lane("a/m", account="one")), end(lane("a/m", account="two")), end(lane("b/m"))])

    assert rows(connection, "lane, n FROM learned ORDER BY lane") == "a/m 2\nb/m 1"


def test_lessons_add_up(connection: sqlite3.Connection) -> None:
    """A later batch, of whichever process, goes on where the last one stopped."""
    learn(connection, [end(lane("a/m"))])
    learn(connection, [end(lane("a/m"), Outcome.FAILED), end(lane("a/m"), Outcome.LOST)])
    learn(connection, [])

    assert rows(connection, "lane, n FROM learned") == "a/m 3"


@pytest.mark.parametrize("broken", [b"", b"something else", "text", 5])
def test_what_cannot_be_read_is_learned_anew(
    connection: sqlite3.Connection, broken: bytes | str | int
) -> None:
    """Another version's bytes, or another program's, end no exchange."""
    learn(connection, [end(lane("a/m")), end(lane("a/m"))])
    connection.execute("UPDATE learned SET stats = ?", (broken,))

    learn(connection, [end(lane("a/m"))])

    assert rows(connection, "lane, n FROM learned") == "a/m 1"


def test_a_local_lane_begins_with_what_is_known_of_local_ones(connection: sqlite3.Connection) -> None:
    """They are slower to begin with."""
    learn(connection, [end(lane("a/m", local=True)), end(lane("b/m"))])

    [[slow], [fast]] = connection.execute("SELECT p95 FROM learned ORDER BY lane").fetchall()
    assert slow > fast
