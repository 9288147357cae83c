"""The simulator as a whole: addresses, its own pages, drops, slots, the end."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import anyio
import pytest

from racer.sim import ProfileError, Simulator, serve
from tests.racer.sim.loopback import PATIENCE, one, port_of, seen, simulating, tapped
from tests.racer.sim.scenes import KEY

pytestmark = pytest.mark.anyio
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TWO = '[providers.a]\nmodels = ["m"]\n[providers.ollama]\nmodels = ["m"]\n'


async def ask(session: aiohttp.ClientSession, simulator: Simulator, provider: str = "a", **more: Any) -> int:
    url = f"{simulator.url}/{provider}/v1/chat/completions"
    async with session.post(
        url, json=QUESTION | more, headers={"Authorization": f"Bearer {KEY}"}
    ) as response:
        await response.read()
        return response.status


async def get(session: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    async with session.get(url) as response:
        return response.status, await response.json()


def test_an_unknown_profile_is_an_error_at_once() -> None:
    """Before any port is opened."""
    with pytest.raises(ProfileError, match="built-in profiles"):
        Simulator("no-such-profile")


async def test_addresses() -> None:
    """One port for all; a base URL as a client of that dialect takes it."""
    async with simulating(TWO) as simulator:
        assert simulator.url.startswith("http://127.0.0.1:")
        assert simulator.base_url("a") == f"{simulator.url}/a/v1"
        assert simulator.base_url("ollama") == f"{simulator.url}/ollama"
        with pytest.raises(KeyError):
            simulator.base_url("nobody")


async def test_a_port_that_is_taken() -> None:
    """An OSError, and nothing is left open."""
    async with one("") as simulator:
        with pytest.raises(OSError, match="address already in use"):
            await Simulator("zero", port=port_of(simulator)).__aenter__()


async def test_counters_page() -> None:
    """The same numbers in Python and over HTTP."""
    async with one("") as simulator, aiohttp.ClientSession() as session:
        assert await ask(session, simulator) == 200
        status, page = await get(session, f"{simulator.url}/sim/counters")

    assert status == 200
    assert page["providers"]["a"]["completed"] == page["totals"]["completed"] == 1
    assert page["providers"]["a"]["open"] == 0
    counts = simulator.counters().providers["a"]
    assert (counts.completed, counts.last_drop_at) == (1, None)
    assert page["at"] <= time.monotonic()


async def test_reset_zeroes() -> None:
    """Counters and limits begin anew."""
    async with (
        one('limits = [{ requests = 1, per = "day" }]') as simulator,
        aiohttp.ClientSession() as session,
    ):
        assert [await ask(session, simulator) for _ in range(2)] == [200, 429]
        async with session.post(f"{simulator.url}/sim/reset") as response:
            assert response.status == 200
        assert simulator.counters().totals.started == 0
        assert await ask(session, simulator) == 200


async def test_requests_page() -> None:
    """Bodies and headers as they came, newest last, with no key in them."""
    async with simulating(TWO) as simulator, aiohttp.ClientSession() as session:
        await ask(session, simulator, "a", seed=1)
        await ask(session, simulator, "ollama", seed=2)
        await ask(session, simulator, "a", seed=3)
        status, page = await get(session, f"{simulator.url}/sim/requests?limit=2")

    assert status == 200
    assert [(visit["provider"], visit["body"]["seed"]) for visit in page] == [("ollama", 2), ("a", 3)]
    assert page[0]["headers"]["Authorization"] == "Bearer [key]"
    assert page[0]["path"] == "/v1/chat/completions"
    assert KEY not in str(simulator.requests())
    assert len(simulator.requests()) == 3


@pytest.mark.parametrize("limit", ["x", "-1", "1.5"])
async def test_requests_page_takes_numbers(limit: str) -> None:
    """Anything else is an error that says so."""
    async with one("") as simulator, aiohttp.ClientSession() as session:
        status, page = await get(session, f"{simulator.url}/sim/requests?limit={limit}")

    assert status == 400
    assert limit in page["error"]


async def test_profile_page() -> None:
    """What is simulated, with addresses and without keys."""
    limits, faults = '[{ tokens = 5, per = "day" }]', '[{ kind = "hang", share = 0 }]'
    toml = f'keys = ["{KEY}"]\nlimits = {limits}\nfaults = {faults}'
    async with one(toml) as simulator, aiohttp.ClientSession() as session:
        status, page = await get(session, f"{simulator.url}/sim/profile")

    assert (status, page["seed"]) == (200, 0)
    assert page["providers"]["a"] == {
        "dialect": "openai",
        "flavour": "generic",
        "base_url": f"{simulator.url}/a/v1",
        "models": ["m"],
        "keys": 1,
        "faults": ["hang"],
        "limits": ["5 tokens per day"],
    }


@pytest.mark.parametrize("path", ["/", "/nobody/v1/models", "/sim", "/sim/other"])
async def test_other_pages_say_what_there_is(path: str) -> None:
    """A 404 that names the providers, or the pages."""
    async with one("") as simulator, aiohttp.ClientSession() as session:
        status, page = await get(session, f"{simulator.url}{path}")

    assert status == 404
    assert "known: " in page["error"]


async def test_a_dropped_question_is_noticed_at_once() -> None:
    """The drop lies between the client's closing and our seeing it, by the clock of this machine."""
    async with one("first_token = 60") as simulator:
        async with tapped(port_of(simulator)) as tap:
            await tap.ask("/a/v1/chat/completions", QUESTION)
            counts = await seen(simulator, lambda counts: counts.open == 1)
            assert (counts.started, counts.dropped, counts.requests_by_status) == (1, 0, {})
            before = time.monotonic()
        counts = await seen(simulator, lambda counts: counts.open == 0)

    assert (counts.dropped, counts.completed, counts.failed) == (1, 0, 0)
    assert counts.last_drop_at is not None
    assert before <= counts.last_drop_at <= time.monotonic()
    assert simulator.requests()[-1]["outcome"] == "dropped"


async def test_a_drop_in_mid_stream() -> None:
    """The head was sent, so the status counts; the answer does not."""
    async with one("first_token = 0.001\nrate = 0.01") as simulator:
        async with tapped(port_of(simulator)) as tap:
            await tap.ask("/a/v1/chat/completions", QUESTION | {"stream": True})
            await tap.read(b'"role":"assistant"')
        counts = await seen(simulator, lambda counts: counts.dropped == 1)

    assert (counts.requests_by_status, counts.completed, counts.open) == ({"200": 1}, 0, 0)


async def test_a_drop_while_the_body_is_sent() -> None:
    """A question that never came whole was dropped."""
    async with one("") as simulator:
        async with tapped(port_of(simulator)) as tap:
            tap.writer.write(
                b"POST /a/v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n{"
            )
            await seen(simulator, lambda counts: counts.open == 1)
        counts = await seen(simulator, lambda counts: counts.open == 0)

    assert (counts.started, counts.dropped) == (1, 1)


async def test_slots_are_waited_for() -> None:
    """With one slot, a second question waits until the first has gone."""
    async with one("slots = 1\nfirst_token = 60") as simulator:
        async with tapped(port_of(simulator)) as first, tapped(port_of(simulator)) as second:
            await first.ask("/a/v1/chat/completions", QUESTION)
            await second.ask("/a/v1/chat/completions", QUESTION)
            await seen(simulator, lambda counts: counts.open == 2)
        counts = await seen(simulator, lambda counts: counts.open == 0)

    assert (counts.peak, counts.dropped) == (2, 2)


async def test_a_slot_is_given_back() -> None:
    """Questions one after the other all find it free."""
    async with one("slots = 1") as simulator, aiohttp.ClientSession() as session:
        assert [await ask(session, simulator) for _ in range(3)] == [200, 200, 200]


async def test_parallel_places_are_given_back() -> None:
    """By answers and by drops alike."""
    async with one("parallel = 1\nfirst_token = 60") as simulator, aiohttp.ClientSession() as session:
        for _ in range(2):
            async with tapped(port_of(simulator)) as tap:
                await tap.ask("/a/v1/chat/completions", QUESTION)
                await seen(simulator, lambda counts: counts.open == 1)
                async with session.post(f"{simulator.url}/a/v1/chat/completions", json=QUESTION) as response:
                    assert response.status == 429
            await seen(simulator, lambda counts: counts.open == 0)


async def test_the_end_waits_for_nobody() -> None:
    """Open questions are cut off, and are not counted as dropped: the client did not go."""
    async with one('faults = [{ kind = "hang" }]') as simulator, tapped(port_of(simulator)) as tap:
        await tap.ask("/a/v1/chat/completions", QUESTION)
        await seen(simulator, lambda counts: counts.open == 1)
        with anyio.fail_after(PATIENCE):
            await simulator.__aexit__(None, None, None)
        assert await tap.read() == b""

    counts = simulator.counters().providers["a"]
    assert (counts.started, counts.open, counts.dropped) == (1, 1, 0)


async def test_the_same_seed_repeats_over_the_wire() -> None:
    """Two simulators of one profile give the same statuses and the same words."""
    toml = 'faults = [{ kind = "500", share = 0.4 }]'

    async def run() -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        async with one(toml) as simulator, aiohttp.ClientSession() as session:
            for n in range(12):
                body = QUESTION | {"messages": [{"role": "user", "content": str(n)}]}
                async with session.post(f"{simulator.base_url('a')}/chat/completions", json=body) as response:
                    page = await response.json()
                    text = page["choices"][0]["message"]["content"] if response.status == 200 else ""
                    found.append((response.status, text))
        return found

    first = await run()

    assert first == await run()
    assert {status for status, _ in first} == {200, 500}


async def test_serve_calls_back_when_it_listens() -> None:
    """And serves until it is cancelled."""
    ready: list[Simulator] = []
    listening = asyncio.Event()

    def tell(simulator: Simulator) -> None:
        ready.append(simulator)
        listening.set()

    async with anyio.create_task_group() as group, aiohttp.ClientSession() as session:

        async def run() -> None:
            await serve("zero", port=0, ready=tell)

        group.start_soon(run)
        with anyio.fail_after(PATIENCE):
            await listening.wait()
        assert await ask(session, ready[0]) == 200
        group.cancel_scope.cancel()
