"""What a race leaves to others, through the real engine on virtual time: the last of a limit, and the tax."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest

from racer import ConfigError, Racer
from racer.config import Config, load
from racer.core.facts import LaneStarted, RaceEnded
from racer.core.options import Defaults
from racer.core.provider import Limit, Model
from racer.core.view import Why
from racer.errors import DeadlineExceeded, RaceLost
from racer.testing import EVERYTHING, Script, ScriptedTransport, answers, fails, provider_of, says
from racer_adapters.errors import Kind, WireError
from tests.racer.counting import START, Beside, Kept, Moved, Table, counting, limited, tried

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

    from racer.core.facts import Fact
    from racer.core.provider import Provider
    from racer.core.reply import Reply

pytestmark = pytest.mark.anyio

HOUR = 3600.0
IN_HAND = 20
A_DAY = Limit("requests", 20, "day", reset="00:00 UTC")
RESET = WireError(Kind.RESET, "the connection broke")
TIME = pytest.approx


@asynccontextmanager
async def racing(
    *providers: Provider,
    scripts: Mapping[str, Script | Sequence[Script]] | None = None,
    store: Kept | None = None,
    moved: Moved | None = None,
    **race: Any,
) -> AsyncGenerator[Table]:
    """A Racer with `race` as its section of the configuration. Everybody says "hi" in half a second."""
    hi = says("hi", after=0.5)
    transport = ScriptedTransport({each.name: hi for each in providers} | dict(scripts or {}))
    facts, moved, kept = list["Fact"](), moved or Moved(), store or Kept()
    config = Config(race=Defaults(**race), providers=providers)
    racer = Racer(
        config, transport=transport, observers=[facts.append], store=kept, timepiece=moved.timepiece()
    )
    try:
        async with racer:
            yield Table(racer, transport, kept, facts, moved)
    finally:
        if store is None:
            await kept.end()


def others(names: str = "bcde", **changes: Any) -> list[Provider]:
    return [replace(provider_of(name), **changes) for name in names]


def first(*limits: Limit, **changes: Any) -> Provider:
    """The one that is asked first, as far as its limits go."""
    return limited("a", *limits, priority=10, **changes)


def started(table: Table) -> list[str]:
    """Who has started, and nobody of it is told again."""
    names = [fact.lane.id.replace("/m", "") for fact in table.of(LaneStarted)]
    table.facts.clear()
    return names


async def spend(table: Table, calls: int, only: str = "a", **options: Any) -> None:
    for _ in range(calls):
        await table.racer.race("hi", only=only, **options)
    table.facts.clear()


async def raced(table: Table, **options: Any) -> list[str]:
    """Who was asked in one race by `all`."""
    await table.racer.race("hi", **options)
    return started(table)


# ---------------------------------------------------------------- the last of a limit


@pytest.mark.parametrize(
    "limit",
    [A_DAY, Limit("requests", 20, "minute"), Limit("requests", 20, "once"), Limit("requests", 20, "day")],
    ids=["a day", "a minute", "once", "any day"],
)
async def test_the_last_tenth_is_spared(limit: Limit) -> None:
    """Three of twenty are left: one more may go, and then others have its place."""
    async with racing(first(limit), *others()) as table:
        await spend(table, 17)

        assert ["a", "b", "c", "d"] == await raced(table)
        for _ in range(5):
            assert "a" not in await raced(table)


async def test_the_last_tokens_are_spared() -> None:
    """What the call itself may take counts: its prompt, and the answer that it bounds."""
    day = Limit("tokens", 10_000, "day", reset="00:00 UTC")
    script = counting("hi", (8_000, 850), after=0.5)
    async with racing(first(day), *others(), scripts={"a": script}) as table:
        await spend(table, 1, max_tokens=100)

        assert "a" in await raced(table, max_tokens=100)
    async with racing(first(day), *others(), scripts={"a": script}) as table:
        await spend(table, 1, max_tokens=100)

        assert "a" not in await raced(table, max_tokens=200)


async def test_what_is_on_pace_is_not_spared() -> None:
    """An hour before its day ends the rest may go; and credits that expire tomorrow."""
    expiring = Limit("requests", 20, "once", expires="2027-01-16")
    for limit, wall in ((A_DAY, START + 15 * HOUR), (expiring, START)):
        async with racing(first(limit), *others(), moved=Moved(wall)) as table:
            await spend(table, 18)

            assert "a" in await raced(table)
            assert "a" in await raced(table)


async def test_wishes_come_first() -> None:
    """Whom the caller prefers, whose task it is, and whom alone he wants."""
    fast = Model("m", tags=frozenset({"fast"}), can=EVERYTHING)
    for wish in ({"prefer": "a"}, {"task": "fast"}, {"only": "a"}, {"only": ["a", "b"]}):
        async with racing(first(A_DAY, models=(fast,)), *others()) as table:
            await spend(table, 18)

            assert "a" == (await raced(table, **cast("dict[str, Any]", wish)))[0]
        # Among those who are wished for alike, it is spared.
    async with racing(first(A_DAY), *others()) as table:
        await spend(table, 18)

        assert "a" not in await raced(table, only=["a", "b", "c", "d", "e"])
        assert "a" not in await raced(table, prefer=["openai", "a"][:0] or None)


async def test_it_is_for_races_that_find_nobody_else() -> None:
    """Where there is room for all, and in the place of one that has failed when no other is left."""
    async with racing(first(A_DAY), *others("bcd")) as table:
        await spend(table, 18)
        assert ["a", "b", "c", "d"] == sorted(await raced(table))
    async with racing(first(A_DAY), *others(), scripts={"b": fails(RESET, after=0.1)}) as table:
        await spend(table, 18)
        await table.racer.race("hi")
        *_, last = table.of(LaneStarted)
        assert ("a/m", TIME(0.1), Why.REPLACES) == (last.lane.id, last.offset, last.why)


async def test_manners_can_be_switched_off() -> None:
    """`spare_last = false`: the first is the first to the end."""
    async with racing(first(A_DAY), *others(), spare_last=False) as table:
        await spend(table, 17)
        for _ in range(3):
            assert "a" == (await raced(table))[0]
        assert "a" not in await raced(table)


async def test_another_limit_that_is_ample_does_not_help() -> None:
    """The dearest counts: a minute with room, and a day without."""
    async with racing(first(A_DAY, Limit("requests", 1000, "minute")), *others()) as table:
        await spend(table, 18)

        assert "a" not in await raced(table)


async def test_a_new_window_is_nobodys_last() -> None:
    """At midnight it goes first again."""
    async with racing(first(A_DAY), *others()) as table:
        await spend(table, 18)
        assert "a" not in await raced(table)
        await anyio.sleep(17 * HOUR)
        assert "a" == (await raced(table))[0]


async def test_one_key_is_spared_and_the_other_is_not() -> None:
    """Each account has its own limit; a second lane of a provider comes behind all the same."""
    keys = provider_of("a", keys=("one", "two"))
    for turns, most in ((1, 1), (2, 1)):
        async with racing(
            replace(keys, limits=(A_DAY,), priority=10), *others(), per_provider=turns
        ) as table:
            await spend(table, 18, "a/m@one")
            names = await raced(table)
            assert ("a@two", most) == (names[0], sum(name.startswith("a") for name in names))

            await spend(table, 17, "a/m@two")
            assert not any(name.startswith("a") for name in await raced(table))


async def test_a_turn_goes_before_manners() -> None:
    """A second lane of a provider is not asked to spare the last of another, whatever that one has left."""
    several = provider_of("b", "m", "n", "o")
    async with racing(first(A_DAY), several) as table:
        await spend(table, 18)

        assert ["b", "a"] == (await raced(table, lanes=2))


async def test_four_races_at_once_take_no_more_than_one() -> None:
    """What one has taken counts for the next, in the same instant."""
    async with racing(first(A_DAY), *others()) as table:
        await spend(table, 17)
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(table.racer.race, "hi")

        assert {"a": 1, "b": 4, "c": 4, "d": 4, "e": 3} == Counter(started(table))


async def test_a_program_that_begins_knows_what_is_the_last() -> None:
    """It asks for its quota, hears what is left of it, and leaves it alone."""
    kept = Kept()
    async with racing(first(A_DAY), *others(), store=kept) as table:
        await spend(table, 18)
    async with racing(first(A_DAY), *others(), store=Beside(kept)) as table:
        assert "a" not in await raced(table)
    await kept.end()


async def test_when_all_are_at_their_last_the_order_is_the_old_one() -> None:
    """Nobody is on pace: manners help nobody."""
    late = [limited(name, A_DAY, priority=20 + at) for at, name in enumerate("bcde")]
    async with racing(first(A_DAY), *late) as table:
        for name in "abcde":
            await spend(table, 18, name)

        assert ["a", "b", "c", "d"] == await raced(table)


# ---------------------------------------------------------------- how much tax there may be


class Bill:
    """Extra requests and answers of all races, checked at each end."""

    def __init__(self, max_tax: float, in_hand: float = IN_HAND) -> None:
        self.share, self.in_hand = max_tax, in_hand if max_tax else 0
        self.extra = self.sent = self.answers = 0

    def add(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if isinstance(fact, RaceEnded):
                self.extra += fact.tax.requests
                self.sent += fact.tax.sent
                self.answers += fact.winner is not None
                assert self.extra <= self.in_hand + self.share * self.answers


@pytest.mark.parametrize("at_once", [1, 10])
@pytest.mark.parametrize("max_tax", [0.0, 0.5, 1.0, 3.0])
async def test_the_tax_has_its_bound(max_tax: float, at_once: int) -> None:
    """Two hundred races by `all`, all answered; and what the bound leaves is used."""
    bill = Bill(max_tax)
    async with racing(*others("abcde"), max_tax=max_tax) as table:
        for _ in range(200 // at_once):
            async with anyio.create_task_group() as group:
                for _ in range(at_once):
                    group.start_soon(table.racer.race, "hi")
        bill.add(table.facts)

    assert (200, 200 + bill.extra) == (bill.answers, bill.sent)
    assert bill.extra >= min(3.0, max_tax) * (200 - at_once)


async def test_all_races_at_once_share_one_bound() -> None:
    """Nothing has been answered when they begin: twenty extra requests for all of them."""
    bill = Bill(1.0)
    async with racing(*others("abcde"), max_tax=1.0) as table:
        async with anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(table.racer.race, "hi")
        assert IN_HAND + 200 == sum(fact.offset == 0 for fact in table.of(LaneStarted))
        bill.add(table.facts)
    assert bill.answers == 200


async def test_with_no_tax_who_failed_is_replaced() -> None:
    """One after the other, at once, and nobody beside."""
    refused = {"a": fails(RESET, after=0.25), "b": answers(500, after=0.25)}
    async with racing(*others("abcd"), scripts=refused, max_tax=0.0) as table:
        await table.racer.race("hi")

        starts = [(fact.lane.id, fact.offset, fact.why) for fact in table.of(LaneStarted)]
        assert [("a/m", 0.0, Why.FIRST), ("b/m", 0.25, Why.REPLACES), ("c/m", 0.5, Why.REPLACES)] == starts
        (ended,) = table.of(RaceEnded)
        assert (3, 0) == (ended.tax.sent, ended.tax.requests)


async def test_with_no_tax_a_local_lane_runs_beside() -> None:
    """It costs nothing, whoever of them comes first."""
    local = replace(provider_of("box"), local=True)
    for priority in (10, 90):
        async with racing(replace(local, priority=priority), *others(), max_tax=0.0) as table:
            assert ["box", "b"] == await raced(table)


@pytest.mark.parametrize("policy", ["all", "frugal"])
async def test_rejected_replies_do_not_break_the_bound(policy: str) -> None:
    """Who has started beside another, and is replaced, is as much of a tax as the one in whose place."""
    slow = says("good", after=8.0)
    bill, extra = Bill(0.5), Bill(0.25)

    def is_good(reply: Reply) -> bool:
        return reply.text == "good"

    async with racing(first(), *others(), scripts={"a": slow}, max_tax=0.5) as table:
        for _ in range(100):
            await table.racer.race("hi", policy=policy, prefer="a", valid=is_good)
        (bill if policy == "all" else extra).add(table.facts)


@pytest.mark.parametrize(
    ("extra", "max_tax"), [(0.25, None), (3.0, 0.5), (0.25, 3.0), (3.0, 0.0), (0.0, 3.0)]
)
async def test_frugal_keeps_both_bounds(extra: float, max_tax: float | None) -> None:
    """Every other call hangs for ten seconds, so that more would be hedged."""
    scripts = [says("hi", after=0.2), says("hi", after=10.0)]
    often = {name: list(islice(cycle(scripts), 500)) for name in "abcde"}
    bounds = [Bill(extra), Bill(3.0 if max_tax is None else max_tax)]
    async with racing(*others("abcde"), scripts=often, extra=extra, max_tax=max_tax) as table:
        for _ in range(200):
            await table.racer.race("hi", policy="frugal")
        for bill in bounds:
            bill.add(table.facts)
    assert bounds[0].answers == 200


# ---------------------------------------------------------------- a program for each question


@pytest.mark.parametrize("policy", ["all", "frugal"])
async def test_a_program_begins_where_the_last_one_stopped(policy: str) -> None:
    """What all of today had in hand is used up once, by however many programs."""
    late = {name: says("hi", after=20.0) for name in "abcde"}
    kept, bill = Kept(), Bill(0.25)
    for number in range(60):
        store = Beside(kept) if number else kept
        async with racing(*others("abcde"), scripts=late, store=store, max_tax=0.25) as table:
            await anyio.sleep(1.0)
            await table.racer.race("hi", policy=policy)
        bill.add(table.facts)
    assert bill.answers == 60
    assert bill.extra >= IN_HAND

    await anyio.sleep(24 * HOUR)
    async with racing(*others("abcde"), scripts=late, store=Beside(kept), max_tax=0.25) as table:
        await anyio.sleep(1.0)
        assert 4 == len(await raced(table))
    await kept.end()


async def test_a_program_that_asks_at_once_begins_there_too() -> None:
    """`racer ask`, again and again: its one race starts in the moment in which the program does."""
    kept, bill = Kept(), Bill(0.25)
    for number in range(60):
        store = Beside(kept) if number else kept
        async with racing(*others("abcde"), store=store, max_tax=0.25) as table:
            await table.racer.race("hi")
        bill.add(table.facts)
    await kept.end()


async def test_a_racer_that_is_opened_again_goes_on() -> None:
    """What it has spent itself is not taken off twice."""
    kept = Kept()
    config = Config(race=Defaults(max_tax=0.5), providers=tuple(others("abcde")))
    facts: list[Fact] = []
    transport = ScriptedTransport({name: says("hi", after=0.5) for name in "abcde"})
    racer = Racer(config, transport=transport, observers=[facts.append], timepiece=Moved().timepiece())
    for _ in range(2):
        async with racer:
            for _ in range(4):
                await racer.race("hi")
    await kept.end()
    assert 8 * 3 == sum(fact.tax.requests for fact in facts if isinstance(fact, RaceEnded))
