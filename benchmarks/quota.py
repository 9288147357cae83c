"""Many processes on one limit: none of them may overrun it, and together they must use it.

    python benchmarks/quota.py [--runs 20] [--processes 8] [--at-once 200]

Each process keeps so many calls under way until it is told that nothing is left. The simulator, in a process
of its own, is the witness: it counts every request, and refuses what overruns the limit. In half of the runs
one of the processes is killed (-9) at a random instant after it has begun. What was recorded is compared with
what the simulator has seen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.simulated import Simulated, simulator
from racer import Config, NoLanes, Racer, RacerError
from racer.core.provider import Limit

PROFILE = str(Path(__file__).parent / "profiles" / "quota.toml")
LEAST = 0.95


@dataclass(frozen=True)
class Scenario:
    """`calls` is how many each process makes at the most; None: until nothing is left."""

    name: str
    limit: Limit
    at_once: int
    calls: int | None = None
    prompt: str = "Why is the sky blue?"
    max_tokens: int = 64
    spread: float = 0.05


def scenarios(at_once: int) -> dict[str, Scenario]:
    found = (
        Scenario("five", Limit("requests", 5, "day"), at_once),
        Scenario("hundred", Limit("requests", 100, "day"), at_once),
        Scenario("thousands", Limit("requests", 10_000, "day"), at_once, spread=8.0),
        Scenario("tokens", Limit("tokens", 60_000, "minute"), 60, 60, "word " * 3_972, 24),
    )
    return {scenario.name: scenario for scenario in found}


def config_of(url: str, scenario: Scenario) -> Config:
    provider = replace(Simulated(url).provider(scenario.name), limits=(scenario.limit,))
    return Config(providers=(provider,), env={"RACER_LOG": "off"})


async def spend(url: str, scenario: Scenario, database: str) -> dict[str, int]:
    """One process's part: calls until nothing is left."""
    config = replace(config_of(url, scenario), env={"RACER_LOG": "off", "RACER_DB": database})
    ends = {"answered": 0, "refused": 0, "other": 0}
    left = scenario.calls if scenario.calls is not None else 10**9

    async def one(racer: Racer) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            try:
                await racer.race(scenario.prompt, max_tokens=scenario.max_tokens)
            except NoLanes:
                ends["refused"] += 1
                return
            except RacerError as error:
                print(error, file=sys.stderr)
                ends["other"] += 1
            else:
                ends["answered"] += 1

    async with Racer(config) as racer, asyncio.TaskGroup() as group:
        print("begun", flush=True)
        for _ in range(scenario.at_once):
            group.create_task(one(racer))
    return ends


@dataclass(frozen=True)
class Outcome:
    used: float
    refused: int
    answered: int
    recorded: int
    seconds: float


def run(sim: Simulated, scenario: Scenario, processes: int, kill: random.Random | None) -> Outcome:
    sim.reset()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--child", scenario.name, "--url", sim.url]
        command += ["--database", str(Path(folder) / "racer.db"), "--at-once", str(scenario.at_once)]
        children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
        if kill is not None:
            slay(children[kill.randrange(processes)], scenario.spread * kill.random())
        said = [(child.communicate()[0] or "\n").split("\n")[-2] for child in children]
        with closing(sqlite3.connect(Path(folder) / "racer.db")) as database:
            recorded = database.execute("SELECT COUNT(*) FROM v_attempts WHERE status IS NULL").fetchone()[0]
    answered = sum(json.loads(text)["answered"] for text in said if text.startswith("{"))
    used = sim.get("/sim/counters")["providers"][scenario.name]["limits"]
    total = max((each["peak"] for each in used), default=0)
    refused = sum(each["refused"] for each in used)
    return Outcome(total, refused, answered, recorded, time.monotonic() - began)


def slay(child: subprocess.Popen[str], after: float) -> None:
    """Kill `child` so many seconds after it has begun."""
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(after)
    child.send_signal(signal.SIGKILL)


def main() -> int:
    options = read(sys.argv[1:])
    found = scenarios(options.at_once)
    if options.child:
        scenario = found[options.child]
        print(json.dumps(asyncio.run(spend(options.url, scenario, options.database))))
        return 0
    chance, bad = random.Random(options.seed), 0
    with simulator(PROFILE) as sim:
        for scenario in (found[name] for name in options.only or found):
            for number in range(options.runs):
                kill = chance if number % 2 else None
                outcome = run(sim, scenario, options.processes, kill)
                share = outcome.used / scenario.limit.amount
                wrong = outcome.refused > 0 or share > 1 or share < LEAST
                bad += wrong
                print(
                    f"{scenario.name:10} run {number + 1:2}{' killed' if kill else '       '}"
                    f"  used {outcome.used:>7,.0f} of {scenario.limit.amount:,.0f} ({share:.1%})"
                    f"  overrun {outcome.refused}  answered {outcome.answered}  recorded {outcome.recorded}"
                    f"  {outcome.seconds:.1f} s{'   WRONG' if wrong else ''}",
                    flush=True,
                )
    print(f"{bad} runs were wrong")
    return 1 if bad else 0


def read(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--database", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
