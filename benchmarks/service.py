"""A transport that plays a town of sites (benchmarks/sites.py), and counts what it is asked.

Rule 1: the prompt's number is the first word of its last message; a site is found by its host's name.
Rule 2: a call counts in the windows of its site when it comes, whatever becomes of it. One that is refused,
        by a window, for want of a place or in an outage, does not count.
Rule 3: who is answered or waits in vain has one of the site's places until he leaves.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
import orjson

from benchmarks.sites import Window
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from benchmarks.sites import Site, Town
    from racer_adapters.types import WireRequest

DOWN_AFTER = 0.1
A_PIECE = 5.0  # seconds
FIRST = 0.25  # of a streamed answer's time


@dataclass
class Seen:
    """What a site has been asked, and when. `refused` is by `window`, `crowd` or `outage`."""

    calls: int = 0
    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    failed: int = 0
    cut: int = 0
    busy: int = 0
    peak: int = 0
    asked_at: list[float] = field(default_factory=list[float])


class Desk:
    """One site at work."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.windows = [Window(quota) for quota in site.quotas]
        self.places = anyio.Semaphore(site.at_once)
        self._calls = itertools.count()
        self._again: list[int] = []
        self._over: set[int] = set()
        self.seen = Seen()

    def draw(self) -> int:
        """The number of the call that is served now: the first that nobody has had to its end."""
        return heapq.heappop(self._again) if self._again else next(self._calls)

    def end(self, call: int, *, ok: bool) -> None:
        """It was answered whole, or failed, or nobody will ever hear of it."""
        self._over.add(call)
        if ok:
            self.seen.answered += 1
        else:
            self.seen.failed += 1

    def leave(self, call: int) -> None:
        """Its client is gone. Before it was over, it is as if it had not been."""
        if call in self._over:
            self._over.discard(call)
        else:
            heapq.heappush(self._again, call)

    def closed_for(self, wall: float) -> float:
        return max((window.wait(wall) for window in self.windows), default=0.0)


class Service:
    """All sites of a town. Its job begins when the clock says `start`: what comes before are other calls."""

    def __init__(self, town: Town, start: float = 0.0) -> None:
        self._town = town
        self._start = start
        self._index = {site.name: number for number, site in enumerate(town.sites)}
        self.desks = {site.name: Desk(site) for site in town.sites}

    def begin(self) -> None:
        """Forget what was seen, but not what the windows hold."""
        for desk in self.desks.values():
            desk.seen = Seen()

    def total(self, name: str) -> int:
        """Over all sites: `calls`, or a way of being refused."""
        seen = [desk.seen for desk in self.desks.values()]
        return sum(each.calls if name == "calls" else each.refused[name] for each in seen)

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncGenerator[Answered]:
        desk = self.desks[(urlsplit(request.url).hostname or "").partition(".")[0]]
        asked = orjson.loads(request.body)
        desk.seen.calls += 1
        desk.seen.asked_at.append(anyio.current_time())
        refusal = self._refusal(desk)
        if refusal is not None:
            await anyio.sleep(DOWN_AFTER)
            yield refusal
            return
        for window in desk.windows:
            window.count(self._wall())
        async with desk.places:
            desk.seen.busy += 1
            desk.seen.peak = max(desk.seen.peak, desk.seen.busy)
            call = desk.draw()
            try:
                yield await self._served(desk, call, asked)
            finally:
                desk.seen.busy -= 1
                desk.leave(call)

    def _wall(self) -> float:
        return self._town.start + self._since

    @property
    def _since(self) -> float:
        return anyio.current_time() - self._start

    def _refusal(self, desk: Desk) -> Answered | None:
        site, seen = desk.site, desk.seen
        if site.is_down(self._since):
            seen.refused["outage"] += 1
            return _refused(503, "down for maintenance")
        if (wait := desk.closed_for(self._wall())) > 0:
            seen.refused["window"] += 1
            return _refused(429, "rate limit reached for requests", math.ceil(wait))
        if site.crowded != "queue" and not desk.places.value:
            seen.refused["crowd"] += 1
            return _refused(site.crowded, "too many calls at once", 1 if site.crowded == 429 else None)
        return None

    async def _served(self, desk: Desk, call: int, asked: Mapping[str, Any]) -> Answered:
        """Of whom it waited for, an outage may have begun meanwhile."""
        site, since, now = desk.site, self._since, anyio.current_time()
        if site.is_down(since):
            desk.seen.refused["outage"] += 1
            return _refused(503, "down for maintenance")
        number = int(asked["messages"][-1]["content"].split(maxsplit=1)[0])
        met = self._town.met(number, self._index[site.name], call)
        cut = site.cut(since, since + met.seconds)
        if cut is not None:
            await anyio.sleep(cut - since)
            desk.seen.cut += 1
            raise WireError(Kind.RESET, "the connection was reset")
        if not met.status:
            desk.end(call, ok=False)
            await anyio.sleep_forever()
        stream = bool(asked.get("stream")) and met.ok
        if not stream:
            await anyio.sleep(met.seconds)
        if not met.ok:
            desk.end(call, ok=False)
            return _refused(500, "internal error")
        tokens, end = int(self._town.tokens[number]), now + met.seconds
        steps = _streamed(tokens, end) if stream else [(end, _whole(tokens))]
        return Answered(200, {}, steps, partial(desk.end, call, ok=True))


class Answered:
    """One response; of its body, what has come at which instant. `over` is told when it has come whole."""

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        steps: list[tuple[float, bytes]],
        over: Callable[[], None] | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.ended = False
        self._steps = steps[::-1]
        self._over = over

    async def read(self) -> bytes:
        if not self._steps:
            self.ended = True
            return b""
        instant, data = self._steps.pop()
        await anyio.sleep_until(instant)
        if not self._steps and self._over is not None:
            self._over()
        return data


def _refused(status: int, message: str, after: int | None = None) -> Answered:
    headers = {} if after is None else {"retry-after": str(after)}
    return Answered(status, headers, [(0.0, orjson.dumps({"error": {"message": message}}))])


def _whole(tokens: int) -> bytes:
    message = {"role": "assistant", "content": "word" * tokens}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return orjson.dumps({"id": "a", "model": "m", "choices": [choice], "usage": _usage(tokens)})


def _streamed(tokens: int, end: float) -> list[tuple[float, bytes]]:
    """A first token early, a sign of life now and then, and the rest when it is due."""
    now = anyio.current_time()
    instant, steps = now + FIRST * (end - now), list[tuple[float, bytes]]()
    while instant < end:
        steps.append((instant, _event({"choices": [{"index": 0, "delta": {"content": "word"}}]})))
        instant += A_PIECE
    text = "word" * max(1, tokens - len(steps))
    last = {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}
    used: dict[str, Any] = {"choices": [], "usage": _usage(tokens)}
    return [*steps, (end, _event({"choices": [last]}) + _event(used) + b"data: [DONE]\n\n")]


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 20, "completion_tokens": tokens, "total_tokens": tokens + 20}


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
