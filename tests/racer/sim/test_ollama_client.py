"""The official Ollama client against the simulator: it must parse everything and raise its own errors."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import ollama
import pytest
from pydantic import BaseModel

from tests.racer.sim.loopback import simulating
from tests.racer.sim.scenes import KEY, TOOL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.anyio
HI = [{"role": "user", "content": "Say hi"}]


class City(BaseModel):
    name: str
    people: int


@asynccontextmanager
async def connected(host: str, **options: Any) -> AsyncGenerator[Any]:
    """The official client, as Any: its own types are not complete."""
    client: Any = ollama.AsyncClient(host=host, **options)
    async with client:
        yield client


@asynccontextmanager
async def client_of(toml: str = "", models: str = '"llama3.2"') -> AsyncGenerator[Any]:
    profile = f"[providers.ollama]\nmodels = [{models}]\n{toml}"
    async with simulating(profile) as simulator, connected(simulator.base_url("ollama")) as client:
        yield client


async def test_streamed_and_whole_say_the_same() -> None:
    """The client reads the same text both ways, with reason and counts."""
    async with client_of() as client:
        whole = await client.chat("llama3.2", messages=HI)
        parts = [part async for part in await client.chat("llama3.2", messages=HI, stream=True)]

    assert whole.message.content == "".join(part.message.content or "" for part in parts)
    assert (whole.done, whole.done_reason, whole.eval_count) == (True, "stop", 24)
    assert [part.done for part in parts] == [False] * 24 + [True]


async def test_generate() -> None:
    """The older way to ask."""
    async with client_of() as client:
        whole = await client.generate("llama3.2", prompt="Say hi")
        parts = [part async for part in await client.generate("llama3.2", prompt="Say hi", stream=True)]

    assert whole.response == "".join(part.response or "" for part in parts)


async def test_options() -> None:
    """num_predict and stop cut the answer."""
    async with client_of() as client:
        full = await client.chat("llama3.2", messages=HI)
        words = (full.message.content or "").split()
        capped = await client.chat("llama3.2", messages=HI, options={"num_predict": 3})
        stopped = await client.chat("llama3.2", messages=HI, options={"stop": [words[2]]})

    assert (capped.done_reason, capped.eval_count) == ("length", 3)
    assert (stopped.message.content or "").split() == words[:2]


async def test_a_schema() -> None:
    """`format` with a schema gives JSON that fits."""
    async with client_of() as client:
        reply = await client.chat("llama3.2", messages=HI, format=City.model_json_schema())

    assert City.model_validate_json(reply.message.content or "")


async def test_tools() -> None:
    """A call with an object of arguments, streamed and whole."""
    ask = [{"role": "user", "content": "What says get_weather?"}]
    tools: Any = [TOOL]
    async with client_of() as client:
        whole = await client.chat("llama3.2", messages=ask, tools=tools)
        parts = [part async for part in await client.chat("llama3.2", messages=ask, tools=tools, stream=True)]

    for message in (whole.message, parts[0].message):
        assert message.tool_calls
        assert message.tool_calls[0].function.name == "get_weather"
        assert "city" in message.tool_calls[0].function.arguments


async def test_thinking() -> None:
    """Thoughts come apart from the words."""
    async with client_of("reasoning = 3") as client:
        reply = await client.chat("llama3.2", messages=HI, think=True)

    assert reply.message.thinking
    assert reply.message.content


async def test_what_is_installed_and_what_is_loaded() -> None:
    """All models in tags; in ps those used of late."""
    async with client_of('loaded = ["b"]', '"a", "b"') as client:
        tags = await client.list()
        before = await client.ps()
        await client.chat("a", messages=HI)
        after = await client.ps()

    assert [model.model for model in tags.models] == ["a:latest", "b:latest"]
    assert [model.name for model in before.models] == ["b:latest"]
    assert {model.name for model in after.models} == {"a:latest", "b:latest"}


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({"model": "gone"}, 404, "model 'gone' not found"),
        ({"think": True}, 400, "does not support thinking"),
        ({"options": {"num_predict": "many"}}, 400, "num_predict"),
    ],
)
async def test_errors(asked: dict[str, Any], status: int, words: str) -> None:
    """The client's ResponseError, with status and text."""
    async with client_of() as client:
        with pytest.raises(ollama.ResponseError, match=words) as caught:
            await client.chat(**({"model": "llama3.2", "messages": HI} | asked))

    assert caught.value.status_code == status


async def test_an_error_in_the_stream() -> None:
    """The client raises at the line."""
    async with client_of('faults = [{ kind = "error_frame", tokens = 2 }]') as client:
        answer = await client.chat("llama3.2", messages=HI, stream=True)
        parts = [await anext(answer) for _ in range(2)]
        with pytest.raises(ollama.ResponseError, match="llama runner"):
            await anext(answer)

    assert all(part.message.content for part in parts)


async def test_the_cloud_wants_a_key() -> None:
    """A 401 without, an answer with."""
    async with simulating(f'[providers.ollama]\nmodels = ["m"]\nkeys = ["{KEY}"]') as simulator:
        host = simulator.base_url("ollama")
        async with connected(host, headers={"Authorization": f"Bearer {KEY}"}) as client:
            assert (await client.chat("m", messages=HI)).done
        async with connected(host) as client:
            with pytest.raises(ollama.ResponseError) as caught:
                await client.chat("m", messages=HI)

    assert caught.value.status_code == 401
