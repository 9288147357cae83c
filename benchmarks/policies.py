"""Policies compared on the same days, through the whole engine, in virtual time.

    python benchmarks/policies.py [--seeds 8] [--worlds calm3 …] [--policies frugal …] [--jobs 2]

Each day of a world (benchmarks/worlds.py) is raced by a Racer with all that belongs to it: policy, breakers,
ledger, limits and a database in memory. Only its network (benchmarks/hosts.py) and its clock are not real.
`p90` is no policy of racer: it hedges when the last lane is later with its first token than nine in ten of
its calls, whatever that costs. Nor is `priced`, an experiment (benchmarks/priced.py) that runs when it is
asked for. Behind each figure, in brackets, is the simulation's (benchmarks/tally.py): level 1 for `priced`.

Beyond the policies, this differs from the simulation, and is as racer does it: a lane that has failed is
asked again in the same race only after a cool-down that ends soon enough; a first token is waited for half of
a lane's 20 s; `one` takes a loaded local model first, where sequential failover has it fifth; tokens of a
stopped call count as far as they had come; who says 502 or 503 is left alone for some seconds at once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import anyio
import numpy as np

from benchmarks.hosts import Hosts, provider, question
from benchmarks.priced import plan_priced
from benchmarks.tally import Bar, Day, Figures, bars, concluded, expected, table
from benchmarks.worlds import SCENES, World, world
from racer import Config, Racer, RacerError
from racer.core.allowance import HEDGING
from racer.core.facts import Fact, LaneStarted, QuotaAlert, QuotaExhausted
from racer.core.frugal import plan_frugal
from racer.core.options import Defaults
from racer.core.plan import POLICIES
from racer.core.view import Planned
from racer.store.sqlite import SqliteStore
from racer.testing import VirtualLoop
from racer.timepiece import Timepiece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.view import View

MIDNIGHT = 1_799_971_200.0  # 15 January 2027, 00:00 UTC
DEADLINE = 30.0
TIMEOUT, TIMEOUT_OF_ONE = 20.0, 10.0
USED_UP = 0.995  # so much of a limit: few calls fit into the rest
SOONEST = 0.05
NAMES = ("all", "frugal", "one", "p90")
PRICED = "priced"


class Job(NamedTuple):
    world: str
    policy: str
    seed: int


@dataclass(frozen=True)
class Run:
    """`waits` are seconds to each answer, the deadline where none came; in order of arrival."""

    job: Job
    day: Day
    waits: tuple[float, ...]
    seconds: float


def plan_p90(view: View) -> Sequence[Planned]:
    """One lane, and the next when the last is late with its first token, or nobody is left."""
    running, prospects = view.running, view.prospects
    waiting = view.waiting[: len(view.waiting) - view.had_turn] or view.waiting
    if not waiting or any(run.first_token is not None for run in running):
        return []
    lane = min(waiting, key=prospects.expected)
    if not running:
        return [Planned(lane)]
    if len(running) >= view.width:
        return []
    late = running[-1].started + max(SOONEST, prospects.first(running[-1].lane))
    return [Planned(lane, max(0.0, late - view.now))]


class Watch:
    """What the engine says while it races: starts, and limits that are used up."""

    def __init__(self, day: World) -> None:
        self._local = {host.name for host in day.lanes if host.local}
        self.launches = self.metered = 0
        self.exhausted: dict[str, float] = {}

    def __call__(self, fact: Fact) -> None:
        if isinstance(fact, LaneStarted):
            self.launches += 1
            self.metered += fact.lane.provider.name not in self._local
        elif _is_used_up(fact):
            self.exhausted.setdefault(fact.meter.partition(" ")[0], anyio.current_time() / 3600)


def _is_used_up(fact: Fact) -> TypeGuard[QuotaAlert | QuotaExhausted]:
    """Whether a long limit is, as far as we counted: a refusal that nobody foresaw does not say so."""
    if isinstance(fact, QuotaExhausted):
        return fact.foreseen and not fact.brief
    return isinstance(fact, QuotaAlert) and not fact.brief


def config_of(day: World, policy: str) -> Config:
    timeout = TIMEOUT_OF_ONE if policy == "one" else TIMEOUT
    providers = tuple(provider(host, timeout) for host in day.lanes)
    defaults = Defaults(lanes=4, policy=policy, deadline=DEADLINE, wait=DEADLINE)
    return Config(race=defaults, providers=providers, env={"RACER_LOG": "off"})


async def raced(day: World, policy: str, watch: Watch) -> list[float]:
    """Seconds to each answer."""
    waits = [DEADLINE] * len(day.arrivals)

    async def one(racer: Racer, number: int) -> None:
        began = anyio.current_time()
        try:
            await racer.race(question(day, number))
        except RacerError:
            return
        waits[number] = anyio.current_time() - began

    clocks = Timepiece(lambda: MIDNIGHT + anyio.current_time(), anyio.current_time, "boot")
    store = SqliteStore(None, (USED_UP,))
    racer = Racer(
        config_of(day, policy), transport=Hosts(day), observers=[watch], store=store, timepiece=clocks
    )
    async with racer, asyncio.TaskGroup() as group:
        for number, instant in enumerate(day.arrivals.tolist()):
            await anyio.sleep_until(instant)
            group.create_task(one(racer, number))
    return waits


def run(job: Job) -> Run:
    """One day, in a process of its own or not."""
    POLICIES.setdefault("p90", plan_p90)
    priced = job.policy == PRICED  # in the place of the one whose extra requests have an allowance
    POLICIES[HEDGING] = plan_priced if priced else plan_frugal
    began = time.process_time()
    day = world(job.world, job.seed)
    watch = Watch(day)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        waits = runner.run(raced(day, HEDGING if priced else job.policy, watch))
    return Run(job, _summed(waits, watch), tuple(waits), time.process_time() - began)


def _summed(waits: Sequence[float], watch: Watch) -> Day:
    answered = sum(wait < DEADLINE for wait in waits)
    p50, p95, p99 = (float(np.percentile(waits, share)) for share in (50, 95, 99))
    return Day(
        p50,
        p95,
        p99,
        failed=100 * (1 - answered / len(waits)),
        calls=watch.metered / max(1, answered),
        launches=watch.launches / max(1, answered),
        exhausted=watch.exhausted,
    )


def compare(worlds: Sequence[str], policies: Sequence[str], seeds: int, jobs: int) -> list[Bar]:
    """Print a table for each world as soon as it is complete. What was asked, and whether it is so."""
    found: list[Bar] = []
    with ProcessPoolExecutor(jobs) as pool:
        wanted = {
            name: [Job(name, each, seed) for each in policies for seed in range(seeds)] for name in worlds
        }
        coming = {name: [pool.submit(run, job) for job in wanted[name]] for name in worlds}
        for name, futures in coming.items():
            runs = [future.result() for future in futures]
            seen = {policy: _figures(runs, policy) for policy in policies}
            known = expected(name, seeds)
            known[PRICED] = known["frugal"]
            table(name, seen, known)
            print(f"  {sum(each.seconds for each in runs) / len(runs):.0f} s of CPU a day", flush=True)
            found += bars(name, seen, known)
    return found


def _figures(runs: Sequence[Run], policy: str) -> Figures:
    return Figures.of([each.day for each in runs if each.job.policy == policy])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, choices=range(1, 9), default=8)
    parser.add_argument("--worlds", nargs="*", choices=[*SCENES], default=[*SCENES])
    parser.add_argument("--policies", nargs="*", choices=(*NAMES, PRICED), default=NAMES)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    print(f"python benchmarks/policies.py --seeds {given.seeds} --jobs {given.jobs}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    found = compare(given.worlds, given.policies, given.seeds, given.jobs)
    return concluded(found, " of frugal")


if __name__ == "__main__":
    sys.exit(main())
