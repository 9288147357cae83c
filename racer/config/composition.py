"""The user's tables over the built-in catalogue, with the environment: one Config, or all that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from racer.config.providers import provider_of
from racer.config.record import (
    AlertSettings,
    CacheSettings,
    Config,
    ServerSettings,
    StoreSettings,
    TokenSettings,
)
from racer.core.duration import seconds
from racer.core.options import Defaults as RaceDefaults
from racer_adapters.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from racer.config.providers import Row
    from racer.core.provider import Provider


def compose(
    tables: Mapping[str, Any],
    catalogue: Mapping[str, Row],
    env: Mapping[str, str],
    *,
    path: Path | None = None,
    text: str = "",
) -> Config:
    """`tables` are the user's, read from `text` at `path`.

    Raises ConfigError with all problems, each naming the file, the line where it is known, and the key.
    """
    if tables:
        from racer.config.review import review  # a start without racer.toml has nothing to look over

        review(tables, catalogue, str(path or "racer.toml"), text)
    changes: Mapping[str, Row] = tables.get("providers", {})
    rows = {**catalogue, **{name: merged(catalogue.get(name, {}), row) for name, row in changes.items()}}
    providers, refused = _providers(rows, changes, env)
    ttl = _seconds(tables.get("cache", {}).get("ttl"))
    return Config(
        race=_race(tables.get("race", {}), ttl),
        cache=CacheSettings(ttl),
        store=StoreSettings(tables.get("store", {}).get("url")),
        alerts=_alerts(tables.get("alerts", {})),
        server=_server(tables.get("server", {}), env),
        providers=providers,
        path=path,
        env=env,
        refused=refused,
    )


def merged(builtin: Row, changes: Row) -> Row:
    """Key by key; a table inside likewise; a list replaces the list before it."""
    row = dict(builtin)
    for key, value in changes.items():
        before = row.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        row[key] = {**cast("Row", before), **cast("Row", value)} if both else value
    return row


def _providers(
    rows: Mapping[str, Row], changes: Mapping[str, Row], env: Mapping[str, str]
) -> tuple[tuple[Provider, ...], tuple[str, ...]]:
    pairs = [
        provider_of(name, row, env, own_address="base_url" in changes.get(name, {}))
        for name, row in rows.items()
    ]
    refused = tuple(f"{provider.name}: {why}" for provider, keys in pairs for why in keys.refused)
    return tuple(provider for provider, _ in pairs), refused


def _race(table: Mapping[str, Any], ttl: float | None) -> RaceDefaults:
    values = dict(table)
    for key in ("extra", "max_tax", "deadline", "wait"):
        if key in values:
            values[key] = float(values[key])
    return RaceDefaults(**values, cache=ttl)


def _seconds(ttl: object) -> float | None:
    if isinstance(ttl, str):
        return seconds(ttl)
    return float(ttl) if isinstance(ttl, (int, float)) else None


def _alerts(table: Mapping[str, Any]) -> AlertSettings:
    return (
        AlertSettings(tuple(sorted({float(share) for share in table["at"]})))
        if "at" in table
        else AlertSettings()
    )


def _server(table: Mapping[str, Any], env: Mapping[str, str]) -> ServerSettings:
    values: dict[str, Any] = {key: value for key, value in table.items() if key != "tokens"}
    values |= {key: tuple(values[key]) for key in ("cors", "hosts") if key in values}
    if "grace" in values:
        values["grace"] = float(values["grace"])
    rows: Mapping[str, Mapping[str, Any]] = table.get("tokens", {})
    return ServerSettings(**values, tokens=tuple(_token(name, row, env) for name, row in rows.items()))


def _token(name: str, row: Mapping[str, Any], env: Mapping[str, str]) -> TokenSettings:
    variable = row["token"].removeprefix("$")
    value = env.get(variable, "").strip()
    limits = {key: row.get(key) for key in ("requests_per_minute", "in_flight")}
    return TokenSettings(name, variable, Secret(value) if value else None, **limits)
