"""The ledger in a race: what is counted of each call, and that no limit is ever overrun."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import anyio
import pytest

from racer import NoLanes, Racer
from racer.core.provider import Account, Limit, Model
from racer.testing import ScriptedTransport, answers, fails, hangs, says
from racer_adapters.errors import Kind, WireError
from racer_adapters.secret import Secret
from tests.racer.counting import DAILY, DAY, START, Beside, busiest, counting, crowd, limited, table, tried

if TYPE_CHECKING:
    from tests.racer.counting import Table

pytestmark = pytest.mark.anyio

MINUTE = Limit("requests", 5, "minute")
TOKENS = Limit("tokens", 1000, "minute")


async def used(table_: Table, unit: str = "requests") -> float:
    """What counts of all slots, once everything is told."""
    await anyio.sleep(1)
    select = f"SUM(used) FROM slots JOIN meters ON id = meter WHERE unit = '{unit}'"
    return float((await table_.rows(select))[0][0] or 0.0)


# ---------------------------------------------------------------- never more than allowed


LIMITS = [
    (DAILY,),
    (MINUTE,),
    (DAILY, replace(DAILY, amount=1000), Limit("requests", 7, "hour"), TOKENS),
    (Limit("tokens", 60, "minute"),),
    (Limit("tokens", 60, "minute"), replace(DAILY, amount=1000)),
    (Limit("requests", 5, "once"),),
    (Limit("requests", 5, "rolling 5h"),),
]


@pytest.mark.parametrize("limits", LIMITS, ids=lambda limits: "+".join(f"{x.unit}/{x.per}" for x in limits))
async def test_two_hundred_races_at_once(limits: tuple[Limit, ...]) -> None:
    """On a limit of five calls five start, whatever windows there are; the others are told NoLanes."""
    async with table(limited("a", *limits), scripts={"a": counting("hi", (5, 7), after=0.5)}) as all_:
        ends = await crowd(all_.racer, 200, max_tokens=7)

        assert ends == {"Reply": 5, "NoLanes": 195}
        assert 5 == len(all_.sent())


@pytest.mark.parametrize("limits", LIMITS[:2] + LIMITS[3:], ids=lambda limits: limits[0].per)
async def test_one_race_after_the_other(limits: tuple[Limit, ...]) -> None:
    """Of twenty races in a row five start."""
    async with table(limited("a", *limits), scripts={"a": counting("hi", (5, 7))}) as all_:
        ends = [type(await tried(all_.racer, max_tokens=7)).__name__ for _ in range(20)]

        assert ends == ["Reply"] * 5 + ["NoLanes"] * 15


async def test_failovers_count_too() -> None:
    """A lane that fails and is replaced has used up its request."""
    providers = limited("a", DAILY), limited("b", replace(DAILY, amount=3))
    async with table(*providers, scripts={"a": answers(500, b"oops")}) as all_:
        ends = await crowd(all_.racer, 100, policy="one")

        assert (5, 3) == (len(all_.sent("a")), len(all_.sent("b")))
        assert 3 == ends["Reply"]


async def test_over_days_of_use_no_window_overflows() -> None:
    """A race every few minutes for three days: the day's limit and the rolling one hold in each stretch."""
    limits = replace(DAILY, amount=50), Limit("requests", 4, "rolling 2h")
    async with table(limited("a", *limits)) as all_:
        for _ in range(3 * 144):
            await tried(all_.racer)
            await anyio.sleep(600)
        days = [int((START + at) // DAY) for at in all_.sent()]

        assert 4 == busiest(all_.sent(), 7200.0)
        assert 50 >= max(days.count(day) for day in days)
        assert 0.95 * 48 * 2 <= len(all_.sent()) - 30


async def test_all_windows_or_none() -> None:
    """A call that finds no room in one window takes nothing of the others."""
    async with table(limited("a", replace(DAILY, amount=100), Limit("tokens", 50, "minute"))) as all_:
        with pytest.raises(NoLanes, match="too large"):
            await all_.racer.race("hi", max_tokens=500)

        assert 0.0 == await used(all_)
        assert [] == all_.sent()


# ---------------------------------------------------------------- what a call takes


async def test_a_refused_connection_gives_the_request_back() -> None:
    """Nothing was sent, so nothing counts."""
    refused = fails(WireError(Kind.CONNECT, "connection refused"))
    async with table(limited("a", DAILY, TOKENS), scripts={"a": refused}) as all_:
        await tried(all_.racer)

        assert (0.0, 0.0) == (await used(all_), await used(all_, "tokens"))


async def test_a_refusal_counts_as_a_request_without_tokens() -> None:
    """A 4xx was sent and read, but no model has worked on it."""
    async with table(limited("a", DAILY, TOKENS), scripts={"a": answers(400, b"{}")}) as all_:
        await tried(all_.racer, max_tokens=100)

        assert (1.0, 0.0) == (await used(all_), await used(all_, "tokens"))


@pytest.mark.parametrize(("refunds", "tokens"), [(False, 5 + 1), (True, 0)])
async def test_a_cancelled_loser_counts_as_sent(refunds: bool, tokens: int) -> None:
    """With the tokens of the prompt and of what had arrived; with none where its provider refunds them."""
    slow = limited("slow", DAILY, TOKENS, cancel_refunds=refunds)
    scripts = {"fast": says("hi", after=1.0), "slow": says("x" * 99, after=9.0, token_after=0.5)}
    async with table(limited("fast"), slow, scripts=scripts) as all_:
        reply = await all_.racer.race("hi", max_tokens=100, lanes=2)

        assert "fast" == reply.provider
        assert (1.0, float(tokens)) == (await used(all_), await used(all_, "tokens"))


async def test_a_loser_that_had_said_nothing_counts_its_prompt() -> None:
    """It was sent: a request, and the tokens of the question."""
    scripts = {"fast": says("hi", after=1.0), "slow": hangs()}
    async with table(limited("fast"), limited("slow", DAILY, TOKENS), scripts=scripts) as all_:
        await all_.racer.race("hi", max_tokens=100, lanes=2)

        assert (1.0, 5.0) == (await used(all_), await used(all_, "tokens"))


@pytest.mark.parametrize("tokens", [(3, 4), (30, 400)])
async def test_reported_usage_takes_the_place_of_the_estimate(tokens: tuple[int, int]) -> None:
    """Less than was thought frees the rest, more is counted, too."""
    async with table(limited("a", TOKENS), scripts={"a": counting("hi", tokens)}) as all_:
        await all_.racer.race("hi", max_tokens=100)

        assert sum(tokens) == await used(all_, "tokens")


async def test_without_max_tokens_the_learned_length_is_reserved() -> None:
    """A model that has not been asked is taken to answer at length; one that is known by what it has said."""
    limit = Limit("tokens", 3000, "minute")
    async with table(limited("a", limit), scripts={"a": counting("hi", (5, 7), after=1)}) as all_:
        new = await crowd(all_.racer, 20)
        for _ in range(100):
            await all_.racer.race("hi", wait=50)
        await anyio.sleep(120)
        known = await crowd(all_.racer, 20)

        assert {"Reply": 2, "NoLanes": 18} == new
        assert {"Reply": 20} == known


# ---------------------------------------------------------------- other kinds of limits


async def test_never_more_calls_in_flight_than_allowed() -> None:
    """`parallel` of an account holds for all races together, and a place is free again when a call ends."""
    async with table(limited("a", parallel=3), scripts={"a": says("hi", after=1.0)}) as all_:
        ends = await crowd(all_.racer, 30, wait=20)
        open_, most = 0, 0
        for _, event, _ in all_.transport.log:
            open_ += 1 if event == "sent" else -1
            most = max(most, open_)

        assert {"Reply": 30} == ends
        assert 3 == most


async def test_two_calls_keep_their_distance() -> None:
    """`min_interval` seconds at least, however many races there are."""
    async with table(limited("a", min_interval=2.0)) as all_:
        assert {"Reply": 5} == await crowd(all_.racer, 5, wait=30)

        instants = all_.sent()
        assert all(later - one >= 2.0 for one, later in pairwise(instants))
        assert 12.0 > instants[-1] - instants[0]


async def test_keys_of_one_pool_share_their_limit() -> None:
    """Two keys of one organisation are one account."""
    accounts = tuple(Account(f"a:{key}", Secret(f"secret-{key}"), pool="org") for key in "AB")
    async with table(limited("a", replace(DAILY, scope="org"), accounts=accounts)) as all_:
        assert {"Reply": 5, "NoLanes": 15} == await crowd(all_.racer, 20)


async def test_keys_without_a_pool_have_a_limit_each() -> None:
    """What is left of the one is asked when the other is used up."""
    accounts = tuple(Account(f"a:{key}", Secret(f"secret-{key}")) for key in "AB")
    async with table(limited("a", DAILY, accounts=accounts)) as all_:
        assert {"Reply": 10, "NoLanes": 10} == await crowd(all_.racer, 20, lanes=1)


async def test_a_limit_of_the_model_is_each_models_own() -> None:
    """Two models of one account have five calls each."""
    limit = replace(DAILY, scope="model")
    async with table(limited("a", limit, models=("m", "n"))) as all_:
        assert {"Reply": 10, "NoLanes": 10} == await crowd(all_.racer, 20, lanes=1)


async def test_a_models_own_limit() -> None:
    """It is counted beside that of the account."""
    model = Model("m", limits=(replace(DAILY, amount=2, scope="model"),))
    async with table(replace(limited("a", Limit("requests", 3, "hour")), models=(model,))) as all_:
        assert {"Reply": 2, "NoLanes": 8} == await crowd(all_.racer, 10)


async def test_what_expires_is_gone_then() -> None:
    """A credit that ends on a day is used before it, and not from it on."""
    credit = Limit("requests", 5, "once", expires="2027-01-17")
    async with table(limited("a", credit)) as all_:
        assert {"Reply": 2} == await crowd(all_.racer, 2)
        await anyio.sleep(40 * 3600)

        assert {"NoLanes": 2} == await crowd(all_.racer, 2)


# ---------------------------------------------------------------- what a caller is told


async def test_used_up_says_until_when() -> None:
    """The limit, the instant of its reset in unix seconds, and what would help."""
    async with table(limited("a", DAILY)) as all_:
        await crowd(all_.racer, 5)
        with pytest.raises(NoLanes, match=r"used up: 5 requests a day") as caught:
            await all_.racer.race("hi")

        assert caught.value.until == pytest.approx(START + 16 * 3600, abs=1e-3)
        assert "another provider" in caught.value.help


async def test_too_large_is_said() -> None:
    """A call that is larger than the limit never fits: NoLanes gives both numbers, and no instant."""
    async with table(limited("a", Limit("tokens", 100, "day"))) as all_:
        with pytest.raises(NoLanes, match=r"too large: about 505 tokens, and its limit is 100") as caught:
            await all_.racer.race("hi", max_tokens=500)

        assert caught.value.until is None
        assert "max_tokens" in caught.value.help


async def test_waiting_for_the_reset() -> None:
    """A race that may wait starts when the window opens."""
    async with table(limited("a", MINUTE)) as all_:
        await crowd(all_.racer, 5)
        reply = await all_.racer.race("hi", wait=90, deadline=100)

        assert "hi" == reply.text
        assert 60.0 <= all_.sent()[-1] <= 63.0


async def test_waiting_all_together() -> None:
    """Fifty races that wait on five a minute take nine minutes, and never overrun one."""
    async with table(limited("a", MINUTE)) as all_:
        ends = await crowd(all_.racer, 50, wait=3000, deadline=3600)

        assert {"Reply": 50} == ends
        assert 5 == busiest(all_.sent(), 60.0)
        assert all_.sent()[-1] < 10 * 62


async def test_the_next_lane_runs_where_the_first_is_used_up() -> None:
    """A limit takes a lane out of the race, not the race out of the world."""
    first, second = limited("a", DAILY, priority=1), limited("b", priority=9)
    async with table(first, second) as all_:
        winners = [(await all_.racer.race("hi", policy="one")).provider for _ in range(8)]

        assert ["a"] * 5 + ["b"] * 3 == winners


async def test_what_waits_for_a_lease_loses_no_time() -> None:
    """The first race of a program asks for its lease and starts in the same instant."""
    async with table(limited("a", DAILY)) as all_:
        await all_.racer.race("hi")

        assert [0.0] == all_.sent()


async def test_what_a_call_did_not_take_is_there_for_the_next() -> None:
    """A limit that holds one estimate carries call after call, each as soon as the one before has ended."""
    async with table(
        limited("a", Limit("tokens", 1500, "minute")), scripts={"a": counting("hi", (5, 7), after=0.1)}
    ) as all_:
        for _ in range(20):
            await all_.racer.race("hi")

        assert 20 == len(all_.sent())


async def test_a_lane_that_waits_for_its_turn_is_not_asked_about_again_and_again() -> None:
    """One at a time: while the first runs, the second's quota is not known yet, and nothing spins for it."""
    providers = limited("a", priority=1), limited("b", DAILY, priority=9)
    async with table(*providers, scripts={"a": answers(500, b"oops", after=5.0)}) as all_:
        reply = await all_.racer.race("hi", policy="one", wait=30)

        assert "b" == reply.provider
        assert [5.0] == all_.sent("b")


# ---------------------------------------------------------------- several processes


async def test_racers_that_share_a_store_never_overrun_it_together() -> None:
    """Four of them with fifty races each, on one database: what is leased to one is not had by another."""
    async with table(limited("a", DAILY, replace(DAILY, amount=40, per="week", unit="tokens"))) as first:
        ends, sent = Counter(await crowd(first.racer, 1, max_tokens=3)), 1
        transport = ScriptedTransport({"a": counting("hi", (5, 3))})
        async with AsyncExitStack() as exits, anyio.create_task_group() as group:
            for _ in range(4):
                racer = Racer(
                    first.racer.config,
                    transport=transport,
                    store=Beside(first.store),
                    timepiece=first.moved.timepiece(),
                )
                await exits.enter_async_context(racer)
                group.start_soon(_many, racer, ends)
            await anyio.sleep(100)
        sent += sum(event == "sent" for _, event, _ in transport.log)

        assert 5 == sent == ends["Reply"]


async def _many(racer: Racer, ends: Counter[str]) -> None:
    for _ in range(10):
        ends.update(await crowd(racer, 5, max_tokens=3))
        await anyio.sleep(0.7)


async def test_calls_in_flight_are_counted_across_racers() -> None:
    """`parallel` is the account's, whoever calls."""
    script = {"a": says("hi", after=1.0)}
    async with table(limited("a", parallel=3), scripts=script) as first:
        clocks = first.moved.timepiece()
        second = Racer(
            first.racer.config, transport=first.transport, store=Beside(first.store), timepiece=clocks
        )
        ends: Counter[str] = Counter()
        async with second, anyio.create_task_group() as group:
            for racer in (first.racer, second):
                group.start_soon(_waiting, racer, ends)
        open_, most = 0, 0
        for _, event, _ in first.transport.log:
            open_ += 1 if event == "sent" else -1
            most = max(most, open_)

        assert {"Reply": 30} == ends
        assert 3 == most


async def _waiting(racer: Racer, ends: Counter[str]) -> None:
    ends.update(await crowd(racer, 15, wait=50))
