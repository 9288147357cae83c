"""`racer usage`: what is used, left and when there is more; how long it lasts; what it would have cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.accounts.inquiry import SINCE, Inquiry
from racer.cli import flags
from racer.cli.command import Command
from racer.cli.failure import DONE

if TYPE_CHECKING:
    import argparse
    from datetime import datetime
    from pathlib import Path

    from racer.accounts.statement import Statement
    from racer.cli.shell import Shell

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
    flags.describe_config(parser)


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from datetime import datetime

    from racer import config as configuration
    from racer.accounts.reckoning import stated
    from racer.cli import export
    from racer.cli.document import put_out
    from racer.timepiece import timepiece

    target: Path | None = None if arguments.export is None else shell.cwd / arguments.export
    if target is not None:
        export.check(target)
    inquiry = Inquiry(
        arguments.since,
        forecast=arguments.forecast,
        tokens_per_day=arguments.tokens_per_day,
        saved=arguments.saved,
    )
    config = configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd)
    statement = stated(inquiry, config, shell.cwd, timepiece())
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
