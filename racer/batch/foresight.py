"""What a forecast is made of: how fast each lane is, what a line takes of its limits, and how these stand."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, assert_never

from racer.batch.missing import Offer
from racer.batch.plan import Speed, Tank
from racer.batch.tanks import period_of
from racer.core.field import field_of
from racer.core.lessons import key_of
from racer.core.metering import charges_of
from racer.core.provider import Account
from racer.core.savings import is_free
from racer.core.span import Calendar, Once, Rolling
from racer.core.tokens import prompt_tokens
from racer_adapters.errors import Kind
from racer_adapters.types import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from racer.batch.pace import Pace
    from racer.batch.parts import Parts
    from racer.core.latency import LaneStats, Size
    from racer.core.provider import Lane, Provider
    from racer.core.quota import Meter
    from racer_adapters.types import Call

FOREVER = float("inf")
UNTRIED, UNSURE = 6.0, 1.2  # calls at once where nothing is known: from one to some dozens
CLIMBING = 0.4  # what is not known of a lane that was not pushed back yet
ANSWER = 200  # tokens of an answer of which nothing is known
USUALLY = 0.6  # the share of answers that are not longer
MOST_OFFERS = 12
FOR_GOOD = frozenset({Kind.AUTH, Kind.CREDIT, Kind.NO_MODEL, Kind.DENIED})


class Foresight:
    """`call` is like the lines of the batch; `size` that of their answers, where it is bounded."""

    def __init__(self, parts: Parts, call: Call, size: Size | None) -> None:
        self._parts = parts
        self._prompt = prompt_tokens(call)
        self._most = call.max_tokens
        self._size = size

    def speeds(self, lanes: Sequence[Lane], pace: Pace) -> list[Speed]:
        now = self._parts.stage.now()
        blocks = ((lane, self._parts.stage.breakers.blocked(lane, now)) for lane in lanes)
        return [self._speed(lane, pace) for lane, block in blocks if not (block and block.kind in FOR_GOOD)]

    def tanks(self, lanes: Sequence[Lane]) -> list[Tank]:
        known = self._parts.ledger.meters
        meters = {meter.name: meter for lane in lanes for meter in known(lane)}
        return [self._tank(meter) for meter in meters.values()]

    def offers(self, skipped: Sequence[str], concurrency: int) -> list[Offer]:
        """What providers would do that have no key yet: those of `skipped` that need nothing else."""
        return list(self._offers(skipped, concurrency))

    def _speed(self, lane: Lane, pace: Pace) -> Speed:
        parts = self._parts
        now = parts.stage.now()
        stats = parts.ledger.latencies.of(key_of(lane), at=parts.ledger.now())
        block = parts.stage.breakers.blocked(lane, now)
        until = 0.0 if block is None else block.until - now + parts.ledger.now()
        usage = self._usage(stats)
        at_once, unsure = self._at_once(lane, pace)
        charges = charges_of(parts.ledger.meters(lane), usage, lane.model)
        return Speed(
            lane.id,
            lane.provider.name,
            stats.rest(0.0),
            stats.n,
            success=max(0.05, stats.success),
            at_once=at_once,
            charges=tuple((meter.name, amount) for meter, amount in charges),
            usd=_usd(lane, usage),
            until=until,
            unsure=unsure,
        )

    def _usage(self, stats: LaneStats) -> Usage:
        answer = stats.lengths.high(USUALLY) if stats.n else ANSWER
        return Usage(self._prompt, answer if self._most is None else min(answer, self._most))

    def _at_once(self, lane: Lane, pace: Pace) -> tuple[float, float]:
        """How many calls it bears, and how little is known of that."""
        if lane.provider.local:
            return float(self._parts.ledger.hosts.serves(lane, self._parts.stage.now())), 0.0
        track = pace.tracks.get(lane.id)
        if track is None or not track.answered:
            return UNTRIED, UNSURE
        return track.window, CLIMBING if track.climbs else 0.0

    def _tank(self, meter: Meter) -> Tank:
        pocket = self._parts.ledger.pocket(meter)
        standing = None if pocket is None else pocket.standing
        name = f"{meter.account}/{meter.model}" if meter.model else meter.account
        label = f"{meter.amount:,.10g} {meter.unit} a {meter.per}"
        if pocket is None or standing is None:
            tank = Tank(meter.name, meter.span, meter.amount)
        else:
            opens_at, whole_at = standing.opens_at, _whole_at(meter, standing.opens_at, pocket.heard)
            used = max(0.0, standing.limit - pocket.left) if whole_at > self._parts.ledger.now() else 0.0
            tank = Tank(meter.name, meter.span, standing.limit, used, opens_at=opens_at, whole_at=whole_at)
        return replace(tank, unit=meter.unit, label=label, account=name)

    def _offers(self, skipped: Sequence[str], concurrency: int) -> Iterator[Offer]:
        lacking = (
            each for each in self._parts.providers
            if each.name in skipped and each.enabled and each.key_names and not each.accounts
        )  # fmt: skip
        for provider in islice((each for each in lacking if not each.unusable), MOST_OFFERS):
            yield self._offer(provider, concurrency)

    def _offer(self, provider: Provider, concurrency: int) -> Offer:
        """With all its models, as if there were a key."""
        keyed = replace(provider, accounts=(Account(provider.name),))
        lanes = field_of((keyed,), {}).lanes
        stats = [self._parts.ledger.latencies.of(key_of(lane)) for lane in lanes]
        speeds: list[Speed] = []
        tanks: dict[str, Tank] = {}
        for lane, known in zip(lanes, stats, strict=True):
            meters = self._parts.ledger.meters(lane)
            usage = self._usage(known)
            charges = tuple((m.name, amount) for m, amount in charges_of(meters, usage, lane.model))
            at_once, usd = min(UNTRIED, float(concurrency)), _usd(lane, usage)
            speed = Speed(lane.id, provider.name, known.rest(0.0), known.n, at_once=at_once, charges=charges)
            speeds.append(replace(speed, usd=usd))
            tanks |= {meter.name: self._tank(meter) for meter in meters}
        return Offer(provider.name, provider.key_names[0], tuple(speeds), tuple(tanks.values()))


def _whole_at(meter: Meter, opens_at: float | None, heard: float) -> float:
    """When all is free again of what was used as was `heard`, if nobody uses more."""
    match meter.span:
        case Rolling():
            return heard + period_of(meter.span)
        case Calendar():
            return FOREVER if opens_at is None else opens_at
        case Once():
            return FOREVER
        case None:
            return -FOREVER
        case _:
            assert_never(meter.span)


def _usd(lane: Lane, usage: Usage) -> float:
    """What a call costs at its list price, where it is not given away."""
    price = lane.model.price
    if price is None or lane.provider.local or is_free(lane.provider, lane.model.name):
        return 0.0
    return (usage.input_tokens * price[0] + usage.output_tokens * price[1]) / 1e6
