"""`racer bench --replay`: what each policy would have given on the races that were recorded here."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from racer.cli.failure import DONE
from racer.errors import BadRequest, RacerError

if TYPE_CHECKING:
    import argparse
    import sqlite3
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from racer.bench.hindsight import Hindsight
    from racer.bench.trace import Trace
    from racer.cli.bench_files import Folder
    from racer.cli.shell import Shell
    from racer.config import Config
    from racer.timepiece import Timepiece

RACES = 2000
MOST_RACES = 1_000_000
FEWEST = 20
FRAME = 20  # races from one picture of the progress to the next
_OF_THE_BENCH = ("prompts", "only", "exclude", "budget", "max_tokens", "no_warm_up", "dry_run")


class Order(NamedTuple):
    """What was asked for. `since` as it was written; None: as far back as races are kept."""

    policies: tuple[str, ...]
    since: str | None
    races: int
    seed: int


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    """Raises BadRequest, ConfigError and StoreError; RacerError where there is nothing to replay."""
    from racer import config as configuration
    from racer.cli.bench_files import Folder
    from racer.timepiece import timepiece

    order = order_of(arguments)
    config = configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd)
    piece = timepiece()
    trace = traced(order, config, shell.cwd, piece)
    folder = None if arguments.out is None else Folder(shell.cwd / arguments.out)
    if folder is not None:
        folder.probe()
    found = replay(trace, order, config, piece.wall(), shell)
    try:
        _show(found, shell, as_json=arguments.json)
    finally:
        if folder is not None:
            _write(found.to_dict(), folder)
    if folder is not None:
        shell.say(f"wrote report.json and report.html into {arguments.out}")
    return DONE


def _write(document: Mapping[str, Any], folder: Folder) -> None:
    """Raises RacerError."""
    from racer.bench.page import page

    folder.write(document, page(document))


def _show(found: Hindsight, shell: Shell, *, as_json: bool) -> None:
    from racer.cli.bench_replay_table import replay_page
    from racer.cli.console import publish
    from racer.cli.document import put_out

    if as_json:
        put_out(shell, found.to_dict())
    else:
        publish(shell, lambda width: replay_page(found, width=width))


# ---------------------------------------------------------------- what is asked


def order_of(arguments: argparse.Namespace) -> Order:
    """Raises BadRequest for what nobody can do."""
    from racer.cli.bench_order import policies_of

    for name in _OF_THE_BENCH:
        if getattr(arguments, name, None) not in (None, False):
            raise BadRequest(f"--{name.replace('_', '-')} is about what is sent: --replay sends nothing")
    races = RACES if arguments.races is None else arguments.races
    if not 1 <= races <= MOST_RACES:
        raise BadRequest(f"--races is {races}: use a whole number from 1 to {MOST_RACES:,}")
    policies = policies_of(arguments.policies)
    if not policies:
        raise BadRequest("--policies names nobody to replay: use some of all, frugal, one")
    return Order(policies, arguments.since, races, arguments.seed or 0)


# ---------------------------------------------------------------- what was recorded


def traced(order: Order, config: Config, folder: Path, piece: Timepiece) -> Trace:
    """Raises RacerError where too little is recorded, BadRequest for a time that has not begun."""
    from racer.accounts.inquiry import beginning
    from racer.accounts.ledger_file import file_of, read

    path = file_of(config, folder)
    if order.since is not None:
        beginning(order.since, piece.wall())
    trace = read(path, partial(_recorded, order=order), piece)
    if trace is None or not (trace.races or trace.passed_over or trace.left_out):
        raise RacerError(_nothing(path, order.since))
    if not trace.lanes:
        raise RacerError(_thin("no lane was asked often enough", trace))
    if len(trace.races) < FEWEST:
        count = f"{len(trace.races)} race{'' if len(trace.races) == 1 else 's'}"
        raise RacerError(_thin(f"{count} can be replayed, and it takes {FEWEST} to say anything", trace))
    return trace


def _recorded(connection: sqlite3.Connection, now: float, *, order: Order) -> Trace:
    from racer.accounts.inquiry import beginning
    from racer.bench.trace import recorded

    since = 0.0 if order.since is None else beginning(order.since, now)
    return recorded(connection, since, order.races)


def _nothing(path: Path | None, since: str | None) -> str:
    if path is None:
        return (
            "no race is recorded: the database is in memory, and ends with each process (RACER_DB, store.url)"
        )
    if since is not None and path.exists():
        return f"no race is recorded since {since} in {path}: leave --since out for all that are kept"
    return f"no race is recorded yet in {path}: races of `racer ask`, of batches and of your programs are"


def _thin(what: str, trace: Trace) -> str:
    """With what was passed over, and what would help."""
    passed = [f"{times} passed over: {reason}" for reason, times in trace.passed_over.items()]
    lanes = [f"{lane}: {reason}" for lane, reason in trace.left_out]
    lines = [f"  {each}" for each in (*passed, *lanes)]
    return "\n".join((f"{what}: go on racing, or reach further back with --since and --races", *lines))


# ---------------------------------------------------------------- the replay


def replay(trace: Trace, order: Order, config: Config, began: float, shell: Shell) -> Hindsight:
    from racer.bench.hindsight import AS_IT_WAS, hindsight_of
    from racer.bench.replay import as_it_was, replayed
    from racer.bench.replay_lanes import cast_of

    cast = cast_of(trace, config.providers)
    with _progress(shell, order, len(trace.races)) as told:
        results = replayed(trace, order.policies, config, order.seed, told)
    everything = {AS_IT_WAS: as_it_was(trace, cast.local), **results}
    return hindsight_of(trace, everything, cast.gone, began=began, seed=order.seed)


@contextmanager
def _progress(shell: Shell, order: Order, races: int) -> Generator[Callable[[str, int], None]]:
    """A line on stderr that is written anew, for somebody at a terminal alone."""

    def told(policy: str, done: int) -> None:
        if shell.moves_cursor and (done % FRAME == 0 or done == races):
            place = order.policies.index(policy) * races + done
            share = place / (len(order.policies) * races)
            with suppress(OSError):
                shell.stderr.write(f"\r\x1b[Kreplaying {policy}: {done:,} of {races:,} races ({share:.0%})")
                shell.stderr.flush()

    try:
        yield told
    finally:
        if shell.moves_cursor:
            with suppress(OSError):
                shell.stderr.write("\r\x1b[K")
                shell.stderr.flush()
