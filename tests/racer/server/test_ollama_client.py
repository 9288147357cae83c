"""The official Ollama client against the server: it must parse everything and raise its own errors."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import ollama
import pytest
from pydantic import BaseModel

from racer import Racer
from racer.cli.simulated import config_for
from racer.config import ServerSettings
from racer.server.app import Server
from racer.server.audience import Audience
from racer.testing import fails, hangs, says, streams
from racer_adapters.errors import Kind, WireError
from tests.racer.server.houses import PATIENCE, QUICK, TOKEN, room, token
from tests.racer.server.test_openai_client import able
from tests.racer.sim.loopback import one, seen
from tests.racer.sim.scenes import TOOL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from racer.sim import Simulator
    from racer.testing import Script

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
ASKED: Any = [{"role": "user", "content": "What is the weather in Rome?"}]
PIXEL = b"\x89PNG\r\n\x1a\n" + b"0" * 32
OLLAMA = 'dialect = "ollama"'
WITH_TOOL: Any = [{"role": "user", "content": "Use get_weather for Rome"}]


class Weather(BaseModel):
    city: str
    degrees: int


@asynccontextmanager
async def client_of(server: Server, key: str = "") -> AsyncGenerator[Any]:
    """The official client, as Any: its own types are not complete."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    client: Any = ollama.AsyncClient(host=server.url, timeout=PATIENCE, headers=headers)
    async with client:
        yield client


@asynccontextmanager
async def simulated(profile: str = "") -> AsyncGenerator[tuple[Any, Simulator]]:
    """The client, and the simulator that answers behind the server."""
    audience = Audience()
    async with (
        one(profile) as simulator,
        Racer(able(config_for(simulator)), observers=[audience]) as racer,
        Server(racer, ServerSettings(port=0), audience) as server,
        client_of(server) as client,
    ):
        yield client, simulator


@asynccontextmanager
async def scripted(script: Script, **settings: Any) -> AsyncGenerator[Any]:
    async with room({"a": script}, **settings) as place, client_of(place.server) as client:
        yield client


@pytest.mark.parametrize("model", ["auto", "auto:latest", "sim-a", "sim-a/m", "sim-a/m:latest"])
async def test_whole(model: str) -> None:
    """An answer of its own type, with counts and times; the client's way to write a name is known."""
    async with simulated() as (client, _):
        answer = await client.chat(model, messages=ASKED)

    assert answer.message.content
    assert (answer.model, answer.done, answer.done_reason) == ("sim-a/m", True, "stop")
    assert answer.created_at.startswith("20")
    assert answer.eval_count > 0
    assert answer.total_duration >= answer.eval_duration > 0


async def test_streamed() -> None:
    """Lines of its own type, the counts last."""
    async with simulated() as (client, _):
        parts = [part async for part in await client.chat("auto", messages=ASKED, stream=True)]

    assert len(parts) > 1
    assert "".join(part.message.content for part in parts)
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].eval_count > 0
    assert {part.model for part in parts} == {"sim-a/m"}


@pytest.mark.parametrize("profile", ["", OLLAMA])
async def test_tools(profile: str) -> None:
    """Whole and streamed, and the result goes back by the tool's name."""
    async with simulated(profile) as (client, _):
        whole: Any = await client.chat("auto", messages=WITH_TOOL, tools=[TOOL])
        stream: Any = await client.chat("auto", messages=WITH_TOOL, tools=[TOOL], stream=True)
        parts: list[Any] = [part async for part in stream]
        calls: list[Any] = [call for part in parts for call in part.message.tool_calls or ()]
        result = {"role": "tool", "tool_name": "get_weather", "content": "12 degrees"}
        last = await client.chat("auto", messages=[*WITH_TOOL, whole.message, result], tools=[TOOL])

    (call,) = whole.message.tool_calls
    assert (call.function.name, list(call.function.arguments)) == ("get_weather", ["city"])
    assert [each.function.name for each in calls] == ["get_weather"]
    assert last.message.content or last.message.tool_calls


async def test_forms() -> None:
    """Any JSON, and JSON of a schema."""
    async with simulated() as (client, _):
        loose = await client.chat("auto", messages=ASKED, format="json")
        strict = await client.chat("auto", messages=ASKED, format=Weather.model_json_schema())

    assert loose.message.content.startswith("{")
    assert Weather.model_validate_json(strict.message.content)


async def test_a_picture() -> None:
    """It reaches the provider as it was sent."""
    asked = [{"role": "user", "content": "What is this?", "images": [PIXEL]}]
    async with simulated() as (client, simulator):
        answer = await client.chat("auto", messages=asked)
        (request,) = simulator.requests()

    assert answer.message.content
    assert base64.b64encode(PIXEL).decode() in str(request)


async def test_thoughts() -> None:
    """Shown, unless they are not wanted."""
    async with simulated(f"{OLLAMA}\nreasoning = 5") as (client, _):
        shown = await client.chat("auto", messages=ASKED)
        parts = [part async for part in await client.chat("auto", messages=ASKED, stream=True, think=True)]
        hidden = await client.chat("auto", messages=ASKED, think=False)

    assert shown.message.thinking
    assert "".join(part.message.thinking or "" for part in parts)
    assert hidden.message.thinking is None
    assert hidden.message.content


async def test_options() -> None:
    """Ollama's own kind gets what is its own."""
    asked = {"num_predict": 3, "temperature": 0.5, "top_k": 7, "num_ctx": 2048, "num_gpu": 1, "seed": 4}
    async with simulated(OLLAMA) as (client, simulator):
        answer = await client.chat("auto", messages=ASKED, options=asked, keep_alive="5m")
        (request,) = simulator.requests()

    assert answer.done_reason == "length"
    assert "'top_k': 7" in str(request)
    assert "'num_ctx': 2048" in str(request)
    assert "num_gpu" not in str(request)


async def test_pages() -> None:
    """What `model` can be, and what one of them can do."""
    async with simulated("context = 4096") as (client, _):
        names = [each.model for each in (await client.list()).models]
        shown = await client.show("auto:latest")

    assert {"auto", "auto:fast", "sim-a", "sim-a/m"} <= set(names)
    assert shown.capabilities == ["completion", "tools", "vision"]
    assert shown.modelinfo["general.architecture"] == "racer"


async def test_leaving_in_the_middle() -> None:
    """The provider sees its connection go."""
    async with simulated("rate = 1") as (client, simulator):
        stream = await client.chat("auto", messages=ASKED, stream=True)
        await anext(stream)
        await stream.aclose()
        left = anyio.current_time()
        await seen(simulator, lambda counts: counts.dropped == 1)

    assert anyio.current_time() - left < 1


async def test_giving_up_on_a_whole_answer() -> None:
    """A cancelled call is a cancelled race."""
    async with room({"a": hangs()}) as place, client_of(place.server) as client:
        with anyio.move_on_after(0.3):
            await client.chat("auto", messages=ASKED)
        await place.until("closed", "a")

    assert place.transport.open == 0


@pytest.mark.parametrize(
    ("asked", "status", "says_"),
    [
        ({"model": "gpt-4o"}, 404, "gpt-4o"),
        ({"options": {"temperature": 9}}, 400, "temperature is 9"),
        ({"options": {"top_k": 4}}, 400, "options.top_k"),
        ({"messages": []}, 400, "messages is an empty list"),
        ({"logprobs": True}, 400, "logprobs"),
    ],
)
async def test_errors_of_the_asker(asked: dict[str, Any], status: int, says_: str) -> None:
    """Its own type, with a true status and the field."""
    given: dict[str, Any] = {"model": "auto", "messages": ASKED, **asked}
    async with scripted(says("hello")) as client:
        with pytest.raises(ollama.ResponseError) as caught:
            await client.chat(**given)

    assert caught.value.status_code == status
    assert says_ in caught.value.error


async def test_errors_of_races() -> None:
    """A lost race, and then nobody is left; the same in a stream that has not begun."""
    async with scripted(fails(WireError(Kind.AUTH, "no"))) as client:
        with pytest.raises(ollama.ResponseError) as lost:
            await client.chat("auto", messages=ASKED)
        with pytest.raises(ollama.ResponseError) as nobody:
            await anext(await client.chat("auto", messages=ASKED, stream=True))

    assert (lost.value.status_code, nobody.value.status_code) == (502, 503)
    assert "racer" not in lost.value.error.split()[0]


async def test_an_error_in_mid_stream() -> None:
    """Raised behind the lines that have come."""
    said: list[str] = []
    async with scripted(streams("hel", "lo", breaks=WireError(Kind.RESET, "gone"))) as client:
        stream = await client.chat("auto", messages=ASKED, stream=True)

        async def read() -> None:
            async for part in stream:
                said.append(part.message.content)

        with pytest.raises(ollama.ResponseError) as caught:
            await read()

    assert "".join(said) == "hello"
    assert "broke" in caught.value.error


async def test_waiting() -> None:
    """While the race is open the client hears blanks, which it does not see."""
    timeouts = replace(QUICK, keep_alive=0.1)
    async with scripted(says("hello", after=0.45), timeouts=timeouts) as client:
        parts = [part async for part in await client.chat("auto", messages=ASKED, stream=True)]

    assert "".join(part.message.content for part in parts) == "hello"
    assert parts[-1].done


async def test_keys_and_limits() -> None:
    """Each with its own status, in the form that the client reads."""
    async with room(tokens=(token(requests_per_minute=1),)) as place:
        async with client_of(place.server) as client:
            with pytest.raises(ollama.ResponseError) as unknown:
                await client.chat("auto", messages=ASKED)
        async with client_of(place.server, TOKEN) as client:
            assert (await client.chat("auto", messages=ASKED)).message.content
            with pytest.raises(ollama.ResponseError) as often:
                await client.chat("auto", messages=ASKED)

    assert (unknown.value.status_code, often.value.status_code) == (401, 429)
    assert isinstance(unknown.value.error, str)
