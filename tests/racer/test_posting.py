"""racer/posting.py: requests put on a connection. What can go wrong with one is in test_transport.py."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from yarl import URL

from racer.posting import LARGEST, MOST, TRIES, Posting, fits
from racer_adapters.types import WireRequest
from tests.racer.wire_server import Peer, serving

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from aiohttp.connector import Connection

    from racer.posting import Posted, Route

pytestmark = pytest.mark.anyio

TEXT = b'{"q": 1}'
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
ADDRESS = "http://a.test/v1/chat?x=1"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Real sockets need the real clock."""
    return "asyncio", {"debug": True}


@asynccontextmanager
async def posting() -> AsyncGenerator[Posting]:
    async with aiohttp.ClientSession(headers={"user-agent": "llm-racer"}) as session:
        yield Posting(session, 8190)


def route(
    of: Posting,
    address: str = ADDRESS,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    body: bytes = TEXT,
) -> Route | None:
    return of.route(WireRequest(method, address, headers or {}, body), URL(address, encoded=True))


async def answered(of: Posting, address: str) -> Posted:
    found = route(of, address)
    assert found is not None
    return await of.post(found, TEXT)


async def test_the_head_of_a_request() -> None:
    """What the session says of itself, and over it what the request says; a name is there once."""
    async with posting() as of:
        found = route(of, headers={"User-Agent": "mine", "Authorization": "Bearer x"})
    assert found is not None
    lines = found.head.split(b"\r\n")
    assert lines[0] == b"POST /v1/chat?x=1 HTTP/1.1"
    assert sorted(lines[1:]) == [
        b"Content-Length: ",
        b"accept: */*",
        b"authorization: Bearer x",
        b"content-type: application/octet-stream",
        b"host: a.test",
        b"user-agent: mine",
    ]


async def test_what_the_session_has_to_send() -> None:
    """Whatever is more than a short text posted."""
    async with posting() as of:
        assert route(of, method="GET") is None
        assert route(of, body=b"") is None
        assert route(of, body=b"x" * (LARGEST + 1)) is None
        assert route(of, "http://me:secret@a.test/") is None
        for name in ("Expect", "transfer-encoding", "Host", "Connection"):
            assert route(of, headers={name: "x"}) is None
            assert route(of, headers={name: "x"}) is None, "and the second time"


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\0", "\x7f"])
async def test_no_header_brings_another(value: str) -> None:
    """A line end in a value would be the end of it."""
    async with posting() as of:
        with pytest.raises(ValueError, match="control character"):
            route(of, headers={"x": value})


async def test_a_route_is_made_once() -> None:
    """For the same address and headers; and not more of them are kept than some."""
    async with posting() as of:
        first = route(of)
        assert first is route(of)
        assert first is not route(of, headers={"x": "1"})
        for number in range(MOST):
            route(of, headers={"x": str(number)})
        assert first is not route(of)


async def test_what_is_said_before_the_answer_is_passed_over() -> None:
    """Servers may say that they are at work."""

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nx-a: b\r\n\r\n" + OK)

    async with serving(handler) as server, posting() as of:
        found = await answered(of, server.url)
        assert (found.status, await found.content.read()) == (200, b"ok")
        assert "x-a" not in found.headers


async def test_a_connection_is_given_back_once() -> None:
    """With the end of the body; to close it then does nothing."""

    async def handler(peer: Peer) -> None:
        while request := await peer.request():
            assert request.endswith(b"Content-Length: 8\r\n\r\n" + TEXT)
            await peer.say(OK)

    async with serving(handler) as server, posting() as of:
        for _ in range(2):
            found = await answered(of, server.url)
            assert await found.content.read() == b"ok"
            found.close()
        assert server.accepted == 1


async def test_what_came_unasked_is_nobodys_answer() -> None:
    """A second answer on a connection that was kept: it is closed, and the next request has another one."""
    more = asyncio.Event()

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await more.wait()
        await peer.say(OK.replace(b"ok", b"no"))
        await peer.gone()

    async with serving(handler) as server, posting() as of:
        first = await answered(of, server.url)
        assert await first.content.read() == b"ok"
        more.set()
        await asyncio.sleep(0.05)
        second = await answered(of, server.url)
        assert await second.content.read() == b"ok"
        assert server.accepted == 2


async def test_a_connection_that_is_never_clean() -> None:
    """Nobody is there, after some tries."""

    class Closed(aiohttp.TCPConnector):
        async def connect(self, *given: Any, **named: Any) -> Connection:
            connection = await super().connect(*given, **named)
            assert connection.transport is not None
            connection.transport.close()
            return connection

    async def handler(peer: Peer) -> None:
        await peer.gone()

    async with serving(handler) as server, aiohttp.ClientSession(connector=Closed()) as session:
        with pytest.raises(aiohttp.ClientConnectionResetError):
            await answered(Posting(session, 8190), server.url)
        assert server.accepted == TRIES


async def test_what_becomes_another_protocol_is_not_used_again() -> None:
    """Nobody asked for it."""

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")
        await peer.gone()

    async with serving(handler) as server, posting() as of:
        found = await answered(of, server.url)
        assert found.status == 101
        found.close()
        await server.all_gone.wait()


def test_what_it_stands_on_is_there() -> None:
    """In the aiohttp that is installed; one that lacks a parameter or an attribute is told apart."""
    assert fits()
    assert not fits({aiohttp.ClientRequest: frozenset({"loop", "nobody"})})
    assert not fits(parts={aiohttp.ClientRequest: frozenset({"nobody"})})
