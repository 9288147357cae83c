"""A batch as it runs, on stderr: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

from rich.console import Group
from rich.live import Live
from rich.text import Text

from racer.cli import bars
from racer.cli import batch_words as words
from racer.cli.console import screen
from racer.core.printable import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.batch.progress import Progress
    from racer.cli.bars import Piece
    from racer.cli.console import Screen
    from racer.cli.shell import Shell

    Source = Callable[[], Progress]

FRAME_SECONDS = 0.25
LINE_SECONDS = 5.0
NEWS_SECONDS = 60.0


class Board(Protocol):
    """What people see of a batch. No method raises where nobody reads it."""

    def begin(self, source: Source) -> None:
        """From now on, show what `source` says, again and again."""
        ...

    def say(self, text: str) -> None:
        """A line of its own, beside the progress."""
        ...

    def close(self) -> None:
        """Show how it stands for the last time, and leave the terminal as it was. Safe to call twice."""
        ...


def board_of(shell: Shell, wall: Callable[[], float], *, silent: bool) -> Board:
    """What suits stderr. `silent`: remarks alone."""
    if silent:
        return Silent(shell)
    if shell.moves_cursor:
        return Bar(screen(shell.stderr, shell.environ), wall)
    return Lines(shell, wall)


class Silent:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def begin(self, source: Source) -> None:
        """Nothing is shown."""

    def say(self, text: str) -> None:
        with suppress(OSError):
            self._shell.say(text)

    def close(self) -> None:
        """There is nothing to clear up."""


class _Clockwork:
    """Calls `turn` every few seconds, by the event loop's own timer, until it is stopped."""

    def __init__(self, seconds: float, turn: Callable[[], None]) -> None:
        self.turn = turn
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(seconds, self._tick)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._seconds, self._tick)
        self.turn()

    def stop(self) -> None:
        self._timer.cancel()


class Bar:
    """Draws a few frames a second; the last one stays. A terminal that has gone is drawn on no more."""

    def __init__(self, console: Screen, wall: Callable[[], float]) -> None:
        self._console = console
        self._wall = wall
        self._live: Live | None = None
        self._clockwork: _Clockwork | None = None

    def begin(self, source: Source) -> None:
        live = self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False)
        with suppress(OSError):
            live.start()
        self._clockwork = _Clockwork(FRAME_SECONDS, partial(self._draw, live, source))
        self._clockwork.turn()

    def say(self, text: str) -> None:
        with suppress(OSError):
            self._console.print(Text(plain(text)))

    def close(self) -> None:
        if self._clockwork is not None:
            self._clockwork.stop()
            self._clockwork.turn()
        if self._live is not None:
            with suppress(OSError):
                self._live.stop()
        self._live = self._clockwork = None

    def _draw(self, live: Live, source: Source) -> None:
        frame = self._frame(source())
        with suppress(OSError):
            live.update(frame, refresh=True)

    def _frame(self, progress: Progress) -> Group:
        width = max(self._console.width - 1, 1)
        glyphs = bars.ASCII if self._console.options.ascii_only else bars.RICH
        rows = words.frame(progress, _local(self._wall()), width, glyphs)
        return Group(*(_text(row) for row in rows))


class Lines:
    """Writes how it stands every LINE_SECONDS where something was done, and every NEWS_SECONDS anyway.

    While all sleep, it says so once. When nobody reads any more, it goes silent.
    """

    def __init__(self, shell: Shell, wall: Callable[[], float]) -> None:
        self._shell = shell
        self._wall = wall
        self._clockwork: _Clockwork | None = None
        self._heard = True
        self._last: Progress | None = None
        self._said_at = 0.0

    def begin(self, source: Source) -> None:
        self._said_at = self._wall()
        self._clockwork = _Clockwork(LINE_SECONDS, partial(self._turn, source))

    def say(self, text: str) -> None:
        if self._heard:
            try:
                self._shell.say(text)
            except OSError:
                self._heard = False

    def close(self) -> None:
        """The summary follows, so there is no last line."""
        if self._clockwork is not None:
            self._clockwork.stop()
        self._clockwork = None

    def _turn(self, source: Source) -> None:
        progress, now = source(), self._wall()
        if self._is_news(progress, now):
            self.say(words.line(progress, _local(now)))
            self._last, self._said_at = progress, now

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
