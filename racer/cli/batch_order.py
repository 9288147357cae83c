"""What `racer batch` was told to do: its flags, and the order that they make."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from racer.cli import flags
from racer.errors import BadRequest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from racer.cli.shell import Shell

FORMATS = ("text", "prompts", "requests", "table")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST = 366 * 86_400.0
_MOMENT = re.compile(r"(?:(\d{4}-\d{2}-\d{2})[ T]|([a-z]{3,9}) )?(\d{1,2}:\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Order:
    """One batch as it was ordered.

    `source`: a file, "-" for stdin, None for the input that the job at `out` names. `out`: None for stdout,
    and for a plan that nobody gave a file to. `said_out`: OUT as it was typed. `by`: when it should be done,
    in unix seconds. `options`: those of `Racer.batch` that were given, but for those with a name here.
    """

    source: Path | Literal["-"] | None
    out: Path | None
    said_out: str
    by: float | None = None
    form: str | None = None
    column: str | None = None
    system: str | None = None
    schema: dict[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    restart: bool = False
    errors_only: bool = False
    accept_changes: bool = False
    plan: bool = False
    as_json: bool = False
    quiet: bool = False

    @property
    def on_stdout(self) -> bool:
        """Do the answers go to stdout?"""
        return self.out is None and not self.plan


# ---------------------------------------------------------------- flags


def describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", nargs="?", metavar="IN", help="the prompts; -: stdin")
    parser.add_argument("output", nargs="?", metavar="OUT", help="the answers; -: stdout, and no job")
    flags.refuse_keys(parser)
    _describe_job(parser)
    _describe_pace(parser)
    _describe_input(parser)
    _describe_call(parser)
    _describe_output(parser)


def _describe_job(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the job")
    either = group.add_mutually_exclusive_group()
    either.add_argument("--resume", action="store_true", help="go on where it stopped (so it does by itself)")
    either.add_argument(
        "--restart", action="store_true", help="begin anew; the old OUT is kept aside as OUT.old-1"
    )
    either.add_argument(
        "--errors-only", action="store_true", help="ask the lines again that failed; OUT alone is needed"
    )
    group.add_argument(
        "--accept-changes", action="store_true", help="go on although the input or the options have changed"
    )
    group.add_argument(
        "--attempts", type=int, metavar="N", help="requests for a line before it has failed (5)"
    )
    group.add_argument("--max-errors", type=int, metavar="N", help="stop when more lines have failed")
    group.add_argument("--deadline", metavar="TIME", help="for the whole run, such as 8h or 90s")
    group.add_argument("--plan", action="store_true", help="say how long it will take, and ask nobody")
    group.add_argument(
        "--by", metavar="TIME", help="say what is missing to be done by 18:00, 'Tue 03:10' or +8h"
    )


def _describe_pace(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("pace, and who answers")
    group.add_argument("--concurrency", type=int, metavar="N", help="how many prompts at once, at most (64)")
    group.add_argument(
        "--rate", metavar="N/s", help="how many to begin at most: 10/s, 600/min; a bare N: a minute"
    )
    group.add_argument("--lanes", type=int, metavar="N", help="how many may run for one prompt")
    group.add_argument(
        "--policy",
        metavar="frugal|all|one",
        help="frugal: one request a prompt, more only for what is late at the end; all: the best lanes race; "
        "one: one after another (frugal)",
    )
    flags.describe_wishes(group)
    flags.describe_config(group)


def _describe_input(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the input")
    group.add_argument("--format", choices=FORMATS, help="where it is not told by the first line of IN")
    group.add_argument("--column", metavar="NAME", help="of a table: where the prompts are (prompt)")


def _describe_call(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("every question")
    flags.describe_call(group)
    group.add_argument("--schema", metavar="FILE", help="a JSON schema that every answer has to fit")
    group.add_argument(
        "--cache", metavar="AGE", help="take answers from the cache up to this age: 24h, or off"
    )


def _describe_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is told")
    group.add_argument("--json", action="store_true", help="at the end, the summary as one JSON document")
    group.add_argument("--quiet", action="store_true", help="errors alone: no plan, no progress, no summary")


# ---------------------------------------------------------------- the order


def order_of(arguments: argparse.Namespace, shell: Shell, now: float) -> Order:
    """Raises BadRequest for what does not go together, or is no time, or no schema."""
    from racer.cli.schema_file import schema_in

    source, out = _places(arguments)
    _agree(arguments, source, out)
    return Order(
        source="-" if source == "-" else None if source is None else shell.cwd / source,
        out=None if out in (None, "-") else shell.cwd / out,
        said_out=out or "",
        by=None if arguments.by is None else moment(arguments.by, now),
        form=arguments.format,
        column=arguments.column,
        system=arguments.system,
        schema=None if arguments.schema is None else schema_in(arguments.schema, shell.cwd),
        options=_options(arguments),
        restart=arguments.restart,
        errors_only=arguments.errors_only,
        accept_changes=arguments.accept_changes,
        plan=arguments.plan,
        as_json=arguments.json,
        quiet=arguments.quiet,
    )


def _places(arguments: argparse.Namespace) -> tuple[str | None, str | None]:
    """IN and OUT. A single name is OUT where the lines that failed are asked again."""
    first, second = arguments.input, arguments.output
    if arguments.errors_only and second is None:
        first, second = None, first
    return first, second


def _agree(arguments: argparse.Namespace, source: str | None, out: str | None) -> None:
    if arguments.errors_only and out in (None, "-"):
        raise BadRequest("--errors-only: say which OUT, as in racer batch --errors-only out.jsonl")
    if source is None and not arguments.errors_only:
        raise BadRequest("nothing to ask: type racer batch IN OUT, as in racer batch prompts.txt out.jsonl")
    if out is None and not arguments.plan:
        raise BadRequest(f"no place for the answers: type racer batch {source} OUT; - is stdout")
    if arguments.plan and source == "-":
        raise BadRequest("--plan: nobody knows how much will come from stdin; allowed: a file")
    if arguments.plan and arguments.errors_only:
        raise BadRequest("--plan is about all lines that are left; allowed: --plan or --errors-only")
    if out == "-" and (arguments.json or arguments.restart or arguments.accept_changes):
        flag = "--json" if arguments.json else "--restart" if arguments.restart else "--accept-changes"
        raise BadRequest(f"{flag}: OUT is stdout, which takes the answers alone; allowed: a file as OUT")


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was said on the command line; what was not is left to the batch and to racer.toml."""
    more = {
        "concurrency": arguments.concurrency,
        "attempts": arguments.attempts,
        "max_errors": arguments.max_errors,
        "rate": arguments.rate,
        "deadline": None if arguments.deadline is None else duration(arguments.deadline, "--deadline"),
        "cache": False if arguments.cache in ("off", "no", "0") else arguments.cache,
    }
    return {
        **flags.options_of(arguments),
        **{name: value for name, value in more.items() if value is not None},
    }


def duration(text: str, flag: str) -> float:
    """ "8h", "1h30m", or a number of seconds. Raises BadRequest."""
    from racer.core.duration import seconds

    bare = re.fullmatch(r"\d{1,9}(?:\.\d{1,6})?", text, re.ASCII)
    value = float(text) if bare else seconds(text) or 0.0
    if not 0 < value <= LONGEST:
        raise BadRequest(f"{flag}: found {text!r}; allowed: a time up to a year, such as 8h, 1h30m or 90s")
    return value


def moment(text: str, now: float) -> float:
    """The instant that --by names, by the clock on the wall: the next one of its kind. Raises BadRequest."""
    text = text.strip()
    if text.startswith("+"):
        return now + duration(text[1:], "--by")
    try:
        at = _on_the_wall(text, datetime.fromtimestamp(now))
    except ValueError:  # an hour or a day that there is none of
        at = None
    if at is None:
        allowed = "18:00, 'Tue 03:10', '2026-11-24 03:10' or +8h"
        raise BadRequest(f"--by: found {text!r}; allowed: a time such as {allowed}")
    instant = at.timestamp()
    if not now < instant < now + LONGEST:
        raise BadRequest(f"--by: found {text!r}; allowed: a time that is to come, within a year")
    return instant


def _on_the_wall(text: str, now: datetime) -> datetime | None:
    found = _MOMENT.fullmatch(text.lower().replace("t", " ") if text[:1].isdigit() else text.lower())
    if found is None:
        return None
    date, day, clock = found.groups()
    time = datetime.strptime(clock, "%H:%M").time()
    if date:
        return datetime.combine(datetime.fromisoformat(date), time)
    today = datetime.combine(now, time)
    if day is None:
        return today if today > now else today + timedelta(days=1)
    if day in ("today", "tomorrow"):
        return today + timedelta(days=int(day == "tomorrow"))
    if day[:3] not in DAYS:
        return None
    ahead = timedelta(days=(DAYS.index(day[:3]) - now.weekday()) % 7)
    return today + ahead if today + ahead > now else today + timedelta(days=7)
