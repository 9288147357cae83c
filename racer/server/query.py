"""The query of an address, read strictly: what is not known is named. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from racer.server.question import wrong

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST = 16
YES, NO = ("", "1", "true", "yes"), ("0", "false", "no")


def query_of(target: str, known: frozenset[str]) -> Mapping[str, str]:
    """The fields behind the `?` of a path as it was sent. Raises Refused for one that is not known."""
    text = target.partition("?")[2].partition("#")[0]
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST)
    except ValueError:
        raise wrong("query", "the query of the address cannot be read: write name=value&…") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            allowed = ", ".join(sorted(known)) or "none"
            raise wrong(
                _shown(name), f"the query has {_shown(name)!r}, which is not known; allowed: {allowed}"
            )
        if name in found:
            raise wrong(name, f"the query has {name} more than once")
        found[name] = value
    return found


def flag(fields: Mapping[str, str], name: str) -> bool:
    """Raises Refused."""
    value = fields.get(name, "no").lower()
    if value not in (*YES, *NO):
        raise wrong(name, f"{name}: found {_shown(value)!r}; allowed: 1, 0")
    return value in YES


def number(fields: Mapping[str, str], name: str) -> float | None:
    """Raises Refused."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise wrong(name, f"{name}: found {_shown(value)!r}; allowed: a number")
    return found


def count(fields: Mapping[str, str], name: str, default: int, most: int) -> int:
    """Raises Refused."""
    value = fields.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdecimal() and len(value) < 10 and 0 < int(value) <= most):
        raise wrong(name, f"{name}: found {_shown(value)!r}; allowed: 1 to {most}")
    return int(value)


def _shown(text: str) -> str:
    """A client's own word, no longer than it need be."""
    return text if len(text) <= 40 else f"{text[:40]}…"
