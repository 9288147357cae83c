"""Servers for tests: a scripted network behind, true sockets before."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import orjson

from racer import Racer
from racer.config import RaceDefaults, ServerSettings, TokenSettings
from racer.server.app import ROUTES, Server
from racer.server.audience import Audience
from racer.server.house import Timeouts
from racer.server.journal import Journal
from racer.testing import ScriptedTransport, config_of, says
from racer_adapters.secret import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from racer.server.app import Route
    from racer.testing import Script

PATIENCE = 10.0
CHAT = "/v1/chat/completions"
TOKEN = "correct-horse-battery-staple"
QUICK = Timeouts(head=5.0, body=5.0, idle=5.0, write=5.0, keep_alive=5.0, linger=0.2)


@dataclass
class Room:
    """A server with its lanes, a client that is open, and what was written down."""

    server: Server
    racer: Racer
    transport: ScriptedTransport
    client: aiohttp.ClientSession
    lines: list[tuple[str, str, dict[str, Any]]] = field(
        default_factory=list[tuple[str, str, dict[str, Any]]]
    )

    async def ask(
        self, body: Mapping[str, Any] | None = None, *, path: str = CHAT, **more: Any
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """Status, body and headers of the answer to a question."""
        async with self.client.post(
            f"{self.server.url}{path}", json=said(**(body or {})), **more
        ) as response:
            return response.status, orjson.loads(await response.read()), response.headers

    async def until(self, event: str, server: str) -> None:
        """Until the scripted network has seen something of one of its servers."""
        with anyio.fail_after(PATIENCE):
            while not any(each[:2] == (server, event) for each in self.transport.log):  # noqa: ASYNC110
                await anyio.sleep(0.001)

    async def served(self, number: int = 1) -> list[dict[str, Any]]:
        """The fields of so many requests that are over."""
        with anyio.fail_after(PATIENCE):
            while len(self.requests) < number:  # noqa: ASYNC110 - nobody is told of a line
                await anyio.sleep(0.001)
        return self.requests

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [fields for _, name, fields in self.lines if name == "http.request"]


async def until(true: Callable[[], bool]) -> None:
    """Until something is so that nobody is told of."""
    with anyio.fail_after(PATIENCE):
        while not true():  # noqa: ASYNC110
            await anyio.sleep(0.001)


def said(**more: Any) -> dict[str, Any]:
    """The body of a question."""
    return {"model": "auto", "messages": [{"role": "user", "content": "hello"}], **more}


def token(name: str = "team", value: str = TOKEN, **limits: int) -> TokenSettings:
    return TokenSettings(name, "TEAM_TOKEN", Secret(value), **limits)


@asynccontextmanager
async def room(
    scripts: Mapping[str, Script | Sequence[Script]] | None = None,
    *,
    timeouts: Timeouts = QUICK,
    routes: Sequence[Route] = ROUTES,
    connections: int = 100,
    race: RaceDefaults | None = None,
    **settings: Any,
) -> AsyncGenerator[Room]:
    """A server on any free port. Its lanes say hello where `scripts` have nothing for them."""
    transport = ScriptedTransport(scripts or {"a": says("hello")})
    lines: list[tuple[str, str, dict[str, Any]]] = []
    journal = Journal(lambda level, name, fields: lines.append((level, name, dict(fields))))
    audience = Audience()
    async with AsyncExitStack() as stack:
        config = config_of(*(scripts or ["a"]), env={"RACER_LOG": "off"}, race=race or RaceDefaults())
        racer = await stack.enter_async_context(Racer(config, transport=transport, observers=[audience]))
        server = await stack.enter_async_context(
            Server(
                racer, replace(ServerSettings(port=0), **settings), audience,
                timeouts=timeouts, journal=journal, routes=routes, connections=connections,
            )
        )  # fmt: skip
        client = await stack.enter_async_context(aiohttp.ClientSession())
        yield Room(server, racer, transport, client, lines)


@dataclass
class Line:
    """A connection of raw bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes | str) -> None:
        self.writer.write(data.encode("latin-1") if isinstance(data, str) else data)
        with suppress(ConnectionError):
            await self.writer.drain()

    async def hear(self, until: bytes | None = None) -> bytes:
        """What comes up to `until`, or to the end; a reset is an end."""
        data = b""
        with anyio.fail_after(PATIENCE):
            while until is None or until not in data:
                try:
                    more = await self.reader.read(65536)
                except ConnectionError:
                    break
                if not more:
                    break
                data += more
        return data


@asynccontextmanager
async def line(server: Server) -> AsyncGenerator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def post(body: bytes, *more: str, host: str = "127.0.0.1", path: str = CHAT) -> bytes:
    """A whole request for a connection of raw bytes, which ends with its answer."""
    head = [
        f"POST {path} HTTP/1.1", f"host: {host}", "content-type: application/json", "connection: close",
        f"content-length: {len(body)}", *more,
    ]  # fmt: skip
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def status_of(data: bytes) -> int:
    """Of an answer in raw bytes; 0 where there was none."""
    return int(data.split(b" ", 2)[1]) if data.startswith(b"HTTP/") else 0
