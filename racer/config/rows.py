"""A provider's row as a whole: the built-in one and the user's merged, and what single keys cannot show."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from racer.config import address, forms
from racer.config.check import Problem
from racer.config.providers import UNITS
from racer.config.schema import ROW

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from racer.config.check import Path
    from racer.config.providers import Row

SCOPES = ("account", "model")


def problems(name: str, row: Row, known: Sequence[str]) -> list[Problem]:
    """What is wrong with a merged row, each key of which is right by itself. `known`: the built-in names."""
    checks = (
        _missing(name, row, known),
        _presets(row),
        _unsafe(row),
        _scopes(row),
        _doubles(row),
        _pools(row),
        _rivals(row.get("limits", ()), _pool_names(row)),
    )
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


def _pool_names(row: Row) -> Sequence[str]:
    return [entry["pool"] for entry in row.get("keys", ()) if not isinstance(entry, str)]


def _scopes(row: Row) -> Iterator[Problem]:
    allowed = [*SCOPES, *dict.fromkeys(_pool_names(row))]
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
        for problem in _rivals(model.get("limits", ())):
            yield replace(problem, path=("models", index, *problem.path))


def _pools(row: Row) -> Iterator[Problem]:
    """Each pool once, under a name of its own, and no key in two places that are counted apart."""
    names, holders = _pool_names(row), dict[str, str]()
    for index, entry in enumerate(row.get("keys", ())):
        if isinstance(entry, str):
            yield from _claimed(holders, entry, "outside of pools", ("keys", index))
            continue
        pool = entry["pool"]
        if pool in SCOPES:
            found = f'"{pool}", which has a meaning of its own in limits'
            yield Problem(("keys", index, "pool"), found, "another name")
        elif names.count(pool) > 1:
            yield Problem(("keys", index, "pool"), f'"{pool}", a pool that is named twice', "each pool once")
        for place, key in enumerate(entry["use"]):
            yield from _claimed(holders, key, f'in the pool "{pool}"', ("keys", index, "use", place))


def _claimed(holders: dict[str, str], key: str, where: str, path: Path) -> Iterator[Problem]:
    """The name of the variable is not repeated: it may be a key that somebody wrote behind a $."""
    before = holders.setdefault(key, where)
    if before != where:
        yield Problem(path, f"a key that also stands {before}", "each key in one place")


def _rivals(limits: Sequence[Mapping[str, Any]], pools: Sequence[str] = ()) -> Iterator[Problem]:
    """Limits of the same thing with different amounts: one of them is a mistake, and nobody knows which."""
    for index, limit in enumerate(limits):
        for place, earlier in enumerate(limits[:index]):
            unit = _unit(limit)
            if _same_count(limit, earlier, pools) and limit[unit] != earlier[unit]:
                both = f"{limit[unit]} {unit}, and {earlier[unit]} in limits[{place}]"
                yield Problem(("limits", index, unit), both, "one amount for the same unit, per and scope")


def _same_count(one: Mapping[str, Any], other: Mapping[str, Any], pools: Sequence[str]) -> bool:
    """Are both counted for the same? What holds for each account holds for a pool, too."""
    if (_unit(one), one["per"]) != (_unit(other), other["per"]):
        return False
    scopes = {one.get("scope", "account"), other.get("scope", "account")}
    return len(scopes) == 1 or ("account" in scopes and not scopes.isdisjoint(pools))


def _unit(limit: Mapping[str, Any]) -> str:
    return next(unit for unit in UNITS if unit in limit)
