"""A batch as it runs: lines into a pipe, a bar on a terminal, on virtual time."""

from __future__ import annotations

import asyncio
import errno
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from racer.cli.batch_progress import NEWS_SECONDS, Silent, board_of
from racer.cli.board import FRAME_SECONDS, LINE_SECONDS, Lines, Picture
from racer.testing import VirtualLoop
from tests.racer.cli import terminal
from tests.racer.cli.batches import FRESH, HALF, NOON
from tests.racer.cli.shells import Gone, Terminal, shell_of, text_of

if TYPE_CHECKING:
    from racer.batch.progress import Progress
    from racer.cli.board import Board

XTERM = {"TERM": "xterm-256color", "COLUMNS": "80"}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop, "debug": True}


class Job:
    """Says how it stands, and lets the test change that."""

    def __init__(self, progress: Progress = FRESH) -> None:
        self.now = progress

    def __call__(self) -> Progress:
        return self.now


class HungUp(Terminal):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


class GoneTerminal(Gone):
    def isatty(self) -> bool:
        return True


def wall() -> float:
    """Noon, and as much later as the loop's clock says."""
    return NOON + asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("stderr", "environ", "silent", "kind"),
    [
        (Terminal(), XTERM, False, Picture),
        (Terminal(), {"TERM": "dumb"}, False, Lines),
        (Terminal(), {}, False, Lines),
        (io.StringIO(), XTERM, False, Lines),
        (Terminal(), XTERM, True, Silent),
    ],
)
def test_what_is_shown_suits_stderr(
    stderr: io.StringIO, environ: dict[str, str], silent: bool, kind: type[Board[Progress]]
) -> None:
    """A bar where the cursor can be moved, lines elsewhere, nothing where nothing is wanted."""
    assert isinstance(board_of(shell_of(stderr=stderr, environ=environ), wall, silent=silent), kind)


@pytest.mark.parametrize("kind", [io.StringIO, Gone, HungUp])
@pytest.mark.parametrize("silent", [True, False])
def test_remarks_are_made_wherever_somebody_reads(kind: type[io.StringIO], silent: bool) -> None:
    """Without control characters; and where nobody does, nothing comes of it."""
    stderr = kind()
    board = board_of(shell_of(stderr=stderr), wall, silent=silent)
    board.say("racer: \x1b[31mfull")
    board.say("racer: full")
    board.close()

    assert text_of(stderr) == ("racer: full\n" * 2 if kind is io.StringIO else "")


@pytest.mark.anyio
async def test_silence_is_silence() -> None:
    """Hours of it."""
    shell = shell_of()
    board = board_of(shell, wall, silent=True)
    board.begin(Job())
    await anyio.sleep(3600)
    board.close()

    assert text_of(shell.stderr) == ""


# ---------------------------------------------------------------- lines


@pytest.mark.anyio
async def test_a_pipe_gets_a_line_every_few_seconds() -> None:
    """While something is done."""
    shell, job = shell_of(), Job()
    board = board_of(shell, wall, silent=False)
    board.begin(job)
    for done in range(1, 4):
        job.now = replace(FRESH, done=done)
        await anyio.sleep(LINE_SECONDS)
    board.close()
    board.close()
    await anyio.sleep(NEWS_SECONDS)

    lines = text_of(shell.stderr).splitlines()
    assert [line.split(" ")[0] for line in lines[:2]] == ["1", "2"]
    assert lines[0] == "1 of 5,000 (0 %): 0 failed, 0 in flight"
    assert len(lines) in (2, 3)


@pytest.mark.anyio
async def test_where_nothing_is_done_lines_are_rare() -> None:
    """One a minute says that it lives."""
    shell = shell_of()
    board = board_of(shell, wall, silent=False)
    board.begin(Job())
    await anyio.sleep(10 * NEWS_SECONDS + 1)
    board.close()

    assert len(text_of(shell.stderr).splitlines()) == 10


@pytest.mark.anyio
async def test_a_sleep_is_told_once() -> None:
    """And its end; another instant to wake at is news, a second more or less is none."""
    shell, job = shell_of(), Job(HALF)
    board = board_of(shell, wall, silent=False)
    board.begin(job)
    for until in (7200.0, 7201.0, 10_800.0, None):
        at = None if until is None else NOON + until
        job.now = replace(HALF, asleep_until=at, lanes=())
        await anyio.sleep(600)
    board.close()

    lines = text_of(shell.stderr).splitlines()
    assert ["asleep until" in line for line in lines[:3]] == [True, True, False]
    assert len(lines) <= 3 + 10


@pytest.mark.anyio
async def test_lines_that_nobody_reads_stop_no_batch() -> None:
    """It goes silent, and on."""
    board = board_of(shell_of(stderr=Gone()), wall, silent=False)
    board.begin(Job())
    await anyio.sleep(10 * NEWS_SECONDS)
    board.say("racer: full")
    board.close()


# ---------------------------------------------------------------- bar


async def shown(job: Job, *, seconds: float = 1.0, **environ: str) -> str:
    stream = Terminal()
    board = board_of(shell_of(stderr=stream, environ={**XTERM, **environ}), wall, silent=False)
    board.begin(job)
    await anyio.sleep(seconds)
    board.close()
    return stream.getvalue()


@pytest.mark.anyio
async def test_the_last_frame_stays() -> None:
    """It is how things stood at the end, and the cursor is back."""
    raw = await shown(Job(HALF))
    lines = [line for line in terminal.screen(raw) if line]

    assert lines[0].endswith("62 %  3,100 of 5,000")
    assert lines[1].startswith("38 failed, 12 in flight, 14.2/s")
    assert lines[-1].startswith("mistral/small waits until ")
    assert raw.endswith("\x1b[?25h")


@pytest.mark.anyio
async def test_frames_follow_the_batch() -> None:
    """A few a second, and a last one when it is closed."""
    job, stream = Job(), Terminal()
    board = board_of(shell_of(stderr=stream, environ=XTERM), wall, silent=False)
    board.begin(job)
    for done in (10, 20, 30):
        job.now = replace(FRESH, done=done)
        await anyio.sleep(FRAME_SECONDS)
    job.now = replace(FRESH, done=40)
    board.close()
    board.close()
    length = len(stream.getvalue())
    await anyio.sleep(10)

    assert all(f"{done} of 5,000" in stream.getvalue() for done in (0, 10, 20, 40))
    assert terminal.screen(stream.getvalue())[0].endswith("40 of 5,000")
    assert len(stream.getvalue()) == length


@pytest.mark.anyio
async def test_a_remark_stands_above_the_bar() -> None:
    """The next frame is drawn below it, and leaves no remains."""
    stream = Terminal()
    board = board_of(shell_of(stderr=stream, environ=XTERM), wall, silent=False)
    board.begin(Job(FRESH))
    await anyio.sleep(1)
    board.say("racer: \x1b[31mfull")
    await anyio.sleep(1)
    board.close()

    lines = [line for line in terminal.screen(stream.getvalue()) if line]
    assert lines[0] == "racer: full"
    assert [line for line in lines if "of 5,000" in line] == lines[1:2]


@pytest.mark.anyio
@pytest.mark.parametrize("columns", [1, 2, 10, 40, 200])
async def test_few_columns_are_enough(columns: int) -> None:
    """No line is wider than the terminal."""
    raw = await shown(Job(HALF), COLUMNS=str(columns))
    assert all(len(line) <= columns for line in terminal.screen(raw))


@pytest.mark.anyio
async def test_no_colour_means_none() -> None:
    """NO_COLOR leaves the bar."""
    raw = await shown(Job(HALF), NO_COLOR="1")
    assert "━" in raw
    assert "\x1b[32m" not in raw
    assert "\x1b[32m" in await shown(Job(HALF))


@pytest.mark.anyio
@pytest.mark.parametrize("stream", [HungUp(), GoneTerminal()])
async def test_a_terminal_that_was_closed_stops_no_batch(stream: io.StringIO) -> None:
    """The batch runs through the night all the same."""
    board = board_of(shell_of(stderr=stream, environ=XTERM), wall, silent=False)
    board.begin(Job(HALF))
    board.say("racer: full")
    await anyio.sleep(2)
    board.close()


def test_a_bar_that_never_began_can_be_closed() -> None:
    """As one whose batch could not be opened."""
    stream = Terminal()
    board_of(shell_of(stderr=stream, environ=XTERM), wall, silent=False).close()
    assert stream.getvalue() == ""
