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
from typing import TYPE_CHECKING

import orjson

from racer.core.heat import Ending
from racer.store.figures import amount, count, date
from racer.store.text import LONGEST_NAME, LONGEST_REASON, storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from racer.core.facts import RaceEnded, RaceStarted

    Skipped = tuple[tuple[str, str], ...]
    Row = tuple[str | int | float | None, ...]

_TAX = ("sent", "extra_requests", "extra_tokens", "extra_usd", "saved")
_SUMMED = ("races", "answers", *_TAX)
_OPEN = "(ending IS NULL OR (ending = 'aborted' AND latency IS NULL))"
_RACE = """INSERT INTO races (id, at, owner, policy, width, deadline, lanes, skips)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
_ENDS = f"""UPDATE races SET ending = ?, latency = ?, attempts = ?, winner = ?, kept_out = ?, due = ?,
    charged = ?, {", ".join(f"{name} = ?" for name in _TAX)} WHERE id = ?"""
_RUNNING = f"SELECT at, policy, ending IS NULL FROM races WHERE id = ? AND {_OPEN}"
_SKIPS = "INSERT INTO skips (digest, lanes) VALUES (?, ?) ON CONFLICT DO NOTHING"
_SUMS = f"""INSERT INTO taxes (day, policy, {", ".join(_SUMMED)})
    VALUES (?, ?, {", ".join("?" * len(_SUMMED))})
    ON CONFLICT (day, policy)
    DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMMED)}"""
_GIVEN_UP = """INSERT INTO taxes (day, policy, races)
    SELECT strftime('%Y-%m-%d', at, 'unixepoch') AS day, policy, COUNT(*)
    FROM races WHERE owner = ? AND ending IS NULL GROUP BY day, policy
    ON CONFLICT (day, policy) DO UPDATE SET races = races + excluded.races"""


def begin(connection: sqlite3.Connection, owner: int, races: Iterable[tuple[float, RaceStarted]]) -> None:
    """Write down that `races` of the process `owner` have started, each with the unix second of that."""
    races = tuple(races)
    skips = _skips(connection, {fact.skipped for _, fact in races if fact.skipped})
    rows = [(fact.race, at, owner, *_terms(fact), skips.get(fact.skipped)) for at, fact in races]
    connection.executemany(_RACE, rows)


def end(connection: sqlite3.Connection, results: Iterable[RaceEnded]) -> None:
    """Write down how races ended, and sum up what they cost. Of those that have an end already: nothing."""
    sums: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0] * len(_SUMMED))
    for fact in results:
        found = connection.execute(_RUNNING, (fact.race,)).fetchone()
        if found is None:
            continue
        at, policy, runs = found
        tax = _tax(fact)
        connection.execute(_ENDS, (*_result(fact), *tax, fact.race))
        added = (runs, fact.ending is Ending.WON, *tax)
        sums[date(at), policy] = [
            sum_ + more for sum_, more in zip(sums[date(at), policy], added, strict=True)
        ]
    connection.executemany(_SUMS, [(*key, *sum_) for key, sum_ in sums.items()])


def give_up(connection: sqlite3.Connection, owner: int) -> None:
    """What was running in the process `owner` has ended with it, and has no latency."""
    connection.execute(_GIVEN_UP, (owner,))
    connection.execute("UPDATE races SET ending = 'aborted' WHERE owner = ? AND ending IS NULL", (owner,))


def _terms(fact: RaceStarted) -> Row:
    lanes = orjson.dumps([storable(lane.id) for lane in fact.lanes]).decode()
    return fact.policy, fact.width, fact.deadline, lanes


def _result(fact: RaceEnded) -> Row:
    winner = None if fact.winner is None else storable(fact.winner.id)
    kept_out = _reasons(fact.kept_out).decode() if fact.kept_out else None
    return fact.ending.value, fact.latency, fact.attempts, winner, kept_out, _due(fact), count(fact.charged)


def _due(fact: RaceEnded) -> str | None:
    if not fact.due:
        return None
    rows = [(storable(due.lane), amount(due.offset), amount(due.price), due.why) for due in fact.due]
    return orjson.dumps(rows).decode()


def _tax(fact: RaceEnded) -> tuple[float, ...]:
    tax = fact.tax
    return count(tax.sent), count(tax.requests), count(tax.tokens), amount(tax.usd), amount(tax.saved)


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
