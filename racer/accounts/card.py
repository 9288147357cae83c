"""A provider's card: whether it can run here, with which keys and models, or what is missing. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from racer.config.forms import references

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from racer.accounts.gauge import Gauge
    from racer.config import Config
    from racer.core.field import Field
    from racer.core.provider import Account, Model, Provider


class State(StrEnum):
    """`UNSET`: nobody has set it up. `AWAY`: a server that tells its models, and is not there or has none."""

    READY = "ready"
    UNSET = "not set up"
    AWAY = "not there"
    BROKEN = "cannot run"
    OFF = "not enabled"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Card:
    """`why` says why it has no lane; `missing` are variables to set; `refused` those that hold no good key.

    `models` are those that may run: of a server that tells, what it has. `left`: how the tightest limit of
    each account stands.
    """

    provider: Provider
    state: State
    why: str = ""
    models: tuple[Model, ...] = ()
    missing: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    left: tuple[Gauge, ...] = ()

    @property
    def keys(self) -> tuple[Account, ...]:
        return tuple(account for account in self.provider.accounts if account.key is not None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `--json` prints them."""
        provider = self.provider
        return {
            "name": provider.name,
            "status": provider.status,
            "state": str(self.state),
            "reason": self.why or None,
            "dialect": provider.dialect or None,
            "local": provider.local,
            "trains_on_data": provider.trains_on_data,
            "priority": provider.priority,
            "key_names": list(provider.key_names),
            "missing": list(self.missing),
            "keys": [_key(account) for account in self.keys],
            "models": [_model(model) for model in self.models],
            "limits": [asdict(limit) for limit in provider.limits],
            "left": [gauge.to_dict() for gauge in self.left],
            "console": provider.console or None,
            "note": provider.note or None,
        }


def cards_of(config: Config, field: Field) -> tuple[Card, ...]:
    """One for each provider, in the order of the configuration."""
    raced: dict[str, dict[str, Model]] = {}
    for lane in field.lanes:
        raced.setdefault(lane.provider.name, {}).setdefault(lane.model.name, lane.model)
    reasons = {each.name: each.reason for each in field.skipped}
    return tuple(
        _card(each, tuple(raced.get(each.name, {}).values()), reasons.get(each.name, ""), config)
        for each in config.providers
    )


def with_left(cards: Iterable[Card], gauges: Iterable[Gauge]) -> tuple[Card, ...]:
    """The same cards, each with those of `gauges` that are its provider's."""
    found: dict[str, list[Gauge]] = {}
    for gauge in gauges:
        found.setdefault(gauge.row.provider, []).append(gauge)
    return tuple(replace(card, left=tuple(found.get(card.provider.name, ()))) for card in cards)


def _card(provider: Provider, models: tuple[Model, ...], why: str, config: Config) -> Card:
    refused = tuple(
        said for owner, _, said in (each.partition(": ") for each in config.refused) if owner == provider.name
    )
    if models:
        return Card(provider, State.READY, models=models, refused=refused)
    unset = missing(provider, config.env)
    return _not_ready(Card(provider, State.BROKEN, why, provider.models, unset, refused))


def _not_ready(card: Card) -> Card:
    provider = card.provider
    if not provider.enabled:
        state = State.RETIRED if provider.status == "retired" else State.OFF
    elif card.missing and not card.keys and not card.refused:
        state = State.UNSET
    elif provider.discover and not provider.unusable and not card.refused:
        state = State.AWAY
    else:
        state = State.BROKEN
    return replace(card, state=state)


def missing(provider: Provider, env: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that would have to be set: the first of those for a key, and all that names refer to."""
    keys = () if provider.accounts else provider.key_names[:1]
    texts = (provider.base_url, *(model.name for model in provider.models))
    named = dict.fromkeys(name for text in texts for name in references(text))
    return (*keys, *(name for name in named if not env.get(name, "").strip()))


def _key(account: Account) -> dict[str, Any]:
    return {"account": account.name, "hint": account.key and account.key.hint, "pool": account.pool}


def _model(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "tags": sorted(model.tags),
        "can": sorted(model.can),
        "context": model.context,
        "price": model.price and list(model.price),
        "limits": [asdict(limit) for limit in model.limits],
        "loaded": bool(model.loaded),
    }
