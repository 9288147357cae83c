"""The record that a command is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from racer.cli.command import Command
from tests.racer.cli.shells import shell_of, text_of

if TYPE_CHECKING:
    from racer.cli.shell import Shell


def say(arguments: argparse.Namespace, shell: Shell) -> int:
    shell.lay_out(arguments.word)
    return 7


def test_a_command_is_what_main_needs_of_it() -> None:
    """A name, a summary, options and work: a new command is one file and one line in main."""
    command = Command("echo", "say it again", lambda parser: parser.set_defaults(word="again"), say)
    parser, shell = argparse.ArgumentParser(), shell_of()

    command.describe(parser)

    assert command.run(parser.parse_args([]), shell) == 7
    assert text_of(shell.stdout) == "again\n"
