"""Who can answer: providers, their models and accounts, and the lanes they make.

A provider is data. It comes from the built-in catalogue, from racer.toml, or from a test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer_adapters.secret import Secret


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` of `unit` in each `per`; counted for the account, for each model, or for a named pool."""

    unit: str
    amount: float
    per: str
    scope: str = "account"
    reset: str | None = None
    expires: str | None = None
    source: str | None = None
    seen: str | None = None
    confidence: str | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """`can`: tools, json, schema, vision, prefill. `loaded`: answers without a cold start.

    `context` in tokens, prompt and answer together; `price` in USD for a million tokens, in and out.
    `limits`, `renames` and `drops` are the model's own, beside its provider's.
    """

    name: str
    tags: frozenset[str] = frozenset()
    can: frozenset[str] = frozenset()
    context: int | None = None
    price: tuple[float, float] | None = None
    loaded: bool | None = None
    limits: tuple[Limit, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict[str, str])
    drops: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Account:
    """What a limit is counted against. `key` is None for servers that ask for none."""

    name: str
    key: Secret | None = None
    pool: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """`unusable` says why no lane of it can run (a part of its address is missing, say); empty if it can.

    `limit_headers` names one of racer_adapters.limits.FORMATS; empty: the dialect's own.
    """

    name: str
    dialect: str
    base_url: str
    models: tuple[Model, ...] = ()
    accounts: tuple[Account, ...] = ()
    limits: tuple[Limit, ...] = ()
    priority: int = 50
    enabled: bool = True
    local: bool = False
    timeout: float = 30.0
    min_interval: float = 0.0
    parallel: int | None = None
    cancel_refunds: bool = False
    trains_on_data: bool | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    renames: Mapping[str, str] = field(default_factory=dict[str, str])
    drops: frozenset[str] = frozenset()
    key_names: tuple[str, ...] = ()
    discover: bool = False
    limit_headers: str = ""
    unusable: str = ""
    status: str = "alive"
    note: str = ""
    console: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def needs_key(self) -> bool:
        return bool(self.key_names)


@dataclass(frozen=True, slots=True)
class Lane:
    """Provider x model x account: what runs in a race. `id` is its name everywhere; `host` its machine."""

    id: str
    provider: Provider
    model: Model
    account: Account
    host: str

    @property
    def is_cold(self) -> bool:
        """Whether its server, on a machine of the user's own, has said that it is not in memory.

        That was when it was asked last, which may be half a minute ago.
        """
        return self.provider.local and self.model.loaded is False

    def __str__(self) -> str:
        return self.id
