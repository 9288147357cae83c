"""What it costs a race that its limits are counted, its attempts recorded and its latencies learned.

    python benchmarks/ledger.py [--blocks 30] [--races 50]

The same races on the same simulator, which runs in a process of its own: once with the ledger, on a database
on disk and with four limits a lane, once without any of it. They take turns, block by block. What is printed
is the ratio of this process's CPU time, the writing in the background and its thread included.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.overhead import PROFILE, PROMPT, block, spread
from benchmarks.simulated import Simulated, simulator
from racer import Config, Racer
from racer.core.provider import Limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from racer.core.breaker import Block, Breakers
    from racer.core.provider import Lane
    from racer.core.rank import Form

LIMITS = (
    Limit("requests", 1e6, "minute"),
    Limit("requests", 1e8, "day", reset="00:00 UTC"),
    Limit("tokens", 1e9, "minute"),
    Limit("tokens", 1e11, "day", reset="00:00 America/Los_Angeles"),
)


class Ungated:
    """The breakers alone."""

    def __init__(self, breakers: Breakers) -> None:
        self._breakers = breakers
        self.wake: Callable[[], None] = lambda: None

    def blocked(self, lane: Lane, now: float) -> Block | None:
        return self._breakers.blocked(lane, now)

    def started(self, lane: Lane, now: float) -> None:
        self._breakers.started(lane, now)

    def ask(self, lane: Lane) -> None: ...

    def ended(self, *_: object) -> None: ...


class Uncounted:
    """A ledger that keeps nothing."""

    now = staticmethod(time.time)

    def admission(self, breakers: Breakers, *_: object) -> Ungated:
        return Ungated(breakers)

    def forms(self, lanes: Iterable[Lane]) -> Mapping[str, Form]:
        return {}

    def observe(self, fact: object) -> None: ...


async def compare(sim: Simulated, lanes: Sequence[str], blocks: int, races: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        counted = counting(sim.config(*lanes), Path(folder) / "racer.db")
        async with Racer(counted) as on, Racer(sim.config(*lanes)) as off:
            # There is no switch for this, and there shall be none.
            kept = off.ledger
            setattr(off, "ledger", Uncounted())  # noqa: B010 - it only looks like a ledger
            ratios = [await pair(on, off, races) for _ in range(blocks + 1)][1:]
            off.ledger = kept
        size = (Path(folder) / "racer.db").stat().st_size
    cpu = sorted(with_ / without for with_, without in ratios)
    mine, bare = (statistics.median(side) * 1e3 for side in zip(*ratios, strict=True))
    print(f"  {len(lanes)} lanes  {spread(cpu)}   {mine:.2f} {bare:.2f}   {size / 1024:,.0f} KiB on disk")


def counting(config: Config, database: Path) -> Config:
    providers = tuple(replace(provider, limits=LIMITS) for provider in config.providers)
    return replace(config, providers=providers, env={"RACER_DB": str(database)})


async def pair(on: Racer, off: Racer, races: int) -> tuple[float, float]:
    """CPU seconds a race, with and without; what is written a moment later belongs to its race."""

    async def run(racer: Racer, pause: float) -> float:
        began = time.process_time()
        await block(lambda: racer.race(PROMPT), races)
        await asyncio.sleep(pause)
        return (time.process_time() - began) / races

    return await run(on, 0.4), await run(off, 0.4)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--races", type=int, default=50)
    given = parser.parse_args()
    print(" ".join(["python", "benchmarks/ledger.py", *sys.argv[1:]]))
    print(f"Python {platform.python_version()}\n\n           CPU, on / off          ms a race, on and off")
    with simulator(PROFILE) as sim:
        for lanes in (("a", "b", "c", "d"), ("a",)):
            asyncio.run(compare(sim, lanes, given.blocks, given.races))


if __name__ == "__main__":
    main()
