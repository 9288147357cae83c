"""`--json`: one document."""

from __future__ import annotations

import json

from racer.cli.document import put_out
from tests.racer.cli.shells import Terminal, shell_of, text_of


def test_a_pipe_gets_one_line() -> None:
    """With every character as it is, for the next program to read."""
    shell = shell_of()

    put_out(shell, {"a": ["ä", None]})

    assert text_of(shell.stdout) == '{"a": ["ä", null]}\n'


def test_a_terminal_gets_indents_and_no_escape_codes() -> None:
    """What a provider has said may hold anything."""
    shell = shell_of(stdout=Terminal())

    put_out(shell, {"a": "\x1b[31m\x9b1mred"})

    assert "\n  " in text_of(shell.stdout)
    assert "\x9b" not in text_of(shell.stdout)
    assert json.loads(text_of(shell.stdout))["a"].endswith("red")
