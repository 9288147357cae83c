"""What was measured, kept section by section: results.json holds the figures, RESULTS.md says them.

A section that is measured again takes the place of what was there; the others keep their dates.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

HEAD = """# Results

Written by `./scripts/benchmarks`, which measures everything against the simulator and needs no key; network \
only to install the peers. `./scripts/benchmarks --only NAME …` measures some sections again, and the others \
keep their dates. Figures are ratios, each with its spread; seconds and milliseconds are of the machine that \
stands beside them. Where something else is better than racer, it says so."""

FOOT = """## More

Not part of the command above, because each takes longer, or is a check that passes or fails:

| command | what it measures |
| --- | --- |
| `python benchmarks/soak.py` | thousands of races: poison never wins, nothing is left behind |
| `python benchmarks/quota.py` | many processes on one limit, some of them killed |
| `python benchmarks/million.py` | a batch of a million lines: cost, memory, disk |
| `python benchmarks/jobs.py` | how near a batch comes to what limits let through |
| `python benchmarks/crashes.py` | batches that are killed at random instants |
| `python benchmarks/cuts.py` | streams that die at every place of an answer |
| `python benchmarks/stream.py` | what a stream adds to a token |
| `python -m benchmarks.serving` | the server: its overhead, 2,000 streams, slow readers, leavers, idlers |
| `python -m benchmarks.intervals` | whether what a bench states holds the truth |
| `python benchmarks/decide.py` | what it gains to decide a race by the first token |"""


@dataclass(frozen=True)
class Section:
    """`run` measures, `text` says in Markdown what was measured."""

    name: str
    title: str
    run: Callable[[], dict[str, Any]]
    text: Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class Measured:
    """`data` is what the section's `run` gave. `seconds` is how long that took."""

    date: str
    command: str
    machine: str
    seconds: float
    data: Mapping[str, Any]


Results = dict[str, Measured]  # by name of the section


def load(path: Path) -> Results:
    """Empty where nothing was measured yet."""
    if not path.is_file():
        return {}
    told: dict[str, Any] = json.loads(path.read_text())
    return {name: Measured(**each) for name, each in told.items()}


def save(path: Path, results: Results) -> None:
    """A line for each section, so that a difference shows which was measured again; rows keep their order."""
    lines = [f"{json.dumps(name)}: {_line(results[name])}" for name in sorted(results)]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _line(measured: Measured) -> str:
    return json.dumps(asdict(measured), separators=(",", ":"))


def page(sections: tuple[Section, ...], results: Results) -> str:
    """The whole of RESULTS.md. Sections in their order, those left out that were never measured."""
    parts = [HEAD]
    for section in sections:
        measured = results.get(section.name)
        if measured is not None:
            parts.append(f"## {section.title}\n\n{origin(measured)}\n\n{section.text(measured.data)}")
    return "\n\n".join([*parts, FOOT]) + "\n"


def origin(measured: Measured) -> str:
    return (
        f"Measured on {measured.date} in {measured.seconds:.0f} s by `{measured.command}` on"
        f" {measured.machine}."
    )
