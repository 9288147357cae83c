"""What `racer serve` adds to a request, beside LiteLLM's proxy: a part of benchmarks/serving.py."""

from __future__ import annotations

import asyncio
import statistics
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import guests
from benchmarks.servers import PROFILE, Served, litellm, racer
from benchmarks.simulated import Simulated, simulator
from benchmarks.spread import Ratio, quantile
from benchmarks.tally import Bar

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import aiohttp

LANES = ("a", "b", "c")
AT_ONCE = 16


@dataclass(frozen=True)
class Target:
    """Somebody who is asked. `lanes` of 0: directly."""

    name: str
    served: Served
    body: bytes
    path: str = guests.CHAT

    @property
    def url(self) -> str:
        return self.served.url + self.path


@dataclass
class Seen:
    """Of each turn: milliseconds of its middle and of its slow requests, and requests per CPU second."""

    p50: list[float] = field(default_factory=list[float])
    p99: list[float] = field(default_factory=list[float])
    per_cpu: list[float] = field(default_factory=list[float])


async def turn(client: aiohttp.ClientSession, target: Target, requests: int, seen: Seen) -> None:
    ask = partial(guests.ask, client, target.url, target.body, target.served.headers)
    took = [1e3 * await ask() for _ in range(requests)]
    left = iter(range(2 * requests))

    async def worker() -> None:
        for _ in left:
            await ask()

    before = target.served.cpu()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    cpu = target.served.cpu() - before
    seen.p50.append(quantile(took, 0.5))
    seen.p99.append(quantile(took, 0.99))
    seen.per_cpu.append(2 * requests / max(cpu, 0.01))


async def in_turns(targets: Sequence[Target], blocks: int, requests: int) -> dict[str, Seen]:
    seen = {target.name: Seen() for target in targets}
    async with guests.session() as client:
        for block in range(blocks + 1):
            for target in targets:  # the first turn of each warms it up
                await turn(client, target, requests, seen[target.name] if block else Seen())
    return seen


def targets_of(
    sim: Simulated, pid: int, ours: Served, theirs: Served | None, *, stream: bool
) -> list[Target]:
    ask = partial(guests.question, stream=stream)
    direct = Served("simulator", sim.url, pid)
    found = [
        Target("directly", direct, ask("m"), f"/a{guests.CHAT}"),
        Target("racer, 1 lane", ours, ask("a")),
        Target("racer, 3 lanes", ours, ask("a,b,c")),
    ]
    if theirs is not None:
        fastest: dict[str, Any] = {"fastest_response": True}
        found.append(Target("LiteLLM, 1 lane", theirs, ask("a")))
        found.append(Target("LiteLLM, 3 lanes", theirs, ask("a, b, c", **({} if stream else fastest))))
    return found[:4] if stream else found


def overhead(given: argparse.Namespace) -> list[Bar]:
    bars: list[Bar] = []
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(PROFILE))
        lanes = {name: f"{sim.url}/{name}/v1" for name in LANES}
        ours = exits.enter_context(racer(lanes))
        theirs = proxy(exits, lanes)
        for stream in (False, True):
            targets = targets_of(sim, pid_of(sim), ours, theirs, stream=stream)
            seen = asyncio.run(in_turns(targets, given.blocks, given.requests))
            bars += told("streamed" if stream else "whole", seen)
    return bars


def proxy(exits: ExitStack, lanes: dict[str, str]) -> Served | None:
    try:
        return exits.enter_context(litellm(lanes))
    except FileNotFoundError:
        print("  LiteLLM's proxy is not installed, and so not measured: --install does it", flush=True)
    except RuntimeError as error:
        print(f"  LiteLLM's proxy did not start, and so is not measured: {error}", flush=True)
    return None


def told(title: str, seen: dict[str, Seen]) -> list[Bar]:
    print(f"\n  {title:18} {'ms p50':>8} {'added p50':>22} {'added p99':>24} {'requests/CPU s':>16}   ratio")
    direct = seen["directly"]
    for name, each in seen.items():
        p50, p99 = (
            spread([a - b for a, b in zip(mine, base, strict=True)])
            for mine, base in ((each.p50, direct.p50), (each.p99, direct.p99))
        )
        rate = statistics.median(each.per_cpu)
        print(
            f"  {name:18} {statistics.median(each.p50):8.2f} {p50:>22} {p99:>24} {rate:16,.0f}   "
            f"{Ratio.of(each.per_cpu, direct.per_cpu)}"
        )
    return [
        bar
        for lanes in ("1 lane", "3 lanes")
        if (theirs := seen.get(f"LiteLLM, {lanes}")) is not None
        for bar in beside(f"{title}, {lanes}", seen[f"racer, {lanes}"], theirs, direct)
    ]


def beside(title: str, ours: Seen, theirs: Seen, direct: Seen) -> list[Bar]:
    rate = Ratio.of(ours.per_cpu, theirs.per_cpu)
    added = [
        statistics.median(a - b for a, b in zip(each.p50, direct.p50, strict=True)) for each in (ours, theirs)
    ]
    return [
        Bar(f"{title}: {rate} times LiteLLM's requests per CPU second", rate.low > 1),
        Bar(f"{title}: {added[0]:.2f} ms added, LiteLLM {added[1]:.2f} ms", added[0] < added[1]),
    ]


def spread(values: Sequence[float]) -> str:
    """The middle one, and what eight in ten lie between."""
    low, high = quantile(values, 0.1), quantile(values, 0.9)
    return f"{statistics.median(values):.2f} ({low:.2f} to {high:.2f})"


def pid_of(sim: Simulated) -> int:
    """Of the simulator: the only process of ours that listens there."""
    port = int(sim.url.rpartition(":")[2])
    wanted = f"0100007F:{port:04X}"
    rows = (row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:])
    inode = next(row[9] for row in rows if row[1] == wanted and row[3] == "0A")
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(entry.readlink()) == f"socket:[{inode}]":
                return int(entry.parent.parent.name)
        except OSError:  # a process that has ended, or is somebody else's
            continue
    raise RuntimeError("nobody listens there")
