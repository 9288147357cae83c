"""Peers side by side: in turns, in four scenarios. Ratios beside the same made by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.marked import table
from benchmarks.peers.cast import BY_HAND, CAST, ONE_WAY, SINGLE
from benchmarks.peers.protocol import Race
from benchmarks.peers.stage import lanes, total
from benchmarks.spread import Ratio, quantile, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.peers.cast import Entry
    from benchmarks.peers.process import Child
    from benchmarks.peers.protocol import Raced
    from benchmarks.peers.stage import Stage

CURVE = 100  # points of a distribution that are kept


@dataclass(frozen=True)
class Scenario:
    """`cast`: who races, None: all."""

    name: str
    title: str
    lanes: tuple[str, ...]
    blocks: int
    races: int
    at_once: int = 1
    cast: tuple[str, ...] | None = None


SCENARIOS = (
    Scenario("even", "four lanes alike, no latency", ("a", "b", "c", "d"), 10, 20),
    Scenario("slow", "the first lane is slow (0.2 s), three are fast", ("slow", "a", "b", "c"), 6, 15),
    Scenario(
        "refused", "the first lane refuses at once (429), three are fast", ("refusing", "a", "b", "c"), 6, 15
    ),
    Scenario(
        "tail",
        "four lanes alike with a heavy tail (median 0.3 s; eight in a hundred take ten times as long)",
        ("tail1", "tail2", "tail3", "tail4"),
        4,
        60,
        at_once=8,
        cast=ONE_WAY,
    ),
)


@dataclass
class Seen:
    """Of one peer in one scenario, block by block."""

    cpu: list[float] = field(default_factory=list[float])
    wall: list[float] = field(default_factory=list[float])
    seconds: list[float] = field(default_factory=list[float])
    requests: int = 0
    errors: int = 0

    def add(self, raced: Raced, requests: int) -> None:
        count = len(raced.seconds) + sum(raced.errors.values())
        self.cpu.append(raced.cpu / count)
        self.wall.append(raced.wall / count)
        self.seconds += raced.seconds
        self.requests += requests
        self.errors += sum(raced.errors.values())


def run(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = {
        scenario.name: _summed(measure(stage, scenario), scenario) for scenario in SCENARIOS
    }
    started = {
        key: {"cpu": child.hello.cpu, "mb": child.hello.megabytes} for key, child in stage.cast.items()
    }
    versions = {key: child.hello.versions for key, child in stage.cast.items()}
    return {"scenarios": found, "started": started, "versions": versions, "missing": stage.missing}


def measure(stage: Stage, scenario: Scenario) -> dict[str, Seen]:
    """The first two races of each warm it up and do not count."""
    cast = {key: child for key, child in stage.cast.items() if scenario.cast is None or key in scenario.cast}
    found = {key: Seen() for key in cast}
    for child in cast.values():
        child.open(lanes(stage.sim, scenario.lanes))
        child.race(Race(2))
    for turn in range(scenario.blocks):
        print(f"  {scenario.title}: {turn + 1} of {scenario.blocks}", flush=True)
        for key, child in _in_turn(cast, turn):
            before = total(stage.sim, "started")
            raced = child.race(Race(scenario.races, scenario.at_once))
            found[key].add(raced, total(stage.sim, "started") - before)
    return found


def _in_turn(cast: Mapping[str, Child], turn: int) -> Iterator[tuple[str, Child]]:
    """Each block begins with another one."""
    keys = [*cast]
    first = turn * 5 % len(keys)
    for key in keys[first:] + keys[:first]:
        yield key, cast[key]


def _summed(found: Mapping[str, Seen], scenario: Scenario) -> dict[str, Any]:
    entry_of = {entry.key: entry for entry in CAST}
    summed: dict[str, Any] = {}
    for key, seen in found.items():
        hand = found.get(BY_HAND[entry_of[key].streams]) or found[BY_HAND[True]]
        summed[key] = {
            "cpu": Ratio.of(seen.cpu, hand.cpu).told(),
            "wall": Ratio.of(seen.wall, hand.wall).told(),
            "cpu_ms": round(1e3 * quantile(seen.cpu, 0.5), 3),
            "requests": round(seen.requests / max(1, len(seen.seconds)), 3),
            "answers": len(seen.seconds),
            "errors": seen.errors,
            "curve": _curve(seen.seconds),
        }
    return {"title": scenario.title, "blocks": scenario.blocks, "races": scenario.races, "peers": summed}


def _curve(seconds: Sequence[float]) -> list[float]:
    """The 1st to the 100th percentile."""
    return [round(quantile(seconds, (point + 1) / CURVE), 4) for point in range(CURVE)] if seconds else []


# ---------------------------------------------------------------- what is said


def text(data: Mapping[str, Any]) -> str:
    parts = [
        (
            "They take turns, block by block, each in a process and an environment of its own, and ask the"
            " same simulator. CPU is that of the client's process for one race; ratios stand beside the same"
            " race made by hand on bare aiohttp, streamed or whole as the peer asks; in brackets, what eight"
            " in ten blocks lie between. Requests are counted by the simulator."
        )
    ]
    parts += [f"- not comparable here: {name}: {why}" for name, why in data["missing"].items()]
    for name in [scenario.name for scenario in SCENARIOS if scenario.name in data["scenarios"]]:
        scenario = data["scenarios"][name]
        parts.append(f"### {_upper(scenario['title'])}\n\n{_sizes(scenario)}")
        parts.append(_tail(scenario) if name == "tail" else _costs(scenario))
    parts.append("### To begin\n\nFrom the start of the interpreter to the end of the imports, once.")
    parts.append(_started(data))
    return "\n\n".join(parts)


def _sizes(scenario: Mapping[str, Any]) -> str:
    return f"{scenario['blocks']} blocks of {scenario['races']} races each."


def _costs(scenario: Mapping[str, Any]) -> str:
    head = (
        "client",
        "CPU, times by hand",
        "wall, times by hand",
        "requests an answer",
        "failed",
        "p50",
        "p95",
    )
    rows = [
        (
            entry.title,
            str(Ratio.read(seen["cpu"])),
            str(Ratio.read(seen["wall"])),
            short(seen["requests"]),
            str(seen["errors"]),
            f"{1e3 * seen['curve'][49]:.1f} ms",
            f"{1e3 * seen['curve'][94]:.1f} ms",
        )
        for entry, seen in _shown(scenario)
    ]
    return table(head, rows)


def _tail(scenario: Mapping[str, Any]) -> str:
    single = scenario["peers"][SINGLE]["curve"]
    head = ("client", "p50", "p95", "p99", "p99, times `one`", "requests an answer", "failed")
    rows = [
        (
            entry.title,
            *(f"{seen['curve'][point]:.2f} s" for point in (49, 94, 98)),
            short(seen["curve"][98] / single[98]),
            short(seen["requests"]),
            str(seen["errors"]),
        )
        for entry, seen in _shown(scenario)
    ]
    return table(head, rows)


def _shown(scenario: Mapping[str, Any]) -> list[tuple[Entry, Any]]:
    """Those that have answered at all."""
    found = scenario["peers"]
    return [(entry, found[entry.key]) for entry in CAST if found.get(entry.key, {}).get("curve")]


def _started(data: Mapping[str, Any]) -> str:
    rows = [
        (
            entry.title.partition(",")[0],
            ", ".join(f"{name} {version}" for name, version in data["versions"][entry.key].items()),
            f"{data['started'][entry.key]['cpu']:.2f} s",
            f"{data['started'][entry.key]['mb']:.0f} MB",
        )
        for entry in CAST
        if entry.key in data["started"]
        and entry.key in ONE_WAY
        and not entry.key.endswith((":frugal", ":one"))
    ]
    return table(("client", "version", "CPU", "memory"), rows)


def _upper(title: str) -> str:
    return title[:1].upper() + title[1:]
