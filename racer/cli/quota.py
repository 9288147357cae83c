"""`racer quota reset` and `racer quota set`: what is counted as used, corrected by hand."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from racer.cli import flags
from racer.cli.command import Command
from racer.cli.failure import DONE, USAGE
from racer.errors import BadRequest

if TYPE_CHECKING:
    import argparse
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from racer.accounts.gauge import Gauge
    from racer.cli.naming import Choice
    from racer.cli.quota_words import Change
    from racer.cli.shell import Shell
    from racer.config import Config
    from racer.core.quota import Meter
    from racer.store.readings import Usage
    from racer.timepiece import Timepiece

_DESCRIPTION = """\
Corrects by hand what is counted as used of limits, and prints it before and
after. What a provider says of its limits corrects the counts by itself.

NAME is a provider, an account, one of these with a model behind a slash, or a
limit's own name (`meter` in `racer usage --json`).

It may be done while others race: they share the counts. What a running
process holds of a limit stays its own, and it may still use that."""

_EXAMPLES = """\
examples:
  racer quota reset groq
  racer quota reset groq:GROQ_API_KEY/openai/gpt-oss-20b
  racer quota set mistral 200000 --unit tokens --per month"""

_RESET = """\
Counts nothing as used, in the windows of now, of every limit that NAME means;
and forgets what the provider has told of these limits."""

_SET = """\
Counts USED as used, in the window of now, of the one limit that NAME means.
Where NAME means several, --unit and --per choose among them."""

_NAME_HELP = "a provider, an account, one of these/model, or a limit's own name"
_UNITS = ("requests", "tokens", "input_tokens", "output_tokens", "neurons", "usd")


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.set_defaults(used=None, unit=None, per=None, help_text=parser.format_help)
    verbs = parser.add_subparsers(title="what to do", metavar="reset|set", dest="verb")
    reset = verbs.add_parser("reset", help="nothing is used", description=_RESET, allow_abbrev=False)
    change = verbs.add_parser("set", help="so much is used", description=_SET, allow_abbrev=False)
    for each in (reset, change):
        each.add_argument("name", metavar="NAME", help=_NAME_HELP)
        flags.describe_config(each)
    change.add_argument("used", type=float, metavar="USED", help="how much is used: 0 up to the limit")
    change.add_argument("--unit", choices=_UNITS, help="of the limit that is meant")
    change.add_argument("--per", metavar="WINDOW", help='of the limit that is meant: day, month, once, "5h"')


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from racer import config as configuration
    from racer.accounts.ledger_file import file_of
    from racer.cli.naming import Choice
    from racer.timepiece import timepiece

    if not arguments.verb:
        shell.say(arguments.help_text())
        return USAGE
    config = configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd)
    path = file_of(config, shell.cwd)
    if path is None:
        raise BadRequest("nothing to correct: the database is in memory, and ends with each process")
    order = Order(Choice(arguments.name, arguments.unit, arguments.per), arguments.used)
    _show(carried_out(order, config, path, timepiece()), order, shell)
    return DONE


COMMAND = Command("quota", "correct by hand what is counted as used", describe, run)


def _show(changes: Sequence[Change], order: Order, shell: Shell) -> None:
    from racer.cli.console import publish
    from racer.cli.quota_words import page

    publish(shell, lambda _: page(changes, order.choice.name))


# ---------------------------------------------------------------- what is done


class Order(NamedTuple):
    """`used` is None for a reset."""

    choice: Choice
    used: float | None


def carried_out(order: Order, config: Config, path: Path, piece: Timepiece) -> Sequence[Change]:
    """What was changed, and how. Raises BadRequest before anything is written, and StoreError.

    The file is read first: one that is broken is told and not set aside, none is made for a wrong name.
    """
    from racer.accounts.ledger_file import read

    books = Books(config, piece)
    there = read(path, books.gauges, piece)
    targets = _targets(order, books.unused() if there is None else there)
    if there is None and order.used is None:
        return ()
    return asyncio.run(_written(path, partial(books.correct, order=order, targets=targets)))


def _targets(order: Order, gauges: Sequence[Gauge]) -> tuple[Gauge, ...]:
    from racer.cli.naming import chosen, named

    return named(gauges, order.choice.name) if order.used is None else (chosen(gauges, order.choice),)


async def _written(path: Path, work: Callable[[sqlite3.Connection], Sequence[Change]]) -> Sequence[Change]:
    from racer.store.database import Database

    database = Database(path)
    await database.open()
    try:
        return await database.run(work)
    finally:
        await database.aclose()


class Books:
    """The counts as this configuration reads them, and their correction."""

    def __init__(self, config: Config, piece: Timepiece) -> None:
        self._providers = config.providers
        self._piece = piece

    def unused(self) -> tuple[Gauge, ...]:
        """As long as there is no database."""
        return self._gauges_of((), self._piece.wall())

    def gauges(self, connection: sqlite3.Connection, now: float) -> tuple[Gauge, ...]:
        from racer.store import readings

        return self._gauges_of(readings.usage(connection, now), now)

    def _gauges_of(self, rows: Iterable[Usage], now: float) -> tuple[Gauge, ...]:
        from racer.accounts.gauge import gauges_of
        from racer.acquaintance import zone

        return gauges_of(self._providers, rows, zone, now)

    def correct(
        self, connection: sqlite3.Connection, *, order: Order, targets: Sequence[Gauge]
    ) -> Sequence[Change]:
        """In one transaction with the counts before and after: nobody comes in between."""
        from racer.accounts.ledger_file import now
        from racer.cli.quota_words import Change

        at = now(connection, self._piece)
        before = {gauge.row.meter: gauge for gauge in self.gauges(connection, at)}
        for target in targets:
            if order.used is None:
                _reset(connection, target, at)
            else:
                self._set(connection, before.get(target.row.meter, target), order.used, at)
        after = {gauge.row.meter: gauge for gauge in self.gauges(connection, at)}
        names = [target.row.meter for target in targets if target.row.meter in before]
        return [Change(before[name], after.get(name)) for name in names]

    def _set(self, connection: sqlite3.Connection, gauge: Gauge, used: float, at: float) -> None:
        from racer.cli.quota_words import refusal
        from racer.store.correction import set_used

        meter = self._meters().get(gauge.row.meter)
        if meter is None:
            raise BadRequest(f"{gauge.row.meter} is not in the configuration: only a reset is possible")
        try:
            set_used(connection, meter, used, at)
        except ValueError as error:
            raise BadRequest(refusal(gauge, used)) from error

    def _meters(self) -> dict[str, Meter]:
        from racer.acquaintance import zone
        from racer.core.field import field_of
        from racer.core.metering import meters_of

        lanes = field_of(self._providers, {}).lanes
        return {meter.name: meter for lane in lanes for meter in meters_of(lane, zone)}


def _reset(connection: sqlite3.Connection, gauge: Gauge, at: float) -> None:
    from racer.store.correction import reset

    with suppress(LookupError):  # configured, and never used: there is no row, and nothing to reset
        reset(connection, gauge.row.meter, at)
