"""A provider's row as a whole: the built-in one and the user's merged, and what single keys cannot show."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from racer.config import address, forms
from racer.config.check import Problem
from racer.config.schema import ROW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from racer.config.providers import Row


def problems(name: str, row: Row, known: Sequence[str]) -> list[Problem]:
    """What is wrong with a merged row, each key of which is right by itself. `known`: the built-in names."""
    checks = (_missing(name, row, known), _presets(row), _unsafe(row), _scopes(row), _doubles(row))
    return [
        Problem(("providers", name, *part.path), part.found, part.allowed, part.hint)
        for parts in checks
        for part in parts
    ]


def _missing(name: str, row: Row, known: Sequence[str]) -> Iterator[Problem]:
    """A retired row needs nothing until it is enabled."""
    if row.get("status") == "retired" and not row.get("enabled"):
        return
    for key in ("dialect", "base_url"):
        if key not in row:
            yield Problem((key,), "nothing", ROW.keys[key].allowed, _why_needed(name, row, known))


def _why_needed(name: str, row: Row, known: Sequence[str]) -> str:
    if row.get("status") == "retired":
        return " (the service that was built in has ended: say where another one is)"
    return f" (a provider that is not built in needs it{forms.near(name, known)})"


def _presets(row: Row) -> Iterator[Problem]:
    chosen, known = row.get("preset"), row.get("presets", {})
    if chosen is not None and chosen not in known:
        words = " or ".join(f'"{each}"' for each in known) or "none: this provider has no preset"
        yield Problem(("preset",), f'"{chosen}"', words, forms.near(chosen, known))


def _unsafe(row: Row) -> Iterator[Problem]:
    url = forms.stand_in(str(row.get("base_url", "")))
    if address.plain(url) and not row.get("allow_http"):
        found = "plain http to another machine, where anybody on the way can read keys and prompts"
        yield Problem(("base_url",), found, "https, or allow_http = true in the same row if you mean it")


def _scopes(row: Row) -> Iterator[Problem]:
    pools: list[str] = [entry["pool"] for entry in row.get("keys", ()) if not isinstance(entry, str)]
    allowed = ["account", "model", *dict.fromkeys(pools)]
    for index, limit in enumerate(row.get("limits", ())):
        scope = limit.get("scope", "account")
        if scope not in allowed:
            words = " or ".join(f'"{each}"' for each in allowed)
            found = f'"{scope}", which no pool in keys is called'
            yield Problem(("limits", index, "scope"), found, words, forms.near(scope, allowed))


def _doubles(row: Row) -> Iterator[Problem]:
    counts = Counter(model["name"] for model in row.get("models", ()))
    for index, model in enumerate(row.get("models", ())):
        if counts[model["name"]] > 1:
            yield Problem(("models", index, "name"), "a model that is named twice", "each model once")
