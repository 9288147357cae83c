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
    """Who is told apart, policies first; then who is not, and which quantiles have no upper bound."""
    by_name = {row.name: row for row in report.rows}
    policies = [each for each in report.comparisons if by_name[each.a].kind is Kind.POLICY]
    lanes = [each for each in report.comparisons if by_name[each.a].kind is Kind.LANE]
    best = best_lane(report.rows)
    whose = "" if best is None else best.name
    told = [_told(by_name[each.a], each, whose) for each in policies if each.told_apart]
    alike = [each for each in (*policies, *lanes) if each.share == "p50" and not each.told_apart]
    return (*told, *_alike(alike), *_unbounded(report.rows, report.confidence))


def _told(policy: Row, found: Comparison, best: str) -> str:
    other = f"{found.b}, the best lane alone" if found.b == best else f"`{found.b}`"
    return f"{policy.name} answers {AMOUNTS[found.share]} {_gain(found)} than {other}, for {_cost(policy)}"


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


def _alike(found: Sequence[Comparison]) -> list[str]:
    """In one sentence each: whom more rounds would tell apart, and whom none would."""
    hard = [f"{each.a} from {each.b} ({about(each.rounds_needed)})" for each in found if each.rounds_needed]
    same = [f"{each.a} and {each.b}" for each in found if not each.rounds_needed]
    said: list[str] = []
    if hard:
        said.append(f"too few rounds to tell by their medians (about so many would): {'; '.join(hard)}")
    if same:
        said.append(f"next to nothing between the medians of {'; '.join(same)}")
    return said


def _unbounded(rows: Sequence[Row], confidence: float) -> list[str]:
    """Which quantiles have no upper bound somewhere, and how many answers of each would give one."""
    answering = [row for row in rows if row.latency]
    found: list[str] = []
    for name, share in SHARES.items():
        without = [row.name for row in answering if row.latency[name].high is None]
        if without:
            needed = about(_needed(len(answering), share, confidence))
            whose = "" if len(without) == len(answering) else f" of {', '.join(without)}"
            found.append(f"{name}{whose} ({needed})")
    if not found:
        return []
    return [f"too few answers to say how high it may be (about so many would): {'; '.join(found)}"]


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
