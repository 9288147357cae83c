"""What a bench's samples come to: a row for each contender, and who is faster than whom. Pure.

Rule 1: warm-ups are in no figure, and a failed call has no latency.
Rule 2: the bounds of all rows hold together: whoever picks the best row of many may still believe it.
Rule 3: two contenders are compared over the rounds in which both answered, so that neither is faster for
        having failed when it was hard. A comparison is `SURE` of its bounds, for itself; in a usual bench
        of lanes that are alike, fewer than one in twenty then finds any two apart.
Rule 4: bounds of a difference need so many rounds as bounds of the quantiles themselves do at 0.95. With
        fewer, what was drawn again and again from so little would look surer than it is.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from racer.bench.quantile import estimate, joint_level, least, quantile
from racer.bench.report import SHARES, Comparison, Estimate, Row
from racer.bench.resample import bounds, spread
from racer.bench.sample import KEPT_OUT, Kind
from racer.core.heat import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from racer.bench.sample import Sample

JOINT = 0.95
SURE = 0.99
COMPARED = {name: SHARES[name] for name in ("p50", "p95")}
MOST_ROUNDS = 10_000  # what would take more is not told apart by anybody's bench
NOTHING = 1e-9  # seconds: what is left of a difference where there is none
SEQUENTIAL = "one"

Key = tuple[Kind, str]
Seconds = dict[Key, dict[int, float]]  # of answers, by round
Drawn = dict[tuple[tuple[int, ...], Key, str], list[float]]  # quantiles of resamples, by rounds and share


# ---------------------------------------------------------------- rows


class _Seen:
    """What one contender's samples say."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        answers = [sample for sample in samples if sample.answered]
        self.samples = samples
        self.answered = len(answers)
        self.latency = [sample.took for sample in answers]
        self.first_token = [sample.first_token for sample in answers if sample.first_token is not None]
        self.speed = [sample.tokens_per_second for sample in answers if sample.tokens_per_second is not None]

    def claims(self) -> list[tuple[int, float]]:
        """How many numbers there are for each quantile that a row states."""
        timed = [(len(each), p) for each in (self.latency, self.first_token) for p in SHARES.values()]
        return [*timed, (len(self.speed), SHARES["p50"])]

    def row(self, key: Key, level: float, races: tuple[int, int], limits: Sequence[str]) -> Row:
        outcomes = Counter(sample.outcome for sample in self.samples if not sample.answered)
        kept_out = outcomes.pop(KEPT_OUT, 0)
        wins, entered = races
        return Row(
            *key,
            asked=len(self.samples),
            answered=self.answered,
            sent=sum(sample.sent for sample in self.samples),
            kept_out=kept_out,
            failures=dict(outcomes.most_common()),
            latency=_quantiles(self.latency, level),
            first_token=_quantiles(self.first_token, level),
            tokens_per_second=estimate(self.speed, SHARES["p50"], level) if self.speed else None,
            wins=wins,
            entered=entered,
            limits=tuple(limits),
        )


def rows(
    samples: Sequence[Sample],
    contenders: Sequence[Key],
    limits: Mapping[str, Sequence[str]],
    confidence: float = JOINT,
) -> tuple[Row, ...]:
    """A row for each contender, in their order. `limits` are texts by name of a lane.

    With `confidence`, all bounds of all rows hold together.
    """
    counted: dict[Key, list[Sample]] = {key: [] for key in contenders}
    for sample in samples:
        if not sample.warm_up:
            counted.setdefault((sample.kind, sample.contender), []).append(sample)
    seen = {key: _Seen(counted[key]) for key in contenders}
    level = joint_level([claim for each in seen.values() for claim in each.claims()], confidence)
    races = _races(sample for sample in samples if not sample.warm_up)
    return tuple(
        each.row(key, level, races.get(key, (0, 0)), limits.get(key[1], ())) for key, each in seen.items()
    )


def _races(samples: Iterable[Sample]) -> dict[Key, tuple[int, int]]:
    """How many races of policies each lane has won, and in how many it ran. Twice in one race is once."""
    won: Counter[str] = Counter()
    entered: Counter[str] = Counter()
    for sample in samples:
        if sample.kind is Kind.POLICY:
            won.update({run.lane for run in sample.attempts if run.outcome is Outcome.WON})
            entered.update({run.lane for run in sample.attempts})
    return {(Kind.LANE, lane): (won[lane], count) for lane, count in entered.items()}


def _quantiles(seconds: Sequence[float], level: float) -> dict[str, Estimate]:
    return {name: estimate(seconds, p, level) for name, p in SHARES.items()} if seconds else {}


# ---------------------------------------------------------------- comparisons


class _Pair(NamedTuple):
    """Two contenders, and the rounds in which both answered."""

    a: Row
    b: Row
    rounds: tuple[int, ...]


def comparisons(samples: Sequence[Sample], rows: Sequence[Row], seed: int) -> tuple[Comparison, ...]:
    """Lanes beside the next slower one, then each policy beside the best lane and beside `one`.

    The second is expected to be the slower, so a difference above 0 says that it is. Two that never
    answered in the same round are left out.
    """
    seconds = _seconds(samples)
    pairs = [_Pair(a, b, _both(seconds, a, b)) for a, b in _beside(rows)]
    met = [pair for pair in pairs if pair.rounds]
    drawn = _drawn(met, seconds, seed)
    return tuple(_compared(pair, share, seconds, drawn) for pair in met for share in COMPARED)


def best_lane(rows: Iterable[Row]) -> Row | None:
    """The lane with the lowest median, of those that answer at least every other time if there are any."""
    lanes = [row for row in rows if row.kind is Kind.LANE and row.latency]
    steady = [lane for lane in lanes if (lane.error_rate or 0.0) <= 0.5]
    return min(steady or lanes, key=_median, default=None)


def _beside(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    answering = sorted((row for row in rows if row.latency), key=_median)
    lanes = [row for row in answering if row.kind is Kind.LANE]
    policies = [row for row in answering if row.kind is Kind.POLICY]
    best = best_lane(lanes)
    others = [row for row in answering if row is best or row.name == SEQUENTIAL]
    return [
        *pairwise(lanes),
        *((policy, other) for policy in policies for other in others if policy != other),
    ]


def _median(row: Row) -> float:
    return row.latency["p50"].value


def _seconds(samples: Iterable[Sample]) -> Seconds:
    """The first answer of a round counts."""
    found: Seconds = {}
    for sample in samples:
        if sample.answered and not sample.warm_up:
            found.setdefault((sample.kind, sample.contender), {}).setdefault(sample.round, sample.took)
    return found


def _both(seconds: Seconds, a: Row, b: Row) -> tuple[int, ...]:
    return tuple(sorted(seconds[_key(a)].keys() & seconds[_key(b)].keys()))


def _key(row: Row) -> Key:
    return row.kind, row.name


def _drawn(pairs: Sequence[_Pair], seconds: Seconds, seed: int) -> Drawn:
    """Pairs of the same rounds, as most are, share what was drawn: that is where the time goes."""
    keys: dict[tuple[int, ...], dict[Key, None]] = {}
    for a, b, rounds in pairs:
        keys.setdefault(rounds, {}).update({_key(a): None, _key(b): None})
    found: Drawn = {}
    for rounds, those in keys.items():
        columns = [[seconds[key][number] for number in rounds] for key in those]
        for key, quantiles in zip(those, spread(columns, list(COMPARED.values()), seed), strict=True):
            found.update(
                {(rounds, key, share): each for share, each in zip(COMPARED, quantiles, strict=True)}
            )
    return found


def _compared(pair: _Pair, share: str, seconds: Seconds, drawn: Drawn) -> Comparison:
    a, b = _key(pair.a), _key(pair.b)
    seen = [
        quantile(sorted([seconds[key][number] for number in pair.rounds]), COMPARED[share]) for key in (a, b)
    ]
    value = seen[1] - seen[0]
    low, high = bounds(drawn[pair.rounds, a, share], drawn[pair.rounds, b, share], SURE)
    count, enough = len(pair.rounds), least(COMPARED[share], JOINT)
    told_apart = count >= enough and (low > 0 or high < 0)
    stated = Estimate(value, low, high) if count >= enough else Estimate(value, None, None)
    needed = None if told_apart else _rounds_needed(value, (high - low) / 2, count, enough)
    return Comparison(pair.a.name, pair.b.name, share, stated, told_apart, needed)


def _rounds_needed(value: float, half_width: float, rounds: int, enough: int) -> int | None:
    """Bounds come closer by the square root of the rounds. None where the difference is next to nothing."""
    if abs(value) < NOTHING:
        return None
    needed = max(enough, rounds + 1, math.ceil(rounds * (half_width / value) ** 2))
    return needed if needed <= MOST_ROUNDS else None
