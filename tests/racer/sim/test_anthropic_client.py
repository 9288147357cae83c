"""The official Anthropic client against the simulator: it must parse everything and raise its own errors."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from pydantic import BaseModel

from racer_adapters.anthropic import ANTHROPIC
from racer_adapters.types import Target
from tests.adapters import goldens
from tests.racer.sim.loopback import one, simulating
from tests.racer.sim.scenes import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from racer.sim import Simulator

pytestmark = pytest.mark.anyio
HI: dict[str, Any] = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Say hi"}]}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "get_weather", "description": "Weather of a city", "input_schema": SCHEMA}


class City(BaseModel):
    name: str
    people: int
    tags: list[str]


@asynccontextmanager
async def client_of(simulator: Simulator, provider: str = "a", key: str = KEY) -> AsyncGenerator[Any]:
    """The official client, as Any: what it makes of a mapping of arguments has no type."""
    url = simulator.base_url(provider)
    async with anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as client:
        yield client


@asynccontextmanager
async def connected(toml: str = "") -> AsyncGenerator[Any]:
    async with one(f'dialect = "anthropic"\n{toml}') as simulator, client_of(simulator) as client:
        yield client


async def streamed(client: Any, **options: Any) -> anthropic.types.Message:
    async with client.messages.stream(**HI | options) as stream:
        message: anthropic.types.Message = await stream.get_final_message()
    return message


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


async def test_streamed_and_whole_say_the_same() -> None:
    """The client reads the same text both ways, with reason and counts."""
    async with connected() as client:
        whole, stream = await client.messages.create(**HI), await streamed(client)

    assert text_of(whole) == text_of(stream) != ""
    assert whole.stop_reason == stream.stop_reason == "end_turn"
    assert whole.usage.output_tokens == stream.usage.output_tokens == 24
    assert whole.usage.input_tokens == stream.usage.input_tokens > 0


async def test_thinking() -> None:
    """A block of its own, signed, in both ways; it can be turned off."""
    async with connected("reasoning = 3") as client:
        whole, stream = await client.messages.create(**HI), await streamed(client)
        without = await client.messages.create(**HI, thinking={"type": "disabled"})

    thought, _ = whole.content
    assert thought.type == "thinking"
    assert thought.thinking
    assert stream.content[0] == thought
    assert text_of(stream) == text_of(whole) != ""
    assert [block.type for block in without.content] == ["text"]


async def test_a_cap_and_a_stop() -> None:
    """max_tokens and stop_sequences cut the answer."""
    async with connected() as client:
        full = text_of(await client.messages.create(**HI)).split()
        capped = await client.messages.create(**HI | {"max_tokens": 3})
        stopped = await client.messages.create(**HI, stop_sequences=[full[2]])

    assert (capped.stop_reason, capped.usage.output_tokens) == ("max_tokens", 3)
    assert text_of(stopped).split() == full[:2]


async def test_tools() -> None:
    """A call with arguments that fit, streamed and whole; its result is understood."""
    asking: dict[str, Any] = {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "get_weather"}}
    async with connected() as client:
        whole, stream = await client.messages.create(**HI, **asking), await streamed(client, **asking)
        (call,) = whole.content
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "cold"}
        turns = [*HI["messages"], whole.to_param(), {"role": "user", "content": [result]}]
        after = await client.messages.create(**HI | {"messages": turns}, tools=[TOOL])

    assert whole.stop_reason == stream.stop_reason == "tool_use"
    assert (call.type, call.name, list(call.input)) == ("tool_use", "get_weather", ["city"])
    assert [block.model_dump(exclude={"id"}) for block in stream.content] == [call.model_dump(exclude={"id"})]
    assert after.stop_reason == "end_turn"


async def test_a_schema_is_parsed_into_its_model() -> None:
    """By the client's own helper, streamed and whole."""
    async with connected() as client:
        whole = await client.messages.parse(**HI, output_format=City)
        async with client.messages.stream(**HI, output_format=City) as stream:
            streamed_city = (await stream.get_final_message()).parsed_output

    assert isinstance(whole.parsed_output, City)
    assert whole.parsed_output == streamed_city


async def test_models() -> None:
    """The list of them."""
    async with connected() as client:
        names = [model.id async for model in client.models.list()]

    assert names == ["m"]


ERRORS: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("", {"model": "gone"}, anthropic.NotFoundError, "model: gone"),
    ("", {"max_tokens": 0}, anthropic.BadRequestError, "max_tokens"),
    ("", {"extra_body": {"temperature": 1}}, anthropic.BadRequestError, "temperature: Extra inputs"),
    ('keys = ["another"]', {}, anthropic.AuthenticationError, "invalid x-api-key"),
    ("context = 1", {}, anthropic.BadRequestError, "prompt is too long: 2 tokens > 1 maximum"),
    ('faults = [{ kind = "402" }]', {}, anthropic.PaymentRequiredError, "credit balance is too low"),
    ('faults = [{ kind = "403" }]', {}, anthropic.PermissionDeniedError, "permission"),
    ('faults = [{ kind = "413" }]', {}, anthropic.ContentTooLargeError, "maximum size"),
    ('faults = [{ kind = "429" }]', {}, anthropic.RateLimitError, "30 requests per minute"),
    ('faults = [{ kind = "insufficient_quota" }]', {}, anthropic.RateLimitError, "spend limit"),
    ('faults = [{ kind = "500" }]', {}, anthropic.InternalServerError, "Internal server error"),
    ('faults = [{ kind = "503" }]', {}, anthropic.ServiceUnavailableError, "Service unavailable"),
    ('faults = [{ kind = "504" }]', {}, anthropic.GatewayTimeoutError, "Request timed out"),
    ('faults = [{ kind = "529" }]', {}, anthropic.OverloadedError, "Overloaded"),
]


@pytest.mark.parametrize(("toml", "fields", "error", "words"), ERRORS)
async def test_errors(toml: str, fields: dict[str, Any], error: type[Exception], words: str) -> None:
    """Each is the client's own exception for it."""
    async with connected(toml) as client:
        with pytest.raises(error, match=words):
            await client.messages.create(**HI | fields)


async def test_a_spend_limit_has_a_code() -> None:
    """By which the client tells it from one that ends by itself."""
    async with connected('faults = [{ kind = "insufficient_quota" }]') as client:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(**HI)

    assert caught.value.error_code == "enforced_spend_limit_reached"


async def listen(events: Any, kinds: list[str]) -> None:
    async for event in events:
        kinds.append(event.type)


async def test_an_error_in_the_stream() -> None:
    """After the first tokens."""
    async with connected('faults = [{ kind = "error_frame", tokens = 2 }]') as client:
        kinds: list[str] = []
        with pytest.raises(anthropic.APIStatusError, match="Internal server error"):
            await listen(await client.messages.create(**HI, stream=True), kinds)

    assert kinds == ["message_start", "content_block_start", *["content_block_delta"] * 2]


async def test_limit_headers_can_be_read() -> None:
    """Limit, what is left, and when it begins anew."""
    async with connected('limits = [{ requests = 2, per = "minute" }]') as client:
        raw = await client.messages.with_raw_response.create(**HI)
        await client.messages.create(**HI)
        with pytest.raises(anthropic.RateLimitError) as caught:
            await client.messages.create(**HI)

    assert raw.headers["anthropic-ratelimit-requests-remaining"] == "1"
    assert raw.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert 0 < int(caught.value.response.headers["retry-after"]) <= 60
    assert caught.value.request_id


@pytest.mark.parametrize("request_", goldens.requests("anthropic"), ids=str)
async def test_what_it_sends_is_what_we_send(request_: goldens.Request) -> None:
    """As the simulator has recorded it, field for field; and the simulator takes it."""
    toml = '[providers.a]\ndialect = "anthropic"\nmodels = ["some-model"]'
    async with simulating(toml) as simulator, client_of(simulator) as client:
        said = await client.messages.create(**request_.body)
        if request_.body.get("stream"):
            assert [event async for event in said]
        (record,) = simulator.requests()
    ours = ANTHROPIC.encode(request_.call, Target(simulator.base_url("a"), "some-model"))

    assert record["body"] == json.loads(ours.body) == request_.body
    assert record["status"] == 200
    assert record["headers"]["anthropic-version"] == ours.headers["anthropic-version"]
