"""A client of RunPod's queues against the simulator.

Their own package brings dozens of others along, to run workers with, so it is not among ours. This client
does what its 1.12.0 does: the same requests, the same end of a stream, the same words for a wrong key.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from tests.racer.sim.loopback import simulating
from tests.racer.sim.scenes import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from racer.sim import Simulator
    from racer.sim.counters import Counts

pytestmark = pytest.mark.anyio
FINAL = ("COMPLETED", "FAILED", "TIMED_OUT")
JOB: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "sampling_params": {"max_tokens": 64}}


class Endpoint:
    """One endpoint: jobs are run, looked at, listened to and cancelled."""

    def __init__(self, simulator: Simulator, key: str) -> None:
        self.simulator = simulator
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.http = httpx.AsyncClient(base_url=f"{simulator.base_url('a')}/ep/", headers=headers)

    @property
    def counts(self) -> Counts:
        return self.simulator.counters().providers["a"]

    async def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        response = await self.http.request(method, path, json=body)
        if response.status_code == 401:
            raise RuntimeError("401 Unauthorized")
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found

    async def run(self, **job: Any) -> str:
        return str((await self.call("POST", "run", {"input": JOB | job}))["id"])

    async def run_sync(self, **job: Any) -> dict[str, Any]:
        return await self.call("POST", "runsync", {"input": JOB | job})

    async def output(self, job: str) -> Any:
        while True:
            state = await self.call("GET", f"status/{job}")
            if state["status"] in FINAL:
                return state.get("output")
            await anyio.sleep(0.01)

    async def stream(self, job: str) -> AsyncIterator[Any]:
        """Until the state is final and a look brings nothing."""
        while True:
            await anyio.sleep(0.01)
            partial = await self.call("GET", f"stream/{job}")
            for piece in partial["stream"]:
                yield piece["output"]
            if partial["status"] in FINAL and not partial["stream"]:
                return


@asynccontextmanager
async def endpoint(toml: str = "", key: str = KEY) -> AsyncGenerator[Endpoint]:
    async with simulating(f'[providers.a]\ndialect = "runpod"\nmodels = ["ep"]\n{toml}') as simulator:
        opened = Endpoint(simulator, key)
        async with opened.http:
            yield opened


def text_of(batches: list[Any]) -> str:
    return "".join(token for batch in batches for token in batch["choices"][0]["tokens"])


async def test_waited_for_looked_at_and_listened_to_say_the_same() -> None:
    """The three ways to an answer."""
    async with endpoint("first_token = 0.03\nrate = 300") as opened:
        waited = await opened.run_sync()
        looked = await opened.output(await opened.run())
        pieces = [piece async for piece in opened.stream(await opened.run(stream=True))]

    assert waited["status"] == "COMPLETED"
    assert text_of(waited["output"]) == text_of(looked) == text_of(pieces)
    assert len(pieces) > 1
    assert pieces[-1]["usage"] == looked[0]["usage"] == {"input": 1, "output": 24}


async def test_without_a_cap_the_worker_says_little() -> None:
    """Sixteen tokens are its default."""
    async with endpoint() as opened:
        found = await opened.run_sync(sampling_params={})

    assert found["output"][0]["usage"]["output"] == 16


async def test_a_job_can_be_cancelled() -> None:
    """By an explicit call; the answer says so, and so does its state."""
    async with endpoint("first_token = 60") as opened:
        job = await opened.run()
        cancelled = await opened.call("POST", f"cancel/{job}")
        state = await opened.call("GET", f"status/{job}")
        counts = opened.counts

    assert cancelled == state == {"id": job, "status": "CANCELLED"}
    assert (counts.jobs, counts.cancelled, counts.started, counts.pages) == (1, 1, 1, 2)


async def test_a_wrong_key() -> None:
    """Refused without a word."""
    async with endpoint(f'keys = ["{KEY}2"]') as opened:
        with pytest.raises(RuntimeError, match="401"):
            await opened.run()


@pytest.mark.parametrize(("kind", "status"), [("404", 404), ("429", 429), ("500", 500), ("503", 503)])
async def test_errors_have_their_status(kind: str, status: int) -> None:
    """As every HTTP client raises them."""
    async with endpoint(f'faults = [{{ kind = "{kind}" }}]') as opened:
        with pytest.raises(httpx.HTTPStatusError) as caught:
            await opened.run()

    assert caught.value.response.status_code == status


async def test_a_failure_inside_a_good_status() -> None:
    """A job that fails has no output, but a reason."""
    async with endpoint('faults = [{ kind = "error_200" }]') as opened:
        state = await opened.run_sync()

    assert (state["status"], "CUDA" in state["error"]) == ("FAILED", True)


async def test_the_health_of_an_endpoint() -> None:
    """A page, as their client asks for it."""
    async with endpoint() as opened:
        assert (await opened.call("GET", "health"))["workers"]["ready"] == 1
