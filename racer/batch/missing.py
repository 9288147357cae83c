"""What keeps a batch from being done by some instant, and what would help: more of a limit, a key. Pure.

It is asked of the draw that a forecast calls its middle one, run once more with something changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor, log10
from typing import TYPE_CHECKING, NamedTuple

from racer.batch.plan import BLOCK, Model, drawn, tanks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.batch.plan import Draw, Forecast, Speed, Tank, Task
    from racer.batch.tanks import Run

HALVINGS = 8


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider that is not set up: the variable that its key belongs in, its lanes and their limits."""

    provider: str
    variable: str
    speeds: tuple[Speed, ...]
    tanks: tuple[Tank, ...] = ()


class Help(NamedTuple):
    """What a key would do: when the job ends with it (inf: not within a year), how many are done in time."""

    provider: str
    variable: str
    end: float
    done: int
    meets: bool


@dataclass(frozen=True, slots=True)
class Shortfall:
    """`lacks` prompts are not done by `by`. `tank` is the limit that more of would help most.

    `extra`: how much more of it, in each of its windows, would do; None: no amount. Without a `tank`,
    `cause` says what holds the job up: "speed", or its own "concurrency" or "rate". `keys`: best first.
    """

    by: float
    done: int
    lacks: int
    tank: Tank | None
    extra: float | None
    cause: str
    keys: tuple[Help, ...] = ()


def missing(found: Forecast, by: float, offers: Sequence[Offer] = ()) -> Shortfall | None:
    """What keeps the job from being done `by` then, and what would help. None where it likely will be."""
    if found.middle <= by:
        return None
    task = found.task
    draw = drawn(task, found.draw + 1)[-1]
    run = Model(task).run(draw, by)
    done = floor(run.done + 1e-6)
    tank, cause = _bottleneck(task, draw, by, run)
    extra = None if tank is None else _extra(task, draw, by, tank)
    keys = (_help(task, draw, by, offer) for offer in offers)
    best = sorted(
        (key for key in keys if key.done > done), key=lambda key: (not key.meets, key.end, -key.done)
    )
    return Shortfall(by, done, task.prompts - done, tank, extra, cause, tuple(best))


def _bottleneck(task: Task, draw: Draw, by: float, run: Run) -> tuple[Tank | None, str]:
    """What the job gets furthest without."""
    freed: list[tuple[str, Tank | None, Task]] = [
        ("limit", tank, _with_more(task, tank, BLOCK)) for tank in tanks_of(task, run)
    ]
    if len(task.tanks) in run.tight and task.concurrency < task.prompts:
        freed.append(("concurrency", None, task._replace(concurrency=task.prompts)))
    if len(task.tanks) + 1 in run.tight:
        freed.append(("rate", None, task._replace(rate=None)))
    best: tuple[Tank | None, str] = (None, "speed")
    gained = run.done * 1.001 + 0.5
    for cause, tank, eased in freed:
        done = Model(eased).run(draw, by).done
        if done > gained:
            best, gained = (tank, cause), done
    return best


def _with_more(task: Task, tank: Tank, extra: float) -> Task:
    more = replace(tank, limit=tank.limit + extra)
    return task._replace(tanks=tuple(more if each == tank else each for each in task.tanks))


def _extra(task: Task, draw: Draw, by: float, tank: Tank) -> float | None:
    """The least that would do, rounded up to two digits."""

    def enough(extra: float) -> bool:
        return Model(_with_more(task, tank, extra)).run(draw, by).done >= task.prompts * (1 - 1e-9)

    if not enough(BLOCK):
        return None
    high = max(tank.limit, 1.0)
    while high < BLOCK and not enough(high):
        high *= 4
    low = 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return _rounded_up(high)


def _rounded_up(value: float) -> float:
    step = 10.0 ** (floor(log10(value)) - 1)
    return ceil(value / step - 1e-9) * step


def _help(task: Task, draw: Draw, by: float, offer: Offer) -> Help:
    speeds, tanks = (*task.speeds, *offer.speeds), (*task.tanks, *offer.tanks)
    model = Model(task._replace(speeds=speeds, tanks=tanks))
    done = floor(model.run(draw, by).done + 1e-6)
    model.run(draw)
    return Help(offer.provider, offer.variable, model.end, done, model.end <= by)
