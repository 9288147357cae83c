"""Replays checked: what a replay says of each policy, beside what that policy really gives on the same days.

    python benchmarks/replays.py [--seeds 2] [--worlds calm3 rough3] [--recorded one all] [--races 2000]

A day of a world (benchmarks/worlds.py) is raced by the whole engine with one policy, into a database. The
replay reads that, and nothing else. Then each policy races the same day in earnest. Printed is the replay's
figure, and in brackets the true one and the ratio of both.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import anyio
import numpy as np

from benchmarks.hosts import Hosts, question
from benchmarks.policies import DEADLINE, MIDNIGHT, config_of
from benchmarks.worlds import SCENES, World, world
from racer import Config, Racer, RacerError
from racer.bench.replay import as_it_was, replayed
from racer.bench.trace import recorded
from racer.store.connection import Terms, on_disk, read_only, transaction
from racer.store.records import write
from racer.store.schema import MIGRATIONS
from racer.store.sqlite import SqliteStore
from racer.testing import VirtualLoop
from racer.timepiece import Timepiece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.bench.replay import Result
    from racer.bench.trace import Trace
    from racer.core.facts import Fact

POLICIES = ("all", "frugal", "one")


class Figures(NamedTuple):
    p50: float
    p95: float
    p99: float
    requests: float
    failed: float

    @classmethod
    def of(cls, results: Sequence[Result]) -> Figures:
        waits = [each.latency for each in results if each.latency is not None]
        p50, p95, p99 = (float(np.percentile(waits, share)) for share in (50, 95, 99))
        requests = sum(each.requests for each in results)
        return cls(p50, p95, p99, requests / len(waits), 100 * (1 - len(waits) / len(results)))


def raced(day: World, policy: str, path: Path, races: int) -> None:
    """The first `races` questions of the day, written down as racer does."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        notes = runner.run(_raced(day, policy, races))
    connection, _ = on_disk(path, Terms(MIDNIGHT, MIGRATIONS))
    with closing(connection):
        transaction(connection, lambda inside: write(inside, 1, notes))


async def _raced(day: World, policy: str, races: int) -> list[tuple[float, Fact]]:
    notes: list[tuple[float, Fact]] = []

    async def one(racer: Racer, number: int) -> None:
        try:
            await racer.race(question(day, number), deadline=DEADLINE)
        except RacerError:
            return

    def note(fact: Fact) -> None:
        notes.append((MIDNIGHT + anyio.current_time(), fact))

    clocks = Timepiece(lambda: MIDNIGHT + anyio.current_time(), anyio.current_time, "boot")
    racer = Racer(
        config_for(day, policy),
        transport=Hosts(day),
        observers=[note],
        store=SqliteStore(None),
        timepiece=clocks,
    )
    async with racer, asyncio.TaskGroup() as group:
        for number, instant in enumerate(day.arrivals[:races].tolist()):
            await anyio.sleep_until(instant)
            group.create_task(one(racer, number))
    return notes


def config_for(day: World, policy: str) -> Config:
    """The same patience with lanes for all policies: a replay has one configuration."""
    return replace(config_of(day, "all"), race=replace(config_of(day, policy).race, policy=policy))


def compare(name: str, seed: int, sources: Sequence[str], races: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = {policy: Path(folder) / f"{policy}.db" for policy in POLICIES}
        for policy, path in paths.items():
            raced(world(name, seed), policy, path, races)
        truth = {policy: Figures.of(as_it_was(_trace(path, races), ())) for policy, path in paths.items()}
        for source in sources:
            began = time.process_time()
            trace = _trace(paths[source], races)
            config = config_for(world(name, seed), source)
            found = replayed(trace, POLICIES, config, seed, lambda policy, done: None)
            seconds = time.process_time() - began
            what = f"{name}, seed {seed}, recorded with {source}: {len(trace.races)} races"
            print(f"\n{what}, {seconds:.0f} s of CPU")
            for policy, results in found.items():
                print(f"  {policy:7}", *_cells(Figures.of(results), truth[policy]), flush=True)


def _trace(path: Path, races: int) -> Trace:
    with closing(read_only(path)) as connection:
        return recorded(connection, 0.0, races)


def _cells(replay: Figures, truth: Figures) -> list[str]:
    cells = [
        f"{name} {mine:5.2f} ({true:5.2f}, x{mine / true:4.2f})"
        for name, mine, true in zip(Figures._fields[:-1], replay, truth, strict=False)
    ]
    return [*cells, f"failed {replay.failed:.1f} % ({truth.failed:.1f})"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--worlds", nargs="*", choices=[*SCENES], default=["calm3", "rough3"])
    parser.add_argument("--recorded", nargs="*", choices=POLICIES, default=["one", "all"])
    parser.add_argument("--races", type=int, default=2000)
    given = parser.parse_args()
    print(f"python benchmarks/replays.py --seeds {given.seeds} --races {given.races}")
    print(f"Python {platform.python_version()}")
    for name in given.worlds:
        for seed in range(given.seeds):
            compare(name, seed, given.recorded, given.races)
    return 0


if __name__ == "__main__":
    sys.exit(main())
