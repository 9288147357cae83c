"""An Ollama server: its address, as OLLAMA_HOST gives it, and the models that it has."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING, Any

from racer_adapters.jsontext import NotJson, as_list, as_object, as_text, parse_first
from racer_adapters.types import Installed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PORT = 11434
PORTS = {"http": 80, "https": 443}
ANYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
PATHS = ("/api/tags", "/api/ps")

_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::(\d{1,5})?)?", re.ASCII)
_UNFIT = re.compile(r"[\s@?#\\%\x00-\x1f\x7f]")


def host_url(value: str) -> str:
    """The base URL that a value of OLLAMA_HOST means; the default server's for an empty one.

    As Ollama reads it: no scheme is http on port 11434, a scheme without a port has the scheme's own.
    An address to listen on everywhere becomes one to call. Raises ValueError for what is no address.
    """
    text = value.strip().strip("\"'").strip()
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = "http", text
    scheme = scheme.lower()
    place, _, path = rest.partition("/")
    if scheme not in PORTS or _UNFIT.search(rest):
        raise _unreadable(value)
    host, port = _host_and_port(place, value)
    host = ANYWHERE.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    path = path.strip("/")
    return f"{scheme}://{shown}:{port or (PORTS[scheme] if found else PORT)}{'/' if path else ''}{path}"


def _host_and_port(place: str, value: str) -> tuple[str, int]:
    """The port is 0 where none is given."""
    split = _HOST_AND_PORT.fullmatch(place)
    host = split[1] if split else place
    port = int(split[2] or 0) if split else 0
    if port > 65535:
        raise _unreadable(value)
    if not any(sign in host for sign in ":[]"):
        return host, port
    try:
        return IPv6Address(
            host[1:-1] if host.startswith("[") and host.endswith("]") else host
        ).compressed, port
    except AddressValueError:
        raise _unreadable(value) from None


def _unreadable(value: str) -> ValueError:
    return ValueError(f"OLLAMA_HOST is {value[:100]!r}: write a host, host:port, or http://host:port")


def tagged(name: str) -> str:
    """The full name of a model: one without a tag means the latest."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def read_installed(bodies: Sequence[bytes]) -> tuple[Installed, ...]:
    """From the bodies of `PATHS`: the models that can chat, those in memory first. Never raises.

    Every model can write JSON and follow a schema, for the server constrains it. Old servers do not say
    what else a model can, nor which are in memory.
    """
    tags, loaded = ([*_models(body)] for body in (*bodies[:2], b"", b"")[:2])
    told = len(bodies) > 1 and _listing(bodies[1]) is not None
    in_memory = {tagged(name) for name, _ in loaded}
    listed = {tagged(name) for name, _ in tags}
    models = [
        Installed(name, loaded=tagged(name) in in_memory if told else None, can=_abilities(model))
        for name, model in [*tags, *((name, model) for name, model in loaded if tagged(name) not in listed)]
        if _chats(model)
    ]
    return tuple(sorted(models, key=lambda model: not model.loaded))


def _listing(body: bytes) -> object:
    """None where the server has not listed anything."""
    try:
        return as_object(parse_first(body)).get("models")
    except NotJson:
        return None


def _models(body: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    for model in as_list(_listing(body)):
        name = as_text(as_object(model).get("name")) or as_text(as_object(model).get("model"))
        if name:
            yield name, as_object(model)


def _chats(model: dict[str, Any]) -> bool:
    said = as_list(model.get("capabilities"))
    return not said or "completion" in said


def _abilities(model: dict[str, Any]) -> tuple[str, ...]:
    said = as_list(model.get("capabilities"))
    return ("json", "schema", *(ability for ability in ("tools", "vision") if ability in said))
