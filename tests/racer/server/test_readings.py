"""What the database says, read aside and kept for a moment."""

from __future__ import annotations

import asyncio
import threading

import pytest

from racer.server.readings import MOST_KEPT, Readings

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
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> int:
        self.gate.wait(10)
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

    def broken() -> int:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        await readings.get("x", broken)
    assert await readings.get("x", lambda: 7) == 7


async def test_not_all_is_kept() -> None:
    """What was asked for long ago goes first."""
    readings, source = Readings(Clock()), Source()
    for number in range(MOST_KEPT + 1):
        await readings.get(number, source)

    assert await readings.get(MOST_KEPT, source) == MOST_KEPT + 1
    assert await readings.get(0, source) == MOST_KEPT + 2
