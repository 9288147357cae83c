"""Where rich may colour, and what it does when nobody reads."""

from __future__ import annotations

import io

import pytest
from rich.padding import Padding
from rich.text import Text

from racer.cli.console import Prose, publish, screen, show
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


def test_no_line_ends_with_blanks() -> None:
    """As rich would have it, to the full width."""
    shell = shell_of(environ={"COLUMNS": "20"})

    publish(shell, lambda _: Padding(Text("one two three four five six"), (0, 4, 0, 2)))

    assert text_of(shell.stdout) == "  one two three\n  four five six\n"


PROSE = [
    ("it has cost 0.0009 USD or so", 18, "it has cost\n0.0009 USD or so\n"),
    ("and saved about 1.3 s a race", 20, "and saved about\n1.3 s a race\n"),
    ("there were 12 % of it", 14, "there were\n12 % of it\n"),
    ("it took 12 seconds", 12, "it took 12\nseconds\n"),
    ("it took 3 h", 30, "it took 3 h\n"),
    ("123456 USD", 6, "123456\nUSD\n"),
    ("\nunder a head", 40, "\nunder a head\n"),
]


@pytest.mark.parametrize(("text", "columns", "page"), PROSE)
def test_an_amount_keeps_its_unit(text: str, columns: int, page: str) -> None:
    """A line ends before both, unless there is no room for the two."""
    shell = shell_of(environ={"COLUMNS": str(columns)})

    publish(shell, lambda _: Prose(text))

    assert text_of(shell.stdout) == page


def test_prose_may_have_a_style_and_stand_apart() -> None:
    """As other text."""
    shell = shell_of(stdout=Terminal(), environ={"COLUMNS": "12", "TERM": "xterm-256color"})

    publish(shell, lambda _: Padding(Prose("about 0.25 USD", "red"), (0, 0, 0, 2), expand=False))

    lines = [line.rstrip() for line in text_of(shell.stdout).splitlines()]
    assert [line.replace("\x1b[0m", "").replace("\x1b[31m", "").rstrip() for line in lines] == [
        "  about",
        "  0.25 USD",
    ]
    assert "\x1b[31m0.25 USD" in text_of(shell.stdout)
