"""What a job was made from, its input and its options, and what of that has changed since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = 60


class Census(Protocol):
    """What one pass over an input has counted."""

    @property
    def prompts(self) -> int: ...
    @property
    def digest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """`prompts` and `digest` are None for a pipe. `sure`: all that is done was read from this very input."""

    source: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    prompts: int | None = None
    digest: str | None = None
    sure: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("source", "options", "prompts", "digest", "sure")}


def terms_of(source: str, options: Mapping[str, Any], census: Census | None) -> Terms:
    """The terms of a job that begins."""
    if census is None:
        return Terms(source, options)
    return Terms(source, options, census.prompts, census.digest, sure=True)


def input_change(was: Terms, now: Terms) -> str:
    """How the input differs, in words; empty where it does not, or where a pipe keeps it from being told."""
    if was.digest is None or now.digest is None or was.digest == now.digest:
        return ""
    if was.prompts != now.prompts:
        return f"it had {was.prompts or 0:,} prompts and has {now.prompts or 0:,} now"
    return f"it has {now.prompts or 0:,} prompts as before, but not the same ones"


def option_changes(was: Terms, now: Terms) -> list[str]:
    """A line for each option that differs: what it was, and what it is."""
    names = sorted({*was.options, *now.options})
    both = [(name, _shown(was.options, name), _shown(now.options, name)) for name in names]
    return [f"{name}: was {old[:_SHOWN]}, is {new[:_SHOWN]}" for name, old, new in both if old != new]


def _shown(options: Mapping[str, Any], name: str) -> str:
    value = options.get(name)
    return "not given" if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
