"""Listeners that come and go, and the race of a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from racer import Racer
from racer.core.facts import RaceEnded, RaceStarted
from racer.server.audience import Audience, Trail, current, following
from racer.testing import ScriptedTransport, config_of, says

if TYPE_CHECKING:
    from racer.core.facts import Fact

pytestmark = pytest.mark.anyio


async def test_the_race_of_a_request() -> None:
    """Each of two at once learns of its own, and of nobody's else."""
    audience, seen = Audience(), list[tuple[str, str]]()

    def hear(fact: Fact) -> None:
        trail = current()
        if isinstance(fact, RaceStarted) and trail is not None:
            seen.append((trail.token, fact.race))

    audience.join(hear)
    transport = ScriptedTransport({"a": says("hi", after=1), "b": says("ho", after=2)})
    trails = Trail("one"), Trail("two")

    async def ask(racer: Racer, trail: Trail) -> str:
        with following(trail):
            return (await racer.race("hello")).race_id

    async with Racer(config_of("a", "b"), transport=transport, observers=[audience]) as racer:
        ids = await asyncio.gather(*(ask(racer, trail) for trail in trails))
        await racer.race("nobody follows")

    assert [trail.race for trail in trails] == ids
    assert [trail.lanes for trail in trails] == [2, 2]
    assert sorted(seen) == [("one", ids[0]), ("two", ids[1])]
    assert current() is None


async def test_streams() -> None:
    """The task of a stream carries the trail of who began it."""
    audience, trail = Audience(), Trail("one")
    transport = ScriptedTransport({"a": says("hi")})
    async with Racer(config_of("a"), transport=transport, observers=[audience]) as racer:
        with following(trail):
            async with racer.stream("hello") as stream:
                async for _ in stream:
                    pass

    assert trail.race == stream.reply.race_id


async def test_listeners_leave() -> None:
    """Who has left hears nothing more."""
    audience = Audience()
    heard: list[Fact] = []
    leave = audience.join(heard.append)
    transport = ScriptedTransport({"a": says("hi")})
    async with Racer(config_of("a"), transport=transport, observers=[audience]) as racer:
        await racer.race("hello")
        number = len(heard)
        leave()
        await racer.race("hello again")

    assert isinstance(heard[-1], RaceEnded)
    assert len(heard) == number
