"""`racer batch`: thousands of prompts, each answered exactly once, at the pace that the limits allow."""

from __future__ import annotations

import asyncio
import gc
import os
import stat
import time
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from racer.cli import batch_order
from racer.cli.command import Command
from racer.cli.failure import DONE, INTERRUPTED, LOST, words_of
from racer.errors import BadRequest, BatchStopped, JobError, RacerError

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from typing import TextIO

    from racer.batch.line import Result
    from racer.batch.missing import Shortfall
    from racer.batch.plan import Forecast
    from racer.batch.progress import Progress
    from racer.cli.batch_order import Order
    from racer.cli.batch_summary import Tally
    from racer.cli.board import Board
    from racer.cli.shell import Shell
    from racer.config import Config

    Engine = Callable[[Order, Callable[[str], None]], AbstractAsyncContextManager["Batch"]]
    Planned = Callable[["Batch", Order, float], list[str]]

_DESCRIPTION = """\
Ask all prompts of a file, over everybody who is set up, and write the answers
to OUT as they come.

IN is text with a prompt on each line, JSON lines with "prompt" or "messages",
lines of OpenAI's batch files, or a table: CSV, or Parquet where pyarrow is
installed. OUT has a line for each of IN, as OpenAI's batches have, in the order
in which the answers came; custom_id says which is whose. What nobody could
answer has a line that says why.

Each line is answered once, whatever happens: after ctrl-C, a crash or a full
disk, the same command goes on where it stopped. Limits are kept: when all of
them are used up, it sleeps until the first is open again, and says until when.
ctrl-C finishes what is in flight; a second one ends at once."""

_EXAMPLES = """\
examples:
  racer batch prompts.txt answers.jsonl
  racer batch --plan prompts.jsonl           how long it will take; asks nobody
  racer batch --by "Tue 08:00" prompts.jsonl answers.jsonl
  racer batch --rate 60/min --only groq,mistral prompts.jsonl answers.jsonl
  racer batch --column review --system "Good or bad?" reviews.csv answers.jsonl
  racer batch --errors-only answers.jsonl    the lines that failed, once more
  cut -f2 table.tsv | racer batch - - | jq -r .response.body.choices[0].message.content

Exit codes: 0 every line is answered, 1 some failed or it stopped early, 2 usage
or configuration, 130 interrupted."""


class Batch(Protocol):
    """What the command asks of a batch that is open."""

    def __aiter__(self) -> AsyncIterator[Result]: ...
    def progress(self) -> Progress: ...
    def forecast(self) -> Forecast: ...
    def shortfall(self, by: float) -> Shortfall | None: ...
    def stop(self) -> None:
        """Begin no other line; what is in flight is finished, and the iteration ends."""
        ...

    @property
    def notice(self) -> str:
        """What is to be said of the files of the job. Empty: nothing."""
        ...

    @property
    def unknown_models(self) -> Mapping[str, int]:
        """Models that lines ask for and nobody has, and how many lines do."""
        ...


class Ended(NamedTuple):
    """How a run went. `progress` is None where nothing had begun; `interrupted`: by a signal, too early.

    `strangers`: models that lines asked for and nobody has.
    """

    progress: Progress | None
    strangers: Mapping[str, int]
    tally: Tally
    error: RacerError | None
    interrupted: bool


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    batch_order.describe(parser)


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from racer import config as configuration
    from racer.cli.ask import quiet

    order = batch_order.order_of(arguments, shell, time.time())
    _collect_seldom()
    _check_loop(order, shell)
    config = quiet(configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd))
    return performed(order, shell, partial(_opened, config, shell))


COMMAND = Command("batch", "many prompts from a file, each answered exactly once", describe, run)


@asynccontextmanager
async def _opened(
    config: Config, shell: Shell, order: Order, say: Callable[[str], None]
) -> AsyncGenerator[Batch]:
    from racer.api import Racer
    from racer.cli.asking import Troubles

    options = {
        "format": order.form,
        "column": order.column,
        "piped": getattr(shell.stdin, "buffer", None) if order.source == "-" else None,
        "system": order.system,
        "into": order.schema,
        "restart": order.restart or None,
        "accept_changes": order.accept_changes or None,
        "errors_only": order.errors_only or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    async with Racer(config, observers=[Troubles(say)]) as opened:
        racer: Any = opened
        async with racer.batch(_input(order), out=_out(order), **order.options, **given) as batch:
            yield batch


def _input(order: Order) -> Path:
    """Where it is not named, that of the job. Raises JobError, and BadRequest where that was a pipe."""
    from pathlib import Path

    from racer.batch.jobfile import Job

    if order.source is not None:
        return Path(order.source)
    assert order.out is not None, "it was looked at with the flags"
    source = Job.source_of(order.out)
    if source in ("", "-"):
        again = f"racer batch --errors-only IN {order.said_out}"
        raise BadRequest(f"the input of {order.said_out} was no file: give it again, as in {again}")
    return Path(source)


def _out(order: Order) -> Path | None:
    """A plan is made of what is left of a job that is there, and begins none."""
    if order.out is None or not order.plan:
        return order.out
    return order.out if order.out.exists() and not order.restart else None


def _collect_seldom() -> None:
    """Of thousands of prompts nothing is left that goes round in circles, and to look for it takes a tenth
    of the time. Modules, which stay to the end, need not be looked at at all.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _check_loop(order: Order, shell: Shell) -> None:
    """What is written must not be what is read. Raises BadRequest."""
    read = _status(shell.stdin) if order.source == "-" else _status(order.source)
    written = _status(shell.stdout) if order.on_stdout else _status(order.out)
    if read is not None and written is not None and os.path.samestat(read, written):
        where = "stdin" if order.source == "-" else str(order.source)
        raise BadRequest(f"{where}: the answers go into the file that is read; allowed: another file")


def _status(where: Path | TextIO | str | None) -> os.stat_result | None:
    """Of a regular file; None of all else."""
    with suppress(OSError, ValueError):
        if where is not None and not isinstance(where, str):
            found = where.stat() if isinstance(where, os.PathLike) else os.fstat(where.fileno())
            return found if stat.S_ISREG(found.st_mode) else None
    return None


def planned(batch: Batch, order: Order, now: float) -> list[str]:
    """How long it will take, and what is missing where that is too long: in words."""
    from datetime import datetime

    from racer.cli import plan_words as words

    progress = batch.progress()
    if progress.total is None:
        return []  # of a pipe nobody knows how much is to come
    if progress.total <= progress.done + progress.failed:
        return ["nothing is left to ask"]
    zone = datetime.fromtimestamp(now).astimezone().tzinfo
    assert zone is not None, "it was asked for"
    found = batch.forecast()
    told = [words.headline(found, zone)]
    if len(found.shares) > 1:
        told.append(f"  {words.shares(found)}")
    if slept := words.sleeps(found, zone):
        told.append(f"  {slept}")
    short = None if order.by is None else batch.shortfall(order.by)
    return told if short is None else [*told, *words.lacking(found, short, zone)]


# ---------------------------------------------------------------- the work


def performed(order: Order, shell: Shell, engine: Engine, plan: Planned = planned) -> int:
    """Run the batch that `engine` opens, tell how it goes, and give the exit code."""
    from racer.cli.batch_words import code_of

    try:
        ended = asyncio.run(work(order, shell, engine, plan))
    except JobError as error:
        shell.say(words_of(error))
        return code_of(error)
    return DONE if ended is None else finished(ended, order, shell)


async def work(order: Order, shell: Shell, engine: Engine, plan: Planned) -> Ended | None:
    """None where only a plan was asked for. Raises what keeps the batch from being opened."""
    from racer.cli.batch_brake import Brake
    from racer.cli.batch_progress import board_of
    from racer.cli.batch_summary import Tally

    silent = order.quiet or order.plan or (order.on_stdout and shell.one_screen)
    batch, tally, error = None, Tally(), None
    with Brake() as brake, closing(board_of(shell, time.time, silent=silent)) as board:
        try:
            async with engine(order, board.say) as batch:
                brake.eases(partial(_ease, batch, board))
                if order.plan:
                    _show_plan(plan(batch, order, time.time()), order, shell)
                    return None
                _announce(batch, order, board, plan)
                board.begin(batch.progress)
                await _drain(batch, order, shell, tally)
        except RacerError as caught:
            if batch is None:
                raise
            error = caught
        except asyncio.CancelledError:
            if not brake.cancelled:
                raise
            _go_on()
    if batch is None:
        return Ended(None, {}, tally, None, interrupted=True)
    progress = batch.progress()
    early = brake.pulled and not _is_whole(progress)
    return Ended(progress, batch.unknown_models, tally, error, interrupted=early)


def _go_on() -> None:
    """The brake has cancelled this task, which has yet to tell how things stand."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _is_whole(progress: Progress) -> bool:
    return progress.total is not None and progress.done + progress.failed >= progress.total


def _ease(batch: Batch, board: Board[Progress], patience: float | None) -> None:
    from racer.cli import batch_words as words

    batch.stop()
    board.say(f"racer: {words.stopping(batch.progress(), patience=patience)}")


def _show_plan(lines: list[str], order: Order, shell: Shell) -> None:
    from racer.cli.document import put_out

    if order.as_json:
        put_out(shell, {"plan": lines})
    else:
        shell.lay_out("\n".join(lines))


def _announce(batch: Batch, order: Order, board: Board[Progress], plan: Planned) -> None:
    from racer.cli.batch_words import UNKEPT

    if order.quiet:
        return
    if order.on_stdout:
        board.say(f"racer: {UNKEPT}")
    if batch.notice:
        board.say(f"racer: {batch.notice}")
    for line in plan(batch, order, time.time()):
        board.say(line)


async def _drain(batch: Batch, order: Order, shell: Shell, tally: Tally) -> None:
    if order.on_stdout:
        await _print(batch, order, shell, tally)
        return
    async for result in batch:
        tally.add(result)


async def _print(batch: Batch, order: Order, shell: Shell, tally: Tally) -> None:
    """Answers on stdout, as fast as they are read there. Raises BrokenPipeError, once nobody does."""
    from racer.batch.rows import DIGEST, row_of
    from racer.cli.answer import Page
    from racer.cli.batch_words import row_text

    parsed = order.schema is not None
    from racer.cli.reader import read_along

    with read_along(shell.stdout):
        async with Page(shell) as page:
            async for result in batch:
                tally.add(result)
                row, on_terminal = row_of(result, bytes(DIGEST), parsed=parsed), shell.stdout.isatty()
                text = row_text(row, on_terminal=on_terminal)
                if not shell.holds(text):
                    text = row_text(row, on_terminal=on_terminal, ascii_only=True)
                await page.add(text)


# ---------------------------------------------------------------- the end


def finished(ended: Ended, order: Order, shell: Shell) -> int:
    """Tell how it went, and what to do for the rest. Raises KeyboardInterrupt where nothing had begun."""
    from racer.cli import batch_summary
    from racer.cli.batch_progress import Silent
    from racer.cli.document import put_out

    if ended.progress is None:
        raise KeyboardInterrupt
    say = Silent(shell).say  # the terminal may have gone, and the exit code still counts
    if not order.quiet:
        for line in batch_summary.summary(ended.progress, ended.tally, order, ended.strangers):
            say(line)
    message = None if ended.error is None else str(ended.error)
    code = _told(ended, ended.progress, order, say)
    if order.as_json:
        early = ended.error is not None or batch_summary.left(ended.progress)
        ending = "interrupted" if ended.interrupted else "stopped" if early else "done"
        put_out(
            shell, batch_summary.document(ended.progress, ended.tally, order, ending=ending, message=message)
        )
    return code


def _told(ended: Ended, progress: Progress, order: Order, say: Callable[[str], None]) -> int:
    """The last line, where there is something to do, and the exit code."""
    from racer.cli import batch_summary
    from racer.cli import batch_words as words

    if ended.interrupted:
        if isinstance(ended.error, JobError):
            say(words_of(ended.error))
        say(f"racer: interrupted: {words.going_on(order)}")
        return INTERRUPTED
    if ended.error is not None:
        say(words_of(ended.error))
        if isinstance(ended.error, BatchStopped):
            say(f"racer: {words.going_on(order)}")
        return words.code_of(ended.error)
    if left := batch_summary.left(progress):
        say(f"racer: {words.not_asked(left) if order.errors_only else words.going_on(order)}")
    return LOST if left or progress.failed else DONE
