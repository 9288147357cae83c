"""Flags that several commands share: the same words mean the same, and a key is none of them."""

from __future__ import annotations

from typing import Any

import pytest

from racer.cli.flags import options_of
from racer.cli.main import main
from racer.cli.program import parser
from tests.racer.cli.shells import shell_of, text_of

SHARED: list[tuple[list[str], dict[str, Any]]] = [
    ([], {}),
    (["--lanes", "2", "--policy", "one"], {"lanes": 2, "policy": "one"}),
    (["--only", "a,b", "--only", "c"], {"only": ["a", "b", "c"]}),
    (["--exclude", "a, b", "--prefer", "c"], {"exclude": ["a", "b"], "prefer": ["c"]}),
    (["--task", "fast", "--private"], {"task": "fast", "private": True}),
    (["--max-tokens", "9", "--temperature", "0.5"], {"max_tokens": 9, "temperature": 0.5}),
]
OF_ASK: list[tuple[list[str], dict[str, Any]]] = [
    (["--deadline", "1.5", "--wait", "3"], {"deadline": 1.5, "wait": 3.0}),
    (["--proof", "40"], {"proof": 40}),
]


@pytest.mark.parametrize(("flags", "options"), [*SHARED, *OF_ASK])
def test_flags_of_ask_become_options(flags: list[str], options: dict[str, Any]) -> None:
    """What is not said is left to racer.toml."""
    assert options_of(parser().parse_args(["ask", "hi", *flags])) == options


@pytest.mark.parametrize(("flags", "options"), SHARED)
def test_flags_of_batch_mean_the_same(flags: list[str], options: dict[str, Any]) -> None:
    assert options_of(parser().parse_args(["batch", "in.txt", "out.jsonl", *flags])) == options


@pytest.mark.parametrize("flag", ["--key", "--api-key"])
@pytest.mark.parametrize("command", [["ask", "hi"], ["batch", "in.txt", "out.jsonl"], ["bench"]])
def test_a_key_on_the_command_line_is_refused(command: list[str], flag: str) -> None:
    """Others can read it there; the refusal does not repeat it."""
    shell, key = shell_of(), "test-key-" + "x" * 12

    assert main([*command, flag, key], shell) == 2
    assert "never goes on the command line" in text_of(shell.stderr)
    assert key not in text_of(shell.stderr)
