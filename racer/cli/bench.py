"""`racer bench`: which lane answers how fast, and whether racing is worth what it costs."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from racer.cli import bench_order
from racer.cli.command import Command
from racer.cli.failure import DONE, INTERRUPTED, LOST
from racer.core.printable import one_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from racer.bench.bench import Bench, Progress
    from racer.bench.opening import Opening
    from racer.bench.prompts import Question
    from racer.bench.report import Report
    from racer.cli.bench_files import Folder
    from racer.cli.bench_order import Order
    from racer.cli.board import Board
    from racer.cli.shell import Shell
    from racer.config import Config

_DESCRIPTION = """\
Ask every lane that is set up the same prompts, round by round, and have the
policies race beside them: how fast each answers, how sure that is, what the
races gain and what they cost.

Before it begins it says how many requests it will send, and it sends no more.
Limits are kept: one of a minute is waited for; where a longer one may be
used up, it says what would fit, and sends nothing. On a terminal it asks before
it sends to anybody who counts requests.

The table goes to stdout; report.json and report.html, with plots, into a folder.
ctrl-C stops it and keeps what there is; a second one ends at once.

With --replay nobody is asked: from your own recorded races it reckons how
policies would have done."""

_EXAMPLES = """\
examples:
  racer bench
  racer bench --dry-run                   what it would send
  racer bench --rounds 60 --only groq,mistral
  racer bench --budget 30 --out reports/monday
  racer bench --prompts questions.txt --policies none
  racer bench --json --yes | jq '.rows[] | {name, p50: .latency.p50.value}'
  racer bench --replay --since 7d

Exit codes: 0 done, 1 nobody answered or a report could not be written, 2 usage or
configuration, 130 interrupted: the reports say then that they are partial."""


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    bench_order.describe(parser)


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    if arguments.replay:
        from racer.cli.bench_replay import run as replayed

        return replayed(arguments, shell)
    from racer import config as configuration
    from racer.cli.ask import quiet

    order = bench_order.order_of(arguments, shell, time.time())
    config = quiet(configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd))
    return performed(order, config, shell)


COMMAND = Command("bench", "which lane answers how fast, and what a race gains", describe, run)


def performed(order: Order, config: Config, shell: Shell) -> int:
    """Plan, say what it will send, ask, measure, tell."""
    from dataclasses import replace

    from racer.bench.bench import PATIENCE
    from racer.bench.opening import opening_of
    from racer.cli.bench_files import Folder
    from racer.cli.bench_words import announcement

    questions = _questions(order, shell)
    terms = replace(order.terms, prompts=len(questions))
    opening = asyncio.run(opening_of(config, terms, questions, order.wishes, PATIENCE))
    for line in announcement(opening, dry=order.dry_run):
        shell.say(line)
    if order.dry_run:
        return DONE
    folder = Folder(order.out)
    folder.probe()
    if not _may_begin(opening, order, shell):
        shell.say("racer: nothing was sent")
        return DONE
    bench = asyncio.run(work(order, config, opening, questions, shell))
    if bench is None:
        raise KeyboardInterrupt
    return finished(bench.report(), order, folder, shell)


def _questions(order: Order, shell: Shell) -> tuple[Question, ...]:
    from racer.bench.prompts import BUILT_IN, limited, questions_in

    if order.prompts is None:
        return limited(BUILT_IN, order.max_tokens)
    stdin = getattr(shell.stdin, "buffer", None) if order.prompts == "-" else None
    path = "-" if order.prompts == "-" else shell.cwd / order.prompts
    return limited(questions_in(path, stdin=stdin), order.max_tokens)


def _may_begin(opening: Opening, order: Order, shell: Shell) -> bool:
    """On a terminal somebody is asked, where what is sent is counted by others."""
    somebody = shell.stdin.isatty() and shell.on_terminal and order.prompts != "-"
    if order.yes or not opening.is_metered or not somebody:
        return True
    shell.stderr.write("begin? [Y/n] ")
    shell.stderr.flush()
    said = shell.stdin.readline()
    return said.strip().lower() in ("", "y", "yes") and said != ""


# ---------------------------------------------------------------- the work


async def work(
    order: Order, config: Config, opening: Opening, questions: tuple[Question, ...], shell: Shell
) -> Bench | None:
    """The bench as it stands at its end; None where it was ended at once."""
    from racer.bench.bench import opened
    from racer.cli.asking import Troubles
    from racer.cli.batch_brake import Brake
    from racer.cli.bench_progress import board_of

    bench = None
    with Brake() as brake, closing(board_of(shell)) as board:
        try:
            async with opened(
                config, opening.contest, opening.lanes, questions,
                observers=[Troubles(board.say)], deadline=order.deadline, notes=opening.notes,
            ) as bench:  # fmt: skip
                brake.eases(partial(_ease, bench, board))
                board.begin(bench.progress)
                await bench.go()
        except asyncio.CancelledError:
            if not brake.cancelled:
                raise
            bench = None
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
    return bench


def _ease(bench: Bench, board: Board[Progress], patience: float | None) -> None:
    bench.stop("interrupted")
    board.say("racer: stopping; the report will say that it is partial")


# ---------------------------------------------------------------- the end


def finished(report: Report, order: Order, folder: Folder, shell: Shell) -> int:
    """Show the table, write the reports, and give the exit code.

    What was measured is not to be had again: where the one cannot be done, the other is. Raises RacerError
    for reports that could not be written.
    """
    from racer.bench.page import page

    document = report.to_dict()
    try:
        _show(report, document, order, shell)
    finally:
        folder.write(document, page(document))
    if not order.as_json:
        shell.lay_out("\n".join(("", *map(one_line, folder.files))))
    if not report.complete:
        return INTERRUPTED
    return DONE if any(row.answered for row in report.rows) else LOST


def _show(report: Report, document: Mapping[str, Any], order: Order, shell: Shell) -> None:
    from racer.cli.bench_table import table
    from racer.cli.console import publish
    from racer.cli.document import put_out

    if order.as_json:
        put_out(shell, document)
    else:
        publish(shell, lambda width: table(report, width=width))
    if not report.complete:
        with suppress(OSError):
            shell.say(f"racer: {report.stopped}: {report.rounds_done} of {report.rounds} rounds were done")
