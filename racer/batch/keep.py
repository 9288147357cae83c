"""Results on their way to where they are safe: into OUT, to the sinks, and to whoever iterates."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from racer.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from concurrent.futures import Executor

    from racer.batch.jobfile import Job
    from racer.batch.line import Result
    from racer.batch.rows import Row

    Sink = Callable[[Result], Awaitable[None] | None]

LINGER = 0.02  # seconds in which results gather, for a write costs as much for one as for many
ENOUGH = 64


class Kept(NamedTuple):
    """A result, and its row where there is an OUT."""

    result: Result
    row: Row | None


class Keep:
    """`saved` is told when so many results are safe: not before they are written, and read where somebody
    reads. `troubled` is told when OUT cannot be written: then no more should be begun, for what comes now is
    kept in memory until the end.
    """

    def __init__(self, executor: Executor | None, sinks: Sequence[Sink]) -> None:
        self._executor = executor
        self._sinks = sinks
        self._job: Job | None = None
        self._saved: Callable[[int], None] = _nobody
        self._troubled: Callable[[JobError], None] = _nobody
        self._read = False
        self._waiting: list[Kept] = []
        self._stirred = asyncio.Event()
        self._ended = False
        self.trouble: JobError | None = None
        self.ready: deque[Result] = deque()
        self.arrived = asyncio.Event()

    def begin(
        self,
        job: Job | None,
        saved: Callable[[int], None],
        troubled: Callable[[JobError], None],
        *,
        read: bool,
    ) -> None:
        """`job` is where results are written. With `read`, somebody iterates over them."""
        self._job, self._saved, self._troubled, self._read = job, saved, troubled, read

    def put(self, result: Result, row: Row | None) -> None:
        self._waiting.append(Kept(result, row))
        self._stirred.set()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._stirred.set()

    def take(self) -> Result | None:
        """The next one for whoever iterates."""
        if not self.ready:
            return None
        self._saved(1)
        return self.ready.popleft()

    async def run(self) -> None:
        """Until the end. Raises the first JobError then: what could not be written was tried once more."""
        while not (self._ended and not self._waiting):
            await self._stirred.wait()
            if not self._ended and len(self._waiting) < ENOUGH:
                await asyncio.sleep(LINGER)
            self._stirred.clear()
            if self.trouble is None or self._ended:
                await self._keep_all()
            if self._ended:
                self._stirred.set()
        if self.trouble is not None:
            raise self.trouble

    async def _keep_all(self) -> None:
        batch, self._waiting = self._waiting, []
        written = False
        try:
            await self._write([kept.row for kept in batch if kept.row is not None])
            written = True
        except JobError as error:
            if self.trouble is not None:
                raise self.trouble from None
            self.trouble = error
            self._troubled(error)
            return
        finally:  # also where it is cancelled: to write a row twice does no harm
            if not written:
                self._waiting = [*batch, *self._waiting]
        await self._hand_on(batch)

    async def _write(self, rows: Sequence[Row]) -> None:
        if self._job is not None and rows:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._job.write, rows)

    def rescue(self) -> Sequence[Row]:
        """What was not written when it ended before its time. Whoever iterates gets the results of it."""
        left, self._waiting = self._waiting, []
        if self._read:
            self.ready.extend(kept.result for kept in left)
        return [kept.row for kept in left if kept.row is not None]

    async def _hand_on(self, batch: Sequence[Kept]) -> None:
        for sink in self._sinks:
            for kept in batch:
                told: Any = sink(kept.result)
                if inspect.isawaitable(told):
                    await told
        if self._read:
            self.ready.extend(kept.result for kept in batch)
            self.arrived.set()
        else:
            self._saved(len(batch))


def _nobody(_: object) -> None:
    """Nobody is told yet."""
