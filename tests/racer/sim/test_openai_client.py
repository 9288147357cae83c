"""The official OpenAI client against the simulator: it must parse everything and raise its own errors."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

from racer.sim.wire.flavour import FLAVOURS
from tests.racer.sim.loopback import one, simulating
from tests.racer.sim.scenes import KEY, TOOL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

    from racer.sim import Simulator

pytestmark = pytest.mark.anyio
HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hi"}]
NAMES = sorted(FLAVOURS)


class City(BaseModel):
    name: str
    people: int
    tags: list[str]


@asynccontextmanager
async def client_of(simulator: Simulator, provider: str = "a", key: str = KEY) -> AsyncGenerator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=simulator.base_url(provider), api_key=key, max_retries=0) as client:
        yield client


@asynccontextmanager
async def flavoured(flavour: str, toml: str = "") -> AsyncGenerator[AsyncOpenAI]:
    async with (
        one(f'dialect = "openai"\nflavour = "{flavour}"\n{toml}') as simulator,
        client_of(simulator) as client,
    ):
        yield client


async def streamed(client: AsyncOpenAI, **options: Any) -> list[ChatCompletionChunk]:
    stream = await client.chat.completions.create(model="m", messages=HI, stream=True, **options)
    return [chunk async for chunk in stream]


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@pytest.mark.parametrize("flavour", NAMES)
async def test_streamed_and_whole_say_the_same(flavour: str) -> None:
    """In every flavour the client reads the same text both ways, with finish reason and usage."""
    async with flavoured(flavour) as client:
        whole = await client.chat.completions.create(model="m", messages=HI)
        chunks = await streamed(client)

    assert whole.usage is not None
    assert whole.usage.completion_tokens == 24
    assert whole.choices[0].message.content == text_of(chunks)
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert [reason for reason in reasons if reason] == [whole.choices[0].finish_reason]
    assert {chunk.id for chunk in chunks} != {whole.id}


async def test_usage_in_a_stream() -> None:
    """When it was asked for, the last chunk has it, and no choice."""
    async with flavoured("openai") as client:
        last = (await streamed(client, stream_options={"include_usage": True}))[-1]

    assert (last.choices, last.usage and last.usage.completion_tokens) == ([], 24)


async def test_a_cap_and_a_stop() -> None:
    """Both end the text early, and the finish reason tells which."""
    async with flavoured("openai") as client:
        full = await client.chat.completions.create(model="m", messages=HI)
        capped = await client.chat.completions.create(model="m", messages=HI, max_completion_tokens=3)
        words = (full.choices[0].message.content or "").split()
        stopped = await client.chat.completions.create(model="m", messages=HI, stop=words[2])

    assert capped.choices[0].finish_reason == "length"
    assert capped.usage is not None
    assert capped.usage.completion_tokens == 3
    assert stopped.choices[0].finish_reason == "stop"
    assert (stopped.choices[0].message.content or "").split() == words[:2]


@pytest.mark.parametrize("flavour", NAMES)
async def test_tools(flavour: str) -> None:
    """A call whose arguments fit, whole as streamed; the client joins the fragments."""
    tools: Any = [TOOL]
    ask: Any = [{"role": "user", "content": "What says get_weather?"}]
    async with flavoured(flavour) as client:
        whole = await client.chat.completions.create(model="m", messages=ask, tools=tools)
        async with client.chat.completions.stream(model="m", messages=ask, tools=tools) as stream:
            final = await stream.get_final_completion()

    for found in (whole, final):
        choice = found.choices[0]
        assert choice.finish_reason == "tool_calls"
        assert choice.message.tool_calls
        call: Any = choice.message.tool_calls[0]
        assert call.function.name == "get_weather"
        assert call.function.arguments.startswith('{"city":"')


async def test_a_schema_is_parsed_into_its_model() -> None:
    """The client's own parser takes what was said."""
    async with flavoured("openai") as client:
        reply = await client.chat.completions.parse(model="m", messages=HI, response_format=City)

    parsed = reply.choices[0].message.parsed
    assert isinstance(parsed, City)
    assert parsed.tags


@pytest.mark.parametrize("flavour", NAMES)
async def test_models(flavour: str) -> None:
    """The list can be read."""
    async with flavoured(flavour) as client:
        models = await client.models.list()

    assert [model.id for model in models.data] == ["m"]


@pytest.mark.parametrize("flavour", NAMES)
async def test_a_wrong_key(flavour: str) -> None:
    """The client's AuthenticationError, in every flavour."""
    async with flavoured(flavour, f'keys = ["{KEY}2"]') as client:
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model="m", messages=HI)


@pytest.mark.parametrize("flavour", [name for name in NAMES if name != "openrouter"])
async def test_a_model_that_is_not_there(flavour: str) -> None:
    """The client's NotFoundError."""
    async with flavoured(flavour) as client:
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(model="gone", messages=HI)


async def test_openrouter_takes_an_unknown_model_for_a_bad_request() -> None:
    """A 400 there."""
    async with flavoured("openrouter") as client:
        with pytest.raises(openai.BadRequestError, match="not a valid model ID"):
            await client.chat.completions.create(model="gone", messages=HI)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"messages": []}, "empty array"),
        ({"messages": [{"role": "boss", "content": "x"}]}, "boss"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": -1}, "max_tokens"),
    ],
)
async def test_bad_requests(fields: dict[str, Any], words: str) -> None:
    """The client's BadRequestError, with the field in its text."""
    asked: dict[str, Any] = {"model": "m", "messages": HI} | fields
    async with flavoured("openai") as client:
        with pytest.raises(openai.BadRequestError, match=words):
            await client.chat.completions.create(**asked)


async def test_mistral_says_unprocessable() -> None:
    """A field that it does not know is the client's UnprocessableEntityError."""
    async with flavoured("mistral") as client:
        with pytest.raises(openai.UnprocessableEntityError) as caught:
            await client.chat.completions.create(model="m", messages=HI, seed=1)

    assert caught.value.response.json()["detail"][0]["loc"] == ["body", "seed"]


@pytest.mark.parametrize("flavour", NAMES)
async def test_a_limit(flavour: str) -> None:
    """The client's RateLimitError on the request that is too many."""
    async with flavoured(flavour, 'limits = [{ requests = 1, per = "day" }]') as client:
        await client.chat.completions.create(model="m", messages=HI)
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="m", messages=HI)

    assert caught.value.status_code == 429
    assert ("retry-after" in caught.value.response.headers) is (flavour != "nvidia")


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "529"])
async def test_server_errors(kind: str) -> None:
    """The client's InternalServerError, whatever the number."""
    async with flavoured("openai", f'faults = [{{ kind = "{kind}" }}]') as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(model="m", messages=HI)

    assert caught.value.status_code == int(kind)


@pytest.mark.parametrize("flavour", ["openai", "groq", "generic", "cerebras", "openrouter"])
async def test_an_error_in_the_stream(flavour: str) -> None:
    """The client finds it in each of these forms and raises."""
    async with flavoured(flavour, 'faults = [{ kind = "error_frame", tokens = 2 }]') as client:
        with pytest.raises(openai.APIError):
            await streamed(client)


async def test_limit_headers_can_be_read() -> None:
    """Groq's: requests are of the day, tokens of the minute."""
    limits = """limits = [
        { requests = 30, per = "minute" },
        { requests = 1000, per = "day" },
        { tokens = 8000, per = "minute" },
    ]"""
    async with flavoured("groq", limits) as client:
        raw = await client.chat.completions.with_raw_response.create(model="m", messages=HI)
        headers, reply = raw.headers, raw.parse()

    assert reply.usage is not None
    assert headers["x-ratelimit-limit-requests"] == "1000"
    assert headers["x-ratelimit-remaining-requests"] == "999"
    assert int(headers["x-ratelimit-remaining-tokens"]) == 8000 - reply.usage.total_tokens


async def test_ollama_has_openais_face() -> None:
    """Under /v1, without any key."""
    async with (
        simulating('[providers.ollama]\nmodels = ["llama3.2"]') as simulator,
        AsyncOpenAI(base_url=f"{simulator.url}/ollama/v1", api_key="ollama", max_retries=0) as client,
    ):
        reply = await client.chat.completions.create(model="llama3.2", messages=HI)

    assert reply.choices[0].message.content
    assert reply.system_fingerprint == "fp_ollama"


async def test_without_version_in_the_path() -> None:
    """A base URL without /v1 leads to the same place."""
    async with one("") as simulator, AsyncOpenAI(base_url=f"{simulator.url}/a", api_key=KEY) as client:
        assert (await client.chat.completions.create(model="m", messages=HI)).choices
