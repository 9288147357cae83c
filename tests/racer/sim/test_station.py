"""One provider on the air: what is counted for each way a request can end."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from racer.sim.profile import draw_pace
from racer.sim.station import KEPT_OF_BODY, Station, chance_of
from tests.racer.sim.loopback import Wiretap, listening, tapped
from tests.racer.sim.scenes import AT, profile, provider

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aiohttp import web

pytestmark = pytest.mark.anyio
PATH = "/v1/chat/completions"
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


class OnAir:
    """A station, its port, and whether it says that it is stopping."""

    def __init__(self, toml: str, keep: int) -> None:
        of = provider(toml)
        self.station = Station(profile(of), of, clock=lambda: AT, keep=keep)
        self.stopping = False
        self.port = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self.station.serve(request, request.raw_path, stopping=lambda: self.stopping)


@asynccontextmanager
async def on_air(toml: str = "", keep: int = 10) -> AsyncGenerator[OnAir]:
    air = OnAir(toml, keep)
    async with listening(air.handle) as port:
        air.port = port
        yield air


async def answered(tap: Wiretap, path: str = PATH, body: object = QUESTION) -> bytes:
    await tap.ask(path, body)
    return await tap.read(b"}")


async def test_a_completed_question() -> None:
    """Counted with status and tokens, and kept as it came."""
    async with on_air() as air, tapped(air.port) as tap:
        await answered(tap)

    counts = air.station.counts()
    assert (counts.started, counts.completed, counts.open) == (1, 1, 0)
    assert (counts.requests_by_status, counts.input_tokens, counts.output_tokens) == ({"200": 1}, 1, 24)
    (visit,) = air.station.tally.visits
    assert (visit.path, visit.status, visit.outcome, visit.fault) == (PATH, 200, "completed", None)
    assert visit.ended_at is not None
    assert visit.started_at <= visit.ended_at <= time.monotonic()


async def test_a_refused_question() -> None:
    """A bad request is no failure of ours."""
    async with on_air() as air, tapped(air.port) as tap:
        await answered(tap, body={"model": "x"})

    counts = air.station.counts()
    assert (counts.refused, counts.completed, counts.requests_by_status) == (1, 0, {"404": 1})


async def test_a_page_is_no_question() -> None:
    """It is counted by itself."""
    async with on_air() as air, tapped(air.port) as tap:
        await tap.ask("/v1/models?x=1", method="GET")
        await tap.read(b"]}")

    counts = air.station.counts()
    assert (counts.pages, counts.started, counts.requests_by_status) == (1, 0, {"200": 1})


async def test_escaped_paths_are_understood() -> None:
    """As any server would."""
    async with on_air() as air, tapped(air.port) as tap:
        assert b"200 OK" in await answered(tap, "/v1/chat%2Fcompletions")


@pytest.mark.parametrize("kind", ["500", "empty_200", "reset_before", "truncated"])
async def test_a_fault_carried_out(kind: str) -> None:
    """It counts as failed, by its kind, even when it ends in a reset of our own."""
    async with on_air(f'faults = [{{ kind = "{kind}" }}]') as air, tapped(air.port) as tap:
        await tap.ask(PATH, QUESTION, version="1.0")
        await tap.read()

    counts = air.station.counts()
    assert (counts.failed, counts.faults, counts.dropped, counts.open) == (1, {kind: 1}, 0, 0)


async def test_limits_are_told() -> None:
    """What the windows hold is part of the counts, and a reset empties them."""
    async with on_air('limits = [{ requests = 1, per = "minute" }]') as air, tapped(air.port) as tap:
        await answered(tap)
        tap.data = b""
        assert b"429" in await answered(tap)

    (use,) = air.station.counts().limits
    assert (use.used, use.refused) == (1, 1)
    air.station.reset()
    assert air.station.counts().limits == ()
    assert air.station.counts().started == 0


async def test_large_bodies_are_kept_in_part() -> None:
    """The whole body is read; what is remembered is bounded."""
    long = QUESTION | {"extra": "x" * (2 * KEPT_OF_BODY)}
    async with on_air() as air, tapped(air.port) as tap:
        assert b"200 OK" in await answered(tap, body=long)

    assert len(air.station.tally.visits[0].body) == KEPT_OF_BODY


def drawn(seed: int) -> dict[str, list[float]]:
    """The first-token times of four lanes with one distribution."""
    lanes = [provider("first_token = { median = 1, sigma = 0.5 }", name) for name in "abcd"]
    whole = profile(*lanes, seed=seed)
    return {
        lane.name: [draw_pace(lane, chance_of(whole, lane, n), cold=False).first for n in range(1, 6)]
        for lane in lanes
    }


async def test_lanes_draw_each_for_itself() -> None:
    """The same seed gives every lane its own times again, another seed gives others."""
    once = [time for lane in drawn(1).values() for time in lane]

    assert drawn(1) == drawn(1)
    assert len({*once, *(time for lane in drawn(2).values() for time in lane)}) == 40
