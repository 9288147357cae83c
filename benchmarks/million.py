"""`racer batch` of a million short prompts: what one costs, how memory grows, how soon it goes on again.

    python benchmarks/million.py [--prompts 1000000] [--blocks 5] [--block 20000] [--left 1000]

The simulator has no delay and runs in a process of its own. It takes more of the machine than those who ask,
so what is compared is the CPU time of a process and not the time on the wall.

cost    Jobs of `--block` prompts, in turn by `racer batch` and by a loop on bare aiohttp that does the least
        (benchmarks/byhand.py); both start anew for each block, and that is a part of it. The bar: in one
        second of CPU, racer does 60 % of what the loop does.
memory  One job of `--prompts`, whose resident memory is looked at all the time: under 200 MB, and no more at
        the end than in the middle.
resume  That job is killed (-9) when `--left` prompts are missing, and started again: it works within 5 s.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.batches import Home, read_output, write_input
from benchmarks.simulated import Simulated, simulator
from benchmarks.tally import Bar, concluded

if TYPE_CHECKING:
    from collections.abc import Sequence

PROFILE = str(Path(__file__).parent / "profiles" / "million.toml")
BY_HAND = str(Path(__file__).parent / "byhand.py")
SHARE = 0.60
MOST_MEMORY, GROWS = 200.0, 10.0  # MB
WORKS_WITHIN = 5.0
LOOK, WATCH = 0.25, 0.01
POINTS = 10
MB = 1 << 20


# ---------------------------------------------------------------- cost


def cost(home: Home, sim: Simulated, blocks: int, prompts: int) -> list[Bar]:
    source = home.folder / "block.jsonl"
    write_input(source, prompts)
    print(f"\ncost: {blocks} blocks of {prompts:,} prompts")
    print(f"  {'':10}{'ms of CPU a prompt':>20}{'prompts a CPU second':>22}{'seconds':>10}")
    urls = [f"{sim.url}/{name}/v1/chat/completions" for name in sim.get("/sim/profile")["providers"]]
    ours, theirs = list[float](), list[float]()
    for block in range(blocks):
        turns = (_ours, ours), (_by_hand, theirs)
        for ask, seconds in turns if block % 2 else turns[::-1]:
            out = home.folder / f"{block}{ask.__name__}.jsonl"
            began = time.monotonic()
            seconds.append(_cpu_of(ask(home, source, out, urls), home))
            _shown(ask.__name__.strip("_"), seconds[-1] / prompts, time.monotonic() - began)
            read = read_output(out, prompts)
            if read.bad or read.once != prompts:
                raise RuntimeError(f"{ask.__name__}: {read.once} of {prompts} answered. {read.bad}")
            out.unlink()
    share = statistics.median(theirs) / statistics.median(ours)
    return [
        Bar(
            f"cost: {share:.0%} of what the loop by hand does in a CPU second, of {SHARE:.0%}", share >= SHARE
        )
    ]


def _ours(home: Home, source: Path, out: Path, urls: Sequence[str]) -> subprocess.Popen[bytes]:
    return home.batch(source, out)


def _by_hand(home: Home, source: Path, out: Path, urls: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, BY_HAND, str(source), str(out), *urls])


def _cpu_of(process: subprocess.Popen[bytes], home: Home) -> float:
    """Until its end, with all of its threads."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"it ended with {process.returncode}:\n{home.said}")
    return usage.ru_utime + usage.ru_stime


def _shown(who: str, each: float, took: float) -> None:
    print(f"  {who:10}{each * 1e3:>20.3f}{1 / each:>22,.0f}{took:>10.1f}", flush=True)


# ---------------------------------------------------------------- memory


class Look(NamedTuple):
    """`memory` is resident, in MB."""

    at: float
    rows: int
    memory: float


@dataclass
class Watch:
    """A process at work on `out`, whose rows are counted as they come."""

    process: subprocess.Popen[bytes]
    out: Path
    began: float = field(default_factory=time.monotonic)
    rows: int = 0
    looks: list[Look] = field(default_factory=list[Look])
    peak: float = 0.0
    _offset: int = 0

    def look(self) -> None:
        if self.out.exists():
            with self.out.open("rb") as file:
                file.seek(self._offset)
                while data := file.read(MB):
                    self._offset += len(data)
                    self.rows += data.count(b"\n")
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = {name: rest for name, _, rest in (line.partition(":") for line in status.splitlines())}
        if "VmRSS" in found:  # else it has just ended
            self.peak = int(found["VmHWM"].split()[0]) / 1024
            memory = int(found["VmRSS"].split()[0]) / 1024
            self.looks.append(Look(time.monotonic() - self.began, self.rows, memory))

    def until(self, rows: int, look: float) -> bool:
        """Whether there are so many, or it has ended before."""
        while self.rows < rows:
            self.look()
            if self.process.poll() is not None:
                return False
            time.sleep(look)
        return True


def memory(home: Home, source: Path, out: Path, prompts: int, left: int) -> list[Bar]:
    write_input(source, prompts)
    watch = Watch(home.batch(source, out), out)
    print(f"\nmemory: {prompts:,} prompts\n  {'prompts done':>14}{'seconds':>10}{'MB':>8}")
    reached = watch.until(prompts - left, LOOK)
    os.kill(watch.process.pid, signal.SIGKILL)
    watch.process.wait()
    for point in range(1, POINTS + 1):
        look = next(
            (each for each in watch.looks if each.rows >= watch.rows * point / POINTS), watch.looks[-1]
        )
        print(f"  {look.rows:>14,}{look.at:>10.0f}{look.memory:>8.0f}", flush=True)
    grown = _memory_at(watch, 0.75, 1.0) - _memory_at(watch, 0.25, 0.5)
    return [
        Bar(f"memory: {watch.rows:,} rows when it was killed, {left:,} before the end", reached),
        Bar(f"memory: {watch.peak:.0f} MB at the most, of {MOST_MEMORY:.0f}", watch.peak < MOST_MEMORY),
        Bar(f"memory: {grown:+.1f} MB from the second quarter to the last, of {GROWS:.0f}", grown < GROWS),
    ]


def _memory_at(watch: Watch, begins: float, ends: float) -> float:
    """The median while those shares of the rows came."""
    low, high = begins * watch.rows, ends * watch.rows
    return statistics.median(look.memory for look in watch.looks if low <= look.rows <= high)


# ---------------------------------------------------------------- resume


def resumed(home: Home, source: Path, out: Path, prompts: int) -> list[Bar]:
    with out.open("rb") as file:
        before = sum(data.count(b"\n") for data in iter(lambda: file.read(MB), b""))
    size = out.stat().st_size
    process, began = home.batch(source, out), time.monotonic()
    while process.poll() is None and out.stat().st_size <= size:
        time.sleep(WATCH)
    works = out.stat().st_size > size
    first = time.monotonic() - began if works else math.inf
    code = process.wait()
    whole = time.monotonic() - began
    read = read_output(out, prompts)
    print(f"\nresume: {before:,} of {prompts:,} rows were there")
    print(f"  first new row after {first:.2f} s, done after {whole:.2f} s")
    return [
        Bar(f"resume: at work after {first:.2f} s, of {WORKS_WITHIN:.0f}", first < WORKS_WITHIN),
        Bar(
            f"resume: {read.once:,} answered exactly once, ends with {code}",
            read.once == prompts == read.rows,
        ),
        Bar(f"resume: all rows are good{read.bad and ': ' + read.bad}", not read.bad and code == 0),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=1_000_000)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--block", type=int, default=20_000)
    parser.add_argument("--left", type=int, default=1000)
    given = parser.parse_args()
    print(" ".join(["python benchmarks/million.py", *sys.argv[1:]]))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    bars: list[Bar] = []
    with tempfile.TemporaryDirectory() as folder, simulator(PROFILE) as sim:
        home = Home.at(Path(folder), sim)
        source, out = home.folder / "in.jsonl", home.folder / "out.jsonl"
        if given.blocks:
            bars += cost(home, sim, given.blocks, given.block)
        if given.prompts:
            bars += memory(home, source, out, given.prompts, given.left)
            bars += resumed(home, source, out, given.prompts)
        if not all(bar.met for bar in bars):
            print("\n" + home.said)
    return concluded(bars)


if __name__ == "__main__":
    sys.exit(main())
