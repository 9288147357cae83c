"""Connections: how many there may be, how long a silent one is kept, and what malformed HTTP is told.

The rest is aiohttp's. When all places are taken, the one that has been silent longest gives way, so that
whoever has something to ask gets in past any number who do not: who never said anything, and who have had
their answer and keep the connection for later.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from racer.server.visit import SAFE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from racer.server.house import Timeouts

_HEAD_LIMIT = 16 * 1024
_AHEAD = 128 * 1024  # bytes that the system may hold for a slow client; left alone, it takes megabytes


class Porch(web.Server):
    """Makes a `Door` for each connection, `most` at once."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        *,
        most: int,
        timeouts: Timeouts,
    ) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=timeouts.idle,
            lingering_time=timeouts.linger,
            max_line_size=_HEAD_LIMIT,
            max_field_size=_HEAD_LIMIT,
        )
        self.most = most
        self.patience = timeouts.head
        self.takes = timeouts.write
        self.leaving = False
        self._silent: dict[Door, None] = {}

    def __call__(self) -> Door:
        return Door(self, loop=self._loop, **self._kwargs)

    def came(self, door: Door) -> None:
        self.rests(door)
        if len(self._connections) > self.most:
            next(iter(self._silent)).shut()

    def rests(self, door: Door) -> None:
        self._silent[door] = None

    def spoke(self, door: Door) -> None:
        self._silent.pop(door, None)

    def leave(self) -> None:
        """Connections that are kept for later end now, all others with their answer."""
        self.leaving = True
        for door in tuple(self._silent):
            door.leave()


class Door(web.RequestHandler):
    """One connection. It is silent until the head of a request is whole, and again when that is answered."""

    __slots__ = ("_body", "_busy", "_porch", "_timer")

    def __init__(self, porch: Porch, **options: Any) -> None:
        super().__init__(porch, **options)
        self._porch = porch
        self._timer: asyncio.TimerHandle | None = None  # while a head has begun, or none ever came
        self._body: Any = None  # of the last request whose head is whole
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _AHEAD)
        self._wait_for_head()
        self._porch.came(self)

    def data_received(self, data: bytes) -> None:
        heads, within_head = self._request_count, self._body is None or self._body.is_eof()
        super().data_received(data)
        if self._request_count > heads:
            self._body = self._messages[-1][1]
        elif within_head and self._timer is None:
            self._wait_for_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.spoke()
        super().connection_lost(exc)

    def spoke(self) -> None:
        """A request has begun."""
        self._busy = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._porch.spoke(self)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """An answer that nobody takes does not keep its connection, nor does one of a server that ends."""
        if self._porch.leaving:
            resp.force_close()
        try:
            async with asyncio.timeout(self._porch.takes):
                done = await super().finish_response(request, resp, start_time)
        except TimeoutError:
            self.shut()
            return resp, True
        self._busy = False
        if self.transport is not None:
            self._porch.rests(self)
        return done

    def _wait_for_head(self) -> None:
        later = asyncio.get_running_loop().call_later
        self._timer = later(self._porch.patience, self._late, self._request_count)

    def _late(self, heads: int) -> None:
        """A head that is whole and waits for its turn is not late: this program is."""
        self._timer = None
        if self._request_count > heads:
            return
        if self._busy:
            self._wait_for_head()
        else:
            self.shut()

    def leave(self) -> None:
        """Where nothing is under way. Who has never asked may be about to, and is told then."""
        if self._timer is None and not self._messages and self.transport is not None:
            self.transport.close()

    def shut(self) -> None:
        """Without a word: nobody is there who could be answered."""
        self.spoke()
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is no HTTP is told so, without a word of what it was; and the connection ends."""
        self.spoke()
        if request.writer.output_size > 0:
            raise ConnectionError("an answer had begun already")
        if isinstance(exc, LineTooLong):
            status = 431
        words = "the request is not well-formed HTTP, or its head is too long"
        error = {"message": words, "type": "invalid_request_error", "param": None, "code": "bad_http"}
        body = orjson.dumps({"error": error})
        response = web.Response(
            status=status, headers={**SAFE, "content-type": "application/json"}, body=body
        )
        response.force_close()
        return response
