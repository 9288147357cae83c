"""One lane that answers badly at once, one that is well and slower: who wins?

Each race has a client of its own, so that nobody has learned to leave the bad lane out.
"""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

from benchmarks.marked import table
from benchmarks.peers.cast import CAST
from benchmarks.peers.protocol import PROMPT, Race
from benchmarks.peers.stage import lanes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.peers.process import Child
    from benchmarks.peers.stage import Stage
    from benchmarks.simulated import Simulated

RACES, AT_ONCE, PATIENCE = 10, 5, 10.0
WELL = "healthy"
CASES = {
    "empty_content": "200 with empty content",
    "whitespace": "200 with blanks alone",
    "reasoning_only": "thoughts, and no answer",
    "done_only": "`[DONE]` alone",
    "empty_200": "200 without a byte",
    "error_200": "an error under a 200",
    "error_frame": "an error in the stream, at once",
    "error_late": "an error in the stream, after three tokens",
    "html_200": "a page of HTML under a 200",
    "half_json": "half of a JSON",
    "truncated": "half of the answer, then a clean end",
    "wrong_type": "plain words of another content type",
    "status_500": "500",
    "status_429": "429",
}


def run(stage: Stage) -> dict[str, Any]:
    well = answer_of(stage.poisons, WELL)
    found: dict[str, Any] = {}
    for case, title in CASES.items():
        print(f"  {title}", flush=True)
        found[case] = {key: outcome(stage.poisons, child, case, well) for key, child in stage.cast.items()}
    return {"races": RACES, "cases": found}


def outcome(sim: Simulated, child: Child, case: str, well: str) -> dict[str, int]:
    """How many races the healthy lane won, how many ended with another text, how many without an answer."""
    child.open(lanes(sim, (case, WELL)))
    sim.reset()
    raced = child.race(Race(RACES, AT_ONCE, fresh=True, patience=PATIENCE))
    right = raced.replies.get(well, 0)
    asked = sim.get("/sim/counters")["providers"][case]["started"]
    wrong = sum(raced.replies.values()) - right
    return {"right": right, "wrong": wrong, "none": sum(raced.errors.values()), "asked": int(asked)}


def answer_of(sim: Simulated, name: str) -> str:
    """What a provider says to the prompt of all races."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": PROMPT}]}).encode()
    request = urllib.request.Request(
        f"{sim.url}/{name}/v1/chat/completions", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        told: dict[str, Any] = json.loads(response.read())
    return str(told["choices"][0]["message"]["content"])


def right_of(data: Mapping[str, Any], key: str) -> tuple[int, int]:
    """The races that a client has won with the right answer, over all cases, and how many there were."""
    cases = [found[key] for found in data["cases"].values() if key in found]
    return sum(case["right"] for case in cases), data["races"] * len(cases)


def text(data: Mapping[str, Any]) -> str:
    there = [entry for entry in CAST if all(entry.key in found for found in data["cases"].values())]
    rows = [
        (CASES[case], *(_cell(found[entry.key], data["races"]) for entry in there))
        for case in CASES
        if (found := data["cases"].get(case)) is not None
    ]
    rows.append(("**right answers in all**", *(_sum(data, entry.key) for entry in there)))
    return (
        f"{data['races']} races of each client in each case: one lane answers badly at once, one well after"
        " 0.2 s. `ok`: the right answer came each time. `bad n`: so many times the caller was given something"
        " else as the answer. `none n`: so many times there was an error although a lane was well."
        " `asked n`: the bad lane was asked so many times only.\n\n"
        + table(("the bad lane says", *(entry.title for entry in there)), rows)
    )


def _cell(found: Mapping[str, int], races: int) -> str:
    said = [f"**{word} {found[name]}**" for name, word in (("wrong", "bad"), ("none", "none")) if found[name]]
    said = said or ["ok"]
    if found["asked"] < races:
        said.append(f"asked {found['asked']}")
    return ", ".join(said)


def _sum(data: Mapping[str, Any], key: str) -> str:
    right, races = right_of(data, key)
    return f"{right} of {races}"
