"""Profiles as TOML: text in, Profile out, or a ProfileError that says what to write instead."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, cast

from racer.sim.fault import KINDS, Fault
from racer.sim.profile import (
    NOTHING,
    PERIODS,
    USUAL_LENGTH,
    Constant,
    Distribution,
    Limit,
    Lognormal,
    Profile,
    ProfileError,
    Provider,
    Spikes,
    Uniform,
)
from racer.sim.table import Table
from racer.sim.wire import WIRES
from racer.sim.wire.flavour import FLAVOURS

if TYPE_CHECKING:
    from racer.sim.profile import Manner, Reset, Scope, Unit

MANNERS = ("anchor", "prefix", "restart", "chatter", "deaf")
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
SPREAD = "a number, { low, high } or { median, sigma }, the tables also with spikes = { share, factor }"


def parse_profile(text: str, source: str = "profile") -> Profile:
    """Raises ProfileError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{source}: not TOML: {error}") from None
    table = Table(document, source)
    same = table.choice("answer", "own", ("own", "same")) == "same"
    providers = table.below("providers") if table.has("providers") else None
    if providers is None or not providers.keys():
        raise table.unfit(
            "providers", 'missing; write at least one, such as [providers.a] and models = ["m"]'
        )
    profile = Profile(
        name=table.text("name", source),
        seed=table.integer("seed", 0),
        same=same,
        length=spread(table, "length", USUAL_LENGTH),
        providers=tuple(_provider(providers, name, same=same) for name in providers.keys()),  # noqa: SIM118 - not a dict
    )
    table.done()
    return profile


def _provider(providers: Table, name: str, *, same: bool) -> Provider:
    table = providers.below(name)
    if name == "sim" or not NAME.fullmatch(name):
        raise table.unfit("", "allowed as a name: small letters, digits, dot, dash, underscore; not 'sim'")
    if same and table.has("length"):
        raise table.unfit("length", 'with answer = "same" the length is the same too: write it at the top')
    dialect = table.choice("dialect", "ollama" if name == "ollama" else "openai", WIRES)
    usual = "ollama" if dialect == "ollama" else name if name in FLAVOURS else "generic"
    provider = Provider(
        name=name,
        dialect=dialect,
        flavour=table.choice("flavour", usual, FLAVOURS),
        models=table.texts("models"),
        keys=table.texts("keys") if table.has("keys") else None,
        first_token=spread(table, "first_token", NOTHING),
        rate=spread(table, "rate", NOTHING),
        length=spread(table, "length", NOTHING) if table.has("length") else None,
        reasoning=table.integer("reasoning", 0),
        context=table.maybe_integer("context"),
        faults=_faults(table),
        limits=tuple(_limit(limit) for limit in table.below_each("limits")),
        parallel=table.maybe_integer("parallel"),
        slots=table.maybe_integer("slots"),
        reserve=table.integer("reserve", 0),
        loaded=table.texts("loaded"),
        cold_start=spread(table, "cold_start", NOTHING),
        keep_alive=table.number("keep_alive", 300.0),
        chunks=table.integer("chunks", 1, low=1),
        refuses=frozenset(table.texts("refuses")),
        continues=cast("Manner", table.choice("continues", "anchor", MANNERS)),
    )
    _check(table, provider)
    return provider


def _check(table: Table, provider: Provider) -> None:
    table.done()
    if not provider.models:
        raise table.unfit("models", 'missing or empty; write at least one, such as models = ["m"]')
    for name in provider.loaded:
        if name not in provider.models:
            raise table.unfit("loaded", f"found {name!r}, allowed: {', '.join(provider.models)}")


def spread(table: Table, key: str, default: Distribution) -> Distribution:
    """The distribution at `key`: a number is a constant."""
    if not table.has(key):
        return default
    if not isinstance(table.raw(key), dict):
        return Distribution(Constant(_amount(table, key)))
    below = table.below(key)
    shape = _shape(table, key, below)
    spikes = _spikes(below.below("spikes")) if below.has("spikes") else None
    below.done()
    return Distribution(shape, spikes)


def _amount(table: Table, key: str) -> float:
    try:
        return table.number(key, 0.0)
    except ProfileError:
        raise table.wrong(key, SPREAD) from None


def _shape(table: Table, key: str, below: Table) -> Constant | Uniform | Lognormal:
    if below.has("median"):
        return Lognormal(below.number("median", 0.0), below.number("sigma", 0.5))
    if below.has("low") and below.has("high"):
        low = below.number("low", 0.0)
        return Uniform(low, below.number("high", low, low=low))
    if below.has("constant"):
        return Constant(below.number("constant", 0.0))
    raise table.wrong(key, SPREAD)


def _spikes(table: Table) -> Spikes:
    spikes = Spikes(table.number("share", 0.05, high=1.0), table.number("factor", 5.0))
    table.done()
    return spikes


def _limit(table: Table) -> Limit:
    unit: Unit = "tokens" if table.has("tokens") else "requests"
    if table.has("requests") == table.has("tokens"):
        raise table.unfit("", "allowed: either requests = N or tokens = N")
    per = table.raw("per")
    seconds = table.number("per", 0.0, low=0.001) if not isinstance(per, str) else 0.0
    name = table.choice("per", "", PERIODS) if isinstance(per, str) else f"{seconds:g} s"
    if per is None:
        raise table.unfit("per", f"missing, allowed: {', '.join(PERIODS)}, or seconds")
    limit = Limit(
        unit=unit,
        amount=table.integer(unit, 0),
        seconds=PERIODS.get(name, seconds),
        name=name,
        scope=cast("Scope", table.choice("scope", "account", ("account", "model", "provider"))),
        reset=cast("Reset", table.choice("reset", "first", ("first", "utc"))),
    )
    table.done()
    return limit


def _faults(table: Table) -> tuple[Fault, ...]:
    faults = tuple(_fault(below) for below in table.below_each("faults"))
    if sum(fault.share for fault in faults if fault.every is None) > 1.0 + 1e-9:
        raise table.unfit("faults", "the shares sum to more than 1")
    return faults


def _fault(table: Table) -> Fault:
    kind = table.choice("kind", "", KINDS)
    own = {name: _option(table, name) for name in KINDS[kind] if table.has(name)}
    if {"bytes", "tokens"} <= own.keys():
        raise table.unfit("bytes", "allowed: either bytes = N or tokens = N")
    fault = Fault(
        kind=kind,
        share=table.number("share", 1.0, high=1.0),
        every=table.maybe_integer("every"),
        delay=table.number("delay", 0.0) if table.has("delay") else None,
        **own,
    )
    table.done()
    return fault


def _option(table: Table, name: str) -> Any:
    if name == "retry_after" and isinstance(table.raw(name), str):
        return table.text(name, "")
    if name in {"retry_after", "gap"}:
        return table.number(name, 0.0, low=0.0 if name == "retry_after" else 0.001)
    if name in {"bytes", "tokens", "size"}:
        return table.integer(name, 0)
    choices = {"unit": ("requests", "tokens"), "per": tuple(PERIODS), "how": ("end", "reset", "hang")}
    if name in choices:
        return table.choice(name, "", choices[name])
    return table.text(name, "")
