"""Progress of long work on stderr: a picture on a terminal, lines elsewhere. What it says is its caller's."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from rich.live import Live
from rich.text import Text

from racer.core.printable import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from racer.cli.console import Screen
    from racer.cli.shell import Shell

P = TypeVar("P")
Seen = TypeVar("Seen", contravariant=True)

FRAME_SECONDS = 0.25
LINE_SECONDS = 5.0


class Board(Protocol[Seen]):
    """What people see of some work. No method raises where nobody reads it."""

    def begin(self, source: Callable[[], Seen]) -> None:
        """From now on, show what `source` says, again and again."""
        ...

    def say(self, text: str) -> None:
        """A line of its own, beside the progress."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was. Safe to call twice."""
        ...


class Clockwork:
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


class Picture(Generic[P]):
    """Draws a few frames a second, and a last one at its end, which stays unless it is `transient`.

    A terminal that has gone is drawn on no more.
    """

    def __init__(
        self, console: Screen, frame: Callable[[P], RenderableType], *, transient: bool = False
    ) -> None:
        self._console = console
        self._frame = frame
        self._transient = transient
        self._live: Live | None = None
        self._clockwork: Clockwork | None = None

    def begin(self, source: Callable[[], P]) -> None:
        live = self._live = Live(
            console=self._console, auto_refresh=False, redirect_stdout=False, transient=self._transient
        )
        with suppress(OSError):
            live.start()
        self._clockwork = Clockwork(FRAME_SECONDS, partial(self._draw, live, source))
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

    def _draw(self, live: Live, source: Callable[[], P]) -> None:
        frame = self._frame(source())
        with suppress(OSError):
            live.update(frame, refresh=True)


class Teller:
    """Says lines on stderr. When nobody reads any more, it goes silent, and what it tells of goes on."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._heard = True

    def say(self, text: str) -> None:
        if self._heard:
            try:
                self._shell.say(text)
            except OSError:
                self._heard = False


class Lines(Teller, Generic[P]):
    """Says `line` of how it stands every LINE_SECONDS; nothing where that is None."""

    def __init__(self, shell: Shell, line: Callable[[P], str | None]) -> None:
        super().__init__(shell)
        self._line = line
        self._clockwork: Clockwork | None = None

    def begin(self, source: Callable[[], P]) -> None:
        self._clockwork = Clockwork(LINE_SECONDS, partial(self._turn, source))

    def close(self) -> None:
        """A summary follows, so there is no last line."""
        if self._clockwork is not None:
            self._clockwork.stop()
        self._clockwork = None

    def _turn(self, source: Callable[[], P]) -> None:
        text = self._line(source())
        if text is not None:
            self.say(text)
