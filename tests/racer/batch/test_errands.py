"""Requests of a batch, however it is disturbed: each is written down once, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import random
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import anyio
import orjson
import pytest

from racer import BatchStopped, Reply
from racer.core.facts import LaneEnded, RaceEnded, RaceStarted
from racer.core.heat import Ending, Outcome
from racer.core.provider import Limit
from racer.errors import InvalidReply
from racer.testing import Script, answers, fails, hangs, provider_of
from racer_adapters.errors import Kind, WireError
from tests.racer.batch.crew import Crew, always, crew, now, results, said, whole
from tests.racer.counting import busiest, limited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from racer.batch.line import Result
    from racer_adapters.types import WireRequest

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True, scope="module")
def collects_what_is_new() -> Iterator[None]:
    """What was there before these tests is not looked through each time that they collect."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


async def test_what_is_told_of_a_line() -> None:
    """A race each: it begins, its lane wins, it ends."""
    async with crew("a") as table:
        found = await results(table.racer.batch(["x"] * 10))
        assert 10 == len(table.of(RaceStarted)) == len(table.of(RaceEnded))
        assert {Ending.WON} == {fact.ending for fact in table.of(RaceEnded)}
        races = {fact.race for fact in table.of(RaceStarted)}
        assert races == {result.reply.race_id for result in found if result.reply}
        assert "frugal" == table.of(RaceStarted)[0].policy


async def test_a_loser_is_closed_with_the_win() -> None:
    """In the same tick, and written down as lost."""
    async with crew("a", "b", scripts={"a": whole("a", 1.0), "b": whole("b", 5.0)}) as table:
        found = await results(table.racer.batch(["x"], policy="all"))
        assert ["a"] == [result.reply.provider for result in found if result.reply]
        assert ("b", "closed", 1.0) in table.transport.log
        assert [Outcome.WON, Outcome.LOST] == [fact.record.outcome for fact in table.of(LaneEnded)]
        assert 2 == len(found[0].attempts)


async def test_two_answers_in_one_tick() -> None:
    """One wins, the other is no second winner."""
    async with crew("a", "b", "c") as table:
        found = await results(table.racer.batch(["x"] * 40, policy="all"))
        assert 40 == len(found)
        wins = [fact for fact in table.of(LaneEnded) if fact.record.outcome is Outcome.WON]
        assert 40 == len(wins)


async def test_a_lane_that_never_answers_is_given_up() -> None:
    """After its provider's timeout, and counted as failed."""
    async with crew("a", scripts={"a": hangs()}) as table:
        began = now()
        found = await results(table.racer.batch(["x"], attempts=1))
        assert ["timeout"] == [result.failure.code for result in found if result.failure]
        timeout = provider_of("a").timeout
        assert timeout <= now() - began <= timeout + 1.5
        assert [Outcome.FAILED] == [fact.record.outcome for fact in table.of(LaneEnded)]


async def test_what_was_asked_stands_in_no_reason() -> None:
    """A provider that quotes its prompt is not quoted itself: neither in facts nor in the result."""
    asked = "why does my neighbour sing all night"
    body = orjson.dumps({"error": {"message": f"invalid input: '{asked}'"}})
    async with crew("a", scripts={"a": answers(500, body)}) as table:
        found = await results(table.racer.batch([asked], attempts=1))

        assert ["server 500: invalid input: '[prompt]'"] == [
            fact.record.reason for fact in table.of(LaneEnded)
        ]
        assert asked not in str([result.failure for result in found])


async def test_a_late_check_takes_no_second_request() -> None:
    """The answer is there: whoever checks it has time."""

    async def slow(reply: Reply) -> bool:
        await anyio.sleep(3.0)
        return bool(reply)

    async with crew("a") as table:
        found = await results(table.racer.batch(["x"] * 5, valid=slow, policy="one"))
        assert 5 == len(found) == table.asked


async def test_a_task_does_one_request_after_the_other() -> None:
    """There are no more of them than requests at once, and with the batch all of them end."""
    tasks: list[asyncio.Task[Any] | None] = []

    def choose(_: str, request: WireRequest) -> Script:
        if (task := asyncio.current_task()) not in tasks:
            tasks.append(task)
        return whole(said(request), 0.1)

    async with crew("a", choose=choose) as table:
        assert 100 == len(await results(table.racer.batch(["x"] * 100, concurrency=4)))
        assert len(tasks) <= 4
        assert all(task is not None and task.done() for task in tasks)


async def test_what_a_check_leaves_behind_no_other_line_meets() -> None:
    """The code of a caller has a task of its own for each line."""
    mark: ContextVar[int] = ContextVar("mark", default=0)
    seen: list[int] = []

    def marks(_: object) -> bool:
        seen.append(mark.get())
        mark.set(1)
        return True

    async with crew("a") as table:
        assert 20 == len(await results(table.racer.batch(["x"] * 20, valid=marks, concurrency=2)))
        assert [0] * 20 == seen


async def test_leaving_while_answers_are_checked() -> None:
    """They have lost."""

    async def slow(reply: Reply) -> bool:
        await anyio.sleep(30.0)
        return bool(reply)

    async with crew("a") as table:
        with anyio.move_on_after(5.0):
            await results(table.racer.batch(["x"] * 5, valid=slow))
        await _settle()
        assert {Outcome.LOST} == {fact.record.outcome for fact in table.of(LaneEnded)}
        await table.check()


async def test_places_of_a_machine_of_ones_own_are_given_back() -> None:
    """A batch that is left waits for it no longer: a race has its turn at once."""
    from dataclasses import replace

    local = replace(provider_of("a"), local=True, parallel=1)
    async with crew(local, scripts={"a": whole("x", 5.0)}) as table:
        with anyio.move_on_after(7.0):
            await results(table.racer.batch(["x"] * 50))
        await _settle()
        began = now()
        batch = await table.racer.batch(["y"]).finished()
        assert 1 == batch.done
        assert now() - began < 8.0


# ---------------------------------------------------------------- by chance


class Play:
    """Scripts, prompts and disturbances, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.ill_from, self.ill_to = sorted((self.chance.uniform(0, 60), self.chance.uniform(0, 60)))
        self.health = {name: self.chance.choice([0.0, 0.0, 0.1, 0.5]) for name in "abc"}
        self.taken: dict[str, list[float]] = {name: [] for name in "abc"}
        self.lines = self.chance.choice([1, 5, 60, 150])
        self.limits = {name: self.chance.choice([None, None, 10, 40]) for name in "abc"}

    def choose(self, server: str, request: WireRequest) -> Script:
        chance = self.chance
        ill = self.ill_from < now() < self.ill_to and chance.random() < 0.7
        if ill or chance.random() < self.health[server]:
            self.taken[server].append(now())
            refused = fails(WireError(Kind.CONNECT, "refused"))
            script = chance.choice(
                [
                    answers(500, b"oh", after=chance.random()),
                    answers(503, b"{}", headers={"retry-after": "7"}),
                    answers(429, b"{}", after=chance.random(), headers={"retry-after": "3"}),
                    answers(429, b"{}"),
                    fails(WireError(Kind.RESET, "broke"), after=chance.random()),
                    refused,
                    whole("", chance.random()),
                    whole("bad", chance.random()),
                    hangs(),
                ]
            )
            if script is refused:  # nobody was there to count it
                self.taken[server].pop()
            return script
        self.taken[server].append(now())
        return whole(said(request), chance.choice([0.0, 0.1, 0.5, 1.0, 8.0]) * chance.random())

    def prompts(self) -> Any:
        texts: list[Any] = [f"p{number}" for number in range(self.lines)]
        for _ in range(self.chance.choice([0, 0, 3])):
            texts[self.chance.randrange(len(texts))] = 5
        kind = self.chance.choice(["list", "generator", "async"])
        if kind == "list":
            return texts
        return iter(texts) if kind == "generator" else self.slowly(texts)

    async def slowly(self, texts: list[Any]) -> AsyncIterator[Any]:
        for text in texts:
            await anyio.sleep(self.chance.choice([0.0, 0.0, 0.3]))
            yield text

    def options(self) -> dict[str, Any]:
        chance = self.chance
        found: dict[str, Any] = {
            "policy": chance.choice(["frugal", "frugal", "all", "one"]),
            "concurrency": chance.choice([1, 3, 64]),
            "attempts": chance.choice([1, 3, 5]),
        }
        if chance.random() < 0.3:
            found["rate"] = chance.choice(["1/s", "10/s"])
        if chance.random() < 0.3:
            found["deadline"] = chance.uniform(1.0, 100.0)
        if chance.random() < 0.3:
            found["max_errors"] = chance.randrange(4)
        if chance.random() < 0.5:
            found["valid"] = chance.choice([self.right, self.slowly_right])
        return found

    @staticmethod
    def right(reply: Reply) -> None:
        if reply.text == "bad":
            raise InvalidReply("bad")

    async def slowly_right(self, reply: Reply) -> bool:
        await anyio.sleep(self.chance.random())
        return reply.text != "bad"

    async def run(self, table: Crew) -> None:
        chance = self.chance
        way = chance.choice(["whole", "whole", "cancel", "break", "stop", "close", "finished"])
        batch = table.racer.batch(self.prompts(), **self.options())
        found: list[Result] = []
        until = chance.uniform(0.0, 40.0) if way == "cancel" else 10 * 86_400.0
        most = chance.randrange(self.lines + 1)
        ended = False
        with anyio.move_on_after(until) as scope:
            try:
                if way == "finished":
                    told = await batch.finished()
                    assert told.done + told.failed == self.lines
                    return
                async with batch:
                    async for result in batch:
                        found.append(result)
                        if len(found) >= most and way == "break":
                            break
                        if len(found) >= most and way == "stop":
                            batch.stop()
                        if len(found) == most and way == "close":
                            await batch.aclose()
                    else:
                        ended = True
            except BatchStopped as stopped:
                ends = stopped.done + stopped.failed
                if way != "finished" and ends != len(found):
                    pytest.fail(f"{ends} were told, {len(found)} given")
        assert way == "cancel" or not scope.cancelled_caught, "it hangs"
        assert len({result.line for result in found}) == len(found)
        if ended and way == "whole":
            assert list(range(1, self.lines + 1)) == sorted(result.line for result in found)
        for result in found:
            assert result.reply is None or result.reply.text in {f"p{result.line - 1}", "bad"}


@pytest.mark.parametrize("seed", range(60))
async def test_invariants_hold_whatever_happens(seed: int) -> None:
    """Each line has at most one result, each request one row; limits hold; nobody is left at work."""
    play = Play(seed)
    providers = [
        limited(name, Limit("requests", most, "minute")) if most else provider_of(name)
        for name, most in play.limits.items()
    ]
    async with crew(*providers, choose=play.choose) as table:
        await play.run(table)
        await _settle()
        await table.check()
        for name, most in play.limits.items():
            assert most is None or busiest(play.taken[name], 60.0) <= most
        sent = table.asked
        await anyio.sleep(300.0)
        assert sent == table.asked


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_cancelled_after_so_many_turns(turns: int) -> None:
    """At each step of its life, twice."""
    async with crew("a", "b", choose=always(whole("x", 0.0))) as table:
        task = asyncio.create_task(results(table.racer.batch(["x"] * 100, policy="all")))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await _settle()
        await table.check()


async def _settle() -> None:
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)
