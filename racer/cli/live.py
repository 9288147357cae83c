"""A race as it runs, on stderr: bars on a terminal, plain lines elsewhere. Observers, both of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, assert_never

from rich.console import Group
from rich.live import Live
from rich.text import Text

from racer.cli import bars
from racer.cli.board import Teller
from racer.cli.console import screen
from racer.cli.track import Track
from racer.core.facts import (
    CacheHit,
    ClockJumped,
    CoolDownEnded,
    CoolDownStarted,
    FieldsDropped,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
    QuotaAlert,
    QuotaExhausted,
    QuotaReset,
    RaceEnded,
    RaceStarted,
    StoreHealed,
    StoreTroubled,
)
from racer.core.heat import Ending, Outcome
from racer.core.printable import one_line, plain

if TYPE_CHECKING:
    from racer.cli.bars import Piece
    from racer.cli.console import Screen
    from racer.cli.shell import Shell
    from racer.core.facts import Fact

FRAME_SECONDS = 0.08


class Watch(Protocol):
    """Shows every race that it is told of; `title` is what the next one is called."""

    title: str
    track: Track

    def __call__(self, fact: Fact) -> None: ...
    def settle(self) -> None:
        """The answer follows on the same terminal: what is shown stays as it is, and remarks alone follow."""
        ...

    def say(self, text: str) -> None:
        """A line beside the lanes. Raises nothing where nobody reads it."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was. Safe to call twice, and after the event loop."""
        ...


def watch(shell: Shell) -> Watch:
    """What suits stderr."""
    return Bars(screen(shell.stderr, shell.environ)) if shell.moves_cursor else Lines(shell)


class Bars:
    """Draws a dozen frames a second while a race runs; the last one stays.

    Frames are drawn by the event loop's timer: a thread would look at a race while it changes.
    """

    def __init__(self, console: Screen) -> None:
        self.title = ""
        self.track = Track()
        self._console = console
        self._live: Live | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0
        self._elapsed = 0.0
        self._settled = False

    def __call__(self, fact: Fact) -> None:
        self.track.tell(fact)
        if isinstance(fact, RaceStarted) and not self._settled:
            self._start()
        elif isinstance(fact, RaceEnded):
            self.close()

    def say(self, text: str) -> None:
        """Above the picture, which is drawn again below it."""
        self._console.print(Text(plain(text)))

    def settle(self) -> None:
        self._settled = True
        if self._live is not None:
            self._elapsed = asyncio.get_running_loop().time() - self._began
        self.close()

    def close(self) -> None:
        """The last frame stays, and the cursor comes back."""
        if self._timer is not None:
            self._timer.cancel()
        if self._live is not None:
            latency = self.track.latency
            self._draw(self._elapsed if latency is None else latency)
            self._live.stop()
        self._live = self._timer = None

    def _start(self) -> None:
        self.close()
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False)
        self._live.start()
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        self._tick(loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._elapsed = loop.time() - self._began
        self._draw(self._elapsed)
        self._timer = loop.call_later(FRAME_SECONDS, self._tick, loop)

    def _draw(self, elapsed: float) -> None:
        if self._live is not None:
            self._live.update(self._frame(elapsed), refresh=True)

    def _frame(self, elapsed: float) -> Group:
        width = max(self._console.width - 1, 1)
        glyphs = bars.ASCII if self._console.options.ascii_only else bars.RICH
        shown = self.track.bars
        columns = bars.Columns.of(shown, width)
        heading = [bars.Piece(bars.fitted(headline(self.track, self.title), width, glyphs), "bold")]
        rows = [bars.row(bar, columns, glyphs, elapsed=elapsed) for bar in shown]
        return Group(*(_text(pieces) for pieces in (heading, *rows)))


def headline(track: Track, title: str = "") -> str:
    """What runs, in one line: its own title, or what is known of it."""
    if title:
        return title
    most = f"up to {track.width} at once" if track.policy != "one" else "one at a time"
    return f"race: policy {track.policy}, {track.entrants} lanes, {most}"


def _text(pieces: list[Piece]) -> Text:
    return Text.assemble(*((piece.text, piece.style) for piece in pieces), no_wrap=True, overflow="crop")


class Lines(Teller):
    """Writes a line for every fact."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self.title = ""
        self.track = Track()
        self._settled = False

    def __call__(self, fact: Fact) -> None:
        self.track.tell(fact)
        text = headline(self.track, self.title) if isinstance(fact, RaceStarted) else told(fact)
        if text and not self._settled:
            self.say(text)

    def settle(self) -> None:
        self._settled = True

    def close(self) -> None:
        """Lines need no clearing up."""


def told(fact: Fact) -> str:
    """A fact as a line: seconds since the race began, lane, what happened. Empty where a lane tells it."""
    match fact:
        case LaneStarted():
            return _line(fact.offset, fact.lane.id, "started")
        case LaneFirstToken():
            return _line(fact.offset, fact.lane.id, "first token")
        case LaneEnded():
            return _line(fact.record.start + fact.record.latency, fact.lane.id, _end(fact))
        case RaceEnded():
            return "" if fact.ending is Ending.WON else _line(fact.latency, "the race", _ENDINGS[fact.ending])
        case CacheHit():
            whose = "of a race under way" if fact.shared else f"from the cache, {fact.age:.0f} s old"
            return _line(0.0, "the race", f"has the reply {whose}")
        case RaceStarted() | FieldsDropped() | CoolDownStarted() | CoolDownEnded():
            return ""
        case QuotaAlert() | QuotaExhausted() | QuotaReset() | StoreTroubled() | StoreHealed() | ClockJumped():
            return ""  # they concern more than this race, and the log tells them
        case _:
            assert_never(fact)


_ENDINGS = {
    Ending.EXHAUSTED: "is lost: no lane is left",
    Ending.EXPIRED: "is lost: the deadline has come",
    Ending.REFUSED: "is lost: two providers call the request wrong",
    Ending.BROKEN: "is lost: the answer broke off while it was read",
    Ending.ABORTED: "was stopped",
}


def _end(fact: LaneEnded) -> str:
    if fact.record.outcome is Outcome.FAILED:
        return f"failed: {one_line(fact.record.reason or '')}"
    behind = fact.record.resumed_at
    went_on = "" if behind is None else f", went on behind {behind:,} characters"
    return f"{fact.record.outcome}{went_on}"


def _line(seconds: float, who: str, what: str) -> str:
    return f"{seconds:8.3f} s  {one_line(who)}  {what}"
