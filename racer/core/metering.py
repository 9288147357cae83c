"""Which meters a lane draws from, and how much of each a call takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.quota import Meter
from racer.core.span import Rolling, span_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import tzinfo

    from racer.core.provider import Account, Lane, Limit, Model
    from racer_adapters.types import Usage

# Cloudflare sells a thousand neurons at this price, so that a price in dollars is one in neurons.
USD_A_NEURON = 0.000011
NEURONS_OF_AN_UNKNOWN_CALL = 100.0
# Dollars for a million tokens, in and out, where a limit of money meets a model without a price: more than
# three of four priced models of the catalogue ask for.
PRICE_OF_AN_UNKNOWN_MODEL = (1.0, 5.0)


def meters_of(lane: Lane, zone: Callable[[str], tzinfo]) -> tuple[Meter, ...]:
    """Every counter that a call on `lane` is counted in. `zone` finds an IANA time zone.

    Where two limits are of the same thing (the provider's for each model, and the model's own), the lower
    one holds: none is counted twice.
    """
    meters: dict[str, Meter] = {}
    for meter in _meters(lane, zone):
        known = meters.get(meter.name)
        if known is None or meter.amount < known.amount:
            meters[meter.name] = meter
    return tuple(meters.values())


def _meters(lane: Lane, zone: Callable[[str], tzinfo]) -> Iterator[Meter]:
    for limit in (*lane.provider.limits, *lane.model.limits):
        if limit.scope in ("account", "model", lane.account.pool):
            yield _meter(lane, limit, zone)
    holder, shown = holder_of(lane.account), _shown(lane.account)
    provider = lane.provider
    if provider.min_interval > 0:
        seconds = provider.min_interval
        per = f"{seconds:g} s"
        yield Meter(
            f"{holder} requests/{per}", provider.name, shown, "", "requests", per, 1.0, Rolling(seconds)
        )
    if provider.parallel is not None:
        amount = float(provider.parallel)
        yield Meter(f"{holder} calls/flight", provider.name, shown, "", "calls", "flight", amount, None)


def _meter(lane: Lane, limit: Limit, zone: Callable[[str], tzinfo]) -> Meter:
    model = lane.model.name if limit.scope == "model" else ""
    holder = holder_of(lane.account) + (f"/{model}" if model else "")
    begins = f" from {limit.reset}" if limit.reset else ""
    return Meter(
        name=f"{holder} {limit.unit}/{limit.per}{begins}",
        provider=lane.provider.name,
        account=_shown(lane.account),
        model=model,
        unit=limit.unit,
        per=limit.per,
        amount=limit.amount,
        span=span_of(limit, zone),
        own=limit.source is None,
        source=limit.source or "configured",
    )


def holder_of(account: Account) -> str:
    """What limits are counted for: the key itself, whatever variable holds it, or the pool it belongs to."""
    if account.pool is not None or account.key is None:
        return _shown(account)
    return f"{_provider_of(account)}#{account.key.fingerprint()}"


def _shown(account: Account) -> str:
    if account.pool is None:
        return account.name
    return f"{_provider_of(account)}:{account.pool}"


def _provider_of(account: Account) -> str:
    return account.name.partition(":")[0]


def charges_of(meters: Sequence[Meter], usage: Usage, model: Model) -> tuple[tuple[Meter, float], ...]:
    """What a call that uses so much takes from each of `meters`."""
    return tuple((meter, amount_of(meter, usage, model)) for meter in meters)


def amount_of(meter: Meter, usage: Usage, model: Model) -> float:
    """What `usage`, of one call, takes from `meter`. Never negative."""
    match meter.unit:
        case "tokens":
            return float(usage.input_tokens + usage.output_tokens)
        case "input_tokens":
            return float(usage.input_tokens)
        case "output_tokens":
            return float(usage.output_tokens)
        case "usd":
            return _usd(usage, model)
        case "neurons":
            return _neurons(usage, model)
        case _:
            return 1.0


def _usd(usage: Usage, model: Model) -> float:
    if usage.usd is not None:
        return max(0.0, usage.usd)
    price_in, price_out = model.price or PRICE_OF_AN_UNKNOWN_MODEL
    return (usage.input_tokens * price_in + usage.output_tokens * price_out) / 1e6


def _neurons(usage: Usage, model: Model) -> float:
    if usage.neurons is not None:
        return max(0.0, usage.neurons)
    return _usd(usage, model) / USD_A_NEURON if model.price else NEURONS_OF_AN_UNKNOWN_CALL
