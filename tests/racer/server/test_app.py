"""The server's routes and the way of a request, on true sockets."""

from __future__ import annotations

import gzip
import socket
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import orjson
import pytest

from racer.errors import StoreError
from racer.server.app import ROUTES, Route, Server
from racer.server.visit import SAFE
from racer.testing import ScriptedTransport, fails, hangs, says, streams
from racer_adapters.errors import Kind, WireError
from tests.racer.server.houses import CHAT, QUICK, TOKEN, line, post, room, said, status_of, token

if TYPE_CHECKING:
    from aiohttp import web

    from racer.server.house import House
    from racer.server.visit import Visit
    from racer.testing import Script

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
BODY = orjson.dumps(said())


async def test_an_answer() -> None:
    """OpenAI's form, with who gave it; and a line in the journal."""
    async with room() as place:
        status, body, headers = await place.ask()
        (told,) = await place.served()

    assert (status, body["choices"][0]["message"]["content"]) == (200, "hello")
    assert headers["x-racer-provider"] == "a"
    assert headers["x-racer-lanes"] == "1"
    assert body["id"] == f"chatcmpl-{headers['x-racer-race-id']}"
    assert {name: headers[name] for name in SAFE} == SAFE
    assert told | {"request": "", "seconds": 0} == {
        "request": "", "seconds": 0, "method": "POST", "route": CHAT, "status": 200, "token": "local",
        "race": headers["x-racer-race-id"], "provider": "a",
    }  # fmt: skip


async def test_small_pages() -> None:
    """Probes and the list of models; HEAD is a GET without a body."""
    async with room() as place, place.client.get(f"{place.server.url}/v1/models") as models:
        names = [each["id"] for each in (await models.json())["data"]]
        found: dict[str, tuple[int, bytes]] = {}
        for path in (
            "/livez",
            "/readyz",
            "/v1/models/a/m",
            "/v1/models/a%2Fm",
            "/v1/models/auto",
            "/v1/models/x",
        ):
            async with place.client.get(place.server.url + path) as page:
                found[path] = page.status, await page.read()
        async with place.client.head(f"{place.server.url}/livez") as page:
            assert (page.status, await page.read()) == (200, b"")

    assert names[0] == "auto"
    assert names[-2:] == ["a", "a/m"]
    assert found["/livez"] == (200, b'{"status":"alive"}')
    assert found["/readyz"] == (200, b'{"status":"ready"}')
    assert [status for status, _ in found.values()] == [200] * 5 + [404]
    assert b"model_not_found" in found["/v1/models/x"][1]


async def test_not_ready() -> None:
    """Without any lane, and while it ends."""
    async with room() as place:
        place.server.house.stopping.set()
        async with place.client.get(f"{place.server.url}/readyz") as page:
            assert (page.status, page.headers["retry-after"]) == (503, "5")
        async with place.client.get(f"{place.server.url}/livez") as page:
            assert page.status == 200


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /nothing HTTP/1.1", 404),
        ("GET /index.html HTTP/1.1", 404),
        ("GET /v1/../livez HTTP/1.1", 404),
        ("GET /%6civez HTTP/1.1", 404),
        ("GET /livez/ HTTP/1.1", 404),
        ("GET /livez%00 HTTP/1.1", 404),
        ("GET /livez?token=x HTTP/1.1", 200),
        ("GET //livez HTTP/1.1", 404),
        ("GET /..%2f..%2fetc/passwd HTTP/1.1", 404),
        ("GET /..\\..\\etc\\passwd HTTP/1.1", 404),
        ("GET http://127.0.0.1/livez HTTP/1.1", 421),
        ("GET http://evil.com/livez HTTP/1.1", 421),
        ("POST /livez HTTP/1.1", 405),
        ("GET /v1/chat/completions HTTP/1.1", 405),
        ("DELETE /v1/models HTTP/1.1", 405),
        ("TRACE /livez HTTP/1.1", 405),
        ("OPTIONS /livez HTTP/1.1", 405),
        ("PUT /v1/chat/completions HTTP/1.1", 405),
        ("CONNECT evil.com:443 HTTP/1.1", 421),
        ("CONNECT /livez HTTP/1.1", 405),
        ("GETX /livez HTTP/1.1", 400),
        ("GET /livez HTTP/0.9", 505),
        ("GET /livez", 505),
        ("GET /livez HTTP/2.0", 505),
        ("\x16\x03\x01", 400),
        ("PRI * HTTP/2.0", 400),
    ],
)
async def test_first_lines(request_line: str, status: int) -> None:
    """Paths are those that were sent, and methods those of the first line."""
    async with room() as place, line(place.server) as raw:
        await raw.say(f"{request_line}\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        answer = await raw.hear()

    assert status_of(answer) == status
    assert b"evil" not in answer
    assert b"passwd" not in answer


async def test_another_method_in_a_header() -> None:
    """The first line says which one it is."""
    async with room() as place:
        headers = {"x-http-method-override": "DELETE"}
        async with place.client.get(f"{place.server.url}/livez", headers=headers) as page:
            assert page.status == 200
        async with place.client.put(f"{place.server.url}/v1/models") as page:
            assert (page.status, page.headers["allow"]) == (405, "GET, HEAD")
            assert (await page.json())["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["host: evil.com"], 421),
        (["host: localhost.evil.com"], 421),
        (["host: 127.0.0.1", "host: evil.com"], 400),
        ([], 400),
        (["host: localhost:80@evil"], 400),
        (["host: 127.0.0.1", "origin: https://evil.com"], 403),
        (["host: 127.0.0.1", "origin: null"], 403),
        (["host: 127.0.0.1", "sec-fetch-site: cross-site"], 403),
        (["host: 127.0.0.1", "content-type: text/plain"], 415),
        (["host: 127.0.0.1", "content-type: application/json", "content-length: 99999999999"], 413),
        (["host: 127.0.0.1", "content-type: application/json", "content-length: -1"], 400),
        (
            [
                "host: 127.0.0.1",
                "content-type: application/json",
                "content-encoding: gzip",
                "content-length: 9",
            ],
            415,
        ),
    ],
)
async def test_refusals_before_the_body(headers: list[str], status: int) -> None:
    """They come although no byte of a body was sent, and the connection ends."""
    async with room() as place, line(place.server) as raw:
        await raw.say("\r\n".join([f"POST {CHAT} HTTP/1.1", *headers, "\r\n"]))
        answer = await raw.hear()

    assert status_of(answer) == status
    assert place.transport.requests == []
    assert b"evil" not in answer


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": f"Bearer {TOKEN}"}, 200),
        ({"x-api-key": TOKEN}, 200),
    ],
)
async def test_tokens(sent: dict[str, str], status: int) -> None:
    """Questions and lists need one; probes do not. Nothing of it is ever said."""
    async with room(tokens=(token(),)) as place:
        got, body, headers = await place.ask(headers=sent)
        async with place.client.get(f"{place.server.url}/v1/models", headers=sent) as page:
            assert page.status == status
        async with place.client.get(f"{place.server.url}/livez") as page:
            assert page.status == 200
        told = await place.served(3)

    assert got == status
    assert TOKEN not in str((body, dict(headers), told))
    assert [each["token"] for each in told] == (["team", "team", "none"] if status == 200 else ["none"] * 3)
    if status == 401:
        assert body["error"]["type"] == "authentication_error"


async def test_a_token_before_a_body() -> None:
    """401 comes although nothing of the body is there."""
    async with room(tokens=(token(),)) as place, line(place.server) as raw:
        await raw.say(f"POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\n\r\n")

        assert status_of(await raw.hear()) == 401


async def test_a_token_in_the_address() -> None:
    """It is not read, and not written down."""
    async with room(tokens=(token(),)) as place:
        status, *_ = await place.ask(path=f"{CHAT}?token={TOKEN}&api_key={TOKEN}")
        told = await place.served()

    assert status == 401
    assert TOKEN not in str(told)


async def test_other_origins() -> None:
    """Only those that the configuration names have leave to ask, and to read the answer."""
    origin = "https://app.example.com"
    async with room(cors=(origin,)) as place:
        asked = {"origin": origin, "access-control-request-method": "POST"}
        async with place.client.options(place.server.url + CHAT, headers=asked) as page:
            assert page.status == 204
            assert page.headers["access-control-allow-origin"] == origin
            assert page.headers["access-control-allow-methods"] == "POST"
            assert "authorization" in page.headers["access-control-allow-headers"]
            assert page.headers["vary"] == "origin"
        asked |= {"access-control-request-headers": "content-type,x-stainless-os,x-evil"}
        async with place.client.options(place.server.url + CHAT, headers=asked) as page:
            allowed = page.headers["access-control-allow-headers"].split(", ")
            assert "x-stainless-os" in allowed
            assert "x-evil" not in allowed
        status, _, headers = await place.ask(headers={"origin": origin})
        assert (status, headers["access-control-allow-origin"]) == (200, origin)
        _, _, headers = await place.ask({"stream": False}, headers={"origin": "https://evil.com"})
        assert "access-control-allow-origin" not in headers
        _, _, headers = await place.ask()
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": ["x"]}, "messages[0]"),
        ({"messages": [None], "stream": True}, "messages[0]"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "http://10.0.0.1/"}]}]},
         "messages[0].content[0].image_url"),
        ({"temperature": 9}, "temperature"),
        ({"tools": [{"type": "x"}]}, "tools[0].type"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"stop": [1]}, "stop"),
        ({"stream": True, "seed": "x"}, "seed"),
        ({"base_url": "http://evil.com"}, "base_url"),
        ({"n": 3}, "n"),
        ({"top-k": 5}, "top-k"),
        ({"a.b": 5}, "a.b"),
        ({"": 5}, ""),
        ({"x" * 99: 5}, "x" * 64 + "…"),
        ({"\x1b[2J": 5}, "\\x1b[2J"),
    ],
)  # fmt: skip
async def test_fields_that_are_wrong(body: dict[str, object], param: str | None) -> None:
    """400 in OpenAI's form, with the field; nothing was sent to anybody."""
    async with room() as place:
        status, told, _ = await place.ask(body)

    assert status == 400
    assert set(told["error"]) == {"message", "type", "param", "code"}
    assert told["error"]["param"] == param
    assert place.transport.requests == []


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("gpt-4o", "GET /v1/models"),
        ("a/x", "did you mean a/m"),
        ("http://127.0.0.1/", "GET"),
        ("a'b", '"a\'b"'),
    ],
)
async def test_names_that_nobody_has(model: str, hint: str, *, stream: bool) -> None:
    """404 in OpenAI's form."""
    async with room() as place:
        status, told, _ = await place.ask({"model": model, "stream": stream})

    assert (status, told["error"]["code"], told["error"]["param"]) == (404, "model_not_found", "model")
    assert hint in told["error"]["message"]


async def test_a_name_that_breaks_headers() -> None:
    """It reaches none, and no line of the journal."""
    async with room() as place:
        status, _, headers = await place.ask({"model": "a\r\nset-cookie: x=1"})
        told = await place.served()

    assert status == 404
    assert "set-cookie" not in headers
    assert "cookie" not in str(told)


BUSY = fails(WireError(Kind.OVERLOADED, "too many", status=503, retry_after=7))
FULL = fails(WireError(Kind.RATE, "slow down", status=429, retry_after=20))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("scripts", "status", "code", "waits"),
    [
        ({"a": FULL}, 429, "rate_limit_exceeded", range(18, 21)),
        ({"a": FULL, "b": BUSY}, 503, "race_lost", range(5, 8)),
    ],
)
async def test_races_that_are_lost_to_limits(
    scripts: dict[str, Script], status: int, code: str, waits: range, *, stream: bool
) -> None:
    """The client hears what providers have said, and when the first lane is back."""
    async with room(scripts) as place:
        got, told, headers = await place.ask({"stream": stream})

    assert (got, told["error"]["code"]) == (status, code)
    assert int(headers["retry-after"]) in waits
    assert "x-should-retry" not in headers


@pytest.mark.parametrize("stream", [True, False])
async def test_lost_races(*, stream: bool) -> None:
    """502 with the story, also where a stream was asked for; clients are told not to try again."""
    async with room({"a": fails(WireError(Kind.SERVER, "out of order"))}) as place:
        status, told, headers = await place.ask({"stream": stream})

    assert (status, told["error"]["code"]) == (502, "race_lost")
    assert "out of order" in told["error"]["message"]
    assert headers["x-should-retry"] == "false"
    assert headers["x-racer-race-id"]


async def test_nobody_left() -> None:
    """503 says when to come again."""
    async with room({"a": fails(WireError(Kind.AUTH, "no"))}) as place:
        await place.ask()
        status, told, headers = await place.ask()

    assert (status, told["error"]["code"]) == (503, "no_lanes")
    assert int(headers["retry-after"]) > 0


ENDS_SLOWLY = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"
WORDS: dict[str, tuple[dict[str, Any], bytes]] = {
    CHAT: ({}, b'"code":"shutting_down"'),
    "/v1/messages": ({"max_tokens": 9}, b'"type":"overloaded_error"'),
    "/api/chat": ({}, b'{"error":"the server is shutting down"}'),
}


async def test_connections_when_it_ends() -> None:
    """Those that wait for nothing end at once; who is in hears that his does; who asks yet is told when."""
    async with room({"a": says("hello", after=0.5)}) as place, AsyncExitStack() as stack:
        idle, asking, fresh = [await stack.enter_async_context(line(place.server)) for _ in range(3)]
        await idle.say(ENDS_SLOWLY)
        assert status_of(await idle.hear(b"alive")) == 200
        await asking.say(post(BODY).replace(b"connection: close\r\n", b""))
        await place.until("sent", "a")
        heard: list[bytes] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(place.server.stop, 5.0)
            assert await idle.hear() == b""
            await fresh.say(post(BODY).replace(b"connection: close\r\n", b""))
            heard += [await fresh.hear(), await asking.hear()]

    late, answer = heard
    assert status_of(late) == 503
    assert b"retry-after: 5" in late.lower()
    assert b"shutting_down" in late
    assert b"connection: close" in late.lower()
    assert status_of(answer) == 200
    assert b"hello" in answer
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("path", WORDS)
async def test_who_is_sent_away(path: str) -> None:
    """A true status where none was sent yet, an error in the stream where one was; and the race ends."""
    more, words = WORDS[path]
    timeouts = replace(QUICK, keep_alive=0.1)
    async with room({"a": hangs()}, timeouts=timeouts) as place, AsyncExitStack() as stack:
        whole, streamed = [await stack.enter_async_context(line(place.server)) for _ in range(2)]
        await whole.say(post(orjson.dumps(said(stream=False, **more)), path=path))
        await streamed.say(post(orjson.dumps(said(stream=True, **more)), path=path))
        begun = await streamed.hear(b"\r\n\r\n")
        await place.server.stop(0.0)
        refused, rest = await whole.hear(), await streamed.hear()
        told = await place.served(2)

    assert status_of(refused) == 503
    assert b"retry-after: 5" in refused.lower()
    assert words in refused
    assert status_of(begun) == 200
    assert words in rest
    assert rest.endswith(b"0\r\n\r\n")
    assert sorted((each["status"], each["code"]) for each in told) == [
        (200, "shutting_down"), (503, "shutting_down"),
    ]  # fmt: skip
    assert place.transport.open == 0


async def test_who_was_in_the_middle() -> None:
    """What has come of an answer is the client's."""
    async with room({"a": streams("hel", "lo", gap=60)}) as place, line(place.server) as raw:
        await raw.say(post(orjson.dumps(said(stream=True))))
        await raw.hear(b"hel")
        await place.server.stop(0.0)

        assert b"shutting_down" in await raw.hear()
    assert place.transport.open == 0


async def broken(house: House, visit: Visit) -> web.StreamResponse:
    raise ZeroDivisionError("a secret of ours")


async def broken_late(house: House, visit: Visit) -> web.StreamResponse:
    response = await visit.stream("text/plain")
    await response.write(b"so far")
    raise ZeroDivisionError("a secret of ours")


async def in_the_store(house: House, visit: Visit) -> web.StreamResponse:
    raise StoreError("the database is locked")


async def test_faults_of_ours() -> None:
    """500 and a line in the journal; what was said stays here, and the server goes on."""
    routes = (
        *ROUTES, Route("GET", "/broken", broken), Route("GET", "/late", broken_late), Route("GET",
        "/store", in_the_store)
    )  # fmt: skip
    async with room(routes=routes) as place:
        async with place.client.get(f"{place.server.url}/broken") as page:
            assert page.status == 500
            assert "secret" not in await page.text()
        async with line(place.server) as raw:
            await raw.say("GET /late HTTP/1.1\r\nhost: localhost\r\n\r\n")
            data = await raw.hear()
        async with place.client.get(f"{place.server.url}/store") as page:
            assert page.status == 500
        assert (await place.ask())[0] == 200
        lines = [(name, fields["error"]) for level, name, fields in place.lines if level == "error"]

    assert data.endswith(b"so far\r\n")
    assert lines == [("http.failed", "ZeroDivisionError")] * 2


async def test_bodies_that_are_too_large() -> None:
    """413 before it is all there, also where no length was said; the server goes on."""
    async with room() as place:
        async with line(place.server) as raw:
            await raw.say(
                post(b"")[:-4].replace(b"content-length: 0", b"content-length: 11534336") + b"\r\n\r\n"
            )
            assert status_of(await raw.hear()) == 413
        async with line(place.server) as raw:
            head = post(b"").replace(b"content-length: 0", b"transfer-encoding: chunked")
            await raw.say(head)
            chunk = b"80000\r\n" + b" " * 0x80000 + b"\r\n"
            for _ in range(24):
                await raw.say(chunk)
            assert status_of(await raw.hear()) == 413
        assert (await place.ask())[0] == 200


async def test_bodies_that_are_packed() -> None:
    """They are not taken, so none can be larger than it seems."""
    async with room() as place:
        bomb = gzip.compress(b" " * 10_000_000)
        async with line(place.server) as raw:
            await raw.say(post(bomb, "content-encoding: gzip"))
            assert status_of(await raw.hear()) == 415


@pytest.mark.parametrize(
    "more",
    [
        ["content-length: 5"],
        ["transfer-encoding: chunked"],
        ["transfer-encoding : chunked"],
        ["transfer-encoding: chunked, identity"],
        ["transfer-encoding: x"],
        [" folded: yes"],
        ["na\x00me: x"],
        ["name: a\x00b"],
        ["name: a\rb"],
        ["no colon"],
    ],
)
async def test_heads_that_two_could_read_differently(more: list[str]) -> None:
    """400, and the connection ends: nothing behind it is taken for a request."""
    smuggled = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"
    async with room() as place, line(place.server) as raw:
        await raw.say(post(BODY, *more).replace(b"connection: close\r\n", b"") + smuggled)
        answer = await raw.hear()

    assert status_of(answer) == 400
    assert answer.count(b"HTTP/1.") == 1
    assert place.transport.requests == []


async def test_continue_is_said_to_whom_may_come_in() -> None:
    """A client that waits for leave gets it behind the guard, and else its refusal at once."""
    async with room() as place:
        async with line(place.server) as raw:
            await raw.say(post(BODY, "expect: 100-continue")[: -len(BODY)])
            assert b"100 Continue" in await raw.hear(b"\r\n\r\n")
            await raw.say(BODY)
            assert status_of(await raw.hear()) == 200
        async with line(place.server) as raw:
            await raw.say(post(BODY, "expect: 100-continue", host="evil.com")[: -len(BODY)])
            assert status_of(await raw.hear()) == 421


async def test_requests_in_a_row() -> None:
    """In their order, each for itself; garbage behind them ends the connection."""
    async with room() as place, line(place.server) as raw:
        whole = post(BODY).replace(b"connection: close\r\n", b"")
        await raw.say(whole * 3 + b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
        answer = await raw.hear(b'{"status":"alive"}')
        await raw.say(b"\x00garbage\r\n\r\n")
        last = await raw.hear()

    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [200, 200, 200, 200]
    assert status_of(last) == 400


async def test_ends_in_order() -> None:
    """Nobody more is taken in, who is in has the time that is given."""
    answers: list[int] = []
    async with room({"a": says("hello", after=0.2)}) as place:
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                answers.append((await place.ask())[0])

            tasks.start_soon(ask)
            await place.until("sent", "a")
            assert await place.server.stop(5.0) is True
        with pytest.raises(OSError, match=r"refused|failed"):
            await anyio.connect_tcp("127.0.0.1", place.server.port)

    assert answers == [200]


async def test_ends_at_once() -> None:
    """Who is still in is sent away, and the race ends with it."""
    async with room({"a": hangs()}) as place:
        async with line(place.server) as raw:
            await raw.say(post(BODY))
            await place.until("sent", "a")
            assert await place.server.stop(0.01) is False
            assert status_of(await raw.hear()) == 503
        assert place.transport.open == 0
        assert place.server.house.visitors.in_flight == 0


async def test_an_address_that_is_taken() -> None:
    """Said on entering; nothing is left open."""
    async with room() as place:
        settings = replace(place.server.house.settings, port=place.server.port)
        with pytest.raises(OSError, match=r"in use"):
            async with Server(place.racer, settings):
                pass


async def test_addresses() -> None:
    """What a client of this machine uses, whatever is listened on."""
    async with room() as place:
        for host, url in (
            ("0.0.0.0", "127.0.0.1"),
            ("::1", "[::1]"),
            ("::", "[::1]"),
            ("localhost", "localhost"),
        ):
            settings = replace(place.server.house.settings, host=host)
            server = Server(place.racer, settings, timeouts=QUICK)
            assert server.url == f"http://{url}:0"
    assert isinstance(place.transport, ScriptedTransport)
    assert socket.has_ipv6 in (True, False)
