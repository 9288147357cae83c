"""Streamed answers: what comes when, what ends them, and who waits for whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import orjson
import pytest

from racer.config import RaceDefaults
from racer.core.facts import CacheHit, Fact
from racer.testing import Script, Step, fails, hangs, says, streams
from racer_adapters.errors import Kind, WireError
from tests.racer.server.houses import QUICK, Line, Room, line, post, room, said, status_of

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
BODY = orjson.dumps(said(stream=True))
BROKEN = WireError(Kind.RESET, "connection lost")


def frame(**delta: str) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return b"data: " + orjson.dumps({"object": "chat.completion.chunk", "choices": [choice]}) + b"\n\n"


def events(data: bytes) -> list[Any]:
    """What the events in an answer of raw bytes hold; a comment is a text."""
    found: list[Any] = []
    for row in data.partition(b"\r\n\r\n")[2].split(b"\n"):
        if row.startswith(b"data: {"):
            found.append(orjson.loads(row.removeprefix(b"data: ")))
        elif row.startswith((b":", b"data: ")):
            found.append(row.decode())
    return found


def words(found: list[Any]) -> str:
    return "".join(each["choices"][0]["delta"].get("content", "") for each in found if "choices" in each)


async def answer_of(place: Room, body: bytes = BODY) -> bytes:
    async with line(place.server) as raw:
        await raw.say(post(body))
        return await raw.hear()


async def test_pieces_come_as_they_come() -> None:
    """The first as soon as the race is decided, while the second is still to come."""
    async with room({"a": streams("hel", "lo", after=0.05, gap=0.5)}) as place, line(place.server) as raw:
        await raw.say(post(BODY))
        first = await raw.hear(b"hel")
        came = anyio.current_time()
        rest = await raw.hear()

    assert status_of(first) == 200
    assert b"x-racer-provider: a" in first
    assert b"x-racer-lanes: 1" in first
    assert b"text/event-stream" in first
    assert anyio.current_time() - came > 0.3
    assert b'"content":"lo"' in rest
    assert b"data: [DONE]" in rest


async def test_the_same_race_everywhere() -> None:
    """Header, chunks and journal name one race, and what was used is counted."""
    async with room() as place:
        data = await answer_of(place)
        (told,) = await place.served()
        account = place.server.house.visitors.account("local")

    chunks = events(data)
    assert words(chunks) == "hello"
    assert f"x-racer-race-id: {told['race']}".encode() in data
    assert chunks[0]["id"] == f"chatcmpl-{told['race']}"
    assert (told["status"], told["streamed"], told["provider"]) == (200, True, "a")
    assert account.output_tokens > 0


async def test_while_the_race_is_open() -> None:
    """The client hears that somebody is there; what comes then is as it would be."""
    timeouts = replace(QUICK, keep_alive=0.1)
    async with room({"a": says("hello", after=0.45)}, timeouts=timeouts) as place:
        data = await answer_of(place)

    found = events(data)
    assert found[0] == found[1] == ": waiting"
    assert words(found) == "hello"
    assert b"x-racer-provider" not in data
    assert b"x-racer-race-id" in data


async def test_a_race_that_is_lost_late() -> None:
    """The status is out: the error stands in the stream, and no [DONE]."""
    timeouts = replace(QUICK, keep_alive=0.1)
    async with room({"a": fails(BROKEN, after=0.35)}, timeouts=timeouts) as place:
        found = events(await answer_of(place))
        (told,) = await place.served()

    assert found[0] == ": waiting"
    assert found[-1]["error"]["code"] == "race_lost"
    assert (told["status"], told["code"]) == (200, "race_lost")


async def test_a_race_that_is_lost_early() -> None:
    """A true status."""
    async with room({"a": fails(BROKEN, after=0.05)}) as place:
        assert status_of(await answer_of(place)) == 502


async def test_a_winner_that_dies() -> None:
    """What has come is the client's, and then it is told."""
    async with room({"a": streams("hel", "lo", gap=0.1, breaks=BROKEN)}) as place:
        found = events(await answer_of(place))

    assert words(found) == "hello"
    assert found[-1]["error"]["code"] == "stream_broken"
    assert "data: [DONE]" not in found


async def test_thoughts() -> None:
    """They come with the first word, from whoever gives the answer."""
    steps = (Step(0.0, frame(reasoning_content="hm")), Step(0.1, frame(content="yes")), *says("").steps)
    async with room({"a": Script(steps)}) as place:
        first, *_ = events(await answer_of(place))

    assert first["choices"][0]["delta"] == {"role": "assistant", "reasoning_content": "hm", "content": "yes"}


async def test_a_client_that_leaves_before() -> None:
    """While the race is open: every lane ends."""
    async with room({"a": hangs(), "b": hangs()}) as place:
        async with line(place.server) as raw:
            await raw.say(post(BODY))
            await place.until("sent", "a")
            await place.until("sent", "b")
        await place.until("closed", "a")
        await place.until("closed", "b")

    assert place.transport.open == 0


async def test_a_client_that_leaves_in_the_middle() -> None:
    """The winner ends, within a tenth of a second where nothing else keeps the machine."""
    async with room({"a": streams("hel", "lo", gap=60)}) as place:
        async with line(place.server) as raw:
            await raw.say(post(BODY))
            await raw.hear(b"hel")
            left = anyio.current_time()
        await place.until("closed", "a")
        await place.served()

    (closed,) = [at for _, event, at in place.transport.log if event == "closed"]
    assert closed - left < 1
    assert place.server.house.visitors.in_flight == 0


async def silent(raw: Line, place: Room) -> None:
    await raw.say(post(BODY))
    await place.until("sent", "a")


async def test_a_client_that_takes_nothing() -> None:
    """It is cut off; until then no more is read for it than fits."""
    many = ["x" * 65536] * 400
    timeouts = replace(QUICK, write=0.3)
    async with room({"a": streams(*many)}, timeouts=timeouts) as place, line(place.server) as raw:
        await silent(raw, place)
        (told,) = await place.served()
        await place.until("closed", "a")

    assert told["status"] == "left"
    assert place.transport.open == 0


async def test_usage() -> None:
    """In a chunk of its own, where it was asked for."""
    async with room() as place:
        body = orjson.dumps(said(stream=True, stream_options={"include_usage": True}))
        *_, last, done = events(await answer_of(place, body))

    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0
    assert done == "data: [DONE]"


async def test_an_old_client() -> None:
    """Without chunks of HTTP/1.1, the end of the connection is the end of the answer."""
    async with room() as place, line(place.server) as raw:
        await raw.say(post(BODY).replace(b"HTTP/1.1", b"HTTP/1.0"))
        data = await raw.hear()

    assert b"transfer-encoding" not in data.lower()
    assert words(events(data)) == "hello"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_kept_answer(*, stream: bool) -> None:
    """It has the id of its cache.hit event, in the head and in the body, and no lane."""
    heard = list[Fact]()
    async with room({"a": says("hello")}, race=RaceDefaults(cache=60.0)) as place:
        place.server.house.audience.join(heard.append)
        first = await answer_of(place)
        again = await answer_of(place, orjson.dumps(said(stream=stream)))

    (hit,) = [fact.race for fact in heard if isinstance(fact, CacheHit)]
    assert f"x-racer-race-id: {hit}".encode() in again
    assert b"x-racer-lanes: 0" in again
    assert b"x-racer-provider: a" in again
    assert f'"chatcmpl-{hit}"'.encode() in again
    assert hit.encode() not in first
