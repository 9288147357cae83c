"""`frugal` through the real engine, on virtual time: who is asked, when, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from racer import RaceLost, Racer, Reply
from racer.core.facts import Fact, LaneStarted
from racer.core.latency import LaneStats
from racer.testing import Script, ScriptedTransport, answers, config_of, fails, hangs, says, streams
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio

RESET = WireError(Kind.RESET, "the connection broke")
LATE = LaneStats().first(0.9)  # of a lane that was never seen
TIME = pytest.approx


class Story:
    """A Racer on scripted lanes, and the starts of all its races."""

    def __init__(self, extra: float = 0.25, /, **scripts: Script | Sequence[Script]) -> None:
        self.transport = ScriptedTransport(scripts)
        self.starts: list[tuple[str, float]] = []
        config = config_of(*scripts)
        self.config = replace(config, race=replace(config.race, extra=extra))

    def racer(self) -> Racer:
        return Racer(self.config, transport=self.transport, observers=[self.look])

    def look(self, fact: Fact) -> None:
        if isinstance(fact, LaneStarted):
            self.starts.append((fact.lane.provider.name, fact.offset))

    async def race(self, **options: Any) -> Reply:
        async with self.racer() as racer:
            return await racer.race("hi", policy="frugal", **options)


async def test_one_lane_is_enough_while_it_is_not_late() -> None:
    """One request, one answer."""
    story = Story(a=streams(*"abcdef", after=0.5, gap=1.0), b=says("b"), c=says("c"))

    assert "abcdef" == (await story.race()).text
    assert [("a", 0.0)] == story.starts


async def test_another_starts_when_the_first_is_late_with_its_token() -> None:
    """Nine in ten would have shown one; then the next has as long."""
    story = Story(a=hangs(), b=hangs(), c=says("c", after=0.1))

    assert "c" == (await story.race(deadline=30)).text
    assert [("a", 0.0), ("b", TIME(LATE)), ("c", TIME(2 * LATE))] == story.starts


async def test_a_failure_is_replaced_at_once() -> None:
    """Whatever the allowance says."""
    story = Story(0.0, a=fails(RESET, after=0.1), b=answers(500, after=0.1), c=says("c"))

    assert "c" == (await story.race()).text
    assert [("a", 0.0), ("b", 0.1), ("c", 0.2)] == story.starts


async def test_without_an_allowance_nobody_starts_beside_another() -> None:
    """`extra = 0`: the late one has its own patience."""
    story = Story(0.0, a=hangs(), b=says("b"))

    assert "b" == (await story.race()).text
    assert [("a", 0.0), ("b", 15.0)] == story.starts


async def test_an_outage_of_all_does_not_become_a_storm() -> None:
    """Of a hundred races that nobody answers, no more than twenty ask a second lane beside the first."""
    story = Story(a=hangs(), b=hangs())
    async with story.racer() as racer:
        for _ in range(100):
            with pytest.raises((RaceLost, TimeoutError)):
                await racer.race("hi", policy="frugal", deadline=LATE + 1.0)

    assert 20 >= len(story.starts) - 100


async def test_a_stream_that_stalls_is_hedged() -> None:
    """Two seconds of silence after it began."""
    begun = streams("a", after=0.5, breaks="end").steps
    silent = Script((*begun, replace(begun[0], delay=float("inf"))))
    story = Story(a=silent, b=says("b", after=0.1))

    assert "b" == (await story.race()).text
    assert [("a", 0.0), ("b", TIME(2.5))] == story.starts


async def test_what_was_learned_decides_who_is_asked() -> None:
    """After a while the faster one goes first, though it stands second."""
    story = Story(
        slow=says("slow", after=2.0, token_after=0.7), fast=says("fast", after=0.2, token_after=0.1)
    )
    async with story.racer() as racer:
        for _ in range(10):
            await racer.race("hi", policy="all")
        story.starts.clear()
        assert "fast" == (await racer.race("hi", policy="frugal")).text
        assert [("fast", 0.0)] == story.starts
        story.starts.clear()
        assert "slow" == (await racer.race("hi", policy="frugal", prefer="slow")).text


async def test_a_slow_check_is_no_stalled_stream() -> None:
    """The reply is whole: nobody else need be asked."""

    async def look(reply: Reply) -> bool:
        await anyio.sleep(10.0)
        return bool(reply)

    story = Story(a=says("a", after=0.5, token_after=0.1), b=says("b"))

    assert "a" == (await story.race(valid=look)).text
    assert [("a", 0.0)] == story.starts


async def test_a_slow_reader_is_no_stalled_stream() -> None:
    """What waits for its reader is not hedged."""
    text = "x" * 1000
    story = Story(a=streams(*(text for _ in range(100))), b=says("b"))
    async with story.racer() as racer, racer.stream("hi", policy="frugal") as stream:
        await anyio.sleep(30.0)
        async for _ in stream:
            await anyio.sleep(5.0)
    assert [("a", 0.0)] == story.starts
