"""What Ollama's clients ask before they chat: which models there are, what one can do, which version speaks.

/api/show is asked by editors and frameworks for a model's context and abilities before they offer it, and
they look for no other place. The version is that of the Ollama whose pages these are like: some clients
speak to no older one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from racer.server.body import read_object
from racer.server.fields import check_names, given, lanes_for
from racer.server.names import choices, nobody_is_called, options_of
from racer.server.ollama import without_latest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web

    from racer.core.provider import Lane
    from racer.server.house import House
    from racer.server.visit import Visit

VERSION = "0.17.4"
SINCE = "1970-01-01T00:00:00Z"
KIND = "racer"
_ABILITIES = ("tools", "vision")
_ASKING = ("model", "name", "verbose", "system", "template", "options")


async def version(house: House, visit: Visit) -> web.StreamResponse:
    return visit.json({"version": VERSION})


async def tags(house: House, visit: Visit) -> web.StreamResponse:
    return visit.json(model_list(choices(house.lanes)))


async def show(house: House, visit: Visit) -> web.StreamResponse:
    """Raises Refused."""
    body = await read_object(visit.request, house.timeouts.body, house.timeouts.pace)
    return visit.json(shown(body, house.lanes))


def model_list(names: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
    """Names and their owners -> what GET /api/tags gives."""
    return {"models": [_entry(name, owner) for name, owner in names]}


def shown(body: Mapping[str, Any], lanes: Sequence[Lane]) -> Mapping[str, Any]:
    """What POST /api/show gives: of several lanes the longest context, and whatever one of them can do."""
    said = given(body)
    check_names(said, _ASKING, "it is not known: use model")
    model = without_latest(said.get("model", said.get("name")))
    asked = lanes_for(options_of(model, lanes), lanes)
    if not asked:
        raise nobody_is_called(str(model), lanes)
    contexts = [lane.model.context for lane in asked if lane.model.context is not None]
    info: dict[str, Any] = {"general.architecture": KIND, "general.basename": model}
    if contexts:
        info[f"{KIND}.context_length"] = max(contexts)
    can = frozenset[str]().union(*(lane.model.can for lane in asked))
    return {
        "modelfile": "",
        "parameters": "",
        "template": "",
        "details": _details(KIND),
        "model_info": info,
        "capabilities": ["completion", *(each for each in _ABILITIES if each in can)],
        "modified_at": SINCE,
    }


def _entry(name: str, owner: str) -> dict[str, Any]:
    """Nothing is stored here: no size, and a digest of the name alone, which clients take for an id."""
    return {
        "name": name,
        "model": name,
        "modified_at": SINCE,
        "size": 0,
        "digest": hashlib.sha256(name.encode()).hexdigest(),
        "details": _details(owner),
    }


def _details(family: str) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": KIND,
        "family": family,
        "families": [family],
        "parameter_size": "",
        "quantization_level": "",
    }
