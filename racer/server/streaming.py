"""A reply that is sent while it comes.

Rule 1: nothing is sent before the race is decided or `keep_alive` seconds are over: so an error has its true
        status, and the headers name who answers. Later ones stand in the stream.
Rule 2: pieces are read no faster than the client takes them, and a client that takes nothing is cut off.
Rule 3: leaving, in whatever way, leaves the race, too.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from racer.core.piece import Piece
from racer.errors import RacerError
from racer.server import fault
from racer.server.visit import racer_headers

if TYPE_CHECKING:
    from aiohttp import web

    from racer.core.reply import Reply
    from racer.server.house import House
    from racer.server.question import Question, Refused
    from racer.server.visit import Visit
    from racer.stream import Stream


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known when the first piece is there. `id` is the race's; `created` in unix seconds."""

    id: str
    provider: str
    model: str
    created: int


class Encoder(Protocol):
    """One streamed answer as bytes. `begin` comes before the first piece and once, then pieces, then `end`.

    `keep_alive` may come at any time before the end, and `broken` in its place; either also before `begin`.
    Empty bytes are not sent.
    """

    @property
    def content_type(self) -> str: ...
    def keep_alive(self) -> bytes: ...
    def begin(self, opening: Opening) -> bytes: ...
    def piece(self, piece: Piece) -> bytes: ...
    def end(self, reply: Reply) -> bytes: ...
    def broken(self, refused: Refused) -> bytes: ...


async def streamed(house: House, visit: Visit, question: Question, encoder: Encoder) -> web.StreamResponse:
    """The answer, sent to its end. Raises RacerError while its status can still be told."""
    async with house.racer.stream(question.messages, **question.options) as stream:
        await _Relay(house, visit, stream, encoder).run()
    if visit.opened is None:
        raise RuntimeError("a stream has ended without a head")
    return visit.opened


class _Relay:
    """From the pieces of one stream to the client."""

    def __init__(self, house: House, visit: Visit, stream: Stream, encoder: Encoder) -> None:
        self._house = house
        self._visit = visit
        self._stream = stream
        self._encoder = encoder
        self._began = False
        self._thoughts = ""

    async def run(self) -> None:
        """To its end, or until it breaks off and the client was told."""
        try:
            while (piece := await self._next()) is not None:
                await self._pass_on(piece)
            await self._send(self._beginning() + self._encoder.end(self._stream.reply))
        except RacerError as error:
            if self._visit.opened is None:
                raise
            refused = self._house.refused(error)
            self._visit.code = refused.code
            await self._send(self._encoder.broken(refused))
        except asyncio.CancelledError:
            if self._visit.opened is None or not self._house.sends_away(self._visit):
                raise
            await self._send_away()

    async def _send_away(self) -> None:
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
        told = fault.closing()
        self._visit.code = told.code
        await self._send(self._encoder.broken(told))

    async def _next(self) -> Piece | None:
        """The next piece, None at the end; meanwhile the client hears that somebody is there."""
        while True:
            try:
                async with asyncio.timeout(self._house.timeouts.keep_alive):
                    return await anext(self._stream)
            except StopAsyncIteration:
                return None
            except RacerError:  # one of them is a TimeoutError
                raise
            except TimeoutError:
                await self._send(self._encoder.keep_alive())

    async def _pass_on(self, piece: Piece) -> None:
        """Thoughts alone do not settle who answers: they are held back until the first word."""
        if not self._began:
            self._thoughts += piece.reasoning
            if not (piece.text or piece.tool_calls):
                return
            piece = Piece(piece.text, self._thoughts, piece.tool_calls)
        await self._send(self._beginning() + self._encoder.piece(piece))

    def _beginning(self) -> bytes:
        if self._began:
            return b""
        self._began = True
        self._visit.provider = self._stream.provider
        return self._encoder.begin(
            Opening(
                id=self._visit.trail.race or self._visit.id,
                provider=self._stream.provider or "",
                model=self._stream.model or "",
                created=int(self._house.now()),
            )
        )

    async def _send(self, data: bytes) -> None:
        """Raises ConnectionError where the client does not take it."""
        response = self._visit.opened or await self._open()
        if not data:
            return
        try:
            async with asyncio.timeout(self._house.timeouts.write):
                await response.write(data)
        except TimeoutError:
            if (transport := self._visit.request.transport) is not None:
                transport.abort()
            raise ConnectionResetError("the client takes nothing of its answer") from None

    async def _open(self) -> web.StreamResponse:
        trail = self._visit.trail
        known = self._stream.provider if self._began else None
        headers = racer_headers(known, trail.race, trail.lanes)
        if self._house.stopping.is_set():
            headers["connection"] = "close"
        return await self._visit.stream(self._encoder.content_type, headers)
