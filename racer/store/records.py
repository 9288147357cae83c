"""Races and attempts written down, a batch of facts at a time: rows, sums by the day, what lanes teach.

Rule 1: an attempt has one row, from its start on, and ends once: a row that has an end is not touched again.
        But a process that was taken for dead may live: what was given up with it gets the end that it tells.
Rule 2: it counts in `days` and teaches something when it ends, not before. In `days` it counts once: a late
        end is no further call, and what was added to `lost` for it is taken away again.
Rule 3: what others have written (names, reasons, numbers) is cut to size and made fit to be stored.

Each function runs in a transaction that its caller holds.
"""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import orjson

from racer.core.facts import LaneEnded, LaneFirstToken, LaneStarted, RaceEnded, RaceStarted
from racer.core.heat import Outcome
from racer.store import learned
from racer.store.text import LONGEST_NAME, LONGEST_REASON, storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from racer.core.facts import Fact
    from racer.core.latency import LaneStats
    from racer.core.provider import Lane
    from racer.core.reply import Attempt

    Key = tuple[str, int]
    Skipped = tuple[tuple[str, str], ...]
    Row = tuple[str | int | float | None, ...]

MOST_TOKENS = 10**12
DAY = 86400
ENDED = "its process ended"
_OUTCOMES = ("won", "lost", "failed", "late")
_TOKENS = ("input_tokens", "output_tokens", "answer_input", "answer_output")
_SUMMED = {name: place for place, name in enumerate(("calls", *_OUTCOMES, *_TOKENS, "usd"))}

_RACE = """INSERT INTO races (id, at, owner, policy, width, deadline, lanes, skips)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
_RACE_ENDS = """UPDATE races SET ending = ?, latency = ?, attempts = ?, winner = ?, kept_out = ?
    WHERE id = ? AND (ending IS NULL OR (ending = 'aborted' AND latency IS NULL))"""
_SKIPS = "INSERT INTO skips (digest, lanes) VALUES (?, ?) ON CONFLICT DO NOTHING"
_STARTED = """INSERT INTO attempts
    (race, number, at, owner, lane, provider, model, account, start, outcome)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'running') ON CONFLICT DO NOTHING"""
_FIRST_TOKEN = """UPDATE attempts SET first_token = ?
    WHERE race = ? AND number = ? AND outcome = 'running'"""
_ENDED = f"""INSERT INTO attempts
    (race, number, at, owner, lane, provider, model, account, start, outcome, reason, status, latency,
    first_token, input_tokens, output_tokens, estimated, usd)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (race, number) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason,
    status = excluded.status, latency = excluded.latency, first_token = excluded.first_token,
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
    estimated = excluded.estimated, usd = excluded.usd
    WHERE outcome = 'running' OR (outcome = 'lost' AND reason = '{ENDED}')"""
_OVER = """SELECT number, at, outcome = 'lost' AND reason IS ? FROM attempts
    WHERE race = ? AND outcome <> 'running'"""
_DAYS = f"""INSERT INTO days (day, provider, model, account, {", ".join(_SUMMED)})
    VALUES (?, ?, ?, ?, {", ".join("?" * len(_SUMMED))})
    ON CONFLICT (day, provider, model, account)
    DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMMED)}"""
_GIVEN_UP = """INSERT INTO days (day, provider, model, account, calls, lost)
    SELECT strftime('%Y-%m-%d', at, 'unixepoch') AS day, provider, model, account, COUNT(*), COUNT(*)
    FROM attempts WHERE owner = ? AND outcome = 'running' GROUP BY day, provider, model, account
    ON CONFLICT (day, provider, model, account)
    DO UPDATE SET calls = calls + excluded.calls, lost = lost + excluded.lost"""


class End(NamedTuple):
    """An attempt that has ended: when it began, and when its end was seen, in unix seconds.

    `given_up`: it is written down, and counted, as lost with its process.
    """

    began: float
    seen: float
    lane: Lane
    names: tuple[str, ...]
    record: Attempt
    given_up: bool = False


class _Batch:
    """Facts sorted by what is to be done with them, in the order in which they came."""

    __slots__ = ("ended", "races", "results", "started", "tokens")

    def __init__(self, notes: Iterable[tuple[float, Fact]]) -> None:
        self.races: list[tuple[float, RaceStarted]] = []
        self.results: list[RaceEnded] = []
        self.started: dict[Key, tuple[float, LaneStarted]] = {}
        self.tokens: dict[Key, float] = {}
        self.ended: dict[Key, End] = {}
        for at, fact in notes:
            self._add(at, fact)

    def _add(self, at: float, fact: Fact) -> None:
        if isinstance(fact, LaneStarted):
            self.started[fact.race, fact.attempt] = at, fact
        elif isinstance(fact, LaneFirstToken):
            self.tokens[fact.race, fact.attempt] = fact.after
        elif isinstance(fact, LaneEnded):
            self._end(at, fact)
        elif isinstance(fact, RaceStarted):
            self.races.append((at, fact))
        elif isinstance(fact, RaceEnded):
            self.results.append(fact)

    def _end(self, at: float, fact: LaneEnded) -> None:
        key = fact.race, fact.attempt
        started = self.started.pop(key, None)
        began = at - fact.record.latency if started is None else started[0]
        self.tokens.pop(key, None)
        self.ended.setdefault(key, End(began, at, fact.lane, _names(fact.lane), fact.record))


def write(
    connection: sqlite3.Connection, owner: int, notes: Sequence[tuple[float, Fact]]
) -> dict[str, LaneStats]:
    """Write down `notes` of the process `owner`: facts, each with the unix second at which it was seen.

    Facts that are not of a race or of a lane are left alone. Returns what is known now of the lanes that
    have run.
    """
    batch = _Batch(notes)
    _write_races(connection, owner, batch)
    connection.executemany(
        _STARTED,
        [(*key, at, owner, *_names(fact.lane), fact.offset) for key, (at, fact) in batch.started.items()],
    )
    connection.executemany(_FIRST_TOKEN, [(after, *key) for key, after in batch.tokens.items()])
    ended = _news(connection, batch.ended)
    connection.executemany(_ENDED, [_row(key, owner, end) for key, end in ended.items()])
    connection.executemany(_DAYS, _sums(ended.values()))
    return learned.learn(connection, ended.values())


def give_up(connection: sqlite3.Connection, owner: int) -> None:
    """What was running in the process `owner` has ended with it: its races aborted, their lanes lost.

    A race that was aborted in this way has no latency.
    """
    connection.execute(_GIVEN_UP, (owner,))
    lost = "UPDATE attempts SET outcome = 'lost', reason = ? WHERE owner = ? AND outcome = 'running'"
    connection.execute(lost, (ENDED, owner))
    connection.execute("UPDATE races SET ending = 'aborted' WHERE owner = ? AND ending IS NULL", (owner,))


# ---------------------------------------------------------------- races


def _write_races(connection: sqlite3.Connection, owner: int, batch: _Batch) -> None:
    skips = _skips(connection, {fact.skipped for _, fact in batch.races if fact.skipped})
    rows = [(fact.race, at, owner, *_plan(fact), skips.get(fact.skipped)) for at, fact in batch.races]
    connection.executemany(_RACE, rows)
    connection.executemany(_RACE_ENDS, [_result(fact) for fact in batch.results])


def _plan(fact: RaceStarted) -> Row:
    lanes = orjson.dumps([storable(lane.id) for lane in fact.lanes]).decode()
    return fact.policy, fact.width, fact.deadline, lanes


def _result(fact: RaceEnded) -> Row:
    winner = None if fact.winner is None else storable(fact.winner.id)
    kept_out = _reasons(fact.kept_out).decode() if fact.kept_out else None
    return fact.ending.value, fact.latency, fact.attempts, winner, kept_out, fact.race


def _reasons(lanes: Skipped, most: int = LONGEST_NAME) -> bytes:
    """Lanes, each with its reason, as JSON. A race writes its own list, so its reasons are kept short."""
    return orjson.dumps([(storable(name), storable(reason, most)) for name, reason in lanes])


def _skips(connection: sqlite3.Connection, lists: Iterable[Skipped]) -> Mapping[Skipped, int]:
    """The row of each list of skipped lanes: races that have left out the same for the same share one."""
    rows: dict[Skipped, int] = {}
    for skipped in lists:
        text = _reasons(skipped, LONGEST_REASON)
        digest = sha256(text).hexdigest()
        connection.execute(_SKIPS, (digest, text.decode()))
        rows[skipped] = connection.execute("SELECT id FROM skips WHERE digest = ?", (digest,)).fetchone()[0]
    return rows


# ---------------------------------------------------------------- attempts


def _news(connection: sqlite3.Connection, ended: Mapping[Key, End]) -> Mapping[Key, End]:
    """`ended` without those that have an end already. One that was given up counts on the day it has."""
    news = dict(ended)
    for race in {race for race, _ in ended}:
        for number, at, given_up in connection.execute(_OVER, (ENDED, race)):
            end = news.pop((race, number), None)
            if given_up and end is not None:
                news[race, number] = end._replace(began=at, given_up=True)
    return news


def _names(lane: Lane) -> tuple[str, ...]:
    """Of the lane, its provider, its model and its account."""
    return (
        storable(lane.id),
        storable(lane.provider.name),
        storable(lane.model.name),
        storable(lane.account.name),
    )


def _row(key: Key, owner: int, end: End) -> Row:
    record, usage = end.record, end.record.usage
    reason = None if record.reason is None else storable(record.reason, LONGEST_REASON)
    how = record.outcome.value, reason, record.status, record.latency, record.first_token
    what: Row = (None, None, None, None)
    if usage is not None:
        usd = None if usage.usd is None else _usd(usage.usd)
        what = _count(usage.input_tokens), _count(usage.output_tokens), usage.estimated, usd
    return *key, end.began, owner, *end.names, record.start, *how, *what


def _count(tokens: int) -> int:
    return min(max(tokens, 0), MOST_TOKENS)


def _usd(usd: float) -> float:
    return usd if 0 <= usd < math.inf else 0.0


# ---------------------------------------------------------------- sums


def _sums(ended: Iterable[End]) -> Iterable[Row]:
    """What `ended` adds to the rows of `days`: one for each day, model and account."""
    sums: defaultdict[tuple[int, tuple[str, ...]], list[float]] = defaultdict(lambda: [0] * len(_SUMMED))
    for end in ended:
        sum_ = sums[int(end.began // DAY), end.names]
        for name, amount in _amounts(end):
            sum_[_SUMMED[name]] += amount
    return [(_date(day), *names[1:], *sum_) for (day, names), sum_ in sums.items()]


def _amounts(end: End) -> Iterable[tuple[str, float]]:
    outcome, usage = end.record.outcome, end.record.usage
    yield ("lost", -1) if end.given_up else ("calls", 1)
    yield outcome, 1
    if usage is None:
        return
    tokens = _count(usage.input_tokens), _count(usage.output_tokens)
    yield "input_tokens", tokens[0]
    yield "output_tokens", tokens[1]
    if outcome is Outcome.WON:
        yield "answer_input", tokens[0]
        yield "answer_output", tokens[1]
    if usage.usd is not None:
        yield "usd", _usd(usage.usd)


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).date().isoformat()
