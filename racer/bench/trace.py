"""A trace: races and attempts as the database has recorded them, for a replay.

Races that tell nothing of the lanes are passed over: those that still run, that their caller has left, or
whose request was wrong. So are lanes of which too little was seen. Races in which one lane alone might run
are none to be run again, for there was nothing to decide; but they tell how that lane was.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from racer.core.heat import Ending, Outcome
from racer.store import readings
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

LEAST = 5  # attempts of a lane
AT_ONCE = 500  # races whose attempts are asked for in one query
_REASON = re.compile(r"(\w+)(?: \d+)?(?:: (.*))?", re.DOTALL)
_OF_THE_QUESTION = frozenset({Kind.TOO_LONG, Kind.BAD_REQUEST, Kind.LOCAL})
_PASSED_OVER = {
    Ending.ABORTED: "left by their caller",
    Ending.REFUSED: "their request was wrong",
    None: "without an end",
}
NOTHING_TO_DECIDE = "one lane alone might run: nothing to decide"


class Place(NamedTuple):
    """Where a lane is: the names that make it."""

    provider: str
    model: str
    account: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a lane did when it was asked, in seconds from its start.

    `error` is None where it answered, and where it was `stopped`: then it would have taken longer than
    `took`. `silent`: it was given up because nothing came. `first` is its first token, where that was seen.
    """

    lane: str
    at: float
    start: float
    took: float
    first: float | None = None
    error: WireError | None = None
    stopped: bool = False
    tokens: int = 0

    @property
    def answered(self) -> bool:
        return self.error is None and not self.stopped

    @property
    def silent(self) -> bool:
        """Our own patience has ended it: who answers with a failure has a status, or another kind."""
        return self.error is not None and self.error.kind is Kind.TIMEOUT and self.error.status is None

    @property
    def telling(self) -> bool:
        """Whether it says something of its lane, and not only of the question or of this machine."""
        return self.error is None or self.error.kind not in _OF_THE_QUESTION


@dataclass(frozen=True, slots=True)
class Recorded:
    """A race as it was. `at` in unix seconds, `latency` in seconds; `lanes` could run, in this order."""

    id: str
    at: float
    policy: str
    width: int
    deadline: float
    ending: str
    latency: float
    lanes: tuple[str, ...]
    winner: str | None
    prompt: int
    seen: tuple[Seen, ...]

    @property
    def answered(self) -> bool:
        return self.ending == Ending.WON


@dataclass(frozen=True, slots=True)
class Trace:
    """Races in the order in which they began. `lanes` are those that are replayed.

    `left_out` are the lanes that are not, each with the reason. `passed_over` counts races, by reason.
    `asides` are those of these that tell all the same how their lane was.
    """

    races: tuple[Recorded, ...] = ()
    lanes: Mapping[str, Place] = field(default_factory=dict[str, Place])
    left_out: tuple[tuple[str, str], ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict[str, int])
    asides: tuple[Recorded, ...] = ()


# ---------------------------------------------------------------- reading


def recorded(connection: sqlite3.Connection, since: float, limit: int) -> Trace:
    """The last `limit` races from `since` on."""
    rows = [row for row in readings.races(connection, limit) if row.at >= since]
    attempts = _attempts(connection, [row.id for row in rows])
    found: list[Recorded] = []
    passed_over: Counter[str] = Counter()
    for row in sorted(rows, key=lambda row: row.at):
        lanes = attempts[row.id]
        reason = _why_not(row, lanes)
        if reason is None:
            found.append(_race(row, lanes))
        else:
            passed_over[reason] += 1
    places = {
        each.lane: Place(each.provider, each.model, each.account) for of in attempts.values() for each in of
    }
    asides = [race for race in found if len(race.lanes) == 1]
    passed_over[NOTHING_TO_DECIDE] += len(asides)
    return trace_of([race for race in found if len(race.lanes) != 1], places, passed_over, asides)


def trace_of(
    races: Sequence[Recorded],
    places: Mapping[str, Place],
    passed_over: Mapping[str, int] | None = None,
    asides: Sequence[Recorded] = (),
) -> Trace:
    """Of `races`, with the lanes of which enough was seen, and the races that one of these could run in."""
    left_out = tuple(_thin([*races, *asides], places))
    out = {name for name, _ in left_out}
    lanes = {name: place for name, place in sorted(places.items()) if name not in out}
    kept = tuple(race for race in races if not lanes.keys().isdisjoint(race.lanes))
    passed = Counter(passed_over or {})
    passed["none of their lanes is replayed"] += len(races) - len(kept)
    passed_over = {reason: times for reason, times in passed.items() if times}
    return Trace(kept, lanes, left_out, passed_over, tuple(asides))


def _thin(races: Iterable[Recorded], names: Iterable[str]) -> Iterable[tuple[str, str]]:
    """The lanes of which too little was seen, each with how little."""
    asked, ended = Counter[str](), Counter[str]()
    for each in (each for race in races for each in race.seen if each.telling):
        asked[each.lane] += 1
        ended[each.lane] += not each.stopped
    for name in sorted(names):
        if asked[name] < LEAST:
            yield name, f"asked {asked[name]} times: {LEAST} are needed"
        elif not ended[name]:
            yield name, f"stopped each of {asked[name]} times: nobody knows how long it takes"


def _attempts(connection: sqlite3.Connection, ids: Sequence[str]) -> defaultdict[str, list[readings.Lane]]:
    found: defaultdict[str, list[readings.Lane]] = defaultdict(list)
    columns = ", ".join(readings.Lane._fields)
    for begin in range(0, len(ids), AT_ONCE):
        some = ids[begin : begin + AT_ONCE]
        marks = ", ".join("?" * len(some))
        query = f"SELECT race, {columns} FROM attempts WHERE race IN ({marks}) ORDER BY race, number"
        for race, *row in connection.execute(query, some):
            found[race].append(readings.Lane(*row))
    return found


def _why_not(row: readings.Race, attempts: Sequence[readings.Lane]) -> str | None:
    ending = None if row.ending is None or row.latency is None else Ending(row.ending)
    if ending in _PASSED_OVER:
        return _PASSED_OVER[ending]
    if len(attempts) < (row.attempts or 0):
        return "their attempts are no longer kept"
    return None


def _race(row: readings.Race, attempts: Sequence[readings.Lane]) -> Recorded:
    seen = (_seen(each, row.at) for each in attempts)
    return Recorded(
        id=row.id,
        at=row.at,
        policy=row.policy,
        width=row.width,
        deadline=row.deadline,
        ending=row.ending or "",
        latency=row.latency or 0.0,
        lanes=row.lanes,
        winner=row.winner,
        prompt=max((each.input_tokens or 0 for each in attempts), default=0),
        seen=tuple(each for each in seen if each is not None),
    )


def _seen(row: readings.Lane, at: float) -> Seen | None:
    """None where its process ended before it."""
    if row.latency is None:
        return None
    failed = row.outcome == Outcome.FAILED
    return Seen(
        lane=row.lane,
        at=at,
        start=row.start,
        took=row.latency,
        first=row.first_token,
        error=error_of(row.reason or "", row.status) if failed else None,
        stopped=row.outcome == Outcome.LOST,
        tokens=row.output_tokens or 0,
    )


def error_of(reason: str, status: int | None) -> WireError:
    """The failure that was written down as `reason`. How long its provider asked to wait is not recorded."""
    found = _REASON.fullmatch(reason)
    if found is None or found[1] not in {str(kind) for kind in Kind}:
        return WireError(Kind.SERVER, reason, status=status)
    return WireError(Kind(found[1]), found[2] or "", status=status)
