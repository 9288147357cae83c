"""The ledger and the machine's clock: no jump of it makes a limit fresh, or keeps a lane out."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate

import anyio
import pytest

from racer import Racer
from racer.core.facts import ClockJumped
from racer.core.provider import Limit
from racer.testing import Script, ScriptedTransport, config_of, says
from tests.racer.counting import (
    DAILY,
    DAY,
    START,
    Beside,
    Kept,
    Moved,
    crowd,
    ledger_of,
    limited,
    table,
    tried,
)

pytestmark = pytest.mark.anyio

MINUTE = Limit("requests", 5, "minute")
HOUR = 3600.0
JUMPS = [-DAY, -HOUR, -30.0, 30.0, HOUR, DAY, 40 * DAY]


def dated(date: float) -> Script:
    """A reply with the sender's own time."""
    return replace(says("hi"), headers={"date": formatdate(date, usegmt=True)})


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("limit", [DAILY, MINUTE], ids=["day", "minute"])
async def test_a_jump_gives_no_fresh_quota(limit: Limit, jump: float) -> None:
    """What is used up stays so whatever the machine's clock says, until real time has passed."""
    async with table(limited("a", limit)) as all_:
        await crowd(all_.racer, 10)
        all_.moved.wall += jump
        await anyio.sleep(20)
        ends = await crowd(all_.racer, 10)
        await anyio.sleep(DAY)
        later = await crowd(all_.racer, 10)

        assert {"NoLanes": 10} == ends
        assert {"Reply": 5, "NoLanes": 5} == later
        assert [jump] == [fact.seconds for fact in all_.of(ClockJumped)]


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_race_that_waits_does_not_notice(jump: float) -> None:
    """It starts when its window opens by the time that has really passed."""
    async with table(limited("a", MINUTE)) as all_:
        await crowd(all_.racer, 5)
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: all_.racer.race("hi", wait=100, deadline=200))
            await anyio.sleep(10)
            all_.moved.wall += jump

        assert 60 <= all_.sent()[-1] <= 63


async def test_a_jump_that_ends_is_told_once_each() -> None:
    """Moved and put back: one fact for the jump; moved again: another."""
    async with table(limited("a", replace(DAILY, amount=100))) as all_:
        for jump in (0.0, HOUR, HOUR, 0.0, -HOUR):
            all_.moved.wall = START + jump
            for _ in range(3):
                await tried(all_.racer)
                await anyio.sleep(5)

        assert [HOUR, -HOUR] == [fact.seconds for fact in all_.of(ClockJumped)]


async def test_a_providers_date_confirms_the_machine() -> None:
    """The clock was wrong when the Racer began, and was set right: what providers say decides for it."""
    async with table(limited("a", DAILY), scripts={"a": dated(START + DAY + 2)}) as all_:
        await crowd(all_.racer, 4)
        all_.moved.wall += DAY
        await anyio.sleep(11)
        assert {"Reply": 1, "NoLanes": 1} == await crowd(all_.racer, 2)  # the one asks for the time
        await anyio.sleep(1)

        assert START + DAY == pytest.approx(ledger_of(all_.racer).now() - anyio.current_time(), abs=1)
        assert {"Reply": 5, "NoLanes": 5} == await crowd(all_.racer, 10)


async def test_a_providers_date_that_confirms_ours() -> None:
    """The machine's clock was set wrong: it is not followed."""
    async with table(limited("a", DAILY), scripts={"a": dated(START + 10)}) as all_:
        await crowd(all_.racer, 4)
        all_.moved.wall += DAY
        await anyio.sleep(11)
        await crowd(all_.racer, 2)
        await anyio.sleep(1)

        assert {"NoLanes": 5} == await crowd(all_.racer, 5)


@pytest.mark.parametrize("gap", [-HOUR, -3.0, 3.0, HOUR])
async def test_a_race_under_way_when_the_clock_is_set(gap: float) -> None:
    """A race that began by another clock than the one agreed on starts at once all the same."""
    store, moved = Kept(), Moved(START + gap)
    await store.open(START, 0.0, "boot")
    config = replace(config_of(), providers=(limited("a", MINUTE),))
    transport = ScriptedTransport({"a": says("hi")})
    async with Racer(config, transport=transport, store=Beside(store), timepiece=moved.timepiece()) as racer:
        reply = await racer.race("hi")
        instants = [at for _, event, at in transport.log if event == "sent"]

        assert "hi" == reply.text
        assert [0.0] == instants
        assert ledger_of(racer).now() == pytest.approx(START)
    await store.end()
