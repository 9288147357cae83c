"""The section on policies: days of benchmarks/worlds.py raced in virtual time by benchmarks/policies.py."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks.marked import table
from benchmarks.policies import Job
from benchmarks.policies import run as day_of
from benchmarks.tally import Day, Figures, gain
from benchmarks.worlds import SCENES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

POLICIES = ("all", "frugal", "one")
ABOUT = {
    "calm3": "3 metered lanes, ample quota, nothing goes wrong",
    "calm4": "the same and a local lane",
    "rough3": "3 metered lanes: slow spells, an outage, a hang, bursts of 429, the own line down",
    "rough4": "the same and a local lane",
    "ample7": "7 metered lanes, rough, ample quota",
    "scarce4": "3 metered lanes and a local one, rough, quota for a third of the day",
    "scarce7": "7 metered lanes, rough, quota for three quarters of the day",
    "cold7": "7 metered lanes, the first 150 requests, nothing learned",
}


def run(seeds: int) -> dict[str, Any]:
    """The longest days first, so that no core waits for the other at the end."""
    jobs = [Job(world, policy, seed) for world in SCENES for policy in POLICIES for seed in range(seeds)]
    found: dict[Job, Day] = {}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        coming = [pool.submit(day_of, job) for job in sorted(jobs, key=lambda job: job.world == "cold7")]
        for future in as_completed(coming):
            done = future.result()
            found[done.job] = done.day
            print(f"  {len(found)} of {len(jobs)}: {done.job.world}, {done.job.policy}", flush=True)
    worlds = {
        world: {
            policy: [asdict(found[Job(world, policy, seed)]) for seed in range(seeds)] for policy in POLICIES
        }
        for world in SCENES
    }
    return {"seeds": seeds, "worlds": worlds}


def figures(data: Mapping[str, Any], world: str) -> dict[str, Figures]:
    """Over the seeds, by policy."""
    return {policy: Figures.of(_days(days)) for policy, days in data["worlds"][world].items()}


def _days(told: Sequence[Mapping[str, Any]]) -> list[Day]:
    return [Day(**day) for day in told]


def text(data: Mapping[str, Any]) -> str:
    rows = [row for world in _worlds(data) for row in _rows(data, world)]
    seeds = data["seeds"]
    said = "one seed" if seeds == 1 else f"{seeds} seeds; in brackets, the least and the most of them"
    head = ("day", "policy", "p50", "p95", "p99", "failed", "metered requests an answer", "gain")
    return (
        "Whole days of 4,000 to 6,000 requests, raced by the real engine in virtual time: quotas, breakers,"
        f" learned latencies and all. {said[:1].upper()}{said[1:]}. Gain: of what `all` takes off the p99 of"
        " `one`; where quota is scarce, there is none to be had by asking all.\n\n"
        + "\n".join(f"- `{world}`: {ABOUT[world]}" for world in _worlds(data))
        + "\n\n"
        + table(head, rows)
        + "\n\nEight seeds, and what the model said of the same days: `python benchmarks/policies.py`."
    )


def _worlds(data: Mapping[str, Any]) -> list[str]:
    return [world for world in ABOUT if world in data["worlds"]]


def _rows(data: Mapping[str, Any], world: str) -> list[tuple[str, ...]]:
    seen = figures(data, world)
    return [
        (
            world,
            f"`{policy}`",
            f"{its.p50:.2f} s",
            f"{its.p95:.2f} s",
            f"{its.p99:.2f} s{_between(data['worlds'][world][policy])}",
            f"{its.failed:.2f} %",
            f"{its.calls:.2f}",
            _share(gain(seen, policy) if not world.startswith("scarce") else None),
        )
        for policy, its in seen.items()
    ]


def _between(days: Sequence[Mapping[str, Any]]) -> str:
    if len(days) == 1:
        return ""
    found = [day["p99"] for day in days]
    return f" ({min(found):.2f} to {max(found):.2f})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} %"
