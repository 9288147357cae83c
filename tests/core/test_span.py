"""The windows of limits: what their texts mean, and where they begin and end in each zone's own time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from math import inf
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from racer.core.provider import Limit
from racer.core.span import DAY, SLOTS, Calendar, Once, Rolling, Slot, Span, closed, slot_at, span_of

if TYPE_CHECKING:
    from datetime import tzinfo

HOUR = 3600.0
LA = "America/Los_Angeles"
ZONES = (  # and why each is here
    "UTC",
    LA,
    "Asia/Kolkata",  # half an hour
    "Asia/Kathmandu",  # three quarters of one
    "Australia/Lord_Howe",  # summer time is half an hour
    "America/St_Johns",  # changed its clocks a minute after midnight
    "America/Havana",  # changes them at midnight: no 00:00 in spring, two in autumn
    "Asia/Beirut",  # as well
    "Africa/Casablanca",  # four changes in some years
    "Antarctica/Troll",  # summer time is two hours
    "Pacific/Apia",  # had no 30 December 2011
    "Pacific/Kwajalein",  # nor a 21 August 1993
)


def at(text: str, zone: str = "UTC", *, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def calendar(per: str, time: str = "00:00", zone: str = "UTC") -> Calendar:
    hour, minute = time.split(":")
    return Calendar(per, int(hour), int(minute), ZoneInfo(zone))


def untouched(name: str) -> tzinfo:
    raise AssertionError(f"zone {name} was looked up")


# ---------------------------------------------------------------- the texts


@pytest.mark.parametrize(
    ("per", "seconds"),
    [
        ("second", 1.0),
        ("minute", 60.0),
        ("hour", HOUR),
        ("day", DAY),
        ("week", 7 * DAY),
        ("month", 31 * DAY),
        ("rolling 5h", 5 * HOUR),
        ("rolling 1h30m", 1.5 * HOUR),
        ("rolling 1d0.5s", DAY + 0.5),
    ],
)
def test_without_a_reset_any_stretch_is_a_window(per: str, seconds: float) -> None:
    """A word or a length gives its seconds; a month is the longest there is, so it is safe for each."""
    assert span_of(Limit("requests", 5, per), untouched) == Rolling(seconds)


@pytest.mark.parametrize("per", ["day", "week", "month"])
def test_a_reset_makes_windows_of_the_calendar(per: str) -> None:
    """The time of day is read, the zone is asked for by its name."""
    span = span_of(Limit("requests", 5, per, reset=f"23:05 {LA}"), ZoneInfo)

    assert span == Calendar(per, 23, 5, ZoneInfo(LA))


def test_utc_is_known_without_a_table() -> None:
    """Slim systems have no time zone data, and UTC needs none."""
    assert span_of(Limit("requests", 5, "day", reset="00:00 UTC"), untouched) == Calendar("day", 0, 0, UTC)


@pytest.mark.parametrize(
    ("expires", "span"),
    [(None, Once()), ("2027-01-31", Once(at("2027-01-31"))), ("2028-02-29", Once(at("2028-02-29")))],
)
def test_once_ends_as_its_last_day_begins_in_utc(expires: str | None, span: Once) -> None:
    """Nobody says whether the day itself still counts, so it does not."""
    assert span_of(Limit("usd", 5, "once", expires=expires), untouched) == span


@pytest.mark.parametrize(
    ("per", "reset", "named"),
    [
        ("hour", "00:00 UTC", "hour"),
        ("rolling 5h", "00:00 UTC", "rolling 5h"),
        ("fortnight", None, "fortnight"),
        ("rolling 0h", None, "rolling 0h"),
        ("rolling", None, "rolling"),
    ],
)
def test_texts_that_no_configuration_may_hold_are_refused(per: str, reset: str | None, named: str) -> None:
    """A limit made by hand is never taken for another than it says."""
    with pytest.raises(ValueError, match=f"'{named}'"):
        span_of(Limit("requests", 5, per, reset=reset), ZoneInfo)


# ---------------------------------------------------------------- the calendar, to the second

WINDOWS = {
    "a plain day": (calendar("day"), at("2026-05-04T12:00"), at("2026-05-04"), at("2026-05-05")),
    "before the reset of a day": (
        calendar("day", "12:30"),
        at("2026-05-04T12:29:59.999"),
        at("2026-05-03T12:30"),
        at("2026-05-04T12:30"),
    ),
    "a day that another date begins in UTC": (
        calendar("day", "00:00", LA),
        at("2026-07-01T23:59", LA),
        at("2026-07-01T07:00"),
        at("2026-07-02T07:00"),
    ),
    "Los Angeles in spring: a day of 23 hours": (
        calendar("day", "00:00", LA),
        at("2026-03-08T12:00", LA),
        at("2026-03-08T08:00"),
        at("2026-03-09T07:00"),
    ),
    "Los Angeles in autumn: a day of 25 hours": (
        calendar("day", "00:00", LA),
        at("2026-11-01T12:00", LA),
        at("2026-11-01T07:00"),
        at("2026-11-02T08:00"),
    ),
    "the last second of the 25 hours": (
        calendar("day", "00:00", LA),
        at("2026-11-02T07:59:59"),
        at("2026-11-01T07:00"),
        at("2026-11-02T08:00"),
    ),
    "the day that a reset left out begins": (
        calendar("day", "02:30", LA),
        at("2026-03-08T12:00", LA),
        at("2026-03-08T10:30"),  # 03:30 in summer time
        at("2026-03-09T09:30"),
    ),
    "between the change of clocks and that reset": (
        calendar("day", "02:30", LA),
        at("2026-03-08T03:10", LA),
        at("2026-03-07T10:30"),
        at("2026-03-08T10:30"),
    ),
    "between the two 02:30 of autumn, at the reset that comes twice": (
        calendar("day", "01:30", LA),
        at("2026-11-01T01:40", LA),
        at("2026-11-01T08:30"),  # the first of them
        at("2026-11-02T09:30"),
    ),
    "after the second of them": (
        calendar("day", "01:30", LA),
        at("2026-11-01T01:40", LA, fold=1),
        at("2026-11-01T08:30"),
        at("2026-11-02T09:30"),
    ),
    "the second time that the clock shows a time before the reset": (
        calendar("day", "01:30", LA),
        at("2026-11-01T01:10", LA, fold=1),
        at("2026-11-01T08:30"),
        at("2026-11-02T09:30"),
    ),
    "02:30 on the day of 25 hours, which is there once": (
        calendar("day", "02:30", LA),
        at("2026-11-01T12:00", LA),
        at("2026-11-01T10:30"),
        at("2026-11-02T10:30"),
    ),
    "31 January": (
        calendar("month"),
        at("2026-01-31T23:59:59"),
        at("2026-01-01"),
        at("2026-02-01"),
    ),
    "31 January in Los Angeles, February in UTC": (
        calendar("month", "00:00", LA),
        at("2026-02-01T07:59:59"),
        at("2026-01-01T08:00"),
        at("2026-02-01T08:00"),
    ),
    "28 February": (calendar("month"), at("2026-02-28T12:00"), at("2026-02-01"), at("2026-03-01")),
    "28 February in Los Angeles": (
        calendar("month", "00:00", LA),
        at("2026-02-28T23:59:59", LA),
        at("2026-02-01T08:00"),
        at("2026-03-01T08:00"),
    ),
    "29 February": (calendar("month"), at("2028-02-29T23:59:59"), at("2028-02-01"), at("2028-03-01")),
    "29 February in Los Angeles": (
        calendar("month", "00:00", LA),
        at("2028-02-29T23:59:59", LA),
        at("2028-02-01T08:00"),
        at("2028-03-01T08:00"),
    ),
    "the leap day as a day": (calendar("day"), at("2028-02-29T05:00"), at("2028-02-29"), at("2028-03-01")),
    "a month with a change of clocks": (
        calendar("month", "00:00", LA),
        at("2026-03-31T12:00", LA),
        at("2026-03-01T08:00"),
        at("2026-04-01T07:00"),
    ),
    "the 1st before the reset is the month before": (
        calendar("month", "06:00"),
        at("2027-01-01T05:59"),
        at("2026-12-01T06:00"),
        at("2027-01-01T06:00"),
    ),
    "a week from Monday": (calendar("week"), at("2026-05-10T23:59"), at("2026-05-04"), at("2026-05-11")),
    "a Monday before the reset": (
        calendar("week", "09:00"),
        at("2026-05-11T08:59"),
        at("2026-05-04T09:00"),
        at("2026-05-11T09:00"),
    ),
    "a week with a change of clocks": (
        calendar("week", "00:00", LA),
        at("2026-03-08T12:00", LA),
        at("2026-03-02T08:00"),
        at("2026-03-09T07:00"),
    ),
    "half an hour": (
        calendar("day", "00:00", "Asia/Kolkata"),
        at("2026-05-04T18:29:59"),
        at("2026-05-03T18:30"),
        at("2026-05-04T18:30"),
    ),
    "Lord Howe in spring: a day of 23.5 hours": (
        calendar("day", "00:00", "Australia/Lord_Howe"),
        at("2026-10-04T12:00", "Australia/Lord_Howe"),
        at("2026-10-03T13:30"),
        at("2026-10-04T13:00"),
    ),
    "Lord Howe in autumn: a day of 24.5 hours": (
        calendar("day", "00:00", "Australia/Lord_Howe"),
        at("2026-04-05T12:00", "Australia/Lord_Howe"),
        at("2026-04-04T13:00"),
        at("2026-04-05T13:30"),
    ),
    "a midnight that is left out": (
        calendar("day", "00:00", "America/Havana"),
        at("2026-03-08T12:00", "America/Havana"),
        at("2026-03-08T05:00"),
        at("2026-03-09T04:00"),
    ),
    "the evening that comes again after a midnight": (
        calendar("day", "00:00", "America/St_Johns"),
        at("2006-10-28T23:30", "America/St_Johns", fold=1),
        at("2006-10-29T02:30"),  # a minute before the clock went back from 00:01 to 23:01
        at("2006-10-30T03:30"),
    ),
    "a day that is left out": (
        calendar("day", "12:00", "Pacific/Apia"),
        at("2011-12-30T15:00"),
        at("2011-12-29T22:00"),
        at("2011-12-30T22:00"),
    ),
    "after the day that is left out": (
        calendar("day", "12:00", "Pacific/Apia"),
        at("2011-12-30T22:00"),
        at("2011-12-30T22:00"),
        at("2011-12-31T22:00"),
    ),
}


@pytest.mark.parametrize(("span", "now", "start", "until"), WINDOWS.values(), ids=WINDOWS)
def test_a_window_of_the_calendar(span: Calendar, now: float, start: float, until: float) -> None:
    """It begins with the last reset in the zone's own time and ends with the next one, to the second."""
    assert slot_at(span, now) == Slot(start, until)


@pytest.mark.parametrize(("span", "now", "start", "until"), WINDOWS.values(), ids=WINDOWS)
def test_the_edges_of_a_window(span: Calendar, now: float, start: float, until: float) -> None:
    """The instant of the reset is in the window that it begins, the last one before it is not."""
    before = 1e-6  # about what a float can tell apart today

    assert slot_at(span, start) == slot_at(span, until - before) == Slot(start, until)
    assert slot_at(span, start - before).until == start
    assert slot_at(span, until).start == until


def test_any_zone_of_python_will_do() -> None:
    """A zone is what datetime takes for one, whoever made it."""
    span = Calendar("day", 0, 0, timezone(timedelta(hours=-3, minutes=-30)))

    assert slot_at(span, at("2026-05-04T03:29")) == Slot(at("2026-05-03T03:30"), at("2026-05-04T03:30"))


CALENDARS = st.builds(
    Calendar,
    st.sampled_from(["day", "week", "month"]),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from([ZoneInfo(zone) for zone in ZONES]),
)
INSTANTS = st.floats(0.0, at("2100-01-01"))


@given(CALENDARS, INSTANTS, st.floats(0.0, 1.0))
def test_windows_of_the_calendar_leave_no_gap_and_no_overlap(span: Calendar, now: float, part: float) -> None:
    """Each instant is in one window, the same for all instants in it; the next one begins at its end."""
    slot = slot_at(span, now)
    inside = min(slot.start + part * (slot.until - slot.start), slot.until - 1e-3)

    assert slot.start <= now < slot.until
    assert slot_at(span, slot.start) == slot_at(span, inside) == slot
    assert slot_at(span, slot.until).start == slot.until
    assert slot_at(span, slot.start - 1e-3).until == slot.start


@given(CALENDARS, st.integers(1971, 2099))
@example(calendar("day", "00:00", "Pacific/Apia"), 2011)
@example(calendar("day", "23:30", "Pacific/Kwajalein"), 1993)
@example(calendar("day", "02:15", "Australia/Lord_Howe"), 2026)
@example(calendar("day", "00:00", "America/St_Johns"), 2006)
def test_a_year_is_tiled_by_its_windows(span: Calendar, year: int) -> None:
    """From window to window through a year, each starts at the reset's time of day, where there is one."""
    now, end = at(f"{year}-01-01"), at(f"{year + 1}-01-01")
    while now < end:
        slot = slot_at(span, now)
        local = datetime.fromtimestamp(slot.start, span.zone)
        reset = local.replace(hour=span.hour, minute=span.minute)
        left_out = datetime.fromtimestamp(reset.timestamp(), span.zone).replace(fold=0) != reset

        assert slot.start <= now < slot.until
        assert local.fold == 0
        assert local == reset or left_out
        now = slot.until


# ---------------------------------------------------------------- rolling


@pytest.mark.parametrize(
    ("seconds", "now", "slot"),
    [
        (60.0, 600.0, Slot(600.0, 661.0)),
        (60.0, 600.999, Slot(600.0, 661.0)),
        (60.0, 601.0, Slot(601.0, 662.0)),
        (HOUR, 3659.0, Slot(3600.0, 7260.0)),
        (5 * HOUR, 299.0, Slot(0.0, 5 * HOUR + 300.0)),
        (2.0, 1666666666.8, Slot(1666666666.8, 50_000_000_005 * (2.0 / 60) + 2.0)),  # a rounded start
    ],
)
def test_a_rolling_slot_counts_until_a_span_after_its_end(seconds: float, now: float, slot: Slot) -> None:
    """A span has sixty slots, and the last use of a slot counts for a whole span."""
    assert slot_at(Rolling(seconds), now) == slot


@given(st.floats(0.1, 400 * DAY), INSTANTS)
@example(1.0, 1_800_000_000.3)
@example(0.1, 4_102_444_799.9)
def test_rolling_slots_leave_no_gap_and_no_overlap(seconds: float, now: float) -> None:
    """Each instant is in one slot, the next one begins where it ends, and no use comes back too soon."""
    span = Rolling(seconds)
    slot = slot_at(span, now)
    end = slot.until - seconds

    assert slot.start <= now
    assert slot_at(span, slot.start) == slot
    assert end == pytest.approx(slot.start + seconds / SLOTS, abs=2e-6)
    assert slot.until > now + seconds - 2e-6
    assert slot_at(span, end + 2e-6).start == pytest.approx(end, abs=2e-6)


# ---------------------------------------------------------------- once


@pytest.mark.parametrize("now", [0.0, at("2026-05-04"), at("2100-01-01")])
def test_once_is_one_slot(now: float) -> None:
    """What is used never comes back; and at the end of it all there is nothing for it to come back to."""
    assert slot_at(Once(), now) == Slot(0.0, inf)
    assert slot_at(Once(at("2027-01-31")), now) == Slot(0.0, at("2027-01-31"))


@pytest.mark.parametrize(
    ("span", "now", "shut"),
    [
        (Once(100.0), 99.9, False),
        (Once(100.0), 100.0, True),
        (Once(100.0), 101.0, True),
        (Once(), 1e12, False),
        (Rolling(60.0), 1e12, False),
        (calendar("day"), at("2100-01-01"), False),
    ],
)
def test_only_what_has_expired_is_closed(span: Span, now: float, shut: bool) -> None:
    """Windows come back for ever, and credit without a last day stays."""
    assert closed(span, now) is shut
