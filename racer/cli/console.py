"""Where rich draws: one console for each stream, that obeys the given environment and not the process's."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import RenderableType

    from racer.cli.shell import Shell

    Paint = Callable[[int], RenderableType]  # from the cells there are in a line to what is drawn


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
    """Draw on stdout: a result, so what cannot be written is told, as by `Shell.put`."""
    console = screen(shell.stdout, shell.environ)
    with shell.writing(), console.capture() as captured:  # which writes, if only an empty text
        console.print(paint(console.width))
    shell.lay_out(captured.get())
