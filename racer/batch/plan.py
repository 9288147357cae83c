"""When a batch will be done, over all lanes, limits and resets. Pure.

What is uncertain is drawn: how fast lanes are, how many calls at once they bear, how long answers are, how
many calls fail. Each draw is one run (tanks.py). The range is that of their ends, so that lanes of which
little is known make it wide. Chance comes from `seed` alone: each lane has its own, by its name, so that one
lane more or less changes nothing for the others.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from math import exp, floor, inf, sqrt
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from racer.batch.tanks import PARTS, SHORT, Basin, Resets, Run, Stream, period_of
from racer.core.span import DAY, Once, Rolling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.span import Span

SAMPLES = 40
FEWEST = 9  # samples of a plan that takes long to work out
VISITS = 20_000  # lanes looked at, in all samples together
HORIZON = 366 * DAY  # nothing is told of what comes later
BLOCK = 1e18
ROUGH, ROUGHLY = 0.02, 5.0  # of the time, and seconds: so far off is the model itself, whatever is known
RARE = 4.0  # log-sds that are hardly ever drawn
OUTER = 0.1  # of the ends lie below the range, and as many above it
UNKNOWN_SPREAD, ANSWER_SPREAD, DRIFT = 0.8, 1.1, 0.1  # of lanes, of the answers of one, of one by the hour
COMMON_SPREAD, SIZE_SPREAD = 0.15, 0.1
COUNTED = {"requests", "calls"}  # units that do not depend on how long answers are
SLEEPS = 100


@dataclass(frozen=True, slots=True)
class Speed:
    """What is known of a lane. `seconds` is the mean of a whole answer, learned from `known` attempts.

    `spread`: log-sd of what is not known of that mean; from `known` where it is None. `success`: the share
    of calls that are answered. `at_once`: calls that it may reach. `charges`: what a call takes, by the names
    of tanks. `usd` is for a call. Nothing starts before `until`, in unix seconds. `unsure` is the
    log-sd of `at_once`.
    """

    lane: str
    provider: str
    seconds: float
    known: int
    spread: float | None = None
    success: float = 1.0
    at_once: float = 1.0
    charges: tuple[tuple[str, float], ...] = ()
    usd: float = 0.0
    until: float = 0.0
    unsure: float = 0.0


@dataclass(frozen=True, slots=True)
class Tank:
    """A limit as it stands: `used` counts live slots and leases. `label` and `account` are for people.

    `span` None: calls in flight; `used` tells nothing of these, since they end. What was used of a rolling
    span comes back from `opens_at` on, the last of it at `whole_at`; None is the latest that may be.
    """

    name: str
    span: Span | None
    limit: float
    used: float = 0.0
    unit: str = "requests"
    label: str = ""
    account: str = ""
    opens_at: float | None = None
    whole_at: float | None = None


class Task(NamedTuple):
    """What a forecast is made for: lanes in the order of preference; `rate` is in prompts a second."""

    prompts: int
    speeds: tuple[Speed, ...]
    tanks: tuple[Tank, ...]
    now: float
    concurrency: int
    rate: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """The end in unix seconds: 10 % of the draws end before `low`, half before `middle`, 90 % before `high`.

    The range is somewhat wider, by what the model itself is off since all lanes last waited for a reset.
    inf: not within a year. All else is of the draw that ends at `middle`. `steps`: how many prompts are done
    by which instants, evenly in between. `sleeps`: nothing can run from the one instant to the other.
    `unfinished` prompts stay for good, for want of the tanks in `why`. `ends` are those of all draws, sorted.
    """

    task: Task
    low: float
    middle: float
    high: float
    steps: tuple[tuple[float, float], ...]
    usd: float = 0.0
    shares: tuple[tuple[str, int], ...] = ()
    sleeps: tuple[tuple[float, float], ...] = ()
    unfinished: int = 0
    why: tuple[Tank, ...] = ()
    ends: tuple[float, ...] = ()
    draw: int = 0

    @property
    def prompts(self) -> int:
        return self.task.prompts

    @property
    def now(self) -> float:
        return self.task.now

    def done(self, by: float) -> int:
        """How many prompts are done by then."""
        at, count = self.steps[0]
        for then, more in self.steps:
            if then >= by:
                share = (by - at) / (then - at) if then > at else 0.0
                return floor(max(0.0, count + (more - count) * share) + 1e-6)
            at, count = then, more
        return floor(count + 1e-6)

    def chance(self, by: float) -> float:
        """Which share of the draws ends by then."""
        return sum(end <= by for end in self.ends) / max(1, len(self.ends))


def spread_of(known: int) -> float:
    """The log-sd of a mean learned from so many attempts: little is known from few, and lanes change."""
    exact = 1 / UNKNOWN_SPREAD**2 + known / ANSWER_SPREAD**2
    return sqrt(1 / exact + DRIFT**2)


# ---------------------------------------------------------------- the forecast


def forecast(
    prompts: int,
    speeds: Sequence[Speed],
    tanks: Sequence[Tank],
    now: float,
    *,
    concurrency: int,
    rate: float | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Forecast:
    """When `prompts` more will be done. Fewer than `samples` are drawn where one takes long."""
    task = Task(max(0, prompts), tuple(speeds), tuple(tanks), now, concurrency, rate, seed)
    if prompts <= 0:
        return Forecast(task, now, now, now, ((now, 0.0),), ends=(now,))
    runs, ends = _runs(Model(task), drawn(task, max(1, samples)))
    order = sorted(range(len(ends)), key=ends.__getitem__)
    outer = max(0, floor(OUTER * (len(ends) + 1)) - 1)
    middle = order[(len(order) - 1) // 2]
    run = runs[middle]
    left = 0 if ends[middle] < inf else task.prompts - floor(run.done + 1e-6)
    since = _anew(task, run)
    return Forecast(
        task,
        low=max(now, ends[order[outer]] - _off(ends[order[outer]], now, since)),
        middle=ends[middle],
        high=ends[order[-1 - outer]] + _off(ends[order[-1 - outer]], now, since),
        steps=tuple(run.curve),
        usd=sum(speed.usd * calls for speed, calls in zip(task.speeds, run.calls, strict=True)),
        shares=_shares(task, run, task.prompts - left),
        sleeps=tuple(run.idle[:SLEEPS]),
        unfinished=left,
        why=tanks_of(task, run) if left else (),
        ends=tuple(sorted(ends)),
        draw=middle,
    )


def _runs(model: Model, draws: Sequence[Draw]) -> tuple[list[Run], list[float]]:
    """With their ends: of fewer draws where one takes long."""
    runs, ends, visits = list[Run](), list[float](), 0
    for draw in draws:
        if len(runs) >= FEWEST and visits > VISITS:
            break
        runs.append(model.run(draw))
        ends.append(model.end)
        visits += runs[-1].visits
    return runs, ends


def _anew(task: Task, run: Run) -> float:
    """When all lanes last began together, at an instant that is known: what was before is no matter."""
    blocks = [speed.until for speed in task.speeds]
    sure = (
        until
        for _, until in run.idle
        if run.resets.is_one(until) or any(abs(each - until) < 1.0 for each in blocks)
    )
    return max(sure, default=task.now)


def _off(end: float, now: float, since: float) -> float:
    """What the model may be off at an `end`; nothing where there is none."""
    return 0.0 if end == inf else ROUGH * (end - (since if since < end else now)) + ROUGHLY


def tanks_of(task: Task, run: Run) -> tuple[Tank, ...]:
    """The limits that some lane could not get enough of, or that are smaller than one call."""
    sizes: defaultdict[str, float] = defaultdict(float)
    for speed in task.speeds:
        for name, amount in speed.charges:
            sizes[name] = max(sizes[name], amount)
    return tuple(
        tank for number, tank in enumerate(task.tanks) if number in run.tight or sizes[tank.name] > tank.limit
    )


def _shares(task: Task, run: Run, total: int) -> tuple[tuple[str, int], ...]:
    """Who answers how many, in whole prompts, of `total` in all, the largest first."""
    answers: defaultdict[str, float] = defaultdict(float)
    for speed, calls in zip(task.speeds, run.calls, strict=True):
        answers[speed.provider] += calls * speed.success
    scale = total / (sum(answers.values()) or 1.0)
    exact = sorted(((name, part * scale) for name, part in answers.items()), key=lambda each: -each[1])
    counts = {name: floor(part) for name, part in exact}
    by_rest = sorted(exact, key=lambda each: floor(each[1]) - each[1])
    for name, _ in by_rest[: total - sum(counts.values())]:
        counts[name] += 1
    return tuple((name, count) for name, count in counts.items() if count)


# ---------------------------------------------------------------- chance


class Luck(NamedTuple):
    """What is drawn for one lane: deviations, all but `tail` of them normal ones."""

    speed: float = 0.0
    at_once: float = 0.0
    success: float = 0.0
    tail: float = 0.5


@dataclass(frozen=True, slots=True)
class Draw:
    """What is drawn for one run. Lanes without a draw are as they are expected to be."""

    speed: float = 0.0
    size: float = 0.0
    lanes: dict[str, Luck] = field(default_factory=dict[str, Luck])


def drawn(task: Task, samples: int) -> list[Draw]:
    """What is drawn for each run. However many there are, the first ones are the same."""
    lanes = {each.lane: _luck_of(each.lane, task.seed, samples) for each in task.speeds}
    both = Random(task.seed)
    return [
        Draw(both.gauss(), both.gauss(), {lane: lucks[number] for lane, lucks in lanes.items()})
        for number in range(samples)
    ]


def _luck_of(lane: str, seed: int, samples: int) -> list[Luck]:
    chance = Random(f"{seed} {lane}")
    return [
        Luck(chance.gauss(), chance.gauss(), chance.gauss(), 0.01 + 0.98 * chance.random())
        for _ in range(samples)
    ]


# ---------------------------------------------------------------- one run


class Model:
    """The lanes and limits of a task in the form that runs want. `end` is that of the last run."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.end = task.now
        self._resets = Resets(task.now)
        self._numbers = {tank.name: number for number, tank in enumerate(task.tanks)}
        self._basins = [_basin(tank, task.now) for tank in task.tanks]
        self._job = len(self._basins)
        most = float(max(1, min(task.concurrency, task.prompts)))
        self._binds = sum(speed.at_once * exp(RARE * speed.unsure) for speed in task.speeds) > most
        self._basins.append(Basin(most, 0.0, None))
        self._basins.append(Basin(BLOCK if task.rate is None else task.rate, 0.0, None))
        self._blocks = [self._block(speed) for speed in task.speeds]

    def run(self, draw: Draw, until: float | None = None) -> Run:
        """At most `until` then."""
        task = self.task
        streams = [
            self._stream(speed, draw, block) for speed, block in zip(task.speeds, self._blocks, strict=True)
        ]
        run = Run(streams, self._basins, self._resets, task.now, task.prompts)
        self.end = run.go(task.now + HORIZON if until is None else until)
        return run

    def _block(self, speed: Speed) -> tuple[tuple[int, float], ...]:
        """A lane that may not run yet takes from a basin that is empty until it may."""
        if speed.until <= self.task.now:
            return ()
        self._basins.append(Basin(BLOCK, 0.0, Once(), ((speed.until, BLOCK),)))
        return ((len(self._basins) - 1, 1.0),)

    def _stream(self, speed: Speed, draw: Draw, block: tuple[tuple[int, float], ...]) -> Stream:
        luck = draw.lanes.get(speed.lane, Luck())
        spread = spread_of(speed.known) if speed.spread is None else speed.spread
        seconds = max(1e-3, speed.seconds) * exp(
            spread * (luck.speed - spread / 2) + COMMON_SPREAD * draw.speed
        )
        less = speed.unsure * luck.at_once - abs(luck.at_once) * spread / 4
        at_once = max(min(1.0, speed.at_once), speed.at_once * exp(less))
        success = _likely(speed, luck.success)
        size = exp(SIZE_SPREAD * draw.size)
        takes = [*block]
        if self._binds:
            takes.append((self._job, seconds))
        if self.task.rate is not None:
            takes.append((self._job + 1, success))
        for name, amount in speed.charges:
            number = self._numbers.get(name)
            if number is None or amount <= 0:
                continue
            tank = self.task.tanks[number]
            if amount > tank.limit:
                at_once = 0.0
            sized = amount if tank.unit in COUNTED else amount * size
            takes.append((number, sized * seconds if tank.span is None else sized))
        return Stream(at_once / seconds, seconds, success, tuple(takes), luck.tail)


def _likely(speed: Speed, luck: float) -> float:
    success = min(1.0, max(0.02, speed.success))
    return min(1.0, max(0.02, success + luck * sqrt(success * (1 - success) / (speed.known + 5))))


def _basin(tank: Tank, now: float) -> Basin:
    span, used = tank.span, tank.used
    if isinstance(span, Once) and span.expires is not None and span.expires <= now:
        return Basin(tank.limit, 0.0, Once())
    if not isinstance(span, Rolling) or used <= 0:
        return Basin(tank.limit, tank.limit - used, span)
    latest = now + period_of(span)
    last = min(latest, max(now, latest if tank.whole_at is None else tank.whole_at))
    first = min(last, max(now, last if tank.opens_at is None else tank.opens_at))
    if span.seconds <= SHORT or first == last:
        return Basin(tank.limit, tank.limit - used, span, (((first + last) / 2, used),))
    parts = ((first + (last - first) * part / (PARTS - 1), used / PARTS) for part in range(PARTS))
    return Basin(tank.limit, tank.limit - used, span, tuple(parts))
