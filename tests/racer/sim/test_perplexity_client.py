"""Perplexity's official client, and OpenAI's for its Responses, against the simulator."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import openai
import orjson
import perplexity
import pytest

from tests.racer.sim.loopback import one
from tests.racer.sim.scenes import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.anyio
CLIENTS = ["perplexity", "openai"]
TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["name", "people"],
}


@asynccontextmanager
async def client_of(name: str, toml: str = "", key: str = KEY) -> AsyncGenerator[Any]:
    """Of no type: what the two have in common is what is looked at."""
    async with one(f'dialect = "responses"\n{toml}') as simulator:
        base = simulator.base_url("a")
        made: Any = (
            perplexity.AsyncPerplexity(base_url=base.removesuffix("/v1"), api_key=key, max_retries=0)
            if name == "perplexity"
            else openai.AsyncOpenAI(base_url=base, api_key=key, max_retries=0)
        )
        async with made as client:
            yield client


async def streamed(client: Any, **options: Any) -> list[Any]:
    stream = await client.responses.create(model="m", stream=True, **{"input": "hi"} | options)
    return [event async for event in stream]


@pytest.mark.parametrize("name", CLIENTS)
async def test_streamed_and_whole_say_the_same(name: str) -> None:
    """The client reads the same text both ways, with its usage."""
    async with client_of(name) as client:
        whole = await client.responses.create(model="m", input="hi")
        events = await streamed(client)

    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == whole.output_text == events[-1].response.output_text
    assert (whole.status, events[-1].type) == ("completed", "response.completed")
    assert whole.usage.output_tokens == events[-1].response.usage.output_tokens == 24


async def test_a_price() -> None:
    """Known to Perplexity's client alone."""
    async with client_of("perplexity") as client:
        whole = await client.responses.create(model="m", input="hi", preset="fast")

    assert whole.usage.cost.total_cost == pytest.approx(25e-6)
    assert whole.usage.cost.currency == "USD"


async def test_thoughts_are_told_in_a_stream() -> None:
    """As Perplexity types them."""
    async with client_of("perplexity", "reasoning = 3") as client:
        events = await streamed(client)

    thoughts = [event.thought for event in events if event.type == "response.reasoning.started"]
    assert len(thoughts) == 3


@pytest.mark.parametrize("name", CLIENTS)
async def test_tools(name: str) -> None:
    """A call whose arguments fit, whole as streamed; its result goes back as an item."""
    ask = {"input": "What says get_weather?", "tools": [TOOL]}
    async with client_of(name) as client:
        whole = await client.responses.create(model="m", **ask)
        events = await streamed(client, **ask)
        call = whole.output[0]
        items = [
            {"type": "message", "role": "user", "content": "What says get_weather?"},
            {
                "type": "function_call",
                "call_id": call.call_id,
                "name": call.name,
                "arguments": call.arguments,
            },
            {"type": "function_call_output", "call_id": call.call_id, "output": "cold"},
        ]
        after = await client.responses.create(model="m", input=items, tools=[TOOL])

    for found in (whole, events[-1].response):
        (call,) = found.output
        assert (call.type, call.name) == ("function_call", "get_weather")
        assert list(orjson.loads(call.arguments)) == ["city"]
    assert after.output_text


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_schema(name: str) -> None:
    """Each client has its own place for it; the answer fits."""
    form = {"name": "city", "schema": SCHEMA}
    if name == "perplexity":
        asked: Any = {"response_format": {"type": "json_schema", "json_schema": form}}
    else:
        asked = {"text": {"format": {"type": "json_schema", **form}}}
    async with client_of(name) as client:
        whole = await client.responses.create(model="m", input="hi", **asked)

    assert sorted(orjson.loads(whole.output_text)) == ["name", "people"]


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize(
    ("toml", "error"),
    [
        (f'keys = ["{KEY}2"]', "AuthenticationError"),
        ('faults = [{ kind = "401" }]', "AuthenticationError"),
        ('faults = [{ kind = "402" }]', "APIStatusError"),
        ('faults = [{ kind = "403" }]', "PermissionDeniedError"),
        ('faults = [{ kind = "404" }]', "BadRequestError"),
        ('faults = [{ kind = "429" }]', "RateLimitError"),
        ('faults = [{ kind = "500" }]', "InternalServerError"),
        ('refuses = ["input"]', "BadRequestError"),
        ('faults = [{ kind = "reset_before" }]', "APIConnectionError"),
    ],
)
async def test_errors_are_the_clients_own(name: str, toml: str, error: str) -> None:
    """Each status is raised as what the client calls it."""
    errors: Any = perplexity if name == "perplexity" else openai
    async with client_of(name, toml) as client:
        with pytest.raises(getattr(errors, error)):
            await client.responses.create(model="m", input="hi")


async def test_an_error_in_mid_stream() -> None:
    """The response fails in an event that the client types."""
    async with client_of("perplexity", 'faults = [{ kind = "error_frame", tokens = 3 }]') as client:
        events = await streamed(client)

    assert events[-1].type == "response.failed"
    assert events[-1].error.message == "Internal server error"


async def test_models() -> None:
    """The list can be read."""
    async with client_of("openai") as client:
        models = await client.models.list()

    assert [model.id for model in models.data] == ["m"]


async def test_the_old_door_is_shut() -> None:
    """Chat completions with a good key are told where to go."""
    async with one('dialect = "responses"') as simulator:
        base = simulator.base_url("a").removesuffix("/v1")
        async with openai.AsyncOpenAI(base_url=base, api_key=KEY, max_retries=0) as client:
            with pytest.raises(openai.PermissionDeniedError, match="Agent API"):
                await client.chat.completions.create(model="sonar", messages=[])
