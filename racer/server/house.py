"""What the handlers of a server share."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
from aiohttp import web

from racer.errors import NoLanes, StoreError
from racer.server import fault
from racer.server.readings import Books
from racer.server.visit import Served, Visit
from racer.server.wording import for_clients

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.api import Racer
    from racer.config import ServerSettings
    from racer.core.provider import Lane
    from racer.errors import RacerError
    from racer.server.audience import Audience
    from racer.server.journal import Journal
    from racer.server.question import Refused
    from racer.server.visitors import Visitors
    from racer.server.watch import Watch

MOST_NOTED = 100


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `head`: until the head of a request is there; `body`: until its body is.

    `pace`: for each 16 KiB of a body; `idle`: between two requests; `write`: until a client takes what it is
    sent. `keep_alive`: so long is waited before a client hears that its race is still open. `linger`: for
    the rest of a refused body.
    """

    head: float = 5.0
    body: float = 60.0
    pace: float = 10.0
    idle: float = 75.0
    write: float = 60.0
    keep_alive: float = 5.0
    linger: float = 3.0


@dataclass(slots=True)
class House:
    """`now` is in unix seconds; `served` hear of every request when it is over.

    `stopping` is set once; `over`: who is still under way then is sent away. `quiet` is set when nothing more
    comes for `onlookers`, the tasks of those who wait for no answer. `noted` is what the log was told of
    lanes and the database: once is enough.
    """

    racer: Racer
    settings: ServerSettings
    audience: Audience
    visitors: Visitors
    journal: Journal
    timeouts: Timeouts
    now: Callable[[], float]
    watch: Watch
    stopping: anyio.Event = field(default_factory=anyio.Event)
    quiet: anyio.Event = field(default_factory=anyio.Event)
    onlookers: set[asyncio.Task[Any] | None] = field(default_factory=set[asyncio.Task[Any] | None])
    over: bool = False
    noted: set[str] = field(default_factory=set[str])
    served: list[Callable[[Served], None]] = field(default_factory=list[Callable[[Served], None]])
    books: Books = field(init=False)

    def __post_init__(self) -> None:
        self.books = Books(self.racer)

    @property
    def lanes(self) -> Sequence[Lane]:
        return self.racer.field.lanes

    def refused(self, error: RacerError) -> Refused:
        """What a client is told of it; where that is less than there is to say, the log has the whole."""
        whole = str(error)
        lasting = isinstance(error, StoreError) or (isinstance(error, NoLanes) and error.until is None)
        if lasting and for_clients(whole) != whole and self._is_news(whole):
            self.journal.lacking(whole)
        return fault.refused(error, self.now(), self.lanes, self._rest)

    def _is_news(self, text: str) -> bool:
        if text in self.noted or len(self.noted) >= MOST_NOTED:
            return False
        self.noted.add(text)
        return True

    def sends_away(self, visit: Visit) -> bool:
        """Whether a request was cancelled by the server's end, and its client is there to hear so."""
        transport = visit.request.transport
        return self.over and transport is not None and not transport.is_closing()

    def _rest(self, lane: Lane) -> float | None:
        ticks = anyio.current_time()
        rest = self.watch.condition.rest_of(lane, ticks)
        return None if rest is None or not math.isfinite(rest.until) else rest.until - ticks

    def tell(self, served: Served) -> None:
        self.journal.served(served)
        for listener in self.served:
            listener(served)


Handler: TypeAlias = Callable[[House, Visit], Awaitable[web.StreamResponse]]
