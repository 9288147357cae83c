"""Providers for jobs of thousands of prompts, and what each attempt at each of them would meet. Pure.

How long the n-th call that a site serves has to wait for its first token, and whether it fails, is drawn
beforehand; how long an answer is belongs to its prompt. Neither depends on who asks or when, so that whoever
knows the draws can say how soon a job can be done at best (benchmarks/schedule.py), but cannot give a prompt
to the one site where it would be lucky. Only two things depend on the instant: during an outage nobody is
answered, and a call that it interrupts, or whose client leaves, is as if it had not been; and a window that
is full refuses.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from racer.core.provider import Account, Limit, Model, Provider
from racer.core.span import LENGTHS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

MIDNIGHT = 1_799_971_200.0  # 15 January 2027, 00:00 UTC
CALLS = 3  # drawn for each prompt and site; whoever makes more meets the first again
LENGTHS_VARY = 0.2  # a job asks much the same of all its prompts
REFUSING = 0.1, 0.3  # seconds until a fault is told
SMALLEST, LARGEST = 5, 900  # tokens of an answer
TIMEOUT, LONGEST = 60.0, 25.0  # seconds; no answer takes so long that anybody would give it up
STALL = 2.0, 12.0  # seconds more, of calls that stall

Turn = Literal["rolling", "first", "calendar", "bucket"]
Crowded = Literal["queue", 429, 503]


@dataclass(frozen=True, slots=True)
class Quota:
    """`amount` requests in each `per`; `turn` is how its windows really come and go, whatever is said of it.

    rolling: any stretch of that length. first: a window begins with the first call after the last one ended.
    calendar: at full minutes, or days that begin at `hour` UTC. bucket: it fills again steadily.
    """

    amount: int
    per: str
    turn: Turn
    hour: int = 0

    @property
    def seconds(self) -> float:
        return LENGTHS[self.per]

    @property
    def limit(self) -> Limit:
        """As a configuration has it: resets of the calendar are known of days alone."""
        stated = f"{self.hour:02}:00 UTC" if self.turn == "calendar" and self.per == "day" else None
        return Limit("requests", self.amount, self.per, reset=stated)

    def window_of(self, wall: float) -> tuple[float, float]:
        """Of the calendar: when the window at `wall` began, and when it ends."""
        shift = 3600.0 * self.hour if self.per == "day" else 0.0
        start = (wall - shift) // self.seconds * self.seconds + shift
        return start, start + self.seconds


class Window:
    """A quota as its provider counts it. What it refuses does not count. Instants are unix seconds."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self._calls: deque[float] = deque()
        self._until = -math.inf
        self._used = 0.0
        self._at = -math.inf

    def wait(self, now: float) -> float:
        """Seconds until there is room for a call; 0: now."""
        quota = self.quota
        if quota.turn == "rolling":
            while self._calls and self._calls[0] <= now - quota.seconds:
                self._calls.popleft()
            return self._calls[0] + quota.seconds - now if len(self._calls) >= quota.amount else 0.0
        if quota.turn == "bucket":
            gap = quota.seconds / quota.amount
            return max(0.0, (self._level(now) - quota.amount + 1) * gap)
        return self._until - now if now < self._until and self._used >= quota.amount else 0.0

    def count(self, now: float) -> None:
        quota = self.quota
        if quota.turn == "rolling":
            self._calls.append(now)
        elif quota.turn == "bucket":
            self._used, self._at = self._level(now) + 1, now
        else:
            if now >= self._until:
                until = quota.window_of(now)[1] if quota.turn == "calendar" else now + quota.seconds
                self._until, self._used = until, 0.0
            self._used += 1

    def _level(self, now: float) -> float:
        """How full the bucket is."""
        if self._at == -math.inf:
            return 0.0
        return max(0.0, self._used - (now - self._at) * self.quota.amount / self.quota.seconds)


@dataclass(frozen=True, slots=True)
class Site:
    """A provider. A call takes `first` seconds, times a lognormal of `spread`, and its tokens at `rate`.

    The share `tail` of calls stalls; `failing` ends with a 500, `mute` never. `at_once` calls are served at
    the same time, which the configuration says if `told`; what comes beyond meets `crowded`. `outages` are
    spans of seconds since the job's start.
    """

    name: str
    first: float
    spread: float
    rate: float
    at_once: int
    crowded: Crowded = "queue"
    told: bool = False
    tail: float = 0.0
    failing: float = 0.0
    mute: float = 0.0
    quotas: tuple[Quota, ...] = ()
    outages: tuple[tuple[float, float], ...] = ()

    @property
    def provider(self) -> Provider:
        return Provider(
            name=self.name,
            dialect="openai",
            base_url=f"http://{self.name}.test/v1",
            models=(Model("m"),),
            accounts=(Account(self.name),),
            limits=tuple(quota.limit for quota in self.quotas),
            timeout=TIMEOUT,
            parallel=self.at_once if self.told else None,
        )

    def is_down(self, instant: float) -> bool:
        return any(begins <= instant < ends for begins, ends in self.outages)

    def cut(self, begins: float, ends: float) -> float | None:
        """When an outage interrupts a call that lasts so long."""
        return min((start for start, _ in self.outages if begins < start < ends), default=None)


class Met(NamedTuple):
    """What an attempt meets: an answer or a 500 after so many seconds. Status 0: nothing, ever."""

    seconds: float
    status: int

    @property
    def ok(self) -> bool:
        return self.status == 200


class Town:
    """The sites of a job, and what is drawn for its prompts. A job begins at `start`, in unix seconds.

    Tokens of answers are lognormal, of a deviation of `lengths`.
    """

    def __init__(
        self,
        sites: tuple[Site, ...],
        prompts: int,
        seed: int,
        start: float = MIDNIGHT,
        lengths: float = LENGTHS_VARY,
    ) -> None:
        chance = np.random.default_rng(seed)
        self.sites = sites
        self.prompts = prompts
        self.start = start
        self.tokens: Numbers = np.clip(
            np.round(chance.lognormal(math.log(75), lengths, prompts)), SMALLEST, LARGEST
        )
        shape = len(sites), CALLS * prompts
        pace = chance.standard_normal(shape)
        stalls, how_long, lot = (chance.uniform(size=shape) for _ in range(3))
        first, spread, tail, failing, mute = (
            np.array([getattr(site, name) for site in sites])[:, None]
            for name in ("first", "spread", "tail", "failing", "mute")
        )
        waits = first * np.exp(spread * pace) + np.where(stalls < tail, _between(STALL, how_long), 0.0)
        self.mute = lot < mute
        self.fails = ~self.mute & (lot < mute + failing)
        self.waits: Numbers = np.where(self.fails, _between(REFUSING, how_long), waits)

    def met(self, prompt: int, site: int, call: int) -> Met:
        """What this prompt meets, if it is the one that the site serves as its so manieth call, from 0."""
        place = site, call % self.waits.shape[1]
        if self.mute[place]:
            return Met(math.inf, 0)
        wait = float(self.waits[place])
        if self.fails[place]:
            return Met(wait, 500)
        return Met(min(LONGEST, wait + float(self.tokens[prompt]) / self.sites[site].rate), 200)


def _between(ends: tuple[float, float], shares: Numbers) -> Numbers:
    low, high = ends
    return low + (high - low) * shares
