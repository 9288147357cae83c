"""A command line: help, versions, exit codes, and what a user never gets to see."""

from __future__ import annotations

import io
import subprocess
from typing import TYPE_CHECKING

import pytest

from racer.cli.main import main
from racer.cli.program import COMMANDS, parser
from racer.cli.shell import Closed
from tests.racer.cli.shells import COMMAND, Gone, Terminal, clean_environ, shell_of, text_of

if TYPE_CHECKING:
    from pathlib import Path

    from racer.cli.command import Command


def test_help_is_a_result() -> None:
    """It goes to stdout, names every command and shows how to begin."""
    shell = shell_of()

    assert main(["--help"], shell) == 0
    assert all(f"\n    {command.name}" in text_of(shell.stdout) for command in COMMANDS)
    assert 'racer ask "Why is the sky blue?"' in text_of(shell.stdout)
    assert text_of(shell.stderr) == ""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_explains_itself(command: Command) -> None:
    """With examples, every line of which is understood."""
    shell = shell_of()

    assert main([command.name, "--help"], shell) == 0
    assert "examples:" in text_of(shell.stdout)
    assert f"racer {command.name}" in text_of(shell.stdout)


def test_the_version_is_told() -> None:
    """Of the installed distribution, or that there is none."""
    shell = shell_of()

    assert main(["--version"], shell) == 0
    assert text_of(shell.stdout).startswith("racer ")


WRONG = [
    [],
    ["fly"],
    ["ask", "--lanes", "many"],
    ["ask", "--lan", "2"],
    ["ask", "a", "b"],
    ["sim", "--port", "x"],
]


@pytest.mark.parametrize("argv", WRONG, ids=" ".join)
def test_wrong_usage_ends_with_2(argv: list[str]) -> None:
    """The usage and what is wrong with it on stderr, nothing on stdout; abbreviations are wrong, too."""
    shell = shell_of()

    assert main(argv, shell) == 2
    assert text_of(shell.stderr).startswith("usage: racer")
    assert text_of(shell.stdout) == ""


def test_a_reader_that_left_ends_it_quietly() -> None:
    """Exit code 141, as of a process that SIGPIPE killed."""
    shell = shell_of(stdout=Gone())

    assert main(["sim", "--list"], shell) == 141
    assert text_of(shell.stderr) == ""


class Full(io.StringIO):
    """On a disk without room."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


RESULTS = [["--help"], ["--version"], ["ask", "--help"], ["sim", "--list"], ["sim", "--port", "0"], ["usage"]]


@pytest.mark.parametrize("argv", RESULTS, ids=" ".join)
@pytest.mark.parametrize(
    ("stdout", "why"), [(Full, "No space left on device"), (Closed, "it is closed")], ids=["full", "closed"]
)
def test_a_result_that_cannot_be_written_is_an_error(
    argv: list[str], stdout: type[io.StringIO], why: str, tmp_path: Path
) -> None:
    """Exit code 1 and a line on stderr, also where that is no terminal."""
    shell = shell_of(stdout=stdout(), cwd=tmp_path, environ={"RACER_DB": str(tmp_path / "racer.db")})

    assert main(argv, shell) == 1
    assert text_of(shell.stderr) == f"racer: could not write to stdout: {why}\n"


def test_it_may_be_that_nothing_can_be_told() -> None:
    """The exit code is left."""
    assert main(["--version"], shell_of(stdout=Full(), stderr=Full())) == 1


def test_processes_on_a_full_disk(tmp_path: Path) -> None:
    """Python itself adds nothing to it, nor does it change the exit code."""
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" >/dev/full', "-", *COMMAND, "--version"],
        env=clean_environ(tmp_path),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == b"racer: could not write to stdout: No space left on device\n"


class Interrupted(Terminal):
    """Ctrl-C is pressed while it is read."""

    def isatty(self) -> bool:
        return False

    def read(self, size: int | None = -1) -> str:
        raise KeyboardInterrupt


@pytest.mark.parametrize(("stderr", "said"), [(None, ""), (Terminal(), "\nracer: interrupted\n")])
def test_ctrl_c_ends_with_130(stderr: Terminal | None, said: str) -> None:
    """Also before a race has begun; a terminal gets a line of its own after the ^C."""
    shell = shell_of(stdin=Interrupted(), stderr=stderr)

    assert main(["ask"], shell) == 130
    assert text_of(shell.stderr) == said


def test_examples_in_the_help_are_understood() -> None:
    """Every `racer …` line under start here is a command line."""
    shell = shell_of()
    main(["--help"], shell)
    lines = [line.strip() for line in text_of(shell.stdout).splitlines() if line.startswith("  racer ")]

    assert len(lines) >= 3
    assert all(parser().parse_args(_words(line)) for line in lines if "--help" not in line)


def _words(line: str) -> list[str]:
    """Without the remark, which stands apart by at least two spaces."""
    import shlex

    return shlex.split(line.partition("  ")[0])[1:]
