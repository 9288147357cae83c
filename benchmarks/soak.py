"""What must hold however often it is tried: poison never wins, and nothing is left behind.

    python benchmarks/soak.py [--races 1000]

The simulator runs in a process of its own, so its counters are a witness that does not share our bugs.
The tests run the same functions with fewer races.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.simulated import Simulated, simulator
from racer import Racer, RacerError
from racer.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

POISONS = (
    "done-only",
    "empty-200",
    "empty-content",
    "error-frame",
    "error-200",
    "html-200",
    "half-json",
    "role-then-silence",
    "reset-mid",
    "truncated",
    "wrong-type",
    "whitespace",
    "reasoning-only",
)
AT_ONCE = 25
PROFILE = str(Path(__file__).parent / "profiles" / "soak.toml")
PROMPT = "Why is the sky blue?"


@dataclass
class Tally:
    """How many races ended how."""

    ends: Counter[str] = field(default_factory=Counter[str])


async def poison(sim: Simulated, kind: str, races: int) -> Tally:
    """`kind` beside one healthy, slower lane. Each race is without memory, or a breaker would skip `kind`."""
    tally = Tally()
    async with Transport() as transport:

        async def one() -> None:
            async with Racer(sim.config(kind, "healthy"), transport=transport) as racer:
                try:
                    reply = await racer.race(PROMPT)
                except RacerError as error:
                    tally.ends[type(error).__name__] += 1
                else:
                    ran = {attempt.provider for attempt in reply.attempts}
                    tally.ends[reply.provider if kind in ran else "poison did not run"] += 1

        await in_parallel(one, races)
    return tally


async def cancelled(sim: Simulated, names: tuple[str, ...], races: int, seed: int) -> Tally:
    """Callers that leave at random instants: before the first byte, in the middle, about at the win."""
    tally, chance = Tally(), random.Random(seed)
    async with Racer(sim.config(*names)) as racer:

        async def one() -> None:
            task = asyncio.ensure_future(racer.race(PROMPT))
            await asyncio.sleep(chance.choice((0.0, chance.uniform(0, 0.004), chance.uniform(0, 0.1))))
            task.cancel()
            await asyncio.wait([task])
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            tally.ends["Reply" if error is None else type(error).__name__] += 1

        await in_parallel(one, races)
    return tally


async def won(sim: Simulated, names: tuple[str, ...], races: int) -> tuple[Tally, list[float]]:
    """Normal races, and for each the milliseconds until the simulator had seen every loser go."""
    tally, seen = Tally(), list[float]()
    async with Racer(sim.config(*names)) as racer:
        for _ in range(races):
            reply = await racer.race(PROMPT)
            at = time.monotonic()
            tally.ends["won"] += bool(reply.text)
            seen.append(await all_gone(sim, at))
    return tally, seen


async def all_gone(sim: Simulated, since: float) -> float:
    """Milliseconds until nothing is open at the simulator; by its own clock, which is ours too."""
    while True:
        counters = await asyncio.to_thread(sim.get, "/sim/counters")
        if not counters["totals"]["open"]:
            last = max((p["last_drop_at"] or 0.0) for p in counters["providers"].values())
            return max(0.0, (last - since) * 1e3)
        if time.monotonic() - since > 5:
            return float("inf")


async def in_parallel(one: Callable[[], Awaitable[None]], count: int) -> None:
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(worker() for _ in range(min(AT_ONCE, count))))


def sockets() -> int:
    """Open sockets of this process."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found += str(entry.readlink()).startswith("socket:")
        except OSError:
            continue
    return found


def left_behind(before: int) -> str:
    """Tasks, timers and sockets that are there and should not be."""
    gc.collect()
    loop = asyncio.get_running_loop()
    tasks = len(asyncio.all_tasks()) - 1
    timers = sum(not handle.cancelled() for handle in getattr(loop, "_scheduled", ()))
    return f"{tasks} tasks, {timers} timers, {sockets() - before} sockets"


async def run(races: int) -> bool:
    good = True
    with simulator("poison") as sim:
        for kind in POISONS:
            before = sockets()
            tally = await poison(sim, kind, races)
            good &= tally.ends == Counter(healthy=races)
            print(f"  {kind:20} {dict(tally.ends)}; left: {left_behind(before)}")
    with simulator(PROFILE) as sim:
        names = tuple(sim.get("/sim/profile")["providers"])
        before = sockets()
        tally = await cancelled(sim, names, races, seed=7)
        print(f"  cancelled by caller  {dict(tally.ends)}; left: {left_behind(before)}")
        gone = await all_gone(sim, time.monotonic())
        good &= gone < float("inf")
        before = sockets()
        tally, seen = await won(sim, names, races)
        seen.sort()
        print(f"  won normally         {dict(tally.ends)}; left: {left_behind(before)}")
        print(
            f"  losers seen gone after the win: median {seen[len(seen) // 2]:.1f} ms, worst {seen[-1]:.1f} ms"
        )
        good &= seen[-1] < 100
    return good


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--races", type=int, default=1000)
    given = parser.parse_args()
    print(f"python benchmarks/soak.py --races {given.races}")
    sys.exit(0 if asyncio.run(run(given.races)) else 1)


if __name__ == "__main__":
    main()
