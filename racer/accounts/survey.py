"""Which providers one asks about, and which of them can run now: local servers are asked, once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from racer.core.field import field_of
from racer.discovery import Discovery
from racer.errors import BadRequest
from racer_adapters import DIALECTS
from racer_adapters.errors import WireError
from racer_adapters.jsontext import NotJson, as_object, as_text, parse_first
from racer_adapters.types import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.config import Config
    from racer.core.field import Field
    from racer.core.provider import Provider
    from racer.exchange import Transport

LARGEST_VERSION = 4096


def narrowed(config: Config, names: Sequence[str]) -> Config:
    """Only the providers of these names, all where none is given. Raises BadRequest for an unknown one."""
    if not names:
        return config
    known = {provider.name for provider in config.providers}
    for name in names:
        if name not in known:
            raise BadRequest(_unknown(name, known))
    wanted = tuple(provider for provider in config.providers if provider.name in names)
    refused = tuple(each for each in config.refused if each.partition(": ")[0] in names)
    return replace(config, providers=wanted, refused=refused)


def _unknown(name: str, known: set[str]) -> str:
    from racer.config.forms import near

    hint = near(name, known) or "; `racer providers --all` lists them"
    return f"{name!r} is no provider that is known here{hint}"


async def surveyed(config: Config, transport: Transport, *, patience: float) -> Field:
    """The field. A server that has not answered within `patience` seconds counts as not there."""
    discovery = Discovery(config.providers, DIALECTS, transport, anyio.current_time)
    with anyio.move_on_after(patience):
        await discovery.look()
    return field_of(config.providers, discovery.found)


async def ollama_version(provider: Provider, transport: Transport, *, patience: float) -> str:
    """The version that an Ollama server says it has; empty where it does not within `patience` seconds."""
    listing = DIALECTS["ollama"].listing
    assert listing is not None, "Ollama lists its models"
    key = provider.accounts[0].key if provider.accounts else None
    request = listing.request(Target(provider.base_url, "", key, provider.headers), "/api/version")
    body = b""
    try:
        with anyio.fail_after(patience):
            async with transport.send(request) as incoming:
                while len(body) < LARGEST_VERSION and (data := await incoming.read()):
                    body += data
        return as_text(as_object(parse_first(body)).get("version"))
    except (WireError, TimeoutError, NotJson):
        return ""
