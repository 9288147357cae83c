"""`racer providers`: every provider that is known, whether it can run here, and what it lets one use."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from racer.cli.command import Command
from racer.cli.failure import DONE

if TYPE_CHECKING:
    import argparse

    from racer.cli.card import Card
    from racer.cli.shell import Shell
    from racer.config import Config

PATIENCE = 1.0

_DESCRIPTION = f"""\
Every provider that racer knows, built in or from racer.toml: which are ready,
with how many keys and models, at what priority, and what they let you use.

Without names: those that are ready in a table, then why others are not. With
names: all there is to say of these. Of a key nothing is shown but its end.

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
    parser.add_argument("--config", metavar="FILE", help="instead of ./racer.toml")


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from racer import config as configuration
    from racer.cli.card_table import cards_page, details_page
    from racer.cli.console import publish
    from racer.cli.document import put_out
    from racer.cli.survey import narrowed

    config = configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd)
    cards = asyncio.run(_cards(narrowed(config, arguments.names)))
    if arguments.json:
        put_out(shell, {"counted": False, "providers": [card.to_dict() for card in cards]})
    elif arguments.names:
        publish(shell, lambda _: details_page(cards))
    else:
        publish(shell, lambda width: cards_page(cards, width=width, everybody=arguments.all))
    return DONE


COMMAND = Command("providers", "who is known, who is ready, what they let you use", describe, run)


async def _cards(config: Config) -> tuple[Card, ...]:
    from racer.cli.card import cards_of
    from racer.cli.survey import surveyed
    from racer.transport import Transport

    async with Transport(spares=False) as transport:
        return cards_of(config, await surveyed(config, transport, patience=PATIENCE))
