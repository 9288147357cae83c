"""Limits by the provider's own clock and calendar: never overrun, and never left unused, whatever day it is.

The provider counts each request when it comes, by the true time and by a calendar of its own: nothing of
racer's windows is used to check them.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import anyio
import pytest

from racer import Racer
from racer.core.provider import Limit
from racer.store.sqlite import SqliteStore
from racer.testing import ScriptedTransport, config_of, says
from racer.timepiece import Timepiece
from tests.racer.counting import Beside, Kept, crowd, limited

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable, Mapping
    from pathlib import Path

    from racer_adapters.types import WireRequest

    Window = Callable[[float], Hashable]

pytestmark = pytest.mark.anyio

LOS_ANGELES = "America/Los_Angeles"
HOUR = 3600.0
DAY = 24 * HOUR
A_DAY = 20
ENOUGH = 0.95


# ---------------------------------------------------------------- the provider


@dataclass
class World:
    """The true time, and a machine whose wall clock is wrong by `jump`; while it sleeps only its loop stands."""

    start: float
    jump: float = 0.0
    slept: float = 0.0
    boot: str = "this boot"

    def now(self) -> float:
        return self.start + self._ticks()

    def timepiece(self) -> Timepiece:
        return Timepiece(lambda: self.now() + self.jump, self._ticks, self.boot)

    def _ticks(self) -> float:
        return self.slept + anyio.current_time()


@dataclass
class Oracle:
    """A provider that allows `limit` in each of its windows. It answers "hi" at once, and dates its answers."""

    world: World
    limits: Mapping[Window, int]
    arrived: list[float] = field(default_factory=list[float])

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncGenerator[Any]:
        now = self.world.now()
        self.arrived.append(now)
        answer = replace(says("hi"), headers={"date": formatdate(now, usegmt=True)})
        async with ScriptedTransport({"a": answer}).send(request) as response:
            yield response

    def used(self, window: Window) -> Counter[Hashable]:
        return Counter(map(window, self.arrived))

    def check(self, *, but: float = 0.0) -> None:
        """No window overrun; each whole one used. Those that were live until `but` need not be used up."""
        for window, limit in self.limits.items():
            used = self.used(window)
            assert max(used.values()) <= limit, f"overrun: {used}"
            whole = self._whole(window, but)
            assert all(used[each] >= ENOUGH * limit for each in whole), f"stuck: {used}"

    def _whole(self, window: Window, after: float) -> set[Hashable]:
        """All windows but the one at the start (or at `after`) and the one at the end."""
        start, end = self.world.start, self.world.now()
        steps = range(int((end - start) / HOUR))
        seen = {window(start + step * HOUR) for step in steps if start + step * HOUR > after}
        return seen - {window(max(start, after)), window(end)}


def day(zone: str, hour: int = 0) -> Window:
    """A day that begins at `hour` o'clock on the clocks of `zone`."""
    return lambda now: (_clocks(now, zone) - timedelta(hours=hour)).date()


def week(zone: str) -> Window:
    return lambda now: _clocks(now, zone).isocalendar()[:2]


def month(zone: str) -> Window:
    return lambda now: (_clocks(now, zone).year, _clocks(now, zone).month)


def _clocks(now: float, zone: str) -> datetime:
    return datetime.fromtimestamp(now, ZoneInfo(zone)).replace(tzinfo=None)


def unix(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


# ---------------------------------------------------------------- those who ask


def requests(amount: int, per: str, reset: str | None = None) -> Limit:
    return Limit("requests", amount, per, reset=reset)


def racer_of(world: World, oracle: Oracle, limits: tuple[Limit, ...], store: SqliteStore) -> Racer:
    config = replace(config_of(), providers=(limited("a", *limits),))
    return Racer(config, transport=oracle, store=store, timepiece=world.timepiece())


async def ask(racer: Racer, seconds: float, *, every: float = HOUR / 2, seed: int = 0) -> None:
    """One call or several at once, `every` so many seconds in the mean, for so long."""
    chance = random.Random(seed)
    end = anyio.current_time() + seconds
    while (left := end - anyio.current_time()) > 0:
        await crowd(racer, chance.choice((1, 1, 2, 8)))
        await anyio.sleep(min(left, chance.uniform(0, 2 * every)))


CALENDARS = [
    ("2026-03-06 20:00", 4, {day(LOS_ANGELES): requests(A_DAY, "day", f"00:00 {LOS_ANGELES}")}),
    ("2026-10-30 20:00", 4, {day(LOS_ANGELES): requests(A_DAY, "day", f"00:00 {LOS_ANGELES}")}),
    ("2026-03-06 20:00", 4, {day(LOS_ANGELES, 4): requests(A_DAY, "day", f"04:00 {LOS_ANGELES}")}),
    ("2026-10-30 20:00", 4, {day(LOS_ANGELES, 1): requests(A_DAY, "day", f"01:00 {LOS_ANGELES}")}),
    ("2026-02-25 20:00", 19, {week(LOS_ANGELES): requests(60, "week", f"00:00 {LOS_ANGELES}")}),
    ("2026-10-21 20:00", 19, {week(LOS_ANGELES): requests(60, "week", f"00:00 {LOS_ANGELES}")}),
    ("2026-01-30 20:00", 4, {day("UTC"): requests(A_DAY, "day", "00:00 UTC")}),
    (
        "2026-01-30 20:00",
        32,
        {
            month("UTC"): requests(150, "month", "00:00 UTC"),
            day("Asia/Kolkata"): requests(900, "day", "00:00 Asia/Kolkata"),
        },
    ),
    ("2028-02-27 20:00", 4, {day("UTC"): requests(A_DAY, "day", "00:00 UTC")}),
    ("2028-01-31 20:00", 31, {month("UTC"): requests(150, "month", "00:00 UTC")}),
]
