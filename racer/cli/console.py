"""Where rich draws: one console for each stream, that obeys the given environment and not the process's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.measure import Measurement
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import ConsoleOptions, RenderableType

    from racer.cli.shell import Shell

    Paint = Callable[[int], RenderableType]  # from the cells there are in a line to what is drawn

_AMOUNT = re.compile(r"(?<=\d) (?=(?:USD|%|s|min|h|days)(?!\w))")
_JOINT = "\ufdd0"  # in no text: rich folds at every blank, also at those that forbid it


class Prose:
    """Words that are folded where there is no room, but not between an amount and its unit."""

    def __init__(self, text: str, style: str = "") -> None:
        self._text = text
        self._style = style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        joined = Text(_AMOUNT.sub(_JOINT, self._text), overflow="fold")
        for line in joined.wrap(console, options.max_width):
            yield Text(line.plain.strip(_JOINT).replace(_JOINT, " "), self._style)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, Text(self._text))


class Screen(Console):
    """Goes silent when its reader has gone: what is shown there is never the result."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


def screen(stream: TextIO, environ: Mapping[str, str]) -> Screen:
    """Colours and cursor only where `stream` is a terminal, whatever else the environment says."""
    terminal = stream.isatty()
    return Screen(
        file=stream,
        force_terminal=terminal,
        force_interactive=terminal,
        color_system="auto" if terminal else None,
        no_color=bool(environ.get("NO_COLOR")),
        highlight=False,
        markup=False,
        emoji=False,
        _environ=environ,
    )


def show(shell: Shell, paint: Paint) -> None:
    """Draw on stderr."""
    console = screen(shell.stderr, shell.environ)
    console.print(paint(console.width))


def publish(shell: Shell, paint: Paint) -> None:
    """Draw on stdout: a result, so what cannot be written is told, as by `Shell.put`.

    No line ends with blanks, as rich's do: they are in the way of whoever reads a pipe.
    """
    console = screen(shell.stdout, shell.environ)
    with shell.writing(), console.capture() as captured:  # which writes, if only an empty text
        console.print(paint(console.width))
    lines = captured.get().split("\n")
    shell.lay_out("\n".join(line.rstrip(" ") for line in lines))
