"""`racer serve` from its start to its end: what it opens, whom it tells, and how it leaves.

The first signal ends it in order: nobody more is taken in, who is in has `grace` seconds, what was counted is
written. The second one ends it at once, and what was counted is written all the same.
"""

from __future__ import annotations

import asyncio
import math
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio

from racer.api import Racer
from racer.server.app import MOST_CONNECTIONS, ROUTES, Server
from racer.server.audience import Audience
from racer.server.journal import Journal
from racer.transport import OUT_OF_HANDLES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Sequence

    from racer.config import Config, ServerSettings
    from racer.exchange import Transport
    from racer.server.app import Route
    from racer.server.house import Timeouts

    Complain = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]

SELDOM = 5.0  # seconds between two lines of the same trouble
ENDING = (signal.SIGINT, signal.SIGTERM)
WANTED_FILES = 65536


async def serve(
    config: Config,
    settings: ServerSettings,
    ready: Callable[[Server], None],
    *,
    leaving: Callable[[signal.Signals], None] = lambda _: None,
    transport: Transport | None = None,
    timeouts: Timeouts | None = None,
    routes: Sequence[Route] = ROUTES,
) -> signal.Signals:
    """Serve until a signal comes, and tell which. `ready` is called once the port is open.

    `leaving` is told of the signal at once. Only in a main thread. Raises as Server and Racer do.
    """
    audience = Audience()
    journal = Journal.of(config.env)
    with _told_of(complaints(journal)), anyio.open_signal_receiver(*ENDING) as signals:
        async with Racer(config, transport=transport, observers=[audience]) as racer:
            server = Server(
                racer, settings, audience,
                timeouts=timeouts, journal=journal, routes=routes, connections=connections_for(settings),
            )  # fmt: skip
            await racer.ledger.settled()  # so that what is wrong with the database is heard and known
            async with server:
                ready(server)
                journal.note("server.started", url=server.url)
                ending = await anext(signals)
                leaving(ending)
                in_flight = server.house.visitors.in_flight
                await _leave(server, settings.grace, signals)
                journal.note("server.ended", signal=ending.name, in_flight=in_flight)
    return ending


def complaints(journal: Journal) -> Complain:
    """What the loop does with troubles that nobody waits for: it writes them, but for a flood of one kind.

    Without a file handle it complains of each connection that it cannot take, a thousand times a second, and
    once more of each after the listener has gone.
    """
    told_at = -math.inf

    def complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal told_at
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in OUT_OF_HANDLES:
            if loop.time() - told_at >= SELDOM:
                told_at = loop.time()
                journal.crowded()
        elif not (isinstance(error, ValueError) and "_start_serving" in str(context.get("message"))):
            loop.default_exception_handler(context)

    return complain


@contextmanager
def _told_of(complain: Complain) -> Generator[None]:
    """It hears of the loop's troubles within the block."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(complain)
    try:
        yield
    finally:
        loop.set_exception_handler(before)


async def _leave(server: Server, grace: float, signals: AsyncIterator[signal.Signals]) -> None:
    """In order, or at the next signal."""
    async with anyio.create_task_group() as tasks:

        async def hurry() -> None:
            await anext(signals)
            tasks.cancel_scope.cancel()

        tasks.start_soon(hurry)
        await server.stop(grace)
        tasks.cancel_scope.cancel()


def connections_for(settings: ServerSettings) -> int:
    """As many as are asked for, but half of all files at most: lanes and the database need some, too."""
    wanted = max(MOST_CONNECTIONS, 2 * settings.max_in_flight)
    return min(wanted, max(8, files_allowed(2 * wanted) // 2))


def files_allowed(wanted: int) -> int:
    """How many files this process may have open, once it has asked for as many as it may and wants."""
    try:
        import resource
    except ImportError:  # a system without such limits
        return WANTED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return WANTED_FILES
    most = WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, WANTED_FILES)
    more = min(max(soft, wanted), most)
    if more > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
        except (OSError, ValueError):  # a system that says one thing and means another
            return soft
    return max(soft, more)
