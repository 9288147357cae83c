"""Replays: the real Racer over recorded races, in time that costs nothing."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from dataclasses import replace
from random import Random
from statistics import quantiles
from typing import TYPE_CHECKING

import anyio
import pytest

from racer import Config, Racer, RacerError
from racer.bench.replay import KEPT_OUT, Result, as_it_was, replayed
from racer.bench.trace import recorded
from racer.core.options import Defaults
from racer.core.provider import Account, Limit, Model, Provider
from racer.store.connection import in_memory, transaction
from racer.store.records import write
from racer.store.schema import MIGRATIONS
from racer.store.sqlite import SqliteStore
from racer.testing import ScriptedTransport, VirtualLoop, answers, config_of, says
from racer.timepiece import Timepiece
from racer_adapters.errors import Kind, WireError
from tests.racer.bench.traces import BEGAN, GAP, race, seen, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.bench.trace import Recorded, Trace
    from racer.core.facts import Fact
    from racer.testing import Script

POLICIES = ("all", "frugal", "one")
BROKEN = WireError(Kind.SERVER, "broken", status=500)
SILENT = WireError(Kind.TIMEOUT, "no token within 10 s")


def configured(*names: str, limits: Sequence[Limit] = (), **more: object) -> Config:
    providers = tuple(
        Provider(
            name, "openai", f"https://{name}.test", models=(Model("m"),), accounts=(Account(name),),
            priority=rank, limits=tuple(limits), timeout=20.0, **more,  # type: ignore[arg-type]
        )
        for rank, name in enumerate(names)
    )  # fmt: skip
    return Config(race=Defaults(), providers=providers)


def replay(races: Sequence[Recorded], policy: str, config: Config | None = None) -> list[Result]:
    config = config or configured("a", "b", "c")
    return replayed(trace(races), [policy], config, 1, lambda name, done: None)[policy]


def three(number: int, a: float, b: float, c: float, **more: object) -> Recorded:
    """All three lanes were seen to their ends; half of its time each took for its first token."""
    times = {"a/m": a, "b/m": b, "c/m": c}
    ran = [seen(lane, took, first=took / 2) for lane, took in times.items()]
    return race(number, *ran, policy="all", latency=min(times.values()), **more)  # type: ignore[arg-type]


# ---------------------------------------------------------------- what each policy gives


def test_where_all_is_known_each_policy_gets_exactly_that() -> None:
    """`all` has the best of three, for three requests; `one` the first, for one."""
    chance = Random(7)
    times = [(chance.uniform(0.5, 2), chance.uniform(0.5, 2), chance.uniform(0.5, 2)) for _ in range(30)]
    races = [three(number, *each) for number, each in enumerate(times)]

    found = replayed(trace(races), ["all", "one"], configured("a", "b", "c"), 1, lambda name, done: None)

    assert [each.latency for each in found["all"]] == [pytest.approx(min(each)) for each in times]
    assert {(each.requests, each.metered, each.drawn) for each in found["all"]} == {(3, 3, False)}
    assert {(each.requests, each.drawn) for each in found["one"]} == {(1, False)}
    asked_first = [each.latency for each in found["one"][:1]]
    assert asked_first == [pytest.approx(times[0][0])]


def test_frugal_asks_another_when_the_first_is_late() -> None:
    """It knows from the races before it when that is."""
    races = [three(number, 0.5, 1.0, 1.0) for number in range(40)]
    races += [three(40, 15.0, 1.0, 1.0)]

    *usual, late = replay(races, "frugal")

    assert {each.requests for each in usual[10:]} == {1}
    assert late.requests == 2
    assert late.latency is not None
    assert late.latency < 5


def test_a_lane_that_failed_is_replaced() -> None:
    """At once, and counts as a request."""
    races = [race(number, seen("a/m", 0.25, error=BROKEN), seen("b/m", 1.0)) for number in range(3)]
    races += [race(number, seen("a/m"), seen("b/m")) for number in range(3, 9)]

    first = replay(races, "one", configured("a", "b"))[0]

    assert first.latency == pytest.approx(1.25)
    assert (first.requests, first.metered) == (2, 2)


def test_a_silent_lane_is_waited_for_as_long_as_is_configured() -> None:
    """Whatever patience it met when it was recorded: alone it has all of its `timeout`."""
    races = [race(0, seen("a/m", 10.0, error=SILENT), seen("b/m", 1.0, start=10.0))]
    races += [race(number, seen("a/m"), seen("b/m")) for number in range(1, 9)]

    assert replay(races, "one", configured("a", "b"))[0].latency == pytest.approx(21.0)
    assert replay(races, "all", configured("a", "b"))[0].latency == pytest.approx(1.0)


def test_races_that_nobody_answers_are_told_by_how_they_ended() -> None:
    """All failed; the deadline came."""
    races = [race(0, seen("a/m", 0.25, error=BROKEN)), race(1, seen("a/m", 9.0), deadline=5.0)]
    races += [race(number, seen("a/m")) for number in range(2, 9)]

    lost, expired, *_ = replay(races, "all", configured("a"))

    assert (lost.latency, lost.failure, lost.requests) == (None, "exhausted", 1)
    assert (expired.latency, expired.failure, expired.requests) == (None, "expired", 1)


def test_each_race_has_its_own_width_and_lanes() -> None:
    """Two of three, and none that could not have run then."""
    races = [three(number, 1.0, 1.0, 1.0) for number in range(9)]
    races += [three(9, 1.0, 1.0, 1.0, width=2), three(10, 1.0, 1.0, 0.5, lanes=("b/m",))]

    found = replay(races, "all")

    assert [each.requests for each in found[8:]] == [3, 2, 1]
    assert found[10].latency == pytest.approx(1.0)


def test_only_lanes_of_the_trace_run() -> None:
    """Two models and two keys could make four lanes; those that were never asked are no lanes."""
    lanes = ("a/x", "b/y")
    races = [race(number, *(seen(lane) for lane in lanes)) for number in range(9)]
    found = trace(races)
    one_provider = replace(
        found,
        lanes={
            lane: place._replace(provider="a", account=f"a:{place.account}")
            for lane, place in found.lanes.items()
        },
    )
    config = replace(configured("a"), race=Defaults(per_provider=4))

    results = replayed(one_provider, ["all"], config, 1, lambda name, done: None)["all"]

    assert {each.requests for each in results} == {2}


# ---------------------------------------------------------------- limits and time


def test_limits_hold_as_they_are_configured() -> None:
    """In windows of the time at which the races were run; used up, a lane is not asked."""
    limits = [Limit("requests", 5, "day", reset="00:00 UTC")]
    days = [race(10 * day + number, seen("a/m"), at=BEGAN + 86_400 * day + 20 * number)
            for day in range(2) for number in range(8)]  # fmt: skip

    found = replay(days, "one", configured("a", limits=limits))

    answered = [each.latency is not None for each in found]
    assert answered == ([True] * 5 + [False] * 3) * 2
    assert {each.failure for each in found if each.latency is None} == {KEPT_OUT}


def test_local_lanes_are_not_metered() -> None:
    """They are asked, and nobody counts."""
    races = [race(number, seen("a/m"), seen("b/m")) for number in range(9)]
    config = configured("a", "b")
    near, far = config.providers
    config = replace(config, providers=(replace(near, local=True, base_url="http://localhost:1"), far))

    found = replay(races, "all", config)
    was = as_it_was(trace(races), {"a"})

    assert (
        {(each.requests, each.metered) for each in found}
        == {(2, 1)}
        == {(each.requests, each.metered) for each in was}
    )


def test_a_month_of_races_takes_as_long_as_its_races() -> None:
    """What lies between them is skipped."""
    races = [race(number, seen("a/m", 1.0 + number), at=BEGAN + 86_400 * number) for number in range(30)]
    began = time.process_time()

    found = replay(races, "one", configured("a", limits=[Limit("requests", 1000, "day")], parallel=4))

    assert [each.latency for each in found] == [
        pytest.approx(1.0 + number) if number < 19 else None for number in range(30)
    ]
    assert time.process_time() - began < 10


@pytest.mark.parametrize("gap", [5.0, 29.0, 31.0, 45.0, 59.0, 61.0, 95.0])
def test_no_time_is_skipped_while_a_race_runs(gap: float) -> None:
    """Whenever the next one comes."""
    races = [race(number, seen("a/m", 18.0, first=1.0), at=BEGAN + gap * number) for number in range(8)]

    found = replay(races, "one", configured("a"))

    assert [each.latency for each in found] == [pytest.approx(18.0)] * 8


def test_progress_is_told() -> None:
    """After each race of each policy."""
    races = [race(number, seen("a/m")) for number in range(6)]
    told: list[tuple[str, int]] = []

    replayed(trace(races), ["all", "one"], configured("a"), 1, lambda name, done: told.append((name, done)))

    assert told == [(policy, done) for policy in ("all", "one") for done in range(1, 7)]


def test_a_seed_gives_the_same_every_time() -> None:
    """And another one other luck, where something is drawn."""
    chance = Random(3)
    races = [race(number, seen("a/m", chance.uniform(1, 9))) for number in range(20)]
    races += [
        race(number, seen("b/m", chance.uniform(1, 9)), lanes=("a/m", "b/m")) for number in range(20, 40)
    ]
    config = configured("a", "b")

    def latencies(seed: int) -> list[float | None]:
        found = replayed(trace(races), ["all"], config, seed, lambda name, done: None)["all"]
        assert any(each.drawn for each in found)
        return [each.latency for each in found]

    assert latencies(1) == latencies(1)
    assert latencies(1) != latencies(2)


def test_as_it_was_is_what_was_recorded() -> None:
    """Latency and requests as they were, however the race ended."""
    races = [race(number, seen("a/m", 0.25, error=BROKEN), seen("b/m", 1.5)) for number in range(6)]
    races += [race(6, seen("a/m", error=BROKEN))]

    found = as_it_was(trace(races), ())

    assert found[0] == Result(1.5, 2, 2)
    assert found[6] == Result(None, 1, 1, "exhausted")


# ---------------------------------------------------------------- recorded by racer itself


async def _raced(policy: str, scripts: dict[str, list[Script]], races: int) -> list[tuple[float, Fact]]:
    notes: list[tuple[float, Fact]] = []
    config = replace(config_of("a", "b"), race=Defaults(policy=policy))

    def now() -> float:
        return BEGAN + anyio.current_time()

    racer = Racer(
        config,
        transport=ScriptedTransport(scripts),
        observers=[lambda fact: notes.append((now(), fact))],
        store=SqliteStore(None),
        timepiece=Timepiece(now, anyio.current_time, "boot"),
    )
    async with racer:
        for number in range(races):
            await anyio.sleep_until(GAP * (number + 1))
            try:
                await racer.race("Why?")
            except RacerError:
                continue
    return notes


def record(policy: str, races: int = 60) -> Trace:
    """Two lanes of random speed; one in ten calls of each is refused."""
    chance = Random(11)

    def script() -> Script:
        after = chance.lognormvariate(0, 0.6)
        refused = answers(500, b"{}", after=0.125)
        return refused if chance.random() < 0.1 else says("x" * 80, after=after, token_after=after / 3)

    scripts = {name: [script() for _ in range(races)] for name in ("a", "b")}
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        notes = runner.run(_raced(policy, scripts, races))
    with closing(in_memory(MIGRATIONS)) as database:
        transaction(database, lambda inside: write(inside, 1, notes))
        return recorded(database, 0.0, 1000)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_recorded_policy_replayed_comes_to_what_it_was(policy: str) -> None:
    """The same races, the same requests, nearly the same times: what did happen is what happens again."""
    found = record(policy)
    was = as_it_was(found, ())

    again = replayed(found, [policy], config_of("a", "b"), 1, lambda name, done: None)[policy]

    assert sum(each.requests for each in again) == pytest.approx(sum(each.requests for each in was), rel=0.03)
    for mine, true in zip(_shares(again), _shares(was), strict=True):
        assert mine == pytest.approx(true, rel=0.05)


def _shares(results: Sequence[Result]) -> tuple[float, float]:
    """p50 and p95."""
    cuts = quantiles([each.latency for each in results if each.latency is not None], n=20)
    return cuts[9], cuts[18]
