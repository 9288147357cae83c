"""Loopback for the simulator's tests: a server around one handler, a client of raw bytes, and patience."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import orjson
from aiohttp import web

from racer.sim import Simulator, parse_profile

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from racer.sim.counters import Counts

PATIENCE = 10.0


@asynccontextmanager
async def listening(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
) -> AsyncGenerator[int]:
    """The port of a server that gives every request to `handler`."""
    runner = web.ServerRunner(
        web.Server(handler, handler_cancellation=True, access_log=None), shutdown_timeout=0.1
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@dataclass
class Wiretap:
    """One connection, and every byte that came over it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    data: bytes = b""
    was_reset: bool = False

    async def ask(
        self, path: str, body: object | None = None, *, version: str = "1.1", method: str = "POST"
    ) -> None:
        payload = b"" if body is None else orjson.dumps(body)
        head = f"{method} {path} HTTP/{version}\r\nhost: 127.0.0.1\r\ncontent-length: {len(payload)}\r\n\r\n"
        self.writer.write(head.encode() + payload)
        await self.writer.drain()

    async def read(self, until: bytes | None = None) -> bytes:
        """All bytes up to `until`, or to the end: a reset is an end, and is told in `was_reset`."""
        with anyio.fail_after(PATIENCE):
            while until is None or until not in self.data:
                try:
                    more = await self.reader.read(65536)
                except ConnectionResetError:
                    self.was_reset = True
                    return self.data
                if not more:
                    return self.data
                self.data += more
        return self.data


@asynccontextmanager
async def tapped(port: int) -> AsyncGenerator[Wiretap]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wiretap(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def port_of(simulator: Simulator) -> int:
    return int(simulator.url.rpartition(":")[2])


def simulating(toml: str) -> Simulator:
    """A simulator of the profile that `toml` writes."""
    return Simulator(parse_profile(toml))


def one(toml: str, name: str = "a") -> Simulator:
    """A simulator of one provider with the model m."""
    return simulating(f'[providers.{name}]\nmodels = ["m"]\n{toml}')


async def seen(simulator: Simulator, fits: Callable[[Counts], bool], provider: str = "a") -> Counts:
    """The counts of `provider`, once they fit: a server hears of a client's going a moment later."""
    with anyio.fail_after(PATIENCE):
        while not fits(simulator.counters().providers[provider]):  # noqa: ASYNC110 - counting wakes nobody
            await anyio.sleep(0.001)
    return simulator.counters().providers[provider]
