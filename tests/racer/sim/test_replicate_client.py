"""Replicate's official client against the simulator: made, waited for, streamed, looked at and cancelled."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError

from tests.racer.sim.loopback import simulating
from tests.racer.sim.scenes import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from racer.sim import Simulator
    from racer.sim.counters import Counts

pytestmark = pytest.mark.anyio
HI: dict[str, Any] = {"prompt": "hi"}
MODEL = "meta/llama"


class Session:
    """A client of no type, for its own are incomplete, and the simulator that it talks to."""

    def __init__(self, simulator: Simulator, key: str) -> None:
        self.simulator = simulator
        self.client: Any = Client(api_token=key, base_url=simulator.base_url("a").removesuffix("/v1"))
        self.client.poll_interval = 0.01

    @property
    def counts(self) -> Counts:
        return self.simulator.counters().providers["a"]

    async def streamed(self, ref: str = MODEL, **inputs: Any) -> list[Any]:
        stream = await self.client.async_stream(ref, input=HI | inputs)
        return [event async for event in stream]


@asynccontextmanager
async def session(toml: str = "", key: str = KEY) -> AsyncGenerator[Session]:
    models = "" if "models" in toml else f'models = ["{MODEL}", "me/mine:5c7d"]'
    async with simulating(f'[providers.a]\ndialect = "replicate"\n{models}\n{toml}') as simulator:
        opened = Session(simulator, key)
        try:
            yield opened
        finally:
            await opened.client._async_client.aclose()  # its owner never does


async def test_waited_for_and_streamed_say_the_same() -> None:
    """For an official model; one that is waited for is done in one request."""
    async with session() as opened:
        whole = await opened.client.async_run(MODEL, input=HI, use_file_output=False)
        events = await opened.streamed()

    text = "".join(whole)
    assert text.count(" ") > 10
    assert "".join(str(event) for event in events) == text
    assert [event.event.value for event in events[-2:]] == ["output", "done"]


async def test_a_version_of_ones_own() -> None:
    """Goes through the common door."""
    async with session() as opened:
        events = await opened.streamed("me/mine:5c7d")
        requests = opened.simulator.requests()

    assert events[-1].event.value == "done"
    assert requests[0]["path"] == "/v1/predictions"
    assert requests[0]["body"]["version"] == "5c7d"


async def test_a_prediction_is_looked_at_until_it_is_done() -> None:
    """Counted by the provider in the end."""
    async with session("first_token = 0.05\nrate = 1000") as opened:
        made = await opened.client.predictions.async_create(version="5c7d", input=HI)
        assert made.status == "starting"
        await made.async_wait()

    assert made.status == "succeeded"
    assert made.metrics["output_token_count"] == len(made.output) == 24


async def test_a_prediction_can_be_cancelled() -> None:
    """By an explicit call; closing a connection would not do it."""
    async with session("first_token = 60") as opened:
        made = await opened.client.predictions.async_create(version="5c7d", input=HI)
        await made.async_cancel()
        await made.async_reload()
        counts = opened.counts

    assert made.status == "canceled"
    assert (counts.jobs, counts.cancelled, counts.started, counts.pages) == (1, 1, 1, 2)


async def test_a_cap_and_a_stop() -> None:
    """Both end the text early."""
    async with session() as opened:
        full = "".join(str(event) for event in await opened.streamed())
        capped = await opened.streamed(max_tokens=3)
        stopped = await opened.streamed(stop_sequences=f"{full.split()[2]},never")

    assert len([event for event in capped if event.event.value == "output"]) == 3
    assert "".join(str(event) for event in stopped).split() == full.split()[:2]


@pytest.mark.parametrize(
    ("toml", "status", "words"),
    [
        (f'keys = ["{KEY}2"]', 401, "authentication token"),
        ('faults = [{ kind = "402" }]', 402, "Insufficient credit"),
        ('faults = [{ kind = "429", retry_after = 30.0 }]', 429, "resets in ~30s"),
        ('faults = [{ kind = "500" }]', 500, "Internal server error"),
        ('models = ["me/other"]', 404, "could not be found"),
        ('refuses = ["prompt"]', 422, "Input validation failed"),
    ],
)
async def test_errors_are_the_clients_own(toml: str, status: int, words: str) -> None:
    """A problem with its status, as the client raises it."""
    async with session(toml) as opened:
        with pytest.raises(ReplicateError, match=words) as caught:
            await opened.client.async_run(MODEL, input=HI)

    assert caught.value.status == status


async def test_a_failure_inside_a_good_status() -> None:
    """Waited for, the client calls it the model's; in a stream it is an error event."""
    async with session('faults = [{ kind = "error_frame" }]') as opened:
        with pytest.raises(ModelError, match="UnknownError"):
            await opened.client.async_run(MODEL, input=HI)
        with pytest.raises(RuntimeError, match="UnknownError"):
            await opened.streamed()


async def test_too_long_a_prompt() -> None:
    """The prediction is made, and has failed."""
    async with session("context = 1") as opened:
        with pytest.raises(ModelError, match="PromptTooLong"):
            await opened.client.async_run(MODEL, input={"prompt": "hello " * 100})
