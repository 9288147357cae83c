"""The official Cohere client against the simulator: it must parse everything and raise its own errors."""

from __future__ import annotations

import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import cohere
import httpx
import pytest

from racer_adapters.cohere import COHERE
from racer_adapters.types import Target
from tests.adapters import goldens
from tests.racer.sim.loopback import one, simulating
from tests.racer.sim.scenes import KEY, TOOL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from racer.sim import Simulator

pytestmark = pytest.mark.anyio
HI: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Say hi"}]}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@asynccontextmanager
async def client_of(simulator: Simulator, provider: str = "a", key: str = KEY) -> AsyncGenerator[Any]:
    """The official client, as Any: we give our fields as they are."""
    async with httpx.AsyncClient() as http:
        yield cohere.AsyncClientV2(
            api_key=key, base_url=simulator.base_url(provider), httpx_client=http, max_retries=0
        )


@asynccontextmanager
async def connected(toml: str = "") -> AsyncGenerator[Any]:
    async with one(f'dialect = "cohere"\n{toml}') as simulator, client_of(simulator) as client:
        yield client


async def streamed(client: Any, **options: Any) -> list[Any]:
    return [event async for event in client.chat_stream(**HI | options)]


def deltas_of(events: list[Any], kind: str, field: str) -> str:
    contents = (event.delta.message.content for event in events if event.type == kind)
    return "".join(getattr(content, field) or "" for content in contents)


@pytest.fixture(autouse=True)
def nothing_is_skipped(caplog: pytest.LogCaptureFixture) -> Any:
    """The client skips events that it cannot read, with a warning: here that is a failure."""
    caplog.set_level(logging.WARNING)
    yield
    assert caplog.messages == []


async def test_streamed_and_whole_say_the_same() -> None:
    """The client reads the same text both ways, with reason and counts."""
    async with connected() as client:
        whole, events = await client.chat(**HI), await streamed(client)
    (part,), end = whole.message.content, events[-1].delta

    assert part.text == deltas_of(events, "content-delta", "text") != ""
    assert whole.finish_reason == end.finish_reason == "COMPLETE"
    assert whole.usage == end.usage
    assert whole.usage.billed_units.output_tokens == 24
    assert whole.usage.tokens.input_tokens > whole.usage.billed_units.input_tokens > 0


async def test_thinking() -> None:
    """A content of its own, in both ways; it can be turned off."""
    async with connected("reasoning = 3") as client:
        whole, events = await client.chat(**HI), await streamed(client)
        without = await client.chat(**HI, thinking={"type": "disabled"})

    assert [part.type for part in whole.message.content] == ["thinking", "text"]
    assert whole.message.content[0].thinking == deltas_of(events, "content-delta", "thinking") != ""
    assert [part.type for part in without.message.content] == ["text"]


async def test_a_cap_and_a_stop() -> None:
    """max_tokens and stop_sequences cut the answer."""
    async with connected() as client:
        full = (await client.chat(**HI)).message.content[0].text.split()
        capped = await client.chat(**HI, max_tokens=3)
        stopped = await client.chat(**HI, stop_sequences=[full[2]])

    assert (capped.finish_reason, capped.usage.billed_units.output_tokens) == ("MAX_TOKENS", 3)
    assert stopped.message.content[0].text.split() == full[:2]


async def test_tools() -> None:
    """A plan and a call with arguments that fit, streamed and whole; its result is understood."""
    asking: dict[str, Any] = {"tools": [TOOL], "tool_choice": "REQUIRED"}
    async with connected("reasoning = 2") as client:
        whole, events = await client.chat(**HI, **asking), await streamed(client, **asking)
        (call,) = whole.message.tool_calls
        said = {"role": "assistant", "tool_plan": whole.message.tool_plan, "tool_calls": [call]}
        result = {"role": "tool", "tool_call_id": call.id, "content": "cold"}
        after = await client.chat(**HI | {"messages": [*HI["messages"], said, result]}, tools=[TOOL])

    plans = [event.delta.message.tool_plan for event in events if event.type == "tool-plan-delta"]
    told = ("tool-call-start", "tool-call-delta")
    calls = [event.delta.message.tool_calls for event in events if event.type in told]
    assert whole.finish_reason == events[-1].delta.finish_reason == "TOOL_CALL"
    assert whole.message.tool_plan == "".join(plans) != ""
    assert (call.function.name, list(json.loads(call.function.arguments))) == ("get_weather", ["city"])
    assert "".join(part.function.arguments for part in calls) == call.function.arguments
    assert after.finish_reason == "COMPLETE"


async def test_a_schema() -> None:
    """Any object, or one that fits."""
    async with connected() as client:
        loose = await client.chat(**HI, response_format={"type": "json_object"})
        fitting = await client.chat(**HI, response_format={"type": "json_object", "json_schema": SCHEMA})

    assert isinstance(json.loads(loose.message.content[0].text), dict)
    assert list(json.loads(fitting.message.content[0].text)) == ["city"]


async def test_models() -> None:
    """The list of them."""
    async with connected() as client:
        listed = await client.models.list()

    assert [model.name for model in listed.models] == ["m"]


ERRORS: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("", {"model": "gone"}, cohere.NotFoundError, "model 'gone' not found"),
    ("", {"temperature": 2}, cohere.BadRequestError, "temperature must be between 0 and 1.0"),
    ('refuses = ["seed"]', {"seed": 1}, cohere.UnprocessableEntityError, "parameter 'seed'"),
    ('keys = ["another"]', {}, cohere.UnauthorizedError, "invalid api token"),
    ("context = 1", {}, cohere.BadRequestError, "too many tokens"),
    ('faults = [{ kind = "403" }]', {}, cohere.ForbiddenError, "do not have access"),
    ('faults = [{ kind = "429" }]', {}, cohere.TooManyRequestsError, "limited to 30 API calls / minute"),
    ('faults = [{ kind = "insufficient_quota" }]', {}, cohere.TooManyRequestsError, "1000 API calls / month"),
    ('faults = [{ kind = "500" }]', {}, cohere.InternalServerError, "internal server error"),
    ('faults = [{ kind = "503" }]', {}, cohere.ServiceUnavailableError, "service unavailable"),
    ('faults = [{ kind = "504" }]', {}, cohere.GatewayTimeoutError, "timed out"),
]


@pytest.mark.parametrize(("toml", "fields", "error", "words"), ERRORS)
async def test_errors(toml: str, fields: dict[str, Any], error: type[Exception], words: str) -> None:
    """Each is the client's own exception for it, streamed and whole."""
    async with connected(toml) as client:
        with pytest.raises(error, match=words):
            await client.chat(**HI | fields)
        with pytest.raises(error, match=words):
            await streamed(client, **fields)


async def test_an_error_in_the_stream() -> None:
    """After the first tokens the message ends with it."""
    async with connected('faults = [{ kind = "error_frame", tokens = 2 }]') as client:
        events = await streamed(client)

    assert deltas_of(events, "content-delta", "text")
    assert (events[-1].delta.finish_reason, events[-1].delta.error) == ("ERROR", "internal server error")


@pytest.mark.parametrize("request_", goldens.requests("cohere"), ids=str)
async def test_what_it_sends_is_what_we_send(request_: goldens.Request) -> None:
    """As the simulator has recorded it, field for field; and the simulator takes it."""
    toml = '[providers.a]\ndialect = "cohere"\nmodels = ["some-model"]'
    given = dict(request_.body)
    async with simulating(toml) as simulator, client_of(simulator) as client:
        if given.pop("stream"):
            assert [event async for event in client.chat_stream(**given)]
        else:
            assert await client.chat(**given)
        (record,) = simulator.requests()
    ours = COHERE.encode(request_.call, Target(simulator.base_url("a"), "some-model"))

    assert record["body"] == json.loads(ours.body) == request_.body
    assert record["status"] == 200
