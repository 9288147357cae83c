"""Scripts on a real connection: each step as the other side sees it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from racer.sim.player import play, reset
from racer.sim.script import Flood, Hang, Reset, Script, Send
from tests.racer.sim.loopback import PATIENCE, Wiretap, listening, tapped

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aiohttp import web

pytestmark = pytest.mark.anyio
PLAIN = {"content-type": "text/plain"}


@asynccontextmanager
async def played(script: Script, opened: list[str] | None = None) -> AsyncGenerator[Wiretap]:
    """A connection whose first request is answered by `script`; each opening is noted in `opened`."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        notes = [] if opened is None else opened
        return await play(
            script, request, asyncio.get_running_loop().time(), opened=lambda: notes.append("open")
        )

    async with listening(handle) as port, tapped(port) as tap:
        yield tap


@pytest.mark.parametrize(
    "script",
    [
        Script(200, PLAIN, (Send(0.0, b"hello"),)),
        Script(200, PLAIN, (Send(0.0, b"he"), Send(0.0, b"llo"))),
        Script(200, PLAIN, (Send(0.001, b"he"), Send(0.002, b"llo")), opens=0.001),
    ],
)
async def test_chunked_bodies(script: Script) -> None:
    """Without a length the body is chunked and ends cleanly, in one write or many."""
    opened: list[str] = []
    async with played(script, opened) as tap:
        await tap.ask("/", {})
        data = await tap.read(b"0\r\n\r\n")

    head, _, body = data.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.lower()
    assert b"".join(body.split(b"\r\n")[1::2]) == b"hello"
    assert opened == ["open"]


@pytest.mark.parametrize("steps", [(Send(0.0, b"hello"),), (Send(0.0, b"he"), Send(0.001, b"llo"))])
async def test_bodies_with_a_length(steps: tuple[Send, ...]) -> None:
    """With a length the body is as it is."""
    async with played(Script(201, PLAIN, steps, length=5)) as tap:
        await tap.ask("/", {})
        data = await tap.read(b"hello")

    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201")
    assert b"content-length: 5" in head.lower()
    assert body == b"hello"


async def test_the_connection_can_be_used_again() -> None:
    """A clean end leaves it open for the next request."""
    async with played(Script(200, PLAIN, (Send(0.0, b"x"),), length=1)) as tap:
        for n in (1, 2):
            await tap.ask("/", {})
            with anyio.fail_after(PATIENCE):
                while tap.data.count(b"HTTP/1.1 200") < n or not tap.data.endswith(b"x"):
                    tap.data += await tap.reader.read(1000)


async def test_an_old_client_gets_its_body_without_chunks() -> None:
    """HTTP/1.0 ends the body with the connection."""
    async with played(Script(200, PLAIN, (Send(0.0, b"hello"),))) as tap:
        await tap.ask("/", {}, version="1.0")
        data = await tap.read()

    assert data.endswith(b"\r\n\r\nhello")
    assert b"chunked" not in data


async def test_reset_before_the_head() -> None:
    """Not one byte, and the connection is reset, not closed."""
    opened: list[str] = []
    async with played(Script(0, {}, (Reset(0.0),), opens=None), opened) as tap:
        await tap.ask("/", {})
        data = await tap.read()

    assert (data, tap.was_reset, opened) == (b"", True, [])


async def test_reset_in_the_body() -> None:
    """What was sent arrives, then the reset."""
    async with played(Script(200, PLAIN, (Send(0.0, b"half"), Reset(0.001)), length=8)) as tap:
        await tap.ask("/", {})
        data = await tap.read()

    assert data.endswith(b"\r\n\r\nhalf")
    assert tap.was_reset


@pytest.mark.parametrize(("opens", "heads"), [(None, 0), (0.0, 1)])
async def test_a_hang_ends_when_the_client_goes(opens: float | None, heads: int) -> None:
    """The handler is cancelled at once; until then at most the head was sent."""
    gone = asyncio.Event()
    begun = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        try:
            script = Script(200, PLAIN, (Hang(),), opens=opens)
            begun.set()
            return await play(script, request, 0.0, opened=lambda: None)
        except asyncio.CancelledError:
            gone.set()
            raise

    async with listening(handle) as port:
        async with tapped(port) as tap:
            await tap.ask("/", {})
            await begun.wait()
            if heads:
                await tap.read(b"\r\n\r\n")
        with anyio.fail_after(PATIENCE):
            await gone.wait()
    assert tap.data.count(b"HTTP/1.1 200") == heads


@pytest.mark.parametrize("gap", [0.0, 0.001])
async def test_a_flood_goes_on(gap: float) -> None:
    """The same data again and again, for as long as somebody reads."""
    async with played(Script(200, PLAIN, (Flood(0.0, b"drip", gap),))) as tap:
        await tap.ask("/", {})
        with anyio.fail_after(PATIENCE):
            while tap.data.count(b"drip") < 20:
                tap.data += await tap.reader.read(100)


async def test_reset_of_a_lost_connection_is_nothing() -> None:
    """The client may have gone before us."""
    done = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            reset(request)
            done.set()
        raise AssertionError

    async with listening(handle) as port:
        async with tapped(port) as tap:
            await tap.ask("/", {})
        with anyio.fail_after(PATIENCE):
            await done.wait()
