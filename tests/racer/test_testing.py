"""The kit for tests, tested: a clock that runs only while all sleep, a network that plays a script."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import anyio
import pytest

from racer import Racer
from racer.testing import (
    Script,
    ScriptedTransport,
    Step,
    VirtualLoop,
    answers,
    config_of,
    fails,
    hangs,
    provider_of,
    says,
)
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import WireRequest

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop, "debug": True}


def request(server: str = "a") -> WireRequest:
    return WireRequest("POST", f"https://{server}.test/v1/chat/completions", {}, b"{}")


async def body(transport: ScriptedTransport, server: str = "a") -> bytes:
    whole = b""
    async with transport.send(request(server)) as incoming:
        while piece := await incoming.read():
            whole += piece
    return whole


async def test_sleeping_takes_no_time_and_is_exact() -> None:
    """An hour passes at once, and the clock shows exactly an hour more."""
    before = anyio.current_time()
    await anyio.sleep(3600)

    assert 3600.0 == anyio.current_time() - before


async def test_sleepers_wake_in_order() -> None:
    """As on any loop."""
    woken: list[tuple[int, float]] = []

    async def sleep(seconds: int) -> None:
        await anyio.sleep(seconds)
        woken.append((seconds, anyio.current_time()))

    async with anyio.create_task_group() as group:
        for seconds in (3, 1, 2):
            group.start_soon(sleep, seconds)

    assert [1, 2, 3] == [seconds for seconds, _ in woken]


async def test_another_thread_can_wake_the_loop() -> None:
    """With nothing scheduled, the loop waits for real, so that a thread may call in."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(done.set))
    thread.start()
    await done.wait()
    thread.join()


async def test_a_script_is_played_in_time() -> None:
    """Headers and each step after their delay, and the end of the body after the last."""
    transport = ScriptedTransport(
        {"a": Script((Step(1.0, b"x"), Step(2.0, b"y")), headers_after=0.5, status=201, headers={"h": "v"})}
    )
    began = anyio.current_time()

    async with transport.send(request()) as incoming:
        assert (201, "v") == (incoming.status, incoming.headers["h"])
        assert 0.5 == anyio.current_time() - began
        assert b"x" == await incoming.read()
        assert b"y" == await incoming.read()
        assert 3.5 == anyio.current_time() - began
        assert b"" == await incoming.read()

    assert ["sent", "ended"] == [event for _, event, _ in transport.log]
    assert [request()] == transport.requests


async def test_leaving_early_is_noted() -> None:
    """What is left before its end counts as closed."""
    transport = ScriptedTransport({"a": says("hello")})
    async with transport.send(request()):
        assert 1 == transport.open

    assert 0 == transport.open
    assert ["sent", "closed"] == [event for _, event, _ in transport.log]


async def test_failures_come_when_and_where_they_are_asked_for() -> None:
    """In place of a response, or in the middle of a body."""
    broken = WireError(Kind.RESET, "broken")
    transport = ScriptedTransport({"a": fails(broken, after=2.0), "b": Script((Step(1.0, broken),))})
    began = anyio.current_time()
    with pytest.raises(WireError):
        await body(transport, "a")
    assert 2.0 == anyio.current_time() - began
    with pytest.raises(WireError):
        await body(transport, "b")


async def test_hanging_takes_for_ever() -> None:
    """Until somebody gives up."""
    with anyio.move_on_after(1e6) as scope:
        await body(ScriptedTransport({"a": hangs()}))

    assert scope.cancelled_caught


async def test_several_scripts_are_played_in_turn() -> None:
    """One a request; the last one for all that follow."""
    transport = ScriptedTransport({"a": [answers(500), answers(200, b"one"), answers(200, b"two")]})

    assert [b"", b"one", b"two", b"two"] == [await body(transport) for _ in range(4)]


async def test_a_reply_may_show_its_first_token_early() -> None:
    """`token_after` splits a reply in two."""
    transport = ScriptedTransport({"a": says("hello", after=3.0, token_after=1.0), "b": hangs()})
    async with Racer(config_of("a", "b"), transport=transport) as racer:
        reply = await racer.race("hi")

    assert ("hello", 1.0, 3.0) == (reply.text, reply.first_token, reply.latency)


def test_a_provider_for_tests_can_do_everything() -> None:
    """One model and no key unless told otherwise."""
    plain, keyed = provider_of("a"), provider_of("a", "x", "y", keys=("K1", "K2"))

    assert (["m"], ["a"]) == ([m.name for m in plain.models], [a.name for a in plain.accounts])
    assert (["x", "y"], ["a:K1", "a:K2"]) == (
        [m.name for m in keyed.models],
        [a.name for a in keyed.accounts],
    )
