"""The policy `frugal`: nearly as fast as asking many at once, for little more than one request an answer.

Rule 1: a lane on a machine of the user's own costs nothing, and nobody waits for it while another runs. It
        starts at once where it is loaded, else beside one that is late: then it is loaded for those to come.
Rule 2: the others are asked one at a time: first whom the caller wishes for, then whoever is to be expected
        soonest, with the price of the request counted as seconds.
Rule 3: one that has failed is replaced at once.
Rule 4: when the one that started last is later with its first token than nine in ten of its calls, another
        starts beside it, if the allowance for extra requests has room: the best of them, or where there is
        plenty of allowance one that nobody has asked for hours, so that every lane is known.
Rule 5: while one of them streams, none of the others starts, until its stream has stalled.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from racer.core.view import Planned, Why

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from racer.core.provider import Lane
    from racer.core.view import Running, View

SOONEST, LATEST = 0.05, 10.0  # no lane is called late before, nor is one waited for any longer
SILENCE = 2.0  # of a stream, before it counts as stalled
GAPS = 20.0  # or so many times as long as it mostly pauses, where that is longer
LOOK_AGAIN = 1.0  # for an allowance that was used up


def plan_frugal(view: View) -> Sequence[Planned]:
    """Whoever is ahead starts now; of the others, the next at its instant.

    That instant is when it will be due if nothing happens: any news makes a new plan.
    """
    waiting = view.waiting[: len(view.waiting) - view.had_turn] or view.waiting
    ahead = [Planned(lane, why=Why.AHEAD) for lane in waiting if _is_ahead(lane)]
    others = [lane for lane in waiting if not _is_ahead(lane)] if ahead else waiting
    # Only one of those that are ahead goes before all others: they must not take every place.
    first = 0 if any(_is_ahead(run.lane) for run in view.running) else 1
    room = max(0, view.width - len(view.running))
    following = _next(view, others)
    warmed = _warmed(following, others) if view.running and room > 1 else ()
    plan = [*ahead[:first], *warmed, *following, *ahead[first:]]
    if len(plan) > 1:
        plan.sort(key=lambda planned: (planned.offset, view.groups.get(planned.lane.id, 0)))
    return plan[:room]


def _is_ahead(lane: Lane) -> bool:
    return lane.provider.local and not lane.is_cold


def _warmed(plan: Sequence[Planned], lanes: Sequence[Lane]) -> Iterator[Planned]:
    """With whom costs something, and before, a lane that has to be loaded: the next race has it warm."""
    for planned in plan:
        if not planned.lane.provider.local:
            cold = (lane for lane in lanes if lane.is_cold)
            yield from (Planned(lane, planned.offset, why=planned.why) for lane in islice(cold, 1))


def _next(view: View, lanes: Sequence[Lane]) -> list[Planned]:
    """Who of `lanes` goes next, and when."""
    if not lanes:
        return []
    metered = [run for run in view.running if not run.lane.provider.local]
    at_work = metered or [run for run in view.running if not _is_ahead(run.lane)]
    due, why = _due(view, at_work)
    offset = max(0.0, due - view.now)
    extra = bool(metered) and not view.vacant
    if extra and offset == 0 and not view.prospects.may_add():
        free = [lane for lane in lanes if lane.provider.local]
        lanes, offset, why = (free, 0.0, why) if free else (lanes, LOOK_AGAIN, Why.HELD)
    lane = lanes[0] if len(lanes) == 1 else _best(view, lanes, learns=extra)
    return [Planned(lane, offset, extra and not lane.provider.local, why)]


def _best(view: View, lanes: Sequence[Lane], *, learns: bool) -> Lane:
    """Among equals, the first in order of rank; to learn, one that nobody has asked for long."""
    groups, prospects = view.groups, view.prospects
    nearest = min(groups.get(lane.id, 0) for lane in lanes)
    wished = [lane for lane in lanes if groups.get(lane.id, 0) == nearest]
    forgotten = next(filter(prospects.forgotten, wished), None) if learns else None
    return forgotten or min(wished, key=lambda lane: prospects.expected(lane) + prospects.price(lane))


def _due(view: View, at_work: Sequence[Running]) -> tuple[float, Why]:
    """When another is wanted: when all streams have stalled, and the last start is late or to be replaced."""
    instants = [(_stalls_at(run, at), Why.STALLED) for run in at_work if (at := run.first_token) is not None]
    if at_work and not view.vacant and at_work[-1].first_token is None:
        last = at_work[-1]
        usual = min(LATEST, max(SOONEST, view.prospects.first(last.lane)))
        instants.append((last.started + usual, Why.LATE))
    return max(instants, default=(view.now, Why.REPLACES if view.vacant else Why.FIRST))


def _stalls_at(run: Running, first_token: float) -> float:
    """When a stream counts as stalled that says nothing more."""
    last = first_token if run.last is None else run.last
    usual = (last - first_token) / run.pieces if run.pieces else 0.0
    return last + max(SILENCE, GAPS * usual)
