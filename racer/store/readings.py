"""What the database tells: usage, sums by the day, alerts, races and their lanes, what was learned.

Plain reading; each function runs in a transaction that its caller holds. Instants are unix seconds.
None of them looks at more than a few attempts, however many there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    import sqlite3

    from racer.core.quota import Spent

MOST_CANDIDATES = 10
RECALLED = 1000  # races: after so many an allowance has forgotten what was before


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


class Taxed(NamedTuple):
    """What the races of one policy have come to that have ended, `answers` of them won.

    `sent` are all their metered requests, `requests` the extra ones among these; `tokens` and `usd` are what
    the extra ones used, `saved` is the seconds that they saved.
    """

    policy: str
    races: int
    answers: int
    sent: int
    requests: int
    tokens: int
    usd: float
    saved: float


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


class Planned(NamedTuple):
    """A lane that was to start when the race ended: `at` is seconds from its start, `price` seconds, too."""

    lane: str
    at: float
    price: float
    why: str


class Race(NamedTuple):
    """`lanes` are those that could run, in order. `ending` and what follows is None while it runs.

    `kept_out` are those of them that could not start, each with its reason; `due` those that were to start
    next. From `sent` on it is the race's tax, as in `Taxed`: None of a race whose process ended, too.
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
    due: tuple[Planned, ...] = ()
    sent: int | None = None
    extra_requests: int | None = None
    extra_tokens: int | None = None
    extra_usd: float | None = None
    saved: float | None = None


class Lane(NamedTuple):
    """One attempt. `start` counts from the start of the race, `latency` and `first_token` from there.

    `price` is what it was worth when it started, in seconds, and `why` the reason for which it did, as
    racer.core.view has them: None in rows from before these were written.
    """

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
    price: float | None = None
    why: str | None = None


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
TAXED = """SELECT policy, SUM(races), SUM(answers), SUM(sent), SUM(extra_requests), SUM(extra_tokens),
    SUM(extra_usd), SUM(saved) FROM taxes WHERE day >= strftime('%Y-%m-%d', ?, 'unixepoch')
    GROUP BY policy ORDER BY policy"""
SPENT = """SELECT policy, ending = 'won', COALESCE(charged, 0) FROM races
    WHERE ending IS NOT NULL ORDER BY rowid DESC LIMIT ?"""
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


def taxed(connection: sqlite3.Connection, since: float | None) -> tuple[Taxed, ...]:
    """Every race that has ended, summed up by policy, from the day of `since` on; from the first without."""
    return tuple(Taxed(*row) for row in connection.execute(TAXED, (since or 0.0,)))


def spent(connection: sqlite3.Connection, races: int = RECALLED) -> list[Spent]:
    """What the last `races` that have ended had of extra requests, the oldest first."""
    rows = connection.execute(SPENT, (races,)).fetchall()
    return [(policy, bool(won), extra) for policy, won, extra in reversed(rows)]


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
    lanes, kept_out, due = (row[Race._fields.index(name)] for name in ("lanes", "kept_out", "due"))
    return found._replace(lanes=tuple(orjson.loads(lanes)), kept_out=_reasons(kept_out), due=_planned(due))


def _reasons(text: str | None) -> tuple[tuple[str, str], ...]:
    """Lanes, each with its reason, as racer.store.records writes them."""
    lanes: list[tuple[str, str]] = orjson.loads(text or "[]")
    return tuple((name, reason) for name, reason in lanes)


def _planned(text: str | None) -> tuple[Planned, ...]:
    return tuple(Planned(*each) for each in orjson.loads(text or "[]"))


def learned(connection: sqlite3.Connection) -> dict[str, bytes]:
    """What was learned of each lane (provider/model), as racer.core.latency reads it."""
    return dict(connection.execute(LEARNED).fetchall())
