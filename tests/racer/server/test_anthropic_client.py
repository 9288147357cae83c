"""The official Anthropic client against the server: it must parse everything and raise its own errors."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest
from anthropic import AsyncAnthropic
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
WORDS: list[Any] = [{"role": "user", "content": "What is the weather in Rome?"}]
ASKED: dict[str, Any] = {"model": "auto", "max_tokens": 512, "messages": WORDS}
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 32).decode()
ITS_OWN = 'dialect = "anthropic"'
TOOLS: list[Any] = [{"name": "get_weather", "input_schema": TOOL["function"]["parameters"]}]  # type: ignore[index]  # fmt: skip


class Weather(BaseModel):
    city: str
    degrees: int


def client_of(server: Server, key: str = "any") -> Any:
    """The official client, as Any: which of its many overloads is called is not seen through a dict."""
    return AsyncAnthropic(base_url=server.url, api_key=key, max_retries=0, timeout=PATIENCE)


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


async def test_whole() -> None:
    """An answer of its own type, and the headers of ours."""
    async with simulated() as (client, _):
        raw = await client.messages.with_raw_response.create(**ASKED, system="Be brief.")
        answer = await raw.parse()

    (block,) = answer.content
    assert block.type == "text"
    assert block.text
    assert (answer.model, answer.role, answer.stop_reason) == ("sim-a/m", "assistant", "end_turn")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    assert raw.headers["x-racer-provider"] == "sim-a"
    assert raw.headers["request-id"].startswith("req_")


async def test_streamed() -> None:
    """Events of its own types, in their order."""
    async with simulated() as (client, _):
        events = [event async for event in await client.messages.create(**ASKED, stream=True)]

    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


async def test_its_own_helper_for_streams() -> None:
    """It puts the events together again, with the counts."""
    async with simulated() as (client, _), client.messages.stream(**ASKED) as stream:
        words = [text async for text in stream.text_stream]
        answer = await stream.get_final_message()

    (block,) = answer.content
    assert block.type == "text"
    assert block.text == "".join(words) != ""
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens > 0


@pytest.mark.parametrize("profile", ["", ITS_OWN])
async def test_tools(profile: str) -> None:
    """Whole and in fragments, and the result goes back."""
    asked: dict[str, Any] = {**ASKED, "tools": TOOLS, "tool_choice": {"type": "any"}}
    async with simulated(profile) as (client, _):
        whole = await client.messages.create(**asked)
        async with client.messages.stream(**asked) as stream:
            streamed = await stream.get_final_message()
        call = whole.content[-1]
        assert call.type == "tool_use"
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "12 degrees"}
        turns: list[Any] = [
            *WORDS, {"role": "assistant", "content": [each.model_dump(exclude_none=True) for each in
            whole.content]}, {"role": "user", "content": [result]},
        ]  # fmt: skip
        last = await client.messages.create(**{**ASKED, "messages": turns}, tools=TOOLS)

    assert (whole.stop_reason, call.name, list(call.input)) == ("tool_use", "get_weather", ["city"])
    other = streamed.content[-1]
    assert other.type == "tool_use"
    assert (streamed.stop_reason, other.name, list(other.input)) == ("tool_use", "get_weather", ["city"])
    assert last.content


async def test_a_schema() -> None:
    """Its own way to ask for a type, and to read it."""
    async with simulated() as (client, _):
        answer = await client.messages.parse(**ASKED, output_format=Weather)

    assert isinstance(answer.parsed_output, Weather)


@pytest.mark.parametrize(
    "source",
    [
        {"type": "base64", "media_type": "image/png", "data": PIXEL},
        {"type": "url", "url": "https://example.com/weather.png"},
    ],
)
async def test_a_picture(source: dict[str, str]) -> None:
    """It reaches the provider as it was sent."""
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    asked: dict[str, Any] = {**ASKED, "messages": [{"role": "user", "content": content}]}
    async with simulated() as (client, simulator):
        answer = await client.messages.create(**asked)
        (request,) = simulator.requests()

    assert answer.content
    assert source.get("data", source.get("url", "")) in str(request)


@pytest.mark.parametrize("profile", [f"{ITS_OWN}\nreasoning = 5", "reasoning = 5"])
async def test_thoughts(profile: str) -> None:
    """Shown where thinking is asked for."""
    asked: dict[str, Any] = {**ASKED, "thinking": {"type": "adaptive"}}
    async with simulated(profile) as (client, _):
        shown = await client.messages.create(**asked)
        async with client.messages.stream(**asked) as stream:
            streamed = await stream.get_final_message()
        hidden = await client.messages.create(**ASKED)

    assert [block.type for block in shown.content] == ["thinking", "text"]
    assert [block.type for block in streamed.content] == ["thinking", "text"]
    assert [block.type for block in hidden.content] == ["text"]


async def test_counting() -> None:
    """An estimate; nobody is asked."""
    async with simulated() as (client, simulator):
        few = await client.messages.count_tokens(model="auto", messages=WORDS)
        more = await client.messages.count_tokens(model="auto", messages=WORDS, system="Be brief. " * 40)
        asked = simulator.requests()

    assert 0 < few.input_tokens < more.input_tokens
    assert asked == []


async def test_leaving_in_the_middle() -> None:
    """The provider sees its connection go."""
    async with simulated("rate = 1") as (client, simulator):
        stream = await client.messages.create(**ASKED, stream=True)
        await anext(aiter(stream))
        await stream.close()
        left = anyio.current_time()
        await seen(simulator, lambda counts: counts.dropped == 1)

    assert anyio.current_time() - left < 1


async def test_giving_up_on_a_whole_answer() -> None:
    """A cancelled call is a cancelled race."""
    async with room({"a": hangs()}) as place, client_of(place.server) as client:
        with anyio.move_on_after(0.3):
            await client.messages.create(**ASKED)
        await place.until("closed", "a")

    assert place.transport.open == 0


@pytest.mark.parametrize(
    ("body", "error", "kind", "says_"),
    [
        ({"model": "gpt-4o"}, anthropic.NotFoundError, "not_found_error", "gpt-4o"),
        (
            {"extra_body": {"temperature": 9}},
            anthropic.BadRequestError,
            "invalid_request_error",
            "temperature is 9",
        ),
        ({"messages": []}, anthropic.BadRequestError, "invalid_request_error", "messages is an empty list"),
        ({"max_tokens": 0}, anthropic.BadRequestError, "invalid_request_error", "max_tokens is 0"),
        ({"extra_body": {"base_url": "x"}}, anthropic.BadRequestError, "invalid_request_error", "base_url"),
        ({"extra_body": {"x": "y" * 11_000_000}}, anthropic.RequestTooLargeError, "request_too_large", "10"),
    ],
)
async def test_errors_of_the_asker(
    body: dict[str, Any], error: type[anthropic.APIStatusError], kind: str, says_: str
) -> None:
    """Its own types, with the field in the words."""
    async with scripted(says("hello")) as client:
        with pytest.raises(error) as caught:
            await client.messages.create(**{**ASKED, **body})

    assert caught.value.type == kind
    assert says_ in str(caught.value.api_message)


@pytest.mark.parametrize("stream", [True, False])
async def test_errors_of_races(*, stream: bool) -> None:
    """A lost race is a server's error, and nobody left is an overload."""
    async with scripted(fails(WireError(Kind.AUTH, "no"))) as client:
        with pytest.raises(anthropic.InternalServerError) as lost:
            await client.messages.create(**ASKED, stream=stream)
        with pytest.raises(anthropic.InternalServerError) as nobody:
            await client.messages.create(**ASKED, stream=stream)

    assert (lost.value.status_code, lost.value.type) == (502, "api_error")
    assert (nobody.value.status_code, nobody.value.type) == (503, "overloaded_error")
    assert int(nobody.value.response.headers["retry-after"]) > 0
    assert nobody.value.request_id is not None


async def test_an_error_in_mid_stream() -> None:
    """Raised behind the pieces that have come."""
    said: list[str] = []
    async with (
        scripted(streams("hel", "lo", breaks=WireError(Kind.RESET, "gone"))) as client,
        client.messages.stream(**ASKED) as stream,
    ):

        async def read() -> None:
            async for text in stream.text_stream:
                said.append(text)

        with pytest.raises(anthropic.APIStatusError) as caught:
            await read()

    assert "".join(said) == "hello"
    assert caught.value.type == "api_error"


async def test_waiting() -> None:
    """While the race is open the client hears that somebody is there, which it does not see."""
    timeouts = replace(QUICK, keep_alive=0.1)
    async with (
        scripted(says("hello", after=0.45), timeouts=timeouts) as client,
        client.messages.stream(**ASKED) as stream,
    ):
        assert "".join([text async for text in stream.text_stream]) == "hello"


async def test_keys_and_limits() -> None:
    """A wrong token is a wrong key, one that asks too often a rate limit; either header is read."""
    async with room(tokens=(token(requests_per_minute=2),)) as place:
        async with client_of(place.server) as client:
            with pytest.raises(anthropic.AuthenticationError) as wrong:
                await client.messages.create(**ASKED)
        async with client_of(place.server, TOKEN) as client:
            assert (await client.messages.create(**ASKED)).content
        other: Any = AsyncAnthropic(base_url=place.server.url, auth_token=TOKEN, max_retries=0)
        async with other as client:
            assert (await client.messages.create(**ASKED)).content
            with pytest.raises(anthropic.RateLimitError) as often:
                await client.messages.create(**ASKED)

    assert (wrong.value.type, often.value.type) == ("authentication_error", "rate_limit_error")


async def test_origins() -> None:
    """A page of elsewhere is told that it may not."""
    async with room() as place, client_of(place.server) as client:
        with pytest.raises(anthropic.PermissionDeniedError) as caught:
            await client.messages.create(**ASKED, extra_headers={"origin": "https://evil.com"})

    assert caught.value.status_code == 403


async def test_lost_races_are_not_asked_again() -> None:
    """The client would try twice more by itself: it is told that everything was tried."""
    async with room({"a": fails(WireError(Kind.RESET, "gone"))}) as place:
        client = client_of(place.server).with_options(max_retries=2)
        async with client:
            with pytest.raises(anthropic.InternalServerError):
                await client.messages.create(**ASKED)

    assert len(place.requests) == 1
