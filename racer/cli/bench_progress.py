"""A bench as it runs, on stderr: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

from rich.live import Live
from rich.text import Text

from racer.cli import bench_words as words
from racer.cli.console import screen
from racer.core.printable import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.bench.bench import Progress
    from racer.cli.console import Screen
    from racer.cli.shell import Shell

    Source = Callable[[], Progress]

FRAME_SECONDS = 0.25
LINE_SECONDS = 5.0
BAR = 20


class Board(Protocol):
    """What people see of a bench. No method raises where nobody reads it."""

    def begin(self, source: Source) -> None:
        """From now on, show what `source` says, again and again."""
        ...

    def say(self, text: str) -> None:
        """A line of its own, beside the progress."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was. Safe to call twice."""
        ...


def board_of(shell: Shell) -> Board:
    """What suits stderr."""
    return Bar(screen(shell.stderr, shell.environ)) if shell.moves_cursor else Lines(shell)


class _Clockwork:
    """Calls `turn` every few seconds, by the event loop's own timer, until it is stopped."""

    def __init__(self, seconds: float, turn: Callable[[], None]) -> None:
        self._turn, self._seconds = turn, seconds
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(seconds, self._tick)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._seconds, self._tick)
        self._turn()

    def stop(self) -> None:
        self._timer.cancel()


class Bar:
    """Two lines, drawn a few times a second; none of them stays. One that has gone is drawn on no more."""

    def __init__(self, console: Screen) -> None:
        self._console = console
        self._live: Live | None = None
        self._clockwork: _Clockwork | None = None

    def begin(self, source: Source) -> None:
        live = self._live = Live(
            console=self._console, auto_refresh=False, redirect_stdout=False, transient=True
        )
        with suppress(OSError):
            live.start()
        self._clockwork = _Clockwork(FRAME_SECONDS, partial(self._draw, live, source))
        self._draw(live, source)

    def say(self, text: str) -> None:
        with suppress(OSError):
            self._console.print(Text(plain(text)))

    def close(self) -> None:
        if self._clockwork is not None:
            self._clockwork.stop()
        if self._live is not None:
            with suppress(OSError):
                self._live.stop()
        self._live = self._clockwork = None

    def _draw(self, live: Live, source: Source) -> None:
        with suppress(OSError):
            live.update(self._frame(source()), refresh=True)

    def _frame(self, progress: Progress) -> Text:
        full, empty = ("#", ".") if self._console.options.ascii_only else ("━", "─")
        share = progress.sent / progress.announced if progress.announced else 0.0
        done = min(BAR, int(share * BAR))
        head = Text.assemble(
            (full * done, "green"), (empty * (BAR - done), "dim"),
            f"  {words.stage(progress)}  {words.spent(progress)}",
        )  # fmt: skip
        frame = Text("\n").join([head, Text(plain(words.at_work(progress)), "dim")])
        frame.no_wrap, frame.overflow = True, "crop"
        return frame


class Lines:
    """Writes how it stands every LINE_SECONDS. When nobody reads any more, it goes silent."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._clockwork: _Clockwork | None = None
        self._heard = True

    def begin(self, source: Source) -> None:
        self._clockwork = _Clockwork(LINE_SECONDS, partial(self._turn, source))

    def say(self, text: str) -> None:
        if self._heard:
            try:
                self._shell.say(text)
            except OSError:
                self._heard = False

    def close(self) -> None:
        if self._clockwork is not None:
            self._clockwork.stop()
        self._clockwork = None

    def _turn(self, source: Source) -> None:
        self.say(words.line(source()))
