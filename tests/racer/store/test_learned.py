"""What lanes teach goes to one row a lane, and adds up over batches and processes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.core.heat import Outcome
from racer.core.latency import LaneStats
from racer.core.lessons import key_of
from racer.core.lessons import learn as observe
from racer.core.reply import Attempt
from racer.store import learned as kept
from racer.store.readings import learned
from racer.store.records import End
from racer_adapters.types import Usage
from tests.core.lanes import lane
from tests.racer.store.tables import NOW, database, rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

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


def learn(connection: sqlite3.Connection, ends: Iterable[End]) -> dict[str, LaneStats]:
    """Each in a race of its own."""
    return kept.learn(connection, {(f"r{number}", 0): one for number, one in enumerate(ends)})


def test_a_lane_that_was_stopped_learns_how_long_the_answer_was(connection: sqlite3.Connection) -> None:
    """Lanes of a race are asked the same: else a size would learn from those alone that were fast."""
    raced = {("r", 0): end(lane("a/m"), Outcome.LOST), ("r", 1): end(lane("b/m"))}
    alone = {("s", 0): end(lane("c/m"), Outcome.LOST)}
    known = kept.learn(connection, raced | alone)

    sized, unsized = known["a/m"], known["c/m"]
    assert sized.expected("medium") > unsized.expected("medium") == unsized.expected()


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


def test_all_that_cannot_be_read_goes_when_one_is_met(connection: sqlite3.Connection) -> None:
    """Lanes that may not run for long are told of once, too; the others stay as they are."""
    learn(connection, [end(lane(f"{name}/m")) for name in "abcd"])
    kept = learned(connection)["d/m"]
    connection.execute("UPDATE learned SET stats = x'00' WHERE lane < 'd'")

    learn(connection, [end(lane("d/m", account="x"))])
    assert rows(connection, "lane, n FROM learned ORDER BY lane") == "a/m 1\nb/m 1\nc/m 1\nd/m 2"
    learn(connection, [end(lane("b/m"))])

    assert rows(connection, "lane, n FROM learned ORDER BY lane") == "b/m 1\nd/m 2"
    assert learned(connection)["d/m"] != kept


def test_a_date_in_the_future_is_put_right(connection: sqlite3.Connection) -> None:
    """A database from a machine whose clock was ahead by a year goes on at once."""
    who = lane("a/m")
    ahead = [end(who, latency=8.0, seen=NOW + 365 * 86400) for _ in range(40)]
    learn(connection, [end(who, seen=NOW) for _ in range(1000)] + ahead)

    learn(connection, [end(who)])
    slow = LaneStats.load(learned(connection)["a/m"])
    learn(connection, [end(who, seen=NOW + 86400)])
    fast = LaneStats.load(learned(connection)["a/m"])

    assert slow.total(0.5) > 4.0
    assert fast.total(0.5) < 1.3


def test_a_cold_model_has_a_row_of_its_own(connection: sqlite3.Connection) -> None:
    """Its key is the one that everybody uses, and it begins with what is known of cold ones."""
    warm, cold = (lane("ollama/llama3.2", local=True, loaded=loaded) for loaded in (True, False))
    server = replace(warm.provider, dialect="ollama", discover=True)
    warm, cold = replace(warm, provider=server), replace(cold, provider=server)

    begun = LaneStats(local=True, cold=True)
    for ends in ([end(warm), end(cold)], [end(cold)]):
        known = learn(connection, ends)[key_of(cold)]
        observe(begun, ends[-1].record, ends[-1].seen)
        assert known.total(0.95) == pytest.approx(begun.total(0.95), rel=1e-3)

    assert [("ollama/llama3.2", 1), ("ollama/llama3.2 (cold)", 2)] == connection.execute(
        "SELECT lane, n FROM learned ORDER BY lane"
    ).fetchall()


def test_a_local_lane_begins_with_what_is_known_of_local_ones(connection: sqlite3.Connection) -> None:
    """They are slower to begin with."""
    learn(connection, [end(lane("a/m", local=True)), end(lane("b/m"))])

    [[slow], [fast]] = connection.execute("SELECT p95 FROM learned ORDER BY lane").fetchall()
    assert slow > fast
