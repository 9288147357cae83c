"""racer/batch/foresight.py: what is known of lanes and limits, as a forecast takes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from racer import Racer
from racer.batch.asks import Asks
from racer.batch.foresight import ANSWER, MOST_OFFERS, UNSURE, UNTRIED, Foresight
from racer.batch.pace import FIRST, Pace
from racer.core.provider import Limit, Model
from racer.testing import ScriptedTransport, config_of, provider_of, says
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from racer.batch.parts import Parts
    from racer.core.provider import Provider

pytestmark = pytest.mark.anyio

DAILY = Limit("requests", 50, "day")
TOKENS = Limit("tokens", 6000, "minute", scope="model")
ONCE = Limit("requests", 9, "once")
ROLLING = Limit("requests", 30, "rolling 24h")


def racer_of(*providers: Provider) -> Racer:
    names = [provider.name for provider in providers]
    return Racer(
        replace(config_of(), providers=providers),
        transport=ScriptedTransport({name: says("hi", after=0.5) for name in names}),
    )


def parts_of(racer: Racer) -> Parts:
    return racer._parts()  # pyright: ignore[reportPrivateUsage] - no user needs them


def foresight(parts: Parts, **options: Any) -> Foresight:
    asks = Asks(options, None, None, parts)  # type: ignore[arg-type] # whatever a test needs
    return Foresight(parts, asks.job.call, None)


def keyless(name: str, *limits: Limit, **changes: Any) -> Provider:
    return replace(provider_of(name), limits=limits, **changes)


def lacking(name: str, **changes: Any) -> Provider:
    return replace(provider_of(name), accounts=(), key_names=(f"{name.upper()}_KEY",), **changes)


async def test_a_lane_of_which_nothing_is_known() -> None:
    """It is taken for a usual one: how many calls it bears is unsure, and an answer has the usual length."""
    async with racer_of(keyless("a", DAILY, TOKENS)) as racer:
        parts = parts_of(racer)
        (speed,) = foresight(parts).speeds(parts.lineup.field.lanes, Pace())
        assert (speed.lane, speed.provider, speed.known) == ("a/m", "a", 0)
        assert (speed.at_once, speed.unsure, speed.until, speed.usd) == (UNTRIED, UNSURE, 0.0, 0.0)
        assert speed.seconds > 0
        assert 0.05 <= speed.success <= 1
        assert {amount for name, amount in speed.charges if "requests" in name} == {1.0}
        (tokens,) = [amount for name, amount in speed.charges if "tokens" in name]
        assert ANSWER < tokens < ANSWER + 50
        (small,) = foresight(parts, max_tokens=10).speeds(parts.lineup.field.lanes, Pace())
        assert min(amount for _, amount in small.charges if amount > 1) < 50


async def test_what_a_lane_has_shown() -> None:
    """Its own time and answers, the calls that it bears, and a cool-down."""
    async with racer_of(keyless("a")) as racer:
        parts, pace = parts_of(racer), Pace()
        await racer.race("Hi")
        await anyio.sleep(2)  # it goes by way of the store
        (lane,) = parts.lineup.field.lanes
        for _ in range(4):
            pace.started(lane, 0.0)
        (speed,) = foresight(parts).speeds([lane], pace)
        assert (speed.known, speed.at_once) == (1, UNTRIED)
        pace.answered(lane, 0.0, 1.0, 10)
        (climbing,) = foresight(parts).speeds([lane], pace)
        assert climbing.at_once == FIRST + 1
        assert 0 < climbing.unsure < UNSURE
        pace.failed(lane, WireError(Kind.RATE), 0.0, 1.0)
        (cut,) = foresight(parts).speeds([lane], pace)
        assert (cut.at_once, cut.unsure) == (1.5, 0.0)
        parts.stage.breakers.failed(lane, WireError(Kind.RATE, retry_after=90.0), parts.stage.now())
        (shut,) = foresight(parts).speeds([lane], pace)
        assert shut.until == pytest.approx(parts.ledger.now() + 90.0, abs=1.0)


async def test_the_own_machine() -> None:
    """It serves as many at once as it has shown, and costs nothing."""
    async with racer_of(keyless("own", local=True, models=(Model("m", price=(1.0, 1.0)),))) as racer:
        parts = parts_of(racer)
        (speed,) = foresight(parts).speeds(parts.lineup.field.lanes, Pace())
        assert (speed.at_once, speed.unsure, speed.usd) == (1.0, 0.0, 0.0)


async def test_what_a_call_costs() -> None:
    """By the list price, for a million tokens, of the question and a usual answer."""
    async with racer_of(keyless("a", models=(Model("m", price=(1.0, 10_000.0)),))) as racer:
        parts = parts_of(racer)
        (speed,) = foresight(parts, max_tokens=100).speeds(parts.lineup.field.lanes, Pace())
        assert speed.usd == pytest.approx(1.0, rel=0.01)


async def test_tanks() -> None:
    """Each limit once, as it is written before anything was counted, and as it stands after."""
    limits = (DAILY, TOKENS, ONCE, ROLLING)
    async with racer_of(keyless("a", *limits, parallel=2, models=(Model("m"), Model("n")))) as racer:
        parts = parts_of(racer)
        lanes = parts.lineup.field.lanes
        fresh = foresight(parts).tanks(lanes)
        assert len({tank.name for tank in fresh}) == len(fresh) == 6
        assert {tank.used for tank in fresh} == {0.0}
        labels = {tank.label for tank in fresh}
        assert {"50 requests a day", "6,000 tokens a minute"} <= labels
        assert {tank.account for tank in fresh} == {"a", "a/m", "a/n"}
        await racer.race("Hi", only="a/m")
        by_label = {tank.label: tank for tank in foresight(parts).tanks(lanes) if tank.account == "a"}
        daily = by_label["50 requests a day"]
        assert (daily.limit, daily.unit) == (50, "requests")
        assert daily.used >= 1
        assert daily.whole_at is not None
        flight = next(tank for tank in by_label.values() if tank.span is None)
        assert flight.used == 0.0
        once = next(tank for tank in by_label.values() if tank.limit == 9)
        assert (once.used >= 1, once.whole_at) == (True, float("inf"))
        rolling = next(tank for tank in by_label.values() if tank.limit == 30)
        assert rolling.whole_at == pytest.approx(parts.ledger.now() + 86_400, abs=4000)


async def test_offers() -> None:
    """What providers without a key would add, with all their lanes and limits; nobody who lacks more."""
    others = (
        lacking("b", limits=(DAILY,), models=(Model("m"), Model("n"))),
        lacking("off", enabled=False),
        lacking("broken", unusable="its address lacks a part"),
        lacking("unasked"),
        replace(provider_of("nokey"), accounts=()),
    )
    async with racer_of(keyless("a"), *others) as racer:
        parts = parts_of(racer)
        names = [provider.name for provider in others if provider.name != "unasked"]
        (offer,) = foresight(parts).offers(names, 3)
        assert (offer.provider, offer.variable) == ("b", "B_KEY")
        assert [speed.lane for speed in offer.speeds] == ["b/m", "b/n"]
        assert {speed.at_once for speed in offer.speeds} == {3.0}
        assert len(offer.tanks) == 1
        assert {name for speed in offer.speeds for name, _ in speed.charges} == {offer.tanks[0].name}


async def test_no_end_of_offers() -> None:
    """A dozen is enough."""
    others = [lacking(f"p{n}") for n in range(MOST_OFFERS + 3)]
    async with racer_of(keyless("a"), *others) as racer:
        offers = foresight(parts_of(racer)).offers([provider.name for provider in others], 99)
        assert len(offers) == MOST_OFFERS
