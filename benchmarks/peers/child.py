"""The side of a child: does what the parent says, with the client that a peer's file gives it."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmarks.peers.protocol import (
    PROMPT,
    Cancel,
    Cancelled,
    Close,
    Hello,
    Lane,
    Open,
    Race,
    Raced,
    answer_line,
    order_of,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TextIO


class Client(Protocol):
    """What is measured: one object that lives as long as a program would keep it."""

    async def race(self, prompt: str) -> str:
        """The text of the first good reply. Any exception is a race without one."""
        ...

    async def close(self) -> None: ...


def serve(make: Callable[[tuple[Lane, ...], str], Client], *packages: str) -> None:
    """Until the parent says `Close`. What a client prints goes to standard error."""
    versions = {package: _version(package) for package in packages}
    hello = Hello(time.process_time(), memory(), versions)
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    out.write(answer_line(hello))
    asyncio.run(_Child(make, out).run())


def memory() -> float:
    """The most that this program has held, in MB.

    What getrusage says is at least what its parent held when it was started.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    [line] = [each for each in status.read_text().splitlines() if each.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # a checkout that nobody has installed
        return "of this checkout"


class _Child:
    def __init__(self, make: Callable[[tuple[Lane, ...], str], Client], out: TextIO) -> None:
        self._make = make
        self._out = out
        self._lanes: tuple[Lane, ...] = ()
        self._mode = ""
        self._client: Client | None = None

    async def run(self) -> None:
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = order_of(line)
            if isinstance(order, Race):
                self._out.write(answer_line(await self._race(order)))
            elif isinstance(order, Cancel):
                self._out.write(answer_line(await self._cancel(order)))
            else:
                await self._leave()
                if isinstance(order, Close):
                    return
                self._open(order)
                self._out.write(answer_line(None))

    def _open(self, order: Open) -> None:
        self._lanes, self._mode = order.lanes, order.mode
        self._client = self._make(self._lanes, self._mode)

    async def _leave(self) -> None:
        if self._client is not None:
            await self._client.close()
        self._client = None

    async def _race(self, order: Race) -> Raced:
        seconds: list[float] = []
        replies, errors = Counter[str](), Counter[str]()

        async def one() -> None:
            client = self._make(self._lanes, self._mode) if order.fresh else self._client
            assert client is not None
            began = time.perf_counter()
            try:
                text = await asyncio.wait_for(client.race(PROMPT), order.patience)
            except Exception as error:  # whatever a peer raises is how its race ended
                errors[type(error).__name__] += 1
            else:
                seconds.append(time.perf_counter() - began)
                replies[text] += 1
            if order.fresh:
                await client.close()

        wall, cpu = time.perf_counter(), time.process_time()
        await in_parallel(one, order.count, order.at_once)
        spent = time.process_time() - cpu, time.perf_counter() - wall
        return Raced(*spent, seconds, dict(replies), dict(errors))

    async def _cancel(self, order: Cancel) -> Cancelled:
        assert self._client is not None
        before = asyncio.all_tasks()
        callers = [asyncio.ensure_future(self._client.race(PROMPT)) for _ in range(order.count)]
        await asyncio.sleep(order.after)
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
        await asyncio.sleep(order.settle)
        return Cancelled(len(asyncio.all_tasks() - before))


async def in_parallel(one: Callable[[], Awaitable[None]], count: int, at_once: int) -> None:
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(worker() for _ in range(min(at_once, count))))
