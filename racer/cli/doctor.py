"""`racer doctor`: one tiny call for each account: it works, or what is wrong and what to do."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from typing import TYPE_CHECKING

from racer.cli import flags
from racer.cli.command import Command
from racer.cli.failure import DONE, LOST

if TYPE_CHECKING:
    import argparse

    from racer.accounts.card import Card
    from racer.cli.checkup import Finding
    from racer.cli.house import House, Server
    from racer.cli.report import Report
    from racer.cli.shell import Shell
    from racer.config import Config
    from racer.core.options import Ask
    from racer.core.provider import Lane
    from racer.exchange import Transport

PATIENCE = 3.0
DEADLINE = 20.0

_DESCRIPTION = f"""\
One tiny call for each account that is set up, to its cheapest model: it works,
or what is wrong, what to do about it, and where. Then the house: the files in
use, keys that are set and not used, versions, local servers.

It says before it starts how many calls it will make. Without names it is
about everybody, with names about these providers alone. --dry-run calls no
model; local servers are asked for the list of their models all the same.

Exit codes: 0 when at least one account works and none that is set up is
broken, 1 otherwise. A limit that is used up and a provider that is overloaded
pass by themselves and are not broken. An account has {DEADLINE:g} s to answer."""

_EXAMPLES = """\
examples:
  racer doctor
  racer doctor --dry-run            who would be called
  racer doctor groq mistral         these two alone
  racer doctor --json | jq '.accounts[] | select(.standing == "broken")'"""


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.add_argument("names", nargs="*", metavar="NAME", help="a provider; all of them without a name")
    parser.add_argument("--dry-run", action="store_true", help="make no call; show who would be called")
    parser.add_argument(
        "--deadline",
        type=float,
        default=DEADLINE,
        metavar="SECONDS",
        help=f"for each account to answer ({DEADLINE:g})",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    flags.describe_config(parser)


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from racer import config as configuration
    from racer.accounts.survey import narrowed
    from racer.cli.checkup import questions
    from racer.cli.document import put_out

    whole = configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd)
    config, ask = narrowed(whole, arguments.names), questions(arguments.deadline)
    report = asyncio.run(
        examined(config, None if arguments.dry_run else ask, shell, named=bool(arguments.names))
    )
    if arguments.json:
        put_out(shell, report.to_dict(time.time()))
    else:
        _show(report, shell)
    return DONE if report.healthy else LOST


COMMAND = Command("doctor", "one tiny call for each account: works, or what to do", describe, run)


def _show(report: Report, shell: Shell) -> None:
    from datetime import datetime

    from racer.cli.console import publish
    from racer.cli.report_table import report_page

    now = datetime.now().astimezone()
    publish(shell, lambda width: report_page(report, width=width, now=now))


async def examined(config: Config, ask: Ask | None, shell: Shell, *, named: bool) -> Report:
    """Without `ask`, nobody is called."""
    from racer.accounts.card import cards_of
    from racer.accounts.survey import surveyed
    from racer.cli.checkup import one_each
    from racer.cli.house import notes_on
    from racer.cli.report import Report
    from racer.transport import Transport

    async with Transport(spares=False) as transport:
        field = await surveyed(config, transport, patience=PATIENCE)
        cards, lanes = cards_of(config, field), one_each(field)
        shell.say(announcement(len(lanes), dry=ask is None))
        called = await _called(config, lanes, ask, transport, shell)
        servers = await _servers(cards, transport)
    house = _house(config, shell, servers)
    return Report(tuple(called), tuple(_others(cards)), tuple(notes_on(house)), named=named)


def announcement(calls: int, *, dry: bool) -> str:
    """What it is about to cost, before it costs it."""
    from racer.cli.checkup import TOKENS

    if not calls:
        return "doctor: no call, for no account is set up"
    each = (
        f"{calls} call{'' if calls == 1 else 's'}, one for each account, of at most {TOKENS} tokens of answer"
    )
    return f"doctor: would make {each}" if dry else f"doctor: making {each}"


async def _called(
    config: Config, lanes: list[Lane], ask: Ask | None, transport: Transport, shell: Shell
) -> list[Finding]:
    from racer.accounts.diagnosis import Diagnosis, Verdict
    from racer.api import ledger_of, store_of
    from racer.cli.checkup import Finding, examine
    from racer.cli.report_table import label

    if ask is None:
        nothing = Diagnosis(Verdict.NOT_CALLED)
        return [Finding(lane.provider, nothing, lane.account, lane.model.name) for lane in lanes]

    def told(finding: Finding) -> None:
        shell.aside(f"  {label(finding)}: {finding.diagnosis.verdict}")

    ledger = ledger_of(config, store_of(config), lambda _: None)
    ledger.open(lanes)
    try:
        return await examine(lanes, ask, transport, ledger, told)
    finally:
        await ledger.aclose()


def _others(cards: tuple[Card, ...]) -> list[Finding]:
    from racer.accounts.absence import uncalled
    from racer.accounts.card import State
    from racer.cli.checkup import Finding

    return [
        Finding(card.provider, uncalled(card), missing=card.missing)
        for card in cards
        if card.state is not State.READY
    ]


# ---------------------------------------------------------------- the house


async def _servers(cards: tuple[Card, ...], transport: Transport) -> list[Server]:
    """Each local Ollama that answers, with its version."""
    from racer.accounts.card import State
    from racer.accounts.survey import ollama_version
    from racer.cli.house import Server

    found: list[Server] = []
    for card in cards:
        provider = card.provider
        if card.state is State.READY and provider.local and provider.dialect == "ollama":
            version = await ollama_version(provider, transport, patience=PATIENCE)
            found.append(Server(provider.name, provider.base_url, version))
    return found


def _house(config: Config, shell: Shell, servers: list[Server]) -> House:
    import sqlite3

    from racer.cli.house import House

    return House(
        config="" if config.path is None else str(config.path),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        env_mode=_mode(shell),
        refused=config.refused,
        ollama_host=config.env.get("OLLAMA_HOST", ""),
        servers=tuple(servers),
    )


def _mode(shell: Shell) -> int | None:
    """Who may read `.env`. Elsewhere than on POSIX the number says nothing of that."""
    path = shell.cwd / ".env"
    if os.name != "posix" or not path.is_file():
        return None
    return path.stat().st_mode & 0o777
