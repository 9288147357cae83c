"""What a batch tells of itself while it runs, and after."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

from racer.core.provider import Limit
from tests.racer.batch.crew import crew, now, results
from tests.racer.counting import limited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from racer.batch.progress import Progress

pytestmark = pytest.mark.anyio

BEGAN = 1_800_000_000.0  # in unix seconds, what is 0 in virtual time


async def test_it_is_of_one_instant() -> None:
    """What was told once stays as it was."""
    async with crew("a") as table, table.racer.batch(["x"] * 3) as batch:
        before = batch.progress()
        await results(batch)
        assert (before.total, before.done, before.earlier, before.lanes) == (3, 0, 0, ())
        with pytest.raises(FrozenInstanceError):
            before.done = 1  # type: ignore[misc]


async def test_lanes_add_up() -> None:
    """Each line has its lane, none has more at once than it may; the ends are in order, and ahead."""
    told: list[tuple[float, Progress]] = []
    async with (
        crew(limited("a", Limit("requests", 10, "minute")), "b") as table,
        table.racer.batch([f"p{each}" for each in range(60)], concurrency=4) as batch,
    ):
        async for _ in batch:
            told.append((now(), batch.progress()))
        last = batch.progress()
    for at, each in told:
        assert each.done == sum(lane.answered for lane in each.lanes)
        assert each.in_flight == sum(lane.at_work for lane in each.lanes)
        assert all(lane.at_work <= lane.window <= 4 for lane in each.lanes)
        assert each.ends is not None
        assert each.ends[0] <= each.ends[1] <= each.ends[2]
        assert BEGAN + at - 15.0 <= each.ends[0]
    assert (last.done, last.in_flight, last.ends) == (60, 0, None)


async def test_nothing_is_foretold_of_what_has_no_end() -> None:
    """As long as it is not known how many lines there are, nor when they come."""

    async def lines() -> AsyncIterator[str]:
        for each in range(3):
            yield f"p{each}"

    async with crew("a") as table, table.racer.batch(lines()) as batch:
        before = batch.progress()
        await results(batch)
        after = batch.progress()
    assert (before.total, before.ends) == (None, None)
    assert (after.done, after.failed) == (3, 0)
