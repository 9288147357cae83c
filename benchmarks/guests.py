"""Clients of all kinds for benchmarks/serving.py: polite, slow, leaving, silent."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

if TYPE_CHECKING:
    import random

    from benchmarks.servers import Served

CHAT = "/v1/chat/completions"
PROMPT = "Why is the sky blue?"
LITTLE = 8192  # bytes that the system may keep for a slow reader


def question(model: str, *, stream: bool, **more: Any) -> bytes:
    messages = [{"role": "user", "content": PROMPT}]
    return orjson.dumps({"model": model, "messages": messages, "stream": stream, **more})


def session() -> aiohttp.ClientSession:
    headers = {"content-type": "application/json"}
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers=headers, timeout=aiohttp.ClientTimeout(300)
    )


async def ask(client: aiohttp.ClientSession, url: str, body: bytes, headers: Any = None) -> float:
    """Seconds until the answer is whole. Raises for one that is none."""
    began = time.perf_counter()
    async with client.post(url, data=body, headers=headers) as answer:
        data = await answer.read()
    if answer.status != 200 or b'"content"' not in data:
        raise RuntimeError(f"{answer.status}: {data[:300]!r}")
    return time.perf_counter() - began


# ---------------------------------------------------------------- many at once


@dataclass
class Crowd:
    """How streams that run at once ended, and how many had begun and were not over at the same time."""

    running: int = 0
    most: int = 0
    ends: Counter[str] = field(default_factory=Counter[str])

    async def stream(self, client: aiohttp.ClientSession, url: str, body: bytes) -> None:
        begun = False
        try:
            async with client.post(url, data=body) as answer:
                last = error = b""
                async for line in answer.content:
                    if not begun and line.startswith(b"data: "):
                        begun = True
                        self.running += 1
                        self.most = max(self.most, self.running)
                    last = line if line.strip() else last
                    error = line if b'"error"' in line else error
            whole = answer.status == 200 and last.strip() == b"data: [DONE]"
            self.ends["whole" if whole else f"{answer.status} {(error or last)[-160:]!r}"] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.ends[repr(error)[:100]] += 1
        finally:
            self.running -= begun


# ---------------------------------------------------------------- raw connections


async def connected(served: Served, *, little: bool = False) -> socket.socket:
    """`little`: the system keeps next to nothing for it."""
    with ExitStack() as unless_connected:
        raw = unless_connected.enter_context(socket.socket())
        raw.setblocking(False)
        if little:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", served.port))
        unless_connected.pop_all()
    return raw


async def say(raw: socket.socket, served: Served, body: bytes) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1:{served.port}\r\ncontent-type: application/json\r\n"
    data = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    await asyncio.get_running_loop().sock_sendall(raw, data)


async def slow_reader(served: Served, body: bytes, over: asyncio.Event, taken: list[int]) -> None:
    """Takes 4 KB each half second until `over`. Raises where it is cut off before."""
    loop = asyncio.get_running_loop()
    raw = await connected(served, little=True)
    place = len(taken)
    taken.append(0)
    try:
        await say(raw, served, body)
        while not over.is_set():
            data = await loop.sock_recv(raw, 4096)
            if not data:
                raise ConnectionError("cut off")
            taken[place] += len(data)
            await asyncio.sleep(0.5)
    finally:
        raw.close()


async def leaver(served: Served, bodies: list[bytes], chance: random.Random) -> str:
    """Goes at a random instant: before a word, half-way through it, waiting, in mid-stream, or at the end."""
    loop = asyncio.get_running_loop()
    raw = await connected(served)
    way = chance.choice(("silent", "half a question", "waiting", "in the midst", "at the end"))
    data = b""
    try:
        body = chance.choice(bodies)
        if way == "half a question":
            await loop.sock_sendall(raw, f"POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-le".encode())
        elif way != "silent":
            await say(raw, served, body)
        if way == "in the midst":
            for _ in range(chance.randint(1, 3)):  # shorter than any answer
                data += await asyncio.wait_for(loop.sock_recv(raw, 100), 10)
        elif way == "at the end":
            while not (data.endswith(b"0\r\n\r\n") or b'"total_tokens"' in data):
                more = await asyncio.wait_for(loop.sock_recv(raw, 65536), 10)
                if not more:
                    return "cut off"
                data += more
        else:
            await asyncio.sleep(chance.choice((0.0, chance.uniform(0, 0.004), chance.uniform(0, 0.1))))
    except (OSError, TimeoutError) as error:
        return f"{way}: {error!r:.60} after {data[:12]!r} … {data[-60:]!r}"
    finally:
        if chance.random() < 0.5:  # a reset instead of an end
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    return way


async def idle(served: Served, count: int, first: bytes) -> list[socket.socket]:
    """So many connections that say this and then nothing. Those that were hung up on are in it, too."""
    loop = asyncio.get_running_loop()
    found: list[socket.socket] = []
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            with suppress(OSError):
                raw = await connected(served)
                found.append(raw)
                if first:
                    await loop.sock_sendall(raw, first)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(loop.sock_recv(raw, 65536), 10)

    await asyncio.gather(*(worker() for _ in range(100)))
    return found
