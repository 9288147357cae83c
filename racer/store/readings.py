"""What the database tells: usage, sums by the day, alerts, races and their lanes, what was learned.

Plain reading; each function runs in a transaction that its caller holds. Instants are unix seconds.
None of them looks at more than a few attempts, however many there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    import sqlite3

MOST_CANDIDATES = 10


class Usage(NamedTuple):
    """One meter. What counts now is `used + outside + leased`, of `limit`.

    `outside` was used by others, says the provider; `leased` is what living processes may still spend.
    `amount` is what the configuration says; `limit` what holds, as `teller` says since `told_at`.
    `resets_at` is when the first of it is free again, None where nothing is used, or that never comes.
    """

    meter: str
    provider: str
    account: str
    model: str
    unit: str
    per: str
    used: float
    outside: float
    leased: float
    limit: float
    amount: float
    teller: str
    source: str
    told_at: float | None
    resets_at: float | None


class Day(NamedTuple):
    """What one account did with one model on a day (UTC). `answer_…` are the tokens of winners."""

    day: str
    provider: str
    model: str
    account: str
    calls: int
    won: int
    lost: int
    failed: int
    late: int
    input_tokens: int
    output_tokens: int
    answer_input: int
    answer_output: int
    usd: float


class Alarm(NamedTuple):
    """A share of a limit that was reached, or a refusal that was not foreseen: `times` in one window."""

    meter: str
    provider: str
    account: str
    model: str
    unit: str
    per: str
    kind: str
    level: float
    at: float
    used: float
    limit: float
    resets_at: float | None
    times: int


class Race(NamedTuple):
    """`lanes` are those that could run, in order. `ending` and what follows is None while it runs.

    `kept_out` are those of them that could not start, each with its reason.
    """

    id: str
    at: float
    policy: str
    width: int
    deadline: float
    lanes: tuple[str, ...]
    ending: str | None
    latency: float | None
    attempts: int | None
    winner: str | None
    kept_out: tuple[tuple[str, str], ...]


class Lane(NamedTuple):
    """One attempt. `start` counts from the start of the race, `latency` and `first_token` from there."""

    number: int
    at: float
    lane: str
    provider: str
    model: str
    account: str
    start: float
    outcome: str
    reason: str | None
    status: int | None
    latency: float | None
    first_token: float | None
    input_tokens: int | None
    output_tokens: int | None
    estimated: bool | None
    usd: float | None


class Story(NamedTuple):
    """A race, every lane that ran in it, and those that were left out, each with its reason."""

    race: Race
    attempts: tuple[Lane, ...]
    skipped: tuple[tuple[str, str], ...]


_LIMIT = "CASE WHEN told IS NULL THEN amount WHEN own THEN MIN(amount, told) ELSE told END"
_TELLER = "CASE WHEN told IS NULL OR (own AND amount <= told) THEN 'configured' ELSE teller END"
USAGE = f"""SELECT name, provider, account, model, unit, per,
    COALESCE(SUM(s.used), 0.0), COALESCE(SUM(s.outside), 0.0),
    (SELECT COALESCE(SUM(leases.amount), 0.0) FROM leases WHERE leases.meter = meters.id),
    {_LIMIT}, amount, {_TELLER}, source, told_at,
    MIN(CASE WHEN s.used + s.outside > 0 AND s.until < 253402300800 THEN s.until END)
    FROM meters LEFT JOIN slots AS s ON s.meter = meters.id AND s.until > ?
    GROUP BY meters.id ORDER BY provider, account, model, unit, per, name"""
DAYS = f"""SELECT {", ".join(Day._fields)} FROM days WHERE day >= strftime('%Y-%m-%d', ?, 'unixepoch')
    ORDER BY day, provider, model, account"""
ALERTS = """SELECT name, provider, account, model, unit, per, kind, level, at, used, "limit",
    resets_at, times FROM alerts JOIN meters ON meters.id = alerts.meter WHERE at >= ?
    ORDER BY at, name, level"""
RACES = f"SELECT {', '.join(Race._fields)}, skips FROM races"
LAST_RACES = f"{RACES} ORDER BY rowid DESC LIMIT ?"
RACE_OF = f"{RACES} WHERE id = ?"
LANES = f"SELECT {', '.join(Lane._fields)} FROM attempts WHERE race = ? ORDER BY number"
LEARNED = "SELECT lane, stats FROM learned"


def usage(connection: sqlite3.Connection, now: float) -> list[Usage]:
    """Every meter as it stands at `now`, in the order of their names."""
    return [Usage(*row) for row in connection.execute(USAGE, (now,))]


def days(connection: sqlite3.Connection, since: float) -> list[Day]:
    """Every attempt that has ended, summed up by the day, from the day of `since` on."""
    return [Day(*row) for row in connection.execute(DAYS, (since,))]


def alerts(connection: sqlite3.Connection, since: float) -> list[Alarm]:
    """From `since` on, the oldest first."""
    return [Alarm(*row) for row in connection.execute(ALERTS, (since,))]


def races(connection: sqlite3.Connection, limit: int) -> list[Race]:
    """The last `limit` races, the newest first."""
    return [_race(row) for row in connection.execute(LAST_RACES, (limit,))]


def race_ids(connection: sqlite3.Connection, beginning: str) -> list[str]:
    """The ids that begin so; some of them, where they are many."""
    find = "SELECT id FROM races WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
    whole = beginning.encode("utf-8", "replace").decode()  # a shell may hand over half a character
    found = connection.execute(find, (whole, whole + "\U0010ffff", MOST_CANDIDATES))
    return [id_ for (id_,) in found]


def race(connection: sqlite3.Connection, wanted: str | None) -> Story | None:
    """The race of which `wanted` is the id, or the beginning of no other; the last one where it is None.

    None where there is no such race, or where there are several (`race_ids` tells).
    """
    if wanted is None:
        found = connection.execute(LAST_RACES, (1,)).fetchone()
        return None if found is None else _story(connection, found)
    ids = race_ids(connection, wanted)
    if len(ids) != 1 and wanted not in ids:
        return None
    return _story(connection, connection.execute(RACE_OF, ids[:1]).fetchone())


def _story(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Story:
    race_ = _race(row)
    found = connection.execute("SELECT lanes FROM skips WHERE id = ?", (row[-1],)).fetchone()
    attempts = tuple(Lane(*row) for row in connection.execute(LANES, (race_.id,)))
    return Story(race_, attempts, _reasons(found and found[0]))


def _race(row: tuple[Any, ...]) -> Race:
    found = Race(*row[: len(Race._fields)])
    lanes, kept_out = (row[Race._fields.index(name)] for name in ("lanes", "kept_out"))
    return found._replace(lanes=tuple(orjson.loads(lanes)), kept_out=_reasons(kept_out))


def _reasons(text: str | None) -> tuple[tuple[str, str], ...]:
    """Lanes, each with its reason, as racer.store.records writes them."""
    lanes: list[tuple[str, str]] = orjson.loads(text or "[]")
    return tuple((name, reason) for name, reason in lanes)


def learned(connection: sqlite3.Connection) -> dict[str, bytes]:
    """What was learned of each lane (provider/model), as racer.core.latency reads it."""
    return dict(connection.execute(LEARNED).fetchall())
