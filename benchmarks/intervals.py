"""Whether the bounds that a bench states hold: a hundred benches of lanes whose true quantiles are known.

    python -m benchmarks.intervals [--benches 100] [--rounds 135] [--jobs 4]

Each is the real bench over a Racer and a database of its own, with a seed of its own. All run at once, in a
few processes, against one simulator in another. What is true is reckoned from the profile's distributions.

A call takes a little longer than the profile says: in the engine, on the way, and while others have the
processor. That is measured beside the benches, on a lane that has no chance in it. It is not taken off: the
bounds must hold what is true by the profile alone. In how many benches they hold what is true with it is
told as well, so that a busy machine can be told from bounds that are wrong.

It takes four minutes of a machine that does little else: so much of one core that a busy one falls behind,
and then measures itself. Where that was so, nothing is said of the bounds, and the exit code is 2. It is 1
where fewer than BAR of a hundred benches hold all of the true medians and p95, of first tokens and of whole
answers, or a call failed.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import platform
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING, NamedTuple

import anyio

from benchmarks.simulated import Simulated, simulator
from racer import Config
from racer.bench.bench import CONFIDENCE, opened
from racer.bench.contest import Terms, contest_of
from racer.bench.entry import entrants_of
from racer.bench.figures import rows
from racer.bench.prompts import BUILT_IN
from racer.bench.quantile import quantile
from racer.core.field import field_of
from racer.sim.library import load_profile
from racer.sim.profile import Constant, Distribution, Lognormal, Uniform

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from racer.bench.report import Estimate, Row
    from racer.bench.sample import Sample

PROFILE = Path(__file__).parent / "profiles" / "intervals.toml"
LANES = ("steady", "spiky", "even")
FLAT = "flat"
FLAT_ROUNDS = 2.5  # of a bench's rounds: its own are so much shorter
TIMES = ("first_token", "latency")
CHECKED = {"p50": 0.50, "p95": 0.95}
NOTHING = {"first_token": (0.0,), "latency": (0.0,)}
BAR = 95
MOST_BEYOND = 0.02  # seconds, in the middle: a fifth of how far the closest bounds are from what they bound
STARTS_WITHIN = 2.0  # seconds, so that the rounds of different benches do not keep step
SLOWEST = 100.0


class Figure(NamedTuple):
    lane: str
    time: str
    share: str


Quantiles = dict[Figure, float]


# ---------------------------------------------------------------- what is true


class Truth:
    """Of the profile. A whole answer is later than its first token by the same in every call of a lane."""

    def __init__(self) -> None:
        profile = load_profile(PROFILE)
        self.first = {each.name: each.first_token for each in profile.providers}
        self.writing: dict[str, float] = {}
        for each in profile.providers:
            assert isinstance(profile.length.shape, Constant)
            assert isinstance(each.rate.shape, Constant)
            self.writing[each.name] = (profile.length.shape.value - 1) / each.rate.shape.value

    def later(self, lane: str, time: str) -> float:
        return self.writing[lane] if time == "latency" else 0.0

    def figures(self, beyond: Mapping[str, Sequence[float]]) -> Quantiles:
        """Where calls take longer by chance: `beyond` has some of the seconds, each as likely as another."""
        return {
            Figure(lane, time, name): self.later(lane, time)
            + quantile_of(self.first[lane], share, beyond[time])
            for lane, time, (name, share) in product(LANES, TIMES, CHECKED.items())
        }


def quantile_of(distribution: Distribution, share: float, beyond: Sequence[float]) -> float:
    """By halving: the chance of less rises with the seconds."""
    low, high = 0.0, SLOWEST
    for _ in range(40):
        middle = (low + high) / 2
        if fmean(chance_within(distribution, middle - each) for each in beyond) < share:
            low = middle
        else:
            high = middle
    return high


def chance_within(distribution: Distribution, seconds: float) -> float:
    spikes = distribution.spikes
    usual = chance_of(distribution.shape, seconds)
    if spikes is None:
        return usual
    return (1 - spikes.share) * usual + spikes.share * chance_of(distribution.shape, seconds / spikes.factor)


def chance_of(shape: Constant | Uniform | Lognormal, seconds: float) -> float:
    match shape:
        case Constant(value):
            return float(seconds >= value)
        case Uniform(low, high):
            return min(max((seconds - low) / (high - low), 0.0), 1.0)
        case Lognormal(median, sigma):
            return NormalDist().cdf(math.log(seconds / median) / sigma) if seconds > 0 else 0.0


# ---------------------------------------------------------------- what benches say


class Found(NamedTuple):
    """What one bench has seen, and what it says of that."""

    samples: tuple[Sample, ...]
    rows: tuple[Row, ...]


async def measured(sim: Simulated, lanes: Sequence[str], rounds: int, seed: int, begins: float) -> Found:
    """A bench of lanes alone: what a race takes has no one true distribution, since it learns.

    Its last sample ends it, from outside: who compares lanes reckons for a while, and would hold up those
    benches that still measure. The rows are reckoned as for its report.
    """
    providers = sim.config(*lanes).providers
    config = Config(providers=providers, env={"RACER_DB": ":memory:", "RACER_LOG": "off"})
    found = field_of(providers, {}).lanes
    contest = contest_of(
        entrants_of(found, 1), Terms(rounds=rounds, policies=(), seed=seed, prompts=len(BUILT_IN))
    )
    samples: list[Sample] = []

    def told(sample: Sample) -> None:
        samples.append(sample)
        if len(samples) == contest.announced.total:
            scope.cancel()

    await asyncio.sleep(begins)
    async with opened(config, contest, found, BUILT_IN) as bench:
        with anyio.CancelScope() as scope:
            await bench.run(told)
    return Found(tuple(samples), rows(samples, contest.contenders, {}, CONFIDENCE))


async def together(url: str, seeds: range, rounds: int) -> tuple[list[Found], Found]:
    """Benches at once, and one of the lane without chance beside them."""
    sim = Simulated(url)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(measured(sim, LANES, rounds, seed, STARTS_WITHIN * place / len(seeds)))
            for place, seed in enumerate(seeds)
        ]
        flat = group.create_task(measured(sim, (FLAT,), int(FLAT_ROUNDS * rounds), 0, 0.0))
    return [task.result() for task in tasks], flat.result()


def share_of(url: str, seeds: range, rounds: int) -> tuple[list[Found], Found]:
    return asyncio.run(together(url, seeds, rounds))


def benches(url: str, count: int, rounds: int, jobs: int) -> tuple[list[Found], list[Found]]:
    """In several processes, so that none of them has too much to do at once."""
    shares = [range(job, count, jobs) for job in range(jobs)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(share_of, [url] * jobs, shares, [rounds] * jobs))
    return [found for some, _ in done for found in some], [flat for _, flat in done]


def seconds_of(sample: Sample, time: str) -> float:
    return sample.took if time == "latency" else sample.first_token or 0.0


def beyond_of(truth: Truth, flat: Iterable[Found]) -> dict[str, list[float]]:
    """How much longer than the profile says each call without chance took."""
    samples = [each for found in flat for each in found.samples if each.answered and not each.warm_up]
    usual = quantile_of(truth.first[FLAT], 0.5, (0.0,))
    return {
        time: sorted(seconds_of(each, time) - usual - truth.later(FLAT, time) for each in samples)
        for time in TIMES
    }


def estimates(stated: Iterable[Row]) -> dict[Figure, Estimate]:
    return {
        Figure(row.name.partition("/")[0], time, share): found[share]
        for row in stated
        for time, found in (("first_token", row.first_token), ("latency", row.latency))
        for share in CHECKED
    }


def holds(found: Estimate, true: float) -> bool:
    return (found.low is None or found.low <= true) and (found.high is None or true <= found.high)


# ---------------------------------------------------------------- in words


def tell(said: Sequence[Mapping[Figure, Estimate]], true: Quantiles) -> None:
    """A line for each figure."""
    held = Counter(figure for each in said for figure, found in each.items() if holds(found, true[figure]))
    print(f"{'lane':8} {'figure':16} {'true':>7}   {'bounds, on average':18}  hold, of {len(said)}")
    for figure, value in true.items():
        bounds = [(each[figure].low or 0.0, each[figure].high or math.inf) for each in said]
        low, high = (fmean(ends) for ends in zip(*bounds, strict=True))
        print(
            f"{figure.lane:8} {figure.time + ' ' + figure.share:16} {value:5.3f} s   "
            f"{low:5.3f} s – {high:5.3f} s  {held[figure]:6}"
        )


def hold_all(said: Sequence[Mapping[Figure, Estimate]], true: Quantiles) -> int:
    return sum(all(holds(found, true[figure]) for figure, found in each.items()) for each in said)


def main() -> int:
    parser = argparse.ArgumentParser(description="Do the bounds that a bench states hold?")
    parser.add_argument("--benches", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=135)
    parser.add_argument("--jobs", type=int, default=4, help="processes that run benches")
    arguments = parser.parse_args()
    began, truth = time.monotonic(), Truth()
    with simulator(str(PROFILE)) as sim:
        found, flat = benches(sim.url, arguments.benches, arguments.rounds, arguments.jobs)
    said, beyond = [estimates(each.rows) for each in found], beyond_of(truth, flat)
    true = truth.figures(NOTHING)
    print(f"{len(said)} benches of {arguments.rounds} rounds, in {time.monotonic() - began:.0f} s; ", end="")
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    tell(said, true)
    for what, over in beyond.items():
        median, late = (1000 * quantile(over, share) for share in CHECKED.values())
        print(f"beyond the profile, {what}: median {median:.1f} ms, p95 {late:.1f} ms")
    held, aware = hold_all(said, true), hold_all(said, truth.figures(beyond))
    failed = sum(row.asked - row.answered for each in found for row in each.rows)
    print(f"all true medians and p95 lie within what a bench states: {held} of {len(said)} benches")
    print(f"with what is beyond the profile: {aware} of {len(said)}; calls that failed: {failed}")
    if max(quantile(over, 0.5) for over in beyond.values()) > MOST_BEYOND:
        print("the machine was too busy: this says nothing of the bounds")
        return 2
    return int(100 * held < BAR * len(said) or failed > 0)


if __name__ == "__main__":
    sys.exit(main())
