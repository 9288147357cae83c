"""The tables and views of the database, as SQL: an append-only list of migrations.

A migration that was released is never edited: a new one is put behind it. All instants are unix seconds;
the public views (docs/database.md) give them as text, in UTC. A view that changes is made anew, its new
columns behind the old ones.
"""

from __future__ import annotations

from typing import NamedTuple

APPLICATION = 0x72616365  # "race": how a file is known to be ours


class Migration(NamedTuple):
    name: str
    statements: tuple[str, ...]


_NOW = "((julianday('now') - 2440587.5) * 86400.0)"


def _text(instant: str) -> str:
    """An instant as text; NULL where there is none, or where it never comes."""
    return (
        f"CASE WHEN {instant} < 253402300800 THEN strftime('%Y-%m-%dT%H:%M:%SZ', {instant}, 'unixepoch') END"
    )


_TABLES = (
    # What all processes must agree on: the clock's anchor, and when a broken file was set aside.
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    # The processes that share this file. `seen` is renewed as long as one lives. No id is given twice: one
    # that was buried and comes back must not be taken for another.
    """CREATE TABLE owners (
        id INTEGER PRIMARY KEY AUTOINCREMENT, pid INTEGER NOT NULL, boot TEXT NOT NULL,
        started REAL NOT NULL, seen REAL NOT NULL)""",
    # `told` is the limit that the provider has stated, by `teller`. `own`: the user wrote `amount`.
    # `span` is the window as text (store/meters.py); NULL where calls in flight are counted.
    """CREATE TABLE meters (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        provider TEXT NOT NULL, account TEXT NOT NULL, model TEXT NOT NULL,
        unit TEXT NOT NULL, per TEXT NOT NULL, amount REAL NOT NULL, own INTEGER NOT NULL,
        source TEXT NOT NULL, span TEXT, told REAL, teller TEXT, told_at REAL)""",
    # What is used in a slot counts until `until`. `outside` of it was used by others, says the provider.
    """CREATE TABLE slots (
        meter INTEGER NOT NULL REFERENCES meters, start REAL NOT NULL, until REAL NOT NULL,
        used REAL NOT NULL DEFAULT 0, outside REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (meter, start, until)) WITHOUT ROWID""",
    # What a process may spend without asking again. It counts as used until the process says otherwise.
    """CREATE TABLE leases (
        meter INTEGER NOT NULL REFERENCES meters, owner INTEGER NOT NULL, amount REAL NOT NULL,
        PRIMARY KEY (meter, owner)) WITHOUT ROWID""",
    # The lanes that were left out of a race, each with its reason: the same list for most races.
    "CREATE TABLE skips (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, lanes TEXT NOT NULL)",
    # `kept_out` has [lane, reason] of each that could not start, as JSON; NULL where there is none.
    """CREATE TABLE races (
        id TEXT PRIMARY KEY, at REAL NOT NULL, owner INTEGER NOT NULL, policy TEXT NOT NULL,
        width INTEGER NOT NULL, deadline REAL NOT NULL, lanes TEXT NOT NULL, skips INTEGER,
        ending TEXT, latency REAL, attempts INTEGER, winner TEXT, kept_out TEXT)""",
    # `start` is seconds from the start of the race; the other times are seconds from there.
    # Rows lie in the order in which they came, so that new ones and old ones each share their pages.
    """CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, race TEXT NOT NULL, number INTEGER NOT NULL,
        at REAL NOT NULL, owner INTEGER NOT NULL, lane TEXT NOT NULL,
        provider TEXT NOT NULL, model TEXT NOT NULL, account TEXT NOT NULL,
        start REAL NOT NULL, outcome TEXT NOT NULL, reason TEXT, status INTEGER,
        latency REAL, first_token REAL,
        input_tokens INTEGER, output_tokens INTEGER, estimated INTEGER, usd REAL,
        UNIQUE (race, number))""",
    "CREATE INDEX races_skips ON races (skips) WHERE skips IS NOT NULL",
    # What has no end yet is few rows: found at once when a process has died.
    "CREATE INDEX attempts_running ON attempts (owner) WHERE outcome = 'running'",
    "CREATE INDEX races_running ON races (owner) WHERE ending IS NULL",
    # Every attempt, summed up by the day (UTC). These rows stay when those of `attempts` go.
    # `answer_…` are the tokens of winners: what the user has had.
    """CREATE TABLE days (
        day TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, account TEXT NOT NULL,
        calls INTEGER NOT NULL DEFAULT 0, won INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0, late INTEGER NOT NULL DEFAULT 0,
        input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,
        answer_input INTEGER NOT NULL DEFAULT 0, answer_output INTEGER NOT NULL DEFAULT 0,
        usd REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (day, provider, model, account)) WITHOUT ROWID""",
    # What was learned of a lane (provider/model): core/latency.py reads and writes `stats`.
    """CREATE TABLE learned (
        lane TEXT PRIMARY KEY, at REAL NOT NULL, stats BLOB NOT NULL, n INTEGER NOT NULL,
        p50 REAL, p95 REAL, p99 REAL, first_p50 REAL, first_p95 REAL, success REAL) WITHOUT ROWID""",
    # `level` is the share of the limit that was reached; each once in a window, `slot` being its start.
    """CREATE TABLE alerts (
        meter INTEGER NOT NULL REFERENCES meters, slot REAL NOT NULL, kind TEXT NOT NULL, level REAL NOT NULL,
        at REAL NOT NULL, used REAL NOT NULL, "limit" REAL NOT NULL, resets_at REAL, times INTEGER NOT NULL,
        PRIMARY KEY (meter, slot, kind, level)) WITHOUT ROWID""",
    "CREATE INDEX alerts_at ON alerts (at)",
    "CREATE TABLE replies (key TEXT PRIMARY KEY, at REAL NOT NULL, until REAL NOT NULL, reply BLOB NOT NULL)",
    "CREATE INDEX replies_at ON replies (at)",
)

_VIEWS = (
    f"""CREATE VIEW v_races AS SELECT
        id AS race, {_text("at")} AS at, policy, width, deadline, ending, latency, attempts, winner,
        kept_out
        FROM races""",
    f"""CREATE VIEW v_attempts AS SELECT
        race, number AS attempt, {_text("at")} AS at, lane, provider, model, account, start, outcome, reason,
        status, latency, first_token, input_tokens, output_tokens, estimated, usd
        FROM attempts""",
    f"""CREATE VIEW v_usage AS SELECT
        account, per AS window, COALESCE(SUM(s.used + s.outside), 0.0) AS used,
        CASE WHEN told IS NULL THEN amount WHEN own THEN MIN(amount, told) ELSE told END AS "limit",
        {_text("MIN(CASE WHEN s.used + s.outside > 0 THEN s.until END)")} AS resets_at, provider, model, unit,
        (SELECT COALESCE(SUM(amount), 0.0) FROM leases WHERE leases.meter = meters.id) AS leased,
        CASE WHEN told IS NULL OR (own AND amount <= told) THEN 'configured' ELSE teller END AS source
        FROM meters LEFT JOIN slots AS s ON s.meter = meters.id AND s.until > {_NOW}
        GROUP BY meters.id""",
    """CREATE VIEW v_latency AS SELECT
        lane, n, p50, p95, p99, success AS success_rate, first_p50, first_p95 FROM learned""",
    f"""CREATE VIEW v_alerts AS SELECT
        {_text("alerts.at")} AS at, account, model, unit, per AS window, kind, level, used, "limit",
        {_text("resets_at")} AS resets_at, times
        FROM alerts JOIN meters ON meters.id = alerts.meter""",
)

_PLAN_AND_TAX = (
    # What the request was worth when it started, in seconds, and why it did. NULL in rows from before.
    "ALTER TABLE attempts ADD COLUMN price REAL",
    "ALTER TABLE attempts ADD COLUMN why TEXT",
    # `due` has [lane, seconds from the start of the race, price, why] of each lane that was to start next, as
    # JSON; NULL where there is none. The other columns are the tax of the race (core/tax.py); NULL until it
    # ends, where its process ended, and in rows from before.
    "ALTER TABLE races ADD COLUMN due TEXT",
    "ALTER TABLE races ADD COLUMN sent INTEGER",
    "ALTER TABLE races ADD COLUMN extra_requests INTEGER",
    # What came out of the allowance: in a race that is lost, other requests than those that were extra.
    "ALTER TABLE races ADD COLUMN charged INTEGER",
    "ALTER TABLE races ADD COLUMN extra_tokens INTEGER",
    "ALTER TABLE races ADD COLUMN extra_usd REAL",
    "ALTER TABLE races ADD COLUMN saved REAL",
    # Every race that has ended, summed up by the day (UTC) on which it began. These rows stay when those of
    # `races` go. `answers` are those that were won.
    """CREATE TABLE taxes (
        day TEXT NOT NULL, policy TEXT NOT NULL,
        races INTEGER NOT NULL DEFAULT 0, answers INTEGER NOT NULL DEFAULT 0,
        sent INTEGER NOT NULL DEFAULT 0, extra_requests INTEGER NOT NULL DEFAULT 0,
        extra_tokens INTEGER NOT NULL DEFAULT 0, extra_usd REAL NOT NULL DEFAULT 0,
        saved REAL NOT NULL DEFAULT 0, PRIMARY KEY (day, policy)) WITHOUT ROWID""",
    "DROP VIEW v_races",
    f"""CREATE VIEW v_races AS SELECT
        id AS race, {_text("at")} AS at, policy, width, deadline, ending, latency, attempts, winner,
        kept_out, due, sent, extra_requests, extra_tokens, extra_usd, saved
        FROM races""",
    "DROP VIEW v_attempts",
    f"""CREATE VIEW v_attempts AS SELECT
        race, number AS attempt, {_text("at")} AS at, lane, provider, model, account, start, outcome, reason,
        status, latency, first_token, input_tokens, output_tokens, estimated, usd, price, why
        FROM attempts""",
    """CREATE VIEW v_tax AS SELECT
        day, policy, races, answers, sent, extra_requests, extra_tokens, extra_usd, saved FROM taxes""",
)

MIGRATIONS: tuple[Migration, ...] = (
    Migration("the first tables", _TABLES + _VIEWS),
    Migration("what a race had planned, and its tax", _PLAN_AND_TAX),
)
