"""What the database says, read aside and kept for a moment: many who look on read it once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")

FRESH = 0.5  # seconds; the ledger writes every quarter of one
MOST_KEPT = 32


class Readings:
    """`ticks` never goes back. Nothing is kept of what was raised."""

    def __init__(self, ticks: Callable[[], float], *, fresh: float = FRESH) -> None:
        self._ticks = ticks
        self._fresh = fresh
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._under_way: dict[Hashable, asyncio.Lock] = {}

    async def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` gives, which may wait for the disk, or gave under the same key a moment ago."""
        lock = self._under_way.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                kept = self._kept.get(key)
                if kept is not None and self._ticks() - kept[0] < self._fresh:
                    value: T = kept[1]
                    return value
                at = self._ticks()
                found = await anyio.to_thread.run_sync(read)
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
