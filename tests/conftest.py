"""What holds for every test: virtual time by default, nothing left behind, nobody called outside.

Rule 1: a test on the anyio plugin runs on virtual time. `@pytest.mark.real_time` gives it the true clock,
        which real sockets, threads and processes need; whole folders that do are named in `REAL_TIME`.
Rule 2: no task and no timer survives the test function, no thread and no socket survives its fixtures.
Rule 3: no connection leaves this machine, and no name but localhost is looked up. An audit hook sees to
        it, so that neither a test nor a library can go round it.
"""

from __future__ import annotations

import asyncio
import asyncio.constants
import functools
import inspect
import ipaddress
import os
import socket
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator

HERE = Path(__file__).parent
REAL_TIME = ("racer/cli", "racer/sim", "racer/test_transport.py")
TURNS_TO_SETTLE = 20
SECONDS_TO_CLOSE = 1.0
FRAMES = "DEBUG_STACK_DEPTH"
MEASURED = pytest.StashKey[str]()

# Debug mode remembers where each task and timer was made. One frame of it is enough to find the place; the
# ten that are taken by default cost a test that makes many a fifth of its time.
setattr(asyncio.constants, FRAMES, 1)

# No test writes into anybody's own database; those that are about one on disk say where it lies.
os.environ["RACER_DB"] = ":memory:"

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_time: run on the true clock, for real sockets or processes")


def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Tell coverage whose lines these are: for scripts/coverage_gate.py, a file of tests at a time.

    A context for each test, which pytest-cov can make by itself, takes a quarter of the time of all tests.
    """
    coverage = sys.modules.get("coverage")
    measuring = None if coverage is None else coverage.Coverage.current()
    file = f"{item.path.relative_to(HERE.parent).as_posix()}::" if item.path.is_relative_to(HERE) else ""
    if measuring is not None and file != item.config.stash.get(MEASURED, ""):
        measuring.switch_context(file)
        item.config.stash[MEASURED] = file


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """asyncio in debug mode, on virtual time where no real socket is involved."""
    path = request.path.relative_to(HERE).as_posix() if request.path.is_relative_to(HERE) else ""
    if request.node.get_closest_marker("real_time") or path.startswith(REAL_TIME):
        return "asyncio", {"debug": True}
    from racer.testing import VirtualLoop  # tests of pure code need not load the shell

    return "asyncio", {"debug": True, "loop_factory": VirtualLoop}


# ---------------------------------------------------------------- no task, no timer


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Have every coroutine test look behind itself, inside its own loop."""
    test: Any = pyfuncitem.obj
    if hasattr(test, "hypothesis"):
        inner = test.hypothesis.inner_test
        if inspect.iscoroutinefunction(inner):
            test.hypothesis.inner_test = looking_behind(inner)
    elif inspect.iscoroutinefunction(test):
        pyfuncitem.obj = looking_behind(test)
    return (yield)


def looking_behind(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """`test`, failing when it passes and leaves a task or a timer in its loop."""

    @functools.wraps(test)
    async def guarded(*args: Any, **kwargs: Any) -> None:
        loop = asyncio.get_running_loop()
        tasks, timers = asyncio.all_tasks(), armed_timers(loop)
        await test(*args, **kwargs)
        for _ in range(TURNS_TO_SETTLE):  # closed transports and done tasks need a turn of the loop, no time
            await asyncio.sleep(0)
        refuse([*(asyncio.all_tasks() - tasks), *(armed_timers(loop) - timers)])

    return guarded


def armed_timers(loop: asyncio.AbstractEventLoop) -> set[asyncio.TimerHandle]:
    # There is no public way to see timers; asyncio's own loops keep them in this list.
    scheduled: Iterable[asyncio.TimerHandle] = getattr(loop, "_scheduled", ())
    return {timer for timer in scheduled if not timer.cancelled()}


def refuse(left: list[object]) -> None:
    if left:
        pytest.fail("\n".join(["this outlives the test:", *(repr(each) for each in left)]), pytrace=False)


# ---------------------------------------------------------------- no thread, no socket


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    threads, sockets = set(threading.enumerate()), open_sockets()
    yield
    patience = time.monotonic() + SECONDS_TO_CLOSE
    while more_than(threads, sockets) and time.monotonic() < patience:
        time.sleep(0.005)  # a server in another thread closes its end when it has heard of ours
    refuse(more_than(threads, sockets))


def more_than(threads: set[threading.Thread], sockets: set[socket.socket]) -> list[object]:
    return [*(set(threading.enumerate()) - threads), *(open_sockets() - sockets)]


def open_sockets() -> set[socket.socket]:
    alive = [each for reference in tuple(made) if (each := reference()) is not None]
    return {each for each in alive if each.fileno() != -1}


# ---------------------------------------------------------------- nobody outside

made: set[weakref.ref[socket.socket]] = set()


class Outbound(RuntimeError):
    """A test tried to reach another machine. No OSError: nothing may take it for a failed connection."""


def watch(event: str, args: tuple[Any, ...]) -> None:
    """The audit hook."""
    if event == "socket.__new__":
        made.add(weakref.ref(args[0], made.discard))
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address: tuple[object, ...] | str | bytes = args[1]  # the two latter are of Unix sockets
        if isinstance(address, tuple) and not is_here(str(address[0])):
            raise Outbound(f"a test called {event} for {address}: give it the simulator on 127.0.0.1")
    elif event == "socket.getaddrinfo" and args[0] is not None and not is_here(_text(args[0])):
        raise socket.gaierror(socket.EAI_NONAME, "in tests no name is looked up")


def is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _text(host: str | bytes) -> str:
    return host.decode() if isinstance(host, bytes) else host


sys.addaudithook(watch)
