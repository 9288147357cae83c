"""The windows of a limit: which stretch of time a use belongs to, and until when it counts. Unix seconds.

Rule 1: `reset` makes windows of the calendar, in a zone's own time: a day of 23 or 25 hours is one day.
Rule 2: without it, any stretch of that length is a window. Nobody tells whether a provider's minute begins
        at the full minute, with the first call, or anew at each instant: this one is safe under each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from racer.core.provider import Limit

SLOTS = 60  # of a rolling span: what is used comes back at most a sixtieth of the span too late
DAY = 86_400.0
# With 31 days no month, however long, sees anything twice: nobody says on which day a month begins.
LENGTHS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": DAY, "week": 7 * DAY, "month": 31 * DAY}

_LETTERS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}
_ONE_DAY = timedelta(days=1)
_ONE_WEEK = timedelta(days=7)
_INTO_NEXT_MONTH = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Slot:
    """What is used from `start` on, until the next slot begins, counts until `until`."""

    start: float
    until: float


@dataclass(frozen=True, slots=True)
class Calendar:
    """A `day`, `week` (from Monday) or `month` (from the 1st) that begins at `hour`:`minute` in `zone`."""

    per: str
    hour: int
    minute: int
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Rolling:
    """Any stretch of `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Once:
    """Nothing comes back. After `expires` nothing is to be had."""

    expires: float | None = None


Span = Calendar | Rolling | Once


# ---------------------------------------------------------------- the span of a limit


def span_of(limit: Limit, zone: Callable[[str], tzinfo]) -> Span:
    """What `limit` is counted over. `zone` finds an IANA zone by its name; UTC is known without it.

    A limit that expires does so as the day it names begins in UTC: nobody says in which zone that day is
    meant, nor whether it still counts. Raises ValueError for texts that no configuration may hold.
    """
    if limit.per == "once":
        return Once(_day(limit.expires) if limit.expires else None)
    if limit.reset is None:
        return Rolling(_seconds(limit.per))
    if limit.per not in {"day", "week", "month"}:
        raise ValueError(f'a reset goes with "day", "week" or "month", not with {limit.per!r}')
    time, _, name = limit.reset.partition(" ")
    hour, _, minute = time.partition(":")
    return Calendar(limit.per, int(hour), int(minute), UTC if name == "UTC" else zone(name))


def _day(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _seconds(per: str) -> float:
    if per in LENGTHS:
        return LENGTHS[per]
    seconds = sum(float(number) * _LETTERS[unit] for number, unit in re.findall(r"([\d.]+)([smhd])", per))
    if seconds <= 0:
        raise ValueError(f"{per!r} is no length of time above 0")
    return seconds


# ---------------------------------------------------------------- the slot of an instant


def slot_at(span: Span, now: float) -> Slot:
    """Where a use at `now` is counted, and until when it counts."""
    match span:
        case Rolling():
            return _rolling(span.seconds, now)
        case Calendar():
            return _calendar(span, now)
        case Once():
            return Slot(0.0, inf if span.expires is None else span.expires)
        case _:
            assert_never(span)


def closed(span: Span, now: float) -> bool:
    """Is nothing to be had any more, whatever is left?"""
    return isinstance(span, Once) and span.expires is not None and now >= span.expires


def _rolling(seconds: float, now: float) -> Slot:
    """All that is used in a slot counts until a whole span has passed since its end: never too short."""
    width = seconds / SLOTS
    index = now // width
    if (index + 1) * width <= now:  # rounded down, the next slot begins here already
        index += 1
    return Slot(index * width, (index + 1) * width + seconds)


def _calendar(span: Calendar, now: float) -> Slot:
    """From the last reset at or before `now` to the next one. Resets that fall together are one.

    A local time that comes twice is the first of the two; one that is left out counts on from the time
    before it: on a day without 02:30 that is 03:30. So resets come in the order of their dates.
    """
    reset = _first_of_period(span, now)
    while (start := reset.timestamp()) > now:
        reset = _previous(span.per, reset)
    reset = _next(span.per, reset)
    while (until := reset.timestamp()) <= now:
        start, reset = until, _next(span.per, reset)
    return Slot(start, until)


def _first_of_period(span: Calendar, now: float) -> datetime:
    """The reset of the period that the local date at `now` is in: perhaps still to come."""
    local = datetime.fromtimestamp(now, span.zone)
    reset = local.replace(hour=span.hour, minute=span.minute, second=0, microsecond=0, fold=0)
    match span.per:
        case "month":
            return reset.replace(day=1)
        case "week":
            return reset - timedelta(days=reset.weekday())
        case _:
            return reset


# Sums of a datetime and days are sums of local time: they keep the time of day, however long the day.


def _next(per: str, reset: datetime) -> datetime:
    match per:
        case "month":
            return (reset + _INTO_NEXT_MONTH).replace(day=1)
        case "week":
            return reset + _ONE_WEEK
        case _:
            return reset + _ONE_DAY


def _previous(per: str, reset: datetime) -> datetime:
    match per:
        case "month":
            return (reset - _ONE_DAY).replace(day=1)
        case "week":
            return reset - _ONE_WEEK
        case _:
            return reset - _ONE_DAY
