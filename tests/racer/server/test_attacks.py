"""What somebody tries who means harm, on true sockets: refused or bounded, and the server goes on."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import orjson
import pytest

from racer.server.app import ROUTES
from racer.testing import says
from tests.racer.server.houses import (
    CHAT,
    PATIENCE,
    QUICK,
    TOKEN,
    line,
    post,
    room,
    said,
    status_of,
    token,
    until,
)

if TYPE_CHECKING:
    from racer.server.app import Route
    from tests.racer.server.houses import Room

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
BODY = orjson.dumps(said())
LIVES = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"
IMPATIENT = replace(QUICK, head=0.3, body=0.3)
QUESTIONS = (CHAT, "/api/chat", "/v1/messages")
FOLDERS = ("/assets/", "/v1/models/", "/api/races/")
WAYS_UP = (
    "../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%252f..%252fetc/passwd",
    "..\\..\\etc\\passwd",
    "....//....//etc/passwd",
    "/etc/passwd",
    "%00/etc/passwd",
    "\xc0\xae\xc0\xae/etc/passwd",
    "etc/passwd%0d%0aset-cookie:%20stolen=1",
)
NAMES = ("a\r\nset-cookie: stolen=1", "a\nset-cookie: stolen=1", "a\r\n\r\n<script>", "a\x00b", "é\u2028a")


async def answer(place: Room, data: bytes | str) -> bytes:
    """All that comes to a connection that says this."""
    async with line(place.server) as raw:
        await raw.say(data)
        return await raw.hear()


async def still_serves(place: Room) -> bool:
    """Somebody with an honest question gets an answer, and nobody else's is under way."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    status, body, _ = await place.ask(headers=headers)
    await until(lambda: place.server.house.visitors.in_flight == 0)
    return status == 200 and body["choices"][0]["message"]["content"] == "hello"


def statuses(data: bytes) -> list[int]:
    """Of all answers, one after the other, in raw bytes."""
    return [int(each) for each in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", data)]


def request(route: Route, *headers: str, host: str = "127.0.0.1") -> bytes:
    """A whole request for a route, which ends with its answer."""
    path = route.path.replace("*", "x")
    more = (
        ("content-type: application/json", f"content-length: {len(BODY)}") if route.method == "POST" else ()
    )
    head = (f"{route.method} {path} HTTP/1.1", f"host: {host}", "connection: close", *more, *headers)
    return "\r\n".join(head).encode() + b"\r\n\r\n" + (BODY if more else b"")


@pytest.mark.parametrize(
    "host", ["evil.com", "127.0.0.1.evil.com", "localhost:80@evil.com", "169.254.169.254"]
)
async def test_foreign_hosts(host: str) -> None:
    """Every route turns away a page that has its own name point here, public ones as well."""
    async with room(tokens=(token(),)) as place:
        sent = f"authorization: Bearer {TOKEN}"
        found = {status_of(await answer(place, request(route, sent, host=host))) for route in ROUTES}

        assert found <= {400, 421}
        assert place.transport.requests == []
        assert await still_serves(place)


@pytest.mark.parametrize("header", ["origin: https://evil.com", "origin: null", "sec-fetch-site: cross-site"])
async def test_foreign_origins(header: str) -> None:
    """Every route turns away what a page of elsewhere has begun, with the right token as well."""
    async with room(tokens=(token(),)) as place:
        sent = f"authorization: Bearer {TOKEN}"
        found = [await answer(place, request(route, sent, header)) for route in ROUTES]

        assert {status_of(each) for each in found} == {403}
        assert b"access-control-allow-origin" not in b"".join(found).lower()
        assert place.transport.requests == []
        assert await still_serves(place)


@pytest.mark.parametrize(
    "sent",
    [
        "x-nothing: at all",
        "authorization: Bearer wrong",
        f"authorization: Bearer {TOKEN}x",
        f"authorization: Bearer {TOKEN[:-1]}",
        "authorization: Bearer ",
        f"authorization: Basic {TOKEN}",
        f"cookie: token={TOKEN}",
        "x-forwarded-for: 127.0.0.1",
    ],
)
async def test_missing_and_wrong_tokens(sent: str) -> None:
    """Every route that is not public needs a right one, in a right place; it is never repeated."""
    async with room(tokens=(token(),)) as place:
        guarded = [route for route in ROUTES if not route.public]
        found = [await answer(place, request(route, sent)) for route in guarded]

        assert {status_of(each) for each in found} == {401}
        assert TOKEN[:-1].encode() not in b"".join(found)
        assert place.transport.requests == []
        assert await still_serves(place)


@pytest.mark.parametrize("path", QUESTIONS)
async def test_a_body_of_eleven_mebibytes(path: str) -> None:
    """413, although all of it was sent, by its length or in chunks."""
    large = b" " * (11 * 1024 * 1024)
    async with room() as place:
        assert status_of(await answer(place, post(large, path=path))) == 413
        chunked = post(b"", path=path).replace(b"content-length: 0", b"transfer-encoding: chunked")
        assert status_of(await answer(place, chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (len(large), large))) == 413
        assert place.transport.requests == []
        assert await still_serves(place)


@pytest.mark.parametrize(
    ("begun", "more", "status"),
    [(LIVES[:-2] + "x: ", b"a", 0), (post(BODY + b" " * 10**6)[: -(10**6)], b" ", 408)],
    ids=["head", "body"],
)  # fmt: skip
async def test_a_drop_at_a_time(begun: bytes | str, more: bytes, status: int) -> None:
    """Whoever sends a byte now and then gains no time by it: not for a head, not for a body."""
    heard = b""
    async with (
        room(timeouts=IMPATIENT) as place,
        line(place.server) as raw,
        anyio.create_task_group() as tasks,
    ):

        async def drip() -> None:
            while True:
                await raw.say(more)
                await anyio.sleep(0.005)

        await raw.say(begun)
        tasks.start_soon(drip)
        heard = await raw.hear()
        tasks.cancel_scope.cancel()
    assert status_of(heard) == status
    assert place.transport.requests == []


@pytest.mark.parametrize("folder", FOLDERS)
async def test_ways_out_of_a_folder(folder: str) -> None:
    """404: what stands behind a path is in a list, and no file is looked for by it."""
    async with room() as place:
        for way in WAYS_UP:
            told = await answer(
                place, f"GET {folder}{way} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            )
            head, _, body = told.partition(b"\r\n\r\n")
            assert status_of(told) in (400, 404), way
            assert b"root:" not in body
            assert b"stolen" not in head
        assert await still_serves(place)


@pytest.mark.parametrize("path", QUESTIONS)
@pytest.mark.parametrize("stream", [True, False])
async def test_names_with_ends_of_lines(path: str, *, stream: bool) -> None:
    """A model's name reaches no header, whatever shape the refusal has."""
    async with room() as place:
        for name in NAMES:
            body = orjson.dumps(said(model=name, stream=stream, max_tokens=9))
            told = await answer(place, post(body, path=path))
            head, _, body = told.partition(b"\r\n\r\n")
            assert status_of(told) in (400, 404), name
            assert b"stolen" not in head
            assert head.count(b"HTTP/1.") == 1
            assert orjson.loads(body)
        assert place.transport.requests == []
        assert await still_serves(place)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\x00\xff\r\n\r\n",
        b"hello there\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n" + b"a" * 100_000,
        b"0\r\n\r\n" * 1000,
    ],
    ids=["bytes", "words", "length", "tls", "head", "chunks"],
)
async def test_garbage_behind_a_question(garbage: bytes) -> None:
    """Told once that it is nothing, and the connection ends; a question that was there before is answered."""
    whole = post(BODY).replace(b"connection: close\r\n", b"")
    async with room({"a": says("hello", after=0.2)}) as place:
        at_once = await answer(place, whole + garbage)
        assert statuses(at_once) in ([400], [431], [200, 400], [200, 431])
        asked = len(place.transport.requests)
        async with line(place.server) as raw:
            await raw.say(whole)
            await until(lambda: len(place.transport.requests) > asked)
            await raw.say(garbage)
            later = await raw.hear()

        assert statuses(later) in ([200, 400], [200, 431])
        assert b"hello there" not in at_once + later
        assert await still_serves(place)


async def test_questions_without_end() -> None:
    """One connection asks ten thousand times at once and reads nothing: one race runs for it, and it ends."""
    async with room({"a": says("hello", after=0.05)}, timeouts=replace(QUICK, write=0.3)) as place:
        whole = post(BODY).replace(b"connection: close\r\n", b"")
        async with line(place.server) as raw:
            raw.writer.write(whole * 10_000)
            await until(lambda: len(place.transport.requests) > 2)
            assert place.server.house.visitors.in_flight <= 1
        assert await still_serves(place)


@pytest.mark.parametrize("first", ["", LIVES], ids=["silent", "after"])
async def test_idle_connections(first: str) -> None:
    """Ten times as many as there are places, silent or with an answer already: an honest client gets in."""
    async with room(connections=5) as place, AsyncExitStack() as stack:
        for _ in range(50):
            raw = await stack.enter_async_context(line(place.server))
            if first:
                await raw.say(first)
                assert status_of(await raw.hear(b"alive")) == 200
        for _ in range(5):
            with anyio.fail_after(PATIENCE):
                assert await still_serves(place)
