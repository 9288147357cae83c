"""One provider on the air: receives a request, has its desk decide, has the script played, keeps count."""

from __future__ import annotations

import asyncio
import contextlib
import time
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import unquote

from racer.sim.counters import Tally, Visit
from racer.sim.desk import Desk
from racer.sim.exchange import Request
from racer.sim.player import play

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from racer.sim.counters import Counts
    from racer.sim.desk import Decision
    from racer.sim.profile import Chance, Profile, Provider

KEPT_OF_BODY = 64 * 1024


class Station:
    """`clock` gives Unix time that never goes back."""

    def __init__(
        self, profile: Profile, provider: Provider, *, clock: Callable[[], float], keep: int
    ) -> None:
        self.provider = provider
        self.tally = Tally(keep)
        self._desk = Desk(profile, provider)
        self._profile = profile
        self._clock = clock
        self._slots = asyncio.Semaphore(provider.slots) if provider.slots else contextlib.nullcontext()
        self._serial = 0

    async def serve(
        self, http: web.BaseRequest, path: str, *, stopping: Callable[[], bool]
    ) -> web.StreamResponse:
        """Answer one request. When the client goes first it counts as dropped, unless we are stopping."""
        visit = self._visit(http, path)
        if http.method in {"GET", "HEAD"} or self._desk.is_errand(_request(visit)):
            return await self._show(visit, http)
        self.tally.start(visit)
        try:
            visit.body = await http.content.read()
            decision = self._decide(visit)
            return await self._answer(visit, decision, http)
        except (asyncio.CancelledError, ConnectionError) as gone:
            if visit.outcome is None and not stopping():
                self.tally.end(visit, "dropped", time.monotonic())
            # aiohttp would log a broken connection as a fault of ours; a cancellation ends it quietly.
            raise asyncio.CancelledError from gone

    def counts(self) -> Counts:
        return self.tally.counts(self._desk.uses(self._clock()))

    def reset(self) -> None:
        self.tally.reset()
        self._desk.reset()

    def _visit(self, http: web.BaseRequest, path: str) -> Visit:
        self._serial += 1
        return Visit(
            serial=self._serial,
            provider=self.provider.name,
            method=http.method,
            path=path,
            headers=http.headers,
            started_at=time.monotonic(),
        )

    def _decide(self, visit: Visit) -> Decision:
        return self._desk.decide(_request(visit), self._clock(), self._draw)

    def _draw(self, ordinal: int) -> Chance:
        return chance_of(self._profile, self.provider, ordinal)

    async def _show(self, visit: Visit, http: web.BaseRequest) -> web.StreamResponse:
        """What is no question: a list of models, how a job stands."""
        self.tally.page(visit)
        decision = self._decide(visit)
        if decision.job is not None:
            self.tally.job(decision.job)
        return await self._give(visit, decision, http)

    async def _answer(self, visit: Visit, decision: Decision, http: web.BaseRequest) -> web.StreamResponse:
        if decision.fault is not None:
            self.tally.strike(visit, decision.fault)
        self.tally.answer(decision.input_tokens, decision.output_tokens)
        if decision.job is not None:
            self.tally.job(decision.job)
        visit.body = visit.body[:KEPT_OF_BODY]
        try:
            async with self._slots:
                response = await self._give(visit, decision, http)
        finally:
            if decision.account is not None:
                self._desk.leave(decision.account)
        self.tally.end(visit, decision.outcome, time.monotonic())
        return response

    async def _give(self, visit: Visit, decision: Decision, http: web.BaseRequest) -> web.StreamResponse:
        start = asyncio.get_running_loop().time()
        status = decision.script.status
        return await play(decision.script, http, start, opened=lambda: self.tally.status(visit, status))


def chance_of(profile: Profile, provider: Provider, ordinal: int) -> Chance:
    """The chance of a provider's n-th request: of its own, and the same whenever the seed is."""
    return Random(f"{profile.seed}/{provider.name}/{ordinal}").random


def _request(visit: Visit) -> Request:
    path, _, query = visit.path.partition("?")
    return Request(visit.method, unquote(path), visit.headers, visit.body, query)
