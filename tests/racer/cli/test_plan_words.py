"""The words of a plan: when, how many by when, how much, who, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from math import inf
from typing import TYPE_CHECKING

import pytest

from racer.batch.missing import Help, Shortfall
from racer.batch.plan import Forecast, Tank, Task
from racer.cli import plan_words as words
from racer.core.span import Calendar, Once, Rolling

if TYPE_CHECKING:
    from racer.core.span import Span

HOUR, DAY = 3600.0, 86_400.0
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC).timestamp()
TUESDAY = MONDAY + 14 * HOUR  # its midnight
DAILY = Calendar("day", 0, 0, UTC)


def plan(middle: float, prompts: int = 5000, low: float = 0.0, high: float = 0.0, **more: object) -> Forecast:
    """3,900 in the first hour, the rest at the end, as it is told; the range is of an hour on both sides."""
    task = Task(prompts, (), (), MONDAY, 64)
    steps = ((MONDAY, 0.0), (MONDAY + HOUR, 3900.0), (middle - 60, 3900.0), (middle, float(prompts)))
    made = Forecast(task, low or middle - HOUR, middle, high or middle + HOUR, steps)
    return replace(made, **more)  # type: ignore[arg-type]


def test_the_headline_of_the_issue() -> None:
    """Today's share, the end, its range, the price."""
    found = plan(TUESDAY + 3 * HOUR + 600, low=TUESDAY + 2.5 * HOUR, high=TUESDAY + 5 * HOUR)

    assert words.headline(found, UTC) == (
        "5,000 prompts: 3,900 today, the rest by Tue 03:10 (80 %: 02:30–05:00), free"
    )


def test_it_is_told_in_a_zone() -> None:
    """Midnight comes sooner in the east: there it is done today."""
    found = plan(TUESDAY + 3 * HOUR, usd=0.42)

    assert words.headline(found, timezone(timedelta(hours=-5))) == (
        "5,000 prompts: by 22:00 (80 %: 21:00–23:00), $0.42"
    )


THREE_DAYS = ((MONDAY, 0), (TUESDAY, 1000), (TUESDAY + DAY, 3000), (TUESDAY + 27 * HOUR, 5000))
CREDITS = Tank("c", Once(), 9, label="x credits")
HEADLINES = [
    (plan(MONDAY, 0), "no prompts: nothing to do"),
    (plan(MONDAY + 5 * HOUR), "5,000 prompts: by 15:00 (80 %: 14:00–16:00), free"),
    (
        plan(MONDAY + 240, 1, MONDAY + 30, MONDAY + 360),
        "1 prompt: in about 4 min (80 %: 30 s–6 min), free",
    ),
    (plan(MONDAY + 240, 7, MONDAY + 30, inf), "7 prompts: in about 4 min (80 %: 30 s–never), free"),
    (
        plan(TUESDAY + 1800),
        "5,000 prompts: 3,900 today, the rest by Tue 00:30 (80 %: 23:30–Tue 01:30), free",
    ),
    (
        plan(TUESDAY + 27 * HOUR, high=inf),
        "5,000 prompts: 3,900 today, the rest by Wed 03:00 (80 %: Wed 02:00–never), free",
    ),
    (
        plan(TUESDAY + 27 * HOUR, steps=THREE_DAYS),
        "5,000 prompts: 1,000 today, 2,000 tomorrow, the rest by Wed 03:00 (80 %: 02:00–04:00), free",
    ),
    (
        plan(TUESDAY + 27 * HOUR, steps=((MONDAY, 0), (TUESDAY + DAY, 0), (TUESDAY + 27 * HOUR, 5000))),
        "5,000 prompts: by Wed 03:00 (80 %: 02:00–04:00), free",
    ),
    (
        plan(
            inf,
            steps=((MONDAY, 0), (MONDAY + HOUR, 3900)),
            unfinished=1100,
            why=(CREDITS, Tank("d", DAILY, 1)),
        ),
        "5,000 prompts: 3,900 by 11:00, the other 1,100 never (x credits used up), free",
    ),
    (plan(inf, steps=((MONDAY, 0),), unfinished=5000), "5,000 prompts: 5,000 never, free"),
    (
        plan(inf, steps=((MONDAY, 0), (MONDAY + 366 * DAY, 4000)), unfinished=1000),
        "5,000 prompts: 4,000 by 2027-11-24 10:00, the other 1,000 take longer than a year, free",
    ),
]


@pytest.mark.parametrize(("found", "text"), HEADLINES)
def test_headlines(found: Forecast, text: str) -> None:
    """Today, tomorrow, later, in a moment, never."""
    assert words.headline(found, UTC) == text


INSTANTS = [
    (MONDAY + HOUR, "11:00"),
    (TUESDAY, "Tue 00:00"),
    (MONDAY + 6 * DAY, "Sun 10:00"),
    (MONDAY + 7 * DAY, "2026-11-30 10:00"),
    (MONDAY - DAY, "2026-11-22 10:00"),
    (inf, "never"),
]


@pytest.mark.parametrize(("at", "text"), INSTANTS)
def test_instants(at: float, text: str) -> None:
    """The weekday is enough for six days."""
    assert words.when(at, MONDAY, UTC) == text


def test_an_end_that_never_comes() -> None:
    """Is said in a word."""
    assert words.ending(plan(inf), UTC) == "never"


@pytest.mark.parametrize(
    ("usd", "text"), [(0.0, "free"), (0.001, "under $0.01"), (0.42, "$0.42"), (1234.5, "$1,234.50")]
)
def test_money(usd: float, text: str) -> None:
    """Nothing is not the same as very little."""
    assert words.money(usd) == text


def test_who_answers_how_many() -> None:
    """The largest by name."""
    five = (("a", 3000), ("b", 1000), ("c", 500), ("d", 300), ("e", 200))
    six = (*five[:4], ("e", 150), ("f", 50))

    assert words.shares(plan(TUESDAY)) == ""
    assert words.shares(plan(TUESDAY, shares=five)) == "a 3,000, b 1,000, c 500, d 300, another 200"
    assert words.shares(plan(TUESDAY, shares=six)) == "a 3,000, b 1,000, c 500, d 300, 2 others 200"


def test_sleeps() -> None:
    """The first ones; a brief one is none."""
    long = tuple((MONDAY + day * DAY, MONDAY + day * DAY + HOUR) for day in range(5))

    assert words.sleeps(plan(TUESDAY, sleeps=((MONDAY, MONDAY + 60),)), UTC) == ""
    assert words.sleeps(plan(TUESDAY, sleeps=long[:1]), UTC) == "sleeps 10:00–11:00"
    assert words.sleeps(plan(TUESDAY, sleeps=long[:4]), UTC).endswith(" and 1 time more")
    assert words.sleeps(plan(TUESDAY, sleeps=long), UTC) == (
        "sleeps 10:00–11:00, Tue 10:00–Tue 11:00, Wed 10:00–Wed 11:00 and 2 times more"
    )


def lack(
    tank: Tank | None = None, extra: float | None = None, cause: str = "limit", *keys: Help
) -> list[str]:
    short = Shortfall(TUESDAY, 3900, 1100, tank, extra, cause, keys)
    return words.lacking(plan(TUESDAY + HOUR), short, UTC)


def test_what_is_missing() -> None:
    """The limit, how much more of it would do, whose key would."""
    tank = Tank("groq requests/day", DAILY, 1000)
    keys = (
        Help("cerebras", "CEREBRAS_API_KEY", TUESDAY - HOUR, 5000, True),
        Help("mistral", "MISTRAL_API_KEY", TUESDAY + HOUR, 4200, False),
        Help("cohere", "COHERE_API_KEY", inf, 4000, False),
        Help("other", "OTHER_API_KEY", inf, 3950, False),
    )

    assert lack(tank, 100, "limit", *keys) == [
        "by Tue 00:00: 3,900 of 5,000 prompts, 1,100 missing",
        "held up by groq requests/day: 1,000 requests a day; 100 requests a day more would do",
        "cerebras with a key in CEREBRAS_API_KEY: done by 23:00",
        "mistral with a key in MISTRAL_API_KEY: 4,200 in time, all by Tue 01:00",
        "cohere with a key in COHERE_API_KEY: 4,000 in time",
    ]


SPANS: list[tuple[Span | None, str, float, str]] = [
    (None, "calls", 4, "4 calls at once"),
    (Once(), "usd", 1, "1 usd"),
    (Rolling(HOUR), "requests", 1, "1 request an hour"),
    (Rolling(60), "input_tokens", 6000, "6,000 input tokens a minute"),
    (Rolling(5 * HOUR), "requests", 50, "50 requests in any 5 h"),
]


@pytest.mark.parametrize(("span", "unit", "limit", "text"), SPANS)
def test_limits(span: Span | None, unit: str, limit: float, text: str) -> None:
    """Of every span; where more of it is not enough, that is said."""
    tank = Tank("x", span, limit, unit=unit, label="the limit")

    assert lack(tank)[1] == f"held up by the limit: {text}; more of it alone would not do"


@pytest.mark.parametrize(
    ("cause", "word"), [("concurrency", "--concurrency"), ("rate", "--rate"), ("speed", "too slow")]
)
def test_what_is_no_limit(cause: str, word: str) -> None:
    """The job's own options, or the lanes."""
    assert word in lack(cause=cause)[1]
