"""How soon a job can be done by somebody who knows all beforehand: a bound, and a plan that is near it.

Known are the draws of a town (benchmarks/sites.py): how long each answer is, what each call of each site
meets, when windows open, when outages begin and end. Nobody who asks as the job goes along knows any of it.

bound  No schedule, however clever, ends sooner. Until T a site has so many seconds of service (its places
       times the time that it is up) and takes so many requests (its windows, each used to the last). So
       many answers take at least so many of its calls and of their seconds, its failures included: a line
       under what was drawn. A prompt may even be split over sites. Put any price on the seconds and the
       requests of each site: if all prompts, each at its cheapest site, cost more than all that there is
       until T, then T is too soon (weak duality, so no price makes the bound wrong). Prices are found by
       multiplicative weights, the latest such T by bisection. What is left out makes the true optimum later,
       never sooner: that a prompt is served in one piece, in one place, that windows do not fall when
       places are free, and that silence is noticed late.
found  A schedule that keeps all of it, so that no optimum is later: whenever a place is free, it takes the
       prompt that is cheapest there beside elsewhere, at the bound's prices, and that ends before T; T by
       bisection. It leaves at once where it would meet silence.
blind  The bound once more, where every answer is as long as the mean of all: it knows the sites, their
       windows, faults and outages, but not which prompt is long. What it needs beyond the bound is what that
       knowledge is worth. It is no bound on anything.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.sites import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.sites import Numbers, Quota, Site, Town

TURNS, STEP, SETTLES = 1500, 0.6, 25.0
NEAR = 0.001  # of the bound: bisection ends there
FIRST_GUESS, WIDEST = 60.0, 2.0
TINY = 1e-9


class Offline(NamedTuple):
    """Seconds: no schedule ends before `bound`; one that ends at `found` is known. `blind`: see above."""

    bound: float
    found: float
    blind: float


def solve(town: Town) -> Offline:
    solver = _Solver(town, town.tokens)
    bound = solver.bound()
    blind = _Solver(town, np.full(town.prompts, town.tokens.mean()))
    return Offline(bound, solver.found(bound), blind.bound())


# ---------------------------------------------------------------- what a site has until then


def _ups(site: Site, begins: float, ends: float) -> Iterator[tuple[float, float]]:
    """The stretches in which it is up."""
    for start, end in sorted(site.outages):
        if start > begins:
            yield begins, min(start, ends)
        begins = max(begins, end)
        if begins >= ends:
            return
    yield begins, ends


def places_until(site: Site, until: float) -> float:
    """Seconds of service."""
    return site.at_once * sum(end - begin for begin, end in _ups(site, 0.0, until) if end > begin)


def requests_until(site: Site, until: float, start: float) -> float:
    """How many calls may begin at the most. `start`: the job's, in unix seconds."""
    longest_first = sorted(site.quotas, key=lambda quota: -quota.seconds)
    ups = (_most(site, longest_first, begin, end, start) for begin, end in _ups(site, 0.0, until))
    return min(_most(site, longest_first, 0.0, until, start), sum(ups))


def _most(site: Site, quotas: Sequence[Quota], begins: float, ends: float, start: float) -> float:
    if not quotas:
        return math.inf if any(True for _ in _ups(site, begins, ends)) else 0.0
    quota, *shorter = quotas
    if quota.turn == "bucket":
        flow = sum(
            quota.amount * (1 + (end - begin) / quota.seconds) for begin, end in _ups(site, begins, ends)
        )
        return min(flow, _most(site, shorter, begins, ends, start))
    total, at = 0.0, begins
    while at <= ends:
        until = quota.window_of(start + at)[1] - start if quota.turn == "calendar" else at + quota.seconds
        total += min(quota.amount, _most(site, shorter, at, min(until, ends), start))
        at = until
    # A window that begins with a call may have begun before this stretch did.
    return total + (quota.amount if quota.turn == "first" and begins > 0 else 0)


# ---------------------------------------------------------------- the bound


class _Line(NamedTuple):
    """So many answers take at least `slope` times as many of something, less `slack`."""

    slope: float
    slack: float

    @classmethod
    def under(cls, taken: Numbers) -> _Line:
        """`taken` by the first answer, by the first two, and so on."""
        slope = float(taken[-1]) / len(taken)
        return cls(slope, max(0.0, float((slope * np.arange(1, len(taken) + 1) - taken).max())))


def _lines(town: Town, site: int) -> tuple[_Line, _Line]:
    """Of the seconds until first tokens, and of the calls, that answers of a site take."""
    mute, fails = town.mute[site], town.fails[site]
    answered = np.flatnonzero(~(mute | fails))[: town.prompts]
    seconds: Numbers = np.where(mute, 0.0, town.waits[site]).cumsum()[answered]
    calls: Numbers = answered + np.ones(len(answered))
    return _Line.under(seconds), _Line.under(calls)


class _Solver:
    """`_prices` are those of all seconds and of all requests that each site has; they add up to 1."""

    def __init__(self, town: Town, tokens: Numbers) -> None:
        self._town = town
        lines = [_lines(town, site) for site in range(len(town.sites))]
        rates = np.array([site.rate for site in town.sites])
        waits, calls = np.array([[line.slope for line in pair] for pair in lines]).T
        self._slack_seconds, self._slack_calls = np.array([[line.slack for line in pair] for pair in lines]).T
        self._seconds: Numbers = tokens[:, None] / rates + waits
        self._requests: Numbers = np.tile(calls, (len(tokens), 1))
        least = tokens.min() / rates + town.waits.min(axis=1)
        self._least: list[float] = least.tolist()
        self._prices: Numbers = np.full(2 * len(town.sites), 0.5 / len(town.sites))

    def bound(self) -> float:
        late = FIRST_GUESS
        while self._is_too_soon(late):
            late *= 2
        soon = late / 2 if late > FIRST_GUESS else 0.0
        while late - soon > NEAR * late:
            middle = (soon + late) / 2
            if self._is_too_soon(middle):
                soon = middle
            else:
                late = middle
        return soon

    def _shares(self, until: float) -> tuple[Numbers, Numbers]:
        """What each prompt takes of all that each site has until then."""
        town = self._town
        places = np.array([places_until(site, until) for site in town.sites]) + self._slack_seconds
        spans = [max(0.0, until - least) for least in self._least]
        pairs = zip(town.sites, spans, strict=True)
        windows = np.array([requests_until(site, span, town.start) for site, span in pairs])
        return self._seconds / (places + TINY), self._requests / (windows + self._slack_calls + TINY)

    def _is_too_soon(self, until: float) -> bool:
        """Whether prices are found at which not all can be paid. If none are, it may still be too soon."""
        seconds, requests = self._shares(until)
        sites, everyone = seconds.shape[1], np.arange(len(seconds))
        prices, loads = self._prices, np.zeros(2 * seconds.shape[1])
        for turn in range(TURNS):
            cost = seconds * prices[:sites] + requests * prices[sites:]
            choice = cost.argmin(axis=1)
            shares = seconds[everyone, choice], requests[everyone, choice]
            taken = np.concatenate([np.bincount(choice, weights=each, minlength=sites) for each in shares])
            if float(taken @ prices) > 1:
                self._prices = prices
                return True
            loads += taken
            if turn > SETTLES and float(loads.max()) <= turn + 1:
                return False
            prices = prices * np.exp(STEP / (1 + turn / SETTLES) * np.minimum(taken - 1, 2.0))
            prices = prices / prices.sum()
        return False

    # ------------------------------------------------------------ a schedule

    def found(self, bound: float) -> float:
        soon, late = bound, WIDEST * bound
        best = math.inf
        while late - soon > NEAR * bound:
            middle = (soon + late) / 2
            ends = self._planned(middle)
            if ends is None:
                soon = middle
            else:
                best = min(best, ends)
                late = min(middle, ends)
        return best

    def _planned(self, until: float) -> float | None:
        """When the last prompt ends, if none ends later than that."""
        return _Plan(self._town, self._orders(until), until).ends()

    def _orders(self, until: float) -> list[list[int]]:
        """By site, all prompts, those first that it suits best."""
        seconds, requests = self._shares(until)
        sites = seconds.shape[1]
        cost = seconds * self._prices[:sites] + requests * self._prices[sites:]
        regret: Numbers = (cost - cost.min(axis=1)[:, None]) * len(cost)
        regret = regret.round(4)
        found: list[list[int]] = []
        for site in range(sites):
            order = np.lexsort((-self._seconds[:, site], regret[:, site]))
            found.append(order.tolist())
        return found


class _Plan:
    """Places that take prompts as they become free, until `until`."""

    def __init__(self, town: Town, orders: list[list[int]], until: float) -> None:
        self._town = town
        self._orders = orders
        self._until = until
        self._windows = [[Window(quota) for quota in site.quotas] for site in town.sites]
        self._calls = [0] * len(town.sites)
        self._left = set(range(town.prompts))
        self._last = 0.0

    def ends(self) -> float | None:
        """When the last prompt ends; None where some are left."""
        free = [(0.0, number) for number, site in enumerate(self._town.sites) for _ in range(site.at_once)]
        heapq.heapify(free)
        while free and self._left:
            now, site = heapq.heappop(free)
            later = self._closed_until(site, now)
            if later == now:
                later = self._next(site, now)
            if later < self._until:
                heapq.heappush(free, (later, site))
        return None if self._left else self._last

    def _closed_until(self, site: int, now: float) -> float:
        for begins, ends in self._town.sites[site].outages:
            if begins <= now < ends:
                return ends
        waits = (window.wait(self._town.start + now) for window in self._windows[site])
        wait = max(waits, default=0.0)
        return now + max(wait, 1e-6) if wait > 0 else now

    def _next(self, site: int, now: float) -> float:
        """Serve the first that ends in time. When its place is free again; inf: never."""
        outages = self._town.sites[site].outages
        ahead = min(((begins, ends) for begins, ends in outages if begins > now), default=None)
        most = self._until if ahead is None else min(self._until, ahead[0])
        left, town, call = self._left, self._town, self._calls[site]
        if len(self._orders[site]) > 2 * len(left):
            self._orders[site] = [each for each in self._orders[site] if each in left]
        for prompt in self._orders[site]:
            if prompt in left:
                met = town.met(prompt, site, call)
                end = now + met.seconds if met.status else now + TINY
                if end <= most:
                    return self._served(site, prompt, now, end, ok=met.ok)
        return math.inf if ahead is None else ahead[1]

    def _served(self, site: int, prompt: int, now: float, end: float, *, ok: bool) -> float:
        self._calls[site] += 1
        for window in self._windows[site]:
            window.count(self._town.start + now)
        if ok:
            self._left.discard(prompt)
            self._last = max(self._last, end)
        return end
