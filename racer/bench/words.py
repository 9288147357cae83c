"""What a bench has found, in sentences: what a race gains, and what the rounds were too few for. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from racer.bench.figures import best_lane
from racer.bench.quantile import joint_level, least
from racer.bench.report import SHARES
from racer.bench.sample import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.bench.report import Comparison, Report, Row

AMOUNTS = {"p50": "half of its races", "p95": "19 of 20 races"}
SMALL = 0.1  # seconds: below, milliseconds read better


def sentences(report: Report) -> tuple[str, ...]:
    """Policies first, then lanes that cannot be told apart, then which quantiles have no upper bound."""
    by_name = {row.name: row for row in report.rows}
    best = best_lane(report.rows)
    found: list[str] = []
    for each in report.comparisons:
        policy = by_name[each.a]
        if policy.kind is Kind.POLICY:
            other = f"{each.b}, the best lane alone" if best and each.b == best.name else f"`{each.b}`"
            found += _policy(policy, each, other)
    lanes = [each for each in report.comparisons if by_name[each.a].kind is Kind.LANE]
    found += [_alike(each) for each in lanes if each.share == "p50" and not each.told_apart]
    return (*found, *_unbounded(report.rows, report.confidence))


def _policy(policy: Row, found: Comparison, other: str) -> list[str]:
    """Of what is not told apart, only the medians are worth a sentence."""
    if found.told_apart:
        gain, cost = _gain(found), _cost(policy)
        return [f"{policy.name} answers {AMOUNTS[found.share]} {gain} than {other}, for {cost}"]
    if found.share != "p50":
        return []
    return [f"too few rounds to tell whether {policy.name} is sooner than {other}{_would(found)}"]


def _gain(found: Comparison) -> str:
    """With its bounds, in one unit: `0.12 s (0.05–0.20) sooner`."""
    value, low, high = found.difference
    ends = sorted(abs(end) for end in (low, high) if end is not None)
    factor, digits, unit = (1.0, 2, "s") if abs(value) >= SMALL else (1000.0, 0, "ms")
    amount, *bounds = (f"{factor * number:.{digits}f}" for number in (abs(value), *ends))
    return f"{amount} {unit} ({'–'.join(bounds)}) {'sooner' if value > 0 else 'later'}"


def _cost(policy: Row) -> str:
    asked = policy.requests_per_answer
    return f"{1.0 if asked is None else asked:.2f} requests an answer"


def _alike(found: Comparison) -> str:
    return f"too few rounds to tell {found.a} from {found.b}{_would(found)}"


def _would(found: Comparison) -> str:
    if found.rounds_needed is None:
        return " (what they differ by is next to nothing)"
    return f" (about {about(found.rounds_needed)} would)"


def _unbounded(rows: Sequence[Row], confidence: float) -> list[str]:
    """Which quantiles no row can bound from above, and how many answers of each contender could."""
    answering = [row for row in rows if row.latency]
    found: list[str] = []
    for name, share in SHARES.items():
        without = [row for row in answering if row.latency[name].high is None]
        if without:
            needed = about(_needed(len(answering), share, confidence))
            whose = "any" if len(without) == len(answering) else ", ".join(row.name for row in without)
            found.append(
                f"too few answers to say how high the {name} of {whose} may be (about {needed} would)"
            )
    return found


def _needed(rows: int, share: float, confidence: float) -> int:
    """So many answers of each, where each of them has a first token and a speed as well."""
    n = 1
    while True:
        claims = [(n, p) for p in (*SHARES.values(), *SHARES.values(), SHARES["p50"])] * rows
        needed = least(share, joint_level(claims, confidence))
        if needed <= n:
            return n
        n = needed


def about(count: int) -> int:
    """Two digits, never too few."""
    digit = int(10 ** max(0, len(str(count)) - 2))
    return math.ceil(count / digit) * digit
