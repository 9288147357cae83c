"""Config: what racer.toml, the environment and the built-in catalogue say together, as one record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from racer.core.options import Defaults as RaceDefaults

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from racer.core.provider import Provider
    from racer_adapters.secret import Secret


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """[cache]: `ttl` in seconds; None keeps nothing."""

    ttl: float | None = None


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """[store]: `url` is None where the default place is meant."""

    url: str | None = None


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """[alerts]: shares of a limit, rising."""

    at: tuple[float, ...] = (0.75, 0.90, 0.95)


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """[server.tokens.NAME]: who may ask, and how much. `secret` is None where `variable` is not set.

    `requests_per_minute` and `in_flight` are None where nothing limits them.
    """

    name: str
    variable: str
    secret: Secret | None = None
    requests_per_minute: int | None = None
    in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """[server]: `hosts` are further names that a Host header may hold, `cors` the origins that may ask."""

    host: str = "127.0.0.1"
    port: int = 8190
    grace: float = 20.0
    max_in_flight: int = 1000
    cors: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    tokens: tuple[TokenSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """`providers` are all of them, also those that cannot run: each of these says why itself.

    `env` is the environment over `.env`; it holds keys, so no repr shows it. `refused` tells of each
    variable whose key is not used although it is set.
    """

    race: RaceDefaults = field(default_factory=RaceDefaults)
    cache: CacheSettings = field(default_factory=CacheSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    providers: tuple[Provider, ...] = ()
    path: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    refused: tuple[str, ...] = ()
