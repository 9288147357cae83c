"""Configurations for tests: rows of racer.toml and an environment in, a Config and its cards out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer.accounts.card import Card, cards_of
from racer.config import Config, compose
from racer.core.field import field_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer_adapters.types import Installed

LONG_KEY = "test-key-" + "x" * 12
MODELS = [{"name": "m"}]


def row(name: str = "a", **more: Any) -> dict[str, Any]:
    """A provider on another machine that needs a key, as the catalogue would have it."""
    usual = {"dialect": "openai", "base_url": f"https://{name}.test/v1", "models": MODELS}
    return {**usual, "console": f"https://{name}.test/keys", **more}


def config_of_rows(env: Mapping[str, str] | None = None, **rows: Any) -> Config:
    """Built-in rows: each looks for NAME_KEY unless it says otherwise."""
    catalogue = {name: {"key_names": [f"{name.upper()}_KEY"], **given} for name, given in rows.items()}
    return compose({}, catalogue, env or {})


def card_of(
    given: dict[str, Any],
    env: Mapping[str, str] | None = None,
    installed: tuple[Installed, ...] | None = None,
) -> Card:
    """The card of one provider called `a`."""
    config = config_of_rows(env, a=given)
    (card,) = cards_of(config, field_of(config.providers, {"a": installed}))
    return card
