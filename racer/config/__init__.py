"""Configuration: racer.toml, `.env`, the environment and the built-in catalogue, as one Config."""

from __future__ import annotations

from racer.config.composition import compose
from racer.config.files import load
from racer.config.record import (
    AlertSettings,
    CacheSettings,
    Config,
    ServerSettings,
    StoreSettings,
    TokenSettings,
)
from racer.core.options import Defaults as RaceDefaults

__all__ = [
    "AlertSettings",
    "CacheSettings",
    "Config",
    "RaceDefaults",
    "ServerSettings",
    "StoreSettings",
    "TokenSettings",
    "compose",
    "load",
]
