"""What readers leave behind who go when they like, and what a reader costs who is slow.

    python benchmarks/readers.py [--streams 10000] [--seconds 20]

Ten thousand streams of four lanes, many at once, against the simulator in a process of its own. Their readers
leave at random: before the first token, in the midst, by an exception of their own, cancelled, or at the end.
After each tenth of them the memory is looked at, and after the last what is left: no task, no timer, no
socket but those that lie idle in the pool, and none of these either when the Racer is closed. The simulator's
counters are a witness of their own: it has nothing open.

Before that one reader takes a piece each second of a stream of 10 MB that comes as fast as it can, from a
server in a process of its own. The bar: what this process holds beyond its idle state stays under 2 MB at any
time, the text that was read included, for the reply will have it. Python's own count is taken: what the
allocator keeps of it for later is printed beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import random
import resource
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.simulated import Simulated, simulator
from benchmarks.soak import all_gone, left_behind, sockets
from benchmarks.torrent import BYTES, torrent
from racer import Racer, StreamBroken
from racer.config.record import StoreSettings
from racer.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from racer import Config
    from racer.stream import Stream

PROFILE = str(Path(__file__).parent / "profiles" / "soak.toml")
PROMPT = "Why is the sky blue?"
AT_ONCE = 25
TENTHS = 10
SETTLED = 0.2  # seconds until the connections are open that replace the closed ones
FLAT = 512 * 1024  # bytes that the last half of all streams may add
LITTLE = 2_000_000
MOST_PIECES = 12


class Enough(Exception):
    """A reader's own."""


# ---------------------------------------------------------------- readers that leave


async def before_the_first(stream: Stream, chance: random.Random) -> None:
    await asyncio.sleep(chance.choice((0.0, chance.uniform(0, 0.004))))


async def in_the_midst(stream: Stream, chance: random.Random) -> None:
    left = chance.randint(1, MOST_PIECES)
    async for _ in stream:
        left -= 1
        if not left:
            return


async def by_an_exception(stream: Stream, chance: random.Random) -> None:
    await in_the_midst(stream, chance)
    raise Enough


async def at_the_end(stream: Stream, chance: random.Random) -> None:
    async for _ in stream:
        pass
    assert stream.reply.text


WAYS = (before_the_first, in_the_midst, by_an_exception, at_the_end)


async def read(racer: Racer, way: Callable[[Stream, random.Random], Awaitable[None]], seed: int) -> None:
    async with racer.stream(PROMPT) as stream:
        await way(stream, random.Random(seed))


async def one(racer: Racer, chance: random.Random, ends: Counter[str]) -> None:
    """A stream and its reader; every fifth reader is cancelled by somebody else."""
    way = chance.choice((*WAYS, None))
    task = asyncio.ensure_future(read(racer, way or at_the_end, chance.getrandbits(32)))
    if way is None:
        await asyncio.sleep(chance.uniform(0, 0.05))
        task.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    fine = result is None or isinstance(result, (Enough, asyncio.CancelledError))
    ends[(way.__name__ if way else "cancelled") if fine else repr(result)] += 1


async def leave(racer: Racer, streams: int, chance: random.Random, ends: Counter[str]) -> None:
    left = iter(range(streams))

    async def worker() -> None:
        for _ in left:
            await one(racer, chance, ends)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def readers(sim: Simulated, streams: int, folder: str) -> bool:
    chance, ends = random.Random(3), Counter[str]()
    before, held = sockets(), list[int]()
    async with Racer(on_disk(sim.config("quick", "even", "slow", "hung"), folder)) as racer:
        at_first = len(asyncio.all_tasks())
        for tenth in range(1, TENTHS + 1):
            await leave(racer, streams // TENTHS, chance, ends)
            await asyncio.sleep(SETTLED)
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
            print(f"  {tenth * streams // TENTHS:7,} {held[-1] / 1e6:10.2f} {resident() / 1e6:10.1f}", end="")
            print(f"   {left_behind(before)}")
        gone = await all_gone(sim, time.monotonic())
        more = len(asyncio.all_tasks()) - at_first
    await asyncio.sleep(0)
    left = sockets() - before
    tasks = len(asyncio.all_tasks()) - 1
    witness = "nothing" if gone < float("inf") else "some"
    print(f"  open: {more} tasks more than at first; closed: {tasks} tasks, {left} sockets", end="")
    print(f"; at the simulator: {witness} open")
    print("  they left:", ", ".join(f"{name} {count:,}" for name, count in sorted(ends.items())))
    known = {way.__name__ for way in WAYS} | {"cancelled"}
    flat = held[-1] - held[TENTHS // 2 - 1] < FLAT
    return not (tasks or more or left or set(ends) - known) and gone < float("inf") and flat


def on_disk(config: Config, folder: str) -> Config:
    """What the ledger notes grows: it belongs on the disk, as anywhere."""
    return replace(config, store=StoreSettings(url=f"sqlite:///{folder}/racer.db"))


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


# ---------------------------------------------------------------- a reader that is slow


async def slow(url: str, seconds: int) -> bool:
    config = Simulated(url).config("torrent")
    async with Transport(largest=2 * BYTES) as transport, Racer(config, transport=transport) as racer:
        await warm_up(racer)
        gc.collect()
        idle, idle_resident = tracemalloc.get_traced_memory()[0], resident()
        tracemalloc.reset_peak()
        read = pieces = most_resident = 0
        async with racer.stream(PROMPT, deadline=3600) as stream:
            with contextlib.suppress(StreamBroken):
                async for piece in stream:
                    read += len(piece.text)
                    pieces += 1
                    most_resident = max(most_resident, resident())
                    if pieces == seconds:
                        break
                    await asyncio.sleep(1)
        peak = tracemalloc.get_traced_memory()[1] - idle
    print(f"  {pieces} pieces, {read / 1e6:.2f} MB of text, read in {seconds} s")
    print(
        f"  beyond idle: {peak / 1e6:.2f} MB at most, {(peak - read) / 1e6:.2f} without the text read;",
        end="",
    )
    print(f" resident {(most_resident - idle_resident) / 1e6:.2f} MB")
    return pieces == seconds and peak < LITTLE


async def warm_up(racer: Racer) -> None:
    """Code and connections that every stream needs are not what one costs."""
    for _ in range(3):
        async with racer.stream(PROMPT) as stream:
            async for _ in stream:
                break


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=20)
    given = parser.parse_args()
    print(f"python benchmarks/readers.py --streams {given.streams} --seconds {given.seconds}\n")
    with torrent() as url:
        tracemalloc.start()
        print("  a slow reader")
        good = asyncio.run(slow(url, given.seconds))
    print(f"\n  {'streams':>7} {'traced MB':>10} {'resident':>10}   left while the Racer is open")
    with simulator(PROFILE) as sim, tempfile.TemporaryDirectory() as folder:
        good = asyncio.run(readers(sim, given.streams, folder)) and good
    print(f"\n  {'met' if good else 'NOT MET'}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
