"""A request as it was received, fit to be shown: its keys are masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.desk import account_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.sim.counters import Visit

MASK = "[key]"
KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie")


def visit_record(visit: Visit) -> dict[str, Any]:
    """`account` tells two keys apart and gives neither away."""
    path, _, query = visit.path.partition("?")
    return {
        "serial": visit.serial,
        "provider": visit.provider,
        "method": visit.method,
        "path": path + (f"?{_masked_query(query)}" if query else ""),
        "headers": {str(name): _masked(name, value) for name, value in visit.headers.items()},
        "account": account_of(_key(visit.headers)),
        "body": _body(visit.body),
        "status": visit.status,
        "fault": visit.fault,
        "outcome": visit.outcome,
        "started_at": visit.started_at,
        "ended_at": visit.ended_at,
    }


def _masked(name: str, value: str) -> str:
    if name.lower() not in KEY_HEADERS:
        return value
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {MASK}" if space else MASK


def _masked_query(query: str) -> str:
    parts = (part.partition("=") for part in query.split("&"))
    return "&".join(
        f"{name}={MASK}" if name == "key" else f"{name}{equals}{value}" for name, equals, value in parts
    )


def _key(headers: Mapping[str, str]) -> str | None:
    for name in KEY_HEADERS[:-1]:
        value = headers.get(name)
        if value:
            return value.partition(" ")[2].strip() or value
    return None


def _body(body: bytes) -> Any:
    """As JSON where it is JSON, else as text."""
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
