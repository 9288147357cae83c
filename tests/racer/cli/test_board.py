"""Progress on stderr, whatever it is of, on virtual time. Whole pictures: the tests of batch and bench."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from rich.text import Text

from racer.cli.board import FRAME_SECONDS, LINE_SECONDS, Clockwork, Lines, Picture, Teller
from racer.cli.console import screen
from racer.testing import VirtualLoop
from tests.racer.cli import terminal
from tests.racer.cli.shells import Gone, Terminal, shell_of, text_of

pytestmark = pytest.mark.anyio

XTERM = {"TERM": "xterm-256color", "COLUMNS": "60"}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop, "debug": True}


async def test_a_clockwork_turns_until_it_is_stopped() -> None:
    """Every so many seconds, first when these are over."""
    turns = list[int]()
    clockwork = Clockwork(2.0, lambda: turns.append(1))
    await anyio.sleep(5.0)
    clockwork.stop()
    await anyio.sleep(10.0)

    assert len(turns) == 2


async def test_what_reading_has_nothing_to_say_is_not_said() -> None:
    """A line for every other look."""
    shell, looks = shell_of(), iter(range(100))
    lines = Lines[int](shell, lambda number: f"line {number}" if number % 2 else None)
    lines.begin(lambda: next(looks))
    await anyio.sleep(4.5 * LINE_SECONDS)
    lines.close()
    lines.close()

    assert text_of(shell.stderr).splitlines() == ["line 1", "line 3"]


async def test_who_has_gone_is_told_nothing_more() -> None:
    """Nor is anything raised."""
    stderr = Gone()
    teller = Teller(shell_of(stderr=stderr))
    teller.say("one")
    teller.say("two")

    assert text_of(stderr) == ""


@pytest.mark.parametrize(("transient", "left"), [(True, []), (False, ["3"])])
async def test_the_last_frame_stays_or_goes(transient: bool, left: list[str]) -> None:
    """It is drawn when the picture is closed, however short it was there."""
    stderr, looks = Terminal(), iter(range(100))
    picture = Picture[int](screen(stderr, XTERM), lambda number: Text(f"{number}"), transient=transient)
    picture.begin(lambda: next(looks))
    await anyio.sleep(2.5 * FRAME_SECONDS)
    picture.close()
    picture.close()

    assert [line for line in terminal.screen(stderr.getvalue()) if line] == left
