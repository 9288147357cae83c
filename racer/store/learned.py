"""What lanes have taught all processes, kept by lane: each adds its own attempts to it.

Runs in a transaction that its caller holds: what is read is written back before anybody else can read it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from racer.core.latency import LaneStats
from racer.core.lessons import lane_key
from racer.core.lessons import learn as observe
from racer.store.text import storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from racer.store.records import End

_FIND = "SELECT stats FROM learned WHERE lane = ?"
_KEEP = """INSERT OR REPLACE INTO learned
    (lane, at, stats, n, p50, p95, p99, first_p50, first_p95, success)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def learn(connection: sqlite3.Connection, ended: Iterable[End]) -> dict[str, LaneStats]:
    """Add what `ended` teach to what is known of their lanes. Returns what is known of these now."""
    lanes: defaultdict[str, list[End]] = defaultdict(list)
    for end in ended:
        lanes[storable(lane_key(end.lane.provider.name, end.lane.model.name))].append(end)
    known = {
        lane: _known(connection, lane, local=ends[0].lane.provider.local) for lane, ends in lanes.items()
    }
    connection.executemany(_KEEP, [_row(lane, known[lane], ends) for lane, ends in lanes.items()])
    return known


def _row(lane: str, stats: LaneStats, ends: Sequence[End]) -> tuple[object, ...]:
    for end in ends:
        observe(stats, end.record, end.seen)
    totals = (stats.total(q) for q in (0.50, 0.95, 0.99))
    firsts = (stats.first(q) for q in (0.50, 0.95))
    return lane, ends[-1].seen, stats.dump(), stats.n, *totals, *firsts, stats.success


def _known(connection: sqlite3.Connection, lane: str, *, local: bool) -> LaneStats:
    """As it was written last; nothing is known where nothing was written, or nothing that can be read."""
    found = connection.execute(_FIND, (lane,)).fetchone()
    if found is not None:
        try:
            return LaneStats.load(found[0], local=local)
        except (TypeError, ValueError):  # another program's, or another version's
            pass
    return LaneStats(local=local)
