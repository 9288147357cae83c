"""The field: every lane that a configuration gives, and why each of the others gives none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from racer.core.loopback import is_loopback
from racer.core.provider import Account, Lane, Model, Provider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer_adapters.types import Installed

LATEST = ":latest"


@dataclass(frozen=True, slots=True)
class Skipped:
    """`name`, a provider or a lane, is not in the race for `reason`; `until` on the race's clock."""

    name: str
    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Field:
    lanes: tuple[Lane, ...]
    skipped: tuple[Skipped, ...]


def field_of(providers: Sequence[Provider], installed: Mapping[str, tuple[Installed, ...] | None]) -> Field:
    """`installed` holds, for each provider that was asked, the models it has; None where none answered."""
    lanes: list[Lane] = []
    skipped: list[Skipped] = []
    for provider in providers:
        found = installed.get(provider.name)
        models = _models(provider, found or ())
        reason = _why_none(provider, models, answered=found is not None)
        if reason is None:
            lanes.extend(_lanes(provider, models))
        else:
            skipped.append(Skipped(provider.name, reason))
    return Field(tuple(lanes), tuple(skipped))


def _why_none(provider: Provider, models: Sequence[Model], *, answered: bool) -> str | None:
    if not provider.enabled:
        return "not enabled" if provider.status == "alive" else f"{provider.status}: {provider.note}"
    if provider.unusable:
        return provider.unusable
    if not provider.accounts:
        return f"no key: set {' or '.join(provider.key_names) or 'keys in racer.toml'}"
    if not models:
        if provider.discover:
            return f"{'no chat model is installed' if answered else 'nothing answers'} at {provider.base_url}"
        return f'no model: add models = [{{ name = "…" }}] under [providers.{provider.name}]'
    return None


def _models(provider: Provider, installed: Sequence[Installed]) -> tuple[Model, ...]:
    if not provider.discover:
        return provider.models
    known = {_plain(model.name): model for model in provider.models}
    # A dialect leaves out what its server says cannot chat; where a server says nothing, the name tells.
    chats = [found for found in installed if "embed" not in found.name.lower()]
    return tuple(_merged(found, known.get(_plain(found.name))) for found in chats)


def _merged(found: Installed, known: Model | None) -> Model:
    can = frozenset(found.can) & {"tools", "vision"} | {"json", "schema"}
    if known is None:
        return Model(found.name, tags=frozenset({"chat"}), can=can, loaded=found.loaded)
    return replace(known, name=found.name, can=known.can | can, loaded=found.loaded)


def _plain(name: str) -> str:
    return name.removesuffix(LATEST)


def _lanes(provider: Provider, models: Sequence[Model]) -> list[Lane]:
    host = _machine(provider.base_url)
    several = len(provider.accounts) > 1
    return [
        Lane(_lane_id(provider, model, account if several else None), provider, model, account, host)
        for model in models
        for account in provider.accounts
    ]


def _machine(base_url: str) -> str:
    """The host's name alone: two servers on one machine share what it computes with, whatever their ports."""
    host = urlsplit(base_url).hostname or ""
    return "localhost" if is_loopback(host) else host


def _lane_id(provider: Provider, model: Model, account: Account | None) -> str:
    name = f"{provider.name}/{model.name}"
    return name if account is None else f"{name}@{account.name.partition(':')[2] or account.name}"
