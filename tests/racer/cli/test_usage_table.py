"""Usage on paper, with room and without."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from racer.accounts.gauge import Gauge
from racer.accounts.outlook import Line, Outlook, Range
from racer.accounts.statement import RaceTax, Statement, Total
from racer.cli.console import publish
from racer.cli.usage_table import MOST_ALERTS, NOBODY, usage_page
from racer.core.forecast import Demand, Pace, Runway
from racer.core.savings import Price, Saving, Savings
from tests.racer.accounts.ledgers import NOW, alarm, usage
from tests.racer.cli.shells import Terminal, shell_of, text_of

if TYPE_CHECKING:
    import io

AT = datetime.fromtimestamp(NOW, UTC)
DAY = 86_400.0
MODEL = "openai/gpt-oss-20b"
GAUGES = (
    Gauge(usage("usd", 5, per="once", used=4.8), None, NOW + 20 * DAY),
    Gauge(usage(limit=30, per="minute", model=MODEL, used=3.0, leased=7.0), None, NOW + 42),
    Gauge(usage("tokens", 200_000, per="rolling 24h", model=MODEL, used=200_000.0), None, NOW + 18_000),
    Gauge(usage(limit=1000, account="b:KEY"), None, NOW + DAY / 2),
)
DAILY = Demand(40, 30_000, 10_000)
LASTS = Range(Runway(9000.0, 0.5), Runway(18_000.0, 0.5), Runway(cover=0.5))
STATEMENT = Statement(
    NOW,
    NOW - 7 * DAY,
    "racer.db",
    GAUGES,
    (Total("a:KEY", 1200, 400, 700, 100, 1_234_567),),
    (alarm("unforeseen", used=412.0, limit=1000.0, times=3), alarm(level=0.9, used=90.0)),
    Outlook(
        Pace(DAILY, DAILY, DAILY.times(2), 5), None, (Line("a:KEY", LASTS, limited=True),), LASTS, ("b:KEY",)
    ),
    Savings((Saving("a", MODEL, 900_000, 100_000, 0.01, Price(0.2, 0.6, "same", "c")),), ("d",)),
    "May 2026",
    (
        RaceTax("all", 620, 1080, 300, 71_000, 0.03, 1900.0),
        RaceTax("frugal", 1342, 1230, 112, 25_000, 0.0, 560.0),
    ),
)
PAGES = {
    80: """\
2027-01-15 12:00 UTC, racer.db

  limit                         used   left  resets
a:KEY
  5 USD once                     4.8    0.2  ends 2027-02-04 12:00
 openai/gpt-oss-20b
  30 requests a minute             3     20  in 42 s
    7 held by running processes
  200,000 tokens in any 24h  200,000      0  17:00 (in 5 h)
b:KEY
  1,000 requests a day             0  1,000  2027-01-16 00:00

since 2027-01-08
  account  calls  won  lost  failed     tokens
  a:KEY    1,200  400   700     100  1,234,567

race tax since 2027-01-08
  412 of 2,310 requests (18 %) were extra, 0.21 an answer: 96,000 tokens,
  0.0300 USD
  racing saved about 41 min of waiting, 1.3 s an answer
  policy  requests  extra  an answer  tokens        paid   saved
  all        1,080    300       0.48  71,000  0.0300 USD  32 min
  frugal     1,230    112       0.08  25,000           -   9 min

refused, although there seemed to be room
  a:KEY: 3 times, last at 11:00, when 412 of 1,000 requests a day were counted

alerts
  11:00 a:KEY: 90 % used, 90 of 100 requests a day

forecast at 40,000 tokens a day, the mean of the last 5 days with use (40,000 to
80,000)
  account       how long                                        comes back a day
  a:KEY         runs out today at 17:00 (today at 14:30 to      0.5 days' use
                never)
  all together  runs out today at 17:00 (today at 14:30 to      0.5 days' use
                never)
  no limit known, so not in the sum: b:KEY

not spent: 0.2300 USD, by list prices of May 2026
  answers of               tokens       worth        paid  price
  a/openai/gpt-oss-20b  1,000,000  0.2400 USD  0.0100 USD  that at c
  not counted, for it is paid for: d
""",
    40: """\
2027-01-15 12:00 UTC, racer.db

a:KEY
  5 USD once
    4.8 used, 0.2 left, ends in 20 days
 openai/gpt-oss-20b
  30 requests a minute
    3 used, 20 left, resets in 42 s
    7 held by running processes
  200,000 tokens in any 24h
    200,000 used, 0 left, resets in 5 h
b:KEY
  1,000 requests a day
    0 used, 1,000 left, resets in 12 h

since 2027-01-08
  a:KEY
    1,200 calls, 400 won, 700 lost, 100
    failed, 1,234,567 tokens

race tax since 2027-01-08
  412 of 2,310 requests (18 %) were
  extra, 0.21 an answer: 96,000 tokens,
  0.0300 USD
  racing saved about 41 min of waiting,
  1.3 s an answer
  all
    300 of 1,080 requests (28 %) were
    extra, 0.48 an answer: 71,000
    tokens, 0.0300 USD; racing saved
    about 32 min of waiting, 3.1 s an
    answer
  frugal
    112 of 1,230 requests (9 %) were
    extra, 0.08 an answer: 25,000
    tokens, nothing paid; racing saved
    about 9 min of waiting, 0.4 s an
    answer

refused, although there seemed to be
room
  a:KEY: 3 times, last at 11:00, when
  412 of 1,000 requests a day were
  counted

alerts
  11:00 a:KEY: 90 % used, 90 of 100
  requests a day

forecast at 40,000 tokens a day, the
mean of the last 5 days with use (40,000
to 80,000)
  a:KEY
    runs out today at 17:00 (today at
    14:30 to never)
  all together
    runs out today at 17:00 (today at
    14:30 to never)
  no limit known, so not in the sum:
  b:KEY

not spent: 0.2300 USD, by list prices of
May 2026
  a/openai/gpt-oss-20b
    1,000,000 tokens, 0.2400 USD (price:
    that at c)
  not counted, for it is paid for: d
""",
}
BARE = Statement(NOW, NOW - DAY, "", (), (), ())


def drawn(statement: Statement, columns: int = 80, stdout: io.StringIO | None = None) -> str:
    shell = shell_of(stdout=stdout, environ={"COLUMNS": str(columns), "TERM": "xterm-256color"})
    publish(shell, lambda width: usage_page(statement, width=width, now=AT))
    return text_of(shell.stdout)


@pytest.mark.parametrize("columns", PAGES)
def test_a_page(columns: int) -> None:
    """Limits by account and model, then what was refused, alerts, forecast and savings."""
    assert drawn(STATEMENT, columns) == PAGES[columns]


def test_without_anything_there_is_little_to_say() -> None:
    """But that it is so."""
    assert drawn(BARE) == f"2027-01-15 12:00 UTC, nothing was used yet: no database\n\n{NOBODY}\n"


@pytest.mark.parametrize("columns", [80, 40])
def test_without_use_there_are_no_tables(columns: int) -> None:
    """A line each for what was asked."""
    asked = BARE._replace(outlook=Outlook(None, None, (), None, ()), savings=Savings((), ()), priced="May")
    text = drawn(asked, columns)

    assert "nothing was used yet; --tokens-per-day N" in " ".join(text.split())
    assert "not spent: 0.00 USD, by list prices of May" in " ".join(text.split())
    assert "comes back" not in text
    assert "answers of" not in text


@pytest.mark.parametrize("columns", [80, 40])
def test_without_an_extra_request_the_race_tax_is_a_line(columns: int) -> None:
    """And with one policy there is nothing to compare."""
    text = drawn(BARE._replace(taxes=(RaceTax("one", 5, 8),)), columns)

    assert text.endswith("\nrace tax since 2027-01-14\n  no request was extra\n")


def test_the_last_alerts_are_shown() -> None:
    """Not hundreds of them; how many came before is said."""
    alarms = tuple(alarm(used=float(number)) for number in range(MOST_ALERTS + 3))
    text = drawn(BARE._replace(alarms=alarms))

    assert "\nalerts\n  and 3 before: --json has all\n" in text
    assert text.count("% used") == MOST_ALERTS
    assert f"used, {MOST_ALERTS + 2} of 100" in text


def test_what_is_used_up_is_red() -> None:
    """And what nearly is, yellow; a model's name does nothing to a terminal."""
    odd = Gauge(usage(model="odd\x1b[2Jname"), None, None)
    text = drawn(STATEMENT._replace(gauges=(*GAUGES, odd)), stdout=Terminal())

    assert "\x1b[31m200,000 tokens in any 24h" in text
    assert "\x1b[33m5 USD once" in text
    assert "\x1b[2J" not in text
    assert " oddname" in text


def test_calls_in_flight_are_not_used_up() -> None:
    """They end."""
    busy = Gauge(usage("calls", 1, per="flight", leased=1.0), None, None)

    assert "\x1b[31m" not in drawn(BARE._replace(gauges=(busy,)), stdout=Terminal())
