"""Races written down: a row each from its start on, whom it left out, and by the day what extra lanes cost.

Rule 1: a race ends once: a row that has an end is not touched again. But a process that was taken for dead
        may live: a race that was given up with it gets the end that it tells.
Rule 2: it counts in `taxes` when it ends, on the day on which it began, and once: one that was given up
        counts as a race, and its late end adds the rest.

Each function runs in a transaction that its caller holds.
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson

from racer.core.heat import Ending
from racer.store.figures import DAY, NOTHING, OR_NULL, amount, count, date
from racer.store.text import LONGEST_NAME, LONGEST_REASON, storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping

    from racer.core.facts import RaceEnded, RaceStarted
    from racer.core.provider import Lane

    Skipped = tuple[tuple[str, str], ...]
    Row = tuple[Any, ...]
    Ended = tuple[float, str, int, Row]  # when it began, its policy, 1 where it counts anew, how it ended

_TAX = ("sent", "extra_requests", "extra_tokens", "extra_usd", "saved")
_SUMMED = ("races", "answers", *_TAX)
_TERMS = "id, at, owner, policy, width, deadline, lanes, skips"
_RESULT = {
    "ending": "?", "latency": "?", "attempts": "?", "winner": "?", "kept_out": OR_NULL, "due": OR_NULL,
    "charged": "?", **dict.fromkeys(_TAX, "?"),
}  # fmt: skip
_TAXED = -len(_TAX)
_OPEN = "(ending IS NULL OR (ending = 'aborted' AND latency IS NULL))"
_BEGINS = f"""INSERT INTO races ({_TERMS}) VALUES (?, ?, ?, ?, ?, ?, ?, {OR_NULL})
    ON CONFLICT DO NOTHING"""
_WHOLE = f"""INSERT INTO races ({_TERMS}, {", ".join(_RESULT)})
    VALUES (?, ?, ?, ?, ?, ?, ?, {OR_NULL}, {", ".join(_RESULT.values())})"""
_ENDS = f"UPDATE races SET {', '.join(f'{name} = {how}' for name, how in _RESULT.items())} WHERE rowid = ?"
_KNOWN = "SELECT id FROM races WHERE id IN"
_BETWEEN = "SELECT 1 FROM races WHERE id BETWEEN ? AND ? LIMIT 1"
_RUNNING = f"SELECT rowid, id, at, policy, ending IS NULL FROM races WHERE {_OPEN} AND id IN"
_SKIPS = "INSERT INTO skips (digest, lanes) VALUES (?, ?) ON CONFLICT DO NOTHING"
_SUMS = f"""INSERT INTO taxes (day, policy, {", ".join(_SUMMED)})
    VALUES (?, ?, {", ".join("?" * len(_SUMMED))})
    ON CONFLICT (day, policy)
    DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMMED)}"""
_GIVEN_UP = """INSERT INTO taxes (day, policy, races)
    SELECT strftime('%Y-%m-%d', at, 'unixepoch') AS day, policy, COUNT(*)
    FROM races WHERE owner = ? AND ending IS NULL GROUP BY day, policy
    ON CONFLICT (day, policy) DO UPDATE SET races = races + excluded.races"""
AT_ONCE = 500  # ids in one question


def write(
    connection: sqlite3.Connection,
    owner: int,
    begun: Iterable[tuple[float, RaceStarted]],
    results: Iterable[RaceEnded],
) -> Collection[str]:
    """Write down which races of the process `owner` have started, each with the unix second of that, and how
    races ended, and sum up what they cost. Of those that have an end already: nothing.

    Returns those that are new to the file, and over.
    """
    starts: dict[str, tuple[float, RaceStarted]] = {}
    for at, start in begun:
        starts.setdefault(start.race, (at, start))
    ends: dict[str, RaceEnded] = {}
    for result in results:
        ends.setdefault(result.race, result)
    # A race that is new to the file, and over, is written in one piece. One that is not new was told before.
    known = _known(connection, starts.keys() & ends.keys())
    taxes: dict[int, Row] = {}
    whole = {race: _result(ends.pop(race), taxes) for race in starts if race in ends and race not in known}
    _begin(connection, owner, starts, whole)
    summed: list[Ended] = []
    for race, row in whole.items():
        at, start = starts[race]
        summed.append((at, start.policy, 1, row))
    _sum_up(connection, [*summed, *_end(connection, ends)])
    return whole.keys()


def _known(connection: sqlite3.Connection, races: Collection[str]) -> Collection[str]:
    """Those that have a row. The ids of a batch follow each other: mostly one look tells that none has."""
    if not races or connection.execute(_BETWEEN, (min(races), max(races))).fetchone() is None:
        return ()
    return {race for (race,) in rows_of(connection, _KNOWN, races)}


def rows_of(connection: sqlite3.Connection, select: str, races: Collection[str]) -> list[Any]:
    """What `select` finds, which ends in IN, for all of `races`."""
    found: list[Any] = []
    ids = list(races)
    for at in range(0, len(ids), AT_ONCE):
        some = ids[at : at + AT_ONCE]
        found += connection.execute(f"{select} ({','.join('?' * len(some))})", some)
    return found


def give_up(connection: sqlite3.Connection, owner: int) -> None:
    """What was running in the process `owner` has ended with it, and has no latency."""
    connection.execute(_GIVEN_UP, (owner,))
    connection.execute("UPDATE races SET ending = 'aborted' WHERE owner = ? AND ending IS NULL", (owner,))


# ---------------------------------------------------------------- rows


def _begin(
    connection: sqlite3.Connection,
    owner: int,
    starts: Mapping[str, tuple[float, RaceStarted]],
    whole: Mapping[str, Row],
) -> None:
    """In the order in which they began: old ones are found by the order of their rows."""
    # Most races of a batch share the same lists. They are told apart by identity: a list of a hundred lanes
    # takes longer to compare, or to write out, than all the rest of its row.
    facts = [fact for _, fact in starts.values()]
    lanes = {key: _names(of) for key, of in {id(fact.lanes): fact.lanes for fact in facts}.items()}
    skips = _skips(connection, {id(fact.skipped): fact.skipped for fact in facts})

    def row(race: str) -> Row:
        at, fact = starts[race]
        terms = race, at, owner, fact.policy, fact.width, fact.deadline
        return *terms, lanes[id(fact.lanes)], skips[id(fact.skipped)], *whole.get(race, ())

    for over, some in groupby(starts, whole.__contains__):
        connection.executemany(_WHOLE if over else _BEGINS, map(row, some))


def _end(connection: sqlite3.Connection, ends: Mapping[str, RaceEnded]) -> list[Ended]:
    """Of those that began in an earlier batch, and have no end: with it, and what is to be summed up."""
    taxes: dict[int, Row] = {}
    running = [
        (at, policy, runs, _result(ends[race], taxes), row)
        for row, race, at, policy, runs in rows_of(connection, _RUNNING, ends.keys())
    ]
    connection.executemany(_ENDS, [(*result, row) for *_, result, row in running])
    return [each[:-1] for each in running]


def _sum_up(connection: sqlite3.Connection, ended: Iterable[Ended]) -> None:
    sums: defaultdict[tuple[int, str], list[Row]] = defaultdict(list)
    for at, policy, runs, row in ended:
        sums[int(at // DAY), policy].append((runs, row[0] == Ending.WON, *row[_TAXED:]))
    rows = [
        (date(day * DAY), policy, *map(sum, zip(*each, strict=True))) for (day, policy), each in sums.items()
    ]
    connection.executemany(_SUMS, rows)


def _names(lanes: Iterable[Lane]) -> str:
    return orjson.dumps([storable(lane.id) for lane in lanes]).decode()


def _result(fact: RaceEnded, taxes: dict[int, Row]) -> Row:
    """`taxes` are known already, by their identity: most races share theirs."""
    winner = None if fact.winner is None else storable(fact.winner.id)
    kept_out = _reasons(fact.kept_out).decode() if fact.kept_out else NOTHING
    how = str(fact.ending), fact.latency, fact.attempts, winner, kept_out, _due(fact), count(fact.charged)
    tax = fact.tax
    sums = taxes.get(id(tax))
    if sums is None:
        sums = count(tax.sent), count(tax.requests), count(tax.tokens), amount(tax.usd), amount(tax.saved)
        taxes[id(tax)] = sums
    return *how, *sums


def _due(fact: RaceEnded) -> str | int:
    if not fact.due:
        return NOTHING
    rows = [(storable(due.lane), amount(due.offset), amount(due.price), due.why) for due in fact.due]
    return orjson.dumps(rows).decode()


def _reasons(lanes: Skipped, most: int = LONGEST_NAME) -> bytes:
    """Lanes, each with its reason, as JSON. A race writes its own list, so its reasons are kept short."""
    return orjson.dumps([(storable(name), storable(reason, most)) for name, reason in lanes])


def _skips(connection: sqlite3.Connection, lists: Mapping[int, Skipped]) -> Mapping[int, int]:
    """The row of each list of skipped lanes: races that have left out the same for the same share one."""
    rows: dict[Skipped, int] = {(): NOTHING}
    for skipped in set(lists.values()) - rows.keys():
        text = _reasons(skipped, LONGEST_REASON)
        digest = sha256(text).hexdigest()
        connection.execute(_SKIPS, (digest, text.decode()))
        rows[skipped] = connection.execute("SELECT id FROM skips WHERE digest = ?", (digest,)).fetchone()[0]
    return {key: rows[skipped] for key, skipped in lists.items()}
