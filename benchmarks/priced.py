"""Priced hedging, beside `frugal`: the next lane and its offset are reckoned, not a percentile. Pure.

For every lane that could start, and every instant, all chances are weighed: the seconds that are waited,
later ones weighing more, and the price of the request as far as it has to be sent at all. The least sum is
the plan; where it is that of starting nobody, nobody starts. A token or a failure makes a new plan.

Rule 1: local lanes start as with `frugal`: at once where they are loaded, else beside one that is late.
Rule 2: an extra request has a price of its own and comes out of the allowance. A lane that is later than 99
        in 100 of its calls counts as lost: to replace it, or one that has failed, is no extra.
Rule 3: lanes are compared by first tokens; who is slower from there to the end is handicapped by that.

It asks for more than the port has, and shares private rules with `frugal`: no product code may.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate, pairwise
from math import inf
from operator import mul
from typing import TYPE_CHECKING, NamedTuple, cast

from racer.core.frugal import LOOK_AGAIN, _is_ahead, _stalls_at, _warmed
from racer.core.latency import prior
from racer.core.survival import EDGES, Curve
from racer.core.view import Planned, Why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.outlook import Outlook
    from racer.core.provider import Lane
    from racer.core.survival import Hazards
    from racer.core.view import Running, View

    Ends = tuple[Sequence[float], Sequence[float]]  # the share answered, and failed, by each instant of GRID

FEE, LEAST = 0.3, 0.02  # seconds that a request is worth: one that is extra, and any other
PATIENCE = 2.0  # a second after so long weighs twice as much as the first one
NOTHING = 10.0  # what it costs that no answer comes
OFFERS, FIRSTS, NEAREST = 4, 2, 3  # lanes that are looked at: at all, to begin with, and to follow
INSTANTS, SURE, HARDLY = 8, 0.97, 0.004  # of these, between these chances that all still run
MARGIN, SOONEST = 1e-3, 0.05  # seconds, of cost and of offset, that are none
LOST, LENGTHS = 0.99, 0.8  # of calls, that are sooner; and the spread of the lengths of answers

GRID = (0.0, *EDGES[:42])
SPARSE = GRID[::2]
_STEPS = [after - before for before, after in pairwise(GRID)]
_HEAVY = [1 + instant / PATIENCE for instant in GRID]
_SHARES = [(b - a) / 2 for a, b in zip((0.0, *SPARSE), (*SPARSE[1:], SPARSE[-1]), strict=False)]
_NEVER: Ends = ([0.0] * len(GRID), [0.0] * len(GRID))


def _place(instant: float) -> tuple[int, float]:
    """Behind which instant of GRID, and which part of the way to the next."""
    at = min(bisect_right(GRID, instant), len(GRID) - 1) - 1
    return (0, 0.0) if at < 0 else (at, min(1.0, (instant - GRID[at]) / _STEPS[at]))


def _after(start: float) -> list[tuple[int, float, float]]:
    """Of each instant of SPARSE after `start`: its place, and what it weighs."""
    instants = [(start + u, share) for u, share in zip(SPARSE, _SHARES, strict=True) if start + u <= GRID[-1]]
    return [(*_place(instant), share * (1 + instant / PATIENCE)) for instant, share in instants]


_AFTER = [_after(start) for start in GRID]


class Known(NamedTuple):
    """Of a lane: its first tokens, the seconds from there to its end, and when it counts as lost."""

    tokens: Ends
    after: float
    lost: float


class Offer(NamedTuple):
    lane: Lane
    known: Known
    price: float


def plan_priced(view: View) -> Sequence[Planned]:
    """Who is ahead starts now; of the others, the next at the instant that costs least."""
    waiting = view.waiting[: len(view.waiting) - view.had_turn] or view.waiting
    ahead = [Planned(lane, why=Why.AHEAD) for lane in waiting if _is_ahead(lane)]
    if ahead and not any(_is_ahead(run.lane) for run in view.running):
        return ahead[:1]
    others = [lane for lane in waiting if not _is_ahead(lane)]
    following = _next(view, others) if others else []
    room = max(0, view.width - len(view.running))
    warmed = _warmed(following, others) if view.running and room > 1 else ()
    return [*following, *warmed, *ahead][:room]


def _next(view: View, lanes: Sequence[Lane]) -> list[Planned]:
    offers, failover = _offers(view, lanes)
    why = Why.REPLACES if view.vacant else Why.FIRST
    if not view.running:
        return [Planned(_first(offers, failover), why=why)]
    runs = [(run, _known(view, run.lane)) for run in view.running]
    metered = [(run, known) for run, known in runs if not run.lane.provider.local]
    extra = bool(metered) and not view.vacant
    lead = min((known.after for run, known in metered if run.first_token is None), default=0.0)
    at_work = _together([_aged(run, known, view.now, lead) for run, known in runs])
    _, lane, offset = _cheapest(at_work, offers, failover, lead, FEE if extra else LEAST)
    stalls = (_stalls_at(run, at) for run in view.running if (at := run.first_token) is not None)
    stall = min((at for at in stalls if at > view.now), default=inf) - view.now
    if lane is None or offset > stall:
        return [Planned(offers[0].lane, stall, why=Why.STALLED)] if stall < inf else []
    is_mute = all(run.first_token is None for run, _ in metered)
    lost = (
        max((run.started + known.lost - view.now for run, known in metered), default=inf) if is_mute else inf
    )
    extra = extra and not lane.provider.local and lost > 0
    if extra and offset == 0 and not view.prospects.may_add():
        offset = min(LOOK_AGAIN, lost)
    return [Planned(lane, offset, extra, Why.LATE if metered and not view.vacant else why)]


def _first(offers: Sequence[Offer], failover: float) -> Lane:
    """Whose race costs least, with others beside it when that pays."""

    def cost(offer: Offer) -> float:
        others, (tokens, after, _) = [other for other in offers if other is not offer], offer.known
        return _cheapest(tokens, others, failover, after, FEE)[0] + offer.price + after

    return (min(offers[:FIRSTS], key=cost) if len(offers) > 1 else offers[0]).lane


def _cheapest(
    running: Ends, offers: Sequence[Offer], failover: float, lead: float, fee: float
) -> tuple[float, Lane | None, float]:
    """The least cost, and who starts when for it, beside those that run, if until then nothing happens."""
    answered, failed = running
    alive = [max(0.0, 1 - good - bad) for good, bad in zip(answered, failed, strict=True)]
    heavy = pairwise(map(mul, alive, _HEAVY))
    waited = list(
        accumulate(((a + b) / 2 * step for (a, b), step in zip(heavy, _STEPS, strict=True)), initial=0.0)
    )
    tails = [_tail(offer, lead, fee) for offer in offers[:NEAREST]]

    def weighed(at: int) -> tuple[float, int, int]:
        left = 1 - failed[at]
        rest = [
            w * max(0.0, left - answered[i] - x * (answered[i + 1] - answered[i])) for i, x, w in _AFTER[at]
        ]
        until, never = waited[at] + failed[at] * failover, max(0.0, left - answered[-1]) * NOTHING
        return min(
            (until + alive[at] * price + sum(map(mul, rest, tail)) + never * tail[-1], at, number)
            for number, (tail, price) in enumerate(tails)
        )

    places = _instants(alive)
    choices = [weighed(at) for at in places]
    nearest = choices.index(min(choices))
    between = range(places[max(0, nearest - 1)] + 1, places[min(nearest + 1, len(places) - 1)])
    choices += [weighed(at) for at in between if at != places[nearest]]
    cost = waited[-1] + failed[-1] * failover + alive[-1] * NOTHING
    least, at, number = min(choices)
    if least > cost - MARGIN:
        return cost, None, inf
    is_now = choices[0][0] <= least + MARGIN or GRID[at] < SOONEST
    return least, offers[choices[0][2] if is_now else number].lane, 0.0 if is_now else GRID[at]


def _tail(offer: Offer, lead: float, fee: float) -> tuple[list[float], float]:
    """The share of its calls without an answer by each instant of SPARSE from its start, and its price."""
    (answered, _), after = offer.known.tokens, offer.known.after
    tail = [1 - _at(answered, instant - after + lead) for instant in SPARSE]
    return tail, offer.price + (LEAST if offer.lane.provider.local else fee)


def _instants(alive: Sequence[float]) -> list[int]:
    """Now, and places of GRID between which about as many races end."""
    first, end = (bisect_left(alive, -share, key=lambda left: -left) for share in (SURE, HARDLY))
    if end <= first:
        return [0]
    ratio = (alive[end - 1] / alive[first]) ** (1 / (INSTANTS - 1))
    wanted = [alive[first] * ratio**part for part in range(INSTANTS)]
    return sorted(
        {0, *(min(bisect_left(alive, -share, key=lambda left: -left), end - 1) for share in wanted)}
    )


def _offers(view: View, lanes: Sequence[Lane]) -> tuple[list[Offer], float]:
    """The nearest by the caller's wishes, the best first; and what it costs if one has to stand in."""
    groups, prospects = view.groups, view.prospects
    nearest = min(groups.get(lane.id, 0) for lane in lanes)
    wished = [(lane, prospects.price(lane)) for lane in lanes if groups.get(lane.id, 0) == nearest]
    ranked = sorted((prospects.expected(lane) + price, at) for at, (lane, price) in enumerate(wished))
    best = [wished[at] for _, at in ranked[:OFFERS]]
    return [Offer(lane, _known(view, lane), price) for lane, price in best], ranked[0][0]


def _known(view: View, lane: Lane) -> Known:
    stats = cast("Outlook", view.prospects)._of(lane)
    return _reckoned(stats._curve("first"), stats._curve("total"))


@lru_cache(maxsize=64)
def _reckoned(first: Curve, total: Curve) -> Known:
    after = max(0.0, total.quantile(0.5) - first.quantile(0.5))
    return Known(_ends(first.hazards), after, first.quantile(LOST))


@lru_cache(maxsize=256)
def _of_stream(after: float) -> Ends:
    """From its first token to its end, which mostly takes so long."""
    return _ends(prior(max(EDGES[0], after), LENGTHS, 0.01))


def _ends(hazards: Hazards) -> Ends:
    answered, failed, alive = [0.0, 0.0], [0.0, 0.0], 1.0
    for good, bad in zip(*(cause[: len(GRID) - 2] for cause in hazards), strict=True):
        answered.append(answered[-1] + alive * good)
        failed.append(failed[-1] + alive * bad)
        alive *= max(0.0, 1 - good - bad)
    return answered, failed


def _together(runs: Sequence[Ends]) -> Ends:
    """As one: it answers when the first does, and fails when all have failed."""
    (answered, failed), *others = runs
    for good, bad in others:
        answered = [1 - (1 - one) * (1 - other) for one, other in zip(answered, good, strict=True)]
        failed = list(map(mul, failed, bad))
    return answered, failed


def _aged(run: Running, known: Known, now: float, lead: float) -> Ends:
    """What is to be expected of it after its age; nothing, where its stream has stalled."""
    if run.first_token is None:
        (answered, failed), age, delay = known.tokens, now - run.started, known.after - lead
    elif now < _stalls_at(run, run.first_token):
        (answered, failed), age, delay = _of_stream(round(known.after, 2)), now - run.first_token, -lead
    else:
        return _NEVER
    if age == 0 and delay == 0:
        return answered, failed
    good, bad = _at(answered, age), _at(failed, age)
    alive = max(1e-9, 1 - good - bad)
    places = [_place(age + max(0.0, instant - delay)) for instant in GRID]
    return (
        [(answered[i] + x * (answered[i + 1] - answered[i]) - good) / alive for i, x in places],
        [(failed[i] + x * (failed[i + 1] - failed[i]) - bad) / alive for i, x in places],
    )


def _at(shares: Sequence[float], instant: float) -> float:
    at, part = _place(instant)
    return shares[at] + part * (shares[at + 1] - shares[at])
