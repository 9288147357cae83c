"""Everything that racer is measured by, against the simulator: `./scripts/benchmarks [--only NAME …]`.

Writes benchmarks/RESULTS.md, the figures behind it, and the README's table and plot. After each section, so
that what was measured is not lost when a later one fails. --render measures nothing and writes them anew.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import costs, days, headline
from benchmarks.marked import replaced
from benchmarks.peers import leaks, limits, poison, speed
from benchmarks.peers.stage import Stage
from benchmarks.results import Measured, Section, load, page, save

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.results import Results

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "benchmarks" / "RESULTS.md"
README = ROOT / "README.md"
PICTURES = ROOT / "docs" / "pictures"
PEERS = {"peers", "poison", "leaks", "limits"}
NAMES = ("overhead", "peers", "poison", "leaks", "limits", "policies")


def sections(stage: Stage, seeds: int) -> tuple[Section, ...]:
    return (
        Section("overhead", "Overhead", costs.run, costs.text),
        Section("peers", "Peers side by side", partial(speed.run, stage), speed.text),
        Section("poison", "Answers that are none", partial(poison.run, stage), poison.text),
        Section("leaks", "Callers that leave", partial(leaks.run, stage), leaks.text),
        Section("limits", "Limits", partial(limits.run, stage), limits.text),
        Section("policies", "Policies, over whole days", partial(days.run, seeds), days.text),
    )


def main() -> int:
    given = read(sys.argv[1:])
    results = load(FIGURES)
    began = time.monotonic()
    wanted = () if given.render else given.only
    with Stage() as stage:
        every = sections(stage, given.seeds)
        missing = ready(stage) if PEERS.intersection(wanted) else {}
        for section in every:
            if section.name in wanted:
                print(f"\n{section.title}", flush=True)
                results[section.name] = measured(section, given.note)
                save(FIGURES, results)
                write(every, results)
    write(every, results)
    print(f"\nbenchmarks/RESULTS.md is written; {time.monotonic() - began:.0f} s")
    for name, why in missing.items():
        print(f"not measured: {name}: {why}", file=sys.stderr)
    return 1 if missing else 0


def ready(stage: Stage) -> dict[str, str]:
    """Install and start the peers. Those that could not be installed, and why."""
    print("\nThe peers: environments under .peers, processes", flush=True)
    print(f"  {len(stage.cast)} are ready", flush=True)
    return stage.missing


def measured(section: Section, note: str) -> Measured:
    began = time.monotonic()
    data = section.run()
    command = " ".join(("./scripts/benchmarks", *sys.argv[1:]))
    today = datetime.now(UTC).date().isoformat()
    return Measured(today, command, machine(note), round(time.monotonic() - began, 1), data)


def machine(note: str) -> str:
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {os.cpu_count()} cores, Python {platform.python_version()}{note and '; '}{note}"


def write(every: Sequence[Section], results: Results) -> None:
    """RESULTS.md, and as soon as its figures are there, the README's part with its plot."""
    PAGE.write_text(page(tuple(every), results))
    part = headline.part(results)
    if part is not None:
        from benchmarks.picture import draw

        README.write_text(replaced(README.read_text(), "measured", part))
        draw(results["peers"].data["scenarios"]["tail"]["peers"], PICTURES)


def read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./scripts/benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="sections (all)")
    parser.add_argument("--seeds", type=int, choices=range(1, 9), default=1, help="of each day (1)")
    parser.add_argument("--note", default="", help="what is to stand beside the machine")
    parser.add_argument("--render", action="store_true", help="write the pages from the figures of before")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
