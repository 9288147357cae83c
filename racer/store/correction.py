"""Counts corrected by hand: `racer quota reset` and `racer quota set`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from racer.core.grant import TOLERANCE
from racer.core.span import closed, slot_at
from racer.store.meters import count, row_of

if TYPE_CHECKING:
    import sqlite3

    from racer.core.quota import Meter

_NAMED = "?1 IN (provider, account, account || '/' || model, name)"
_BEFORE = f"""SELECT id, name, COALESCE(SUM(used + outside), 0.0)
    FROM meters LEFT JOIN slots ON meter = id AND until > ?2 WHERE {_NAMED} GROUP BY id ORDER BY name"""
_KNOWN = """SELECT provider FROM meters UNION SELECT account FROM meters
    UNION SELECT account || '/' || model FROM meters WHERE model != '' UNION SELECT name FROM meters"""
_FORGET = "DELETE FROM slots WHERE meter = ? AND until > ?"


class Change(NamedTuple):
    """What was used of a meter in its window, before and after."""

    meter: str
    before: float
    after: float


def reset(connection: sqlite3.Connection, name: str, now: float) -> tuple[Change, ...]:
    """Nothing is used of the meters that `name` names, and what providers have told of them is forgotten.

    A name is a provider's, an account's, `account/model`, or a meter's own. What processes have leased stays
    theirs. Raises LookupError with the names that there are.
    """
    found: list[tuple[Any, ...]] = connection.execute(_BEFORE, (name, now)).fetchall()
    if not found:
        raise LookupError(f"nothing is counted for {name!r}; {_known(connection)}")
    connection.executemany(_FORGET, [(id_, now) for id_, _, _ in found])
    untold = f"UPDATE meters SET told = NULL, teller = NULL, told_at = NULL WHERE {_NAMED}"
    connection.execute(untold, (name,))
    return tuple(Change(meter, before, 0.0) for _, meter, before in found)


def _known(connection: sqlite3.Connection) -> str:
    names = sorted(name for (name,) in connection.execute(_KNOWN))
    return f"known are: {', '.join(names)}" if names else "nothing was counted yet"


def set_used(connection: sqlite3.Connection, meter: Meter, used: float, now: float) -> Change:
    """So much is used of `meter` in the window that is now. Raises ValueError for more than the limit."""
    if meter.span is None or closed(meter.span, now):
        raise ValueError(f"{meter.name} has no window now that anything could be used in")
    row = row_of(connection, meter, now)
    if not 0 <= used <= row.limit + TOLERANCE:
        raise ValueError(f"{used:g} is not allowed for {meter.name}: from 0 to {row.limit:g}")
    sums = "SELECT COALESCE(SUM(used + outside), 0.0) FROM slots WHERE meter = ? AND until > ?"
    before: float = connection.execute(sums, (row.id, now)).fetchone()[0]
    connection.execute(_FORGET, (row.id, now))
    count(connection, row.id, slot_at(meter.span, now), used)
    return Change(meter.name, before, used)
