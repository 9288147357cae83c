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
from racer.store.figures import DAY, NOTHING, OR_NULL, amount, count, date
from racer.store.text import LONGEST_REASON, storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from racer.core.facts import Fact
    from racer.core.latency import LaneStats
    from racer.core.provider import Lane
    from racer.core.reply import Attempt

    Key = tuple[str, int]
    Plan = tuple[float | None, str | None]
    Row = tuple[str | int | float | None, ...]

ENDED = "its process ended"
_OUTCOMES = ("won", "lost", "failed", "late")
_TOKENS = ("input_tokens", "output_tokens", "answer_input", "answer_output")
_SUMMED = ("calls", *_OUTCOMES, *_TOKENS, "usd")

_STARTED = """INSERT INTO attempts
    (race, number, at, owner, lane, provider, model, account, start, price, why, outcome)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'running') ON CONFLICT DO NOTHING"""
_FIRST_TOKEN = """UPDATE attempts SET first_token = ?
    WHERE race = ? AND number = ? AND outcome = 'running'"""
_HOW = {
    "outcome": "?", "latency": "?", "reason": OR_NULL, "status": OR_NULL, "first_token": OR_NULL,
    "input_tokens": "?", "output_tokens": "?", "estimated": "?", "usd": OR_NULL,
}  # fmt: skip
_WHOLE = f"""INSERT INTO attempts
    (race, number, at, owner, lane, provider, model, account, price, why, start, {", ".join(_HOW)})
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {", ".join(_HOW.values())})"""
_ENDED = f"UPDATE attempts SET {', '.join(f'{name} = {how}' for name, how in _HOW.items())} WHERE id = ?"
_THERE = f"""SELECT race, number, id, at, outcome = 'running', outcome = 'lost' AND reason IS '{ENDED}'
    FROM attempts WHERE race IN"""
_DAYS = f"""INSERT INTO days (day, provider, model, account, {", ".join(_SUMMED)})
    VALUES (?, ?, ?, ?, {", ".join("?" * len(_SUMMED))})
    ON CONFLICT (day, provider, model, account)
    DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMMED)}"""
_GIVEN_UP = """INSERT INTO days (day, provider, model, account, calls, lost)
    SELECT strftime('%Y-%m-%d', at, 'unixepoch') AS day, provider, model, account, COUNT(*), COUNT(*)
    FROM attempts WHERE owner = ? AND outcome = 'running' GROUP BY day, provider, model, account
    ON CONFLICT (day, provider, model, account)
    DO UPDATE SET calls = calls + excluded.calls, lost = lost + excluded.lost"""


_UNTOLD: Plan = (None, None)


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
    plan: Plan = _UNTOLD
    given_up: bool = False


class _Batch:
    """Facts sorted by what is to be done with them, in the order in which they came."""

    __slots__ = ("_names", "begun", "ended", "results", "started", "tokens")

    def __init__(self, notes: Iterable[tuple[float, Fact]]) -> None:
        self.begun: list[tuple[float, RaceStarted]] = []
        self.results: list[RaceEnded] = []
        self.started: dict[Key, tuple[float, LaneStarted]] = {}
        self.tokens: dict[Key, float] = {}
        self.ended: dict[Key, End] = {}
        self._names: dict[int, tuple[str, ...]] = {}
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
        began: float = at - fact.record.latency
        plan: Plan = _UNTOLD
        started = self.started.pop(key, None)
        if started is not None:
            began, plan = started[0], _plan(started[1])
        self.tokens.pop(key, None)
        if key not in self.ended:
            self.ended[key] = End(began, at, fact.lane, self.names(fact.lane), fact.record, plan)

    def names(self, lane: Lane) -> tuple[str, ...]:
        """Of the lane, its provider, its model and its account. A batch has many facts of few lanes."""
        names = self._names.get(id(lane))
        if names is None:
            own = lane.id, lane.provider.name, lane.model.name, lane.account.name
            names = self._names[id(lane)] = tuple(map(storable, own))
        return names


def write(
    connection: sqlite3.Connection, owner: int, notes: Sequence[tuple[float, Fact]]
) -> dict[str, LaneStats]:
    """Write down `notes` of the process `owner`: facts, each with the unix second at which it was seen.

    Facts that are not of a race or of a lane are left alone. Returns what is known now of the lanes that
    have run.
    """
    batch = _Batch(notes)
    fresh = races.write(connection, owner, batch.begun, batch.results)
    connection.executemany(
        _STARTED,
        [
            (*key, at, owner, *batch.names(fact.lane), fact.offset, *_plan(fact))
            for key, (at, fact) in batch.started.items()
        ],
    )
    connection.executemany(_FIRST_TOKEN, [(after, *key) for key, after in batch.tokens.items()])
    ended, rows = _news(connection, batch.ended, fresh)
    connection.executemany(_WHOLE, [_row(key, owner, ended[key]) for key in ended if key not in rows])
    connection.executemany(_ENDED, [(*_how(ended[key].record), id_) for key, id_ in rows.items()])
    connection.executemany(_DAYS, _sums(ended.values()))
    return learned.learn(connection, ended)


def give_up(connection: sqlite3.Connection, owner: int) -> None:
    """What was running in the process `owner` has ended with it: its races aborted, their lanes lost."""
    connection.execute(_GIVEN_UP, (owner,))
    lost = "UPDATE attempts SET outcome = 'lost', reason = ? WHERE owner = ? AND outcome = 'running'"
    connection.execute(lost, (ENDED, owner))
    races.give_up(connection, owner)


# ---------------------------------------------------------------- attempts


def _news(
    connection: sqlite3.Connection, ended: Mapping[Key, End], fresh: Collection[str]
) -> tuple[Mapping[Key, End], Mapping[Key, int]]:
    """`ended` without those that have an end already, and the rows of those that have one without an end.

    One that was given up counts on the day it has. What began in a `fresh` race, and is told of as a whole,
    has no row.
    """
    news = dict(ended)
    rows: dict[Key, int] = {}
    old = {key[0] for key, end in ended.items() if end.plan is _UNTOLD or key[0] not in fresh}
    there = races.rows_of(connection, _THERE, old)
    for race, number, id_, at, runs, given_up in there:
        key = race, number
        end = news.get(key)
        if end is None:
            continue
        if runs or given_up:
            rows[key] = id_
        else:
            del news[key]
        if given_up:
            news[key] = end._replace(began=at, given_up=True)
    return news, rows


def _plan(fact: LaneStarted) -> tuple[float, str]:
    return amount(fact.price), str(fact.why)


def _row(key: Key, owner: int, end: End) -> Row:
    record = end.record
    return *key, end.began, owner, *end.names, *end.plan, record.start, *_how(record)


def _how(record: Attempt) -> Row:
    """As the columns of _HOW have it."""
    reason = NOTHING if record.reason is None else storable(record.reason, LONGEST_REASON)
    status = NOTHING if record.status is None else record.status
    first = NOTHING if record.first_token is None else record.first_token
    usage = record.usage
    used: Row = (None, None, None, NOTHING)
    if usage is not None:
        usd = NOTHING if usage.usd is None else amount(usage.usd)
        used = count(usage.input_tokens), count(usage.output_tokens), int(usage.estimated), usd
    return str(record.outcome), record.latency, reason, status, first, *used


# ---------------------------------------------------------------- sums


def _sums(ended: Iterable[End]) -> Iterable[Row]:
    """What `ended` adds to the rows of `days`: one for each day, model and account."""
    sums: defaultdict[tuple[int, tuple[str, ...]], list[tuple[float, ...]]] = defaultdict(list)
    for end in ended:
        sums[int(end.began // DAY), end.names].append(_amounts(end))
    return [
        (date(day * DAY), *names[1:], *map(sum, zip(*each, strict=True)))
        for (day, names), each in sums.items()
    ]


def _amounts(end: End) -> tuple[float, ...]:
    """As the columns of `days` have it. One that was given up counts as a call that was lost already."""
    outcome, again = end.record.outcome, end.given_up
    won = outcome is Outcome.WON
    outcomes = won, (outcome is Outcome.LOST) - again, outcome is Outcome.FAILED, outcome is Outcome.LATE
    usage = end.record.usage
    if usage is None:
        return not again, *outcomes, 0, 0, 0, 0, 0
    tokens = count(usage.input_tokens), count(usage.output_tokens)
    usd = 0 if usage.usd is None else amount(usage.usd)
    return not again, *outcomes, *tokens, *(tokens if won else (0, 0)), usd
