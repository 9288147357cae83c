"""A caller that leaves: are the calls of his race stopped, and is nothing left of it?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.marked import table
from benchmarks.peers.cast import CAST, ONE_WAY
from benchmarks.peers.protocol import Cancel, Race
from benchmarks.peers.stage import lanes, total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.peers.process import Child
    from benchmarks.peers.stage import Stage
    from benchmarks.simulated import Simulated

QUICK = ("a", "b", "c", "d")
NAMES = ("late1", "late2", "late3", "late4")
CALLERS, LEAVES, SETTLES = 20, 0.7, 0.1
ANSWERS = 2.0  # seconds after which these lanes do


def run(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, child in stage.cast.items():
        if key in ONE_WAY:
            print(f"  {child.entry.title}", flush=True)
            found[key] = leaving(stage.sim, child)
    return {"callers": CALLERS, "settles": SETTLES, "peers": found}


def leaving(sim: Simulated, child: Child) -> dict[str, int]:
    child.open(lanes(sim, QUICK))
    child.race(Race(2))  # what is loaded at the first call is loaded
    child.open(lanes(sim, NAMES))
    child.cancel(Cancel(1, LEAVES, SETTLES))  # what a client starts once, for as long as it lives, is there
    _quiet(sim)
    sim.reset()
    left = child.cancel(Cancel(CALLERS, LEAVES, SETTLES))
    running, asked = total(sim, "open"), total(sim, "started")
    time.sleep(ANSWERS)
    return {"asked": asked, "running": running, "answered": total(sim, "completed"), "tasks": left.tasks}


def _quiet(sim: Simulated) -> None:
    """Wait until nothing is open, at most as long as an answer takes."""
    until = time.monotonic() + 2 * ANSWERS
    while total(sim, "open") and time.monotonic() < until:
        time.sleep(0.05)


def text(data: Mapping[str, Any]) -> str:
    rows = [
        (
            entry.title.partition(",")[0],
            str(seen["asked"]),
            _bad(seen["running"]),
            _bad(seen["answered"]),
            _bad(seen["tasks"]),
        )
        for entry in CAST
        if (seen := data["peers"].get(entry.key)) is not None
    ]
    head = ("client", "calls begun", "still open", "answered in the end for nobody", "tasks left")
    return (
        f"{data['callers']} races over four lanes that answer after two seconds; all callers leave (are"
        f" cancelled) before. Counted {data['settles']:.1f} s after they have left, by the simulator and in"
        " the client's event loop.\n\n" + table(head, rows)
    )


def _bad(count: int) -> str:
    return f"**{count}**" if count else "0"
