"""What a race costs beside the least that one could write by hand on bare aiohttp.

    python benchmarks/overhead.py [--blocks 30] [--races 20] [--only scenarios policies memory imports]

Both do the same streaming requests to the same simulator, which runs in a process of its own: N requests
at once, the first complete answer wins, the rest are cancelled. They take turns, block by block, and what
is printed are ratios of this process's CPU time, with the spread over the blocks.

So do the policies, in the first scenario: what an answer costs by `frugal` and by `one` beside one by `all`.
The exit code is 1 where `frugal` takes more than MOST_OF_ALL of it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import aiohttp
import orjson

from benchmarks.simulated import Simulated, simulator
from racer import Racer

PROMPT = "Why is the sky blue?"
QUESTION = orjson.dumps(
    {
        "model": "m",
        "messages": [{"role": "user", "content": PROMPT}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
)
Run = Callable[[], Awaitable[object]]
Policy = Literal["all", "frugal", "one"]
Block = tuple[float, float]  # CPU and wall seconds a race
MOST_OF_ALL = 0.45
PARTS = ("scenarios", "policies", "memory", "imports")


@dataclass(frozen=True)
class Scenario:
    title: str
    lanes: tuple[str, ...]


PROFILE = str(Path(__file__).parent / "profiles" / "overhead.toml")
SCENARIOS = (
    Scenario("4 lanes, no latency", ("a", "b", "c", "d")),
    Scenario("1 lane, no latency", ("a",)),
    Scenario("1 slow + 3 fast", ("slow", "a", "b", "c")),
)


class Bare:
    """The minimum by hand: tasks, first completed, cancel the rest."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def race(self) -> str:
        tasks = [asyncio.create_task(self._ask(url)) for url in self._urls]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return done.pop().result()

    async def _ask(self, url: str) -> str:
        pieces: list[str] = []
        headers = {"content-type": "application/json"}
        async with self._session.post(url, data=QUESTION, headers=headers) as response:
            response.raise_for_status()
            async for line in response.content:
                if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                    continue
                choices = orjson.loads(line[6:])["choices"]
                if choices and (text := choices[0]["delta"].get("content")):
                    pieces.append(text)
        return "".join(pieces)

    async def close(self) -> None:
        await self._session.close()


async def block(run: Run, races: int) -> Block:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(races):
        await run()
    return (time.process_time() - cpu) / races, (time.perf_counter() - wall) / races


async def compare(
    scenario: Scenario, sim: Simulated, blocks: int, races: int
) -> tuple[list[Block], list[Block]]:
    """Ours and theirs, block by block; printed as well."""
    bare = Bare([f"{sim.url}/{name}/v1/chat/completions" for name in scenario.lanes])
    config = sim.config(*scenario.lanes)
    async with Racer(config) as racer:
        ours: list[Block] = []
        theirs: list[Block] = []
        for turn in range(blocks + 1):
            pair = await block(lambda: racer.race(PROMPT), races), await block(bare.race, races)
            if turn:  # the first pair warms both up
                ours.append(pair[0])
                theirs.append(pair[1])
    await bare.close()
    report(scenario.title, ours, theirs)
    return ours, theirs


async def policies(sim: Simulated, blocks: int, races: int) -> float:
    """Print what an answer costs by each policy. The share of `all` that `frugal` takes."""
    scenario = SCENARIOS[0]
    names: tuple[Policy, ...] = ("all", "frugal", "one")
    found: dict[str, list[Block]] = {name: [] for name in names}
    async with AsyncExitStack() as exits:
        racers = [await exits.enter_async_context(Racer(sim.config(*scenario.lanes))) for _ in names]
        for turn in range(blocks + 1):
            for name, racer in zip(names, racers, strict=True):
                seen = await block(partial(_raced, racer, name), races)
                if turn:
                    found[name].append(seen)
    heading(scenario.title, "one / the other")
    share = report("frugal / all", found["frugal"], found["all"])
    report("one / all", found["one"], found["all"])
    report("frugal / one", found["frugal"], found["one"])
    return share


async def _raced(racer: Racer, policy: Policy) -> None:
    await racer.race(PROMPT, policy=policy)


def heading(title: str, what: str) -> None:
    print(f"  {title:22} {'CPU, ' + what:27}{'wall, ' + what:27}ms CPU a race")


def report(title: str, ours: list[Block], theirs: list[Block]) -> float:
    """The ratio of CPU time."""
    cpu = sorted(a[0] / b[0] for a, b in zip(ours, theirs, strict=True))
    wall = sorted(a[1] / b[1] for a, b in zip(ours, theirs, strict=True))
    mine, other = (statistics.median(pair[0] for pair in side) * 1e3 for side in (ours, theirs))
    print(f"  {title:22} {spread(cpu)}     {spread(wall)}     {mine:6.2f} {other:6.2f}")
    return statistics.median(cpu)


def spread(ratios: list[float]) -> str:
    tenth = len(ratios) // 10
    return f"{statistics.median(ratios):5.2f} ({ratios[tenth]:.2f} to {ratios[-1 - tenth]:.2f})"


async def memory(sim: Simulated, count: int) -> None:
    """What `count` races in flight hold, beside `count` bare ones: lanes that never answer."""
    bare = Bare([f"{sim.url}/{name}/v1/chat/completions" for name in ("hang1", "hang2", "hang3", "hang4")])
    async with Racer(sim.config("hang1", "hang2", "hang3", "hang4")) as racer:
        ours = await held(lambda: racer.race(PROMPT), count)
    theirs = await held(bare.race, count)
    await bare.close()
    print(f"  {count} races in flight: {ours / count:.1f} KiB a race; bare {theirs / count:.1f} KiB")


async def held(run: Run, count: int) -> float:
    gc.collect()
    tracemalloc.start()
    tasks = [asyncio.ensure_future(run()) for _ in range(count)]
    await asyncio.sleep(5)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return size / 1024


def imports() -> None:
    """CPU time of each import in fresh interpreters, in turns; the least of each, for the rest is noise."""
    times: dict[str, list[float]] = {"import aiohttp": [], "import racer": [], "from racer import Racer": []}
    for _ in range(11):
        for statement, seconds in times.items():
            code = f"import time; t = time.process_time(); {statement}; print(time.process_time() - t)"
            out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            seconds.append(float(out.stdout))
    print(
        "  " + ", ".join(f"{statement} {min(seconds) * 1e3:.0f} ms" for statement, seconds in times.items())
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--races", type=int, default=20)
    parser.add_argument("--in-flight", type=int, default=1000)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    given = parser.parse_args()
    command = " ".join(["python", "benchmarks/overhead.py", *sys.argv[1:]])
    machine = f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}, {os.cpu_count()} cores"
    print(f"{command}\n{machine}")
    within = True
    with simulator(PROFILE) as sim:
        if "scenarios" in given.only:
            print()
            heading("", "racer / bare")
            for scenario in SCENARIOS:
                asyncio.run(compare(scenario, sim, given.blocks, given.races))
        if "policies" in given.only:
            print()
            share = asyncio.run(policies(sim, given.blocks, given.races))
            within = share <= MOST_OF_ALL
            print(f"  {'met    ' if within else 'NOT MET'}  frugal: {share:.2f} of all, of {MOST_OF_ALL:.2f}")
        print()
        if "memory" in given.only:
            asyncio.run(memory(sim, given.in_flight))
    if "imports" in given.only:
        imports()
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
