"""What must hold however often it is tried, tried a little: benchmarks/soak.py does it a thousand times."""

from __future__ import annotations

import gc
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.simulated import Simulated
from benchmarks.soak import POISONS, PROFILE, cancelled, poison, sockets, won
from racer.sim import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Real sockets need the real clock."""
    return "asyncio", {"debug": False}


@pytest.fixture
async def poisoned() -> AsyncIterator[Simulated]:
    async with Simulator("poison") as sim:
        yield Simulated(sim.url)


@pytest.mark.parametrize("kind", POISONS)
async def test_poison_never_wins(poisoned: Simulated, kind: str) -> None:
    """Beside a healthy slower lane, a reply that is none never wins: the healthy one does, every time."""
    assert Counter(healthy=20) == (await poison(poisoned, kind, 20)).ends


async def test_callers_that_leave_leave_nothing_behind() -> None:
    """Cancelled at random instants: every socket is closed again, and the simulator has nothing open."""
    async with Simulator(PROFILE) as sim:
        before = sockets()
        names = tuple(provider.name for provider in sim.profile.providers)
        tally = await cancelled(Simulated(sim.url), names, 100, seed=11)
        gc.collect()

        assert 100 == tally.ends.total()
        assert {"CancelledError", "Reply"} >= set(tally.ends)
        assert before == sockets()


async def test_every_loser_is_seen_to_go() -> None:
    """After each win the simulator counts down to nothing open."""
    async with Simulator(PROFILE) as sim:
        names = tuple(provider.name for provider in sim.profile.providers)
        tally, seen = await won(Simulated(sim.url), names, 20)

        assert 20 == tally.ends["won"]
        assert float("inf") not in seen
