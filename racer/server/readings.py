"""What the database says, read aside and kept for a moment: many who look on read it once.

Rule 1: a database on disk is read as another process reads it, in a thread. One in memory is this process's
        alone, and read through the store of its Racer.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from racer.accounts import ledger_file, races, reckoning
from racer.timepiece import timepiece

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Hashable

    from racer.accounts.inquiry import Inquiry
    from racer.accounts.races import Recent, Unclear
    from racer.accounts.statement import Statement
    from racer.accounts.timeline import Timeline
    from racer.api import Racer

T = TypeVar("T")

FRESH = 0.5  # seconds; the ledger writes every quarter of one
MOST_KEPT = 32
MEMORY = ":memory:"


class Readings:
    """`ticks` never goes back. Nothing is kept of what was raised."""

    def __init__(self, ticks: Callable[[], float], *, fresh: float = FRESH) -> None:
        self._ticks = ticks
        self._fresh = fresh
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._under_way: dict[Hashable, asyncio.Lock] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` gives, or gave under the same key a moment ago."""
        lock = self._under_way.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                kept = self._kept.get(key)
                if kept is not None and self._ticks() - kept[0] < self._fresh:
                    value: T = kept[1]
                    return value
                at = self._ticks()
                found = await read()
                self._keep(key, at, found)
                return found
        finally:
            if not lock.locked():
                self._under_way.pop(key, None)

    def _keep(self, key: Hashable, at: float, value: object) -> None:
        """`at` is when reading began: nothing is taken for newer than it is."""
        self._kept.pop(key, None)
        self._kept[key] = (at, value)
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]


class Books:
    """The database of an open Racer. All of it may raise StoreError.

    `folder` is where a relative path of the file begins.
    """

    def __init__(self, racer: Racer) -> None:
        self.folder = Path()
        self._racer = racer
        self._piece = timepiece()
        self._readings = Readings(time.monotonic)

    @property
    def in_memory(self) -> bool:
        return ledger_file.file_of(self._racer.config, self.folder) is None

    async def statement(self, inquiry: Inquiry) -> Statement:
        """What `racer usage` says. Raises BadRequest."""
        return await self._readings.get(inquiry, partial(self._statement, inquiry))

    async def _statement(self, inquiry: Inquiry) -> Statement:
        config = self._racer.config
        if not self.in_memory:
            return await anyio.to_thread.run_sync(reckoning.stated, inquiry, config, self.folder, self._piece)
        told = await self._own(partial(reckoning.stored, inquiry=inquiry))
        reckon = partial(reckoning.statement_of, inquiry, config, told, database=MEMORY)
        return await anyio.to_thread.run_sync(reckon)

    async def recent(self, most: int) -> Recent:
        """The last races, at most so many."""
        return await self._readings.get(("races", most), partial(self._recent, most))

    async def _recent(self, most: int) -> Recent:
        if self.in_memory:
            return await self._own(partial(races.latest, most=most))
        read = partial(races.recent, self._racer.config, self.folder, self._piece, most=most)
        return await anyio.to_thread.run_sync(read)

    async def explained(self, wanted: str | None) -> Timeline | Unclear | None:
        """The race that `wanted` means, as racer.accounts.races has it. It is read anew each time."""
        config = self._racer.config
        if self.in_memory:
            found = await self._own(partial(races.looked_up, wanted=wanted))
            return races.told(found, config)
        return await anyio.to_thread.run_sync(races.explained, wanted, config, self.folder, self._piece)

    async def _own(self, work: Callable[[sqlite3.Connection, float], T]) -> T:
        return await self._racer.store.read(lambda inside: work(inside, ledger_file.now(inside, self._piece)))
