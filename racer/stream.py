"""A race that is read while it runs.

Rule 1: the race belongs to the block. It begins when the block is entered, and leaving the block, in whatever
        way, stops it and waits until nothing of it is left.
Rule 2: what has come before a failure is given first, and the failure then.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, Self, cast

from racer.core.reply import T
from racer.errors import RacerError
from racer.outlet import Outlet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from racer.core.piece import Piece
    from racer.core.reply import Reply

    Run = Callable[[Outlet], Awaitable[Reply[Any]]]
    Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None] | None]


class Stream(Generic[T]):
    """Pieces of the winner's reply as they come; `reply` when they have all been read.

    Slow reading slows the winner down: it is read from no faster than its pieces are taken.
    """

    def __init__(self, run: Run, start: Start) -> None:
        self._run = run
        self._start = start
        self._outlet = Outlet()
        self._task: asyncio.Task[None] | None = None
        self._left = False
        self._reply: Reply[Any] | None = None
        self._error: Exception | None = RacerError("this stream was stopped before its end")

    @property
    def reply(self) -> Reply[T]:
        """The whole reply, the same as from `race`. Raises RacerError before the last piece was read."""
        if self._reply is None or not self._outlet.drained:
            raise RacerError("there is no reply before the stream has been read to its end")
        return cast("Reply[T]", self._reply)

    @property
    def provider(self) -> str | None:
        """Whose words these are; None while the race is open."""
        lane = self._outlet.lane
        if self._reply is not None:
            return self._reply.provider
        return None if lane is None else lane.provider.name

    @property
    def model(self) -> str | None:
        """Which model of `provider`."""
        lane = self._outlet.lane
        if self._reply is not None:
            return self._reply.model
        return None if lane is None else lane.model.name

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RacerError("this stream was entered before: call racer.stream() for each")
        self._task = self._start(self._race())
        if self._task is None:
            raise RacerError("this Racer is closed")
        self._task.add_done_callback(self._ended)
        return self

    def _ended(self, _: asyncio.Task[None]) -> None:
        """Also of one that was stopped before its first step."""
        self._outlet.close()

    async def __aexit__(self, *_: object) -> None:
        self._left = True
        task = self._task
        if task is None:
            return
        task.cancel()
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Piece:
        if self._task is None:
            raise RacerError("enter the stream first: async with racer.stream(…) as stream")
        piece = await self._outlet.next()
        if piece is not None:
            return piece
        error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopAsyncIteration

    async def _race(self) -> None:
        try:
            self._reply = await self._run(self._outlet)
            self._error = None
        except Exception as error:  # it is the reader's, whatever it is
            self._error = error
            if self._left and not isinstance(error, RacerError):
                raise  # a bug of which nobody else would hear
