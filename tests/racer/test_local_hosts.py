"""Local machines through the real engine, on virtual time: what they cannot serve at once waits here."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
import pytest

from racer import Racer, RacerError
from racer.config import Config
from racer.core.facts import Fact, LaneStarted
from racer.testing import ScriptedTransport, VirtualLoop, provider_of, says, streams
from tests.racer.counting import ledger_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from racer.core.provider import Lane, Provider
    from racer.exchange import Incoming
    from racer.testing import Script
    from racer_adapters.types import WireRequest

pytestmark = pytest.mark.anyio

TOKEN, WHOLE = 0.2, 1.0
HOST = "box.test"
TIME = pytest.approx


class Box:
    """A local server that serves `slots` calls at once and has others wait, beside scripted lanes."""

    def __init__(self, slots: int, whole: float = WHOLE, **others: Script) -> None:
        reply = says("hello", after=whole, token_after=TOKEN)
        self.scripted = ScriptedTransport({"box": reply, **others})
        self.slots = anyio.Semaphore(slots)
        self.open = self.most = self.sent = 0

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncGenerator[Incoming]:
        if urlsplit(request.url).hostname != HOST:
            async with self.scripted.send(request) as incoming:
                yield incoming
            return
        self.open += 1
        self.sent += 1
        self.most = max(self.most, self.open)
        try:
            async with self.slots, self.scripted.send(request) as incoming:
                yield incoming
        finally:
            self.open -= 1


def box(*models: str, **changes: Any) -> Provider:
    return replace(provider_of("box", *models), local=True, **changes)


class Table:
    """A Racer on `box` and others, and what its races have done.

    `over`: how many more calls than its host was known to serve, with one to find out, ran at the most.
    """

    def __init__(self, server: Box, *others: str, **changes: Any) -> None:
        self.server = server
        config = Config(providers=(box(**changes), *(provider_of(name) for name in others)))
        self.racer = Racer(config, transport=server, observers=[self.look])
        self.lane: Lane | None = None
        self.over = 0
        self.answers: list[tuple[int, str, float]] = []
        self.errors: list[RacerError] = []

    def look(self, fact: Fact) -> None:
        if isinstance(fact, LaneStarted) and fact.lane.provider.local:
            self.lane = fact.lane
            self.over = max(self.over, ledger_of(self.racer).hosts.running(HOST) - self.serves())

    async def one(self, number: int = 0, **options: Any) -> None:
        try:
            reply = await self.racer.race("hi", **options)
        except RacerError as error:
            self.errors.append(error)
        else:
            self.answers.append((number, reply.provider, anyio.current_time()))

    async def read(self) -> None:
        """One that is read as it comes, so that its lane has a first token."""
        async with self.racer.stream("hi", deadline=600.0) as stream:
            assert "hello" == "".join([str(piece) async for piece in stream])

    async def again_and_again(self, until: float, *, read: bool) -> None:
        """One race after the other, until then."""
        while anyio.current_time() < until:
            if not read:
                await self.one(deadline=600.0)
                continue
            try:
                await self.read()
            except RacerError as error:
                self.errors.append(error)

    async def many(self, races: int, apart: float = 0.0, **options: Any) -> None:
        """So many at once, or one a little after the other."""
        async with anyio.create_task_group() as group:
            for number in range(races):
                group.start_soon(partial(self.one, number, **options))
                await anyio.sleep(apart)

    def serves(self) -> int:
        assert self.lane is not None
        return ledger_of(self.racer).hosts.serves(self.lane, anyio.current_time())

    def is_empty(self) -> bool:
        hosts = ledger_of(self.racer).hosts
        return hosts.running(HOST) == hosts.waiting(HOST) == 0


async def test_what_a_server_cannot_serve_at_once_waits_here() -> None:
    """It is learned in some calls; then each is sent when the one before it has ended, in order."""
    table = Table(Box(1))
    async with table.racer:
        await table.many(10, 0.1)
        assert (table.serves(), table.server.open) == (1, 0)

        table.server.most, table.answers = 0, []
        began = anyio.current_time()
        await table.many(5, 0.1)

        assert table.server.most == 1
        assert [number for number, _, _ in table.answers] == list(range(5))
        assert [at - began for _, _, at in table.answers] == TIME([1.0, 2.0, 3.0, 4.0, 5.0])
        assert table.is_empty()


async def test_who_waits_here_does_not_make_its_lane_look_slow() -> None:
    """What is learned of the lane is what it takes for a lone call, though many came at once."""
    table = Table(Box(1))
    async with table.racer:
        async with anyio.create_task_group() as group:
            for _ in range(40):
                group.start_soon(table.read)
        learned = ledger_of(table.racer).latencies.of("box/m")

        assert learned.first(0.5) == TIME(TOKEN, rel=0.2)
        assert learned.total(0.9) == TIME(WHOLE, rel=0.2)
        assert (table.serves(), table.is_empty()) == (1, True)


async def test_a_server_that_serves_four_is_given_four() -> None:
    """One more than is known to go well is tried, and found out to wait."""
    table = Table(Box(4))
    async with table.racer:
        await table.many(40)
        assert (table.serves(), table.over) == (4, 0)

        table.server.most, began = 0, anyio.current_time()
        await table.many(4)
        assert table.server.most == 4
        assert anyio.current_time() == TIME(began + WHOLE)


async def test_another_lane_is_asked_at_once_where_the_host_is_busy() -> None:
    """Nobody waits in a queue who has somebody else to ask."""
    table = Table(Box(1, cloud=says("cloud", after=0.5)), "cloud")
    async with table.racer:
        await table.many(10, 0.1, only="box")
        table.answers, began = [], anyio.current_time()
        await table.many(2, policy="one", prefer="box")

        assert [answer[:2] for answer in table.answers] == [(1, "cloud"), (0, "box")]
        assert [at - began for _, _, at in table.answers] == TIME([0.5, 1.0])
        assert table.is_empty()


@pytest.mark.parametrize(("slots", "seconds"), [(1, 101.0), (4, 32.0)])
async def test_a_hundred_races_at_once_on_one_machine_are_all_answered(slots: int, seconds: float) -> None:
    """In its own queue most would have run into their time limit."""
    table = Table(Box(slots), timeout=30.0)
    async with table.racer:
        await table.many(100, deadline=200.0)

        assert (len(table.answers), table.errors) == (100, [])
        assert (table.serves(), table.over) == (slots, 0)
        assert slots < table.server.most <= slots + 2
        assert anyio.current_time() < seconds
        assert table.is_empty()


async def test_who_has_left_the_queue_does_not_hold_up_the_others() -> None:
    """Ten wait, the first eight of them give up, and the ninth is served in their place."""
    table = Table(Box(1))
    async with table.racer:
        await table.many(10, 0.1)
        table.answers, began = [], anyio.current_time()
        async with anyio.create_task_group() as group:
            group.start_soon(table.one, 0)
            await anyio.sleep(0.1)
            async with anyio.create_task_group() as fickle:
                for number in range(1, 9):
                    fickle.start_soon(table.one, number)
                await anyio.sleep(0.1)
                group.start_soon(table.one, 9)
                group.start_soon(table.one, 10)
                await anyio.sleep(0.1)
                fickle.cancel_scope.cancel()

        assert [number for number, _, _ in table.answers] == [0, 9, 10]
        assert began + 3.0 <= anyio.current_time() <= began + 5.0
        assert table.is_empty()


async def test_a_race_whose_deadline_comes_while_it_waits_says_so() -> None:
    """It names what it has waited for."""
    table = Table(Box(1))
    async with table.racer:
        await table.many(10, 0.1)
        async with anyio.create_task_group() as group:
            group.start_soon(table.one)
            group.start_soon(partial(table.one, deadline=0.5))
        (error,) = table.errors

        assert "box/m: " in str(error)
        assert "busy: its host serves 1 call at once" in str(error)
        await table.one()
        assert table.is_empty()


async def test_a_configured_limit_holds_beside_what_was_learned() -> None:
    """A server that could serve four is given two, where no more are allowed."""
    table = Table(Box(4), parallel=2)
    async with table.racer:
        for _ in range(8):
            await table.many(2)
        assert table.serves() == 3
        await table.many(3)

        assert table.server.most == 2
        assert "2 calls in flight are allowed at once" in str(table.errors[0])
        assert (len(table.answers), len(table.errors), table.is_empty()) == (18, 1, True)


async def test_after_some_hours_it_is_tried_again() -> None:
    """The server may have been given more room meanwhile."""
    table = Table(Box(1))
    async with table.racer:
        await table.many(10, 0.1)
        assert table.serves() == 1
        await anyio.sleep(2 * 3600.0)
        assert table.serves() == 2


@pytest.mark.parametrize(
    ("whole", "timeout", "read"),
    [
        (9.0, 30.0, False),
        (14.0, 30.0, False),
        (18.0, 30.0, False),
        (27.0, 30.0, False),
        (170.0, 300.0, False),
        (4.0, 30.0, True),
        (20.0, 30.0, True),
        (40.0, 60.0, True),
        (100.0, 120.0, True),
    ],
)
async def test_nobody_is_sent_where_it_would_run_out_of_time(
    whole: float, timeout: float, read: bool
) -> None:
    """However near to its time limit an answer comes, three callers of a server that serves one lose none."""
    table = Table(Box(1), timeout=timeout)
    reply = streams(*"hello", after=2.0, gap=(whole - 2.0) / 4)
    table.server.scripted = ScriptedTransport({"box": reply})
    async with table.racer:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(partial(table.again_and_again, 20 * whole, read=read))

        assert table.errors == []
        assert 20 <= table.server.sent <= 23
        assert table.serves() <= 2
        assert table.is_empty()


async def test_a_server_that_gets_slow_is_given_one_again() -> None:
    """It served three, and serves one now: some run out of their time until that is found out."""
    table = Table(Box(3, 9.0), timeout=30.0)
    async with table.racer:
        await table.many(20, deadline=600.0)
        assert (table.serves(), table.errors) == (3, [])

        table.server.slots = anyio.Semaphore(1)
        table.server.scripted = ScriptedTransport({"box": says("hello", after=20.0)})
        await table.many(20, deadline=600.0)
        assert 0 < len(table.errors) <= 8
        lost = len(table.errors)
        await table.many(10, deadline=600.0)
        assert (table.serves(), len(table.errors)) == (1, lost)


class Stalling(VirtualLoop):
    """One that somebody works in, for `stalled` seconds in all."""

    stalled = 0.0

    def time(self) -> float:
        return super().time() + self.stalled


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": Stalling})])
@pytest.mark.parametrize(("apart", "stall"), [(0.0, 0.0), (0.1, 0.0), (0.0, 3.0), (0.1, 3.0), (0.37, 3.0)])
async def test_who_comes_first_is_sent_first(apart: float, stall: float) -> None:
    """Also where all come at one instant, and where the event loop stalls for some seconds."""
    table, loop = Table(Box(1, 5.0)), asyncio.get_running_loop()
    assert isinstance(loop, Stalling)
    async with table.racer, anyio.create_task_group() as group:
        group.start_soon(partial(table.many, 12, apart, deadline=600.0))
        await anyio.sleep(7.3)
        loop.stalled += stall

    assert [number for number, _, _ in table.answers] == list(range(12))
