"""The words of `racer usage`: amounts, limits, instants, remarks, how long something lasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from math import inf
from typing import TYPE_CHECKING

import pytest

from racer.accounts.gauge import Gauge
from racer.accounts.outlook import Line, Outlook, Range
from racer.accounts.statement import RaceTax
from racer.cli import usage_words as words
from racer.core.forecast import Demand, Pace, Runway
from racer.core.savings import Price, Saving, Savings
from tests.racer.accounts.ledgers import NOW, alarm, usage

if TYPE_CHECKING:
    from racer.store.readings import Usage

AT = datetime.fromtimestamp(NOW, UTC)
HOUR, DAY = 3600.0, 86_400.0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1234567.0, "1,234,567"), (0.123456, "0.1235"), (99.5, "99.5"), (1234.56, "1,235")],
)
def test_amounts_have_separators(value: float, text: str) -> None:
    """And fractions only where they matter."""
    assert words.figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00 USD"), (0.00123, "0.0012 USD"), (1234.5, "1,234.50 USD"), (-0.5, "-0.5000 USD")],
)
def test_dollars(value: float, text: str) -> None:
    """Parts of a cent, too, where it is less than a dollar."""
    assert words.dollars(value) == text


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0.0, 2, "0.00"),
        (0.2149, 2, "0.21"),
        (0.009, 2, "under 0.01"),
        (0.4, 0, "under 1"),
        (1234.5, 1, "1,234.5"),
    ],
)
def test_what_is_too_little_to_show_is_not_nothing(value: float, places: int, text: str) -> None:
    """It is under the least that can be shown."""
    assert words.least(value, places) == text


LIMITS = [
    (usage(limit=1000), "1,000 requests a day"),
    (usage("tokens", 8000, per="rolling 24h"), "8,000 tokens in any 24h"),
    (usage(limit=1, per="0.5 s"), "1 request in any 0.5s"),
    (usage("calls", 4, per="flight"), "4 calls at once"),
    (usage("calls", 1, per="flight"), "1 call at once"),
    (usage("usd", 0.123456, per="once"), "0.1235 USD once"),
]


@pytest.mark.parametrize(("row", "text"), LIMITS)
def test_limits(row: Usage, text: str) -> None:
    """As everywhere; those that the store counts beside limits, too."""
    assert words.limit(row) == text


INSTANTS = [
    (40, False, "in 40 s"),
    (-5, False, "in 1 s"),
    (5 * HOUR, False, "17:00 (in 5 h)"),
    (5 * HOUR, True, "in 5 h"),
    (30 * 60, True, "in 30 min"),
    (13 * HOUR, False, "2027-01-16 01:00"),
    (13 * DAY, True, "in 13 days"),
    (5000 * DAY, False, "in 5,000 days"),
]


@pytest.mark.parametrize(("after", "brief", "text"), INSTANTS)
def test_instants_to_come(after: float, brief: bool, text: str) -> None:
    """In the zone of now, with the day where it is another one; or how far away they are."""
    assert words.instant(NOW + after, AT, brief=brief) == text


def test_instants_that_were() -> None:
    """Without a day where it is this one; sums are by days in UTC."""
    assert words.past(NOW - HOUR, AT) == "11:00"
    assert words.past(NOW - DAY, AT) == "2027-01-14 12:00"
    assert words.day(NOW) == "2027-01-15"


def gauge(row: Usage, resets_at: float | None = None, **more: bool) -> Gauge:
    return Gauge(row, None, resets_at, **more)


RESETS = [
    (gauge(usage()), "-", "0 used, 100 left"),
    (gauge(usage(), NOW + HOUR * 2), "14:00 (in 2 h)", "0 used, 100 left, resets in 2 h"),
    (gauge(usage(per="once")), "never", "0 used, 100 left, never"),
    (gauge(usage(per="once"), NOW + DAY * 3), "ends 2027-01-18 12:00", "0 used, 100 left, ends in 3 days"),
    (gauge(usage(per="once"), NOW, expired=True), "expired", "0 used, 0 left, expired"),
]


@pytest.mark.parametrize(("given", "reset", "brief"), RESETS)
def test_when_there_is_more(given: Gauge, reset: str, brief: str) -> None:
    """Credits never come back; some end."""
    assert words.reset(given, AT) == reset
    assert words.amounts(given, AT) == brief


REMARKS: list[tuple[Gauge, list[str]]] = [
    (gauge(usage(used=5.0)), []),
    (gauge(usage(outside=5.0)), ["5 used by others, says the provider"]),
    (gauge(usage(leased=1.0)), ["1 held by running processes"]),
    (gauge(usage(limit=50, amount=1000.0, teller="header")), ["told by a header; configured are 1,000"]),
    (gauge(usage(), current=False), ["not configured any more"]),
]


@pytest.mark.parametrize(("given", "said"), REMARKS)
def test_what_is_odd_is_said(given: Gauge, said: list[str]) -> None:
    """And nothing of what is usual."""
    assert words.remarks(given) == said


def test_what_has_happened() -> None:
    """Where, how often, when, and how much was counted."""
    refused = alarm("unforeseen", level=0.4, used=40.0, times=3, model="m")

    assert words.refused(refused, AT) == (
        "a:KEY m: 3 times, last at 11:00, when 40 of 100 requests a day were counted"
    )
    assert ": once, last" in words.refused(alarm("unforeseen"), AT)
    assert words.reached(alarm(), AT) == "11:00  a:KEY: 75 % used, 75 of 100 requests a day"


# ---------------------------------------------------------------- race tax

TAXES: list[tuple[RaceTax, list[str]]] = [
    (
        RaceTax("", 1962, 2310, 412, 96_000, 0.0, 2460.0),
        [
            "412 of 2,310 requests (18 %) were extra, 0.21 an answer: 96,000 tokens, nothing paid",
            "racing saved about 41 min of waiting, 1.3 s an answer",
        ],
    ),
    (
        RaceTax("", 1000, 1001, 1, 20, 0.0123, 0.09),
        [
            "1 of 1,001 requests (under 1 %) was extra, under 0.01 an answer: 20 tokens, 0.0123 USD",
            "racing saved under 0.1 s of waiting, under 0.1 s an answer",
        ],
    ),
    (
        RaceTax("", 0, 8, 6, 0),
        ["6 of 8 requests (75 %) were extra: 0 tokens, nothing paid", "no time was saved"],
    ),
    (
        RaceTax("", 10, 12, 2, 9, 0.00004),
        [
            "2 of 12 requests (17 %) were extra, 0.20 an answer: 9 tokens, under 0.0001 USD",
            "no time was saved",
        ],
    ),
    (RaceTax("", 5, 8), ["no request was extra"]),
    (
        RaceTax("", 5, 0, saved=30.0),
        ["no request was extra", "racing saved about 30 s of waiting, 6.0 s an answer"],
    ),
    (RaceTax("", 0, 0, saved=30.0), ["no request was extra", "racing saved about 30 s of waiting"]),
]


@pytest.mark.parametrize(("tax", "said"), TAXES)
def test_the_race_tax(tax: RaceTax, said: list[str]) -> None:
    """What extra requests cost and what racing saved; a local lane saves time, too, and is not extra."""
    assert words.taxed(tax) == said


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "under 0.1 s"), (1.25, "1.2 s"), (12.5, "12 s"), (150.0, "2 min")]
)
def test_waiting_may_be_a_part_of_a_second(seconds: float, text: str) -> None:
    """And that counts where it is one answer's."""
    assert words.pause(seconds) == text


def test_rows_of_the_race_tax() -> None:
    """A policy each; what there is none of is a dash."""
    rows = words.tax_rows([RaceTax("all", 100, 400, 290, 60_000, 1.5, 150.0), RaceTax("one", 0, 12)])

    assert rows == [
        ("all", "400", "290", "2.90", "60,000", "1.50 USD", "2 min"),
        ("one", "12", "0", "-", "0", "-", "-"),
    ]


# ---------------------------------------------------------------- forecasts


def demand(tokens: float) -> Demand:
    return Demand(1, tokens, 0)


def outlook(
    pace: Pace | None, given: float | None = None, *lines: Line, both: Range | None = None
) -> Outlook:
    return Outlook(pace, given, lines, both, ())


PACE = Pace(demand(1000), demand(2000), demand(4000), 3)
PACES = [
    (outlook(None), "forecast: nothing was used yet; --tokens-per-day N gives a rate"),
    (outlook(PACE, 2000), "forecast at 2,000 tokens a day, for each account alone"),
    (outlook(PACE._replace(days=1)), "forecast at 2,000 tokens a day, as on the one day with use"),
    (
        outlook(PACE),
        "forecast at 2,000 tokens a day, the mean of the last 3 days with use (1,000 to 4,000)",
    ),
]


@pytest.mark.parametrize(("given", "text"), PACES)
def test_the_rate(given: Outlook, text: str) -> None:
    """And where it comes from."""
    assert words.pace(given) == text


def lasts(soonest: float, usual: float, latest: float, expires: float = inf) -> Range:
    return Range(*(Runway(seconds, 0.5, DAY, expires) for seconds in (soonest, usual, latest)))


RANGES = [
    (lasts(inf, inf, inf), "lasts"),
    (lasts(HOUR, inf, inf), "lasts; on the busiest days it runs out today at 13:00"),
    (lasts(HOUR, 2 * HOUR, inf), "runs out today at 14:00 (today at 13:00 to never)"),
    (lasts(HOUR, HOUR, HOUR), "runs out today at 13:00"),
    (lasts(13 * HOUR, 13 * HOUR, 13 * HOUR), "runs out tomorrow at 01:00"),
    (lasts(40 * HOUR, 40 * HOUR, 40 * HOUR), "runs out on Sunday"),
    (lasts(4 * DAY, 8 * DAY, 9000 * DAY), "runs out in 8 days (in 4 days to in over 1000 days)"),
    (lasts(3 * DAY, 3 * DAY, 3 * DAY, 3 * DAY), "expires in 3 days"),
    (lasts(0, 0, HOUR), "used up"),
]


@pytest.mark.parametrize(("given", "text"), RANGES)
def test_how_long_it_lasts(given: Range, text: str) -> None:
    """For two days by the hour, then by the day; with its range where it has one."""
    assert words.lasting(given, AT) == text


COVERS = [
    (0.0, "-"),
    (inf, "-"),
    (0.12345, "0.12 days' use"),
    (31.2, "31 days' use"),
    (1e6, "over 100 days' use"),
]


@pytest.mark.parametrize(("cover", "text"), COVERS)
def test_what_comes_back(cover: float, text: str) -> None:
    """Nothing of credits, and without end where there is no demand."""
    assert words.cover(Range(*[Runway(inf, cover)] * 3)) == text


def test_rows_of_an_outlook() -> None:
    """One an account and one for all; none where there is no rate."""
    lines = (
        Line("a", lasts(inf, inf, inf), limited=True),
        Line("b", None, limited=True),
        Line("c", None, limited=False),
    )

    assert words.outlook_rows(outlook(PACE, None, *lines, both=lasts(0, 0, 0)), AT) == [
        ("a", "lasts", "0.5 days' use"),
        ("b", "not used of late", "-"),
        ("c", "no limit known", "-"),
        ("all together", "used up", "0.5 days' use"),
    ]
    assert len(words.outlook_rows(outlook(PACE, None, *lines), AT)) == 3
    assert words.outlook_rows(outlook(None, None, *lines), AT) == []


# ---------------------------------------------------------------- prices

PRICES = [
    (None, "no price known"),
    (Price(1, 2, "own", "a"), "its own"),
    (Price(1, 2, "same", "b"), "that at b"),
    (Price(1, 2, "median"), "median of all"),
]


@pytest.mark.parametrize(("price", "text"), PRICES)
def test_whose_price_it_is(price: Price | None, text: str) -> None:
    """So that nobody takes a guess for a price."""
    assert words.basis(price) == text


def test_savings() -> None:
    """What was paid is taken off the whole, and stands in the row."""
    savings = Savings((Saving("a", "m", 1_000_000, 500_000, 0.5, Price(1, 2, "own", "a")),), ())

    assert words.saved(savings, "May") == "not spent: 1.50 USD, by list prices of May"
    assert words.savings_rows(savings) == [("a/m", "1,500,000", "2.00 USD", "0.5000 USD", "its own")]


def test_zones_are_kept() -> None:
    """Instants are told in the zone of now, whichever that is: there, it is the next day sooner."""
    there = datetime.fromtimestamp(NOW, timezone(timedelta(hours=9)))

    assert words.instant(NOW + 2 * HOUR, there) == "23:00 (in 2 h)"
    assert words.instant(NOW + 5 * HOUR, there) == "2027-01-16 02:00"
    assert words.past(NOW - DAY, there) == "2027-01-14 21:00"
