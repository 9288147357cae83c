"""What lanes have taught all processes, kept by lane: each adds its own attempts to it.

Rows that another version or another program wrote are dropped, all of them as soon as one is met: people are
told of them whenever a ledger is opened, and some lanes may not run for long.

Runs in a transaction that its caller holds: what is read is written back before anybody else can read it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from racer.core.heat import Outcome
from racer.core.latency import LaneStats
from racer.core.lessons import key_of
from racer.core.lessons import learn as observe
from racer.store.text import storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from racer.core.provider import Lane
    from racer.store.records import End, Key

_FIND = "SELECT stats FROM learned WHERE lane = ?"
_ALL = "SELECT lane, stats FROM learned"
_DROP = "DELETE FROM learned WHERE lane = ?"
_KEEP = """INSERT OR REPLACE INTO learned
    (lane, at, stats, n, p50, p95, p99, first_p50, first_p95, success)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def learn(connection: sqlite3.Connection, ended: Mapping[Key, End]) -> dict[str, LaneStats]:
    """Add what `ended` teach to what is known of their lanes. Returns what is known of these now."""
    answers = {race: _tokens(end) for (race, _), end in ended.items() if end.record.outcome is Outcome.WON}
    lanes: defaultdict[str, list[tuple[End, int]]] = defaultdict(list)
    keys = {
        key: storable(key_of(lane))
        for key, lane in {id(end.lane): end.lane for end in ended.values()}.items()
    }
    for (race, _), end in ended.items():
        lanes[keys[id(end.lane)]].append((end, answers.get(race, 0)))
    known = {key: _known(connection, key, ends[0][0].lane) for key, ends in lanes.items()}
    connection.executemany(_KEEP, [_row(lane, known[lane], ends) for lane, ends in lanes.items()])
    return known


def _tokens(end: End) -> int:
    return 0 if end.record.usage is None else end.record.usage.output_tokens


def _row(lane: str, stats: LaneStats, ends: Sequence[tuple[End, int]]) -> tuple[object, ...]:
    for end, answer in ends:
        observe(stats, end.record, end.seen, answer)
    totals = (stats.total(q) for q in (0.50, 0.95, 0.99))
    firsts = (stats.first(q) for q in (0.50, 0.95))
    return lane, ends[-1][0].seen, stats.dump(), stats.n, *totals, *firsts, stats.success


def _known(connection: sqlite3.Connection, key: str, lane: Lane) -> LaneStats:
    """As it was written last; nothing is known where nothing was written, or nothing that can be read."""
    found = connection.execute(_FIND, (key,)).fetchone()
    if found is not None:
        stats = _read(found[0], lane)
        if stats is not None:
            return stats
        _drop_unreadable(connection)
    return LaneStats(local=lane.provider.local, cold=lane.is_cold)


def _read(data: bytes, lane: Lane | None = None) -> LaneStats | None:
    """None: these are another version's bytes, or whatever another program has written."""
    try:
        if lane is None:
            return LaneStats.load(data)
        return LaneStats.load(data, local=lane.provider.local, cold=lane.is_cold)
    except (TypeError, ValueError):
        return None


def _drop_unreadable(connection: sqlite3.Connection) -> None:
    unreadable = [(key,) for key, data in connection.execute(_ALL) if _read(data) is None]
    connection.executemany(_DROP, unreadable)
