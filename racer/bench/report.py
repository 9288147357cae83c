"""What a bench has found, as records: what report.json holds, and what the table and the page show. Pure.

A figure that the calls seen cannot bound has None at that end: of 20 calls, none says how late the slowest
of a hundred may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.bench.sample import Kind, Sample

FORMAT = 1
SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


class Estimate(NamedTuple):
    """A figure, and between which bounds the true one lies. None: there is no saying."""

    value: float
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, float | None]:
        return {"value": _rounded(self.value), "low": _rounded(self.low), "high": _rounded(self.high)}


@dataclass(frozen=True, slots=True)
class Row:
    """A contender: a lane, or a policy, with what was seen of it. Warm-ups are not among its figures.

    `latency` and `first_token` have p50, p95 and p99 of the answers, in seconds; empty where nobody
    answered. `failures` counts by class. `wins` and `entered`: of the races of all policies that a lane ran
    in, how many it won. `limits`: what its headers told, one text each.
    """

    kind: Kind
    name: str
    asked: int
    answered: int
    sent: int
    kept_out: int = 0
    failures: Mapping[str, int] = field(default_factory=dict[str, int])
    latency: Mapping[str, Estimate] = field(default_factory=dict[str, Estimate])
    first_token: Mapping[str, Estimate] = field(default_factory=dict[str, Estimate])
    tokens_per_second: Estimate | None = None
    wins: int = 0
    entered: int = 0
    limits: Sequence[str] = ()

    @property
    def error_rate(self) -> float | None:
        ran = self.asked - self.kept_out
        return (ran - self.answered) / ran if ran else None

    @property
    def win_rate(self) -> float | None:
        return self.wins / self.entered if self.entered else None

    @property
    def requests_per_answer(self) -> float | None:
        return self.sent / self.answered if self.answered else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": str(self.kind),
            "name": self.name,
            "asked": self.asked,
            "answered": self.answered,
            "sent": self.sent,
            "kept_out": self.kept_out,
            "failures": dict(self.failures),
            "error_rate": _rounded(self.error_rate),
            "latency": {name: each.to_dict() for name, each in self.latency.items()},
            "first_token": {name: each.to_dict() for name, each in self.first_token.items()},
            "tokens_per_second": self.tokens_per_second and self.tokens_per_second.to_dict(),
            "wins": self.wins,
            "entered": self.entered,
            "win_rate": _rounded(self.win_rate),
            "requests_per_answer": _rounded(self.requests_per_answer),
            "limits": list(self.limits),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two contenders over the same rounds: `share` is the figure, `difference` is b less a, in seconds.

    `told_apart`: the bounds of the difference do not hold 0. `rounds_needed`: about how many would tell
    them apart if the difference seen were the true one; None where they are, or where nobody knows.
    """

    a: str
    b: str
    share: str
    difference: Estimate
    told_apart: bool
    rounds_needed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "a": self.a,
            "b": self.b,
            "share": self.share,
            "difference": self.difference.to_dict(),
            "told_apart": self.told_apart,
            "rounds_needed": self.rounds_needed,
        }


@dataclass(frozen=True, slots=True)
class Spending:
    """Requests: by lane asked alone (warm-up included), by policy, and at the most by provider."""

    lanes: Mapping[str, int] = field(default_factory=dict[str, int])
    policies: Mapping[str, int] = field(default_factory=dict[str, int])
    providers: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def total(self) -> int:
        return sum(self.lanes.values()) + sum(self.policies.values())

    def to_dict(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "lanes": dict(self.lanes),
            "policies": dict(self.policies),
            "providers": dict(self.providers),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """A whole bench. `stopped` says why it is not complete; None where it is.

    `confidence`: with which all bounds of all rows hold together. `began`, `ended` in unix seconds.
    """

    began: float
    ended: float
    seed: int
    rounds: int
    rounds_done: int
    warm_up: bool
    prompts: int
    width: int
    confidence: float
    announced: Spending
    sent: Spending
    rows: Sequence[Row]
    comparisons: Sequence[Comparison]
    samples: Sequence[Sample]
    machine: Mapping[str, str]
    stopped: str | None = None
    notes: Sequence[str] = ()

    @property
    def complete(self) -> bool:
        return self.stopped is None

    def to_dict(self) -> dict[str, Any]:
        """The document report.json."""
        return {
            "racer_bench": FORMAT,
            "complete": self.complete,
            "stopped": self.stopped,
            "began": round(self.began, 3),
            "ended": round(self.ended, 3),
            "seed": self.seed,
            "rounds": self.rounds,
            "rounds_done": self.rounds_done,
            "warm_up": self.warm_up,
            "prompts": self.prompts,
            "width": self.width,
            "confidence": self.confidence,
            "machine": dict(self.machine),
            "announced": self.announced.to_dict(),
            "sent": self.sent.to_dict(),
            "rows": [row.to_dict() for row in self.rows],
            "comparisons": [each.to_dict() for each in self.comparisons],
            "notes": list(self.notes),
            "samples": [sample.to_dict() for sample in self.samples],
        }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 6)
