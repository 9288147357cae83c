"""Hindsight: what each policy would have given, beside what was, as rows, sentences and a document. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from racer.bench.quantile import estimate, joint_level, least, quantile
from racer.bench.report import SHARES, Comparison, Estimate
from racer.bench.resample import bounds, spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.bench.replay import Result
    from racer.bench.trace import Trace

FORMAT = 1
AS_IT_WAS = "as it was"
CONFIDENCE = 0.95
COMPARED = ("p50", "p95")
NEAR = 0.15  # of its time and of its requests: so near a replay of what was should come
FAR = "that is not near, so do not build on the others; perhaps other limits held than are configured now"

METHOD = tuple(
    """\
Your own races were run again by racer itself, once with each policy, with your limits, at the times at \
which they began, on a clock that costs no time: nothing was sent.
A lane that ran to its end in a race does there exactly what it did; where it was stopped or did not run, \
what it does is drawn from its own attempts, the nearer in time the likelier, those that were stopped \
counted as taking longer (Kaplan and Meier), and for an answer as long as that race's.
Draws depend on the seed, the race and the lane alone, so that all policies meet the same luck.
""".splitlines()
)
LIMITS = tuple(
    """\
Lanes are drawn independently of each other: what slows several at once, as your own network does, is \
seen only as far as it lasted, so policies that ask several look a little better than they are.
More requests slow nobody down and are refused by nobody, but for the limits that are configured.
A lane is known only as far as it was asked: one that was asked when another had failed, or that was \
mostly stopped, is known badly, and its slow answers worst.
Limits are those configured now, nothing of them is used when the replay begins, and nothing is learned \
of any lane by then.
First tokens of answers that were not streamed are reckoned from how their time grows with their length; \
how long a provider asked to wait after a refusal is not recorded.
Whoever ran into a time limit is taken to stay silent.
Whether a reply was streamed, had to be valid, or was wanted from certain lanes first is not recorded: \
every race is a plain one, of the lanes that it could have had.
""".splitlines()
)


@dataclass(frozen=True, slots=True)
class Row:
    """What was, or what a policy would have given. `failures` counts races without an answer, by how they
    ended. `drawn`: of the answers, how many were not seen in that very race."""

    name: str
    races: int
    answered: int
    requests: int
    metered: int
    drawn: int = 0
    failures: Mapping[str, int] = field(default_factory=dict[str, int])
    latency: Mapping[str, Estimate] = field(default_factory=dict[str, Estimate])

    @property
    def requests_per_answer(self) -> float | None:
        return self.requests / self.answered if self.answered else None

    def to_dict(self) -> dict[str, Any]:
        asked = self.requests_per_answer
        return {
            "name": self.name,
            "kind": "recorded" if self.name == AS_IT_WAS else "policy",
            "races": self.races,
            "answered": self.answered,
            "failed": self.races - self.answered,
            "failures": dict(self.failures),
            "latency": {name: each.to_dict() for name, each in self.latency.items()},
            "requests": self.requests,
            "metered": self.metered,
            "requests_per_answer": None if asked is None else round(asked, 6),
            "drawn": self.drawn,
        }


@dataclass(frozen=True, slots=True)
class Hindsight:
    """`began`, `since` and `until` in unix seconds: of the replay, of the first race and of the last.

    `gone` are lanes that are not configured any more, each with what limits held for it.
    `comparisons` have as it was as `b`: below 0, the policy would have been later.
    """

    began: float
    seed: int
    trace: Trace
    gone: Mapping[str, str]
    rows: Sequence[Row]
    comparisons: Sequence[Comparison] = ()

    @property
    def since(self) -> float:
        return self.trace.races[0].at

    @property
    def until(self) -> float:
        return self.trace.races[-1].at

    def to_dict(self) -> dict[str, Any]:
        """The document report.json of a replay."""
        return {
            "racer_replay": FORMAT,
            "began": round(self.began, 3),
            "since": round(self.since, 3),
            "until": round(self.until, 3),
            "seed": self.seed,
            "confidence": CONFIDENCE,
            "races": len(self.trace.races),
            "recorded": dict(recorded_policies(self.trace)),
            "lanes": lanes_of(self.trace, self.gone),
            "left_out": [{"lane": lane, "reason": why} for lane, why in self.trace.left_out],
            "passed_over": dict(self.trace.passed_over),
            "rows": [row.to_dict() for row in self.rows],
            "comparisons": [each.to_dict() for each in self.comparisons],
            "sentences": list(sentences(self)),
            "method": list(METHOD),
            "limits": list(LIMITS),
        }


# ---------------------------------------------------------------- figures


def hindsight_of(
    trace: Trace, results: Mapping[str, Sequence[Result]], gone: Mapping[str, str], *, began: float, seed: int
) -> Hindsight:
    """`results` has what was as AS_IT_WAS, and each policy's by its name."""
    rows = rows_of(results)
    return Hindsight(began, seed, trace, gone, rows, comparisons_of(results, seed))


def rows_of(results: Mapping[str, Sequence[Result]]) -> tuple[Row, ...]:
    """All bounds hold together."""
    waits = {name: [each.latency for each in of if each.latency is not None] for name, of in results.items()}
    claims = [(len(each), p) for each in waits.values() for p in SHARES.values()]
    level = joint_level(claims, CONFIDENCE)
    return tuple(_row(name, of, waits[name], level) for name, of in results.items())


def _row(name: str, results: Sequence[Result], waits: Sequence[float], level: float) -> Row:
    return Row(
        name=name,
        races=len(results),
        answered=len(waits),
        requests=sum(each.requests for each in results),
        metered=sum(each.metered for each in results),
        drawn=sum(each.drawn for each in results),
        failures=Counter(each.failure for each in results if each.failure is not None),
        latency={share: estimate(waits, p, level) for share, p in SHARES.items()} if waits else {},
    )


def comparisons_of(results: Mapping[str, Sequence[Result]], seed: int) -> tuple[Comparison, ...]:
    """Each policy beside what was, over the races that all have answered. The bounds hold together."""
    times = zip(*([each.latency for each in of] for of in results.values()), strict=True)
    answered = [[wait for wait in each if wait is not None] for each in times if None not in each]
    if not answered:
        return ()
    columns = dict(zip(results, zip(*answered, strict=True), strict=True))
    policies = [name for name in results if name != AS_IT_WAS]
    shares = [SHARES[share] for share in COMPARED]
    drawn = dict(zip(columns, spread(list(columns.values()), shares, seed), strict=True))
    level = 1 - (1 - CONFIDENCE) / max(1, len(policies) * len(COMPARED))
    found: list[Comparison] = []
    for name in policies:
        for place, share in enumerate(COMPARED):
            a, b = (quantile(sorted(columns[each]), SHARES[share]) for each in (name, AS_IT_WAS))
            low, high = bounds(drawn[name][place], drawn[AS_IT_WAS][place], level)
            enough = len(answered) >= least(SHARES[share], CONFIDENCE)
            told = enough and (low > 0 or high < 0)
            ends = (low, high) if enough else (None, None)
            found.append(Comparison(name, AS_IT_WAS, share, Estimate(b - a, *ends), told))
    return tuple(found)


def recorded_policies(trace: Trace) -> Counter[str]:
    """How many races were run with which."""
    return Counter(race.policy for race in trace.races)


def lanes_of(trace: Trace, gone: Mapping[str, str]) -> list[dict[str, Any]]:
    """What was seen of each lane that is replayed."""
    found = {lane: Counter[str]() for lane in trace.lanes}
    races = (*trace.races, *trace.asides)
    for seen in (seen for race in races for seen in race.seen if seen.lane in found):
        found[seen.lane]["stopped" if seen.stopped else "answered" if seen.answered else "failed"] += 1
    return [
        {
            "lane": lane,
            "attempts": counts.total(),
            **{name: counts[name] for name in ("answered", "failed", "stopped")},
            "configured": lane not in gone,
        }
        for lane, counts in found.items()
    ]


# ---------------------------------------------------------------- sentences


def sentences(found: Hindsight) -> tuple[str, ...]:
    """A line for each policy: what p95 would have been, instead of what, for how many more requests."""
    was, *policies = found.rows
    told = {each.a: each.told_apart for each in found.comparisons if each.share == "p95"}
    had = set(recorded_policies(found.trace))
    return tuple(
        _sentence(row, was, apart=told.get(row.name, False), had=had == {row.name}) for row in policies
    )


def _sentence(row: Row, was: Row, *, apart: bool, had: bool) -> str:
    if not row.latency or not was.latency:
        return f"With `{row.name}` {row.answered:,} of {row.races:,} races would have been answered."
    then, now = seconds(was.latency["p95"].value), seconds(row.latency["p95"].value)
    cost = _cost(row, was) + _lost(row, was)
    if had:
        far = "" if _is_near(row, was) else f": {FAR}"
        return f"`{row.name}` is what you had: replayed, its p95 is {now}, and it was {then}, {cost}{far}."
    if then == now:
        return f"With `{row.name}` your p95 would have been about what it was ({then}), {cost}."
    if not apart:
        return f"With `{row.name}` your p95 would have been about what it was ({now}, it was {then}), {cost}."
    return f"With `{row.name}` your p95 would have been {now} instead of {then}, {cost}."


def _is_near(row: Row, was: Row) -> bool:
    """Does the replay of what was come to what was?"""
    times = row.latency["p95"].value / max(was.latency["p95"].value, 1e-9)
    return abs(times - 1) <= NEAR and abs(_ratio(row, was) - 1) <= NEAR


def _ratio(row: Row, was: Row) -> float:
    """Of requests for each answer; those that nobody counts only where there are no others."""
    mine, theirs = (each.metered or each.requests for each in (row, was))
    return (mine / row.answered) / (theirs / was.answered) if theirs else 1.0


def _cost(row: Row, was: Row) -> str:
    ratio = _ratio(row, was)
    if abs(ratio - 1) < 0.005:
        return "at as many requests"
    if ratio >= 2:
        return f"at {ratio:.1f} times the requests"
    return f"at {abs(ratio - 1):.0%} {'more' if ratio > 1 else 'fewer'} requests".replace("%", " %")


def _lost(row: Row, was: Row) -> str:
    """How many more races, or fewer, would have had no answer."""
    more = (row.races - row.answered) - (was.races - was.answered)
    if not more:
        return ""
    races = f"{'more' if more > 0 else 'fewer'} race{'' if abs(more) == 1 else 's'}"
    return f", and {abs(more):,} {races} without an answer"


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
