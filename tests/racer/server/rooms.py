"""Servers for tests whose database is on disk, with limits, and facts that are made by hand."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import orjson

from racer import Racer
from racer.config import ServerSettings
from racer.core.facts import LaneEnded, LaneFirstToken, LaneStarted, RaceEnded, RaceStarted
from racer.core.heat import Ending, Outcome
from racer.core.reply import Attempt
from racer.core.tax import Tax
from racer.server.app import Server
from racer.server.audience import Audience
from racer.server.journal import Journal
from racer.testing import ScriptedTransport, says
from racer_adapters.types import Usage
from tests.core.lanes import lane
from tests.racer.accounts.rows import LONG_KEY, config_of_rows, row
from tests.racer.server.houses import PATIENCE, QUICK, Room

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

    from racer.config import Config
    from racer.core.facts import Fact
    from racer.core.provider import Lane
    from racer.server.house import Timeouts
    from racer.testing import Script

A, B = lane("a/m"), lane("b/m")
BOX = lane("box/m", local=True)
ROW = row(limits=[{"requests": 100, "per": "day"}], models=[{"name": "m", "price": [1, 3]}])


def config_at(folder: Path | None, env: Mapping[str, str] | None = None, /, **rows: Any) -> Config:
    """`env` instead of the place of the database."""
    place = {"RACER_DB": str(folder / "racer.db") if folder else ":memory:"} if env is None else dict(env)
    rows = rows or {"a": ROW}
    return config_of_rows(
        {"RACER_LOG": "off"} | place | {f"{name.upper()}_KEY": LONG_KEY for name in rows}, **rows
    )


@asynccontextmanager
async def kept(
    folder: Path | None,
    scripts: Mapping[str, Script | Sequence[Script]] | None = None,
    *,
    rows: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    timeouts: Timeouts = QUICK,
    **settings: Any,
) -> AsyncGenerator[Room]:
    """A server whose database is in `folder`; its provider `a` may be asked 100 times a day."""
    transport = ScriptedTransport(scripts or {"a": says("hello")})
    lines: list[tuple[str, str, dict[str, Any]]] = []
    journal = Journal(lambda level, name, fields: lines.append((level, name, dict(fields))))
    audience = Audience()
    async with AsyncExitStack() as stack:
        config = config_at(folder, env, **(rows or {}))
        racer = await stack.enter_async_context(Racer(config, transport=transport, observers=[audience]))
        asked = replace(ServerSettings(port=0), **settings)
        server = await stack.enter_async_context(
            Server(racer, asked, audience, timeouts=timeouts, journal=journal)
        )
        client = await stack.enter_async_context(aiohttp.ClientSession())
        yield Room(server, racer, transport, client, lines)


async def get(place: Room, path: str, **more: Any) -> tuple[int, Any]:
    """Status and the JSON of an answer."""
    async with place.client.get(place.server.url + path, **more) as page:
        return page.status, orjson.loads(await page.read())


async def until_written(place: Room, races: int = 1) -> None:
    """Until the database has so many races to their ends."""
    with anyio.fail_after(PATIENCE):
        while True:
            _, body = await get(place, "/api/usage")
            if body["tax"]["answers"] >= races:
                return
            await anyio.sleep(0.05)


def started(race: str = "r", *lanes: Lane) -> RaceStarted:
    return RaceStarted(race, "all", 4, 60.0, lanes or (A, B))


def begins(race: str = "r", attempt: int = 0, on: Lane = A) -> LaneStarted:
    return LaneStarted(race, attempt, on, 0.25)


def speaks(race: str = "r", attempt: int = 0, on: Lane = A) -> LaneFirstToken:
    return LaneFirstToken(race, attempt, on, 0.75, 0.5)


def ends(
    outcome: Outcome = Outcome.WON, race: str = "r", attempt: int = 0, on: Lane = A, **more: Any
) -> LaneEnded:
    told: dict[str, Any] = {"usage": Usage(3, 4), **more}
    record = Attempt(on.id, on.provider.name, on.model.name, 0.25, 1.5, outcome, **told)
    return LaneEnded(race, attempt, on, record)


def over(ending: Ending = Ending.WON, race: str = "r", winner: Lane | None = A) -> RaceEnded:
    tax = Tax(2, 1, 7, 0.5, 0.25)
    return RaceEnded(race, ending, 2.0, 1, winner if ending is Ending.WON else None, tax=tax)


WON: tuple[Fact, ...] = (started(), begins(), speaks(), ends(), over())
