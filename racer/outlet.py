"""Between the lane that leads a race and the reader of its stream: pieces, and who waits for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from racer.core.piece import Pending
from racer.errors import RacerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.core.piece import Piece
    from racer.core.provider import Lane

MOST_UNREAD = 16 * 1024


class Outlet:
    """Holds what the reader has not taken yet, as one piece: a slow reader gets larger ones, not more.

    `taken` turns true when something of the answer itself has reached the reader, who may wait for it
    already; `when_taken` is told of that once, if the reader came later.
    """

    def __init__(self) -> None:
        self.lane: Lane | None = None
        self.taken = False
        self.closed = False
        self.when_taken: Callable[[], None] = _nobody
        self._waited_for = False
        self._pending = Pending()
        self._unread = 0
        self._news = anyio.Event()
        self._room = anyio.Event()

    # ------------------------------------------------------------ the lane's side

    def put(self, piece: Piece | None) -> None:
        if piece is None:
            return
        self._pending.text.append(piece.text)
        self._pending.reasoning.append(piece.reasoning)
        self._pending.tool_calls.extend(piece.tool_calls)
        self._unread += len(piece.text) + len(piece.reasoning)
        self._unread += sum(1 + len(delta.arguments) for delta in piece.tool_calls)
        self.taken = self.taken or (self._waited_for and _is_answer(piece))
        self._news.set()

    @property
    def full(self) -> bool:
        """Whether the lane has to wait: enough lies here for the reader."""
        return self._unread >= MOST_UNREAD

    async def room(self) -> None:
        """Until the reader has taken what lies here."""
        while self.full:
            self._room = anyio.Event()
            await self._room.wait()

    def discard(self) -> None:
        """What lies here is of a lane that has failed, and another begins anew."""
        self._take()

    def close(self) -> None:
        """Nothing more comes."""
        self.closed = True
        self._news.set()

    # ---------------------------------------------------------- the reader's side

    @property
    def drained(self) -> bool:
        """Whether all has been read."""
        return self.closed and not self._unread

    async def next(self) -> Piece | None:
        """What has come; waits for it. None at the end. Raises RacerError where somebody waits already."""
        while (piece := self._take()) is None:
            if self.closed:
                return None
            await self._wait()
        if not self.taken and _is_answer(piece):
            self.taken = True
            self.when_taken()
        self._room.set()
        return piece

    async def _wait(self) -> None:
        if self._waited_for:
            raise RacerError("this stream is read by another task already: its pieces cannot be shared")
        self._waited_for = True
        self._news = anyio.Event()
        try:
            await self._news.wait()
        finally:
            self._waited_for = False

    def _take(self) -> Piece | None:
        self._unread = 0
        return self._pending.take()


def _is_answer(piece: Piece) -> bool:
    """Reasoning is none: another lane may begin anew behind it."""
    return bool(piece.text or piece.tool_calls)


def _nobody() -> None:
    """Nothing depends on when the reader comes."""
