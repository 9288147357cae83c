"""Samples as a bench would have them, for the tests of what they come to."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from racer.bench.sample import Kind, Sample
from racer.core.heat import Outcome
from racer.core.reply import Attempt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BEGAN = 1_800_000_000.0


def run(lane: str, outcome: Outcome = Outcome.WON, latency: float = 0.2) -> Attempt:
    provider, _, model = lane.partition("/")
    return Attempt(lane, provider, model, 0.0, latency, outcome)


def asked(lane: str, number: int, took: float, outcome: str = "answered", **more: Any) -> Sample:
    """A lane alone; it was sent for unless it was kept out."""
    attempts = () if outcome == "kept_out" else (run(lane, latency=took),)
    more.setdefault("attempts", attempts)
    return Sample(Kind.LANE, lane, number, 0, BEGAN + number, outcome, took, **more)


def raced(policy: str, number: int, took: float, *attempts: Attempt, outcome: str = "answered") -> Sample:
    return Sample(Kind.POLICY, policy, number, 0, BEGAN + number, outcome, took, attempts=attempts)


def lanes(**took: Sequence[float]) -> list[Sample]:
    """A lane `p/NAME` for each, with its seconds round by round."""
    return [
        asked(f"p/{name}", number, each) for name, all_ in took.items() for number, each in enumerate(all_)
    ]


def policies(**took: Sequence[float]) -> list[Sample]:
    """A policy for each, with one request a race."""
    return [
        raced(name, number, each, run("p/a"))
        for name, all_ in took.items()
        for number, each in enumerate(all_)
    ]


def contenders(samples: Iterable[Sample]) -> list[tuple[Kind, str]]:
    """In the order in which they come up."""
    return list(dict.fromkeys((sample.kind, sample.contender) for sample in samples))


def drawn(count: int, median: float, seed: int, sigma: float = 0.3) -> list[float]:
    chance = random.Random(seed)
    return [median * chance.lognormvariate(0.0, sigma) for _ in range(count)]
