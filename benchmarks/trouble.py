"""What `frugal` does where it knows nothing, where lanes change, and where nobody answers: in virtual time.

    python benchmarks/trouble.py [--seeds 8] [--jobs 2] [--parts cold known news outage]

As benchmarks/policies.py, a real Racer with an empty database in memory, on worlds that are drawn beforehand.

cold    the first 50 calls of all, beside those of `fixed`: no policy of racer, it asks the best-ranked lane,
        and the next a second later, until a token has come.
known   how many calls each lane has had after 150 and after a day of calm.
news    what becomes of it that, after two hours, the lane that is asked most is 5 times slower; or that the
        one that was asked least is by far the fastest.
outage  a race a second, and ten minutes in which no lane answers: each says 503, or nothing, or is not there.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import platform
import statistics
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import anyio
import numpy as np

from benchmarks.hosts import Hosts, provider, question
from benchmarks.policies import DEADLINE, MIDNIGHT, TIMEOUT, config_of
from benchmarks.tally import Bar
from benchmarks.weather import HOUR, Spell, Weather
from benchmarks.worlds import AMPLE_SEVEN, Scene, World, world
from racer import Config, Racer, RacerError
from racer.core.allowance import EXTRA, MOST
from racer.core.facts import CoolDownEnded, CoolDownStarted, Fact, LaneStarted, RaceEnded, RaceStarted
from racer.core.options import Defaults
from racer.core.plan import POLICIES
from racer.core.view import Planned, Why
from racer.store.sqlite import SqliteStore
from racer.testing import VirtualLoop
from racer.timepiece import Timepiece
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

    from benchmarks.hosts import Played
    from racer.core.view import View
    from racer.exchange import Transport
    from racer_adapters.types import WireRequest

FIXED = 1.0
EXTRAS = frozenset({Why.LATE, Why.STALLED, Why.BESIDE})


def plan_fixed(view: View) -> Sequence[Planned]:
    """The best-ranked lane, and the next a second after the last, until one has shown a token."""
    running = view.running
    if not view.waiting or len(running) >= view.width or any(run.first_token is not None for run in running):
        return []
    offset = max(0.0, running[-1].started + FIXED - view.now) if running else 0.0
    return [Planned(view.waiting[0], offset, why=Why.LATE if running else Why.FIRST)]


class Begun(NamedTuple):
    at: float
    lane: str
    why: Why
    local: bool


class Record:
    """What the engine says while it races. `led`: by race, in their order, the lane that it began with."""

    def __init__(self, then: Callable[[Record], None] | None = None, at: float = math.inf) -> None:
        self._then = then
        self._at = at
        self.led: dict[str, str] = {}
        self.starts: list[Begun] = []
        self.taxed: list[tuple[float, int]] = []
        self.rests: list[tuple[float, str]] = []

    def __call__(self, fact: Fact) -> None:
        now = anyio.current_time()
        if self._then is not None and now >= self._at:
            then, self._then = self._then, None
            then(self)
        if isinstance(fact, LaneStarted):
            self.led.setdefault(fact.race, fact.lane.provider.name)
            self.starts.append(Begun(now, fact.lane.provider.name, fact.why, fact.lane.provider.local))
        elif isinstance(fact, RaceEnded):
            self.taxed.append((now, fact.tax.requests))
        elif isinstance(fact, CoolDownStarted):
            self.rests.append((now, f"{fact.scope} {fact.seconds:.0f}"))
        elif isinstance(fact, CoolDownEnded):
            self.rests.append((now, f"{fact.scope} ended"))


class Call(NamedTuple):
    """Seconds of the clock; `ends` is None where no answer came."""

    began: float
    ends: float | None

    @property
    def wait(self) -> float:
        return DEADLINE if self.ends is None else self.ends - self.began


def played(day: World, config: Config, record: Record, transport: Transport | None = None) -> list[Call]:
    """All questions of a day, each at its instant."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_played(day, config, record, transport or Hosts(day)))


async def _played(day: World, config: Config, record: Record, transport: Transport) -> list[Call]:
    calls = [Call(instant, None) for instant in day.arrivals.tolist()]

    async def one(racer: Racer, number: int) -> None:
        try:
            await racer.race(question(day, number))
        except RacerError:
            return
        calls[number] = Call(calls[number].began, anyio.current_time())

    clocks = Timepiece(lambda: MIDNIGHT + anyio.current_time(), anyio.current_time, "boot")
    racer = Racer(
        config, transport=transport, observers=[record], store=SqliteStore(None), timepiece=clocks
    )
    async with racer, asyncio.TaskGroup() as group:
        for number, call in enumerate(calls):
            await anyio.sleep_until(call.began)
            group.create_task(one(racer, number))
    return calls
