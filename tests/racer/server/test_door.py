"""Connections: silent ones, slow ones, too many of them, and what is no HTTP."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import orjson
import pytest

from racer.server.app import ROUTES, Route
from racer.testing import hangs, says
from tests.racer.server.houses import CHAT, PATIENCE, QUICK, Line, line, post, room, said, status_of, until

if TYPE_CHECKING:
    from aiohttp import web

    from racer.server.house import House
    from racer.server.visit import Visit

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
IMPATIENT = replace(QUICK, head=0.5, body=0.5)
BODY = orjson.dumps(said())
LIVES = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.mark.parametrize("first", ["", "GET /li", "GET /livez HTTP/1.1\r\nhost: localhost\r\nx: "])
async def test_slow_heads(first: str) -> None:
    """Whoever has not said what he wants by then is hung up on, however he goes on."""
    async with room(timeouts=IMPATIENT) as place, line(place.server) as raw:
        began = anyio.current_time()
        await raw.say(first)
        assert await raw.hear() == b""
        assert 0.4 < anyio.current_time() - began < 5
        assert (await place.ask())[0] == 200


@pytest.mark.parametrize("first", ["GET /li", "GET /livez HTTP/1.1\r\nhost: localhost\r\nx: "])
async def test_slow_heads_of_later_requests(first: str) -> None:
    """They have the same time, counted from their first byte: a connection that rests is not hurried."""
    async with room(timeouts=replace(QUICK, head=0.3)) as place, line(place.server) as raw:
        await raw.say(LIVES)
        assert status_of(await raw.hear(b"alive")) == 200
        await anyio.sleep(0.5)
        await raw.say(LIVES)
        assert status_of(await raw.hear(b"alive")) == 200
        began = anyio.current_time()
        await raw.say(first)
        assert await raw.hear() == b""
        assert 0.2 < anyio.current_time() - began < 5


async def test_a_head_behind_a_question() -> None:
    """Who has begun to ask again has his first answer before he must go on."""
    timeouts = replace(QUICK, head=0.3)
    async with room({"a": says("hello", after=0.5)}, timeouts=timeouts) as place, line(place.server) as raw:
        await raw.say(post(BODY).replace(b"connection: close\r\n", b""))
        await place.until("sent", "a")
        await raw.say("GET /livez")
        assert status_of(await raw.hear(b"hello")) == 200
        await raw.say(LIVES.removeprefix("GET /livez"))
        assert status_of(await raw.hear(b"alive")) == 200


async def test_bodies_are_no_heads() -> None:
    """A body that takes longer than a head may is read to its end."""
    async with room(timeouts=replace(QUICK, head=0.2)) as place, line(place.server) as raw:
        await raw.say(post(BODY)[:-5])
        for at in (-5, -4, -3, -2):
            await anyio.sleep(0.1)
            await raw.say(post(BODY)[at : at + 1])
        await raw.say(post(BODY)[-1:])
        assert status_of(await raw.hear()) == 200


async def test_slow_bodies() -> None:
    """408, with the time that there was; nothing was asked."""
    async with room(timeouts=IMPATIENT) as place, line(place.server) as raw:
        await raw.say(post(BODY)[:-5])
        answer = await raw.hear()

    assert status_of(answer) == 408
    assert b"slow_body" in answer
    assert place.transport.requests == []


async def test_bodies_that_dawdle() -> None:
    """A byte now and then is not enough: who waits for a body holds a place that others want."""
    timeouts = replace(QUICK, pace=0.4)
    async with room(timeouts=timeouts, max_in_flight=1) as place, line(place.server) as raw:
        await raw.say(post(BODY)[:-9])
        for at in range(-9, -4):
            await anyio.sleep(0.05)
            await raw.say(post(BODY)[at : at + 1])
        answer = await raw.hear()
        assert (await place.ask())[0] == 200

    assert status_of(answer) == 408
    assert b"16 KiB of it not within 0.4 s" in answer


async def test_long_bodies_on_their_way() -> None:
    """One that is large has as long as its pace is kept."""
    body = orjson.dumps(said(messages=[{"role": "user", "content": "x" * 80_000}]))
    async with room(timeouts=replace(QUICK, pace=0.4)) as place, line(place.server) as raw:
        data = post(body)
        for at in range(0, len(data), 20_000):
            await raw.say(data[at : at + 20_000])
            await anyio.sleep(0.15)
        assert status_of(await raw.hear()) == 200


async def test_a_body_that_ends_early() -> None:
    """A client that leaves half-way is nobody's loss."""
    async with room() as place:
        async with line(place.server) as raw:
            await raw.say(post(BODY)[:-5])
            await anyio.sleep(0.05)
        (told,) = await place.served()

    assert (told["status"], told["route"]) == ("left", CHAT)
    assert place.server.house.visitors.in_flight == 0


async def test_broken_chunks() -> None:
    """400: the body is not what its headers say."""
    async with room() as place, line(place.server) as raw:
        await raw.say(post(b"").replace(b"content-length: 0", b"transfer-encoding: chunked") + b"zz\r\n\r\n")

        assert status_of(await raw.hear()) == 400


async def test_silent_ones_give_way() -> None:
    """Any number of them keeps nobody out who has something to ask."""
    async with room(connections=8) as place, AsyncExitStack() as stack:
        silent: list[Line] = [await stack.enter_async_context(line(place.server)) for _ in range(40)]
        for _ in range(3):
            assert (await place.ask())[0] == 200
        gone = [await each.hear() for each in silent[:32]]

    assert gone == [b""] * 32


async def test_idle_ones_give_way() -> None:
    """A connection that has had its answer and waits for another question is as good as silent."""
    async with room(connections=4) as place, AsyncExitStack() as stack:
        idle: list[Line] = [await stack.enter_async_context(line(place.server)) for _ in range(4)]
        for each in idle:
            await each.say(LIVES)
            assert status_of(await each.hear(b"alive")) == 200
        for _ in range(3):
            async with line(place.server) as raw:
                await raw.say(LIVES)
                assert status_of(await raw.hear(b"alive")) == 200
        assert await idle[0].hear() == b""
        await idle[3].say(LIVES)
        assert status_of(await idle[3].hear(b"alive")) == 200


async def test_busy_ones_do_not() -> None:
    """Where all places are taken by people who wait for answers, the last one to come is turned away."""
    async with room({"a": hangs()}, connections=2) as place, AsyncExitStack() as stack:
        for _ in range(2):
            held = await stack.enter_async_context(line(place.server))
            await held.say(post(BODY))
        await until(lambda: place.transport.open == 2)
        async with line(place.server) as raw:
            await raw.say(LIVES)
            assert await raw.hear() == b""


async def large(house: House, visit: Visit) -> web.StreamResponse:
    return visit.json("x" * 8_000_000)


async def test_answers_that_nobody_takes() -> None:
    """Who asks and asks and reads nothing is hung up on once his answers do not go out any more."""
    routes = (*ROUTES, Route("GET", "/large", large))
    async with room(timeouts=replace(QUICK, write=0.3), routes=routes) as place, line(place.server) as raw:
        with anyio.fail_after(PATIENCE):
            await raw.say(b"GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n" * 500_000)
        assert (await place.ask())[0] == 200


async def sent_ahead(house: House, visit: Visit) -> web.StreamResponse:
    transport = visit.request.transport
    assert transport is not None
    raw = transport.get_extra_info("socket")
    return visit.json(raw.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))


async def test_what_the_system_holds() -> None:
    """A slow reader's answer waits where it is made, and not in megabytes of the system's own."""
    async with room(routes=(Route("GET", "/ahead", sent_ahead),)) as place, line(place.server) as raw:
        await raw.say("GET /ahead HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        answer = await raw.hear()

    assert 64 * 1024 <= int(answer.rpartition(b"\r\n")[2]) <= 512 * 1024


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"\x00\x01\x02\x03\r\n\r\n", 400),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nhost: localhost\r\n" + b"x: a\r\n" * 1000 + b"\r\n", 400),
        (b"GET /livez HTTP/1.1\nhost: evil.com\n\n", 400),
    ],
)
async def test_what_is_no_http(data: bytes, status: int) -> None:
    """Told so in our own form, without a word of what it was, and the connection ends."""
    async with room() as place, line(place.server) as raw:
        await raw.say(data)
        answer = await raw.hear()

    assert status_of(answer) == status
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "bad_http"
    assert b"evil" not in answer
    assert b"aaaa" not in answer


async def test_upgrades() -> None:
    """Neither HTTP/2 nor a web socket is spoken: the request is answered as it is."""
    async with room() as place, line(place.server) as raw:
        await raw.say(
            "GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n"
            "http2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
        )

        assert status_of(await raw.hear()) == 200
