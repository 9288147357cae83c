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
from racer.core.pocket import EDGE
from racer.core.provider import Limit
from racer.store.sqlite import SqliteStore
from racer.testing import ScriptedTransport, config_of, says
from racer.timepiece import Timepiece
from tests.racer.counting import Beside, Kept, crowd, limited

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
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
    """The true time, and a machine whose wall clock is wrong by `jump`. Its loop does not see it sleep."""

    start: float
    jump: float = 0.0
    slept: float = 0.0
    boot: str = "this boot"
    begun: float = field(default_factory=anyio.current_time)  # a real loop counts from the machine's start

    def now(self) -> float:
        return self.start + self.ticks()

    def ticks(self) -> float:
        return self.slept + anyio.current_time() - self.begun

    def timepiece(self) -> Timepiece:
        return Timepiece(lambda: self.now() + self.jump, self.ticks, self.boot)


@dataclass
class Provider:
    """Allows `limit` in each of its windows, by the true time. Says "hi" at once, with the date.

    A request takes `transit` seconds to come to it.
    """

    world: World
    window: Window
    limit: int
    transit: float = 0.0
    arrived: list[float] = field(default_factory=list[float])

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncGenerator[Any]:
        await anyio.sleep(self.transit)
        now = self.world.now()
        self.arrived.append(now)
        answer = replace(says("hi"), headers={"date": formatdate(now, usegmt=True)})
        async with ScriptedTransport({"a": answer}).send(request) as response:
            yield response

    def check(self) -> None:
        """No window was overrun, and each whole one was used up."""
        used = Counter(map(self.window, self.arrived))
        assert max(used.values()) <= self.limit, f"overrun: {used}"
        assert all(used[each] >= ENOUGH * self.limit for each in self._whole()), f"left unused: {used}"

    def _whole(self) -> set[Hashable]:
        """All windows but the one at the start and the one at the end."""
        start, end = self.world.start, self.world.now()
        hours = range(int((end - start) / HOUR))
        return {self.window(start + hour * HOUR) for hour in hours} - {self.window(start), self.window(end)}


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


DAILY_UTC = requests(A_DAY, "day", "00:00 UTC")


def racer_of(provider: Provider, limit: Limit, store: SqliteStore) -> Racer:
    config = replace(config_of(), providers=(limited("a", limit),))
    return Racer(config, transport=provider, store=store, timepiece=provider.world.timepiece())


@asynccontextmanager
async def asking(provider: Provider, limit: Limit) -> AsyncGenerator[Racer]:
    store = Kept()
    async with racer_of(provider, limit, store) as racer:
        yield racer
    await store.end()


async def ask(racer: Racer, seconds: float, *, every: float = HOUR / 2, seed: int = 0) -> None:
    """For so long, one call or several at once, in the mean `every` so many seconds."""
    chance = random.Random(seed)
    end = anyio.current_time() + seconds
    while (left := end - anyio.current_time()) > 0:
        await crowd(racer, chance.choice((1, 1, 2, 8)))
        await anyio.sleep(min(left, chance.uniform(0, 2 * every)))


# ---------------------------------------------------------------- calendars

LA_DAY = requests(A_DAY, "day", f"00:00 {LOS_ANGELES}")
LA_DAY_FROM_1 = replace(LA_DAY, reset=f"01:00 {LOS_ANGELES}")
LA_DAY_FROM_4 = replace(LA_DAY, reset=f"04:00 {LOS_ANGELES}")
LA_WEEK = requests(60, "week", f"00:00 {LOS_ANGELES}")
A_MONTH = requests(150, "month", "00:00 UTC")
CALENDARS = {
    "spring": ("2026-03-06 20:00", 4, day(LOS_ANGELES), LA_DAY),
    "autumn": ("2026-10-30 20:00", 4, day(LOS_ANGELES), LA_DAY),
    "spring at 4": ("2026-03-06 20:00", 4, day(LOS_ANGELES, 4), LA_DAY_FROM_4),
    "autumn at 1": ("2026-10-30 20:00", 4, day(LOS_ANGELES, 1), LA_DAY_FROM_1),
    "week of spring": ("2026-02-25 20:00", 19, week(LOS_ANGELES), LA_WEEK),
    "week of autumn": ("2026-10-21 20:00", 19, week(LOS_ANGELES), LA_WEEK),
    "31 January": ("2026-01-30 20:00", 4, day("UTC"), DAILY_UTC),
    "February": ("2026-01-30 20:00", 32, month("UTC"), A_MONTH),
    "29 February": ("2028-02-27 20:00", 4, day("UTC"), DAILY_UTC),
    "February of 29": ("2028-01-31 20:00", 32, month("UTC"), A_MONTH),
}


@pytest.mark.parametrize(("start", "days", "window", "limit"), CALENDARS.values(), ids=CALENDARS)
async def test_every_window_of_the_calendar(start: str, days: int, window: Window, limit: Limit) -> None:
    """A day of 23 or 25 hours, a month's end and a leap day are each one window: never overrun, and used."""
    provider = Provider(World(unix(start)), window, int(limit.amount))
    async with asking(provider, limit) as racer:
        await ask(racer, days * DAY, every=days * HOUR / 8)

        provider.check()


RESETS = ["2026-03-09 07:00", "2026-03-08 08:00", "2026-11-01 07:00", "2026-11-02 08:00", "2026-12-01 08:00"]


@pytest.mark.parametrize("reset", RESETS)
async def test_a_crowd_across_the_reset(reset: str) -> None:
    """Many calls at once, a second on their way, almost to the last moment and from the first on.

    Each day gives its own, and no more.
    """
    instant = unix(reset)
    provider = Provider(World(instant - 10), day(LOS_ANGELES), A_DAY, transit=1.0)
    async with asking(provider, LA_DAY) as racer:
        await anyio.sleep(5.0 - EDGE)
        for _ in range(20):
            await crowd(racer, 7)
            await anyio.sleep(0.25)

        assert A_DAY == sum(at < instant for at in provider.arrived)
        assert A_DAY == sum(at >= instant for at in provider.arrived)


# ---------------------------------------------------------------- minutes


def fixed(arrived: Sequence[float], offset: float) -> float:
    """The most in any of the provider's minutes, which begin at a second of its own."""
    return max(Counter((at + offset) // 60 for at in arrived).values())


def sliding(arrived: Sequence[float]) -> float:
    """The most in any stretch of sixty seconds."""
    return max(sum(0 <= other - at < 60 for other in arrived) for at in arrived)


def bucket(arrived: Sequence[float]) -> float:
    """The most that was ever missing of a bucket that a minute fills with ten."""
    missing, last, most = 0.0, arrived[0], 0.0
    for at in arrived:
        missing, last = max(0.0, missing - (at - last) * 10 / 60) + 1, at
        most = max(most, missing)
    return most


async def test_every_kind_of_minute() -> None:
    """A minute may be fixed and begin at any second, slide, or be a bucket: it is used, never overrun."""
    provider = Provider(World(unix("2026-05-05 12:00:23")), int, 10)
    async with asking(provider, requests(10, "minute")) as racer:
        await ask(racer, 600, every=0.8)
    arrived = provider.arrived

    assert len(arrived) >= ENOUGH * 10 * 10
    assert max(sliding(arrived), bucket(arrived), *(fixed(arrived, offset) for offset in range(60))) <= 10


# ---------------------------------------------------------------- clocks that jump

NOON = unix("2026-06-10 12:00")
JUMPS = {"an hour back": -HOUR, "a day ahead": DAY, "a day back": -DAY, "an hour ahead": HOUR}
WRONG = [-HOUR, HOUR, DAY, 40 * DAY]


def all_day() -> Provider:
    return Provider(World(NOON), day("UTC"), A_DAY)


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_the_machines_clock_jumps(jump: float) -> None:
    """Nobody notices: every true day gives its limit, also when the clock is put right again later."""
    provider = all_day()
    async with asking(provider, DAILY_UTC) as racer:
        await ask(racer, 20 * HOUR)
        provider.world.jump = jump
        await ask(racer, 30 * HOUR, seed=1)
        provider.world.jump = 0.0
        await ask(racer, 30 * HOUR, seed=2)

        provider.check()


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_a_restart_after_the_jump(jump: float) -> None:
    """A process that starts by the wrong clock takes the time of the others of this boot."""
    provider, store = all_day(), Kept()
    async with racer_of(provider, DAILY_UTC, store) as racer:
        await ask(racer, 20 * HOUR)
    provider.world.jump = jump
    async with racer_of(provider, DAILY_UTC, Beside(store)) as racer:
        await ask(racer, 40 * HOUR, seed=1)

        provider.check()
    await store.end()


@pytest.mark.real_time
@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
async def test_a_restart_on_a_file(tmp_path: Path, jump: float) -> None:
    """The time of this boot stands in the file: the day's limit is neither fresh nor closed for longer."""
    provider = all_day()

    async def restarted() -> None:
        async with racer_of(provider, DAILY_UTC, SqliteStore(tmp_path / "racer.db")) as racer:
            await crowd(racer, 15)

    await restarted()
    provider.world.jump = jump
    await restarted()
    assert A_DAY == len(provider.arrived)
    provider.world.slept = 12 * HOUR + 60
    await restarted()
    await restarted()

    assert 2 * A_DAY == len(provider.arrived)
    provider.check()


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_clock_that_is_put_right(wrong: float) -> None:
    """It was wrong from the start. Once a provider's Date confirms the right one, days are the true ones."""
    provider = all_day()
    provider.world.jump = wrong
    async with asking(provider, DAILY_UTC) as racer:
        await crowd(racer, 8)
        provider.world.jump = 0.0
        await ask(racer, 60 * HOUR)

        provider.check()


async def test_a_machine_that_sleeps() -> None:
    """The loop stands still over midnight; days pass all the same."""
    provider = all_day()
    async with asking(provider, DAILY_UTC) as racer:
        for night in range(4):
            await ask(racer, 14 * HOUR, seed=night)
            provider.world.slept += 10 * HOUR

        provider.check()
