"""The outlook: how long each account lasts, and all of them together, from what is used and left. Pure."""

from __future__ import annotations

from collections import defaultdict
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from racer.core.field import field_of
from racer.core.forecast import Demand, Supply, Vessel, at_rate, pace_of, runway, together
from racer.core.savings import gives

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from racer.accounts.gauge import Gauge
    from racer.core.forecast import Pace, Runway
    from racer.core.provider import Lane, Provider
    from racer.store.readings import Day


class Range(NamedTuple):
    """How long it lasts at the usual rate, and on days as busy or as quiet as they come."""

    soonest: Runway
    usual: Runway
    latest: Runway

    def to_dict(self, now: float) -> dict[str, Any]:
        return {
            "lasts": self.usual.lasts,
            "empty_at": _finite(now + self.usual.seconds),
            "days": _finite(self.usual.days),
            "days_range": [_finite(self.soonest.days), _finite(self.latest.days)],
            "days_of_demand_a_day": _finite(self.usual.cover),
            "expires_at": _finite(now + self.usual.expires),
        }


class Line(NamedTuple):
    """An account. `lasts` is None where it has no limit, or was not used and no rate was given."""

    account: str
    lasts: Range | None
    limited: bool


class Outlook(NamedTuple):
    """`given` is the rate that was asked for, in tokens a day; without it, each account has its own rate.

    `together` is about the accounts that give something for nothing and have limits; `apart` are the others
    of those that give something. None where there is no rate, or no such account.
    """

    pace: Pace | None
    given: float | None
    lines: tuple[Line, ...]
    together: Range | None
    apart: tuple[str, ...]

    def to_dict(self, now: float) -> dict[str, Any]:
        pace = self.pace
        return {
            "given_tokens_a_day": self.given,
            "tokens_a_day": pace and pace.usual.tokens,
            "tokens_a_day_range": pace and [pace.low.tokens, pace.high.tokens],
            "calls_a_day": pace and pace.usual.calls,
            "days": 0 if pace is None else pace.days,
            "accounts": [
                {
                    "account": line.account,
                    "limited": line.limited,
                    "forecast": line.lasts and line.lasts.to_dict(now),
                }
                for line in self.lines
            ],
            "together": self.together and self.together.to_dict(now),
            "without_limits": list(self.apart),
        }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def outlook_of(
    providers: Sequence[Provider],
    gauges: Iterable[Gauge],
    days: Iterable[Day],
    *,
    now: float,
    today: str,
    tokens: float | None,
) -> Outlook:
    """`days` are those to take the rate from, `today` the one that is not over; `tokens` a rate instead."""
    lanes = field_of(providers, {}).lanes
    supplies = supplies_of(lanes, gauges)
    used = _by_account(lanes, days)
    total = pace_of(_summed(used.values()), today)
    pace = total if tokens is None else at_rate(tokens, total)
    lines = [_line(each, pace_of(used.get(each.account, {}), today), pace, tokens, now) for each in supplies]
    free = {label(lane) for lane in lanes if gives(lane.provider)}
    limited = [each for each in supplies if each.account in free and each.vessels]
    return Outlook(
        pace,
        tokens,
        tuple(lines),
        _together(limited, pace, now) if pace and limited else None,
        tuple(each.account for each in supplies if each.account in free and not each.vessels),
    )


def _line(supply: Supply, own: Pace | None, pace: Pace | None, tokens: float | None, now: float) -> Line:
    """At its own rate, or alone at the rate that is given."""
    asked = own if tokens is None else _priced(pace, supply)
    known = asked is not None and bool(supply.vessels)
    return Line(supply.account, _range(supply, asked, now) if known and asked else None, bool(supply.vessels))


def _range(supply: Supply, pace: Pace, now: float) -> Range:
    return Range(*(runway(supply, demand, now) for demand in (pace.high, pace.usual, pace.low)))


def _together(supplies: Sequence[Supply], pace: Pace, now: float) -> Range:
    return Range(*(together(supplies, demand, now) for demand in (pace.high, pace.usual, pace.low)))


def _priced(pace: Pace | None, supply: Supply) -> Pace | None:
    """What that demand takes of dollars and neurons depends on who serves it."""
    if pace is None:
        return None
    low, usual, high = (each.priced(supply.price) for each in (pace.low, pace.usual, pace.high))
    return pace._replace(low=low, usual=usual, high=high)


# ---------------------------------------------------------------- what there is


def supplies_of(lanes: Sequence[Lane], gauges: Iterable[Gauge]) -> list[Supply]:
    """One for each account, or pool of accounts, that has a lane. Calls in flight are no supply."""
    of_account: dict[str, dict[str, Lane]] = {}
    for lane in lanes:
        of_account.setdefault(label(lane), {})[lane.model.name] = lane
    vessels: dict[str, list[Vessel]] = defaultdict(list)
    for each in gauges:
        row = each.row
        if each.span is not None:
            vessels[row.account].append(Vessel(row.model, row.unit, row.limit, each.left, each.span))
    return [
        Supply(account, tuple(vessels[account]), tuple(models), _price(models.values()))
        for account, models in of_account.items()
    ]


def label(lane: Lane) -> str:
    """What a lane's limits are shown for: its account, or the pool that this is in."""
    account = lane.account
    return account.name if account.pool is None else f"{lane.provider.name}:{account.pool}"


def _price(lanes: Iterable[Lane]) -> tuple[float, float] | None:
    """The mean of the prices that are known."""
    prices = [lane.model.price for lane in lanes if lane.model.price is not None]
    if not prices:
        return None
    into, out = (sum(column) / len(prices) for column in zip(*prices, strict=True))
    return into, out


# ---------------------------------------------------------------- what was used


def _by_account(lanes: Sequence[Lane], days: Iterable[Day]) -> Mapping[str, Mapping[str, Demand]]:
    labels = {lane.account.name: label(lane) for lane in lanes}
    prices = {(lane.provider.name, lane.model.name): lane.model.price for lane in lanes}
    sums: dict[str, dict[str, Demand]] = defaultdict(dict)
    for row in days:
        account = labels.get(row.account, row.account)
        demand = _demand(row, prices.get((row.provider, row.model)))
        before = sums[account].get(row.day)
        sums[account][row.day] = demand if before is None else before.plus(demand)
    return sums


def _demand(row: Day, price: tuple[float, float] | None) -> Demand:
    """Dollars as the provider has told them, or else by the price of the model."""
    demand = Demand(row.calls, row.input_tokens, row.output_tokens).priced(price)
    return demand._replace(usd=row.usd) if row.usd > 0 else demand


def _summed(accounts: Iterable[Mapping[str, Demand]]) -> Mapping[str, Demand]:
    total: dict[str, Demand] = {}
    for days in accounts:
        for day, demand in days.items():
            total[day] = total[day].plus(demand) if day in total else demand
    return total
