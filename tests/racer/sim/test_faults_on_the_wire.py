"""Every fault as a client meets it on a real connection, read without any HTTP library's kindness."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest

from racer.sim.fault import KINDS
from racer.sim.scene import REFUSALS
from tests.racer.sim.loopback import Wiretap, one, port_of, seen, tapped
from tests.racer.sim.scenes import events

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from racer.sim import Simulator

pytestmark = pytest.mark.anyio
STREAM = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
# HTTP/1.0: a body without a length ends with the connection, so nothing has to be unchunked here
OLD = "1.0"
ENDLESS = {"hang", "hang_after_headers", "keepalive_only", "role_then_silence", "too_large"}


async def met(tap: Wiretap, body: dict[str, Any] = STREAM) -> tuple[bytes, bytes]:
    """Head and body of the answer, read to its end."""
    await tap.ask("/a/v1/chat/completions", body, version=OLD)
    head, _, rest = (await tap.read()).partition(b"\r\n\r\n")
    return head, rest


def faulty(kind: str, more: str = "") -> Simulator:
    return one(f'faults = [{{ kind = "{kind}"{more} }}]')


@asynccontextmanager
async def tapping(simulator: Simulator) -> AsyncGenerator[Wiretap]:
    """The simulator on the air, and a connection to it."""
    async with simulator, tapped(port_of(simulator)) as tap:
        yield tap


@asynccontextmanager
async def posted(simulator: Simulator) -> AsyncGenerator[aiohttp.ClientResponse]:
    """The answer as aiohttp has it."""
    async with (
        simulator,
        aiohttp.ClientSession() as session,
        session.post(f"{simulator.base_url('a')}/chat/completions", json=STREAM) as response,
    ):
        yield response


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - ENDLESS - {"slow_drip", "gzip_bomb"}))
async def test_faults_that_end(kind: str) -> None:
    """Each ends the answer, counts once as failed by its kind, and leaves nothing open."""
    async with faulty(kind) as simulator, tapped(port_of(simulator)) as tap:
        await met(tap)
        counts = await seen(simulator, lambda counts: counts.open == 0)

    assert (counts.failed, counts.faults, counts.completed, counts.dropped) == (1, {kind: 1}, 0, 0)
    assert tap.was_reset is kind.startswith("reset")


@pytest.mark.parametrize("kind", sorted(REFUSALS))
async def test_statuses(kind: str) -> None:
    """The status line says it, and the body is JSON."""
    async with tapping(faulty(kind)) as tap:
        head, body = await met(tap)

    assert head.split(b" ")[1] == (b"429" if kind == "insufficient_quota" else kind.encode())
    assert orjson.loads(body)["error"]


@pytest.mark.parametrize(
    ("retry", "header"), [("7", b"retry-after: 7"), ('"soon"', b"retry-after: soon"), ("", b"")]
)
async def test_retry_after(retry: str, header: bytes) -> None:
    """A number of seconds, any text, or no header."""
    async with tapping(faulty("429", f", retry_after = {retry}" if retry else "")) as tap:
        head, _ = await met(tap)

    assert header in head.lower()
    assert (b"retry-after" in head.lower()) is bool(retry)


async def test_reset_before() -> None:
    """Not one byte."""
    async with tapping(faulty("reset_before")) as tap:
        assert await met(tap) == (b"", b"")


async def test_reset_mid() -> None:
    """Some frames, no end."""
    async with tapping(faulty("reset_mid")) as tap:
        head, body = await met(tap)

    assert b"200 OK" in head
    assert len(events(body)) == 13
    assert b"[DONE]" not in body


@pytest.mark.parametrize(
    ("kind", "until", "statuses"),
    [
        ("hang_after_headers", b"\r\n\r\n", {"200": 1}),
        ("keepalive_only", b": keep-alive\n\n" * 3, {"200": 1}),
        ("role_then_silence", b'"role":"assistant"', {"200": 1}),
        ("too_large", b"lorem " * 100_000, {"200": 1}),
    ],
)
async def test_faults_that_never_end(kind: str, until: bytes, statuses: dict[str, int]) -> None:
    """They last until the client goes, and then count as dropped, not as failed."""
    more = ", gap = 0.001" if kind == "keepalive_only" else ""
    async with faulty(kind, more) as simulator:
        async with tapped(port_of(simulator)) as tap:
            await tap.ask("/a/v1/chat/completions", STREAM | {"stream": kind != "too_large"}, version=OLD)
            assert until in await tap.read(until)
            assert simulator.counters().providers["a"].open == 1
        counts = await seen(simulator, lambda counts: counts.open == 0)

    assert (counts.dropped, counts.failed, counts.faults) == (1, 0, {kind: 1})
    assert counts.requests_by_status == statuses


async def test_hang() -> None:
    """Nothing was opened and no status given when the client goes."""
    async with faulty("hang") as simulator:
        async with tapped(port_of(simulator)) as tap:
            await tap.ask("/a/v1/chat/completions", STREAM)
            await seen(simulator, lambda counts: counts.faults == {"hang": 1})
        counts = await seen(simulator, lambda counts: counts.open == 0)

    assert (counts.dropped, counts.requests_by_status) == (1, {})


async def test_slow_drip() -> None:
    """Token by token, each in a write of its own, and it ends well."""
    async with tapping(one('length = 3\nfaults = [{ kind = "slow_drip", gap = 0.001 }]')) as tap:
        _, body = await met(tap)

    assert len(events(body)) == 5
    assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(("kind", "expected"), [("empty_200", b""), ("done_only", b"data: [DONE]\n\n")])
async def test_bodies_of_next_to_nothing(kind: str, expected: bytes) -> None:
    """Exactly these bytes under a 200."""
    async with tapping(faulty(kind)) as tap:
        head, body = await met(tap)

    assert head.startswith(b"HTTP/1.0 200")
    assert body == expected


@pytest.mark.parametrize(
    ("kind", "content_type", "begins"),
    [
        ("error_200", b"application/json", b'{"error":'),
        ("html_200", b"text/html", b"<!DOCTYPE html>"),
        ("wrong_type", b"text/plain", b"upstream connect error"),
    ],
)
async def test_bodies_of_another_kind(kind: str, content_type: bytes, begins: bytes) -> None:
    """A 200 that is no stream."""
    async with tapping(faulty(kind)) as tap:
        head, body = await met(tap)

    assert head.startswith(b"HTTP/1.0 200")
    assert b"content-type: " + content_type in head.lower()
    assert body.startswith(begins)


async def test_redirect() -> None:
    """The place is told; nobody is led there by us."""
    async with tapping(faulty("redirect", ', location = "http://elsewhere.invalid/x"')) as tap:
        head, body = await met(tap)

    assert head.startswith(b"HTTP/1.0 307")
    assert b"location: http://elsewhere.invalid/x" in head.lower()
    assert body == b""


async def test_gzip_bomb() -> None:
    """A client that unpacks as it reads meets far more than came over the wire."""
    async with posted(faulty("gzip_bomb", ", size = 8388608")) as response:
        size = 0
        while size < 4_000_000:
            size += len(await response.content.read(1_000_000))
        response.close()

    assert int(response.headers["content-length"]) < 20_000


async def test_chunked_ends_are_clean() -> None:
    """A truncated stream looks, to HTTP, like a whole one."""
    async with posted(faulty("truncated")) as response:
        body = await response.read()

    assert response.headers["Transfer-Encoding"] == "chunked"
    assert len(events(body)) == 13
