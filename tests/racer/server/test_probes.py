"""Probes and names, as pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
import pytest

from racer import Racer
from racer.config import ServerSettings
from racer.server.app import Server
from racer.server.audience import Audience
from racer.testing import ScriptedTransport, config_of, says
from tests.racer.accounts.rows import row
from tests.racer.server.houses import CHAT, line, room
from tests.racer.server.rooms import get, kept

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]


async def test_each_name_has_a_page() -> None:
    """Also those with slashes, colons and commas in them, written out or not."""
    async with room({"a": says("hello"), "b": says("hello")}) as place:
        async with place.client.get(f"{place.server.url}/v1/models") as page:
            names = [each["id"] for each in (await page.json())["data"]]
        for name in names:
            async with line(place.server) as raw:
                await raw.say(f"GET /v1/models/{quote(name, safe='')} HTTP/1.0\r\nhost: localhost\r\n\r\n")
                data = await raw.hear()
            assert orjson.loads(data.partition(b"\r\n\r\n")[2])["id"] == name

    assert {"auto", "auto:frugal", "auto:fast", "a", "b/m"} <= set(names)


async def test_without_lanes() -> None:
    """It lives, is not ready, and says when to look again."""
    audience = Audience()
    async with (
        Racer(
            config_of(env={"RACER_LOG": "off"}), transport=ScriptedTransport({}), observers=[audience]
        ) as racer,
        Server(racer, ServerSettings(port=0), audience) as server,
        line(server) as raw,
    ):
        await raw.say("GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert b"alive" in await raw.hear(b"}")
        await raw.say("GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        data = await raw.hear()

    assert data.startswith(b"HTTP/1.1 503")
    assert b"no lanes" in data
    assert b"retry-after: 30" in data.lower()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_model_that_only_the_catalogue_has(*, stream: bool) -> None:
    """Nobody here has it: a 404 in the shape of each surface, also where tokens are counted alone."""
    rows = {"a": row(models=[{"name": "m", "tags": ["mine"]}]), "b": row("b", keys=["$UNSET"])}
    told = dict[str, tuple[int, Any]]()
    async with kept(None, rows=rows) as place:
        for path in (CHAT, "/api/chat", "/v1/messages", "/v1/messages/count_tokens"):
            status, body, _ = await place.ask(
                {"model": "b", "max_tokens": 9, "stream": stream}
                if path != "/api/chat"
                else {"model": "b", "stream": stream},
                path=path,
            )
            told[path] = status, body["error"]
        unknown, _ = await get(place, "/v1/models/b")
        known, card = await get(place, "/v1/models/mine")

    assert {status for status, _ in told.values()} == {404}
    assert told[CHAT][1]["code"] == "model_not_found"
    assert "'b' does not exist" in told["/api/chat"][1]
    assert (
        told["/v1/messages"][1]["type"] == told["/v1/messages/count_tokens"][1]["type"] == "not_found_error"
    )
    assert (unknown, known, card["id"]) == (404, 200, "mine")
