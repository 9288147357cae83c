"""What `racer serve` costs, and what it bears: its overhead, many streams, slow readers, leavers, idlers.

    python benchmarks/serving.py [--parts overhead streams slow leavers idle] [--blocks 20] [--requests 100]

Simulator, server and clients are processes of their own, on one machine.

overhead  added latency and requests per CPU second of the server's process, with one lane and with three,
          beside the simulator called directly and beside LiteLLM's proxy with the same lanes. They take
          turns, block by block: first one request at a time for the latency, then 16 at once for the CPU.
          LiteLLM lives in an environment of its own, which --install makes; without it, it is left out.
streams   2,000 streams that come at once and are all under way at the same time: each has to end whole.
slow      readers that take 4 KB each half second of an answer of 10 MB: what the server holds for one of them
          has a bound, and others have their answers meanwhile.
leavers   10,000 clients that go at random instants, half of them with a reset: no task, no connection, no
          memory is left of them in the server, and the simulator has nothing open.
idle      10,000 connections that say nothing, and as many that have had an answer and say nothing more: the
          server takes part of them, and an honest client has its answers.

The exit code is 1 where a bar is not met.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import resource
import sys
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import aiohttp

from benchmarks import guests
from benchmarks.added import overhead
from benchmarks.peers import environments
from benchmarks.servers import PROFILE, PROXY, Served, racer
from benchmarks.simulated import Simulated, simulator
from benchmarks.soak import all_gone
from benchmarks.spread import quantile
from benchmarks.tally import Bar, concluded
from benchmarks.torrent import BYTES, torrent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PARTS = ("overhead", "streams", "slow", "leavers", "idle")
STREAMS, HOUSES = 2000, 8  # racer opens at most 256 connections to one address, so there are several
SLOW = 50
MOST_FOR_ONE = 2.0  # MB that the server may hold for a slow reader, of the 10 that he is to have
MOST_SLOWER = 2.0
FLAT = 1.0  # MB that the last half of all leavers may add
POOL = 256  # connections to the simulator that wait for the next race
IDLE = 10_000
PLACES = 4096 + 1024  # those whom the system has let in and the server has not seen yet are among them
MOST_IDLE = 200.0  # MB for all idle connections that the server keeps
TENTHS = 10


# ---------------------------------------------------------------- streams


def streams(_: argparse.Namespace) -> list[Bar]:
    with ExitStack() as exits:
        sims = [exits.enter_context(simulator(PROFILE)) for _ in range(HOUSES)]
        lanes = {f"s{number}": f"{sim.url}/steady/v1" for number, sim in enumerate(sims)}
        served = exits.enter_context(racer(lanes, in_flight=2 * STREAMS))
        return asyncio.run(_streams(served, list(lanes)))


async def _streams(served: Served, names: Sequence[str]) -> list[Bar]:
    crowd, url, began = guests.Crowd(), served.url + guests.CHAT, time.monotonic()
    bodies = [guests.question(name, stream=True) for name in names]
    async with guests.session() as client:
        before = served.resident()
        most = before
        each = [bodies[number % len(bodies)] for number in range(STREAMS)]
        tasks = [asyncio.ensure_future(crowd.stream(client, url, body)) for body in each]
        while (await asyncio.wait(tasks, timeout=0.5))[1]:
            most = max(most, served.resident())
    seconds = time.monotonic() - began
    print(f"  {dict(crowd.ends)} in {seconds:.1f} s; {crowd.most:,} under way at the same time")
    more = most - before
    print(
        f"  the server: {before:.0f} MB before, {most:.0f} MB at most, {1e3 * more / STREAMS:.0f} KB a stream"
    )
    whole = crowd.ends["whole"]
    return [
        Bar(f"streams: {whole:,} of {STREAMS:,} whole", whole == STREAMS),
        Bar(f"streams: {crowd.most:,} under way at the same time, of {STREAMS:,}", crowd.most == STREAMS),
    ]


# ---------------------------------------------------------------- slow readers


def slow(given: argparse.Namespace) -> list[Bar]:
    with simulator(PROFILE) as sim, torrent() as large:
        lanes = {"a": f"{sim.url}/a/v1", "large": f"{large}/torrent/v1"}
        with racer(lanes) as served:
            return asyncio.run(_slow(served, given.seconds))


async def _slow(served: Served, seconds: float) -> list[Bar]:
    taken: list[int] = []
    body = guests.question("large", stream=True)
    async with guests.session() as client:
        alone = await others(client, served, seconds / 2)
        before = served.resident()
        over = asyncio.Event()
        readers = [asyncio.ensure_future(guests.slow_reader(served, body, over, taken)) for _ in range(SLOW)]
        filled = await calm(client, served, quantile(alone, 0.5))
        together = await others(client, served, seconds)
        most = served.resident()
        over.set()
        ends = await asyncio.gather(*readers, return_exceptions=True)
    wrong = [repr(end) for end in ends if end is not None]
    mine = (most - before) / SLOW
    p50, p99 = ([quantile(each, share) for each in (alone, together)] for share in (0.5, 0.99))
    print(
        f"  {SLOW} readers have taken {sum(taken) / SLOW / 1e3:.0f} KB each, of {BYTES / 1e6:.0f} MB"
        f" {wrong or ''}"
    )
    print(
        f"  the server: {before:.0f} MB before, {most:.0f} MB with them: {1e3 * mine:.0f} KB for each; "
        f"others waited for {filled:.1f} s until its buffers were full"
    )
    print(
        f"  others: p50 {1e3 * p50[0]:.1f} ms alone, {1e3 * p50[1]:.1f} ms beside them; "
        f"p99 {1e3 * p99[0]:.1f} and {1e3 * p99[1]:.1f} ms; {len(together):,} answers"
    )
    ratio = p50[1] / p50[0]
    return [
        Bar(f"slow: {mine:.2f} MB for each, of {MOST_FOR_ONE:.2f}", mine <= MOST_FOR_ONE),
        Bar(f"slow: others take {ratio:.2f} times as long, of {MOST_SLOWER:.2f}", ratio <= MOST_SLOWER),
        Bar(f"slow: {SLOW - len(wrong)} of {SLOW} were served to the end", not wrong),
    ]


async def calm(client: aiohttp.ClientSession, served: Served, usual: float) -> float:
    """Seconds until the server has sent all that its slow clients take at once: three quick answers tell."""
    url, body = served.url + guests.CHAT, guests.question("a", stream=False)
    began, quick = time.monotonic(), 0
    while quick < 3 and time.monotonic() - began < 120:
        took = await guests.ask(client, url, body)
        quick = quick + 1 if took < 5 * usual + 0.05 else 0
    return time.monotonic() - began


async def others(client: aiohttp.ClientSession, served: Served, seconds: float) -> list[float]:
    url, body, found = served.url + guests.CHAT, guests.question("a", stream=False), list[float]()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found.append(await guests.ask(client, url, body))
    return found


# ---------------------------------------------------------------- leavers


def leavers(given: argparse.Namespace) -> list[Bar]:
    with simulator(PROFILE) as sim:
        lanes = {name: f"{sim.url}/{name}/v1" for name in ("a", "brief", "steady")}
        with racer(lanes, traced=True) as served:
            return asyncio.run(_leavers(sim, served, given.leavers))


async def _leavers(sim: Simulated, served: Served, count: int) -> list[Bar]:
    chance, ends = random.Random(5), Counter[str]()
    names = ("a", "brief", "brief,steady", "a,brief,steady")
    bodies = [guests.question(name, stream=stream) for name in names for stream in (True, False)]
    await crowd_of(served, bodies, chance, 100, Counter())
    first = await settled(served)
    held: list[float] = []
    print(f"  {'leavers':>8} {'traced MB':>10} {'resident MB':>12}")
    for tenth in range(1, TENTHS + 1):
        await crowd_of(served, bodies, chance, count // TENTHS, ends)
        held.append((await settled(served))["traced"] / 1e6)
        print(f"  {tenth * count // TENTHS:8,} {held[-1]:10.2f} {served.resident():12.1f}", flush=True)
    gone = await all_gone(sim, time.monotonic())
    last, clients = await settled(served), served.clients()
    print("  they left:", ", ".join(f"{name} {number:,}" for name, number in sorted(ends.items())))
    in_flight = sum(served.metric(f"racer_{what}_in_flight") for what in ("http", "races", "lanes"))
    added = held[-1] - held[TENTHS // 2 - 1]
    known = {"silent", "half a question", "waiting", "in the midst", "at the end"}
    tasks, sockets = last["tasks"] - first["tasks"], last["sockets"]
    return [
        Bar(f"leavers: {tasks:.0f} tasks more than after the first hundred", tasks <= 0),
        Bar(f"leavers: {clients} connections of theirs are open", clients <= 1),
        Bar(f"leavers: {sockets:.0f} sockets, the pool of {POOL} included", sockets <= POOL + 8),
        Bar(f"leavers: {in_flight:.0f} requests, races and lanes in flight", in_flight == 0),
        Bar(f"leavers: {added:.2f} MB more in the last half, of {FLAT:.2f}", added <= FLAT),
        Bar("leavers: nothing is open at the simulator", gone < float("inf")),
        Bar(f"leavers: none had another end than its own {set(ends) - known or ''}", not set(ends) - known),
    ]


async def crowd_of(
    served: Served, bodies: list[bytes], chance: random.Random, count: int, ends: Counter[str]
) -> None:
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            ends[await guests.leaver(served, bodies, chance)] += 1

    await asyncio.gather(*(worker() for _ in range(100)))


async def settled(served: Served) -> dict[str, float]:
    """What the server holds once it has heard of everybody's going: twice the same number of tasks."""
    before = await asyncio.to_thread(served.holds)
    for _ in range(40):
        await asyncio.sleep(0.5)
        now = await asyncio.to_thread(served.holds)
        if now["tasks"] == before["tasks"]:
            return now
        before = now
    return before


# ---------------------------------------------------------------- idle ones


def idle(_: argparse.Namespace) -> list[Bar]:
    lives = b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    bars: list[Bar] = []
    with simulator(PROFILE) as sim:
        for title, first in (("silent", b""), ("after an answer", lives)):
            with racer({"a": f"{sim.url}/a/v1"}) as served:
                bars += asyncio.run(_idle(served, title, first))
    return bars


async def _idle(served: Served, title: str, first: bytes) -> list[Bar]:
    before = served.resident()
    found = await guests.idle(served, IDLE, first)
    kept, most = await standing(served), served.resident()
    async with guests.session() as client:
        took = await others(client, served, 5)
    for raw in found:
        raw.close()
    print(
        f"  {title}: {len(found):,} connections; the server keeps {kept:,}, {most - before:.0f} MB for them"
    )
    print(f"  an honest client meanwhile: {len(took):,} answers, p99 {1e3 * quantile(took, 0.99):.1f} ms")
    return [
        Bar(f"idle, {title}: {len(found):,} of {IDLE:,} connections were made", len(found) == IDLE),
        Bar(f"idle, {title}: {kept:,} are kept, of {PLACES:,}", kept <= PLACES),
        Bar(f"idle, {title}: {most - before:.0f} MB, of {MOST_IDLE:.0f}", most - before <= MOST_IDLE),
        Bar(f"idle, {title}: {len(took):,} answers for an honest client", len(took) > 0),
    ]


async def standing(served: Served) -> int:
    """The connections to it, once nobody is being sent away any more."""
    before = served.clients()
    for _ in range(20):
        await asyncio.sleep(0.25)
        now = served.clients()
        if now == before:
            return now
        before = now
    return before


# ---------------------------------------------------------------- all


RUN: dict[str, Callable[[argparse.Namespace], list[Bar]]] = {
    "overhead": overhead,
    "streams": streams,
    "slow": slow,
    "leavers": leavers,
    "idle": idle,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--blocks", type=int, default=20, help="turns of each, for the overhead (20)")
    parser.add_argument("--requests", type=int, default=100, help="one after the other, in each turn (100)")
    parser.add_argument(
        "--seconds", type=float, default=10, help="that others are asked beside slow readers (10)"
    )
    parser.add_argument("--leavers", type=int, default=10_000)
    parser.add_argument(
        "--install", action="store_true", help="make the environment of LiteLLM's proxy first"
    )
    given = parser.parse_args()
    print(" ".join(["python benchmarks/serving.py", *sys.argv[1:]]))
    print(f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}, {os.cpu_count()} cores")
    if given.install and (why := environments.prepare([PROXY])):
        print(f"LiteLLM's proxy could not be installed: {why[PROXY]}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    bars: list[Bar] = []
    for name in given.parts:
        print(f"\n{name}", flush=True)
        began = time.monotonic()
        bars += RUN[name](given)
        print(f"  {time.monotonic() - began:.0f} s", flush=True)
    return concluded(bars)


if __name__ == "__main__":
    sys.exit(main())
