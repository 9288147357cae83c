"""Work that flows through lanes, and basins that empty and fill again: one run, from event to event. Pure.

Between two events all lanes run at steady rates, so that a day is some dozens of steps. A basin is a limit:

Rule 1: what a stretch of use takes from a rolling window comes back at once, as late as its first use may.
        A lane goes on as fast as it did, so that this is as good as to follow each call.
Rule 2: a window of at most an hour is followed so for some rounds; after them only its rate is. In a run
        that takes long to work out, that is so of a longer window, too, after more rounds.
Rule 3: lanes come in the order of preference: each takes what those before it have left.
Rule 4: a lane that fills all its places has its last calls under way when the flow ends; the others start
        theirs only then. Of many last answers the slowest counts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from math import exp, inf, log
from typing import TYPE_CHECKING, NamedTuple

from racer.core.span import LENGTHS, SLOTS, Calendar, Once, Rolling, slot_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.span import Span

SHORT = 3600.0
ROUNDS = 5
PATIENCE, WORK = (
    1500,
    30_000,
)  # lanes looked at in a run before longer windows are rates; times their rounds
PARTS = 2  # in which what was used before comes back
TINY = 1e-9
TAIL = 0.7  # log-sd of the time that one answer takes
STEEP = 1.702  # makes a logistic curve one of the normal distribution


class Basin(NamedTuple):
    """A limit at the start of a run. `level` is what is left; `back` what was used: when it is free again.

    `span` None: nothing is stored, `limit` is what may flow at once.
    """

    limit: float
    level: float
    span: Span | None
    back: tuple[tuple[float, float], ...] = ()


class Stream(NamedTuple):
    """A lane of a run: `most` calls a second. `takes`: basins by number, and what one call takes of each.

    `luck`, from 0 to 1, is how long the slowest of its last answers takes.
    """

    most: float
    seconds: float
    success: float
    takes: tuple[tuple[int, float], ...]
    luck: float = 0.5


def period_of(span: Rolling) -> float:
    """After how long a use is free again, at the latest."""
    return span.seconds * (SLOTS + 1) / SLOTS


class Resets:
    """When windows of the calendar begin: worked out once for all runs from one instant on."""

    __slots__ = ("_known", "_now")

    def __init__(self, now: float) -> None:
        self._now = now
        self._known: dict[Calendar, list[float]] = {}

    def after(self, span: Calendar, at: float) -> float:
        known = self._known.setdefault(span, [self._now])
        while known[-1] <= at:
            known.append(slot_at(span, known[-1]).until)
        return known[bisect_right(known, at)]

    def is_one(self, at: float) -> bool:
        """Whether a window begins then, of those that were asked for."""
        return any(abs(begin - at) < 1.0 for known in self._known.values() for begin in known[1:])


class Run:
    """One run from `now` until `goal` prompts are answered. `go` runs it; it is asked then.

    `curve`: how many were answered at which instant, steady in between; `idle`: stretches without any flow.
    `tight` are the basins that some lane could not get enough of. `calls` are of each lane.
    """

    __slots__ = (
        "_back", "_basins", "_drain", "_due", "_flows", "_goal", "_late", "_mark", "_mean", "_open", "_ready",
        "_rounds", "_shut", "_since", "_streams", "_users", "_wide", "calls", "curve", "done",
        "idle", "level", "now", "resets", "tight", "visits",
    )  # fmt: skip

    def __init__(
        self, streams: Sequence[Stream], basins: Sequence[Basin], resets: Resets, now: float, goal: float
    ) -> None:
        self._streams, self._basins, self.resets, self._goal = streams, basins, resets, goal
        self.now, self.done, self.visits, self._late = now, 0.0, 0, now
        self.calls = [0.0] * len(streams)
        self._mark = self.calls.copy()  # calls of each lane when it began to run
        self._wide = self.calls.copy()  # how many at once, at most, since then
        self._since: list[float | None] = [None] * len(streams)
        self.tight: set[int] = set()
        self.curve, self.idle = [(now, 0.0)], list[tuple[float, float]]()
        self.level = [each.level for each in basins]
        self._flows = {number: each.limit for number, each in enumerate(basins) if each.span is None}
        self._back = [deque([instant, amount] for instant, amount in each.back) for each in basins]
        self._due = [_first_due(each, resets, now) for each in basins]
        self._open = [False] * len(basins)
        self._rounds = [0] * len(basins)
        self._mean: dict[int, float] = {}  # basins of which only the rate is followed: their periods
        self._drain: dict[int, float] = {}
        self._shut: list[set[int]] = [set() for _ in streams]  # the empty basins of each lane
        self._users: list[list[int]] = [[] for _ in basins]
        for number, stream in enumerate(streams):
            for basin, _ in stream.takes:
                self._users[basin].append(number)
        for number, each in enumerate(basins):
            if each.span is not None and self._is_empty(number):
                self._close(number)
        self._ready = [number for number, shut in enumerate(self._shut) if not shut]

    def go(self, horizon: float) -> float:
        """The instant of the last answer; inf where that is after `horizon`, or never."""
        while True:
            running, flow = self._share()
            step = min(self._due, default=inf) - self.now
            for number, rate in self._drain.items():
                if self.level[number] < rate * step:
                    step = self.level[number] / rate
            rest = (self._goal - self.done) / flow if flow > 0 else inf
            if min(step, rest) > horizon - self.now:
                self._advance(running, flow, horizon - self.now if flow > 0 or step < inf else 0.0)
                return inf
            self._advance(running, flow, min(step, rest))
            if rest <= step:
                self.done = self._goal
                return self._last_answer(running)
            self._turn()

    # ------------------------------------------------------------ rates

    def _share(self) -> tuple[list[tuple[int, float]], float]:
        """Who runs now, at how many calls a second, and how many answers that makes."""
        free, drain, running, flow = self._flows.copy(), dict[int, float](), list[tuple[int, float]](), 0.0
        self.visits += 1 + len(self._ready)
        for number in self._ready:
            calls, seconds, success, takes, _ = self._streams[number]
            for basin, amount in takes:
                if basin in free and free[basin] < calls * amount:
                    calls = free[basin] / amount
                    self.tight.add(basin)
            if calls <= 0:
                self._stop(number)
                continue
            for basin, amount in takes:
                if basin in free:
                    free[basin] -= calls * amount
                else:
                    drain[basin] = drain.get(basin, 0.0) + calls * amount
            self._note(number, calls * seconds)
            running.append((number, calls))
            flow += calls * success
        self._drain = drain
        for basin in drain:
            if not self._open[basin]:
                self._begin(basin)
        return running, flow

    def _note(self, number: int, at_once: float) -> None:
        """A lane runs, with so many calls at once."""
        if self._since[number] is None:
            self._since[number], self._mark[number], self._wide[number] = self.now, self.calls[number], 0.0
        if at_once > self._wide[number]:
            self._wide[number] = at_once

    def _begin(self, number: int) -> None:
        """A full basin, or one that was just filled, is used: from here on, what is taken is to come back."""
        span = self._basins[number].span
        self._open[number] = True
        if isinstance(span, Calendar):
            self._due[number] = self.resets.after(span, self.now)
        elif isinstance(span, Rolling):
            self._back[number].append([self.now + period_of(span), 0.0])
            self._due[number] = self._back[number][0][0]

    # ------------------------------------------------------------ time

    def _advance(self, running: Sequence[tuple[int, float]], flow: float, step: float) -> None:
        for number, calls in running:
            self.calls[number] += calls * step
        for number, rate in self._drain.items():
            self.level[number] -= rate * step
            if self._back[number]:
                self._back[number][-1][1] += rate * step
        if not running and step > 0:
            self._rest(self.now + step)
        self.now += step
        self.done += flow * step
        self.curve.append((self.now, self.done))

    def _rest(self, until: float) -> None:
        if self.idle and self.idle[-1][1] >= self.now:
            self.idle[-1] = (self.idle[-1][0], until)
        else:
            self.idle.append((self.now, until))

    def _turn(self) -> None:
        """Basins that are empty are closed, and those whose time has come are filled."""
        for number in self._drain:
            if self._is_empty(number):
                self._dry(number)
        now = self.now
        for number in [number for number, due in enumerate(self._due) if due <= now]:
            self._fill(number)
        self._ready = [number for number, shut in enumerate(self._shut) if not shut]

    def _is_empty(self, number: int) -> bool:
        return self.level[number] <= TINY * self._basins[number].limit

    def _dry(self, number: int) -> None:
        if number in self._mean:
            self._flows[number] = self._basins[number].limit / self._mean[number]
        else:
            self.level[number] = 0.0
            self._close(number)

    def _close(self, number: int) -> None:
        self.tight.add(number)
        for user in self._users[number]:
            self._stop(user)
            self._shut[user].add(number)

    def _fill(self, number: int) -> None:
        limit, _, span, _ = self._basins[number]
        self._due[number], self._open[number] = inf, False
        if isinstance(span, Calendar):
            self.level[number] = limit
            self._go_round(number, LENGTHS[span.per])
        elif isinstance(span, Once) and not self._back[number]:  # it expires
            self.level[number] = 0.0
        else:
            self._give_back(number)
        if self._is_empty(number):
            self._close(number)
        else:
            for user in self._users[number]:
                self._shut[user].discard(number)

    def _give_back(self, number: int) -> None:
        limit, _, span, _ = self._basins[number]
        back = self._back[number]
        while back and back[0][0] <= self.now:
            self.level[number] = min(limit, self.level[number] + back.popleft()[1])
        if back:
            self._due[number] = back[0][0]
        if isinstance(span, Rolling):
            self._go_round(number, period_of(span))

    def _go_round(self, number: int, period: float) -> None:
        """After some rounds its mean rate: half a window ahead, for it is used up as soon as it is there."""
        self._rounds[number] += 1
        if self._rounds[number] < ROUNDS:
            return
        long_run = self.visits > PATIENCE and self.visits * self._rounds[number] > WORK
        if long_run or period <= period_of(Rolling(SHORT)):
            self._mean[number] = period
            self._back[number].clear()
            self._due[number], self._open[number] = inf, True
            self.level[number] = min(self.level[number], self._basins[number].limit / 2)

    # ------------------------------------------------------------ the last answers

    def _stop(self, number: int) -> None:
        """A lane may run no more for now: its last answers are still to come."""
        if self._since[number] is None:
            return
        self._late = max(self._late, self._last_of(number))
        self._since[number] = None

    def _last_of(self, number: int) -> float:
        """When the last answer of a lane that runs has come; `now` where it will hardly have had any."""
        most, seconds, success, _, luck = self._streams[number]
        since, made = self._since[number], self.calls[number] - self._mark[number]
        if since is None or made < 0.5:
            return self.now
        wide = min(self._wide[number], made)
        under_way = min(1.0, self._wide[number] / (most * seconds)) * seconds
        again = (1 - exp(log(success) * max(1.0, wide))) / 2  # one that fails is asked again
        return max(since, self.now - under_way) + seconds * (slowest(wide, luck) + again)

    def _last_answer(self, running: Sequence[tuple[int, float]]) -> float:
        for number, _ in running:
            self._late = max(self._late, self._last_of(number))
        first = self._streams[running[0][0]]
        least = (self._since[running[0][0]] or self.now) + first.seconds * slowest(1, first.luck)
        return max(self.now, self._late, least)


def slowest(answers: float, luck: float) -> float:
    """How long the slowest of so many `answers` takes, in mean times of one."""
    share = exp(log(luck) / max(1.0, answers))
    return exp(TAIL * log(share / (1 - share)) / STEEP - TAIL * TAIL / 2)


def _first_due(basin: Basin, resets: Resets, now: float) -> float:
    """When a basin is filled first, although nothing of it is taken; inf: never."""
    if basin.back:
        return basin.back[0][0]
    match basin.span:
        case Calendar() if basin.level < basin.limit:
            return resets.after(basin.span, now)
        case Once(expires) if expires is not None:
            return expires
        case _:
            return inf
