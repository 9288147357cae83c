"""Local models through the real engine, on virtual time: which start ahead of the others, and which later."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
import orjson
import pytest

from racer import DeadlineExceeded, Racer
from racer.config import Config
from racer.core.facts import LaneStarted, RaceEnded
from racer.core.latency import LaneStats
from racer.core.options import Defaults
from racer.core.provider import Account, Limit, Provider
from racer.core.view import Why
from racer.testing import Script, ScriptedTransport, Step, answers, fails, hangs, provider_of, says
from racer_adapters.errors import Kind, WireError
from tests.racer.counting import Beside, Kept, Moved, Table, ledger_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from racer.core.facts import Fact
    from racer.exchange import Incoming
    from racer_adapters.types import WireRequest

pytestmark = pytest.mark.anyio

QUIET = {"RACER_LOG": "off"}
RESET = WireError(Kind.RESET, "the connection broke")
LATE = LaneStats().first(0.9)  # of a lane that was never seen
WARM, COLD = 0.4, 6.0
TIME: Any = pytest.approx


def listed(*names: str) -> Script:
    return answers(200, orjson.dumps({"models": [{"name": name} for name in names]}))


def chats(after: float) -> Script:
    """A reply in Ollama's lines."""
    says_hi = {"message": {"role": "assistant", "content": "hi"}, "done": False}
    ends = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    return Script((Step(after, orjson.dumps(says_hi) + b"\n" + orjson.dumps(ends) + b"\n"),))


class House:
    """An Ollama server (`box`), one of another make (`studio`), and scripted providers elsewhere.

    A model that is asked is in memory from then on.
    """

    def __init__(self, *installed: str, loaded: Sequence[str] = (), **scripts: Script | Sequence[Script]):
        self.installed, self.loaded = installed, set(loaded)
        self.scripted = ScriptedTransport(scripts)

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncGenerator[Incoming]:
        url = urlsplit(request.url)
        script = self._script(url.hostname or "", url.path, request.body)
        network = self.scripted if script is None else ScriptedTransport({(url.hostname or "")[:-5]: script})
        async with network.send(request) as incoming:
            yield incoming

    def _script(self, host: str, path: str, body: bytes) -> Script | None:
        match host, path:
            case "box.test", "/api/tags":
                return listed(*self.installed)
            case "box.test", "/api/ps":
                return listed(*sorted(self.loaded))
            case "box.test", _:
                model = orjson.loads(body)["model"]
                seconds = WARM if model in self.loaded else COLD
                self.loaded.add(model)
                return chats(seconds)
            case "studio.test", "/v1/models":
                return answers(200, b'{"data": [{"id": "m"}]}')
            case _:
                return None


BOX = Provider("box", "ollama", "http://box.test", accounts=(Account("box"),), local=True, discover=True)
STUDIO = replace(BOX, name="studio", dialect="openai", base_url="http://studio.test/v1")
A, B, C = (provider_of(name) for name in "abc")


@asynccontextmanager
async def at_home(
    house: House, *providers: Provider, store: Kept | None = None, **race: Any
) -> AsyncGenerator[Table]:
    facts, moved, kept = list["Fact"](), Moved(), store or Kept()
    config = Config(race=Defaults(policy="frugal", **race), providers=providers, env=QUIET)
    clocks = moved.timepiece()
    racer = Racer(config, transport=house, observers=[facts.append], store=kept, timepiece=clocks)
    try:
        async with racer:
            yield Table(racer, house.scripted, kept, facts, moved)
    finally:
        if store is None:
            await kept.end()


def starts(table: Table) -> list[tuple[Any, ...]]:
    """Lane, instant and reason of each, and nobody of it is told again."""
    found: list[tuple[Any, ...]] = [
        (fact.lane.id, TIME(fact.offset), fact.why) for fact in table.of(LaneStarted)
    ]
    table.facts.clear()
    return found


def at_once(lane: str, why: Why = Why.FIRST) -> tuple[Any, ...]:
    return lane, 0.0, why


# ---------------------------------------------------------------- in memory, or not


async def test_a_loaded_model_starts_beside_the_best_of_the_others() -> None:
    """Not beside the first in order: beside whom one would ask alone."""
    house = House("m", loaded=["m"], a=says("a", after=3.0), b=says("b", after=0.5))
    async with at_home(house, BOX, A, B) as table:
        for name in "ab":
            for _ in range(10):
                await table.racer.race("hi", only=name)
        table.facts.clear()

        assert "box" == (await table.racer.race("hi")).provider
        (ended,) = table.of(RaceEnded)
        assert (1, 0) == (ended.tax.sent, ended.tax.requests)
        assert [at_once("box/m", Why.AHEAD), at_once("b/m")] == starts(table)


async def test_a_model_that_is_not_loaded_has_no_head_start() -> None:
    """Nobody is late: nobody else is asked."""
    async with at_home(House("m", a=says("a", after=1.0)), BOX, A, B) as table:
        assert "a" == (await table.racer.race("hi")).provider
        assert [at_once("a/m")] == starts(table)


async def test_it_starts_beside_one_that_is_late() -> None:
    """With the next of the others, so that it is loaded for the race that follows."""
    house = House("m", a=[hangs(), says("a", after=1.0)], b=says("b", after=1.0))
    async with at_home(house, BOX, A, B) as table:
        assert "b" == (await table.racer.race("hi")).provider
        assert [at_once("a/m"), ("box/m", TIME(LATE), Why.LATE), ("b/m", TIME(LATE), Why.LATE)] == starts(
            table
        )
        await anyio.sleep(31.0)
        await table.racer.race("hi", only="b")  # the server is asked again beside this one
        await anyio.sleep(1.0)
        table.facts.clear()

        assert "box" == (await table.racer.race("hi")).provider
        assert at_once("box/m", Why.AHEAD) == starts(table)[0]


async def test_it_starts_where_no_request_may_be_added() -> None:
    """It costs nothing, whatever was spent."""
    house = House("m", a=hangs(), b=says("b"))
    async with at_home(house, BOX, A, B, extra=0.0) as table:
        assert "box" == (await table.racer.race("hi")).provider
        assert [at_once("a/m"), ("box/m", TIME(LATE), Why.LATE)] == starts(table)


async def test_with_one_place_left_somebody_goes_who_answers_soon() -> None:
    """A model that has to be loaded takes no place from those."""
    house = House("m", a=hangs(), b=says("b", after=0.5))
    async with at_home(house, BOX, A, B) as table:
        assert "b" == (await table.racer.race("hi", lanes=2)).provider
        assert [at_once("a/m"), ("b/m", TIME(LATE), Why.LATE)] == starts(table)


async def test_alone_it_is_the_first() -> None:
    """There is nobody to wait for."""
    async with at_home(House("m"), BOX) as table:
        reply = await table.racer.race("hi")
        assert ("box", TIME(COLD)) == (reply.provider, reply.latency)
        assert [at_once("box/m")] == starts(table)


async def test_of_two_models_the_loaded_one_starts() -> None:
    """They share a machine; the other would slow it down, and has to be loaded."""
    house = House("cold", "warm", loaded=["warm"], a=says("a", after=1.0))
    async with at_home(house, BOX, A) as table:
        assert "warm" == (await table.racer.race("hi")).model
        assert [at_once("box/warm", Why.AHEAD), at_once("a/m")] == starts(table)


async def test_a_model_may_have_left_memory_in_a_long_pause() -> None:
    """The first race behind it waits to hear what is loaded."""
    house = House("m", loaded=["m"], a=says("a", after=1.0))
    async with at_home(house, BOX, A) as table:
        await table.racer.race("hi")
        house.loaded.clear()
        await anyio.sleep(600.0)
        table.facts.clear()

        assert "a" == (await table.racer.race("hi")).provider
        assert [at_once("a/m")] == starts(table)


async def test_a_server_that_cannot_say_what_is_loaded_is_taken_for_warm() -> None:
    """LM Studio and its like load what they list."""
    house = House(studio=says("hi", after=0.5), a=says("a", after=1.0))
    async with at_home(house, STUDIO, A) as table:
        assert "studio" == (await table.racer.race("hi")).provider
        assert [at_once("studio/m", Why.AHEAD), at_once("a/m")] == starts(table)


async def test_two_machines_take_one_place_before_the_others() -> None:
    """With two lanes in all, the second place is for somebody elsewhere."""
    house = House("m", loaded=["m"], studio=says("hi", after=0.3), a=says("a", after=1.0))
    async with at_home(house, BOX, STUDIO, A) as table:
        await table.racer.race("hi", lanes=2)
        assert ["a/m", "box/m"] == sorted(lane for lane, *_ in starts(table))
        await table.racer.race("hi", lanes=3)
        assert ["a/m", "box/m", "studio/m"] == sorted(lane for lane, *_ in starts(table))


async def test_no_server_costs_nothing() -> None:
    """It is not there: the others race as if it were not configured."""
    async with at_home(House(a=says("a", after=1.0)), BOX, A) as table:
        reply = await table.racer.race("hi")
        assert ("a", TIME(1.0)) == (reply.provider, reply.latency)
        assert [at_once("a/m")] == starts(table)


# ---------------------------------------------------------------- what is learned


async def test_warm_and_cold_are_learned_apart() -> None:
    """And known to a program that begins later."""
    house = House("m", a=says("a", after=1.0))
    kept = Kept()
    async with at_home(house, BOX, A, store=kept) as table:
        await table.racer.race("hi", only="box")
        await anyio.sleep(31.0)
        for _ in range(20):
            await table.racer.race("hi", only="box")
            await anyio.sleep(31.0)
        learned = ledger_of(table.racer).latencies
        cold, warm = learned.of("box/m (cold)"), learned.of("box/m")

        # What is found is heard half a minute late, so one or two calls more may count as cold.
        assert 21 == cold.n + warm.n
        assert 1 <= cold.n <= 2
        assert warm.total(0.5) == TIME(WARM, rel=0.25)
        assert cold.expected() > 2.0
        assert {("box/m",), ("box/m (cold)",)} == set(await table.rows("lane FROM learned"))
    async with at_home(house, BOX, A, store=Beside(kept)) as table:
        await anyio.sleep(1.0)
        again = ledger_of(table.racer).latencies
        assert (warm.n, cold.n) == (again.of("box/m").n, again.of("box/m (cold)").n)
    await kept.end()


# ---------------------------------------------------------------- why, and what was to come


async def test_what_was_to_come_is_told_with_its_price() -> None:
    """The local one has answered before the next of the others was wanted."""
    day = Limit("requests", 20, "day", reset="00:00 UTC")
    house = House("m", loaded=["m"], a=hangs(), b=says("b", after=3.0))
    async with at_home(house, BOX, A, replace(B, limits=(day,))) as table:
        for _ in range(12):
            await table.racer.race("hi", only="b")
        await anyio.sleep(1.0)
        table.facts.clear()
        await table.racer.race("hi")
        (ended,) = table.of(RaceEnded)

        (due,) = ended.due
        assert ("b/m", TIME(LATE), Why.LATE) == (due.lane, due.offset, due.why)
        # 7 of 20 would be left, with two thirds of the day: (7/20 + 5 %) / (2/3) = 0.6.
        assert due.price == TIME(0.25 * (2.718281828 ** (4 * 0.4) - 1), rel=0.01)
        assert [0.0, 0.0] == [fact.price for fact in table.of(LaneStarted)]

        table.facts.clear()
        await table.racer.race("hi", policy="all")
        prices = {fact.lane.id: fact.price for fact in table.of(LaneStarted)}
        assert {"box/m": 0.0, "a/m": 0.0, "b/m": TIME(due.price, rel=0.01)} == prices
        assert () == table.of(RaceEnded)[0].due


async def test_nobody_is_due_whose_turn_may_not_come() -> None:
    """No request may be added: then nobody is planned to be."""
    async with at_home(House(a=hangs(), b=says("b")), A, B, extra=0.0) as table:
        with pytest.raises(DeadlineExceeded):
            await table.racer.race("hi", deadline=8.0)
        (ended,) = table.of(RaceEnded)
        assert () == ended.due


@pytest.mark.parametrize("policy", ["all", "frugal", "one"])
async def test_who_follows_a_failed_local_lane_replaces_it(policy: Any) -> None:
    """It is not what the race began with."""
    local = replace(provider_of("studio"), local=True)
    house = House(studio=fails(RESET, after=0.1), a=says("a", after=1.0), b=says("b", after=1.0))
    async with at_home(house, local, A, B) as table:
        await table.racer.race("hi", policy=policy, lanes=1)
        assert [
            at_once("studio/m", Why.AHEAD if policy == "frugal" else Why.FIRST),
            ("a/m", TIME(0.1), Why.REPLACES),
        ] == starts(table)
