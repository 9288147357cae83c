"""A bench as it runs, on stderr: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from racer.cli import bench_words as words
from racer.cli.board import Lines, Picture
from racer.cli.console import screen
from racer.core.printable import plain

if TYPE_CHECKING:
    from racer.bench.bench import Progress
    from racer.cli.board import Board
    from racer.cli.console import Screen
    from racer.cli.shell import Shell

BAR = 20


def board_of(shell: Shell) -> Board[Progress]:
    """What suits stderr."""
    if not shell.moves_cursor:
        return Lines(shell, words.line)
    console = screen(shell.stderr, shell.environ)
    return Picture(console, partial(frame, console), transient=True)


def frame(console: Screen, progress: Progress) -> Text:
    """Two lines: how far it is, and who is asked."""
    full, empty = ("#", ".") if console.options.ascii_only else ("━", "─")
    share = progress.sent / progress.announced if progress.announced else 0.0
    done = min(BAR, int(share * BAR))
    head = Text.assemble(
        (full * done, "green"), (empty * (BAR - done), "dim"),
        f"  {words.stage(progress)}  {words.spent(progress)}",
    )  # fmt: skip
    both = Text("\n").join([head, Text(plain(words.at_work(progress)), "dim")])
    both.no_wrap, both.overflow = True, "crop"
    return both
