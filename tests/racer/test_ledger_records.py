"""What the ledger writes down: every attempt once, and no disk between a race's start and its end."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer import Racer, RacerError
from racer.core.facts import LaneEnded, LaneStarted, StoreTroubled
from racer.core.provider import Limit
from racer.testing import Script, Step, answers, config_of, fails, hangs, says
from racer_adapters.errors import Kind, WireError
from tests.racer.counting import DAILY, Beside, crowd, database_of, ledger_of, limited, table, tried

if TYPE_CHECKING:
    import sqlite3

    from racer.core.facts import Fact
    from tests.racer.counting import Table

pytestmark = pytest.mark.anyio

TIMES = st.sampled_from([0.0, 0.1, 0.25, 1.0, 3.0])


def slow(at: float) -> Script:
    return says("hello there", after=at + 1.0, token_after=at)


def broken(at: float) -> Script:
    return Script((Step(at, b"data: {"), Step(1.0, WireError(Kind.RESET, "reset"))))


SCRIPTS = st.one_of(
    TIMES.map(lambda at: says("hello there", after=at)),
    TIMES.map(slow),
    TIMES.map(lambda at: answers(500, b"oops", after=at)),
    TIMES.map(lambda at: answers(429, b"{}", after=at)),
    TIMES.map(lambda at: fails(WireError(Kind.CONNECT, "refused"), after=at)),
    TIMES.map(broken),
    st.just(hangs()),
)
RACES = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(["all", "one"]), TIMES, st.sampled_from([2.0, 60.0])),
    min_size=1,
    max_size=6,
)


@given(st.lists(SCRIPTS, min_size=3, max_size=3), RACES, st.sampled_from([None, 0.0, 0.3, 2.0]))
async def test_every_attempt_is_written_once(
    scripts: list[Script], races: list[tuple[int, str, float, float]], cancelled: float | None
) -> None:
    """Whatever happens to lanes, races and their callers: one row each, with its end, and sums that agree."""
    names = "abc"
    providers = [limited(name, replace(DAILY, amount=9)) for name in names]
    async with table(*providers, scripts=dict(zip(names, scripts, strict=True))) as all_:
        async with anyio.create_task_group() as group:
            for lanes, policy, after, deadline in races:
                group.start_soon(_one, all_.racer, lanes, policy, deadline)
                await anyio.sleep(after)
            if cancelled is not None:
                await anyio.sleep(cancelled)
                group.cancel_scope.cancel()
        await all_.racer.__aexit__()

        told = [
            (f.race, f.attempt, f.lane.id, f.record.outcome, f.record.latency, f.record.usage.output_tokens)
            for f in all_.of(LaneEnded)
        ]
        columns = "race, number, lane, outcome, latency, output_tokens"
        assert sorted(told) == sorted(await all_.rows(f"{columns} FROM attempts"))
        assert len(all_.of(LaneStarted)) == len(told)
        sums = "provider, SUM(calls), SUM(won + lost + failed + late) FROM days GROUP BY 1"
        calls = Counter(lane.partition("/")[0] for _, _, lane, *_ in told)
        assert sorted(await all_.rows(sums)) == sorted((name, n, n) for name, n in calls.items())
        assert [] == await all_.rows("id FROM races WHERE ending IS NULL")
        assert [] == await all_.rows("amount FROM leases WHERE amount > 0")
        used = dict(await all_.rows("provider, SUM(used) FROM slots JOIN meters ON id = meter GROUP BY 1"))
        unsent = Counter(
            fact.lane.provider.name for fact in all_.of(LaneEnded) if "refused" in str(fact.record.reason)
        )
        assert {name: used.get(name, 0.0) for name in calls} == {
            name: float(n - unsent[name]) for name, n in calls.items()
        }


async def _one(racer: Racer, lanes: int, policy: str, deadline: float) -> None:
    with suppress(RacerError):
        await racer.race("hi", lanes=lanes, policy=cast("Any", policy), deadline=deadline)


async def test_views_tell_of_latency_and_attempts() -> None:
    """`v_latency` has the lane, `v_attempts` what its attempts took."""
    scripts = {"a": says("hello there", after=1.5, token_after=0.5)}
    async with table(limited("a"), limited("b"), scripts=scripts | {"b": hangs()}) as all_:
        for _ in range(20):
            await all_.racer.race("hi")
        await anyio.sleep(1)

        (lane,) = await all_.rows("lane, n, p50, success_rate FROM v_latency WHERE lane = 'a/m'")
        assert ("a/m", 20) == lane[:2]
        assert 1.3 < lane[2] < 1.8
        assert lane[3] > 0.8
        wins = "latency, first_token, output_tokens FROM v_attempts WHERE outcome = 'won'"
        assert [(1.5, 0.5, 3)] * 20 == await all_.rows(wins)


async def test_what_was_learned_outlives_its_racer() -> None:
    """The next Racer knows from its start how fast its lanes are."""
    async with table(limited("a"), scripts={"a": says("hi", after=2.0)}) as all_:
        for _ in range(30):
            await all_.racer.race("hi")
        await all_.racer.__aexit__()
        config = replace(config_of(), providers=(limited("a"),))
        store, clocks = Beside(all_.store), all_.moved.timepiece()
        async with Racer(config, transport=all_.transport, store=store, timepiece=clocks) as racer:
            await racer.race("hi")
            learned = ledger_of(racer).latencies.of("a/m")

            assert 1.7 < learned.expected() < 2.5


async def test_what_another_version_wrote_is_told_once() -> None:
    """The next Racer says what it could not read, learns it anew, and the one after it has nothing to say."""
    async with table(limited("a"), limited("b"), limited("c")) as all_:
        await crowd(all_.racer, 5, lanes=3)
        await all_.racer.__aexit__()
        await database_of(all_.store).run(lambda db: db.execute("UPDATE learned SET stats = x'0102'"))
        told = [await _next_racer(all_) for _ in range(3)]

        words = (
            "what was learned of a/m and 2 more lanes is of another version, or damaged: it is learned anew"
        )
        assert [[(words, 0)], [], []] == told
        assert 3 == sum(n for (n,) in await all_.rows("n FROM learned"))


async def _next_racer(all_: Table) -> list[tuple[str, int]]:
    """Asks one lane, and then ends. What troubled its store."""
    facts: list[Fact] = []
    config = replace(config_of(), providers=tuple(limited(name) for name in "abc"))
    store, clocks = Beside(all_.store), all_.moved.timepiece()
    async with Racer(
        config, transport=all_.transport, observers=[facts.append], store=store, timepiece=clocks
    ) as racer:
        await racer.race("hi", lanes=1)
    return [(fact.reason, fact.lost) for fact in facts if isinstance(fact, StoreTroubled)]


# ---------------------------------------------------------------- the hot path


async def calls(all_: Any, **options: Any) -> int:
    """How many statements SQLite runs between the start of a race and its return."""
    seen: list[str] = []

    def watch(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(seen.append)

    def stop(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(None)

    await database_of(all_.store).run(watch)
    seen.clear()
    await tried(all_.racer, **options)
    ran = len(seen)
    await database_of(all_.store).run(stop)
    return ran


@pytest.mark.parametrize("policy", ["all", "one"])
async def test_no_disk_on_the_way_of_a_race(policy: str) -> None:
    """With leases in hand a race does not touch the database: whether it wins at once or fails over."""
    limits = Limit("requests", 1000, "day", reset="00:00 UTC"), Limit("tokens", 10**6, "minute")
    providers = [limited(name, *limits, parallel=8) for name in "abc"]
    broken = {"a": answers(500, b"oops"), "b": fails(WireError(Kind.CONNECT, "refused"))}
    async with table(*providers, scripts=broken) as all_:
        await tried(all_.racer, policy=policy)
        await anyio.sleep(2)

        for _ in range(3):
            assert 0 == await calls(all_, policy=policy)
            await anyio.sleep(2)
        assert 0 < len(await all_.rows("id FROM attempts"))


async def test_no_disk_for_lanes_without_limits() -> None:
    """Nor where nothing is counted, from the first race on."""
    async with table(limited("a")) as all_:
        await anyio.sleep(1)

        assert 0 == await calls(all_)
