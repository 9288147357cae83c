"""The transport on loopback: what the wire does, and what the engine is told of it."""

from __future__ import annotations

import asyncio
import errno
import gzip
import socket
import ssl
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from yarl import URL

from racer.transport import LARGEST_READ, Proxies, Transport, translated
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import WireRequest
from tests.racer.wire_server import Handler, Peer, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from racer.exchange import Incoming

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Real sockets need the real clock."""
    return "asyncio", {"debug": True}


def post(url: str) -> WireRequest:
    return WireRequest("POST", f"{url}/v1/chat", {"authorization": "Bearer hidden"}, b'{"q": 1}')


async def body_of(transport: Transport, request: WireRequest) -> bytes:
    async with transport.send(request) as incoming:
        body = b""
        while data := await incoming.read():
            body += data
        return body


async def pieces_of(incoming: Incoming) -> AsyncIterator[bytes]:
    while data := await incoming.read():
        yield data


async def failure(handler: Handler, *, largest: int = 8 * 1024 * 1024) -> WireError:
    """What the engine is told when a server does `handler`."""
    async with serving(handler) as server, Transport(spares=False, largest=largest) as transport:
        with pytest.raises(WireError) as caught:
            await body_of(transport, post(server.url))
        return caught.value


async def test_a_body_comes_as_it_is() -> None:
    """Status, headers and every byte arrive; the request carries body, headers and our plain agent."""
    seen: list[bytes] = []

    async def handler(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.say(OK + b"content-length: 5\r\nx-a: b\r\n\r\nhello")

    async with (
        serving(handler) as server,
        Transport() as transport,
        transport.send(post(server.url)) as incoming,
    ):
        assert (incoming.status, incoming.headers["x-a"]) == (200, "b")
        assert await incoming.read() == b"hello"
        assert await incoming.read() == b""

    head = seen[0].lower()
    assert head.startswith(b"post /v1/chat http/1.1\r\n")
    assert b"user-agent: llm-racer\r\n" in head
    assert b"authorization: bearer hidden\r\n" in head
    assert head.endswith(b'{"q": 1}')


async def test_a_body_read_to_its_end_gives_its_connection_back() -> None:
    """Two calls in a row use one connection."""

    async def handler(peer: Peer) -> None:
        while await peer.request():
            await peer.say(OK + b"content-length: 2\r\n\r\nok")

    async with serving(handler) as server, Transport(spares=False) as transport:
        for _ in range(3):
            assert await body_of(transport, post(server.url)) == b"ok"
        assert server.accepted == 1


async def test_leaving_early_closes_the_connection() -> None:
    """That is what stops a loser upstream: the server sees the end, and nothing is used again."""

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED + b"5\r\nhello\r\n")
        await peer.gone()

    async with serving(handler) as server, Transport(spares=False) as transport:
        for turn in (1, 2):
            async with transport.send(post(server.url)) as incoming:
                assert await incoming.read() == b"hello"
            await server.all_gone.wait()
            assert turn == server.accepted


async def test_cancelling_before_the_headers_closes_the_connection() -> None:
    """A lane that is cancelled while it waits for the first byte leaves no connection behind."""
    taken = asyncio.Event()

    async def handler(peer: Peer) -> None:
        await peer.request()
        taken.set()
        await peer.gone()

    async with serving(handler) as server, Transport(spares=False) as transport:
        task = asyncio.create_task(body_of(transport, post(server.url)))
        await taken.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.all_gone.wait()


async def test_spares_wait_warm_for_the_next_race() -> None:
    """For a connection that was closed another is opened; the next call finds it and opens none."""
    warm = asyncio.Event()

    async def handler(peer: Peer) -> None:
        if server.accepted == 2:
            warm.set()
        while await peer.request():
            await peer.say(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" if server.accepted > 1 else CHUNKED)

    async with serving(handler) as server, Transport() as transport:
        async with transport.send(post(server.url)):
            pass
        await warm.wait()
        assert len(server.requests) == 0
        assert await body_of(transport, post(server.url)) == b"hello"
        assert server.accepted == 2


async def test_a_lane_stopped_before_its_headers_gets_a_spare_too() -> None:
    """Most losers are stopped while they wait for the first byte: the next race finds them a connection."""
    taken, warm = asyncio.Event(), asyncio.Event()

    async def handler(peer: Peer) -> None:
        if server.accepted == 2:
            warm.set()
        while await peer.request():
            taken.set()
            if server.accepted > 1:
                await peer.say(OK + b"content-length: 5\r\n\r\nhello")

    async with serving(handler) as server, Transport() as transport:
        task = asyncio.create_task(body_of(transport, post(server.url)))
        await taken.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await warm.wait()
        assert await body_of(transport, post(server.url)) == b"hello"
        assert server.accepted == 2


async def test_a_closed_transport_is_a_local_failure() -> None:
    """A Racer that is closed while its races run is nobody's fault but ours."""
    async with Transport(spares=False) as transport:
        pass
    with pytest.raises(WireError) as caught:
        await body_of(transport, post("http://127.0.0.1:9"))

    assert caught.value.kind is Kind.LOCAL


async def test_spares_for_a_server_that_has_gone_are_no_news() -> None:
    """The background attempt fails quietly."""

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED)

    async with Transport() as transport:
        async with serving(handler) as server, transport.send(post(server.url)):
            pass
        await asyncio.sleep(0.1)


async def test_a_late_program_blames_nobody() -> None:
    """A connection that was not had in time because the event loop was held up is tried again."""

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK + b"content-length: 2\r\n\r\nok")

    async def hold_up() -> None:
        for _ in range(20):
            time.sleep(0.06)  # noqa: ASYNC251
            await asyncio.sleep(0)

    async with serving(handler) as server, Transport(connect=0.05, spares=False) as transport:
        held = asyncio.ensure_future(hold_up())
        assert await body_of(transport, post(server.url)) == b"ok"
        await held


async def test_who_sends_much_lets_others_have_their_turn() -> None:
    """Between the pieces of a body that is there already."""
    size = 8 * LARGEST_READ
    turns = 0

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK + b"content-length: %d\r\n\r\n" % size + bytes(size))

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with (
        serving(handler) as server,
        Transport(spares=False) as transport,
        transport.send(post(server.url)) as incoming,
    ):
        await incoming.read()
        counting = asyncio.ensure_future(count())
        pieces = [data async for data in pieces_of(incoming)]
        counting.cancel()
    assert max(map(len, pieces)) <= LARGEST_READ
    assert turns >= sum(len(data) == LARGEST_READ for data in pieces) > 0


async def test_closing_drops_the_spares_that_are_on_their_way() -> None:
    """Nothing of a transport outlives it."""

    async def handler(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED)
        await peer.gone()

    async with serving(handler) as server:
        async with Transport() as transport, transport.send(post(server.url)):
            pass
        await server.all_gone.wait()
        assert server.accepted == 1


async def test_not_open_is_a_bug_and_said_so() -> None:
    """A transport is used inside its `async with`."""
    with pytest.raises(RuntimeError, match="async with"):
        await body_of(Transport(), post("http://127.0.0.1:9"))


async def hang_up(peer: Peer) -> None:
    await peer.request()


async def reset_before(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def reset_in_the_middle(peer: Peer) -> None:
    await peer.request()
    await peer.say(CHUNKED + b"5\r\nhello\r\n")
    await asyncio.sleep(0.02)
    peer.reset()


async def cut_chunked(peer: Peer) -> None:
    await peer.request()
    await peer.say(CHUNKED + b"5\r\nhello\r\n")


async def cut_by_length(peer: Peer) -> None:
    await peer.request()
    await peer.say(OK + b"content-length: 50\r\n\r\nhello")


async def not_http(peer: Peer) -> None:
    await peer.request()
    await peer.say(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


async def bad_chunk_size(peer: Peer) -> None:
    await peer.request()
    await peer.say(CHUNKED + b"zz\r\nhello\r\n")


async def both_lengths(peer: Peer) -> None:
    await peer.request()
    await peer.say(OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")


async def huge_header(peer: Peer) -> None:
    await peer.request()
    await peer.say(OK + b"x-a: " + b"a" * 1_000_000 + b"\r\n\r\n")


async def ten_thousand_headers(peer: Peer) -> None:
    await peer.request()
    await peer.say(OK + b"x-a: b\r\n" * 10_000 + b"content-length: 2\r\n\r\nok")


async def headers_in_all(peer: Peer) -> None:
    await peer.request()
    await peer.say(OK + (b"x-a: " + b"a" * 20_000 + b"\r\n") * 3 + b"content-length: 2\r\n\r\nok")


async def endless(peer: Peer) -> None:
    await peer.request()
    await peer.say(CHUNKED)
    while True:
        await peer.say(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


async def bomb(peer: Peer) -> None:
    await peer.request()
    body = gzip.compress(b"\0" * 64 * 1024 * 1024)
    head = b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    await peer.say(OK + head + body)


@pytest.mark.parametrize(
    ("handler", "kinds"),
    [
        (hang_up, {Kind.RESET}),
        (reset_before, {Kind.RESET}),
        (reset_in_the_middle, {Kind.RESET, Kind.TRUNCATED}),
        (cut_chunked, {Kind.TRUNCATED}),
        (cut_by_length, {Kind.TRUNCATED}),
        (not_http, {Kind.MALFORMED}),
        (bad_chunk_size, {Kind.MALFORMED, Kind.TRUNCATED}),
        (both_lengths, {Kind.MALFORMED}),
        (huge_header, {Kind.MALFORMED}),
        (headers_in_all, {Kind.TOO_LARGE}),
        (ten_thousand_headers, {Kind.TOO_LARGE, Kind.MALFORMED}),
        (endless, {Kind.TOO_LARGE}),
        (bomb, {Kind.TOO_LARGE}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_faults_on_the_wire_are_lane_failures(handler: Handler, kinds: set[Kind]) -> None:
    """Whatever a server does, the engine hears a WireError of the right kind and nothing else."""
    assert (await failure(handler)).kind in kinds


async def test_nobody_listens() -> None:
    """A refused connection is told at once, as such."""
    async with serving(hang_up) as server:
        url = server.url
    async with Transport(spares=False) as transport:
        with pytest.raises(WireError) as caught:
            await body_of(transport, post(url))

    assert (caught.value.kind, caught.value.message) == (Kind.CONNECT, "no connection (ECONNREFUSED)")


async def test_a_name_that_does_not_resolve() -> None:
    """`.invalid` never resolves, by standard."""
    async with Transport(spares=False) as transport:
        with pytest.raises(WireError) as caught:
            await body_of(transport, post("http://nowhere.invalid"))

    assert Kind.DNS is caught.value.kind


async def test_a_certificate_of_nobody_is_not_accepted(tmp_path: Path) -> None:
    """TLS is verified, and the failure is told as TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=shake_hands, args=(listener, self_signed(tmp_path)))
        thread.start()
        async with Transport(spares=False) as transport:
            with pytest.raises(WireError) as caught:
                await body_of(transport, post(f"https://127.0.0.1:{listener.getsockname()[1]}"))
        await asyncio.to_thread(thread.join)

    assert Kind.TLS is caught.value.kind


async def test_redirects_are_not_followed() -> None:
    """A redirect is a response like any other; no request with our key leaves for the new place."""

    async def other(peer: Peer) -> None:
        await peer.request()
        raise AssertionError("followed")

    async with serving(other) as elsewhere, Transport(spares=False) as transport:

        async def handler(peer: Peer) -> None:
            await peer.request()
            target = elsewhere.url.encode()
            await peer.say(b"HTTP/1.1 307 T\r\nlocation: %s/x\r\ncontent-length: 0\r\n\r\n" % target)

        async with serving(handler) as server, transport.send(post(server.url)) as incoming:
            assert incoming.status == 307
        assert elsewhere.accepted == 0


async def test_cookies_are_not_kept() -> None:
    """What a provider sets in one call does not come back with the next."""
    seen: list[bytes] = []

    async def handler(peer: Peer) -> None:
        while request := await peer.request():
            seen.append(request)
            await peer.say(OK + b"set-cookie: a=b\r\ncontent-length: 2\r\n\r\nok")

    async with serving(handler) as server, Transport(spares=False) as transport:
        await body_of(transport, post(server.url))
        await body_of(transport, post(server.url))

    assert b"cookie" not in seen[1].lower()


def test_loopback_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment serves remote hosts, but for those that it leaves out."""
    for name in ("no_proxy", "NO_PROXY", "https_proxy", "http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "inside.test")
    proxies = Proxies()

    assert proxies.of(URL("https://api.test/v1")) == "http://proxy.test:3128"
    assert None is proxies.of(URL("https://inside.test/v1"))
    assert None is proxies.of(URL("http://127.0.0.1:11434/api"))
    assert None is proxies.of(URL("http://localhost:11434/api"))
    assert None is proxies.of(URL("http://[::1]:11434/api"))


def test_no_proxy_without_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing set, nothing used."""
    for name in ("https_proxy", "http_proxy", "all_proxy", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert None is Proxies().of(URL("https://api.test"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.EMFILE, "too many"), Kind.LOCAL),
        (aiohttp.ClientOSError(errno.ENFILE, "too many"), Kind.LOCAL),
        (aiohttp.ServerDisconnectedError(), Kind.RESET),
        (aiohttp.ClientPayloadError(), Kind.TRUNCATED),
        (aiohttp.InvalidURL("x"), Kind.CONNECT),
        (ssl.SSLError("bad record"), Kind.TLS),
        (TimeoutError(), Kind.TIMEOUT),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Kind.RESET),
        (ValueError("Chunk too big"), Kind.MALFORMED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_every_foreign_exception_has_a_kind(error: Exception, kind: Kind) -> None:
    """aiohttp's exceptions are translated in one place, and their text stays behind."""
    assert kind is translated(error).kind


def test_what_is_not_the_wires_is_not_translated() -> None:
    """A bug is not a lane's failure."""
    with pytest.raises(KeyError):
        translated(KeyError("x"))


def shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Offer TLS to one client. It hangs up on us, which is what the test is about."""
    connection, _ = listener.accept()
    with connection:
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            return


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate that no authority has signed, made by the openssl command."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    made = ["openssl", *command.split(), "-keyout", str(key), "-out", str(cert)]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context
