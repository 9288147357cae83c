"""The figures of days: what was measured, what the simulation says of the same days, and what is asked.

What is expected (expected.toml) comes from the model that `frugal` was designed with: the same worlds and
seeds, but launch decisions alone, with no engine around them. Of its policies, race top-4 stands beside
`all`, level 1 beside `frugal`, sequential failover beside `one`, hedging at p90 of first token beside `p90`.
"""

from __future__ import annotations

import statistics
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXPECTED = Path(__file__).parent / "expected.toml"
NEAR = 1.05  # as good as level 1: at most so many times its figure
LEAST_GAIN = {"calm3": 90.0, "calm4": 90.0, "rough3": 90.0, "rough4": 90.0, "ample7": 85.0}
MOST_CALLS = 1.15
SCARCE = ("scarce4", "scarce7")
LASTS = ("scarce7", 18.0)
CLOSE = 0.05  # seconds: policies that differ by less have no gain to share


@dataclass(frozen=True)
class Day:
    """Of one policy in one world with one seed. `calls` are those to metered lanes, for each answer.

    `exhausted`: by lane, the hour at which a limit of a day, or for good, was used up.
    """

    p50: float
    p95: float
    p99: float
    failed: float
    calls: float
    launches: float
    exhausted: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Figures:
    """Over seeds: medians of percentiles, means of the rest; hours over those seeds that have one."""

    p50: float
    p95: float
    p99: float
    failed: float
    calls: float
    launches: float
    exhausted: Mapping[str, float]

    @classmethod
    def of(cls, days: Sequence[Day]) -> Figures:
        middle, mean = statistics.median, statistics.fmean
        lanes = sorted({lane for day in days for lane in day.exhausted})
        return cls(
            p50=middle(day.p50 for day in days),
            p95=middle(day.p95 for day in days),
            p99=middle(day.p99 for day in days),
            failed=mean(day.failed for day in days),
            calls=mean(day.calls for day in days),
            launches=mean(day.launches for day in days),
            exhausted={
                lane: mean(day.exhausted[lane] for day in days if lane in day.exhausted) for lane in lanes
            },
        )


Results = dict[str, Figures]  # of one world, by policy


def expected(world: str, seeds: int) -> Results:
    """What the simulation has measured, of the first `seeds`."""
    with EXPECTED.open("rb") as file:
        found = tomllib.load(file)[world]
    return {policy: Figures.of([Day(**day) for day in days[:seeds]]) for policy, days in found.items()}


def gain(results: Results, policy: str) -> float | None:
    """How much of what `all` takes off the p99 of `one`, in percent. None where there is none."""
    if not {"all", "one", policy} <= results.keys():
        return None
    most = results["one"].p99 - results["all"].p99
    return 100 * (results["one"].p99 - results[policy].p99) / most if most > CLOSE else None


# ---------------------------------------------------------------- what is printed


def table(world: str, seen: Results, known: Results) -> None:
    """Each figure with the simulation's behind it."""
    titles = ["p50 s", "p95 s", "p99 s", "failed %", "calls an answer", "launches"]
    if world not in SCARCE:
        titles.append("gain %")
    print(f"\n{world}\n  {'policy':8}" + "".join(f"{title:^17}" for title in titles) + "  used up at hour")
    for policy, ours in seen.items():
        theirs = known[policy]
        pairs = [(getattr(ours, name), getattr(theirs, name), digits) for name, digits in _SHOWN]
        if world not in SCARCE:  # there is nothing to be gained by asking all
            pairs.append((gain(seen, policy), gain(known, policy), 0))
        cells = "".join(f"{_number(a, digits):>8} {_bracketed(b, digits):8}" for a, b, digits in pairs)
        print(f"  {policy:8}{cells}  {_hours(ours)} ({_hours(theirs)})")
    if "frugal" in seen:
        print(f"  p99 of frugal: {seen['frugal'].p99 / known['frugal'].p99:.2f} times that of level 1")


_SHOWN = (("p50", 2), ("p95", 2), ("p99", 2), ("failed", 2), ("calls", 3), ("launches", 2))


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _bracketed(value: float | None, digits: int) -> str:
    return f"({_number(value, digits)})"


def _hours(figures: Figures) -> str:
    by_hour = sorted(figures.exhausted.items(), key=lambda item: item[1])
    return ", ".join(f"{lane} {hour:.0f}" for lane, hour in by_hour) or "-"


# ---------------------------------------------------------------- what is asked


@dataclass(frozen=True)
class Bar:
    what: str
    met: bool

    def __str__(self) -> str:
        return f"  {'met    ' if self.met else 'NOT MET'}  {self.what}"


def concluded(asked: Sequence[Bar], of: str = "") -> int:
    """All bars, told at the end of a benchmark; and its exit code, 1 where one is not met."""
    print(f"\nasked{of}")
    for bar in asked:
        print(bar)
    return 0 if all(bar.met for bar in asked) else 1


def bars(world: str, seen: Results, known: Results) -> list[Bar]:
    """As far as the policies were run that they are about."""
    frugal = seen.get("frugal")
    if frugal is None:
        return []
    found = [_near(world, name, frugal, known["frugal"]) for name in ("p50", "p95", "p99", "calls")]
    share = gain(seen, "frugal")
    if world in LEAST_GAIN and share is not None:
        least = LEAST_GAIN[world]
        found.append(Bar(f"{world}: {share:.0f} % of the gain of all, of {least:.0f} %", share >= least))
        calls = frugal.calls
        found.append(Bar(f"{world}: {calls:.3f} calls an answer, of {MOST_CALLS}", calls <= MOST_CALLS))
    if world in SCARCE and "one" in seen:
        ours, theirs = frugal.failed, seen["one"].failed
        found.append(Bar(f"{world}: {ours:.2f} % failed, and {theirs:.2f} % of one", ours <= theirs))
    if world == LASTS[0]:
        first = min(frugal.exhausted.values(), default=24.0)
        found.append(
            Bar(f"{world}: first lane used up at hour {first:.1f}, of {LASTS[1]:.0f}", first >= LASTS[1])
        )
    return found


def _near(world: str, name: str, ours: Figures, theirs: Figures) -> Bar:
    mine, other = getattr(ours, name), getattr(theirs, name)
    ratio = mine / other
    return Bar(f"{world}: {name} {mine:.3f}, level 1 {other:.3f}: {ratio:.3f} times", ratio <= NEAR)
