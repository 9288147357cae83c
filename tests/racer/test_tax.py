"""What racing costs and saves, through the real engine on virtual time: a race's tax, its rows, its bound."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from racer import DeadlineExceeded, RaceLost, Racer
from racer.config import Config
from racer.core.facts import LaneEnded, LaneStarted, RaceEnded
from racer.core.heat import Outcome
from racer.core.options import Defaults
from racer.core.provider import Limit, Model
from racer.core.tax import Tax
from racer.core.view import Why
from racer.testing import (
    EVERYTHING,
    Script,
    ScriptedTransport,
    answers,
    fails,
    hangs,
    provider_of,
    says,
    streams,
)
from racer_adapters.errors import Kind, WireError
from tests.racer.counting import Beside, Kept, Moved, Table, counting, database_of, table

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from racer.core.facts import Fact
    from racer.core.provider import Provider
    from racer.core.reply import Reply

pytestmark = pytest.mark.anyio

DAY = 86_400.0
IN_HAND = 20
RESET = WireError(Kind.RESET, "the connection broke")
TIME: Any = pytest.approx
QUIET = {"RACER_LOG": "off"}
NEAR = 0.25  # what is learned is known by bins of 19 %


def field(names: str = "abcd", **changes: Any) -> list[Provider]:
    """Asked in this order, whatever they have done."""
    rows = enumerate(names)
    return [replace(provider_of(name), priority=10 + at, **changes) for at, name in rows]


def after(**seconds: float) -> dict[str, Script]:
    return {name: says(f"{name}: hi", after=each) for name, each in seconds.items()}


async def learn(table: Table, *names: str, races: int = 30, **options: Any) -> None:
    """Each of them runs alone for a while."""
    for name in names:
        for _ in range(races):
            await table.racer.race("hi", only=name, **options)
    await anyio.sleep(1.0)
    table.facts.clear()


async def the_tax(table: Table) -> Tax:
    """Of the only race that was told of, as told and as written down."""
    (ended,) = table.of(RaceEnded)
    await anyio.sleep(1.0)
    tax: Tax = ended.tax
    columns = "ending, sent, extra_requests, extra_tokens, extra_usd, saved"
    for source, key in (("races", "id"), ("v_races", "race")):
        (row,) = await table.rows(f"{columns} FROM {source} WHERE {key} = '{ended.race}'")
        assert (ended.ending.value, tax.sent, tax.requests, tax.tokens, tax.usd, tax.saved) == row
    return tax


def tokens_of(table: Table, *names: str) -> int:
    """What these have used in all that was told of."""
    used = [fact.record.usage for fact in table.of(LaneEnded) if fact.lane.provider.name in names]
    return sum(usage.input_tokens + usage.output_tokens for usage in used if usage is not None)


# ---------------------------------------------------------------- one race


async def test_four_lanes() -> None:
    """One was needed, which takes four seconds; the second had won after one."""
    async with table(*field(), scripts=after(a=4.0, b=1.0, c=2.0, d=2.5)) as its:
        await learn(its, "a")
        await its.racer.race("hi")
        tax = await the_tax(its)

        assert (4, 3) == (tax.sent, tax.requests)
        assert tax.saved == TIME(3.0, rel=NEAR)
        assert tax.tokens == tokens_of(its, "b", "c", "d") > 0
        assert tax.usd == 0.0


async def test_the_first_would_have_done() -> None:
    """Three requests for nothing: the first in rank has won."""
    async with table(*field(), scripts=after(a=1.0, b=2.0, c=2.0, d=2.0)) as its:
        await its.racer.race("hi")
        tax = await the_tax(its)

        assert (4, 3, 0.0) == (tax.sent, tax.requests, tax.saved)


async def test_what_never_ran_alone_is_learned_from_its_losses() -> None:
    """The first is stopped at one second in every race: it is known to take longer, and not how long."""
    async with table(*field("ab"), scripts=after(a=4.0, b=1.0)) as its:
        for _ in range(50):
            await its.racer.race("hi")
        its.facts.clear()
        await its.racer.race("hi")

        assert 0.3 < (await the_tax(its)).saved < 5.0


async def test_failures_before_the_answer_are_needed() -> None:
    """One after the other: nothing was extra, and nothing saved."""
    scripts = {"a": fails(RESET, after=0.5), "b": answers(500, after=0.5), "c": says("hi", after=1.0)}
    async with table(*field("abc"), scripts=scripts) as its:
        await its.racer.race("hi", policy="one")
        assert Tax(sent=3) == replace(await the_tax(its), saved=0.0)
        assert (await the_tax(its)).saved == TIME(0.0, abs=1e-9)


async def test_failures_beside_the_answer_have_saved_their_time() -> None:
    """Two had to fail before the third was asked, alone; here they failed while it ran."""
    scripts = {"a": fails(RESET, after=0.5), "b": answers(500, after=0.75), **after(c=1.0, d=3.0)}
    async with table(*field(), scripts=scripts) as its:
        await its.racer.race("hi")
        tax = await the_tax(its)

        assert (4, 1) == (tax.sent, tax.requests)
        assert tax.saved == TIME(0.5 + 0.75 + 1.0 - 1.0)


async def test_one_hedge() -> None:
    """`frugal`: the first, which mostly takes a second, hangs; the second answers in its place."""
    often = [says("hi", after=1.0, token_after=0.5)] * 30
    async with table(*field("ab"), scripts={"a": [*often, hangs()], **after(b=1.0)}) as its:
        for _ in often:
            assert "a" == (await its.racer.race("hi", policy="frugal", prefer="a")).provider
        await anyio.sleep(1.0)
        its.facts.clear()
        reply = await its.racer.race("hi", policy="frugal", prefer="a")
        tax = await the_tax(its)

        assert (2, 1) == (tax.sent, tax.requests)
        hedge = its.of(LaneStarted)[1]
        assert (Why.LATE, TIME(0.5, rel=NEAR)) == (hedge.why, hedge.offset)
        assert TIME(reply.latency) == hedge.offset + 1.0
        # Nobody can know that it would have hung: it was at most as late as its timeout.
        assert 0.0 < tax.saved < 15.0


async def test_a_local_winner_is_no_tax() -> None:
    """The metered lane beside it was needed; what the local one saved is three seconds less one."""
    box = replace(provider_of("box"), local=True)
    async with table(box, *field("a"), scripts=after(a=3.0, box=1.0)) as its:
        await learn(its, "a")
        assert "box" == (await its.racer.race("hi")).provider
        tax = await the_tax(its)

        assert (1, 0, 0) == (tax.sent, tax.requests, tax.tokens)
        assert tax.saved == TIME(2.0, rel=NEAR)


async def test_a_local_lane_alone_is_free() -> None:
    """Nothing was sent that is counted."""
    async with table(replace(provider_of("box"), local=True)) as its:
        await its.racer.race("hi")
        assert Tax() == await the_tax(its)


@pytest.mark.parametrize(
    ("script", "extra"), [(fails(RESET, after=0.5), 0), (hangs(), 3)], ids=["all fail", "all hang"]
)
async def test_a_lost_race_saves_nothing(script: Script, extra: int) -> None:
    """Where all have failed, each was needed; of those that hang, one."""
    async with table(*field(), scripts=dict.fromkeys("abcd", script)) as its:
        with pytest.raises((RaceLost, DeadlineExceeded)):
            await its.racer.race("hi", deadline=5.0)
        tax = await the_tax(its)

        assert (4, extra, 0.0) == (tax.sent, tax.requests, tax.saved)


async def test_a_caller_who_leaves_has_spent_and_not_saved() -> None:
    """What was sent until then counts."""
    async with table(*field(), scripts=after(a=4.0, b=3.0, c=3.0, d=3.0)) as its:
        await learn(its, "a")
        with anyio.move_on_after(1.0):
            await its.racer.race("hi")
        (ended,) = its.of(RaceEnded)
        tax = await the_tax(its)

        assert ("aborted", 1.0) == (ended.ending, TIME(ended.latency))
        assert (4, 3, 0.0) == (tax.sent, tax.requests, tax.saved)
        assert [(0, 0)] == await its.rows("answers - 30, extra_requests - 3 FROM taxes")


async def test_rejected_replies_are_failures() -> None:
    """The first would have been turned down alone, too: then the second would have been asked."""

    def is_good(reply: Reply) -> bool:
        return not reply.text.startswith("a")

    async with table(*field(), scripts=after(a=1.0, b=2.0, c=4.0, d=4.0)) as its:
        await its.racer.race("hi", valid=is_good)
        tax = await the_tax(its)

        assert (4, 2) == (tax.sent, tax.requests)
        assert tax.saved == TIME(1.0 + 2.0 - 2.0)
        assert tax.tokens == tokens_of(its, "c", "d")


async def test_nobody_would_have_waited_longer_than_the_deadline() -> None:
    """What was saved is never more than the deadline less the race."""
    async with table(*field("ab"), scripts=after(a=14.0, b=1.0)) as its:
        await learn(its, "a")
        await its.racer.race("hi", deadline=3.0)

        assert (await the_tax(its)).saved == TIME(2.0)


async def test_money() -> None:
    """As the provider counts its tokens, at the list price of a model that is paid for."""
    paid = Model("m", can=EVERYTHING, price=(1.0, 2.0))
    a, *rest = field("abc")
    given = Limit("requests", 100, "day")
    providers = [a, replace(rest[0], models=(paid,)), replace(rest[1], models=(paid,), limits=(given,))]
    hundred = counting("hi", (100, 50), after=1.0)
    scripts = {"b": hundred, "c": counting("hi", (100, 50), after=0.5), "a": says("hi", after=2.0)}
    async with table(*providers, scripts=scripts) as its:
        await its.racer.race("hi", exclude="c")
        tax = await the_tax(its)
        assert (2, 1, 150) == (tax.sent, tax.requests, tax.tokens)
        assert tax.usd == TIME((100 * 1.0 + 50 * 2.0) / 1e6)
        its.facts.clear()

        await its.racer.race("hi", exclude="b")
        tax = await the_tax(its)
        assert (150, 0.0) == (tax.tokens, tax.usd)  # so many a day are given away


# ---------------------------------------------------------------- streams, and replies given again


async def test_an_early_leader() -> None:
    """The others are stopped at the first token; the race is as long as the leader's reply."""
    scripts = after(a=6.0) | {"b": streams(*"hello", after=0.5, gap=0.5), "c": hangs(), "d": hangs()}
    async with table(*field(), scripts=scripts) as its:
        await learn(its, "a")
        async with its.racer.stream("hi") as stream:
            assert "hello" == "".join([str(piece) async for piece in stream])
        (ended,) = its.of(RaceEnded)
        tax = await the_tax(its)

        assert (4, 3, TIME(2.5)) == (tax.sent, tax.requests, ended.latency)
        assert [TIME(0.5)] * 3 == [
            fact.record.latency for fact in its.of(LaneEnded) if fact.record.outcome is Outcome.LOST
        ]
        assert tax.saved == TIME(6.0 - 2.5, rel=NEAR)


async def test_a_stream_that_another_goes_on_with() -> None:
    """Who led and broke off was needed, and who was asked next; the two beside were stopped for the leader,
    and asked again when it broke."""
    scripts: dict[str, Script | Sequence[Script]] = {
        "a": streams("The sky is ", "blue because ", after=0.5, gap=0.5, breaks=RESET),
        "b": [hangs(), streams("The sky is blue because ", "of the air.", after=0.5, gap=0.5)],
        "c": hangs(),
        "d": hangs(),
    }
    async with table(*field(), scripts=scripts) as its:
        async with its.racer.stream("hi", resume=True) as stream:
            assert "The sky is blue because of the air." == "".join([str(piece) async for piece in stream])
        tax = await the_tax(its)
        starts = [(fact.lane.provider.name, fact.offset, fact.why) for fact in its.of(LaneStarted)]

        assert [("a", 0.0), ("b", 0.0), ("c", 0.0), ("d", 0.0)] == [start[:2] for start in starts[:4]]
        assert [("b", 1.5), ("c", 1.5), ("d", 1.5)] == [(name, TIME(at)) for name, at, _ in starts[4:]]
        assert [Why.REPLACES, Why.BESIDE, Why.BESIDE] == [why for *_, why in starts[4:]]
        # Alone: the first, and then whoever goes on, b: only c and d were extra, both times.
        assert (7, 5) == (tax.sent, tax.requests)
        assert 0.0 <= tax.saved < 5.0


async def test_a_reader_who_is_slow_saves_nothing_and_costs_nothing() -> None:
    """The one that leads is the first in rank: it had only to wait."""
    async with table(*field("ab"), scripts={"a": streams(*"hello", gap=0.1), **after(b=9.0)}) as its:
        async with its.racer.stream("hi") as stream:
            async for _ in stream:
                await anyio.sleep(2.0)
        tax = await the_tax(its)

        assert (2, 1, 0.0) == (tax.sent, tax.requests, tax.saved)


async def test_a_reply_given_again_has_no_tax() -> None:
    """No race, no row."""
    async with table(*field(), scripts=after(a=1.0, b=1.0, c=1.0, d=1.0)) as its:
        await its.racer.race("hi", cache=60)
        await the_tax(its)
        its.facts.clear()
        assert (await its.racer.race("hi", cache=60)).cached
        async with its.racer.stream("hi", cache=60) as stream:
            assert 1 == len([piece async for piece in stream])
        await anyio.sleep(1.0)

        assert [] == its.of(RaceEnded)
        assert [(1,)] == await its.rows("COUNT(*) FROM races")
        assert [(1, 1, 4, 3)] == await its.rows("races, answers, sent, extra_requests FROM v_tax")


async def test_the_day_is_the_sum_of_its_races() -> None:
    """By policy, in the table and in the view."""
    scripts: dict[str, Script] = {"a": fails(RESET, after=0.25), **after(b=1.0, c=2.0, d=2.0)}
    async with table(*field(), scripts=scripts) as its:
        for policy in ("all", "frugal", "one", "all", "frugal"):
            await its.racer.race("hi", policy=policy)
        with anyio.move_on_after(0.5):
            await its.racer.race("hi", policy="all")
        await anyio.sleep(1.0)
        sums = "COUNT(*), SUM(ending = 'won'), SUM(sent), SUM(extra_requests), SUM(extra_tokens), SUM(saved)"
        by_race = await its.rows(f"policy, {sums} FROM races GROUP BY policy ORDER BY policy")
        columns = "policy, races, answers, sent, extra_requests, extra_tokens, saved"
        for source in ("taxes", "v_tax"):
            assert by_race == [
                (*row[:-1], TIME(row[-1]))
                for row in await its.rows(f"{columns} FROM {source} ORDER BY policy")
            ]
        assert [("all", 3, 2), ("frugal", 2, 2), ("one", 1, 1)] == [row[:3] for row in by_race]


# ---------------------------------------------------------------- how much tax there may be


@asynccontextmanager
async def racing(
    *providers: Provider,
    scripts: Mapping[str, Script | Sequence[Script]] | None = None,
    store: Kept | None = None,
    **race: Any,
) -> AsyncGenerator[Table]:
    """A Racer with `race` as its section of the configuration. Everybody says "hi" in half a second."""
    hi = says("hi", after=0.5)
    transport = ScriptedTransport({each.name: hi for each in providers} | dict(scripts or {}))
    facts, moved, kept = list["Fact"](), Moved(), store or Kept()
    config = Config(race=Defaults(**race), providers=providers, env=QUIET)
    clocks = moved.timepiece()
    racer = Racer(config, transport=transport, observers=[facts.append], store=kept, timepiece=clocks)
    try:
        async with racer:
            yield Table(racer, transport, kept, facts, moved)
    finally:
        if store is None:
            await kept.end()


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


@pytest.mark.parametrize(
    ("max_tax", "at_once"), [(0.0, 10), (0.5, 1), (0.5, 10), (1.0, 1), (1.0, 20), (3.0, 1), (3.0, 20)]
)
async def test_the_tax_has_its_bound(max_tax: float, at_once: int) -> None:
    """Two hundred races by `all`, all answered; and what the bound leaves is used."""
    bill = Bill(max_tax)
    async with racing(*field("abcde"), max_tax=max_tax) as table:
        for _ in range(200 // at_once):
            async with anyio.create_task_group() as group:
                for _ in range(at_once):
                    group.start_soon(table.racer.race, "hi")
        bill.add(table.facts)

    assert (200, 200 + bill.extra) == (bill.answers, bill.sent)
    assert bill.extra >= min(max_tax, IN_HAND / at_once) * (200 - at_once)


async def test_all_races_at_once_share_one_bound() -> None:
    """Nothing has been answered when they begin: twenty extra requests for all of them."""
    bill = Bill(1.0)
    async with racing(*field("abcde"), max_tax=1.0) as table:
        async with anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(table.racer.race, "hi")
        assert IN_HAND + 200 == sum(fact.offset == 0 for fact in table.of(LaneStarted))
        bill.add(table.facts)
    assert bill.answers == 200


async def test_with_no_tax_who_failed_is_replaced() -> None:
    """One after the other, at once, and nobody beside."""
    refused = {"a": fails(RESET, after=0.25), "b": answers(500, after=0.25)}
    async with racing(*field("abcd"), scripts=refused, max_tax=0.0) as table:
        await table.racer.race("hi")

        starts = [(fact.lane.id, fact.offset, fact.why) for fact in table.of(LaneStarted)]
        assert [("a/m", 0.0, Why.FIRST), ("b/m", 0.25, Why.REPLACES), ("c/m", 0.5, Why.REPLACES)] == starts
        (ended,) = table.of(RaceEnded)
        assert (3, 0) == (ended.tax.sent, ended.tax.requests)


async def test_with_no_tax_a_local_lane_runs_beside() -> None:
    """It costs nothing, whoever of them comes first."""
    local = replace(provider_of("box"), local=True)
    for priority in (10, 90):
        async with racing(replace(local, priority=priority), *field(), max_tax=0.0) as table:
            await table.racer.race("hi")

            assert {"box": 0.0, "a": 0.0} == {
                fact.lane.provider.name: fact.offset for fact in table.of(LaneStarted)
            }


@pytest.mark.parametrize(("policy", "share", "slow"), [("all", 0.5, 2), ("frugal", 0.05, 15)])
async def test_who_replaces_an_extra_lane_is_extra_too(policy: Any, share: float, slow: int) -> None:
    """One lane alone says what the caller wants, now and then late; the others run beside it in vain."""

    def is_good(reply: Reply) -> bool:
        return reply.provider == "a"

    calls = [*[says("hi", after=0.2)] * (slow - 1), says("hi", after=8.0)]
    scripts = {"a": list(islice(cycle(calls), 500))}
    bill = Bill(share)
    async with racing(*field("abcde"), scripts=scripts, extra=share, max_tax=share) as table:
        for _ in range(10 * slow):
            await table.racer.race("hi", policy=policy, prefer="a", valid=is_good)
        bill.add(table.facts)


async def test_streams_keep_the_bound_too() -> None:
    """They are decided early, and cost as much."""
    bill = Bill(0.5)
    async with racing(*field("abcde"), max_tax=0.5) as table:
        for _ in range(60):
            async with table.racer.stream("hi") as stream:
                assert "hi" == "".join([str(piece) async for piece in stream])
        bill.add(table.facts)
    assert (60, 20 + 30) == (bill.answers, TIME(bill.extra, abs=1))


@pytest.mark.parametrize(
    ("extra", "max_tax"), [(0.25, None), (3.0, 0.5), (0.25, 3.0), (3.0, 0.0), (0.0, 3.0)]
)
async def test_frugal_keeps_both_bounds(extra: float, max_tax: float | None) -> None:
    """One call in eleven hangs for ten seconds, and is hedged where that is allowed."""
    calls = [*[says("hi", after=0.2)] * 10, says("hi", after=10.0)]
    often = {name: list(islice(cycle(calls), 500)) for name in "abcde"}
    bounds = [Bill(extra), Bill(3.0 if max_tax is None else max_tax)]
    async with racing(*field("abcde"), scripts=often, extra=extra, max_tax=max_tax) as table:
        for _ in range(100):
            await table.racer.race("hi", policy="frugal")
        for bill in bounds:
            bill.add(table.facts)
    assert (100, extra != 0.0 != max_tax) == (bounds[0].answers, bounds[0].extra > 0)


# ---------------------------------------------------------------- a program for each question


@pytest.mark.parametrize("policy", ["all", "frugal"])
async def test_a_program_begins_where_the_last_one_stopped(policy: Any) -> None:
    """What all of them have in hand is used up once, by however many programs."""
    late = {name: says("hi", after=10.0) for name in "abcde"}
    kept, bill = Kept(), Bill(0.25)
    for number in range(60):
        store = Beside(kept) if number else kept
        async with racing(*field("abcde"), scripts=late, store=store, max_tax=0.25) as table:
            await anyio.sleep(1.0)
            await table.racer.race("hi", policy=policy)
        bill.add(table.facts)
    assert bill.answers == 60
    assert policy == "frugal" or bill.extra >= IN_HAND
    await kept.end()


async def test_a_program_that_asks_at_once_begins_there_too() -> None:
    """`racer ask`, again and again: its one race starts in the moment in which the program does."""
    kept, bill = Kept(), Bill(0.25)
    for number in range(60):
        store = Beside(kept) if number else kept
        async with racing(*field("abcde"), store=store, max_tax=0.25) as table:
            await table.racer.race("hi")
        bill.add(table.facts)
    await kept.end()


async def test_a_program_that_asks_at_once_knows_who_is_fast() -> None:
    """What another has learned holds for its first race."""
    kept, scripts = Kept(), after(a=5.0, b=0.5)
    async with racing(*field("ab"), scripts=scripts, store=kept) as table:
        await learn(table, "a", "b")
    async with racing(*field("ab"), scripts=scripts, store=Beside(kept)) as table:
        assert "b" == (await table.racer.race("hi", policy="frugal", lanes=1)).provider
    await kept.end()


async def test_a_racer_that_is_opened_again_goes_on() -> None:
    """What it has spent itself is not taken off twice."""
    kept, facts = Kept(), list["Fact"]()
    await database_of(kept).open()
    config = Config(race=Defaults(max_tax=0.5), providers=tuple(field("abcde")))
    transport = ScriptedTransport({name: says("hi", after=0.5) for name in "abcde"})
    racer = Racer(
        config,
        transport=transport,
        observers=[facts.append],
        store=Beside(kept),
        timepiece=Moved().timepiece(),
    )
    for _ in range(2):
        async with racer:
            await anyio.sleep(1.0)
            for _ in range(3):
                await racer.race("hi")
    await kept.end()
    assert 6 * [3] == [fact.tax.requests for fact in facts if isinstance(fact, RaceEnded)]
