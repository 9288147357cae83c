"""A limit of five requests, and twenty callers at once: how many calls reach the provider?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.marked import table
from benchmarks.peers.cast import CAST
from benchmarks.peers.protocol import Race
from benchmarks.peers.stage import lanes, total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.peers.process import Child
    from benchmarks.peers.stage import Stage
    from benchmarks.simulated import Simulated

LIMIT, BURST, MORE, PATIENCE = 5, 20, 5, 10.0
CLAIM = {
    "litellm_race:whole": "5 a minute (`rpm`, enforced); it has no day",
    "freelm_client:whole": "5 a day (`rpd`)",
    "freellmpool_client:whole": "5 a day (`rpd`), called advisory",
    "racer_client:all": "5 a day",
}


def run(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, child in stage.cast.items():
        if key in CLAIM:
            print(f"  {child.entry.title}", flush=True)
            found[key] = burst(stage.sim, child)
    return {"limit": LIMIT, "burst": BURST, "more": MORE, "peers": found}


def burst(sim: Simulated, child: Child) -> dict[str, int]:
    """The lane itself has no limit: what is counted is what the client let through."""
    child.open(lanes(sim, ("five",), LIMIT))
    sim.reset()
    child.race(Race(BURST, BURST, patience=PATIENCE))
    first = total(sim, "started")
    child.race(Race(MORE, MORE, patience=PATIENCE))
    return {"burst": first, "more": total(sim, "started") - first}


def text(data: Mapping[str, Any]) -> str:
    rows = [
        (
            entry.title.partition(",")[0],
            CLAIM[entry.key],
            _judged(seen["burst"], data["limit"]),
            _judged(seen["burst"] + seen["more"], data["limit"]),
        )
        for entry in CAST
        if (seen := data["peers"].get(entry.key)) is not None
    ]
    head = ("client", "the limit, as it is told", f"of {data['burst']} at once", f"and {data['more']} more")
    return (
        f"One lane, of which the client is told a limit of {data['limit']} requests. Calls that reached the"
        " provider; peers without limits of their own are left out.\n\n" + table(head, rows)
    )


def _judged(count: int, limit: int) -> str:
    return str(count) if count == limit else f"**{count}**"
