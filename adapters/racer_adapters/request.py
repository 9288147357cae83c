"""What every dialect does alike to make a request: body fields settled, headers merged, bytes made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from racer_adapters.types import WireRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from racer_adapters.types import Target


AUTHORIZATION = "authorization"


def settled(
    fields: Mapping[str, Any], extra: Mapping[str, Any], target: Target, ours: Collection[str] = ()
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields with `extra` merged in (it wins) and the target's quirks applied, and what was dropped.

    A field is dropped under its own name or the one it was renamed to. Of `ours`, which no caller asks
    for, a drop is not worth telling.
    """
    if not (target.renames or target.drops):
        return {**fields, **extra}, ()
    body: dict[str, Any] = {}
    dropped: list[str] = []
    for name, value in {**fields, **extra}.items():
        sent = target.renames.get(name, name)
        if name in target.drops or sent in target.drops:
            if name in extra or name not in ours:
                dropped.append(name)
        elif sent == name or sent not in extra:
            body[sent] = value
    return body, tuple(dropped)


def post(
    target: Target,
    path: str,
    body: Mapping[str, Any],
    dropped: tuple[str, ...],
    key_header: str = AUTHORIZATION,
) -> WireRequest:
    """JSON for `path` below the base URL, with the key where there is one."""
    headers = {"content-type": "application/json", **headers_of(target, key_header)}
    return WireRequest("POST", target.base_url.rstrip("/") + path, headers, orjson.dumps(body), dropped)


def headers_of(target: Target, key_header: str = AUTHORIZATION) -> dict[str, str]:
    """The target's own headers, which win, and its key: a bearer token, or bare in a header of its own."""
    headers: dict[str, str] = {}
    if target.key is not None:
        bearer = "Bearer " if key_header == AUTHORIZATION else ""
        headers[key_header] = bearer + target.key.reveal()
    for name, value in target.headers.items():
        headers[name.lower()] = value
    return headers


def given(**fields: Any) -> dict[str, Any]:
    """The fields that were given: neither None nor empty. Zero and false are values."""
    return {name: value for name, value in fields.items() if value or isinstance(value, (int, float))}
