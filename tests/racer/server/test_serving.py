"""Serving from start to end: signals, what is in flight, what is written at the end."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import anyio
import pytest

from racer.config import ServerSettings
from racer.server.journal import Journal
from racer.server.serving import complaints, connections_for, files_allowed, serve
from racer.testing import ScriptedTransport, config_of, hangs, says
from tests.racer.server.houses import CHAT, PATIENCE, QUICK, said

if TYPE_CHECKING:
    from pathlib import Path

    from racer.server.app import Server
    from racer.testing import Script

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]


class Run:
    """One run of `serve`, with somebody who asks."""

    def __init__(self, script: Script, grace: float = 5.0) -> None:
        self.transport = ScriptedTransport({"a": script})
        self.settings = ServerSettings(port=0, grace=grace)
        self.opened = anyio.Event()
        self.status: int | None = None
        self.told: list[signal.Signals] = []
        self.ending: signal.Signals | None = None
        self.lanes = 0

    def ready(self, server: Server) -> None:
        self.url = server.url
        self.lanes = len(server.house.lanes)
        self.opened.set()

    async def serve(self) -> None:
        config = config_of("a", env={"RACER_LOG": "off"})
        self.ending = await serve(
            config,
            self.settings,
            self.ready,
            leaving=self.told.append,
            transport=self.transport,
            timeouts=QUICK,
        )

    async def ask(self) -> None:
        async with aiohttp.ClientSession() as client:
            try:
                async with client.post(self.url + CHAT, json=said()) as response:
                    self.status = response.status
            except aiohttp.ClientError:
                self.status = 0

    async def asked(self) -> None:
        with anyio.fail_after(PATIENCE):
            while not self.transport.log:  # noqa: ASYNC110 - the network wakes nobody
                await anyio.sleep(0.001)

    async def gone(self) -> bool:
        """Whether nobody new is taken in."""
        with anyio.fail_after(PATIENCE):
            while True:
                try:
                    stream = await anyio.connect_tcp("127.0.0.1", int(self.url.rpartition(":")[2]))
                except OSError:
                    return True
                await stream.aclose()
                await anyio.sleep(0.001)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal(ending: signal.Signals) -> None:
    """Nobody more is taken in, and who is in gets an answer."""
    run = Run(says("hello", after=0.4))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.serve)
        await run.opened.wait()
        tasks.start_soon(run.ask)
        await run.asked()
        os.kill(os.getpid(), ending)
        assert await run.gone()
        assert run.ending is None

    assert (run.status, run.ending, run.told) == (200, ending, [ending])
    assert run.lanes == 1


async def test_a_second_signal() -> None:
    """Who is still in is sent away with 503, and the race ends."""
    run = Run(hangs(), grace=60)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.serve)
        await run.opened.wait()
        tasks.start_soon(run.ask)
        await run.asked()
        os.kill(os.getpid(), signal.SIGINT)
        await run.gone()
        os.kill(os.getpid(), signal.SIGTERM)

    assert (run.status, run.ending) == (503, signal.SIGINT)
    assert run.transport.open == 0


async def test_patience_has_an_end() -> None:
    """So it is where the time is over."""
    run = Run(hangs(), grace=0.2)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run.serve)
            await run.opened.wait()
            tasks.start_soon(run.ask)
            await run.asked()
            os.kill(os.getpid(), signal.SIGTERM)

    assert run.status == 503
    assert run.transport.open == 0


async def test_an_address_that_is_taken() -> None:
    """Raised, with nothing left open; nobody was told that it is ready."""
    run = Run(says("hello"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run.settings = replace(run.settings, port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            await run.serve()

    assert not run.opened.is_set()


def test_connections() -> None:
    """Twice what may be in flight, but never all the files that there are."""
    files = files_allowed(0)

    assert connections_for(ServerSettings(max_in_flight=1)) <= max(8, files_allowed(0) // 2)
    assert connections_for(ServerSettings(max_in_flight=100_000)) <= files_allowed(10**6) // 2
    assert files_allowed(0) >= files


def test_files() -> None:
    """What this process may have, and never less than before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        assert files_allowed(100) == 100
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 100
        assert files_allowed(50) == 100
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_flood_of_complaints(caplog: pytest.LogCaptureFixture) -> None:
    """Of connections that cannot be taken one line is written; what else goes wrong is told as ever."""
    lines: list[tuple[str, str]] = []
    hear = complaints(Journal(lambda level, name, _: lines.append((level, name))))
    loop = asyncio.get_running_loop()
    for _ in range(1000):
        hear(loop, {"message": "socket.accept()", "exception": OSError(errno.EMFILE, "too many")})
    gone = {"message": "Exception in callback X._start_serving()", "exception": ValueError("-1")}
    hear(loop, gone)
    hear(loop, {"message": "something else", "exception": ValueError("odd")})

    assert lines == [("warning", "server.crowded")]
    assert [record.message.splitlines()[0] for record in caplog.records] == ["something else"]


async def test_a_database_that_cannot_be_used(tmp_path: Path) -> None:
    """It is known, and was counted, when the server says that it listens."""
    (tmp_path / "racer.db").write_bytes(b"no database" * 400)
    config = config_of("a", env={"RACER_LOG": "off", "RACER_DB": str(tmp_path / "racer.db")})
    told: list[tuple[str, float]] = []

    def ready(server: Server) -> None:
        faults = server.house.watch.tally.faults[()]
        told.append((server.house.racer.ledger.fault, faults))
        os.kill(os.getpid(), signal.SIGTERM)

    await serve(config, ServerSettings(port=0), ready, transport=ScriptedTransport({}))

    ((fault, faults),) = told
    assert "is not racer's" in fault
    assert faults == 1
