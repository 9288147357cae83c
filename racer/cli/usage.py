"""`racer usage`: what is used, left and when there is more; how long it lasts; what it would have cost."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from racer.cli.command import Command
from racer.cli.failure import DONE
from racer.errors import BadRequest

if TYPE_CHECKING:
    import argparse
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from racer.cli.outlook import Outlook
    from racer.cli.shell import Shell
    from racer.cli.statement import Statement
    from racer.config import Config
    from racer.core.savings import Savings
    from racer.store.readings import Alarm, Day, Taxed, Usage
    from racer.timepiece import Timepiece

SINCE = "7d"
LOOK_BACK = 90 * 86_400.0  # for days with use, from which the rate is taken

_DESCRIPTION = """\
What is used and left of every limit of the accounts that are set up, and when
there is more; what was refused although there seemed to be room; alerts; what
racing has cost in extra requests, and the time that it has saved.

--forecast tells how long it lasts: at the rate of the last 7 days with use, or
at --tokens-per-day for each account alone; and for all accounts together that
give something for nothing. In brackets: the busiest and the quietest day.

--saved tells what answers that cost nothing would have cost by list prices.

Nobody is called, and nothing is written but the file of --export."""

_EXAMPLES = """\
examples:
  racer usage
  racer usage --forecast
  racer usage --forecast --tokens-per-day 200000
  racer usage --saved --since 2026-11-01
  racer usage --export usage.csv        or .json, or .md
  racer usage --json | jq '.limits[] | select(.left == 0) | .account'"""


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.add_argument("--forecast", action="store_true", help="how long what is left will last")
    parser.add_argument(
        "--tokens-per-day", type=float, metavar="N", help="forecast for this many tokens a day, in and out"
    )
    parser.add_argument("--saved", action="store_true", help="what it would have cost by list prices")
    parser.add_argument(
        "--since",
        default=SINCE,
        metavar="WHEN",
        help=f"for sums, race tax, alerts and --saved: 24h, 7d, or a date ({SINCE})",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--export", metavar="FILE", help="write a file instead: .json, .csv or .md")
    parser.add_argument("--config", metavar="FILE", help="instead of ./racer.toml")


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from datetime import datetime

    from racer import config as configuration
    from racer.cli import export
    from racer.cli.document import put_out
    from racer.timepiece import timepiece

    target: Path | None = None if arguments.export is None else shell.cwd / arguments.export
    if target is not None:
        export.check(target)
    check_rate(arguments.tokens_per_day)
    config = configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd)
    statement = stated(arguments, config, shell, timepiece())
    now = datetime.fromtimestamp(statement.now).astimezone()
    if target is not None:
        export.export(target, statement, now)
        shell.say(f"wrote {arguments.export}")
    if arguments.json:
        put_out(shell, statement.to_dict())
    elif target is None:
        _show(statement, now, shell)
    return DONE


COMMAND = Command("usage", "what is used and left, how long it lasts, what it saved", describe, run)


def _show(statement: Statement, now: datetime, shell: Shell) -> None:
    from racer.cli.console import publish
    from racer.cli.usage_table import usage_page

    publish(shell, lambda width: usage_page(statement, width=width, now=now))


# ---------------------------------------------------------------- what is asked


def check_rate(tokens: float | None) -> None:
    """Raises BadRequest for what nobody can use in a day."""
    if tokens is not None and not 0 < tokens <= 1e15:
        raise BadRequest(f"--tokens-per-day: found {tokens:g}; allowed: a number above 0, such as 200000")


def beginning(text: str, now: float) -> float:
    """The instant that --since names. A date begins in UTC, as the sums of a day do. Raises BadRequest."""
    from datetime import UTC, datetime

    from racer.core.duration import seconds

    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            begins = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        else:
            begins = max(0.0, now - (seconds(text) or 0.0))
    except ValueError:  # a day that no month has
        begins = now
    if not 0 <= begins < now:
        allowed = "a time such as 24h or 7d, or a date that has begun"
        raise BadRequest(f"--since: found {text!r}; allowed: {allowed}")
    return begins


# ---------------------------------------------------------------- what there is


class Stored(NamedTuple):
    """What the database says, by its own clock; empty where there is none."""

    now: float
    usage: Sequence[Usage] = ()
    days: Sequence[Day] = ()
    alarms: Sequence[Alarm] = ()
    taxed: Sequence[Taxed] = ()


def stored(connection: sqlite3.Connection, now: float, *, since: str) -> Stored:
    from racer.store import readings

    begins = beginning(since, now)
    days = readings.days(connection, max(0.0, min(begins, now - LOOK_BACK)))
    alarms, taxed = readings.alerts(connection, begins), readings.taxed(connection, begins)
    return Stored(now, readings.usage(connection, now), days, alarms, taxed)


def stated(arguments: argparse.Namespace, config: Config, shell: Shell, piece: Timepiece) -> Statement:
    """Everything that was asked for. Raises BadRequest, ConfigError and StoreError."""
    from racer.acquaintance import zone
    from racer.cli.gauge import gauges_of
    from racer.cli.ledger_file import file_of, read
    from racer.cli.statement import Statement, taxes_of, totals_of

    path = file_of(config, shell)
    found = read(path, partial(stored, since=arguments.since), piece)
    told = Stored(piece.wall()) if found is None else found
    since = beginning(arguments.since, told.now)
    days = [row for row in told.days if row.day >= _day(since)]
    gauges = gauges_of(config.providers, told.usage, zone, told.now)
    statement = Statement(
        told.now,
        since,
        "" if found is None else str(path),
        gauges,
        totals_of(days),
        tuple(told.alarms),
        taxes=taxes_of(told.taxed),
    )
    if arguments.forecast or arguments.tokens_per_day is not None:
        statement = statement._replace(outlook=_outlook(config, statement, told, arguments.tokens_per_day))
    if arguments.saved:
        statement = statement._replace(savings=_savings(config, days), priced=_priced())
    return statement


def _outlook(config: Config, statement: Statement, told: Stored, tokens: float | None) -> Outlook:
    from racer.cli.outlook import outlook_of

    return outlook_of(
        config.providers, statement.gauges, told.days, now=told.now, today=_day(told.now), tokens=tokens
    )


def _day(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _savings(config: Config, days: Sequence[Day]) -> Savings:
    from racer.core.savings import savings_of

    return savings_of(days, config.providers)


def _priced() -> str:
    """When the prices of the catalogue were read."""
    from importlib.resources import files

    from racer.config.files import toml

    text = files("racer_adapters").joinpath("providers.toml").read_text("utf-8")
    priced: str = toml(text, "the built-in catalogue")["priced"]
    return priced
