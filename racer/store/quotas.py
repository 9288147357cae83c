"""What is used and leased of every limit: one process reports, asks and is told how things stand, in one go.

Rule 1: live slots + all leases <= limit. A lease is granted only of what is in neither; what is spent goes
        from the lease to a slot in the same transaction.
Rule 2: what a provider says only adds: it never makes room that we have not counted as free.
Rule 3: an alert is raised by the process that sees it first, once in a window.

Every function here runs inside a transaction that the caller holds, begun IMMEDIATE.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING

from racer.core.grant import TOLERANCE, granted, opens_at, reached
from racer.core.quota import Alert, Standing, Tidings
from racer.core.span import DAY, SLOTS, Calendar, Once, Rolling, Slot, closed, slot_at
from racer.store import census
from racer.store.meters import count, row_of, tell

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from racer.core.quota import Meter, Report, Teller, Truth, Wish

HOUR = 3600.0
LEAST_ALERTED = 60.0  # seconds of a window
MORE = 1e-6  # anything at all, well above TOLERANCE

# `since` is no later than the start of the first slot that can be live: old slots are not even looked at.
_LIVE = "FROM slots WHERE meter = ? AND start >= ? AND until > ?"
_SUMS = f"""SELECT COALESCE(SUM(used + outside), 0.0), MIN(CASE WHEN used + outside > 0 THEN until END),
    (SELECT COALESCE(SUM(amount), 0.0) FROM leases WHERE leases.meter = ?) {_LIVE}"""
_TAKE = f"""UPDATE leases SET amount = CASE WHEN amount - ?1 > {TOLERANCE} THEN amount - ?1 ELSE 0 END
    WHERE meter = ?2 AND owner = ?3"""
_LEASE = "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
_OLD = "DELETE FROM slots WHERE meter = ? AND start < ? AND until <= ?"
_REACHED = "INSERT OR IGNORE INTO alerts VALUES (?, ?, 'reached', ?, ?, ?, ?, ?, 1)"
_UNFORESEEN = """INSERT INTO alerts VALUES (?, ?, 'unforeseen', ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET
    at = excluded.at, used = excluded.used, "limit" = excluded."limit", resets_at = excluded.resets_at,
    times = times + 1"""


class Count:
    """How one meter stands, while an exchange changes it. `used` is in live slots, `first` ends the first."""

    __slots__ = ("_connection", "_now", "_slot", "first", "id", "leased", "limit", "meter", "teller", "used")

    def __init__(self, connection: sqlite3.Connection, meter: Meter, now: float) -> None:
        self._connection, self._now = connection, now
        self._slot: Slot | None = None
        self.meter = meter
        self.teller: Teller
        self.id, self.limit, self.teller = row_of(connection, meter, now)
        self.used: float = 0.0
        self.leased: float = 0.0
        self.first: float | None = None

    def look(self) -> None:
        """Read what is used and leased now."""
        sums = self._connection.execute(_SUMS, (self.id, self.id, self._since, self._now)).fetchone()
        self.used, self.first, self.leased = sums

    @property
    def _since(self) -> float:
        span = self.meter.span
        return self._now - span.seconds * (1 + 2 / SLOTS) if isinstance(span, Rolling) else -inf

    @property
    def closed(self) -> bool:
        return self.meter.span is not None and closed(self.meter.span, self._now)

    @property
    def slot(self) -> Slot:
        """The one that is used now. Calls in flight have none that ends."""
        if self._slot is None:
            span = self.meter.span
            self._slot = Slot(0.0, inf) if span is None else slot_at(span, self._now)
        return self._slot

    def outside(self, amount: float, until: float | None) -> None:
        """Others have used `amount`, which counts until then: no longer than what is used now."""
        until = self.slot.until if until is None else min(until, self.slot.until)
        if until > self._now:
            count(self._connection, self.id, Slot(self.slot.start, until), outside=amount)
            self.used += amount
            self.first = until if self.first is None else min(self.first, until)

    def opens_at(self, size: float) -> float | None:
        """When `size`, or more than is left now, can be had. Leases count as if they were spent now."""
        if self.meter.span is None or self.closed:
            return None
        left = self.limit - self.used - self.leased
        soonest = self.first if self.leased <= 0 else min(self.slot.until, self.first or inf)
        if left >= 0 and size <= left + TOLERANCE:
            return soonest if soonest != inf else None
        slots = self._connection.execute(
            f"SELECT until, used + outside {_LIVE}", (self.id, self._since, self._now)
        ).fetchall()
        leases = (self.slot.until, self.leased)
        return opens_at([*slots, leases], self.limit, max(size, max(0.0, left) + MORE), self._now)

    def standing(self, processes: int, size: float) -> Standing:
        """`size` is that of a call that waits, or 0."""
        used = self.limit if self.closed else self.used
        return Standing(self.limit, used, self.leased, self.opens_at(size), processes, self.teller)

    def forget(self) -> None:
        """Old slots go, once no clock that is set back can make them live again."""
        span = self.meter.span
        keep = 2 * HOUR + 3 * span.seconds if isinstance(span, Rolling) else 3 * DAY
        self._connection.execute(_OLD, (self.id, self._now - keep, self._now - keep))


Counts = dict[str, Count]


def exchange(
    connection: sqlite3.Connection, owner: int, report: Report, now: float, levels: Sequence[float]
) -> Tidings | None:
    """Count what `owner` reports, grant what it wishes, and tell how every meter stands that it mentions.

    `levels` are the shares of a limit that are worth an alert. None: `owner` was buried (store/census.py);
    nothing of the report was heard, its leases count as used, and it must enrol anew.
    """
    if not census.seen(connection, owner, now):
        return None
    counts = {meter.name: Count(connection, meter, now) for meter in _mentioned(report)}
    _spend(connection, owner, report, counts, now)
    for counted in counts.values():
        counted.look()
    alerts = [alert for truth in report.truths for alert in _believe(connection, counts, truth, now)]
    processes = census.living(connection, now)
    leases, sizes = _lease(report.wishes, counts, processes)
    connection.executemany(_LEASE, [(counts[name].id, owner, lease) for name, lease in leases.items()])
    standings = {name: each.standing(processes, sizes.get(name, 0.0)) for name, each in counts.items()}
    for counted in counts.values():
        alerts.extend(_reached(connection, counted, levels, now))
    return Tidings(leases, standings, tuple(alerts))


def _mentioned(report: Report) -> Iterable[Meter]:
    of_records = (part.meter for parts in (report.spends, report.wishes, report.truths) for part in parts)
    meters = {meter.name: meter for meter in report.watched}
    meters.update((meter.name, meter) for meter, _ in report.back)
    meters.update((meter.name, meter) for meter in of_records)
    return meters.values()


def _spend(connection: sqlite3.Connection, owner: int, report: Report, counts: Counts, now: float) -> None:
    """What was spent goes from the lease to its slot; what is not needed goes back."""
    gone: list[tuple[str, float]] = [(meter.name, amount) for meter, amount in report.back]
    for spend in report.spends:
        counted = counts[spend.meter.name]
        ahead = spend.slot.start > now  # it was noted before the clock was set back
        count(connection, counted.id, counted.slot if ahead else spend.slot, spend.used)
        gone.append((spend.meter.name, spend.leased))
    connection.executemany(_TAKE, [(amount, counts[name].id, owner) for name, amount in gone if amount > 0])
    for name in {spend.meter.name for spend in report.spends}:
        counts[name].forget()


def _lease(
    wishes: Iterable[Wish], counts: Counts, processes: int
) -> tuple[dict[str, float], dict[str, float]]:
    """What is granted, by the meter's name; and of those whose need was not met, how large a call is."""
    leases: dict[str, float] = {}
    sizes: dict[str, float] = {}
    for wish in wishes:
        name, counted = wish.meter.name, counts[wish.meter.name]
        room = 0.0 if counted.closed else counted.limit
        lease = granted(wish, limit=room, used=counted.used, leased=counted.leased, processes=processes)
        counted.leased += lease
        leases[name] = leases.get(name, 0.0) + lease
        if lease + TOLERANCE < wish.need:
            sizes[name] = max(wish.size, sizes.get(name, 0.0))
    return leases, sizes


# ---------------------------------------------------------------- what providers say


def _believe(
    connection: sqlite3.Connection, counts: Mapping[str, Count], truth: Truth, now: float
) -> Iterator[Alert]:
    """`truth` corrects the count upwards. An Alert where it is a refusal that we did not foresee."""
    counted = counts[truth.meter.name]
    thought = counted.used, counted.limit
    if truth.limit is not None and isfinite(truth.limit) and truth.limit >= 0:
        tell(connection, counted.id, truth.limit, truth.teller, now)
        counted.limit, counted.teller = row_of(connection, truth.meter, now)[1:]
    if truth.meter.span is not None and (unknown := _unknown(counted, truth)) > TOLERANCE:
        counted.outside(unknown, truth.until)
    if not truth.foreseen:
        resets_at = _finite(counted.slot.until if truth.until is None else truth.until)
        alert = Alert(truth.meter.name, "unforeseen", 1.0, *thought, resets_at)
        _write(connection, _UNFORESEEN, counted, alert, now)
        yield alert


def _unknown(counted: Count, truth: Truth) -> float:
    """How much of the limit must have been used by others. Who refuses without a number has none left."""
    if truth.used is not None:
        return truth.used - counted.used - counted.leased if isfinite(truth.used) else 0.0
    return 0.0 if truth.until is None else counted.limit - counted.used


# ---------------------------------------------------------------- alerts


def _reached(
    connection: sqlite3.Connection, counted: Count, levels: Sequence[float], now: float
) -> Iterator[Alert]:
    """The alerts of this window that nobody has raised before. To use up a second is no news."""
    length = _length(counted.meter)
    if length is None or length < LEAST_ALERTED:
        return
    for level in reached(levels, counted.used, counted.limit):
        resets_at = _finite(counted.slot.until)
        used, limit, brief = counted.used, counted.limit, length < HOUR
        alert = Alert(counted.meter.name, "reached", level, used, limit, resets_at, brief)
        if _write(connection, _REACHED, counted, alert, now):
            yield alert


def _length(meter: Meter) -> float | None:
    """Seconds of its window; None for calls in flight, which have none."""
    match meter.span:
        case Rolling(seconds):
            return seconds
        case Calendar():
            return DAY
        case Once():
            return inf
        case None:
            return None


def _write(connection: sqlite3.Connection, statement: str, counted: Count, alert: Alert, now: float) -> bool:
    """Whether this has changed anything."""
    key = counted.id, _window(counted, now), alert.level
    done = connection.execute(statement, (*key, now, alert.used, alert.limit, alert.resets_at))
    return done.rowcount > 0


def _window(counted: Count, now: float) -> float:
    """When the window began that an alert belongs to: one of a row of windows, where any stretch is one."""
    match counted.meter.span:
        case Rolling(seconds):
            return now // seconds * seconds
        case Calendar():
            return counted.slot.start
        case Once():
            return 0.0
        case None:
            return now // DAY * DAY


def _finite(instant: float) -> float | None:
    return instant if instant < inf else None
