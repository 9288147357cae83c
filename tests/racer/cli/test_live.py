"""The picture of a race while it runs: lines into a pipe, frames on a terminal, on virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest

from racer.cli.console import screen
from racer.cli.live import FRAME_SECONDS, Bars, Lines, headline, told, watch
from racer.cli.track import Track
from racer.core.facts import (
    CacheHit,
    ClockJumped,
    CoolDownEnded,
    CoolDownStarted,
    Fact,
    FieldsDropped,
    LaneEnded,
    QuotaAlert,
    QuotaExhausted,
    QuotaReset,
    RaceEnded,
    RaceStarted,
    StoreHealed,
    StoreTroubled,
)
from racer.core.heat import Ending, Outcome
from racer.testing import VirtualLoop
from tests.racer.cli import terminal
from tests.racer.cli.facts import BEGINNING, FAILURE, RACE, TOKEN, VICTORY, WHOLE, A, B, attempt
from tests.racer.cli.shells import Gone, Terminal, shell_of, text_of

LINES = """\
race: policy all, 4 lanes, up to 2 at once
   0.000 s  a/m  started
   0.000 s  b/m  started
   0.250 s  a/m  failed: rate 429: slow down
   0.250 s  c/m  started
   0.500 s  c/m  first token
   1.000 s  c/m  won
   1.000 s  b/m  lost
"""
LAST_FRAME = """\
2/6 Why?
✗ a/m  ──────────                                   0.25 s  failed: rate 429: …
– b/m  ──────────────────────────────────────────   1.00 s  lost
✓ c/m            ───────────━━━━━━━━━━━━━━━━━━━━━   1.00 s  won
"""
XTERM = {"TERM": "xterm-256color", "COLUMNS": "80"}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop, "debug": True}


async def play(bars: Bars) -> None:
    """The story of facts.py at its instants."""
    for facts, pause in ((BEGINNING, 0.25), (FAILURE, 0.25), (TOKEN, 0.5), (VICTORY, 0.0)):
        for fact in facts:
            bars(fact)
        await anyio.sleep(pause)


def test_a_pipe_gets_lines() -> None:
    """One line for each thing that happened, each with its instant, and no escape code."""
    shell = shell_of()
    observer = watch(shell)
    for fact in WHOLE:
        observer(fact)
    observer.close()

    assert isinstance(observer, Lines)
    assert text_of(shell.stderr) == LINES
    assert text_of(shell.stdout) == ""


def test_a_title_takes_the_place_of_the_headline() -> None:
    """The demo says which prompt is raced."""
    track = Track()
    track.tell(RaceStarted(RACE, "one", 1, 60.0, (A,)))

    assert headline(track, "1/6 Why?") == "1/6 Why?"
    assert headline(track) == "race: policy one, 1 lanes, one at a time"


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending is not Ending.WON])
def test_a_race_without_a_winner_says_how_it_ended(ending: Ending) -> None:
    """The last line tells it; where there is a winner, its own line does."""
    assert told(RaceEnded(RACE, ending, 2.5, 3)).startswith("   2.500 s  the race  ")
    assert told(RaceEnded(RACE, Ending.WON, 2.5, 3, A)) == ""


def test_who_goes_on_for_another_says_so() -> None:
    """And behind what, for that is where the seam is."""
    record = replace(attempt("b/m", 0.5, 1.0, Outcome.WON), resumed_at=1234)

    line = told(LaneEnded(RACE, 1, B, record))
    assert line == "   1.500 s  b/m  won, went on behind 1,234 characters"


def test_lines_that_are_settled_say_no_more_of_the_race() -> None:
    """The answer follows on the same terminal; a remark is still heard."""
    shell = shell_of(stderr=Terminal(), environ={"TERM": "dumb"})
    observer = watch(shell)
    for fact in (*BEGINNING, *FAILURE, *TOKEN):
        observer(fact)
    observer.settle()
    for fact in VICTORY:
        observer(fact)
    observer.say("racer: full")

    assert text_of(shell.stderr) == "".join([*LINES.splitlines(keepends=True)[:-2], "racer: full\n"])
    assert observer.track.is_over


@pytest.mark.parametrize(
    "fact",
    [
        CoolDownStarted(RACE, "a", 3.0, 3.0, "rate"),
        CoolDownEnded(RACE, "a"),
        FieldsDropped(RACE, A, ("seed",)),
    ],
)
def test_cool_downs_are_not_shown(fact: Fact) -> None:
    """They concern the next race."""
    assert told(fact) == ""


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        (
            CacheHit(RACE, "5f0c", 12.3, shared=False),
            "   0.000 s  the race  has the reply from the cache, 12 s old",
        ),
        (CacheHit(RACE, "5f0c", 0.1, shared=True), "   0.000 s  the race  has the reply of a race under way"),
    ],
)
def test_a_reply_that_is_given_again_is_no_riddle(fact: Fact, text: str) -> None:
    """No lane runs, so a line says where the reply is from."""
    assert told(fact) == text


@pytest.mark.parametrize(
    "fact",
    [
        QuotaAlert("m", 0.9, 9.0, 10.0, None),
        QuotaExhausted("m", 10.0, None, foreseen=True),
        QuotaReset("m", 10.0),
        StoreTroubled("full", 0),
        StoreHealed(1.0),
        ClockJumped(60.0),
        CacheHit(RACE, "5f0c", 12.3, shared=False),
    ],
)
def test_what_is_no_lane_leaves_the_picture_alone(fact: Fact) -> None:
    """Limits, store and clock have lines of their own in the log."""
    track = Track()
    track.tell(fact)

    assert track.bars == ()
    assert isinstance(fact, CacheHit) or told(fact) == ""


def test_lines_that_nobody_reads_stop_no_race() -> None:
    """An observer that raised would end the race."""
    observer = watch(shell_of(stderr=Gone()))
    for fact in WHOLE:
        observer(fact)

    assert observer.track.is_over


def test_a_remark_stands_between_lines() -> None:
    """As it is, without control characters; and where nobody reads it, it stops nothing."""
    shell = shell_of()
    watch(shell).say("racer: \x1b[31mfull")
    watch(shell_of(stderr=Gone())).say("racer: full")

    assert text_of(shell.stderr) == "racer: full\n"


@pytest.mark.anyio
async def test_a_remark_stands_above_the_picture() -> None:
    """It is not drawn over by the next frame, and leaves no remains of the last one."""
    stream = Terminal()
    observer = watch(shell_of(stderr=stream, environ=XTERM))
    observer.title = "2/6 Why?"
    for facts, pause in ((BEGINNING, 0.25), (FAILURE, 0.25), (TOKEN, 0.5), (VICTORY, 0.0)):
        for fact in facts:
            observer(fact)
        if facts is TOKEN:
            observer.say("racer: \x1b[31mfull")
        await anyio.sleep(pause)

    shown = "".join(f"{line}\n" for line in terminal.screen(stream.getvalue()) if line)
    assert shown == f"racer: full\n{LAST_FRAME}"


@pytest.mark.anyio
async def test_the_last_frame_stays() -> None:
    """What is left on the terminal is the race as it ended, and the cursor is back."""
    stream = Terminal()
    observer = watch(shell_of(stderr=stream, environ=XTERM))
    assert isinstance(observer, Bars)
    observer.title = "2/6 Why?"

    await play(observer)

    assert "".join(f"{line}\n" for line in terminal.screen(stream.getvalue()) if line) == LAST_FRAME
    assert stream.getvalue().endswith("\x1b[?25h")


@pytest.mark.anyio
async def test_a_picture_that_is_settled_stays_as_it_is() -> None:
    """Drawn once more at its instant, with those that have lost by then; nothing comes behind it."""
    stream = Terminal()
    observer = Bars(screen(stream, XTERM))
    lost = LaneEnded(RACE, 1, B, attempt("b/m", 0.0, 0.5, Outcome.LOST))
    for facts, pause in ((BEGINNING, 0.25), (FAILURE, 0.25), ((*TOKEN, lost), 0.0)):
        for fact in facts:
            observer(fact)
        await anyio.sleep(pause)
    observer.settle()
    length = len(stream.getvalue())
    await anyio.sleep(0.5)
    for fact in (VICTORY[0], VICTORY[2], *BEGINNING):
        observer(fact)

    shown = [line for line in terminal.screen(stream.getvalue()) if line]
    assert len(stream.getvalue()) == length
    assert [line.split()[-3:] for line in shown[2:]] == [["0.50", "s", "lost"], ["0.50", "s", "answering"]]


@pytest.mark.anyio
async def test_frames_come_while_nothing_happens() -> None:
    """The clock on the terminal runs on between two facts."""
    stream = Terminal()
    observer = Bars(screen(stream, XTERM))
    for fact in BEGINNING:
        observer(fact)
    await anyio.sleep(3.5 * FRAME_SECONDS)
    before = stream.getvalue()
    observer.close()

    assert [f"{frame * FRAME_SECONDS:.2f} s" in before for frame in (1, 2, 3, 4)] == [True, True, True, False]


@pytest.mark.anyio
async def test_a_race_that_was_left_leaves_the_terminal_in_order() -> None:
    """Closing draws a last frame, shows the cursor, stops the timer, and may be done twice."""
    stream = Terminal()
    observer = Bars(screen(stream, XTERM))
    for fact in BEGINNING:
        observer(fact)
    observer.close()
    observer.close()
    length = len(stream.getvalue())
    await anyio.sleep(1)

    assert stream.getvalue().endswith("\x1b[?25h")
    assert len(stream.getvalue()) == length


@pytest.mark.anyio
async def test_one_picture_serves_several_races() -> None:
    """Each race leaves its own last frame, one under the other."""
    stream = Terminal()
    observer = Bars(screen(stream, XTERM))
    await play(observer)
    await play(observer)

    shown = terminal.screen(stream.getvalue())
    assert [line for line in shown if line.startswith("race: ")] == [LINES.splitlines()[0]] * 2
    assert sum("✓ c/m" in line for line in shown) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("columns", [1, 2, 10, 20, 40])
async def test_few_columns_are_enough(columns: int) -> None:
    """No line is wider than the terminal: one that wrapped would leave its remains behind."""
    stream = Terminal()
    await play(Bars(screen(stream, {**XTERM, "COLUMNS": str(columns)})))

    assert all(len(line) <= columns for line in terminal.screen(stream.getvalue()))


@pytest.mark.anyio
async def test_no_colour_means_none() -> None:
    """NO_COLOR leaves the bars and takes the colours; thin and thick lines still tell the story."""
    stream = Terminal()
    await play(Bars(screen(stream, {**XTERM, "NO_COLOR": "1"})))

    assert "\x1b[1;32m" not in stream.getvalue()
    assert "━" in stream.getvalue()


@pytest.mark.anyio
async def test_bars_that_nobody_sees_stop_no_race() -> None:
    """A terminal that has gone is no reason to lose the answer."""
    observer = Bars(screen(_GoneTerminal(), XTERM))
    await play(observer)

    assert observer.track.is_over


class _GoneTerminal(Gone):
    def isatty(self) -> bool:
        return True
