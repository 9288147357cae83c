"""Limits in words: what a provider lets an account use, and in what time. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racer.core.provider import Limit, Provider

UNKNOWN = "no limit known"

_UNITS = {"input_tokens": "input tokens", "output_tokens": "output tokens", "usd": "USD"}
_SCOPES = {"account": "", "model": "for each model: "}


def of(provider: Provider) -> str:
    """What is said in one line of a provider: its limits, and how many models have more of their own."""
    own = sum(bool(model.limits) for model in provider.models)
    if not own:
        return in_words(provider.limits)
    count = f"{own} model{'s have limits of their' if own > 1 else ' has limits of its'} own"
    return f"{in_words(provider.limits)}; {count}" if provider.limits else count


def in_words(limits: Iterable[Limit]) -> str:
    """All of them in one line, those of the same scope together.

    The account's own go first: what stands after "for each model" holds for each model.
    """
    scopes: dict[str, list[str]] = {"account": []}
    for limit in limits:
        scopes.setdefault(limit.scope, []).append(one(limit))
    parts = [_scope(scope) + ", ".join(texts) for scope, texts in scopes.items() if texts]
    return "; ".join(parts) or UNKNOWN


def _scope(scope: str) -> str:
    return _SCOPES.get(scope, f"for the keys of {scope} together: ")


def one(limit: Limit) -> str:
    """A limit by itself, without its scope: 1,000 requests a day from 00:00 UTC."""
    text = f"{amount(limit.amount)} {_unit(limit)} {_time(limit.per)}"
    if limit.reset:
        text += f" from {limit.reset}"
    return f"{text}, until {limit.expires}" if limit.expires else text


def amount(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.15g}"


def _unit(limit: Limit) -> str:
    if limit.amount == 1 and limit.unit != "usd":
        return _UNITS.get(limit.unit, limit.unit).removesuffix("s")
    return _UNITS.get(limit.unit, limit.unit)


def _time(per: str) -> str:
    """A day ends at some hour for everybody; a rolling one is told by its length."""
    kind, _, length = per.partition(" ")
    if kind == "rolling":
        return f"in any {length}"
    return per if per == "once" else f"an {per}" if per == "hour" else f"a {per}"
