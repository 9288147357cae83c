"""The section on overhead: what benchmarks/overhead.py measures, with fewer blocks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from benchmarks.marked import table
from benchmarks.overhead import PROFILE, SCENARIOS, compare, heading
from benchmarks.simulated import simulator
from benchmarks.spread import Ratio, quantile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.overhead import Block

BLOCKS, RACES = 20, 20


def run() -> dict[str, Any]:
    found: dict[str, Any] = {}
    with simulator(PROFILE) as sim:
        heading("", "racer / bare")
        for scenario in SCENARIOS:
            found[scenario.title] = summed(*asyncio.run(compare(scenario, sim, BLOCKS, RACES)))
    return {"blocks": BLOCKS, "races": RACES, "scenarios": found}


def summed(ours: Sequence[Block], theirs: Sequence[Block]) -> dict[str, Any]:
    (cpu, wall), (bare_cpu, bare_wall) = zip(*ours, strict=True), zip(*theirs, strict=True)
    return {
        "cpu": Ratio.of(cpu, bare_cpu).told(),
        "wall": Ratio.of(wall, bare_wall).told(),
        "cpu_ms": [round(1e3 * quantile(side, 0.5), 3) for side in (cpu, bare_cpu)],
    }


def text(data: Mapping[str, Any]) -> str:
    rows = [
        (
            title,
            str(Ratio.read(seen["cpu"])),
            str(Ratio.read(seen["wall"])),
            "{:.2f} ms, {:.2f} ms".format(*seen["cpu_ms"]),
        )
        for title, seen in data["scenarios"].items()
    ]
    return (
        "`racer.race` beside the least that one could write by hand on bare aiohttp, in one process, in"
        f" turns: {data['blocks']} blocks of {data['races']} races each. In brackets, what eight in ten"
        " blocks lie between.\n\n"
        + table(("lanes", "CPU, racer / bare", "wall, racer / bare", "CPU a race"), rows)
    )
