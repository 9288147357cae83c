"""`/api/events`: races as they run, sent as server-sent events until the reader leaves or the server ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from racer.server.live import HEARTBEAT, RETRY, Reader
from racer.server.query import query_of
from racer.server.question import Refused, wrong

if TYPE_CHECKING:
    from racer.server.house import House
    from racer.server.visit import Visit

CONTENT_TYPE = "text/event-stream; charset=utf-8"
MOST_READERS = 256
LONGEST_ID = 64


async def events(house: House, visit: Visit) -> web.StreamResponse:
    """`?race=ID`: of one race alone. Last-Event-ID: what came after it."""
    race = query_of(visit.request.raw_path, frozenset({"race"})).get("race")
    if race is not None and not 0 < len(race) <= LONGEST_ID:
        raise wrong("race", "race: give the id of a race, as x-racer-race-id has it")
    if visit.request.method == "HEAD":
        return web.Response(headers={**visit.headers, "content-type": CONTENT_TYPE})
    live = house.watch.live
    if live.readers >= MOST_READERS:
        raise Refused(
            429, f"{MOST_READERS} readers of events are here already", kind="rate_limit_error",
            code="rate_limit_exceeded", retry_after=5,
        )  # fmt: skip
    news = asyncio.Event()
    reader = Reader(race, news.set)
    live.join(reader, visit.request.headers.get("Last-Event-ID"))
    task = asyncio.current_task()
    house.onlookers.add(task)
    end = asyncio.ensure_future(house.quiet.wait())
    end.add_done_callback(lambda _: news.set())
    try:
        response = await visit.stream(CONTENT_TYPE)
        await _pass_on(house, visit, reader, news)
        return response
    finally:
        end.cancel()
        house.onlookers.discard(task)
        live.leave(reader)


async def _pass_on(house: House, visit: Visit, reader: Reader, news: asyncio.Event) -> None:
    """Until the server ends. Raises ConnectionError where the reader takes nothing."""
    await _send(house, visit, RETRY)
    while not house.quiet.is_set():
        news.clear()
        await _send(house, visit, house.watch.live.take(reader))
        try:
            async with asyncio.timeout(house.timeouts.keep_alive):
                await news.wait()
        except TimeoutError:
            await _send(house, visit, HEARTBEAT)
    await _send(house, visit, house.watch.live.take(reader))


async def _send(house: House, visit: Visit, data: bytes) -> None:
    if not data or visit.opened is None:
        return
    try:
        async with asyncio.timeout(house.timeouts.write):
            await visit.opened.write(data)
    except TimeoutError:
        if (transport := visit.request.transport) is not None:
            transport.abort()
        raise ConnectionResetError("the reader takes nothing of its events") from None
