"""Between the lane that leads a race and the reader of its stream: pieces, and who waits for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from racer.core.piece import Pending

if TYPE_CHECKING:
    from racer.core.piece import Piece
    from racer.core.provider import Lane

MOST_UNREAD = 16 * 1024


class Outlet:
    """Holds what the reader has not taken yet, as one piece: a slow reader gets larger ones, not more.

    `taken` turns true when something of the answer itself has reached the reader.
    """

    def __init__(self) -> None:
        self.lane: Lane | None = None
        self.taken = False
        self.closed = False
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
        """What has come; waits for it. None at the end."""
        while (piece := self._take()) is None:
            if self.closed:
                return None
            self._news = anyio.Event()
            await self._news.wait()
        self.taken = self.taken or bool(piece.text or piece.tool_calls)
        self._room.set()
        return piece

    def _take(self) -> Piece | None:
        self._unread = 0
        return self._pending.take()
