"""A request put straight on a connection of aiohttp's pool: what nearly all requests of racer are.

aiohttp's session makes for each request what its own features may need: a request, a payload, a writer in a
task, a response, cookies, redirects. None of it is used for a small JSON text that is posted without a proxy,
and it takes a third of the time of a request in a batch. Pool, TLS and the reading of HTTP stay aiohttp's.
"""

from __future__ import annotations

import asyncio
import re
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.http_parser import RawResponseMessage
    from aiohttp.streams import StreamReader
    from yarl import URL

    from racer_adapters.types import WireRequest

LARGEST = 64 * 1024  # a longer body is sent as fast as it is taken, by the session
MOST = 256
TRIES = 8  # connections that are closed, or not clean, before nobody is there
# Whoever says one of these wants more than a text sent.
_SPECIAL = frozenset(
    {
        "connection", "content-encoding", "content-length", "expect", "host", "te", "transfer-encoding",
        "upgrade",
    }
)  # fmt: skip
_USUAL = {"accept": "*/*", "content-type": "application/octet-stream"}
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# What is used of aiohttp beside its documented parts: calls with their parameters, and attributes.
CALLS: Mapping[Any, frozenset[str]] = {
    aiohttp.ClientRequest: frozenset({"loop", "session"}),
    aiohttp.BaseConnector.connect: frozenset({"req", "traces", "timeout"}),
    ResponseHandler.set_response_params: frozenset({"read_until_eof", "max_line_size", "max_field_size"}),
}
PARTS: Mapping[Any, frozenset[str]] = {
    Connection: frozenset({"protocol", "transport", "release", "close"}),
    ResponseHandler: frozenset({"read", "should_close", "upgraded"}),
}


def fits(calls: Mapping[Any, frozenset[str]] = CALLS, parts: Mapping[Any, frozenset[str]] = PARTS) -> bool:
    """Whether the aiohttp that is installed has all of that. One that has not sends by its session."""
    taken = all(names <= signature(call).parameters.keys() for call, names in calls.items())
    return taken and all(hasattr(part, name) for part, names in parts.items() for name in names)


class Route(NamedTuple):
    """Where to, and the head of the request up to the length of its body. `like` is what the pool goes by."""

    like: aiohttp.ClientRequest
    head: bytes


class Posted:
    """A response whose headers have come: what there is of aiohttp's own, by the same names."""

    __slots__ = ("_connection", "content", "headers", "raw_headers", "status")

    def __init__(self, connection: Connection, message: RawResponseMessage, content: StreamReader) -> None:
        self._connection: Connection | None = connection
        self.status: int = message.code
        self.headers: Mapping[str, str] = message.headers
        self.raw_headers = message.raw_headers
        self.content = content
        content.on_eof(self._ended)

    def close(self) -> None:
        """Close the connection, unless it was given back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _ended(self) -> None:
        """The body is whole: the connection can serve again, unless it speaks something else now."""
        connection = self._connection
        if connection is None or connection.protocol is None or connection.protocol.upgraded:
            return
        self._connection = None
        connection.release()


def _is_clean(connection: Connection) -> bool:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None:
        return False
    return not (protocol.should_close or transport.is_closing())


class Posting:
    """Of one session. `largest` are the bytes that a line of the response's head may have."""

    def __init__(self, session: aiohttp.ClientSession, largest: int) -> None:
        self._session = session
        self._largest = largest
        self._routes: dict[tuple[str, tuple[tuple[str, str], ...]], Route | None] = {}

    def route(self, request: WireRequest, url: URL) -> Route | None:
        """How to post it; None where the session has to. Raises ValueError for a header that cannot be."""
        if request.method != "POST" or not 0 < len(request.body) <= LARGEST:
            return None
        key = request.url, tuple(request.headers.items())
        route = self._routes.get(key)
        if route is None and key not in self._routes:
            if len(self._routes) >= MOST:
                self._routes.clear()
            route = self._routes[key] = self._new(url, request.headers)
        return route

    def _new(self, url: URL, headers: Mapping[str, str]) -> Route | None:
        given = {name.lower(): value for name, value in headers.items()}
        if url.raw_user or url.raw_password or not url.raw_host or not _SPECIAL.isdisjoint(given):
            return None
        ours = {name.lower(): value for name, value in self._session.headers.items()}
        told = {"host": url.host_port_subcomponent, **_USUAL, **ours, **given}
        lines = [f"POST {url.raw_path_qs} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
        if any(map(_FORBIDDEN.search, lines)):
            raise ValueError("a header has a control character in it")
        like = aiohttp.ClientRequest("POST", url, loop=asyncio.get_running_loop(), session=self._session)
        return Route(like, "\r\n".join([*lines, "Content-Length: "]).encode())

    async def post(self, route: Route, body: bytes) -> Posted:
        """Send, and wait for the headers. Raises what the session raises."""
        connection = await self._clean(route)
        data = b"%b%d\r\n\r\n%b" % (route.head, len(body), body)
        came = False
        try:
            posted = await self._answered(connection, data)
            came = True
        except HttpProcessingError as error:
            known = route.like.request_info
            raise aiohttp.ClientResponseError(known, (), status=error.code, message=error.message) from error
        finally:
            if not came:  # also where it was cancelled
                connection.close()
        return posted

    async def _clean(self, route: Route) -> Connection:
        """One on which nothing waits to be read: what came unasked would pass for the answer."""
        connector = self._session.connector
        assert connector is not None, "the session is open"
        for _ in range(TRIES):
            try:
                connection = await connector.connect(route.like, [], self._session.timeout)
            except TimeoutError as error:
                raise aiohttp.ConnectionTimeoutError("no connection in time") from error
            if _is_clean(connection):
                return connection
            connection.close()
        raise aiohttp.ClientConnectionResetError("the connection was closed meanwhile")

    async def _answered(self, connection: Connection, data: bytes) -> Posted:
        protocol, transport = connection.protocol, connection.transport
        assert protocol is not None, "it is clean"
        assert transport is not None, "it is clean"
        protocol.set_response_params(
            read_until_eof=True, max_line_size=self._largest, max_field_size=self._largest
        )
        transport.write(data)
        while True:
            message, content = await protocol.read()
            if message.code == 101 or not 100 <= message.code < 200:  # those before the answer say nothing
                return Posted(connection, message, content)
