"""The official OpenAI client against the server: it must parse everything and raise its own errors."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

from racer import Racer
from racer.cli.simulated import config_for
from racer.config import RaceDefaults, ServerSettings
from racer.server.app import Server
from racer.server.audience import Audience
from racer.testing import EVERYTHING, fails, hangs, says, streams
from racer_adapters.errors import Kind, WireError
from tests.racer.server.houses import PATIENCE, TOKEN, room, token
from tests.racer.sim.loopback import one, seen
from tests.racer.sim.scenes import TOOL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from racer.config import Config
    from racer.sim import Simulator
    from racer.testing import Script

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
ASKED: Any = [{"role": "user", "content": "What is the weather in Rome?"}]
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 32).decode()


class Weather(BaseModel):
    city: str
    degrees: int


@asynccontextmanager
async def simulated(profile: str = "") -> AsyncGenerator[tuple[AsyncOpenAI, Simulator]]:
    """The client, and the simulator that answers behind the server."""
    audience = Audience()
    async with (
        one(profile) as simulator,
        Racer(able(config_for(simulator)), observers=[audience]) as racer,
        Server(racer, ServerSettings(port=0), audience) as server,
        client_of(server) as client,
    ):
        yield client, simulator


def able(config: Config) -> Config:
    """With models that can do everything."""
    providers = (
        replace(each, models=tuple(replace(model, can=EVERYTHING) for model in each.models))
        for each in config.providers
    )
    return replace(config, providers=tuple(providers))


def client_of(server: Server, key: str = "any") -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0, timeout=PATIENCE)


@asynccontextmanager
async def scripted(script: Script, **settings: Any) -> AsyncGenerator[AsyncOpenAI]:
    async with room({"a": script}, **settings) as place, client_of(place.server) as client:
        yield client


async def test_whole() -> None:
    """An answer of its own type, and the headers of ours."""
    async with simulated() as (client, _):
        raw = await client.chat.completions.with_raw_response.create(model="auto", messages=ASKED)
        answer = raw.parse()

    assert answer.choices[0].message.content
    assert answer.model == "sim-a/m"
    assert answer.usage is not None
    assert raw.headers["x-racer-provider"] == "sim-a"


async def test_streamed() -> None:
    """Chunks of its own type, the usage last."""
    async with simulated() as (client, _):
        stream = await client.chat.completions.create(
            model="auto", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]

    assert "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert [each.choices[0].finish_reason for each in chunks if each.choices][-1] == "stop"
    assert chunks[-1].usage is not None


async def test_its_own_helper_for_streams() -> None:
    """It puts the chunks together again."""
    async with (
        simulated() as (client, _),
        client.chat.completions.stream(model="auto", messages=ASKED) as stream,
    ):
        async for _ in stream:
            pass
        answer = await stream.get_final_completion()

    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"


async def test_tools() -> None:
    """Whole and in fragments, and the result goes back."""
    tools: Any = [TOOL]
    async with simulated() as (client, _):
        whole = await client.chat.completions.create(
            model="auto", messages=ASKED, tools=tools, tool_choice="required"
        )
        (call,) = whole.choices[0].message.tool_calls or []
        assert call.type == "function"
        async with client.chat.completions.stream(
            model="auto", messages=ASKED, tools=tools, tool_choice="required"
        ) as stream:
            streamed = await stream.get_final_completion()
        result = {"role": "tool", "tool_call_id": call.id, "content": "12 degrees"}
        said: Any = [*ASKED, whole.choices[0].message.model_dump(exclude_none=True), result]
        last = await client.chat.completions.create(model="auto", messages=said, tools=tools)

    assert (whole.choices[0].finish_reason, call.function.name) == ("tool_calls", "get_weather")
    (other,) = streamed.choices[0].message.tool_calls or []
    assert other.function.name == "get_weather"
    assert "city" in other.function.arguments
    assert last.choices[0].message.content or last.choices[0].message.tool_calls


async def test_a_schema() -> None:
    """Its own way to ask for a type, and to read it."""
    async with simulated() as (client, _):
        answer = await client.chat.completions.parse(model="auto", messages=ASKED, response_format=Weather)

    assert isinstance(answer.choices[0].message.parsed, Weather)


async def test_a_picture() -> None:
    """It reaches the provider as it was sent."""
    parts: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    async with simulated() as (client, simulator):
        answer = await client.chat.completions.create(
            model="auto", messages=[{"role": "user", "content": parts}]
        )
        (request,) = simulator.requests()

    assert answer.choices[0].message.content
    assert PIXEL in str(request)


async def test_models() -> None:
    """The list, and one of it."""
    async with simulated() as (client, _):
        names = [each.id async for each in client.models.list()]
        assert (await client.models.retrieve("sim-a/m")).owned_by == "sim-a"

    assert names[-2:] == ["sim-a", "sim-a/m"]


async def test_leaving_in_the_middle() -> None:
    """The provider sees its connection go."""
    async with simulated("rate = 1") as (client, simulator):
        stream = await client.chat.completions.create(model="auto", messages=ASKED, stream=True)
        await anext(aiter(stream))
        await stream.close()
        left = anyio.current_time()
        await seen(simulator, lambda counts: counts.dropped == 1)

    assert anyio.current_time() - left < 1


async def test_giving_up_on_a_whole_answer() -> None:
    """A cancelled call is a cancelled race."""
    async with room({"a": hangs()}) as place, client_of(place.server) as client:
        with anyio.move_on_after(0.3):
            await client.chat.completions.create(model="auto", messages=ASKED)
        await place.until("closed", "a")

    assert place.transport.open == 0


@pytest.mark.parametrize(
    ("body", "error", "param"),
    [
        ({"model": "gpt-4o"}, openai.NotFoundError, "model"),
        ({"n": 2}, openai.BadRequestError, "n"),
        ({"temperature": 9}, openai.BadRequestError, "temperature"),
        ({"messages": []}, openai.BadRequestError, "messages"),
        ({"extra_body": {"base_url": "http://evil.com"}}, openai.BadRequestError, "base_url"),
    ],
)
async def test_errors_of_the_asker(
    body: dict[str, Any], error: type[openai.APIStatusError], param: str
) -> None:
    """Its own types, with the field."""
    given: dict[str, Any] = {"model": "auto", "messages": ASKED, **body}
    async with scripted(says("hello")) as client:
        with pytest.raises(error) as caught:
            await client.chat.completions.create(**given)

    assert caught.value.param == param


@pytest.mark.parametrize("stream", [True, False])
async def test_errors_of_races(*, stream: bool) -> None:
    """A lost race is a server's error, and nobody left is one, too."""
    async with scripted(fails(WireError(Kind.AUTH, "no"))) as client:
        with pytest.raises(openai.InternalServerError) as lost:
            await client.chat.completions.create(model="auto", messages=ASKED, stream=stream)
        with pytest.raises(openai.InternalServerError) as nobody:
            await client.chat.completions.create(model="auto", messages=ASKED, stream=stream)

    assert (lost.value.status_code, lost.value.code) == (502, "race_lost")
    assert (nobody.value.status_code, nobody.value.code) == (503, "no_lanes")
    assert int(nobody.value.response.headers["retry-after"]) > 0


RESTS: Script = fails(WireError(Kind.RATE, "slow down", retry_after=1.0))


async def test_all_lanes_rest() -> None:
    """Limits alone are in the way: its own type for that, with the seconds until one is over."""
    async with room({"a": [RESTS, says("hello")]}) as place, client_of(place.server) as client:
        with pytest.raises(openai.RateLimitError, match="slow down"):
            await client.chat.completions.create(model="auto", messages=ASKED)
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="auto", messages=ASKED)
        patient = client.with_options(max_retries=1)
        answer = await patient.chat.completions.create(model="auto", messages=ASKED)

    assert (caught.value.status_code, caught.value.code) == (429, "rate_limit_exceeded")
    assert caught.value.response.headers["retry-after"] == "1"
    assert "x-should-retry" not in caught.value.response.headers
    assert answer.choices[0].message.content == "hello"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_lane_that_is_waited_for(*, stream: bool) -> None:
    """With `wait` in the configuration, the client hears nothing of it but the answer."""
    waits = RaceDefaults(wait=10.0)
    async with room({"a": [RESTS, says("hello")]}, race=waits) as place, client_of(place.server) as client:
        answer = await client.chat.completions.create(model="auto", messages=ASKED, stream=stream)
        if isinstance(answer, openai.AsyncStream):
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in answer])
        else:
            text = answer.choices[0].message.content or ""

    assert text == "hello"


async def test_an_error_in_mid_stream() -> None:
    """Raised behind the pieces that have come."""
    async with scripted(streams("hel", "lo", breaks=WireError(Kind.RESET, "gone"))) as client:
        stream = await client.chat.completions.create(model="auto", messages=ASKED, stream=True)
        said: list[str] = []

        async def read() -> None:
            async for chunk in stream:
                said.append(chunk.choices[0].delta.content or "")

        with pytest.raises(openai.APIError) as caught:
            await read()

    assert "".join(said) == "hello"
    assert caught.value.code == "stream_broken"


async def test_keys() -> None:
    """A wrong token is a wrong key."""
    async with room(tokens=(token(),)) as place:
        async with client_of(place.server) as client:
            with pytest.raises(openai.AuthenticationError):
                await client.chat.completions.create(model="auto", messages=ASKED)
        async with client_of(place.server, TOKEN) as client:
            assert (await client.chat.completions.create(model="auto", messages=ASKED)).choices


async def test_limits() -> None:
    """A token that asks too often is a rate limit."""
    async with (
        room(tokens=(token(requests_per_minute=1),)) as place,
        client_of(place.server, TOKEN) as client,
    ):
        await client.chat.completions.create(model="auto", messages=ASKED)
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="auto", messages=ASKED)


async def test_origins() -> None:
    """A page of elsewhere is told that it may not."""
    async with room() as place, client_of(place.server) as client:
        with pytest.raises(openai.PermissionDeniedError):
            await client.chat.completions.create(
                model="auto", messages=ASKED, extra_headers={"origin": "https://evil.com"}
            )


async def test_lost_races_are_not_asked_again() -> None:
    """The client would try twice more by itself: it is told that everything was tried."""
    async with room({"a": fails(WireError(Kind.RESET, "gone"))}) as place:
        client = client_of(place.server).with_options(max_retries=2)
        async with client:
            with pytest.raises(openai.InternalServerError):
                await client.chat.completions.create(model="auto", messages=ASKED)

    assert len(place.requests) == 1
