"""How soon a reader has the first token: of a race, of one lane, of the same race by hand, and at best.

    python benchmarks/stream.py [--rounds 200] [--blocks 30] [--races 20]

The simulator runs in a process of its own. First, four lanes draw the time of their first token from one
distribution. In each round a stream of four lanes, a race by hand on bare aiohttp and a stream of one lane
take turns, with a pause between, so that nobody works while the other is timed. What the simulator drew for
each request is drawn here again: the least of the four is the ideal, and what a contender needs beyond its
own ideal is its own. This is the program that does nothing else: each time all has gone cold.

Then four lanes whose first token comes at once: nothing is left but the work, and the program is busy. They
take turns block by block, and what is printed are the differences of the blocks' medians. A stream also races
without spare connections, for the race by hand has none.

The bar: at p50 the engine adds less than a millisecond to the race by hand, in both parts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import orjson

from benchmarks.draws import Draws
from benchmarks.simulated import Simulated, simulator
from racer import Racer
from racer.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    First = Callable[[], Awaitable[float]]

PROFILES = Path(__file__).parent / "profiles"
DRAWN, INSTANT = str(PROFILES / "stream.toml"), str(PROFILES / "instant.toml")
LANES = ("a", "b", "c", "d")
PROMPT = "Why is the sky blue?"
QUESTION = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": PROMPT}], "stream": True})
BAR = 1e-3
PAUSE = 0.04
LONG = 60.0
WARM_UP = 1


class Bare:
    """The minimum by hand: ask all, the first content decides, cancel the rest."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def first(self) -> float:
        """Seconds to the first token."""
        began = time.perf_counter()
        decided: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        tasks = [asyncio.create_task(self._ask(n, url, decided)) for n, url in enumerate(self._urls)]
        try:
            winner = await asyncio.wait_for(decided, LONG)
            for n, task in enumerate(tasks):
                if n != winner:
                    task.cancel()
            return time.perf_counter() - began
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, number: int, url: str, decided: asyncio.Future[int]) -> None:
        headers = {"content-type": "application/json"}
        async with self._session.post(url, data=QUESTION, headers=headers) as response:
            response.raise_for_status()
            async for line in response.content:
                if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                    continue
                choices = orjson.loads(line[6:])["choices"]
                if choices and choices[0]["delta"].get("content") and not decided.done():
                    decided.set_result(number)

    async def close(self) -> None:
        await self._session.close()


async def streamed(racer: Racer, lanes: int) -> float:
    """Seconds to the first token of a stream that is left then."""
    began = time.perf_counter()
    async with racer.stream(PROMPT, lanes=lanes) as stream:
        async for piece in stream:
            if piece.text:
                return time.perf_counter() - began
    raise RuntimeError("a stream without a token")


async def in_turns(contenders: Sequence[First], turn: int) -> list[float]:
    """Each once; another begins in each turn. The seconds are in the order of the contenders."""
    found = [0.0] * len(contenders)
    for place in range(len(contenders)):
        n = (turn + place) % len(contenders)
        found[n] = await contenders[n]()
    return found


# ---------------------------------------------------------------- lanes that draw


async def drawn(sim: Simulated, rounds: int) -> bool:
    draws, bare = Draws(sim, DRAWN), Bare(urls(sim))
    ideals: dict[str, list[float]] = {"race": [], "hand": [], "one": []}

    def with_ideal(name: str, lanes: int, first: First) -> First:
        async def run() -> float:
            seconds = await first()
            ideals[name].append(min(each.first for each in await draws.last(lanes)))
            await asyncio.sleep(PAUSE)
            return seconds

        return run

    async with Racer(sim.config(*LANES)) as racer:
        contenders = (
            with_ideal("race", 4, lambda: streamed(racer, 4)),
            with_ideal("hand", 4, bare.first),
            with_ideal("one", 1, lambda: streamed(racer, 1)),
        )
        turns = [await in_turns(contenders, turn) for turn in range(rounds)]
    await bare.close()
    race, hand, one = (list(each) for each in zip(*turns, strict=True))
    row("one lane", one)
    row("stream of four lanes", race)
    row("race by hand of four", hand)
    row("ideal of the four", ideals["race"] + ideals["hand"])
    ours, theirs = beyond(race, ideals["race"]), beyond(hand, ideals["hand"])
    print(f"\n  beyond its own ideal at p50: stream {ms(ours)}, by hand {ms(theirs)} ms", end="")
    return verdict(ours - theirs)


def beyond(seconds: Sequence[float], ideals: Sequence[float]) -> float:
    """The median of what came on top. Nobody can be faster than what was drawn."""
    added = [took - ideal for took, ideal in zip(seconds, ideals, strict=True)]
    if min(added) < 0:
        raise RuntimeError("faster than the simulator: what is drawn here is not what it drew")
    return statistics.median(added)


# ---------------------------------------------------------------- lanes without latency


async def instant(sim: Simulated, blocks: int, races: int) -> bool:
    bare = Bare(urls(sim))
    async with (
        Racer(sim.config(*LANES)) as racer,
        Transport(spares=False) as plain,
        Racer(sim.config(*LANES), transport=plain) as without,
    ):
        firsts = (lambda: streamed(racer, 4), lambda: streamed(without, 4), bare.first)
        contenders = [partial(block, first, races) for first in firsts]
        turns = [await in_turns(contenders, turn) for turn in range(WARM_UP + blocks)][WARM_UP:]
    await bare.close()
    race, spareless, hand = (list(each) for each in zip(*turns, strict=True))
    row("stream of four lanes", race)
    row("without spares", spareless)
    row("race by hand of four", hand)
    print("\n  added to the race by hand at p50:", end="")
    good = verdict(paired(race, hand))
    print("  without spare connections:", end="")
    return verdict(paired(spareless, hand)) and good


async def block(first: First, races: int) -> float:
    """The median of so many, one right after the other."""
    return statistics.median([await first() for _ in range(races)])


def paired(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(one - other for one, other in zip(ours, theirs, strict=True))


# ---------------------------------------------------------------- print


def urls(sim: Simulated) -> list[str]:
    return [f"{sim.url}/{name}/v1/chat/completions" for name in LANES]


def row(title: str, seconds: Sequence[float]) -> None:
    ordered = sorted(seconds)
    at = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
    print(f"  {title:24}" + "".join(f"{ms(each):>10}" for each in at))


def ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f}"


def verdict(added: float) -> bool:
    print(f" {added * 1e3:+.3f} ms ({'met' if added < BAR else 'NOT MET'}: less than {BAR * 1e3:g})")
    return added < BAR


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--races", type=int, default=20)
    given = parser.parse_args()
    print(" ".join(["python benchmarks/stream.py", *sys.argv[1:]]))
    print(f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}, {os.cpu_count()} cores\n")
    print(f"  {'first token, ms':24}{'p50':>10}{'p95':>10}\n  four lanes of one distribution")
    with simulator(DRAWN) as sim:
        good = asyncio.run(drawn(sim, given.rounds))
    print("\n  four lanes without latency; p50 and p95 of the blocks' medians")
    with simulator(INSTANT) as sim:
        good = asyncio.run(instant(sim, given.blocks, given.races)) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
