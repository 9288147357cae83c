"""What `racer bench` was told to do: its flags, and the order that they make."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from racer.cli import flags
from racer.errors import BadRequest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from racer.bench.contest import Terms
    from racer.cli.shell import Shell
    from racer.core.rank import Wishes

POLICIES, NONE = ("all", "frugal", "one"), "none"
MOST_ROUNDS = 100_000
MOST_LANES = 64
DEADLINE = 60.0
_WARM_UP = "without the call to each lane before the first round"


@dataclass(frozen=True, slots=True)
class Order:
    """`terms` know nothing yet of the prompts. `prompts`: a file, "-" for stdin, None for our own."""

    terms: Terms
    wishes: Wishes
    prompts: str | None
    max_tokens: int | None
    deadline: float
    out: Path
    yes: bool = False
    dry_run: bool = False
    as_json: bool = False


def describe(parser: argparse.ArgumentParser) -> None:
    flags.refuse_keys(parser)
    _describe_contest(parser)
    _describe_spending(parser)
    _describe_output(parser)
    _describe_replay(parser)


def _describe_contest(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is compared")
    group.add_argument(
        "--rounds", type=int, default=20, metavar="N", help="how often each lane is asked (20)"
    )
    group.add_argument(
        "--prompts", metavar="FILE", help="a prompt a line, or JSON lines; -: stdin; without it, our own"
    )
    flags.describe_lanes(group)
    group.add_argument(
        "--policies",
        nargs="+",
        metavar="POLICY",
        help="which race beside the lanes: all, frugal, one (all three); none: lanes alone",
    )
    group.add_argument("--lanes", type=int, default=4, metavar="N", help="how many may run in a race (4)")
    group.add_argument(
        "--max-tokens", type=int, metavar="N", help="the longest answer (512, for our own prompts)"
    )
    group.add_argument(
        "--deadline", type=float, default=DEADLINE, metavar="SECONDS", help=f"for each answer ({DEADLINE:g})"
    )
    group.add_argument("--seed", type=int, metavar="N", help="of the order in which lanes are asked")
    flags.describe_config(group)


def _describe_spending(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what it costs")
    group.add_argument("--budget", type=int, metavar="N", help="requests for each provider, at most")
    group.add_argument("--no-warm-up", action="store_true", help=_WARM_UP)
    group.add_argument("--dry-run", action="store_true", help="say what it would send, and send nothing")
    group.add_argument("--yes", action="store_true", help="begin without asking")


def _describe_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is told")
    group.add_argument(
        "--out", metavar="DIR", help="for report.json and report.html (bench- with the date and time)"
    )
    group.add_argument("--json", action="store_true", help="report.json on stdout in place of the table")


def _describe_replay(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("from what was recorded")
    group.add_argument(
        "--replay", action="store_true", help="ask nobody: how policies would have done on your own races"
    )
    group.add_argument("--since", metavar="WHEN", help="with --replay: only races since then, such as 7d")
    group.add_argument("--races", type=int, metavar="N", help="with --replay: the last N of them at most")


# ---------------------------------------------------------------- the order


def order_of(arguments: argparse.Namespace, shell: Shell, now: float) -> Order:
    """Raises BadRequest for what nobody can do."""
    from racer.bench.contest import Terms
    from racer.core.rank import Wishes

    for name in ("since", "races"):
        if getattr(arguments, name) is not None:
            raise BadRequest(f"--{name} is about races that were recorded: use it with --replay")
    only, exclude = _names("--only", arguments.only), _names("--exclude", arguments.exclude)
    _range("--deadline", arguments.deadline, 0.001, 86_400.0)
    return Order(
        Terms(
            rounds=_whole("--rounds", arguments.rounds, MOST_ROUNDS),
            policies=policies_of(arguments.policies),
            lanes=_whole("--lanes", arguments.lanes, MOST_LANES),
            warm_up=not arguments.no_warm_up,
            seed=int(time.time_ns() % 2**31) if arguments.seed is None else arguments.seed,
            budget=None if arguments.budget is None else _whole("--budget", arguments.budget, 10**9),
        ),
        Wishes(only=only, exclude=exclude),
        arguments.prompts,
        arguments.max_tokens,
        arguments.deadline,
        shell.cwd / (arguments.out or f"bench-{datetime.fromtimestamp(now).astimezone():%Y%m%d-%H%M%S}"),
        yes=arguments.yes,
        dry_run=arguments.dry_run,
        as_json=arguments.json,
    )


def policies_of(given: Sequence[str] | None) -> tuple[str, ...]:
    """Each once, in the order in which we name them; with blanks or with commas. Raises BadRequest."""
    if given is None:
        return POLICIES
    names = [name.strip() for each in given for name in each.split(",") if name.strip()]
    if [*dict.fromkeys(names)] == [NONE]:
        return ()
    for name in names:
        if name not in POLICIES:
            raise BadRequest(f"--policies has {name!r}: use some of {', '.join(POLICIES)}, or {NONE} alone")
    return tuple(name for name in POLICIES if name in names)


def _names(flag: str, given: Sequence[str] | None) -> tuple[str, ...]:
    names = flags.names(given) or []
    if not all(names):
        raise BadRequest(f"{flag} has an empty name: use a provider, provider/model, or a tag")
    return tuple(names)


def _whole(flag: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise BadRequest(f"{flag} is {value}: use a whole number from 1 to {most:,}")
    return value


def _range(flag: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise BadRequest(f"{flag} is {value:g}: use a number of seconds from {least:g} to {most:g}")
