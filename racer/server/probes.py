"""Small pages: whether the server lives, whether it can answer, and what `model` can be."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from racer.server.names import choices, nobody_is_called, owner_of
from racer.server.openai import model_card, model_list

if TYPE_CHECKING:
    from aiohttp import web

    from racer.server.house import House
    from racer.server.visit import Visit


async def alive(house: House, visit: Visit) -> web.StreamResponse:
    """200 as long as the event loop turns."""
    return visit.json({"status": "alive"})


async def ready(house: House, visit: Visit) -> web.StreamResponse:
    """200 while a lane might start at all and the server is not about to end. No quota is looked at."""
    if house.stopping.is_set():
        return visit.json({"status": "stopping"}, 503, {"retry-after": "5"})
    if not house.lanes:
        return visit.json({"status": "no lanes"}, 503, {"retry-after": "30"})
    if all(map(house.racer.ledger.uncounted, house.lanes)):
        return visit.json({"status": "no database"}, 503, {"retry-after": "30"})
    return visit.json({"status": "ready"})


async def models(house: House, visit: Visit) -> web.StreamResponse:
    return visit.json(model_list(choices(house.lanes)))


async def model(house: House, visit: Visit) -> web.StreamResponse:
    """One of them, by its name in the path. Raises Refused."""
    name = unquote(visit.request.raw_path.partition("?")[0].removeprefix("/v1/models/"))
    owner = owner_of(name, house.lanes)
    if owner is None:
        raise nobody_is_called(name, house.lanes)
    return visit.json(model_card(name, owner))
