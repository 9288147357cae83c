"""Races as they run, read over a socket."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import orjson
import pytest

from racer.core.facts import FieldsDropped
from racer.server import events
from racer.testing import hangs, says
from tests.racer.server.houses import PATIENCE, QUICK, line, said
from tests.racer.server.rooms import A, get, kept

if TYPE_CHECKING:
    import aiohttp

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
HEAD = "GET /api/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


async def heard(page: aiohttp.ClientResponse, until: str) -> list[dict[str, object]]:
    """The data of all events, to the first one of that name."""
    found: list[dict[str, object]] = []
    with anyio.fail_after(PATIENCE):
        while not found or found[-1]["event"] != until:
            told = await page.content.readline()
            if told.startswith(b"data: "):
                found.append(orjson.loads(told[6:]))
    return found


async def test_a_race_as_it_runs() -> None:
    """Every step, in order, with when it was."""
    async with kept(None) as place, place.client.get(place.server.url + "/api/events") as page:
        assert page.headers["content-type"] == "text/event-stream; charset=utf-8"
        _, _, headers = await place.ask()
        steps = await heard(page, "race.won")

    assert [each["event"] for each in steps] == [
        "race.started", "lane.started", "lane.won", "race.won",
    ]  # fmt: skip
    assert {each["race"] for each in steps} == {headers["x-racer-race-id"]}
    assert all(isinstance(each["at"], float) for each in steps)


async def test_one_race() -> None:
    """With what was before; no step of another."""
    async with kept(None) as place:
        _, _, headers = await place.ask()
        await place.ask()
        url = f"{place.server.url}/api/events?race={headers['x-racer-race-id']}"
        async with place.client.get(url) as page:
            steps = await heard(page, "race.won")

    assert {each["race"] for each in steps} == {headers["x-racer-race-id"]}


async def test_coming_again() -> None:
    """From the event that was seen last."""
    async with kept(None) as place:
        await place.ask()
        life = place.server.house.watch.live.life
        headers = {"last-event-id": f"{life}-2"}
        async with place.client.get(place.server.url + "/api/events", headers=headers) as page:
            steps = await heard(page, "race.won")

    assert [each["event"] for each in steps] == ["lane.won", "race.won"]


async def test_a_word_while_nothing_happens() -> None:
    """A comment: proxies keep what is not silent."""
    async with kept(None, timeouts=replace(QUICK, keep_alive=0.02)) as place, line(place.server) as raw:
        await raw.say(HEAD)
        assert b": still here" in await raw.hear(b": still here")


async def test_the_end() -> None:
    """It ends with the server, at once and in order."""
    async with kept(None) as place, line(place.server) as raw:
        await raw.say(HEAD)
        await raw.hear(b"retry: 2000")
        with anyio.fail_after(2):
            assert await place.server.stop(20.0)
            assert (await raw.hear()).endswith(b"0\r\n\r\n")


async def test_the_end_of_what_is_under_way() -> None:
    """Who looks on sees the answers that the end waits for."""
    async with kept(None, {"a": says("hello", after=0.3)}) as place, line(place.server) as raw:
        await raw.say(HEAD)
        await raw.hear(b"retry: 2000")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(place.ask)
            await raw.hear(b"event: lane.started")
            assert await place.server.stop(20.0)
        data = await raw.hear()

    assert b"event: race.won" in data
    assert data.endswith(b"0\r\n\r\n")


async def test_whoever_leaves_is_forgotten() -> None:
    """Nothing of it stays, and nobody takes it for a fault."""
    async with kept(None) as place:
        live = place.server.house.watch.live
        async with line(place.server) as raw:
            await raw.say(HEAD)
            await raw.hear(b"retry: 2000")
            assert live.readers == 1
        with anyio.fail_after(PATIENCE):
            while live.readers:  # noqa: ASYNC110 - nobody is told
                await anyio.sleep(0.001)
        await place.ask()

    assert [name for level, name, _ in place.lines if level == "error"] == []


async def test_a_reader_that_takes_nothing() -> None:
    """It loses events, then its connection; races do not wait for it."""
    async with kept(None, timeouts=replace(QUICK, write=0.2)) as place, line(place.server) as raw:
        live = place.server.house.watch.live
        await raw.say(HEAD)
        await raw.hear(b"retry: 2000")
        raw.reader._transport.pause_reading()  # type: ignore[attr-defined]
        with anyio.fail_after(PATIENCE):
            while live.readers:
                for _ in range(50):
                    live.observe(FieldsDropped("r", A, ("x" * 2000,)), 1.0)
                await anyio.sleep(0.005)
        status, _, _ = await place.ask()

    assert status == 200
    assert [name for level, name, _ in place.lines if level == "error"] == []


async def test_a_head_alone() -> None:
    """HEAD has no events to wait for."""
    async with kept(None) as place, place.client.head(place.server.url + "/api/events") as page:
        assert page.status == 200
        assert place.server.house.watch.live.readers == 0


async def test_readers_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it they are told when to come again."""
    monkeypatch.setattr(events, "MOST_READERS", 1)
    async with kept(None) as place:
        url = place.server.url + "/api/events"
        async with place.client.get(url), place.client.get(url) as page:
            assert (page.status, page.headers["retry-after"]) == (429, "5")


async def test_no_prompt_and_no_reply() -> None:
    """Whoever may look on does not read along."""
    async with kept(None, {"a": says("a secret reply")}) as place, line(place.server) as raw:
        await raw.say(HEAD)
        body = said(messages=[{"role": "user", "content": "a secret prompt"}])
        await place.ask(body)
        told = await raw.hear(b"race.won")

    assert b"secret" not in told


async def test_a_race_that_is_left() -> None:
    """It is told as stopped."""
    async with kept(None, {"a": hangs()}) as place:
        async with place.client.get(place.server.url + "/api/events") as page:
            asking = asyncio.ensure_future(place.ask())
            await heard(page, "lane.started")
            asking.cancel()
            steps = await heard(page, "race.lost")
        _, body = await get(place, "/api/races")

    assert steps[-1]["ending"] == "aborted"
    assert body["running"] == []
