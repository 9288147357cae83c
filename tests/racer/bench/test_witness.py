"""What a Racer does is seen by whose question it was, also where several run at once."""

from __future__ import annotations

import asyncio

import pytest

from racer import RaceLost, Racer
from racer.bench.witness import Overheard, Watch, Witness, in_words, watching
from racer.core.field import field_of
from racer.core.heat import Outcome
from racer.testing import ScriptedTransport, answers, config_of, says
from racer_adapters.limits import Reading

pytestmark = pytest.mark.anyio

LIMITS = {
    "x-ratelimit-limit-requests": "1000",
    "x-ratelimit-remaining-requests": "997",
    "x-ratelimit-reset-requests": "1s",
}


def wall() -> float:
    return 1_800_000_000.0


async def test_each_question_sees_its_own_lanes() -> None:
    """Two at once do not see each other's, nor those of somebody who does not watch."""
    witness = Witness(wall)
    transport = ScriptedTransport({"a": says("x", after=1.0), "b": says("y", after=0.5)})
    async with Racer(config_of("a", "b"), transport=transport, observers=[witness]) as racer:

        async def asked(lane: str) -> Watch:
            with watching() as watch:
                await racer.race("hi", only=lane, lanes=1)
            return watch

        a, b, _ = await asyncio.gather(asked("a"), asked("b"), racer.race("hi"))

    assert (a.starts, a.whom) == ({"a": 1}, {"a/m": 1})
    assert [(each.lane, each.outcome) for each in b.attempts] == [("b/m", Outcome.WON)]


async def test_a_watch_knows_when_its_first_lane_began() -> None:
    """And tells whoever waits for that."""
    begun: list[float] = []
    transport = ScriptedTransport({"a": answers(500), "b": says("y")})
    async with Racer(config_of("a", "b"), transport=transport, observers=[Witness(wall)]) as racer:
        with watching() as watch:
            watch.when_begun = begun.append
            await racer.race("hi", policy="one")

    assert begun == [watch.began]
    assert [each.outcome for each in watch.attempts] == [Outcome.FAILED, Outcome.WON]


async def test_limits_in_headers_are_kept_for_the_lane_that_was_asked_alone() -> None:
    """A race, in which others answer too, tells nothing of one lane."""
    config, witness = config_of("a"), Witness(wall)
    overheard = Overheard(ScriptedTransport({"a": answers(500, headers=LIMITS)}), witness)
    async with Racer(config, transport=overheard, observers=[witness]) as racer:
        (lane,) = field_of(config.providers, {}).lanes
        for watched in (None, lane):
            with watching(watched), pytest.raises(RaceLost):
                await racer.race("hi")
            seen = witness.limits("a/m")
            assert bool(seen) is (watched is lane)

    assert seen == ("1,000 requests a minute, 997 left",)


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        (Reading("requests", "day", 1000, 988), "1,000 requests a day, 988 left"),
        (Reading("tokens", "hour", 8000, None), "8,000 tokens an hour"),
        (Reading("input_tokens", "5m", None, 12), "12 input tokens in 5m left"),
        (Reading("requests", None, None, None), ""),
    ],
)
def test_a_limit_is_told_in_words(reading: Reading, text: str) -> None:
    """As far as the headers told it."""
    assert in_words(reading) == text
