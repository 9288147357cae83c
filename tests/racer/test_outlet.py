"""Between a lane and a reader: nothing is lost, nothing piles up, and each waits for the other."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from racer.core.piece import Piece
from racer.outlet import MOST_UNREAD, Outlet
from racer_adapters.types import ToolDelta

pytestmark = pytest.mark.anyio


async def test_what_comes_together_is_one_piece() -> None:
    """A reader who comes late gets all that has come, once."""
    outlet = Outlet()
    call = ToolDelta(0, "c1", "weather", "{}")
    outlet.put(Piece("a", "hm"))
    outlet.put(None)
    outlet.put(Piece("b", tool_calls=(call,)))
    outlet.close()

    assert Piece("ab", "hm", (call,)) == await outlet.next()
    assert outlet.drained
    assert await outlet.next() is None
    assert await outlet.next() is None


async def test_the_reader_waits_for_the_lane() -> None:
    """It has the piece in the tick in which it came."""
    outlet = Outlet()
    reading = asyncio.create_task(outlet.next())
    await anyio.sleep(1.0)
    outlet.put(Piece("a"))

    assert Piece("a") == await reading
    assert 1.0 == anyio.current_time()


async def test_the_lane_waits_for_the_reader() -> None:
    """As long as more lies there than is good, counted over text, reasoning and arguments."""
    outlet = Outlet()
    outlet.put(Piece("x" * MOST_UNREAD, "y", (ToolDelta(0, arguments="z"),)))
    assert outlet.full
    waiting = asyncio.create_task(outlet.room())
    await anyio.sleep(1.0)
    assert not waiting.done()
    await outlet.next()
    await waiting

    assert not outlet.full
    await outlet.room()


async def test_reasoning_alone_is_not_the_answer() -> None:
    """What its reader has of the answer cannot be taken back; reasoning can."""
    outlet = Outlet()
    outlet.put(Piece(reasoning="hm"))
    await outlet.next()
    assert not outlet.taken
    outlet.put(Piece("a"))
    await outlet.next()
    assert outlet.taken


async def test_what_is_discarded_is_never_read() -> None:
    """Another lane begins anew."""
    outlet = Outlet()
    outlet.put(Piece("a" * MOST_UNREAD))
    outlet.discard()
    outlet.put(Piece("b"))

    assert Piece("b") == await outlet.next()
    assert not outlet.full
