"""The rows of meters: made at first mention, kept like the configuration, with what providers have told.

A row holds its span as text, so that whoever buries a dead process can count its leases without knowing
its configuration: `rolling 60.0`, `once`, `once 1893456000.0`, `day 00:00 America/Los_Angeles`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from racer.core.span import LENGTHS, Calendar, Once, Rolling, slot_at

if TYPE_CHECKING:
    import sqlite3
    from datetime import tzinfo

    from racer.core.quota import Meter, Teller
    from racer.core.span import Slot, Span

ASSUMED = 0.5  # of a limit, where a broken file has taken the count with it

_FIND = """SELECT id, told, teller, provider, account, model, unit, per, amount, own, source, span
    FROM meters WHERE name = ?"""
_MAKE = """INSERT INTO meters (provider, account, model, unit, per, amount, own, source, span, name)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_CHANGE = """UPDATE meters SET provider = ?, account = ?, model = ?, unit = ?, per = ?, amount = ?, own = ?,
    source = ?, span = ? WHERE name = ?"""
_COUNT = """INSERT INTO slots (meter, start, until, used, outside) VALUES (?1, ?2, ?3, MAX(0, ?4), ?5)
    ON CONFLICT DO UPDATE SET used = MAX(0, used + ?4), outside = outside + ?5"""


class Row(NamedTuple):
    """A meter in the store: the limit that holds now, and who has said so."""

    id: int
    limit: float
    teller: Teller


def row_of(connection: sqlite3.Connection, meter: Meter, now: float) -> Row:
    """The row of `meter`, made where there is none and changed where the configuration has changed."""
    kept = _kept(meter)
    found: tuple[Any, ...] | None = connection.execute(_FIND, (meter.name,)).fetchone()
    if found is None:
        made = connection.execute(_MAKE, kept).lastrowid or 0
        _assume(connection, made, meter, now)
        return Row(made, meter.amount, "configured")
    if found[3:] != kept[:-1]:
        connection.execute(_CHANGE, kept)
    return row(found[0], meter.amount, own=meter.own, told=found[1], teller=found[2])


def _kept(meter: Meter) -> tuple[str | float | None, ...]:
    """What the configuration says, in the order of the statements above."""
    ours = (meter.unit, meter.per, meter.amount, meter.own, meter.source, span_text(meter.span))
    return meter.provider, meter.account, meter.model, *ours, meter.name


def row(id_: int, amount: float, *, own: bool, told: float | None, teller: Teller | None) -> Row:
    """A limit that a provider has told is believed; of those that the user wrote only where it is lower."""
    if told is None or teller is None or (own and amount <= told):
        return Row(id_, amount, "configured")
    return Row(id_, told, teller)


def tell(connection: sqlite3.Connection, id_: int, limit: float, teller: Teller, now: float) -> None:
    """Keep what a provider has said of the limit."""
    told = "UPDATE meters SET told = ?, teller = ?, told_at = ? WHERE id = ?"
    connection.execute(told, (limit, teller, now, id_))


def count(
    connection: sqlite3.Connection, id_: int, slot: Slot, used: float = 0.0, *, outside: float = 0.0
) -> None:
    """Count in `slot`. Less than 0 takes off, though never below 0."""
    connection.execute(_COUNT, (id_, slot.start, slot.until, used, outside))


def _assume(connection: sqlite3.Connection, id_: int, meter: Meter, now: float) -> None:
    """Where a broken file was set aside within this window, half of the limit is taken for used."""
    found = connection.execute("SELECT value FROM facts WHERE name = 'corrupted_at'").fetchone()
    if found is None or meter.span is None:
        return
    slot = slot_at(meter.span, found[0])
    if slot.until > now:
        count(connection, id_, slot, outside=ASSUMED * meter.amount)


# ---------------------------------------------------------------- spans as text


def span_text(span: Span | None) -> str | None:
    """`span` as one line. None is that of calls in flight."""
    match span:
        case Rolling(seconds):
            return f"rolling {seconds!r}"
        case Once(expires):
            return "once" if expires is None else f"once {expires!r}"
        case Calendar(per, hour, minute, zone):
            return f"{per} {hour:02}:{minute:02} {zone}"
        case None:
            return None
        case _:
            assert_never(span)


def span_from(text: str) -> Span:
    """What `span_text` has written. Where the zone is unknown here it is any stretch of that length: safe."""
    match text.split():
        case ["rolling", seconds]:
            return Rolling(float(seconds))
        case ["once", *expires]:
            return Once(float(expires[0]) if expires else None)
        case [per, time, *name]:
            zone = _zone(" ".join(name))
            return (
                Rolling(LENGTHS[per]) if zone is None else Calendar(per, int(time[:2]), int(time[3:]), zone)
            )
        case _:
            raise ValueError(f"{text!r} is no span")


def _zone(name: str) -> tzinfo | None:
    from datetime import UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
