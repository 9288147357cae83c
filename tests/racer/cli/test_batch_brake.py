"""Signals while a batch runs: gently first, then at once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from racer.cli.batch_brake import PATIENCE, SIGNALS, Brake
from racer.testing import VirtualLoop

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop, "debug": True}


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """As they were before."""
    kept = {each: signal.getsignal(each) for each in SIGNALS}
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)


class Eased:
    """Notes with what patience it was asked."""

    def __init__(self) -> None:
        self.asked: list[float | None] = []

    def __call__(self, patience: float | None) -> None:
        self.asked.append(patience)


def uncancelled() -> None:
    """So that the test's own task goes on."""
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()


async def test_the_first_one_is_gentle_and_the_second_ends_at_once() -> None:
    """What is in flight is waited for, as long as nobody presses again."""
    eased = Eased()
    with Brake() as brake:
        brake.eases(eased)
        brake.pull(signal.SIGINT)
        await anyio.sleep(10 * PATIENCE)
        assert (brake.pulled, brake.cancelled, eased.asked) == (True, False, [None])
        brake.pull(signal.SIGINT)
        with pytest.raises(asyncio.CancelledError):
            await anyio.sleep(1)
        uncancelled()
    assert (brake.cancelled, eased.asked) == (True, [None])


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP])
async def test_who_is_told_to_end_has_a_few_seconds(by: signal.Signals) -> None:
    """Then it ends, finished or not."""
    eased, loop = Eased(), asyncio.get_running_loop()
    with Brake() as brake:
        brake.eases(eased)
        began = loop.time()
        brake.pull(by)
        with pytest.raises(asyncio.CancelledError):
            await anyio.sleep(100)
        uncancelled()
    assert loop.time() - began == pytest.approx(PATIENCE)
    assert (brake.cancelled, eased.asked) == (True, [PATIENCE])


async def test_what_ends_in_time_is_not_cancelled() -> None:
    """The timer goes with the block."""
    with Brake() as brake:
        brake.eases(Eased())
        brake.pull(signal.SIGTERM)
    await anyio.sleep(2 * PATIENCE)
    assert (brake.pulled, brake.cancelled) == (True, False)


async def test_where_there_is_nothing_to_ease_it_ends_at_once() -> None:
    """Nothing was begun yet."""
    with Brake() as brake:
        brake.pull(signal.SIGINT)
        with pytest.raises(asyncio.CancelledError):
            await anyio.sleep(1)
        uncancelled()
    assert (brake.pulled, brake.cancelled) == (True, True)


@pytest.mark.real_time
@pytest.mark.parametrize("by", SIGNALS)
async def test_real_signals_are_heard(by: signal.Signals) -> None:
    """In the block, and not behind it; also where whoever started the tests had them ignored."""
    signal.signal(by, signal.default_int_handler if by == signal.SIGINT else signal.SIG_DFL)
    heard = anyio.Event()
    with Brake() as brake:
        brake.eases(lambda _: heard.set())
        os.kill(os.getpid(), by)
        await heard.wait()
    assert brake.pulled
    assert signal.getsignal(by) in (signal.SIG_DFL, signal.default_int_handler)


async def test_what_the_process_was_started_to_ignore_is_ignored() -> None:
    """As nohup does with the end of the terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Brake() as brake:
        os.kill(os.getpid(), signal.SIGHUP)
        await anyio.sleep(0.1)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert not brake.pulled
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_another_thread_hears_no_signals() -> None:
    """A batch runs there all the same."""
    done: list[bool] = []

    async def work() -> None:
        with Brake() as brake:
            await checkpoint()
            done.append(brake.pulled)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    thread.join()
    assert done == [False]
