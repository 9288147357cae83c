"""Where rich may colour, and what it does when nobody reads."""

from __future__ import annotations

import io

import pytest
from rich.text import Text

from racer.cli.console import publish, screen, show
from tests.racer.cli.shells import Gone, Terminal, shell_of, text_of

RED = Text("red", "red")


@pytest.mark.parametrize(
    ("stream", "environ", "coloured"),
    [
        (io.StringIO(), {"TERM": "xterm-256color"}, False),
        (io.StringIO(), {"TERM": "xterm-256color", "FORCE_COLOR": "1"}, False),
        (Terminal(), {"TERM": "xterm-256color"}, True),
        (Terminal(), {"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_for_terminals(stream: io.StringIO, environ: dict[str, str], *, coloured: bool) -> None:
    """Never into a pipe, whatever the environment forces; never where NO_COLOR is set."""
    screen(stream, environ).print(RED)

    assert ("\x1b" in stream.getvalue()) is coloured


@pytest.mark.parametrize("columns", ["40", "100"])
def test_a_painter_is_told_the_width(columns: str) -> None:
    """Tables drop columns where there is no room, so they ask."""
    shell = shell_of(environ={"COLUMNS": columns})

    publish(shell, lambda width: f"{width} cells")
    show(shell, lambda width: f"{width} cells")

    assert text_of(shell.stdout) == text_of(shell.stderr) == f"{columns} cells\n"


def test_stdout_without_a_reader_is_an_error() -> None:
    """A result that nobody gets ends the command."""
    with pytest.raises(BrokenPipeError):
        publish(shell_of(stdout=Gone()), lambda _: "text")


def test_stderr_without_a_reader_is_none() -> None:
    """What accompanies a result may get lost; the result does not suffer from it."""
    show(shell_of(stderr=Gone()), lambda _: "text")
