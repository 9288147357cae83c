"""Work that belongs to a Racer and not to one race: it ends with its owner, and no exception is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Background:
    """Tasks that live until they are done or the owner closes.

    Plain asyncio tasks and not a task group: an owner may be entered in one task and left in another,
    as web frameworks do with what they start and stop.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` aside. After closing, it is dropped."""
        if self._closed:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self, *, patience: float = 0.0) -> None:
        """Give the work `patience` seconds to end, cancel the rest, and wait for it.

        Raises the first unexpected exception of any.
        """
        self._closed = True
        tasks = tuple(self._tasks)
        if tasks and patience:
            await asyncio.wait(tasks, timeout=patience)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
