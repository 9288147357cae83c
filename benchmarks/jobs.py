"""Batch jobs through the whole engine in virtual time: how soon, how well foretold, and what of limits.

    python benchmarks/jobs.py [--parts best plans ends] [--seeds 5] [--jobs 50] [--processes 2]

A real Racer with an empty database in memory; only its network (benchmarks/service.py) and its clock are not
real. Limits are known to its configuration; how many calls a site serves at once is so only of some, and
faults, outages and speeds are of none.

best   One job over six sites of different speeds, faults and limits, beside what an offline solver that knows
       all of it beforehand can do (benchmarks/schedule.py). The bar is on the bound, which no schedule
       beats; `blind` is what may be hoped for by who does not know how long each answer will be. The
       more lengths vary (`--lengths`), the more that knowledge is worth, which nobody has.
plans  Jobs of random size in random towns. What is foretold right at the start, beside when the last prompt
       is answered. In half of the towns some lanes were called before, so that something is known of them.
ends   Limits that end in the middle of a job: it sleeps, wakes at the reset and is completed, and no site
       has to refuse a call.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import platform
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, Unpack

import anyio

from benchmarks.schedule import solve
from benchmarks.service import Service
from benchmarks.sites import LENGTHS_VARY
from benchmarks.tally import Bar, concluded
from benchmarks.towns import CASES, opens, planned, six, town_of
from racer import Config, Racer, RacerError
from racer.core.options import Defaults
from racer.store.sqlite import SqliteStore
from racer.testing import VirtualLoop
from racer.timepiece import Timepiece

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.schedule import Offline
    from benchmarks.sites import Town
    from benchmarks.towns import Planned

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

DAY = 86_400.0
RATIO = 1.15
INSIDE, FORETOLD = 35, 50  # of so many ends, within a range of 80 %
NEARLY = 0.8
HISTORY = 2 * DAY  # before the job: its calls are in no window any more


@dataclass(frozen=True)
class Played:
    """A job. Seconds are since its start; `asleep` is the longest time without a call, and when it ended."""

    seconds: float
    answered: int
    failed: int
    calls: int
    refused: dict[str, int]
    by_site: dict[str, int]
    low: float
    middle: float
    high: float
    asleep: tuple[float, float]
    cpu: float

    @property
    def inside(self) -> bool:
        return self.low <= self.seconds <= self.high


class Loop(VirtualLoop):
    """What is meant for a thread is done on the spot: time must not run on meanwhile."""

    def run_in_executor(
        self, executor: Any, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def play(town: Town, known: Sequence[str] = (), calls: int = 40) -> Played:
    """The job of all its prompts. The sites of these names have been called before."""
    began = time.process_time()
    with asyncio.Runner(loop_factory=Loop) as runner:
        played = runner.run(_played(town, known, calls))
    return replace(played, cpu=time.process_time() - began)


async def _played(town: Town, known: Sequence[str], calls: int) -> Played:
    service = Service(town, HISTORY)
    wall = town.start - HISTORY
    clocks = Timepiece(lambda: wall + anyio.current_time(), anyio.current_time, "boot")
    config = Config(
        race=Defaults(deadline=300.0, wait=300.0),
        providers=tuple(site.provider for site in town.sites),
        env={"RACER_LOG": "off"},
    )
    store = SqliteStore(None, ())
    async with Racer(config, transport=service, store=store, timepiece=clocks) as racer:
        for name in known:
            await _called(racer, name, town.prompts, calls)
        await anyio.sleep_until(HISTORY)
        service.begin()
        return await _job(racer, town, service)


async def _called(racer: Racer, name: str, prompts: int, calls: int) -> None:
    """As somebody does who asks now and then."""
    for number in range(calls):
        await anyio.sleep(20.0)
        try:
            await racer.race(f"{number % prompts} asked before", only=name)
        except RacerError:
            continue


async def _job(racer: Racer, town: Town, service: Service) -> Played:
    prompts = [f"{number} what is asked" for number in range(town.prompts)]
    answered, failed, last = set[int](), 0, HISTORY
    async with racer.batch(prompts) as batch:
        forecast = batch.forecast()
        async for result in batch:
            last = anyio.current_time()
            if result.ok:
                answered.add(result.line)
            else:
                failed += 1
    return Played(
        seconds=last - HISTORY,
        answered=len(answered),
        failed=failed,
        calls=service.total("calls"),
        refused={kind: service.total(kind) for kind in ("window", "crowd", "outage")},
        by_site={name: desk.seen.answered for name, desk in service.desks.items()},
        low=forecast.low - town.start,
        middle=forecast.middle - town.start,
        high=forecast.high - town.start,
        asleep=_asleep(service),
        cpu=0.0,
    )


def _asleep(service: Service) -> tuple[float, float]:
    """Of several that are about the longest, the first."""
    calls = sorted(at for desk in service.desks.values() for at in desk.seen.asked_at)
    gaps = [(after - at, after - HISTORY) for at, after in pairwise(calls)]
    longest = max((gap for gap, _ in gaps), default=0.0)
    return next((each for each in gaps if each[0] >= NEARLY * longest), (0.0, 0.0))


# ---------------------------------------------------------------- best


def best(seeds: int, prompts: int, lengths: float, pool: ProcessPoolExecutor) -> list[Bar]:
    towns = [six(seed, prompts, lengths) for seed in range(seeds)]
    solved, played = pool.map(solve, towns), pool.map(play, towns)
    print(f"\nbest: {prompts} prompts over six sites")
    titles = f"{'took':>8}{'bound':>8}{'found':>8}{'blind':>8}{'of bound':>10}{'of found':>10}"
    print(f"  seed{titles}  requests, refused; answered")
    ratios: list[float] = []
    failed = 0
    for seed, known, job in zip(range(seeds), solved, played, strict=True):
        ratios.append(job.seconds / known.bound)
        failed += prompts - job.answered
        print(_best_row(seed, known, job), flush=True)
    middle, worst = statistics.median(ratios), max(ratios)
    return [
        Bar(f"best: {middle:.3f} times the bound in the middle, of {RATIO}", middle <= RATIO),
        Bar(f"best: {worst:.3f} times the bound at the worst, of {RATIO}", worst <= RATIO),
        Bar(f"best: {failed} prompts without an answer, of 0", not failed),
    ]


def _best_row(seed: int, known: Offline, job: Played) -> str:
    times = "".join(f"{each:>8.0f}" for each in (job.seconds, *known))
    beside = f"{job.seconds / known.bound:>10.3f}{job.seconds / known.found:>10.3f}"
    refused = ", ".join(f"{kind} {count}" for kind, count in job.refused.items())
    sites = ", ".join(f"{name} {count}" for name, count in job.by_site.items())
    return f"  {seed:>4}{times}{beside}  {job.calls}, {refused}; {sites}; {job.cpu:.0f} s of CPU"


# ---------------------------------------------------------------- plans


def foretold(jobs: int, pool: ProcessPoolExecutor) -> list[Bar]:
    print(f"\nplans: {jobs} jobs; minutes until the end, and as foretold at the start")
    print(f"  {'job':>4}{'prompts':>9}{'lanes':>7}{'known':>7}{'low':>9}{'middle':>9}{'high':>9}{'took':>9}")
    towns = [planned(number) for number in range(jobs)]
    played = pool.map(play, *zip(*towns, strict=True))
    done: list[Played] = []
    for number, (town, known), job in zip(range(jobs), towns, played, strict=True):
        done.append(job)
        cells = "".join(f"{each / 60:>9.1f}" for each in (job.low, job.middle, job.high, job.seconds))
        where = "" if job.inside else "  sooner" if job.seconds < job.low else "  later"
        left = town.prompts - job.answered
        lost = f"  {left} without an answer" if left else ""
        print(
            f"  {number:>4}{town.prompts:>9}{len(town.sites):>7}{len(known):>7}{cells}{where}{lost}",
            flush=True,
        )
    _calibration(done, towns)
    inside, least = sum(job.inside for job in done), math.ceil(INSIDE / FORETOLD * jobs)
    return [Bar(f"plans: {inside} of {jobs} ends within what was foretold, of {least}", inside >= least)]


def _calibration(done: Sequence[Played], towns: Sequence[Planned]) -> None:
    groups = {
        "all": list(done),
        "all known": [
            job for job, (town, known) in zip(done, towns, strict=True) if len(known) == len(town.sites)
        ],
        "none known": [job for job, (_, known) in zip(done, towns, strict=True) if not known],
    }
    for title, jobs in groups.items():
        if jobs:
            print(f"  {title:11} {_calibrated(jobs)}")


def _calibrated(jobs: Sequence[Played]) -> str:
    sooner, later = sum(job.seconds < job.low for job in jobs), sum(job.seconds > job.high for job in jobs)
    errors = [math.log(job.seconds / job.middle) for job in jobs if job.middle > 0 and job.seconds > 0]
    width = [job.high / job.low for job in jobs if job.low > 0]
    before = sum(job.seconds <= job.middle for job in jobs)
    parts = [f"{len(jobs)} jobs: {sooner} sooner, {later} later; {before} before the middle"]
    if errors:
        parts.append(f"off by {math.exp(statistics.median(map(abs, errors))) - 1:.0%} in the middle")
    if width:
        parts.append(f"high is {statistics.median(width):.2f} times low")
    return "; ".join(parts)


# ---------------------------------------------------------------- ends


def ends(pool: ProcessPoolExecutor) -> list[Bar]:
    print("\nends: limits that end in the middle; minutes since the start")
    print(f"  {'limit':22}{'prompts':>8}{'answered':>9}{'refused':>8}{'reset':>9}{'went on':>9}{'took':>9}")
    bars: list[Bar] = []
    for case, job in zip(CASES, pool.map(play, map(town_of, CASES)), strict=True):
        at, latest = opens(case)
        refused = sum(job.refused.values())
        woke = job.asleep[1]
        times = "".join(f"{each / 60:>9.1f}" for each in (at, woke, job.seconds))
        print(f"  {case.name:22}{case.prompts:>8}{job.answered:>9}{refused:>8}{times}", flush=True)
        done = job.answered == case.prompts and not job.failed and not refused
        bars.append(Bar(f"ends: {case.name}: all answered, no refusal", done))
        bars.append(Bar(f"ends: {case.name}: goes on at the reset", at <= woke <= latest))
    return bars


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = ("best", "plans", "ends")
    parser.add_argument("--parts", nargs="*", choices=parts, default=parts)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=5000)
    parser.add_argument(
        "--lengths", type=float, default=LENGTHS_VARY, help="log-deviation of answers' lengths"
    )
    parser.add_argument("--jobs", type=int, default=FORETOLD)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args()
    print(" ".join(["python benchmarks/jobs.py", *sys.argv[1:]]))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    bars: list[Bar] = []
    with ProcessPoolExecutor(given.processes) as pool:
        if "best" in given.parts:
            bars += best(given.seeds, given.prompts, given.lengths, pool)
        if "plans" in given.parts:
            bars += foretold(given.jobs, pool)
        if "ends" in given.parts:
            bars += ends(pool)
    return concluded(bars)


if __name__ == "__main__":
    sys.exit(main())
