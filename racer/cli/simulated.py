"""The providers of a simulator as racer sees them: rows of racer.toml, as text for people or as a Config.

Their names begin with `sim-`, so that none is taken for a real provider and no real key is sent to one.
Quirks come from the built-in row of the provider that is simulated, as they would for the real one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from racer.config import Config, compose
from racer.config.files import catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.sim import Provider as Simulated
    from racer.sim import Simulator

Row = dict[str, Any]
Value: TypeAlias = "str | list[Value] | dict[str, Value]"

TAG = "sim"
KEY_VARIABLE = "SIM_API_KEY"
_QUIRKS = ("renames", "drops")
_ABLE = frozenset({"openai", "ollama", "anthropic", "gemini", "cohere", "responses"})  # the others take text
_CAN: list[Value] = ["tools", "json", "schema", "vision"]


def name_of(provider: Simulated) -> str:
    return f"sim-{provider.name}"


def rows_of(simulator: Simulator) -> dict[str, Row]:
    """Every provider under its name. Every model has the tag `sim`."""
    known = catalogue()
    return {
        name_of(each): _row(each, simulator.base_url(each.name), known.get(each.flavour, {}))
        for each in simulator.profile.providers
    }


def _row(provider: Simulated, base_url: str, builtin: Mapping[str, Any]) -> Row:
    row: Row = {"dialect": provider.dialect, "base_url": base_url}
    row |= {quirk: builtin[quirk] for quirk in _QUIRKS if quirk in builtin}
    if provider.keys is not None:
        row["keys"] = [f"${KEY_VARIABLE}"]
    can = {"can": _CAN} if provider.dialect in _ABLE else {}
    row["models"] = [{"name": model, "tags": [TAG], **can} for model in provider.models]
    return row


def config_for(simulator: Simulator) -> Config:
    """These providers alone, each with its first model; nothing of the environment, and no log lines."""
    rows = rows_of(simulator)
    for row in rows.values():
        row["models"] = row["models"][:1]
    return compose({"providers": rows}, {}, {"RACER_LOG": "off"})


def racer_toml(simulator: Simulator) -> str:
    """The rows as they can be pasted into racer.toml."""
    return "\n\n".join(_table(name, row) for name, row in rows_of(simulator).items())


def _table(name: str, row: Row) -> str:
    head = f"[providers.{json.dumps(name) if '.' in name else name}]"
    return "\n".join([head, *(f"{key} = {_value(value)}" for key, value in row.items())])


def _value(value: Value) -> str:
    """TOML of texts, lists and tables. A text in JSON is one in TOML as well."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    return json.dumps(value)
