"""Documents as report.json holds them, drawn by a seed, for the tests of the page."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple

from racer.bench.figures import comparisons, rows
from racer.bench.hindsight import AS_IT_WAS, hindsight_of
from racer.bench.replay import Result
from racer.bench.report import Report, Spending
from racer.bench.sample import Kind, Sample
from racer.bench.trace import Place, Trace
from racer.core.heat import Outcome
from racer.core.reply import Attempt
from tests.racer.bench.samples import BEGAN
from tests.racer.bench.traces import race, seen

if TYPE_CHECKING:
    from collections.abc import Sequence


class Lane(NamedTuple):
    """How fast it is in the middle, and which share of its calls fails."""

    name: str
    median: float
    fails: float = 0.0


LANES = (Lane("groq/swift", 0.4, 0.1), Lane("mistral/steady", 0.9), Lane("ollama/local", 3.0))
POLICIES = ("all", "frugal", "one")
POISONED = "</script><img src=x onerror=alert(1)>"
GAP = 20.0  # seconds from round to round
MOST_COMPARED = 100  # rounds: with more, comparing takes longer than a test should


def bench(
    lanes: Sequence[Lane] = LANES,
    rounds: int = 20,
    policies: Sequence[str] = POLICIES,
    *,
    stopped: str | None = None,
    gap: float = GAP,
) -> dict[str, Any]:
    """The document of a bench of these lanes."""
    chance = random.Random(4)
    samples = [
        sample
        for number in range(rounds)
        for sample in (
            *(_asked(lane, number, gap, chance) for lane in lanes),
            *(_raced(policy, lanes, number, gap, chance) for policy in policies),
        )
    ]
    contenders = [(Kind.LANE, lane.name) for lane in lanes] + [(Kind.POLICY, name) for name in policies]
    found = rows(samples, contenders, {lane.name: ("30 a minute",) for lane in lanes[:1]})
    spending = Spending(
        {row.name: row.sent for row in found if row.kind is Kind.LANE},
        {row.name: row.sent for row in found if row.kind is Kind.POLICY},
    )
    return Report(
        began=BEGAN,
        ended=BEGAN + rounds * gap,
        seed=4,
        rounds=rounds if stopped is None else rounds * 2,
        rounds_done=rounds,
        warm_up=True,
        prompts=6,
        width=min(4, len(lanes)),
        confidence=0.95,
        announced=spending,
        sent=spending,
        rows=found,
        comparisons=comparisons(samples, found, 4) if rounds <= MOST_COMPARED else (),
        samples=samples,
        machine={"system": "Linux", "python": "3.11"},
        stopped=stopped,
        notes=("announced 40, sent 37",),
    ).to_dict()


def _attempt(lane: Lane, start: float, latency: float, outcome: Outcome) -> Attempt:
    provider, _, model = lane.name.partition("/")
    failed = outcome is Outcome.FAILED
    return Attempt(
        lane=lane.name,
        provider=provider,
        model=model,
        start=start,
        latency=latency,
        outcome=outcome,
        reason=f"overloaded {POISONED}" if failed else None,
        status=503 if failed else None,
        first_token=None if failed else latency / 3,
    )


def _asked(lane: Lane, number: int, gap: float, chance: random.Random) -> Sample:
    took, failed = lane.median * chance.lognormvariate(0, 0.4), chance.random() < lane.fails
    run = _attempt(lane, 0.0, took, Outcome.FAILED if failed else Outcome.WON)
    return Sample(
        kind=Kind.LANE,
        contender=lane.name,
        round=number,
        prompt=0,
        at=BEGAN + number * gap,
        outcome="server" if failed else "answered",
        took=took,
        first_token=run.first_token,
        output_tokens=100,
        reason=run.reason,
        attempts=(run,),
    )


def _raced(policy: str, lanes: Sequence[Lane], number: int, gap: float, chance: random.Random) -> Sample:
    entered = lanes[:4] if policy == "all" else lanes[:1]
    took = [lane.median * chance.lognormvariate(0, 0.4) for lane in entered]
    end = min(took)
    runs = tuple(
        _attempt(lane, 0.0, end, Outcome.WON if each == end else Outcome.LOST)
        for lane, each in zip(entered, took, strict=True)
    )
    at = BEGAN + number * gap + gap / 2
    return Sample(Kind.POLICY, policy, number, 0, at, "answered", end, attempts=runs)


def replay(races: int = 60) -> dict[str, Any]:
    """The document of a replay of so many races on two lanes, one of which is there no more."""
    chance = random.Random(4)
    waits = {name: [chance.lognormvariate(0, 0.5) for _ in range(races)] for name in (AS_IT_WAS, *POLICIES)}
    found = {
        name: [Result(latency=each, requests=1 + (name == "all"), metered=1) for each in of]
        for name, of in waits.items()
    }
    swift = Place("groq", "swift", "groq")
    trace = Trace(
        races=tuple(race(number, seen("groq/swift", each)) for number, each in enumerate(waits[AS_IT_WAS])),
        lanes={"groq/swift": swift, f"gone/{POISONED}": swift},
        left_out=((f"old/{POISONED}", "nothing is known of it"),),
        passed_over={"without an end": 2},
    )
    gone = {f"gone/{POISONED}": ""}
    return hindsight_of(trace, found, gone, began=BEGAN + races * GAP, seed=4).to_dict()
