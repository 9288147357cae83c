"""How long what is left will last: at the rate of the last days, or at one that is given. Pure.

Rule 1: limits of every kind are compared in days of demand, so that a limit of requests stands beside one
        of tokens, and one account beside another.
Rule 2: demand is spread evenly over a day; a limit for a shorter time only bounds what a day gives.
Rule 3: models of one account stand in for each other, and so do accounts: what they have adds up. What all
        models of an account draw from bounds them all.
Rule 4: what comes back is used first, then credits, those that expire first before the others.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple, assert_never

from racer.core.metering import NEURONS_OF_AN_UNKNOWN_CALL, USD_A_NEURON
from racer.core.span import DAY, LENGTHS, Calendar, Once, Rolling, slot_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.span import Span

DAYS = 7  # with use: the rate is their mean, its range that of the quietest and the busiest of them
TOKENS_OF_A_CALL = 1000.0  # where no call was made yet, and so the share of them that goes in
SHARE_IN = 0.75


class Demand(NamedTuple):
    """What is used in a day, by calls of all outcomes."""

    calls: float
    input_tokens: float
    output_tokens: float
    usd: float = 0.0
    neurons: float = 0.0

    @property
    def tokens(self) -> float:
        return self.input_tokens + self.output_tokens

    def of(self, unit: str) -> float:
        match unit:
            case "tokens":
                return self.tokens
            case "input_tokens":
                return self.input_tokens
            case "output_tokens":
                return self.output_tokens
            case "usd":
                return self.usd
            case "neurons":
                return self.neurons
            case _:
                return self.calls

    def times(self, factor: float) -> Demand:
        return Demand(*(value * factor for value in self))

    def plus(self, other: Demand) -> Demand:
        return Demand(*(one + more for one, more in zip(self, other, strict=True)))

    def priced(self, price: tuple[float, float] | None) -> Demand:
        """What it costs at `price`, in dollars and in neurons. Without one it costs no dollars."""
        into, out = price or (0.0, 0.0)
        usd = (self.input_tokens * into + self.output_tokens * out) / 1e6
        neurons = usd / USD_A_NEURON if price else self.calls * NEURONS_OF_AN_UNKNOWN_CALL
        return self._replace(usd=usd, neurons=neurons)


class Pace(NamedTuple):
    """Demand by the day: its mean, and its range over the `days` that it was taken from."""

    low: Demand
    usual: Demand
    high: Demand
    days: int


class Vessel(NamedTuple):
    """One limit as it stands. `model` is empty where all models of the account draw from it."""

    model: str
    unit: str
    limit: float
    left: float
    span: Span


class Supply(NamedTuple):
    """An account: its limits, its models, and what these cost on average."""

    account: str
    vessels: tuple[Vessel, ...]
    models: tuple[str, ...]
    price: tuple[float, float] | None = None


class Runway(NamedTuple):
    """`seconds` until nothing is left; inf: it lasts. `cover`: the share of the demand that comes back.

    Credits (`cover` is 0) never come back; `expires` is when they end unused. `back`: in how many seconds
    all that is used now has come back.
    """

    seconds: float = inf
    cover: float = inf
    back: float = 0.0
    expires: float = inf

    @property
    def lasts(self) -> bool:
        return self.seconds == inf

    @property
    def days(self) -> float:
        return self.seconds / DAY

    @property
    def unused(self) -> bool:
        """Do they expire before they are empty?"""
        return self.expires <= self.seconds < inf


# ---------------------------------------------------------------- demand


def pace_of(days: Mapping[str, Demand], today: str) -> Pace | None:
    """The pace of the last days with use. `today` is not over, so it counts only where it is the first."""
    used = sorted(day for day, demand in days.items() if demand.calls > 0)
    whole = [day for day in used if day != today] or used
    picked = [days[day] for day in whole[-DAYS:]]
    if not picked:
        return None
    columns = list(zip(*picked, strict=True))
    low, high = (Demand(*map(pick, columns)) for pick in (min, max))
    return Pace(low, Demand(*(sum(column) / len(picked) for column in columns)), high, len(picked))


def at_rate(tokens: float, pace: Pace | None) -> Pace:
    """So many tokens a day, in calls of the size and with the range that `pace` has."""
    if pace is None or pace.usual.tokens <= 0:
        day = Demand(tokens / TOKENS_OF_A_CALL, tokens * SHARE_IN, tokens * (1 - SHARE_IN))
        return Pace(day, day, day, 0)
    factor = tokens / pace.usual.tokens
    low, usual, high = (each.times(factor) for each in (pace.low, pace.usual, pace.high))
    return Pace(low, usual, high, pace.days)


# ---------------------------------------------------------------- one account


def runway(supply: Supply, demand: Demand, now: float) -> Runway:
    """How long `supply` alone bears `demand`."""
    refills = [each for each in supply.vessels if not isinstance(each.span, Once)]
    of_models = [
        _weakest([_vessel(each, demand, now) for each in refills if each.model == model])
        for model in supply.models
    ]
    of_all = [
        _vessel(each, demand, now) for each in supply.vessels if isinstance(each.span, Once) or not each.model
    ]
    found = _weakest([_added(of_models), *of_all])
    return found._replace(expires=min((part.expires for part in of_all), default=inf))


def _vessel(vessel: Vessel, demand: Demand, now: float) -> Runway:
    rate = demand.of(vessel.unit) / DAY
    span = vessel.span
    empty = max(0.0, vessel.left) / rate if rate > 0 else inf
    match span:
        case Once(expires):
            left = inf if expires is None else max(0.0, expires - now)
            return Runway(min(empty, left), 0.0, inf, left)
        case Rolling(seconds):
            cover = vessel.limit / rate / seconds if rate > 0 else inf
            used_up = seconds >= DAY and empty <= 0
            return Runway(inf if cover >= 1 and not used_up else empty, cover, seconds)
        case Calendar(per):
            cover = vessel.limit / rate / LENGTHS[per] if rate > 0 else inf
            return _in_windows(empty, cover, slot_at(span, now).until - now, LENGTHS[per])
        case _:
            assert_never(span)


def _in_windows(empty: float, cover: float, reset: float, length: float) -> Runway:
    """It runs out in this window, or else in the next one, or never."""
    if empty < reset:
        return Runway(empty, cover, reset)
    return Runway(inf if cover >= 1 else reset + cover * length, cover, reset)


def _weakest(parts: Sequence[Runway]) -> Runway:
    """A call takes from each of them: the first that is empty ends it."""
    if not parts:
        return Runway()
    first = min(parts, key=lambda part: part.seconds)
    return first._replace(cover=min(part.cover for part in parts))


def _added(parts: Sequence[Runway]) -> Runway:
    """A call takes from one of them (there is one), each of which comes back: one is used after the other."""
    seconds, cover = sum(part.seconds for part in parts), sum(part.cover for part in parts)
    back = max(part.back for part in parts)
    return Runway(inf if cover >= 1 and seconds >= back else seconds, cover, back)


# ---------------------------------------------------------------- all that can serve


def together(supplies: Sequence[Supply], demand: Demand, now: float) -> Runway:
    """How long these bear `demand` together. Dollars and neurons depend on who serves it."""
    stocks = [each for each in supplies if any(isinstance(vessel.span, Once) for vessel in each.vessels)]
    refills = [_alone(each, demand, now) for each in supplies if each not in stocks]
    flow = _added(refills) if refills else Runway(0.0, 0.0)
    if flow.lasts:
        return flow
    rest = demand if flow.cover >= 1 else demand.times(1 - flow.cover)
    seconds = 0.0
    for stock in sorted((_alone(each, rest, now) for each in stocks), key=lambda part: part.expires):
        seconds += max(0.0, min(stock.seconds, stock.expires - seconds))
    if flow.cover < 1:
        return flow._replace(seconds=max(seconds, flow.seconds))
    bridged = flow.seconds + seconds  # what comes back is enough, but not before it does
    return flow._replace(seconds=inf if bridged >= flow.back else bridged)


def _alone(supply: Supply, demand: Demand, now: float) -> Runway:
    return runway(supply, demand.priced(supply.price), now)
