"""`--json`: one document."""

from __future__ import annotations

import io
import json

import pytest

from racer.cli.document import put_out
from racer.cli.shell import Shell
from racer.core.printable import plain
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
    assert json.loads(text_of(shell.stdout)) == {"a": "\x1b[31m\x9b1mred"}


@pytest.mark.parametrize("document", [{"ü": "→ 😀"}, ["half \ud83d a character"], "\u202ea\x7f\u2069"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-16"])
@pytest.mark.parametrize("on_terminal", [False, True])
def test_it_stays_the_same_document(document: object, encoding: str, *, on_terminal: bool) -> None:
    """Whatever stdout can hold: nothing is replaced, and nothing left out."""

    class Stream(io.TextIOWrapper):
        def isatty(self) -> bool:
            return on_terminal

    raw, usual = io.BytesIO(), shell_of()
    stdout = Stream(raw, encoding=encoding, errors="replace")
    put_out(Shell(usual.stdin, stdout, usual.stderr, {}, usual.cwd), document)

    written = raw.getvalue().decode(encoding)
    assert json.loads(written) == document
    assert not on_terminal or plain(written) == written
