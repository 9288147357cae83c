"""Facts written down, a batch at a time: attempts as rows, their sums by the day, what lanes teach.

Rule 1: an attempt has one row, from its start on, and ends once: a row that has an end is not touched again.
        But a process that was taken for dead may live: what was given up with it gets the end that it tells.
Rule 2: it counts in `days` and teaches something when it ends, not before. In `days` it counts once: a late
        end is no further call, and what was added to `lost` for it is taken away again.
Rule 3: what others have written (names, reasons, numbers) is cut to size and made fit to be stored.

Races are racer/store/races.py's. Each function runs in a transaction that its caller holds.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from racer.core.facts import LaneEnded, LaneFirstToken, LaneStarted, RaceEnded, RaceStarted
from racer.core.heat import Outcome
from racer.store import learned, races
from racer.store.figures import DAY, amount, count, date
from racer.store.text import LONGEST_REASON, storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from racer.core.facts import Fact
    from racer.core.latency import LaneStats
    from racer.core.provider import Lane
    from racer.core.reply import Attempt

    Key = tuple[str, int]
    Row = tuple[str | int | float | None, ...]

ENDED = "its process ended"
_OUTCOMES = ("won", "lost", "failed", "late")
_TOKENS = ("input_tokens", "output_tokens", "answer_input", "answer_output")
_SUMMED = {name: place for place, name in enumerate(("calls", *_OUTCOMES, *_TOKENS, "usd"))}

_STARTED = """INSERT INTO attempts
    (race, number, at, owner, lane, provider, model, account, start, price, why, outcome)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'running') ON CONFLICT DO NOTHING"""
_FIRST_TOKEN = """UPDATE attempts SET first_token = ?
    WHERE race = ? AND number = ? AND outcome = 'running'"""
_ENDED = f"""INSERT INTO attempts
    (race, number, at, owner, lane, provider, model, account, price, why, start, outcome, reason, status,
    latency, first_token, input_tokens, output_tokens, estimated, usd)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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

    `plan` is its price and why it started, where it has no row yet. `given_up`: it is written down, and
    counted, as lost with its process.
    """

    began: float
    seen: float
    lane: Lane
    names: tuple[str, ...]
    record: Attempt
    plan: tuple[float | None, str | None] = (None, None)
    given_up: bool = False


class _Batch:
    """Facts sorted by what is to be done with them, in the order in which they came."""

    __slots__ = ("begun", "ended", "results", "started", "tokens")

    def __init__(self, notes: Iterable[tuple[float, Fact]]) -> None:
        self.begun: list[tuple[float, RaceStarted]] = []
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
            self.begun.append((at, fact))
        elif isinstance(fact, RaceEnded):
            self.results.append(fact)

    def _end(self, at: float, fact: LaneEnded) -> None:
        key = fact.race, fact.attempt
        started = self.started.pop(key, None)
        self.tokens.pop(key, None)
        end = End(at - fact.record.latency, at, fact.lane, _names(fact.lane), fact.record)
        if started is not None:
            end = end._replace(began=started[0], plan=_plan(started[1]))
        self.ended.setdefault(key, end)


def write(
    connection: sqlite3.Connection, owner: int, notes: Sequence[tuple[float, Fact]]
) -> dict[str, LaneStats]:
    """Write down `notes` of the process `owner`: facts, each with the unix second at which it was seen.

    Facts that are not of a race or of a lane are left alone. Returns what is known now of the lanes that
    have run.
    """
    batch = _Batch(notes)
    races.begin(connection, owner, batch.begun)
    races.end(connection, batch.results)
    connection.executemany(
        _STARTED,
        [
            (*key, at, owner, *_names(fact.lane), fact.offset, *_plan(fact))
            for key, (at, fact) in batch.started.items()
        ],
    )
    connection.executemany(_FIRST_TOKEN, [(after, *key) for key, after in batch.tokens.items()])
    ended = _news(connection, batch.ended)
    connection.executemany(_ENDED, [_row(key, owner, end) for key, end in ended.items()])
    connection.executemany(_DAYS, _sums(ended.values()))
    return learned.learn(connection, ended)


def give_up(connection: sqlite3.Connection, owner: int) -> None:
    """What was running in the process `owner` has ended with it: its races aborted, their lanes lost."""
    connection.execute(_GIVEN_UP, (owner,))
    lost = "UPDATE attempts SET outcome = 'lost', reason = ? WHERE owner = ? AND outcome = 'running'"
    connection.execute(lost, (ENDED, owner))
    races.give_up(connection, owner)


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


def _plan(fact: LaneStarted) -> tuple[float, str]:
    return amount(fact.price), fact.why.value


def _row(key: Key, owner: int, end: End) -> Row:
    record, usage = end.record, end.record.usage
    reason = None if record.reason is None else storable(record.reason, LONGEST_REASON)
    how = record.outcome.value, reason, record.status, record.latency, record.first_token
    what: Row = (None, None, None, None)
    if usage is not None:
        usd = None if usage.usd is None else amount(usage.usd)
        what = count(usage.input_tokens), count(usage.output_tokens), usage.estimated, usd
    return *key, end.began, owner, *end.names, *end.plan, record.start, *how, *what


# ---------------------------------------------------------------- sums


def _sums(ended: Iterable[End]) -> Iterable[Row]:
    """What `ended` adds to the rows of `days`: one for each day, model and account."""
    sums: defaultdict[tuple[int, tuple[str, ...]], list[float]] = defaultdict(lambda: [0] * len(_SUMMED))
    for end in ended:
        sum_ = sums[int(end.began // DAY), end.names]
        for name, more in _amounts(end):
            sum_[_SUMMED[name]] += more
    return [(date(day * DAY), *names[1:], *sum_) for (day, names), sum_ in sums.items()]


def _amounts(end: End) -> Iterable[tuple[str, float]]:
    outcome, usage = end.record.outcome, end.record.usage
    yield ("lost", -1) if end.given_up else ("calls", 1)
    yield outcome, 1
    if usage is None:
        return
    tokens = count(usage.input_tokens), count(usage.output_tokens)
    yield "input_tokens", tokens[0]
    yield "output_tokens", tokens[1]
    if outcome is Outcome.WON:
        yield "answer_input", tokens[0]
        yield "answer_output", tokens[1]
    if usage.usd is not None:
        yield "usd", amount(usage.usd)
