"""A bench as it runs: lines into a pipe, a bar on a terminal, on virtual time."""

from __future__ import annotations

import errno
import io
import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from racer.bench.bench import Progress
from racer.cli.bench_progress import board_of, frame
from racer.cli.board import FRAME_SECONDS, LINE_SECONDS, Lines, Picture
from racer.cli.console import screen
from racer.testing import VirtualLoop
from tests.racer.cli import terminal
from tests.racer.cli.shells import Gone, Terminal, shell_of, text_of

if TYPE_CHECKING:
    from racer.cli.board import Board

pytestmark = pytest.mark.anyio

XTERM = {"TERM": "xterm-256color", "COLUMNS": "60"}
HALF = Progress(3, 20, 71, 142, ("a/m", "b/m"), (), 0.0)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop, "debug": True}


class Job:
    """Says how it stands, and lets the test change that."""

    now = HALF

    def __call__(self) -> Progress:
        return self.now


class HungUp(Terminal):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize(
    ("stderr", "environ", "kind"),
    [(Terminal(), XTERM, Picture), (Terminal(), {"TERM": "dumb"}, Lines), (io.StringIO(), XTERM, Lines)],
)
def test_what_is_shown_suits_stderr(
    stderr: io.StringIO, environ: dict[str, str], kind: type[Board[Progress]]
) -> None:
    """A bar where it can be drawn."""
    assert isinstance(board_of(shell_of(stderr=stderr, environ=environ)), kind)


async def test_a_pipe_gets_a_line_every_few_seconds() -> None:
    """With no colours in it, and none when it is over."""
    shell = shell_of()
    board = board_of(shell)
    board.begin(Job())
    await anyio.sleep(2.5 * LINE_SECONDS)
    board.say("a remark")
    board.close()
    board.close()
    await anyio.sleep(2 * LINE_SECONDS)

    line = "bench: round 4 of 20, 71 of 142 requests, asking a/m, b/m"
    assert text_of(shell.stderr).splitlines() == [line, line, "a remark"]


async def test_a_reader_that_has_gone_is_told_nothing() -> None:
    """And the bench goes on."""
    board = board_of(shell_of(stderr=Gone()))
    board.begin(Job())
    await anyio.sleep(3 * LINE_SECONDS)
    board.say("nobody hears it")
    board.close()


async def test_a_terminal_has_a_bar_that_goes_again() -> None:
    """It moves with the requests; remarks stay above it."""
    stderr, job = Terminal(), Job()
    board = board_of(shell_of(stderr=stderr, environ=XTERM))
    board.begin(job)
    drawn = terminal.screen(stderr.getvalue().replace("\x1b[?25l", ""))
    job.now = replace(HALF, sent=142)
    await anyio.sleep(2 * FRAME_SECONDS)
    whole = terminal.screen(stderr.getvalue())
    board.say("a remark")
    board.close()
    board.close()

    assert drawn[0] == "━" * 10 + "─" * 10 + "  round 4 of 20  71 of 142 requests"
    assert drawn[1] == "asking a/m, b/m"
    assert whole[0].startswith("━" * 20)
    left = [line for line in terminal.screen(stderr.getvalue()) if line]
    assert left == ["a remark"]


async def test_a_narrow_terminal_without_utf_8_gets_what_it_can_show() -> None:
    """No line runs over."""
    raw = io.BytesIO()

    class Ascii(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    stderr = Ascii(raw, encoding="ascii", errors="replace", write_through=True)
    console = screen(stderr, {"TERM": "xterm", "COLUMNS": "40"})
    board = Picture[Progress](console, partial(frame, console))
    board.begin(Job())
    board.close()

    bar = raw.getvalue().decode("ascii").partition("\n")[0]
    plain = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", bar)
    assert plain.rstrip("\r") == "##########..........  round 4 of 20  71 "


async def test_a_terminal_that_was_closed_is_drawn_on_no_more() -> None:
    """The bench goes on."""
    board = board_of(shell_of(stderr=HungUp(), environ=XTERM))
    board.begin(Job())
    await anyio.sleep(3 * FRAME_SECONDS)
    board.say("nobody sees it")
    board.close()


def test_nothing_announced_is_nothing_done() -> None:
    """There is no share of nothing."""
    console = screen(Terminal(), XTERM)

    assert "0 of 0" in frame(console, replace(HALF, sent=0, announced=0)).plain
