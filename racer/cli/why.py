"""`racer why`: the timeline of a race, lane by lane, and what would have helped."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from racer.cli.command import Command
from racer.cli.failure import DONE
from racer.errors import BadRequest

if TYPE_CHECKING:
    import argparse
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from racer.cli.bars import Glyphs
    from racer.cli.shell import Shell
    from racer.cli.timeline import Timeline
    from racer.config import Config
    from racer.store.readings import Race, Story
    from racer.timepiece import Timepiece

SHOWN = 5

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
    parser.add_argument("--config", metavar="FILE", help="instead of ./racer.toml")


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from datetime import datetime

    from racer import config as configuration
    from racer.cli.console import publish
    from racer.cli.document import put_out
    from racer.cli.why_table import Paper, why_page
    from racer.timepiece import timepiece

    config = configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd)
    piece = timepiece()
    timeline = explained(arguments.race, config, shell, piece)
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


class Found(NamedTuple):
    """A race with its lanes. `now` in unix seconds."""

    now: float
    story: Story


def explained(wanted: str | None, config: Config, shell: Shell, piece: Timepiece) -> Timeline:
    """Raises BadRequest where there is no such race, or more than one; ConfigError and StoreError."""
    from racer.cli.ledger_file import file_of, read
    from racer.cli.timeline import timeline_of

    path = file_of(config, shell)
    found = read(path, partial(looked_up, wanted=wanted), piece)
    if found is None:
        raise BadRequest(_nothing(path))
    return timeline_of(found.story, config.providers, found.now)


def looked_up(connection: sqlite3.Connection, now: float, *, wanted: str | None) -> Found | None:
    """None where no race is recorded at all. Raises BadRequest for one that is not there."""
    from racer.store import readings

    story = readings.race(connection, wanted)
    if story is not None:
        return Found(now, story)
    last = readings.races(connection, SHOWN)
    if not last or wanted is None:
        return None
    stories = [readings.race(connection, id_) for id_ in readings.race_ids(connection, wanted)]
    several = [story.race for story in stories if story is not None]
    if several:
        raise BadRequest(_listed(f"several races begin with {wanted!r}; add to it", several, now))
    raise BadRequest(_listed(f"no race begins with {wanted!r}; the last ones", last, now))


def _nothing(path: Path | None) -> str:
    if path is None:
        return (
            "no race is recorded: the database is in memory, and ends with each process (RACER_DB, store.url)"
        )
    return f'no race is recorded yet in {path}: `racer ask "Say hi"` runs one'


def _listed(head: str, races: Iterable[Race], now: float) -> str:
    from datetime import datetime

    from racer.cli.why_table import told

    local = datetime.fromtimestamp(now).astimezone()
    return "\n".join([f"{head}:", *(f"  {told(race, local)}" for race in races)])
