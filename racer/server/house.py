"""What the handlers of a server share."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import anyio
from aiohttp import web

from racer.server import fault
from racer.server.readings import Books
from racer.server.visit import Served, Visit

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

    `stopping` is set once; `over`: who is still under way then is sent away.
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
    over: bool = False
    served: list[Callable[[Served], None]] = field(default_factory=list[Callable[[Served], None]])
    books: Books = field(init=False)

    def __post_init__(self) -> None:
        self.books = Books(self.racer)

    @property
    def lanes(self) -> Sequence[Lane]:
        return self.racer.field.lanes

    def refused(self, error: RacerError) -> Refused:
        """What a client is told of it."""
        return fault.refused(error, self.now(), self.lanes, self._rest)

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
