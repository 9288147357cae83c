"""Who shares the file: processes enrol, are seen, leave, and are buried when they have died.

Rule 1: a dead process's leases count as used from the instant of its burial: nobody knows how much of them
        it has spent. Calls in flight are none any more: their connections died with it.
Rule 2: a process that was buried and lives notices it at its next exchange, for its row is gone.
Rule 3: one that stands still (stopped, or asleep with its machine) is not dead: its calls may go on with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer.core.span import slot_at
from racer.store import records
from racer.store.meters import count, span_from

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

GRACE = 30.0  # seconds without a sign of life
LONGEST_SILENCE = 3600.0  # the same of one whose process is there: another one may have got its number

_SPENDABLE = """SELECT meter, span, leases.amount FROM leases JOIN meters ON meters.id = leases.meter
    WHERE owner = ? AND leases.amount > 0 AND span IS NOT NULL"""
_AHEAD = """SELECT slots.meter, start, until, used, outside, span
    FROM slots JOIN meters ON meters.id = slots.meter WHERE start > ?"""
_DROP = "DELETE FROM slots WHERE meter = ? AND start = ? AND until = ?"
_CLOCK = ("clock.boot", "clock.wall", "clock.ticks")


# ---------------------------------------------------------------- the living


def enrol(connection: sqlite3.Connection, *, pid: int, boot: str, now: float) -> int:
    """A new owner of leases. `boot` is its home: the start of the machine, and where `pid` has a meaning."""
    row = "INSERT INTO owners (pid, boot, started, seen) VALUES (?, ?, ?, ?)"
    return connection.execute(row, (pid, boot, now, now)).lastrowid or 0


def seen(connection: sqlite3.Connection, owner: int, now: float) -> bool:
    """A sign of life. False where `owner` was buried: its leases are gone, and it must enrol anew."""
    return connection.execute("UPDATE owners SET seen = ? WHERE id = ?", (now, owner)).rowcount > 0


def leave(connection: sqlite3.Connection, owner: int) -> None:
    """`owner` ends well: it has reported all it has spent, so what it still has leased is free again."""
    connection.execute("DELETE FROM leases WHERE owner = ?", (owner,))
    connection.execute("DELETE FROM owners WHERE id = ?", (owner,))


def living(connection: sqlite3.Connection, now: float) -> int:
    """How many processes have given a sign of life lately."""
    found = connection.execute("SELECT COUNT(*) FROM owners WHERE seen >= ?", (now - GRACE,)).fetchone()
    return int(found[0])


# ---------------------------------------------------------------- the dead


def bury(connection: sqlite3.Connection, now: float, alive: Callable[[int, str], bool | None]) -> int:
    """Bury the dead, and tell how many these were. Who asks has been `seen` just before.

    `alive(pid, home)` is True or False only where that is certain. Who is not alive is dead at once; of whom
    nothing is known (None), after GRACE seconds without a sign of life; who is alive, after LONGEST_SILENCE.
    """
    owners = connection.execute("SELECT id, pid, boot, seen FROM owners").fetchall()
    dead = [owner for owner, pid, home, at in owners if _is_dead(alive(pid, home), now - at)]
    for owner in dead:
        for meter, span, amount in connection.execute(_SPENDABLE, (owner,)).fetchall():
            count(connection, meter, slot_at(span_from(span), now), amount)
        records.give_up(connection, owner)
        leave(connection, owner)
    return len(dead)


def _is_dead(alive: bool | None, silent: float) -> bool:
    if alive is None:
        return silent > GRACE
    return not alive or silent > LONGEST_SILENCE


# ---------------------------------------------------------------- the clock they agree on


def anchor(connection: sqlite3.Connection, *, wall: float, ticks: float, boot: str) -> tuple[float, float]:
    """(wall, ticks) that every process of this boot uses: those of the first one that has asked."""
    found = anchor_of(connection, boot)
    if found is not None:
        return found
    _keep(connection, {"clock.boot": boot})
    move_anchor(connection, wall, ticks)
    return wall, ticks


def anchor_of(connection: sqlite3.Connection, boot: str) -> tuple[float, float] | None:
    """The anchor as it is now; None where there is none of this boot."""
    rows = connection.execute("SELECT name, value FROM facts WHERE name IN (?, ?, ?)", _CLOCK).fetchall()
    found: dict[str, Any] = dict(rows)
    return (found["clock.wall"], found["clock.ticks"]) if found.get("clock.boot") == boot else None


def move_anchor(connection: sqlite3.Connection, wall: float, ticks: float) -> None:
    """From now on `ticks` (of the same boot) is the instant `wall`, for whoever asks."""
    _keep(connection, {"clock.wall": wall, "clock.ticks": ticks})
    _redate(connection, wall)


def _redate(connection: sqlite3.Connection, now: float) -> None:
    """What a clock that was ahead has counted in windows to come counts in today's, and not for years."""
    for *key, used, outside, span in connection.execute(_AHEAD, (now,)).fetchall():
        connection.execute(_DROP, key)
        count(connection, key[0], slot_at(span_from(span), now), used, outside=outside)


def _keep(connection: sqlite3.Connection, facts: dict[str, str | float]) -> None:
    connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", list(facts.items()))
