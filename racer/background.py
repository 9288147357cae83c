"""Work that belongs to a Racer and not to one race: it ends with its owner, and no exception is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Background:
    """Tasks that live until they are done or the owner closes.

    Plain asyncio tasks and not a task group: an owner may be entered in one task and left in another,
    as web frameworks do with what they start and stop.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._faults: list[Exception] = []
        self._closed = False

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        """Run `work` aside. After closing, it is dropped."""
        if self._closed:
            work.close()
            return None
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        fault = None if task.cancelled() else task.exception()
        if isinstance(fault, Exception):
            self._faults.append(fault)

    async def aclose(self, *, patience: float = 0.0) -> None:
        """Give the work `patience` seconds to end, cancel the rest, and wait for it.

        A caller whose scope is cancelled has no patience, but still waits for what it cancels. Raises what
        any of the work has raised: the exception itself, or a group where there are several.
        """
        self._closed = True
        tasks = tuple(self._tasks)
        try:
            if tasks and patience:
                await asyncio.wait(tasks, timeout=patience)
        finally:
            for task in tasks:
                task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.gather(*tasks, return_exceptions=True)
        faults, self._faults = self._faults, []
        if faults:
            raise faults[0] if len(faults) == 1 else ExceptionGroup("work in the background failed", faults)
