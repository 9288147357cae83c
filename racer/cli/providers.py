"""`racer providers`: every provider that is known, whether it can run here, and what it lets one use."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from racer.cli import flags
from racer.cli.command import Command
from racer.cli.failure import DONE, code_of, words_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from racer.accounts.card import Card
    from racer.accounts.counts import Counts
    from racer.cli.shell import Shell
    from racer.config import Config

PATIENCE = 1.0

_DESCRIPTION = f"""\
Every provider that racer knows, built in or from racer.toml: which are ready,
with how many keys and models, at what priority, and what is left today.

Without names: those that are ready in a table, then why others are not. With
names: all there is to say of these. Of a key nothing is shown but its end.
What is left is said of each account's tightest limit for an hour or longer.

Nobody is called but local servers, for the list of their models; one that
does not answer within {PATIENCE:g} s counts as not there."""

_EXAMPLES = """\
examples:
  racer providers
  racer providers --all             those without a key, too
  racer providers groq mistral      everything about these two
  racer providers --json | jq '.providers[] | select(.state == "ready") | .name'"""


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.add_argument("names", nargs="*", metavar="NAME", help="a provider; all of them without a name")
    parser.add_argument("--all", action="store_true", help="a row for each, also for those that cannot run")
    parser.add_argument("--json", action="store_true", help="one JSON document, always with all of them")
    flags.describe_config(parser)


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from racer import config as configuration
    from racer.accounts.card import with_left
    from racer.accounts.counts import counted
    from racer.accounts.headroom import tightest
    from racer.accounts.survey import narrowed
    from racer.cli.document import put_out
    from racer.timepiece import timepiece

    config = configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd)
    chosen = narrowed(config, arguments.names)
    counts = counted(chosen, shell.cwd, timepiece())
    cards = with_left(asyncio.run(_cards(chosen)), tightest(counts.gauges))
    if arguments.json:
        put_out(shell, {"counted": counts.found, "providers": [card.to_dict() for card in cards]})
    else:
        _show(cards, counts, arguments, shell)
    if counts.trouble is None:
        return DONE
    shell.say(words_of(counts.trouble))
    return code_of(counts.trouble)


COMMAND = Command("providers", "who is known, who is ready, what they let you use", describe, run)


def _show(cards: Sequence[Card], counts: Counts, arguments: argparse.Namespace, shell: Shell) -> None:
    from racer.cli.card_table import COUNTED, NOT_COUNTED, UNREAD, cards_page, details_page
    from racer.cli.console import publish

    note = UNREAD if counts.trouble else COUNTED if counts.found else NOT_COUNTED
    if arguments.names:
        publish(shell, lambda _: details_page(cards, note=note))
    else:
        publish(shell, lambda width: cards_page(cards, width=width, everybody=arguments.all, note=note))


# ---------------------------------------------------------------- what is found


async def _cards(config: Config) -> tuple[Card, ...]:
    from racer.accounts.card import cards_of
    from racer.accounts.survey import surveyed
    from racer.transport import Transport

    async with Transport(spares=False) as transport:
        return cards_of(config, await surveyed(config, transport, patience=PATIENCE))
