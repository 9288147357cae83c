"""A batch as it runs, on stderr: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from racer.cli import bars
from racer.cli import batch_words as words
from racer.cli.board import Lines, Picture
from racer.cli.console import screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.batch.progress import Progress
    from racer.cli.bars import Piece
    from racer.cli.board import Board
    from racer.cli.console import Screen
    from racer.cli.shell import Shell

NEWS_SECONDS = 60.0


def board_of(shell: Shell, wall: Callable[[], float], *, silent: bool) -> Board[Progress]:
    """What suits stderr. `silent`: remarks alone."""
    if silent:
        return Silent(shell)
    if not shell.moves_cursor:
        return Lines(shell, News(wall).line)
    console = screen(shell.stderr, shell.environ)
    return Picture(console, partial(frame, console, wall))


class Silent:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def begin(self, source: Callable[[], Progress]) -> None:
        """Nothing is shown."""

    def say(self, text: str) -> None:
        with suppress(OSError):
            self._shell.say(text)

    def close(self) -> None:
        """There is nothing to clear up."""


def frame(console: Screen, wall: Callable[[], float], progress: Progress) -> Group:
    width = max(console.width - 1, 1)
    glyphs = bars.ASCII if console.options.ascii_only else bars.RICH
    return Group(*(_text(row) for row in words.frame(progress, _local(wall()), width, glyphs)))


class News:
    """A line where something was done since the last one, and every NEWS_SECONDS anyway.

    While all sleep, it is said once.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._last: Progress | None = None
        self._said_at = 0.0

    def line(self, progress: Progress) -> str | None:
        now = self._wall()
        if not self._is_news(progress, now):
            return None
        self._last, self._said_at = progress, now
        return words.line(progress, _local(now))

    def _is_news(self, progress: Progress, now: float) -> bool:
        if self._last is None or words.ended(progress) != words.ended(self._last):
            return True
        if progress.asleep_until is not None or self._last.asleep_until is not None:
            return _minute(progress) != _minute(self._last)
        return now - self._said_at >= NEWS_SECONDS


def _minute(progress: Progress) -> int | None:
    return None if progress.asleep_until is None else round(progress.asleep_until / 60)


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at).astimezone()


def _text(pieces: list[Piece]) -> Text:
    return Text.assemble(*((piece.text, piece.style) for piece in pieces), no_wrap=True, overflow="crop")
