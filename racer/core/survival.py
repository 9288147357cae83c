"""How long things take, from attempts of which many were cut short: a decayed histogram and its curve. Pure.

Kaplan-Meier in 50 bins of 19 %, from 20 ms to 116 s: an attempt was at risk in every bin that it lived
through, and ended in its last, by a cause. One that was stopped ended by none: it tells only that it lived
so long, and a stop is no news of speed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from operator import add, mul, neg
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Hazards = tuple[Sequence[float], Sequence[float]]

BINS = 50
EDGES: tuple[float, ...] = tuple(0.02 * 2.0 ** (edge / 4) for edge in range(BINS + 1))
SHORTEST, LONGEST = EDGES[0], EDGES[-1]
ANSWERED, FAILED = 0, 1
FOLD = 1000
MOST_END = 1 - 1e-6

_INNER = EDGES[1:-1]
_HALVES = tuple((EDGES[edge + 1] - EDGES[edge]) / 2 for edge in range(BINS))


def bin_of(seconds: float) -> int:
    """The bin of a time; the first and the last have room for all that is shorter and longer."""
    return bisect_right(_INNER, seconds)


class Memory:
    """About the last `attempts` that reached each bin: risk, and the ends in it, by cause.

    Each attempt makes the older ones in its bins weigh a little less. No bin is touched for that: what is
    added weighs more instead, by how many came to its bin since all was folded (`_left`: how many got as
    far as each bin, and no further). So to add is cheap, and `fold` does the rest when somebody reads.
    """

    __slots__ = ("_attempts", "_grow", "_keep", "_left", "ends", "risk")

    def __init__(self, attempts: float, *, causes: int = 2) -> None:
        self._attempts = attempts
        self._keep = 1 - 1 / attempts
        self._grow = 1 / self._keep
        self._left = [0] * BINS
        self.risk = [0.0] * BINS
        self.ends = [[0.0] * BINS for _ in range(causes)]

    def add(self, at_bin: int, cause: int | None) -> None:
        """An attempt has ended in `at_bin`; None: it was stopped there, and lived through those before."""
        if cause is None:
            if at_bin:
                self._left[at_bin - 1] += 1
            return
        came = sum(self._left[at_bin:]) + 1
        if came > FOLD:
            self.fold()
            came = 1
        self._left[at_bin] += 1
        self.ends[cause][at_bin] += self._grow**came

    @property
    def weight(self) -> float:
        """How many attempts it remembers, older ones less."""
        self.fold()
        return self.risk[0]

    def fold(self, fade: float = 1.0) -> None:
        """Make every number what it weighs now, `fade` times: 1 changes nothing that can be read."""
        came = list(accumulate(reversed(self._left)))[::-1]
        if not came[0] and fade == 1.0:
            return
        keep = [self._keep**count for count in came]
        self.risk = [
            (risk * kept + self._attempts * (1 - kept)) * fade
            for risk, kept in zip(self.risk, keep, strict=True)
        ]
        self.ends = [[end * kept * fade for end, kept in zip(ends, keep, strict=True)] for ends in self.ends]
        self._left = [0] * BINS

    def over(self, below: Hazards, weight: float) -> Hazards:
        """The chance to end in each bin, by cause, where `below` counts as `weight` attempts a bin."""
        self.fold()
        own = [self._shrunk(ends, under, weight) for ends, under in zip(self.ends, below, strict=False)]
        return own[ANSWERED], own[FAILED] if len(own) > FAILED else below[FAILED]

    def _shrunk(self, ends: Sequence[float], below: Sequence[float], weight: float) -> list[float]:
        return [
            (end + weight * under) / (risk + weight)
            for end, risk, under in zip(ends, self.risk, below, strict=True)
        ]

    def numbers(self) -> list[float]:
        """Everything it knows, as `restore` takes it."""
        self.fold()
        return [*self.risk, *(end for ends in self.ends for end in ends)]

    def restore(self, numbers: Sequence[float]) -> Sequence[float]:
        """Know what `numbers` say. Returns those that it does not need: of somebody behind it."""
        self._left = [0] * BINS
        end = (1 + len(self.ends)) * BINS
        self.risk, *self.ends = [list(numbers[at : at + BINS]) for at in range(0, end, BINS)]
        return numbers[end:]


class Curve:
    """What chances say of a time. Seconds; past the last bin the chance of more falls with its square.

    `hazards` are the chances, for another curve to lean on.
    """

    __slots__ = ("_answers", "_areas", "_waits", "hazards", "success")

    def __init__(self, hazards: Hazards) -> None:
        self.hazards = hazards
        answered, failed = hazards
        self._answers = _survival(answered)
        self._waits = _survival(list(map(add, answered, failed)))
        self._areas = _areas(self._waits)
        good, bad = (sum(map(mul, self._waits, cause)) for cause in hazards)
        self.success: float = good / (good + bad)

    def quantile(self, q: float) -> float:
        """By when the share `q` has answered. A failure counts as a stop: to fail fast is not to be fast."""
        left, answers = 1.0 - q, self._answers
        edge = bisect_left(answers, -left, key=neg)
        if edge == 0 or edge > BINS:
            return SHORTEST if edge == 0 else LONGEST
        before, after = answers[edge - 1], answers[edge]
        log_part: float = (EDGES[edge] / EDGES[edge - 1]) ** ((before - left) / (before - after))
        return EDGES[edge - 1] * log_part

    def alive(self, age: float) -> float:
        """The chance that an attempt shows nothing, no failure either, before `age`."""
        if age >= LONGEST:
            return self._waits[-1] * (LONGEST / age) ** 2
        if age <= SHORTEST:
            return 1.0
        at_bin, part = _within(age)
        return self._waits[at_bin] + part * (self._waits[at_bin + 1] - self._waits[at_bin])

    def remaining(self, age: float) -> float:
        """How much longer an attempt of that age takes until it shows anything, on average."""
        if age >= LONGEST:
            return age
        if age <= SHORTEST:
            return SHORTEST - age + self._areas[0]
        at_bin, _ = _within(age)
        alive = self.alive(age)
        rest = (alive + self._waits[at_bin + 1]) / 2 * (EDGES[at_bin + 1] - age)
        return (rest + self._areas[at_bin + 1]) / alive


def _within(age: float) -> tuple[int, float]:
    at_bin = bin_of(age)
    return at_bin, (age - EDGES[at_bin]) / (EDGES[at_bin + 1] - EDGES[at_bin])


def _survival(ends: Sequence[float]) -> list[float]:
    """The chance to live to each edge. Never 0, so that it can be divided by."""
    lives = [1.0 - end if end < MOST_END else 1.0 - MOST_END for end in ends]
    return list(accumulate(lives, mul, initial=1.0))


def _areas(waits: Sequence[float]) -> list[float]:
    """The seconds to be waited from each edge on: the area below the curve."""
    pieces = map(mul, map(add, waits, waits[1:]), _HALVES)
    return list(accumulate(reversed(list(pieces)), initial=waits[-1] * LONGEST))[::-1]
