"""`racer why`: the timeline of a race, lane by lane, and what would have helped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.cli import flags
from racer.cli.command import Command
from racer.cli.failure import DONE
from racer.errors import BadRequest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from pathlib import Path

    from racer.accounts.races import Unclear
    from racer.accounts.timeline import Timeline
    from racer.cli.bars import Glyphs
    from racer.cli.shell import Shell
    from racer.config import Config
    from racer.store.readings import Race
    from racer.timepiece import Timepiece

_DESCRIPTION = """\
How a race went, lane by lane: when each started and why, its first token, how it
ended and why; who was to start next, who never started or was left out, and why;
what extra lanes cost and saved; what a lost race lacked. "worth" is the seconds of
waiting that a request was worth: the more, the less is left of its limits.

Without RACE it is about the last one. RACE is the id, or the beginning of it:
`reply.race_id` in Python, race_id of `racer ask --json`. Races are kept for 30
days. Prompts and replies are not in it."""

_EXAMPLES = """\
examples:
  racer why
  racer why 3fa9
  racer why --json | jq '.attempts[] | select(.fate == "failed") | .reason'"""


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.add_argument(
        "race", nargs="?", metavar="RACE", help="its id, or the beginning; the last race without"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    flags.describe_config(parser)


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from datetime import datetime

    from racer import config as configuration
    from racer.cli.console import publish
    from racer.cli.document import put_out
    from racer.cli.why_table import Paper, why_page
    from racer.timepiece import timepiece

    config = configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd)
    piece = timepiece()
    timeline = _meant(arguments.race, config, shell, piece)
    if arguments.json:
        put_out(shell, timeline.to_dict())
        return DONE
    now, glyphs = datetime.fromtimestamp(piece.wall()).astimezone(), _glyphs(shell)
    publish(shell, lambda width: why_page(timeline, Paper(width, glyphs, now)))
    return DONE


COMMAND = Command("why", "the timeline of a race, and what would have helped", describe, run)


def _glyphs(shell: Shell) -> Glyphs | None:
    """Bars are for a terminal alone."""
    from racer.cli import bars
    from racer.cli.console import screen

    console = screen(shell.stdout, shell.environ)
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    return bars.ASCII if console.options.ascii_only else bars.RICH


# ---------------------------------------------------------------- what the database knows


def _meant(wanted: str | None, config: Config, shell: Shell, piece: Timepiece) -> Timeline:
    """Raises BadRequest where there is no such race, or more than one; ConfigError and StoreError."""
    from racer.accounts.ledger_file import file_of
    from racer.accounts.races import Unclear, explained

    found = explained(wanted, config, shell.cwd, piece)
    if found is None:
        raise BadRequest(_nothing(file_of(config, shell.cwd)))
    if isinstance(found, Unclear):
        raise BadRequest(_unclear(wanted, found))
    return found


def _nothing(path: Path | None) -> str:
    if path is None:
        return (
            "no race is recorded: the database is in memory, and ends with each process (RACER_DB, store.url)"
        )
    return f'no race is recorded yet in {path}: `racer ask "Say hi"` runs one'


def _unclear(wanted: str | None, found: Unclear) -> str:
    if found.several:
        return _listed(f"several races begin with {wanted!r}; add to it", found.several, found.now)
    return _listed(f"no race begins with {wanted!r}; the last ones", found.last, found.now)


def _listed(head: str, races: Iterable[Race], now: float) -> str:
    from datetime import datetime

    from racer.cli.why_table import told

    local = datetime.fromtimestamp(now).astimezone()
    return "\n".join([f"{head}:", *(f"  {told(race, local)}" for race in races)])
