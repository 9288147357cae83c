"""Remarks on what a bench has sent: why it was less than announced, and which answers were cut too short."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from racer.bench.sample import KEPT_OUT
from racer.core.heat import Outcome
from racer.core.kinds import kind_of
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from racer.bench.report import Spending
    from racer.bench.sample import Sample

CUT = frozenset({Kind.EMPTY, Kind.TRUNCATED})
CUT_IN_JSON = "max_tokens"  # what an answer that is cut off in mid-JSON is told to have more of


def remarks(
    announced: Spending,
    sent: Spending,
    samples: Sequence[Sample],
    bounds: Mapping[int, int],
    *,
    complete: bool,
) -> tuple[str, ...]:
    """A line each. `bounds`: the most tokens of an answer, by the number of a prompt that has a bound."""
    found = list(_unsent(announced, sent)) if complete else []
    kept_out = Counter((each.contender, each.reason) for each in samples if each.outcome == KEPT_OUT)
    found += [f"{name} was kept out {_times(count)}: {why}" for (name, why), count in kept_out.items()]
    return (*found, *_cut(samples, bounds))


def _unsent(announced: Spending, sent: Spending) -> Iterable[str]:
    if sent.total != announced.total:
        yield f"announced were {announced.total:,} requests, and {sent.total:,} were sent"
    for policy, most in announced.policies.items():
        if (count := sent.policies.get(policy, 0)) < most:
            yield f"{policy} has {most - count:,} of {most:,} requests left: lanes were kept out of its races"


def _cut(samples: Iterable[Sample], bounds: Mapping[int, int]) -> Iterable[str]:
    """Whoever thinks before it answers may have used up by then all that it was allowed."""
    cut = [
        (run.lane, bounds[sample.prompt])
        for sample in samples
        if sample.prompt in bounds
        for run in sample.attempts
        if run.outcome is Outcome.FAILED and _is_cut(run.reason or "")
    ]
    if cut:
        counts = Counter(lane for lane, _ in cut).most_common()
        lanes = ", ".join(f"{lane} {count:,}" for lane, count in counts)
        allowed = _range([most for _, most in cut])
        what = "answer was" if len(cut) == 1 else "answers were"
        yield (
            f"{len(cut):,} {what} empty or cut off, with {allowed} tokens allowed ({lanes}): "
            "who thinks first may need more, which --max-tokens gives"
        )


def _is_cut(reason: str) -> bool:
    return kind_of(reason) in CUT or CUT_IN_JSON in reason


def _range(numbers: Sequence[int]) -> str:
    return " to ".join(f"{number:,}" for number in sorted({min(numbers), max(numbers)}))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
