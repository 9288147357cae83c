"""`racer batch`, killed (-9) again and again: every line is answered once, and no answer is paid for in vain.

    python benchmarks/crashes.py [--kills 200] [--lines 2000] [--concurrency 8] [--policy one] [--seed 1]

Real processes. The simulator, in one of its own, is the witness: it has seen every request, when it came and
when it ended. A life ends at a random instant of its start, or of the work after it; the longer the job is
behind, the later. Then the job is resumed, until it has been killed so often, and in the end it runs through.
Should it be done before that, it begins anew on another output, which has to hold as well.

A request was under way at a kill if its answer was not sent by then, or sent so late that it may not have
been read and written down: a twentieth of a second. A line may be asked once, and once more for each kill
that found a request for it under way. With `--policy one` nothing else asks twice.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.batches import Home, Read, asked, read_output, write_input
from benchmarks.simulated import Simulated, simulator
from benchmarks.tally import Bar, concluded

if TYPE_CHECKING:
    from collections.abc import Iterator

PROFILE = str(Path(__file__).parent / "profiles" / "crashes.toml")
ON_ITS_WAY = 0.05
KEPT = 1000  # requests that the simulator remembers
WORK = 0.3  # seconds of work in a life, to begin with
FASTER, SLOWER = 0.9, 1.1
LAST_LIFE = 300.0


@dataclass
class Witness:
    """What the simulator has seen of one output: how often each line was asked, and under way at a kill."""

    sim: Simulated
    began: float = field(default_factory=time.monotonic)
    visits: dict[tuple[str, int], dict[str, Any]] = field(
        default_factory=dict[tuple[str, int], dict[str, Any]]
    )
    kills: list[float] = field(default_factory=list[float])
    missed: int = 0

    def look(self) -> None:
        """Often enough that nothing is forgotten meanwhile."""
        found: Any = self.sim.get(f"/sim/requests?limit={KEPT}")
        new = 0
        for visit in found:
            if visit["started_at"] >= self.began and asked(visit["body"]):
                key = visit["provider"], visit["serial"]
                new += key not in self.visits
                self.visits[key] = visit
        self.missed += len(found) >= KEPT and new == len(found)

    @property
    def asked(self) -> Counter[int]:
        return Counter(asked(visit["body"]) for visit in self.visits.values())

    @property
    def under_way(self) -> Counter[int]:
        """By line, how many kills found it so; a line that is asked of two at once counts twice."""
        return Counter(
            asked(visit["body"])
            for visit in self.visits.values()
            for kill in self.kills
            if visit["started_at"] <= kill + ON_ITS_WAY and (visit["ended_at"] or kill) > kill - ON_ITS_WAY
        )


@dataclass(frozen=True)
class Ended:
    """One output, after its last life."""

    read: Read
    kills: int
    asked: Counter[int]
    under_way: Counter[int]
    missed: int
    code: int

    @property
    def twice(self) -> list[int]:
        """Lines that were paid for more often than kills can explain."""
        return [line for line, count in self.asked.items() if count - 1 > self.under_way[line]]

    @property
    def over(self) -> int:
        return self.asked.total() - len(self.asked)


class Killer:
    """One job after another, until there were so many kills."""

    def __init__(self, home: Home, sim: Simulated, given: argparse.Namespace) -> None:
        self._home = home
        self._sim = sim
        self._kills, self._lines = int(given.kills), int(given.lines)
        self._options = "--concurrency", str(given.concurrency), "--policy", str(given.policy)
        self._chance = random.Random(given.seed)
        self._source = home.folder / "in.jsonl"
        self._work = WORK
        self._start = 0.0
        write_input(self._source, self._lines)

    def run(self) -> Iterator[Ended]:
        self._start = self._start_up()
        left, number = self._kills, 0
        while left > 0 or not number:
            number += 1
            ended = self._one(self._home.folder / f"out{number}.jsonl", left)
            left -= ended.kills
            yield ended

    def _start_up(self) -> float:
        """Seconds that a life takes before its first request."""
        source = self._home.folder / "first.jsonl"
        write_input(source, 1)
        began = time.monotonic()
        life = self._home.batch(source, self._home.folder / "first.out.jsonl", *self._options)
        if life.wait() != 0:
            raise RuntimeError(f"not even one line is answered:\n{self._home.said}")
        return time.monotonic() - began

    def _one(self, out: Path, kills: int) -> Ended:
        witness = Witness(self._sim)
        while len(witness.kills) < kills:
            life = self._home.batch(self._source, out, *self._options)
            if not self._killed(life):
                break
            witness.kills.append(time.monotonic())
            witness.look()
            self._keep_pace(len(witness.asked) / self._lines, len(witness.kills) / kills)
        code = self._last(out, witness)
        read = read_output(out, self._lines)
        witness.look()
        return Ended(read, len(witness.kills), witness.asked, witness.under_way, witness.missed, code)

    def _killed(self, life: subprocess.Popen[bytes]) -> bool:
        """False: it had ended by itself before that."""
        try:
            life.wait(self._chance.uniform(0, self._start + self._work))
        except subprocess.TimeoutExpired:
            os.kill(life.pid, signal.SIGKILL)
            return life.wait() == -signal.SIGKILL
        return False

    def _keep_pace(self, done: float, killed: float) -> None:
        """So that the job is nearly done when it has been killed so often."""
        self._work *= FASTER if done > killed else SLOWER

    def _last(self, out: Path, witness: Witness) -> int:
        """The life that is not killed."""
        life, until = self._home.batch(self._source, out, *self._options), time.monotonic() + LAST_LIFE
        while time.monotonic() < until:
            try:
                return life.wait(1.0)
            except subprocess.TimeoutExpired:
                witness.look()
        life.kill()
        return life.wait()


def table(number: int, ended: Ended, lines: int) -> list[Bar]:
    read = ended.read
    explained, twice = ended.under_way.total(), len(ended.twice)
    print(
        f"  {number:>6}{ended.kills:>7}{read.rows:>8}{read.once:>15}{ended.asked.total():>10}"
        f"{ended.over:>12}{explained:>11}{twice:>13}",
        flush=True,
    )
    name = f"output {number}"
    bars = [
        Bar(f"{name}: {read.once} of {lines} lines answered exactly once", read.once == lines == read.rows),
        Bar(f"{name}: all of its bytes are good rows{read.bad and ': ' + read.bad}", not read.bad),
        Bar(
            f"{name}: {ended.over} requests over, and {explained} under way at kills", ended.over <= explained
        ),
        Bar(f"{name}: {twice} lines paid for again that were not under way", not twice),
        Bar(f"{name}: the last life ends with {ended.code}", ended.code == 0),
    ]
    if ended.missed:
        bars.append(Bar(f"{name}: the simulator has forgotten requests before they were looked at", False))
    return bars


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--policy", default="one")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(" ".join(["python benchmarks/crashes.py", *sys.argv[1:]]))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("  output  kills    rows  answered once  requests   of these      under        again,")
    print("                                                       over        way  unexplained")
    bars, began = list[Bar](), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, simulator(PROFILE) as sim:
        home = Home.at(Path(folder), sim)
        killer = Killer(home, sim, given)
        for number, ended in enumerate(killer.run(), 1):
            bars += table(number, ended, given.lines)
        if not all(bar.met for bar in bars):
            print("\n" + home.said)
    print(f"\n{time.monotonic() - began:.0f} s")
    return concluded(bars)


if __name__ == "__main__":
    sys.exit(main())
