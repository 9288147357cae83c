"""Cloudflare's own client against the simulator: it must parse everything and raise its own errors.

The client has no reader for the streams of models: it hands their lines out.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import cloudflare
import pytest
from cloudflare import AsyncCloudflare

from tests.racer.sim.loopback import simulating
from tests.racer.sim.scenes import KEY, TOOL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from racer.sim import Simulator

pytestmark = pytest.mark.anyio
LLAMA, QWEN, GPT = (
    "@cf/meta/llama-3.1-8b-instruct-fp8",
    "@cf/qwen/qwen3-30b-a3b-fp8",
    "@cf/openai/gpt-oss-20b",
)
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
HI: list[Any] = [{"role": "user", "content": "Say hi"}]


@asynccontextmanager
async def client_of(simulator: Simulator, key: str = KEY) -> AsyncGenerator[AsyncCloudflare]:
    base = f"{simulator.url}/cloudflare/client/v4"
    async with AsyncCloudflare(api_token=key, base_url=base, max_retries=0) as client:
        yield client


@asynccontextmanager
async def connected(toml: str = "") -> AsyncGenerator[AsyncCloudflare]:
    models = json.dumps([LLAMA, QWEN, GPT])
    profile = f'[providers.cloudflare]\ndialect = "cloudflare"\nmodels = {models}\n{toml}'
    async with simulating(profile) as simulator, client_of(simulator) as client:
        yield client


async def run(client: AsyncCloudflare, model: str = LLAMA, **options: Any) -> Any:
    asked: dict[str, Any] = {"messages": HI, **options}
    return await client.ai.run(model, account_id="sim", **asked)


async def streamed(client: AsyncCloudflare, model: str, **options: Any) -> list[Any]:
    """The JSON of each event, up to the marker."""
    asked: dict[str, Any] = {"messages": HI, "stream": True, **options}
    async with client.ai.with_streaming_response.run(model, account_id="sim", **asked) as response:
        lines = [line async for line in response.iter_lines() if line]
    assert lines.pop() == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines]


async def test_streamed_and_whole_say_the_same_in_cloudflares_form() -> None:
    """The same text both ways, with counts and neurons."""
    async with connected() as client:
        whole = await run(client)
        pieces = await streamed(client, LLAMA)

    assert whole["response"] == "".join(piece["response"] for piece in pieces)
    assert whole["usage"]["completion_tokens"] == 24
    assert pieces[-1]["usage"] == whole["usage"]
    assert whole["usage"]["neurons"] > 0


async def test_streamed_and_whole_say_the_same_in_openais_form() -> None:
    """With Cloudflare's own piece behind the chunks."""
    async with connected("reasoning = 3") as client:
        whole = await run(client, QWEN)
        *chunks, tail = await streamed(client, QWEN)

    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    message = whole["choices"][0]["message"]
    assert message["content"] == "".join(delta.get("content", "") for delta in deltas)
    assert message["reasoning_content"] == "".join(delta.get("reasoning_content", "") for delta in deltas)
    assert chunks[-1]["usage"]["total_tokens"] == 0
    assert tail == {"response": "", "usage": whole["usage"]}


@pytest.mark.parametrize("stream", [False, True])
async def test_gpt_oss_answers_whole_in_any_case(stream: bool) -> None:
    """In the form of OpenAI's Responses."""
    async with connected("reasoning = 3") as client:
        whole = await run(client, GPT, stream=stream)

    assert [item["type"] for item in whole["output"]] == ["reasoning", "message"]
    assert (whole["status"], whole["usage"]["completion_tokens"]) == ("completed", 27)


async def test_tools() -> None:
    """Flat in Cloudflare's form, with an id in OpenAI's, an item among the others in that of Responses."""
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": "Use get_weather"}], "tools": [TOOL]}
    async with connected() as client:
        flat = await run(client, LLAMA, **asked)
        (piece, _) = await streamed(client, LLAMA, **asked)
        nested = await run(client, QWEN, **asked)
        item = (await run(client, GPT, **asked))["output"][0]

    assert flat["response"] is None
    assert flat["tool_calls"] == piece["tool_calls"]
    assert set(flat["tool_calls"][0]["arguments"]) == {"city"}
    call = nested["choices"][0]["message"]["tool_calls"][0]
    assert call["function"]["name"] == item["name"] == "get_weather"
    assert set(json.loads(call["function"]["arguments"])) == set(json.loads(item["arguments"])) == {"city"}


async def test_json_comes_parsed() -> None:
    """Of any kind, or after a schema; never streamed."""
    async with connected() as client:
        any_object = await run(client, response_format={"type": "json_object"})
        fitting = await run(client, response_format={"type": "json_schema", "json_schema": SCHEMA})
        with pytest.raises(cloudflare.BadRequestError, match="JSON Mode"):
            await run(client, response_format={"type": "json_object"}, stream=True)

    assert isinstance(any_object["response"], dict)
    assert set(fitting["response"]) == {"name"}


async def test_the_usual_cap_is_low() -> None:
    """An answer is cut at 256 tokens unless more is asked for."""
    async with connected("length = 300") as client:
        usual = await run(client)
        more = await run(client, max_tokens=400)

    assert usual["usage"]["completion_tokens"] == 256
    assert more["usage"]["completion_tokens"] == 300


async def test_the_list_of_models() -> None:
    """With the task of each: not all of them generate text."""
    async with connected() as client:
        models: list[Any] = [model async for model in client.ai.models.list(account_id="sim")]

    assert [model["name"] for model in models if model["task"]["name"] == "Text Generation"] == [
        LLAMA,
        QWEN,
        GPT,
    ]
    assert len(models) == 4


REFUSALS: list[tuple[str, type[cloudflare.APIStatusError], int, int]] = [
    ("400", cloudflare.BadRequestError, 400, 5006),
    ("401", cloudflare.AuthenticationError, 401, 10000),
    ("403", cloudflare.PermissionDeniedError, 403, 5018),
    ("404", cloudflare.BadRequestError, 400, 5007),
    ("413", cloudflare.APIStatusError, 413, 3006),
    ("429", cloudflare.RateLimitError, 429, 971),
    ("insufficient_quota", cloudflare.RateLimitError, 429, 3036),
    ("500", cloudflare.InternalServerError, 500, 3043),
    ("504", cloudflare.APIStatusError, 408, 3007),
    ("529", cloudflare.RateLimitError, 429, 3040),
]


@pytest.mark.parametrize(("fault", "kind", "status", "code"), REFUSALS)
async def test_refusals_raise_the_clients_own_errors(
    fault: str, kind: type[cloudflare.APIStatusError], status: int, code: int
) -> None:
    """With Cloudflare's own number."""
    async with connected(f'faults = [{{ kind = "{fault}" }}]') as client:
        with pytest.raises(kind) as raised:
            await run(client)

    assert raised.value.status_code == status
    assert [error.code for error in raised.value.errors] == [code]


async def test_a_list_of_keys_is_kept_to() -> None:
    """A wrong token is an authentication error; a wrong account is no route."""
    profile = f'[providers.cloudflare]\ndialect = "cloudflare"\nmodels = ["{LLAMA}"]\nkeys = ["{KEY}"]'
    async with simulating(profile) as simulator:
        async with client_of(simulator) as client:
            assert (await run(client))["response"]
            with pytest.raises(cloudflare.NotFoundError, match="7003"):
                await client.ai.run(LLAMA, account_id="another", messages=HI)
        async with client_of(simulator, "wrong-key") as client:
            with pytest.raises(cloudflare.AuthenticationError):
                await run(client)
