"""aiohttp behind the engine's port: one session, and the only place that knows aiohttp's exceptions.

Rule 1: a response that is left before its end closes its connection; only a body read to its end gives
        its connection back. That is what stops a loser upstream.
Rule 2: redirects are never followed, so no credential ever leaves for another host.
Rule 3: a connection that was not had in time while this program itself was late is tried again: that tells
        nothing of its provider.
Rule 4: who sends much at once is read in pieces, and between them others have their turn.
Rule 5: what a race closes is opened again in the background, so that the next race finds warm
        connections (`spares`).
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import urllib.request
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import aiohttp
from yarl import URL

from racer.background import Background
from racer.core.loopback import is_loopback
from racer.posting import Posting, fits
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from aiohttp.abc import ResolveResult

    from racer.posting import Posted
    from racer_adapters.types import WireRequest

USER_AGENT = "llm-racer"
LARGEST_REPLY = 64 * 1024 * 1024
LARGEST_READ = 16 * 1024  # at once: a millisecond of decoding
TURNS = 20  # of the event loop that a new connection takes at most, TLS included
LARGEST_HEADER = 32 * 1024
CONNECTIONS_PER_HOST = 256
KEEP_IDLE_SECONDS = 60.0
DNS_CACHE_SECONDS = 300
MOST_SPARES = 8
SPARES_AFTER = 0.02
OUT_OF_HANDLES = frozenset({errno.EMFILE, errno.ENFILE})


class Transport:
    """Opened on entry, closed on exit; nothing is shared between two of them. `connect`: seconds."""

    def __init__(self, *, connect: float = 3.0, spares: bool = True, largest: int = LARGEST_REPLY) -> None:
        self._connect = connect
        self._largest = largest
        self._spares = Spares() if spares else None
        self._proxies = Proxies()
        self._session: aiohttp.ClientSession | None = None
        self._posting: Posting | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=_BoundedResolver(self._connect),
            limit=0,
            limit_per_host=CONNECTIONS_PER_HOST,
            ttl_dns_cache=DNS_CACHE_SECONDS,
            keepalive_timeout=KEEP_IDLE_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": USER_AGENT, "accept-encoding": "identity"},
            max_line_size=LARGEST_HEADER,
            max_field_size=LARGEST_HEADER,
        )
        self._posting = Posting(self._session, LARGEST_HEADER) if fits() else None
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._spares is not None:
            await self._spares.aclose()
        if self._session is not None:
            await self._session.close()

    def send(self, request: WireRequest) -> _Sending:
        """Send and give the response once its headers have come. Raises WireError."""
        return _Sending(request, self._session, self._posting, self._proxies, self._spares, self._largest)


class _Sending:
    """One request, from its sending on until its response is left: `async with` it, once."""

    # Not a generator made a context manager: that costs five times as much, for each call.
    __slots__ = (
        "_incoming",
        "_largest",
        "_posting",
        "_proxies",
        "_proxy",
        "_request",
        "_response",
        "_session",
        "_spares",
        "_url",
    )

    def __init__(
        self,
        request: WireRequest,
        session: aiohttp.ClientSession | None,
        posting: Posting | None,
        proxies: Proxies,
        spares: Spares | None,
        largest: int,
    ) -> None:
        self._request = request
        self._session = session
        self._posting = posting
        self._proxies = proxies
        self._spares = spares
        self._largest = largest

    async def __aenter__(self) -> _Response:
        session, request = self._session, self._request
        if session is None:
            raise RuntimeError("the transport is not open: use `async with`")
        if session.closed:
            raise WireError(Kind.LOCAL, "the Racer was closed while the race ran")
        self._url = _url(request.url)
        self._proxy = self._proxies.of(self._url)
        try:
            response = await self._sent(session)
        except aiohttp.ConnectionTimeoutError as error:
            if session.timeout.sock_connect and await _turn() * TURNS > session.timeout.sock_connect:
                return await self.__aenter__()
            raise translated(error) from None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise translated(error) from None
        except asyncio.CancelledError:
            self._replace(session)
            raise
        self._response = response
        self._incoming = _Response(response, self._largest)
        if sum([len(name) + len(value) for name, value in response.raw_headers]) > LARGEST_HEADER:
            self._leave(session)
            raise WireError(Kind.TOO_LARGE, "its headers are larger than headers may be")
        return self._incoming

    def _sent(self, session: aiohttp.ClientSession) -> Awaitable[aiohttp.ClientResponse | Posted]:
        request = self._request
        if self._posting is not None and self._proxy is None:
            route = self._posting.route(request, self._url)
            if route is not None:
                return self._posting.post(route, request.body)
        return session.request(
            request.method,
            self._url,
            data=request.body or None,
            headers=request.headers,
            allow_redirects=False,
            proxy=self._proxy,
        )

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        self._leave(self._session)

    def _leave(self, session: aiohttp.ClientSession) -> None:
        if not self._incoming.ended:
            self._response.close()
            self._replace(session)

    def _replace(self, session: aiohttp.ClientSession) -> None:
        if self._spares is not None:
            self._spares.replace_one(session, self._url, self._proxy)


async def _turn() -> float:
    """Seconds that one turn of the event loop takes now."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(0)
    return loop.time() - began


@lru_cache(maxsize=256)
def _url(text: str) -> URL:
    """Most requests go to the same few addresses."""
    return URL(text, encoded=True)


class _Response:
    __slots__ = ("_content", "_left", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse | Posted, largest: int) -> None:
        self._content = response.content
        self._left = largest
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    @property
    def ended(self) -> bool:
        """aiohttp has then given the connection back already."""
        return self._content.at_eof()

    async def read(self) -> bytes:
        try:
            data = await self._content.read(LARGEST_READ)
            if len(data) == LARGEST_READ:
                await asyncio.sleep(0)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise translated(error) from None
        self._left -= len(data)
        if self._left < 0:
            raise WireError(Kind.TOO_LARGE, "the reply is larger than a reply may be", status=self.status)
        return data


class Spares:
    """Opens as many connections as were closed, a moment later, and leaves them idle in the pool."""

    def __init__(self) -> None:
        self._background = Background()
        self._wanted: dict[tuple[URL, str | None], int] = {}

    def replace_one(self, session: aiohttp.ClientSession, url: URL, proxy: str | None) -> None:
        key = (url.origin(), proxy)
        waiting = self._wanted.get(key, 0)
        self._wanted[key] = min(waiting + 1, MOST_SPARES)
        if not waiting and not session.closed:
            self._background.start(self._open_soon(session, key))

    async def _open_soon(self, session: aiohttp.ClientSession, key: tuple[URL, str | None]) -> None:
        """After the race that closed them is out of the way. A failure here is nobody's news."""
        await asyncio.sleep(SPARES_AFTER)
        wanted = self._wanted.pop(key, 0)
        opened: list[aiohttp.connector.Connection] = []
        try:
            for _ in range(wanted):
                connection = await _connected(session, *key)
                opened.append(connection)
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass
        finally:
            for connection in opened:
                connection.release()

    async def aclose(self) -> None:
        await self._background.aclose()


async def _connected(
    session: aiohttp.ClientSession, origin: URL, proxy: str | None
) -> aiohttp.connector.Connection:
    """A connection as a request to `origin` would use it: idle from the pool, or new."""
    assert session.connector is not None
    request = aiohttp.ClientRequest(
        "GET", origin, loop=asyncio.get_running_loop(), session=session, proxy=URL(proxy) if proxy else None
    )
    return await session.connector.connect(request, [], session.timeout)


class Proxies:
    """The environment's proxies, read once; a loopback host never goes through one."""

    def __init__(self) -> None:
        self._schemes = urllib.request.getproxies_environment()
        self._known: dict[str, str | None] = {}

    def of(self, url: URL) -> str | None:
        if not self._schemes:
            return None
        origin = f"{url.scheme}://{url.host}"
        if origin not in self._known:
            self._known[origin] = self._look_up(url)
        return self._known[origin]

    def _look_up(self, url: URL) -> str | None:
        host = url.host or ""
        if is_loopback(host) or urllib.request.proxy_bypass(host):
            return None
        return self._schemes.get(url.scheme) or self._schemes.get("all")


class _BoundedResolver(aiohttp.ThreadedResolver):
    """The system's resolver, which has no time limit of its own, with one."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        try:
            async with asyncio.timeout(self._seconds):
                return await super().resolve(host, port, family)
        except TimeoutError:
            raise OSError(None, f"the name did not resolve within {self._seconds:g} s") from None


# Subclasses stand before their bases: the first that fits tells the kind.
_KINDS: tuple[tuple[type[BaseException], Kind, str], ...] = (
    (aiohttp.ClientConnectorDNSError, Kind.DNS, "the name does not resolve"),
    (aiohttp.ClientConnectorCertificateError, Kind.TLS, "its certificate is not accepted"),
    (aiohttp.ClientConnectorSSLError, Kind.TLS, "the TLS handshake failed"),
    (aiohttp.ClientSSLError, Kind.TLS, "the TLS handshake failed"),
    (ssl.SSLError, Kind.TLS, "the TLS connection failed"),
    (aiohttp.ClientProxyConnectionError, Kind.CONNECT, "the proxy does not answer"),
    (aiohttp.ConnectionTimeoutError, Kind.CONNECT, "no connection in time"),
    (aiohttp.ClientConnectorError, Kind.CONNECT, "no connection"),
    (aiohttp.ServerDisconnectedError, Kind.RESET, "the server closed the connection without a word"),
    (aiohttp.ClientPayloadError, Kind.TRUNCATED, "the body stopped before its end"),
    (aiohttp.ClientResponseError, Kind.MALFORMED, "not HTTP as it should be"),
    (aiohttp.InvalidURL, Kind.CONNECT, "the address is not a URL"),
    (aiohttp.ClientOSError, Kind.RESET, "the connection broke"),
    (aiohttp.ClientError, Kind.RESET, "the connection broke"),
    (TimeoutError, Kind.TIMEOUT, "no answer in time"),
    (OSError, Kind.RESET, "the connection broke"),
    (ValueError, Kind.MALFORMED, "a header or a line that cannot be read"),
)


def translated(error: BaseException) -> WireError:
    """aiohttp's exception as a WireError. Its text is not taken over: it may hold an address with a key."""
    number = getattr(error, "errno", None) or getattr(getattr(error, "os_error", None), "errno", None)
    if number in OUT_OF_HANDLES:
        return WireError(Kind.LOCAL, "this process has no file handle left: raise `ulimit -n`")
    for type_, kind, text in _KINDS:
        if isinstance(error, type_):
            detail = errno.errorcode.get(number, "") if isinstance(number, int) else ""
            if kind is Kind.TLS:  # OpenSSL has numbers of its own
                detail = ""
            return WireError(kind, f"{text} ({detail})" if detail else text)
    raise error
