"""What the database says, read aside and kept for a moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from racer.accounts.inquiry import Inquiry
from racer.accounts.races import Unclear
from racer.accounts.timeline import Timeline
from racer.errors import BadRequest
from racer.server.readings import MEMORY, MOST_KEPT, Readings
from tests.racer.server.rooms import kept, until_written

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Source:
    """A number that grows with each time it is read."""

    def __init__(self) -> None:
        self.count = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> int:
        await self.gate.wait()
        self.count += 1
        return self.count


async def test_read_once_in_a_while() -> None:
    """For a moment it is the same; then it is read anew."""
    clock, source = Clock(), Source()
    readings = Readings(clock, fresh=0.5)

    assert [await readings.get("x", source) for _ in range(3)] == [1, 1, 1]
    assert await readings.get("y", source) == 2
    clock.now = 0.5
    assert await readings.get("x", source) == 3


async def test_many_at_once_read_it_once() -> None:
    """Whoever comes while it is read gets the same."""
    source = Source()
    source.gate.clear()
    readings = Readings(Clock())
    asking = [asyncio.ensure_future(readings.get("x", source)) for _ in range(5)]
    await asyncio.sleep(0)
    source.gate.set()

    assert await asyncio.gather(*asking) == [1] * 5


async def test_errors_are_not_kept() -> None:
    """The next one tries again."""
    readings = Readings(Clock())

    async def broken() -> int:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        await readings.get("x", broken)
    assert await readings.get("x", Source()) == 1


async def test_not_all_is_kept() -> None:
    """What was asked for long ago goes first."""
    readings, source = Readings(Clock()), Source()
    for number in range(MOST_KEPT + 1):
        await readings.get(number, source)

    assert await readings.get(MOST_KEPT, source) == MOST_KEPT + 1
    assert await readings.get(0, source) == MOST_KEPT + 2


@pytest.mark.parametrize("on_disk", [True, False])
async def test_books(on_disk: bool, tmp_path: Path) -> None:
    """The same of a file and of a database in memory: limits, races, the timeline of one."""
    async with kept(tmp_path if on_disk else None) as place:
        _, _, headers = await place.ask()
        await until_written(place)
        books = place.server.house.books
        statement = await books.statement(Inquiry(forecast=True, saved=True))
        (race,) = (await books.recent(5)).races
        timeline = await books.explained(race.id)
        with pytest.raises(BadRequest):
            await books.statement(Inquiry("soon"))
        nobody = await books.explained("zz")

    assert (books.in_memory, statement.database) == (
        (False, str(tmp_path / "racer.db")) if on_disk else (True, MEMORY)
    )
    assert [gauge.used for gauge in statement.gauges] == [1.0]
    assert statement.taxes[0].answers == 1
    assert race.id == headers["x-racer-race-id"]
    assert isinstance(timeline, Timeline)
    assert timeline.race.id == race.id
    assert isinstance(nobody, Unclear)
    assert [each.id for each in nobody.last] == [race.id]
