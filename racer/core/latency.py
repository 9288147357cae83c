"""How fast each lane answers, and how often: learned from every attempt, the stopped ones too. Pure.

Per lane, for the first token and for the whole answer, two memories: a recent one (40 attempts, half of it
gone after 20 minutes) that leans on a long one (1,000 attempts), which leans on a prior. So a lane that has
not run for a while is again what it mostly was, and one that never ran is what lanes mostly are. For each
size of an answer there is a third, as recent, that leans on these two.

Rule 1: a stopped attempt had nothing until then. It never makes a lane look faster, nor is it a failure.
Rule 2: percentiles are of answers; a failure counts as a stop, so that to fail fast is not to be fast.
        `expected`, `remaining`, `rest` and `overdue` count failures as what they are.
Rule 3: no clock does harm. One that goes back a little makes nothing older; where it goes back by more than
        an hour, the one before was wrong, and time is counted from the new one on.
"""

from __future__ import annotations

import math
from struct import Struct
from typing import TYPE_CHECKING, Literal

from racer.core.lengths import BINS as LENGTH_BINS
from racer.core.lengths import Lengths
from racer.core.survival import ANSWERED, BINS, EDGES, FAILED, Curve, Memory, bin_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from racer.core.survival import Hazards

Ended = Literal["answered", "failed", "stopped"]
Size = Literal["small", "medium", "large"]

RECENT, LONG, SIZED = 40, 1000, 40
SMALL, MEDIUM = 64, 512
RECENT_LEANS, LONG_LEANS = 4.0, 3.0
STEP = 60.0
STEPS_A_HALF_LIFE = 20
STEPS_BACK = 60  # what is told so late may have waited for a store; a clock so far ahead was wrong
OVERDUE_CHANCE, OVERDUE_FROM = 0.10, 0.25  # three in a row are one in a thousand by chance
FAILOVER = 1.5
FORGOTTEN = 1e-4  # of an attempt: what is left after four hours of one, after six of forty
STEEPEST = 0.30
COLD_MARK = " (cold)"

_CAUSES: dict[Ended, int | None] = {"answered": ANSWERED, "failed": FAILED, "stopped": None}
_LAYOUT = Struct(f"<4sdq{4 * 3 * BINS + 3 * 2 * BINS + LENGTH_BINS}f")
_FORM = b"lat1"
_MOST = 2.0 * LONG
_MOST_ATTEMPTS = 2**53  # a float counts no further, and a database hardly more


def prior(median: float, sigma: float, failing: float = 0.05) -> Hazards:
    """Lognormal times, about `median` seconds, with a heavier tail; a share of `failing` ends badly."""
    spread = sigma * math.sqrt(2)
    alive = [math.erfc(math.log(edge / median) / spread) for edge in EDGES]
    ends = [min(STEEPEST, 1 - alive[bin_ + 1] / alive[bin_]) for bin_ in range(BINS)]
    return tuple(end * (1 - failing) for end in ends), tuple(end * failing for end in ends)


REMOTE = (prior(0.4, 0.7), prior(1.2, 0.9))
LOCAL = (prior(1.3, 0.9), prior(4.0, 1.0))
COLD = (prior(6.0, 0.6), prior(9.0, 0.8))  # some gigabytes are read from a disk before the first token


def size_of(tokens: int) -> Size:
    """The class of an answer of so many tokens."""
    return "small" if tokens <= SMALL else "medium" if tokens <= MEDIUM else "large"


def size_within(most: int | None) -> Size | None:
    """The class of an answer of at most so many tokens; None where that bounds it too little to tell."""
    return None if most is None or most > MEDIUM else size_of(most)


class LaneStats:
    """What the attempts of one lane have taught: `n` of them; `lengths` knows how long its answers are.

    `local` and `cold` say what it is taken for to begin with; `cold` says nothing of a lane elsewhere.
    """

    __slots__ = ("_curves", "_first", "_prior", "_sizes", "_step", "_total", "lengths", "n")

    def __init__(self, *, local: bool = False, cold: bool = False) -> None:
        self._prior = (COLD if cold else LOCAL) if local else REMOTE
        self._first = (Memory(LONG), Memory(RECENT))
        self._total = (Memory(LONG), Memory(RECENT))
        self._sizes: dict[Size, Memory] = {
            "small": Memory(SIZED, causes=1),
            "medium": Memory(SIZED, causes=1),
            "large": Memory(SIZED, causes=1),
        }
        self._curves: dict[str, Curve] = {}
        self._step = 0
        self.lengths = Lengths()
        self.n = 0

    def observe(
        self,
        *,
        at: float,
        first_token: float | None,
        total: float,
        ended: Ended,
        tokens: int,
        streamed: bool = True,
    ) -> None:
        """An attempt ended at `at` (unix seconds), `total` seconds after its start.

        `first_token`: the seconds to it, None when none came; an answer in one piece came with its end.
        `tokens`: how long its answer is. For an attempt without one, how long the winner's is: lanes of a
        race are asked the same. 0 where nobody knows. `streamed`: it was asked for piece by piece; else it
        tells nothing of the first token.
        """
        self.age(at)
        self._curves.clear()
        self.n += 1
        cause, last = _CAUSES[ended], bin_of(total)
        shown, shown_as = (last, cause) if first_token is None else (bin_of(first_token), ANSWERED)
        for memory in self._first if streamed else ():
            memory.add(shown, shown_as)
        for memory in self._total:
            memory.add(last, cause)
        if tokens > 0:
            self._sizes[size_of(tokens)].add(last, None if cause == FAILED else cause)
            if cause == ANSWERED:
                self.lengths.observe(tokens)

    def age(self, at: float) -> None:
        """It is `at` now: what is recent fades, a step a minute. To go back makes nothing younger."""
        step = int(at // STEP)
        gone = step - self._step
        if -STEPS_BACK <= gone <= 0:
            return
        self._step = step
        if gone > 0:
            fade = 0.5 ** (gone / STEPS_A_HALF_LIFE)
            for memory in (self._first[1], self._total[1], *self._sizes.values()):
                memory.fold(fade)
            self._curves.clear()

    def first(self, q: float) -> float:
        """By how many seconds the share `q` of calls has its first token."""
        return self._curve("first").quantile(q)

    def total(self, q: float, size: Size | None = None) -> float:
        """By how many seconds the share `q` of calls has its whole answer: of any size, or of this one."""
        return self._curve(size or "total").quantile(q)

    def expected(self, size: Size | None = None, failover: float = FAILOVER) -> float:
        """Seconds to a whole answer on average, of any size, or of this one.

        A failure costs its time, and then that of another lane. A size of which little is known takes about
        as long as all.
        """
        curve = self._curve(size or "total")
        return curve.remaining(0.0) + (1.0 - curve.success) * failover

    def remaining(self, elapsed: float) -> float:
        """Seconds until the first token, or a failure, on average, where neither has come in `elapsed`."""
        return self._curve("first").remaining(elapsed)

    def rest(self, elapsed: float) -> float:
        """Seconds until the whole answer, or a failure, on average, of a call that runs since `elapsed`."""
        return self._curve("total").remaining(elapsed)

    def overdue(self, elapsed: float) -> bool:
        """Whether a lane that has shown nothing in `elapsed` is later than nine in ten of its calls."""
        return elapsed > OVERDUE_FROM and self._curve("first").alive(elapsed) < OVERDUE_CHANCE

    @property
    def forgotten(self) -> bool:
        """Whether it has not run for hours, or never."""
        return self._total[1].weight < FORGOTTEN

    @property
    def success(self) -> float:
        """The share of calls that are answered if nobody stops them."""
        return self._curve("total").success

    def _curve(self, name: Literal["first", "total"] | Size) -> Curve:
        curve = self._curves.get(name)
        if curve is None:
            curve = self._curves[name] = Curve(self._hazards(name))
        return curve

    def _hazards(self, name: Literal["first", "total"] | Size) -> Hazards:
        if name == "first":
            return _leaning(self._first, self._prior[0])
        if name == "total":
            return _leaning(self._total, self._prior[1])
        return self._sizes[name].over(self._curve("total").hazards, RECENT_LEANS)

    def dump(self) -> bytes:
        """All that was learned, in less than 4 KiB. Numbers are rounded to 4 bytes, its own too."""
        numbers = [number for part in self._parts() for number in part.numbers()]
        data = _LAYOUT.pack(_FORM, self.n, self._step, *numbers)
        self._restore(data)
        return data

    @classmethod
    def load(cls, data: bytes, *, local: bool = False, cold: bool = False) -> LaneStats:
        """What `dump` gave. Raises ValueError for any other bytes, and TypeError for what is none."""
        stats = cls(local=local, cold=cold)
        stats._restore(data)
        return stats

    def _restore(self, data: bytes) -> None:
        if len(data) != _LAYOUT.size:
            raise ValueError(f"what was learned of a lane has {_LAYOUT.size} bytes, not {len(data)}")
        form, n, step, *numbers = _LAYOUT.unpack(data)
        finite = math.isfinite(sum(numbers)) and min(numbers) >= 0 and max(numbers) <= _MOST
        if form != _FORM or not 0 <= n <= _MOST_ATTEMPTS or not finite:
            raise ValueError("these bytes are not what was learned of a lane")
        self.n, self._step = int(n), step
        rest: Sequence[float] = numbers
        for part in self._parts():
            rest = part.restore(rest)
        self._curves.clear()

    def _parts(self) -> tuple[Memory | Lengths, ...]:
        return (*self._first, *self._total, *self._sizes.values(), self.lengths)


def _leaning(memories: tuple[Memory, Memory], below: Hazards) -> Hazards:
    long, recent = memories
    return recent.over(long.over(below, LONG_LEANS), RECENT_LEANS)


class Latencies:
    """What was learned of every lane, by key. `local` has the names of local providers.

    A key is `provider/model`, with COLD_MARK behind it for a local model that is not in memory.
    """

    __slots__ = ("_lanes", "_local")

    def __init__(self, *, local: Container[str] = ()) -> None:
        self._local = local
        self._lanes: dict[str, LaneStats] = {}

    def of(self, key: str, *, at: float | None = None) -> LaneStats:
        """What is known of a lane, `at` now: what lanes mostly are, where it was never seen."""
        stats = self._lanes.get(key)
        if stats is None:
            cold = key.endswith(COLD_MARK)
            stats = self._lanes[key] = LaneStats(local=self._is_local(key), cold=cold)
        if at is not None:
            stats.age(at)
        return stats

    def know(self, learned: Mapping[str, LaneStats]) -> None:
        """Take over what somebody else has learned of these lanes. He must not go on with it."""
        self._lanes.update(learned)

    def load(self, dumps: Mapping[str, bytes]) -> tuple[str, ...]:
        """Know what `dumps` say of their lanes instead. The keys of those that could not be read."""
        refused: list[str] = []
        for key, data in dumps.items():
            try:
                cold = key.endswith(COLD_MARK)
                self._lanes[key] = LaneStats.load(data, local=self._is_local(key), cold=cold)
            except (TypeError, ValueError):  # another program may write anything into a database
                refused.append(key)
        return tuple(refused)

    def _is_local(self, key: str) -> bool:
        return key.partition("/")[0] in self._local
