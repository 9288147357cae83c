"""What a race costs beside the least that one could write by hand on bare aiohttp.

    python benchmarks/overhead.py [--blocks 30] [--races 20]

Both do the same streaming requests to the same simulator, which runs in a process of its own: N requests
at once, the first complete answer wins, the rest are cancelled. They take turns, block by block, and what
is printed are ratios of this process's CPU time, with the spread over the blocks.
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
from dataclasses import dataclass
from pathlib import Path

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


async def block(run: Run, races: int) -> tuple[float, float]:
    """CPU and wall seconds a race."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(races):
        await run()
    return (time.process_time() - cpu) / races, (time.perf_counter() - wall) / races


async def compare(scenario: Scenario, sim: Simulated, blocks: int, races: int) -> None:
    bare = Bare([f"{sim.url}/{name}/v1/chat/completions" for name in scenario.lanes])
    config = sim.config(*scenario.lanes)
    async with Racer(config) as racer:
        ours: list[tuple[float, float]] = []
        theirs: list[tuple[float, float]] = []
        for turn in range(blocks + 1):
            pair = await block(lambda: racer.race(PROMPT), races), await block(bare.race, races)
            if turn:  # the first pair warms both up
                ours.append(pair[0])
                theirs.append(pair[1])
    await bare.close()
    report(scenario.title, ours, theirs)


def report(title: str, ours: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> None:
    cpu = sorted(a[0] / b[0] for a, b in zip(ours, theirs, strict=True))
    wall = sorted(a[1] / b[1] for a, b in zip(ours, theirs, strict=True))
    mine, bare = (statistics.median(pair[0] for pair in side) * 1e3 for side in (ours, theirs))
    print(f"  {title:22} {spread(cpu)}   {spread(wall)}   {mine:6.2f} {bare:6.2f}")


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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--races", type=int, default=20)
    parser.add_argument("--in-flight", type=int, default=1000)
    given = parser.parse_args()
    command = " ".join(["python", "benchmarks/overhead.py", *sys.argv[1:]])
    machine = f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}, {os.cpu_count()} cores"
    print(f"{command}\n{machine}\n")
    print(f"  {'':22} {'CPU, racer / bare':22}   {'wall, racer / bare':22}   ms CPU a race")
    with simulator(PROFILE) as sim:
        for scenario in SCENARIOS:
            asyncio.run(compare(scenario, sim, given.blocks, given.races))
        print()
        asyncio.run(memory(sim, given.in_flight))
    imports()


if __name__ == "__main__":
    main()
