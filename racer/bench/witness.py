"""What the Racer of a bench really does: each start and each end of a lane, and what headers tell."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import anyio

from racer.core.facts import LaneEnded, LaneStarted
from racer_adapters import DIALECTS
from racer_adapters.limits import FORMATS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping

    from racer.core.facts import Fact
    from racer.core.provider import Lane
    from racer.core.reply import Attempt
    from racer.exchange import Incoming, Transport
    from racer_adapters.limits import Reading
    from racer_adapters.types import WireRequest

_SPANS = {"second", "minute", "hour", "day", "week", "month"}


class Watch:
    """What one question led to. `began`: when its first lane started, on the loop's clock.

    `starts` counts requests by provider, and `whom` by lane, from the instant at which they are sent.
    """

    def __init__(self, lane: Lane | None = None) -> None:
        self.lane = lane
        self.began: float | None = None
        self.starts: dict[str, int] = {}
        self.whom: dict[str, int] = {}
        self.when_begun: Callable[[float], None] = _nobody
        self._attempts: dict[int, Attempt] = {}
        self._base = 0

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Those that have ended, in the order in which they started."""
        return tuple(self._attempts[number] for number in sorted(self._attempts))

    def started(self, fact: LaneStarted) -> None:
        provider = fact.lane.provider.name
        self.starts[provider] = self.starts.get(provider, 0) + 1
        self.whom[fact.lane.id] = self.whom.get(fact.lane.id, 0) + 1
        if self.began is None:
            self.began = anyio.current_time()
            self.when_begun(self.began)

    def ended(self, fact: LaneEnded) -> None:
        self._attempts[fact.attempt] = fact.record


_WATCH: ContextVar[Watch | None] = ContextVar("racer_bench_watch", default=None)


@contextmanager
def watching(lane: Lane | None = None) -> Generator[Watch]:
    """Whatever is asked within the block, by tasks that begin in it too, is seen by its Watch.

    What headers tell of limits is kept for `lane`.
    """
    watch = Watch(lane)
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


class Witness:
    """An observer of a Racer, that keeps what headers tell of limits, by lane."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._heard: dict[str, dict[tuple[str, str | None], Reading]] = {}

    def __call__(self, fact: Fact) -> None:
        watch = _WATCH.get()
        if watch is None:
            return
        if isinstance(fact, LaneStarted):
            watch.started(fact)
        elif isinstance(fact, LaneEnded):
            watch.ended(fact)

    def hear(self, headers: Mapping[str, str]) -> None:
        watch = _WATCH.get()
        if watch is None or watch.lane is None:
            return
        lane = watch.lane
        reader = FORMATS.get(lane.provider.limit_headers) or DIALECTS[lane.provider.dialect].limits
        kept = self._heard.setdefault(lane.id, {})
        for reading in reader(headers, self._wall()):
            kept[reading.unit, reading.window] = reading

    def limits(self, lane: str) -> tuple[str, ...]:
        """As they were told last, each in words."""
        return tuple(filter(None, map(in_words, self._heard.get(lane, {}).values())))


class Overheard:
    """A transport whose responses are heard by a Witness."""

    def __init__(self, transport: Transport, witness: Witness) -> None:
        self._transport = transport
        self._witness = witness

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncGenerator[Incoming]:
        async with self._transport.send(request) as incoming:
            self._witness.hear(incoming.headers)
            yield incoming


def in_words(reading: Reading) -> str:
    unit = reading.unit.replace("_", " ")
    per = "" if reading.window is None else f" {_per(reading.window)}"
    if reading.limit is None:
        return "" if reading.remaining is None else f"{reading.remaining:,.10g} {unit}{per} left"
    told = f"{reading.limit:,.10g} {unit}{per}"
    return told if reading.remaining is None else f"{told}, {reading.remaining:,.10g} left"


def _per(window: str) -> str:
    if window == "hour":
        return "an hour"
    return f"a {window}" if window in _SPANS else f"in {window}"


def _nobody(at: float) -> None:
    """Nobody waits for it."""
