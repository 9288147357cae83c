"""How the lanes are: who is available, what is left, who rests and until when, what went wrong last.

The report is made from the field, the limits as `racer usage` shows them, and what was seen of races.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio

from racer.accounts.card import State, cards_of
from racer.accounts.headroom import tightest
from racer.accounts.inquiry import Inquiry
from racer.core.span import Rolling
from racer.errors import StoreError
from racer.server.query import query_of
from racer.server.wording import for_clients

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aiohttp import web

    from racer.accounts.card import Card
    from racer.accounts.gauge import Gauge
    from racer.config import Config
    from racer.core.field import Field
    from racer.core.provider import Lane
    from racer.core.quota import Meter
    from racer.server.condition import Condition, Rest
    from racer.server.house import House
    from racer.server.visit import Visit

OK, DEGRADED, UNAVAILABLE = "ok", "degraded", "unavailable"
MOMENT = 10.0  # seconds: a window no longer than that is a pace, and nobody is away for it
SOON = 30  # seconds to come again, where nobody knows when
UNCOUNTED = "its limits cannot be counted: the database cannot be used"
_SHOWN = (State.READY, State.AWAY, State.BROKEN)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a report is made from. `meters` tells what a call on a lane is counted in.

    `fault`: why the database cannot be used; `uncounted`: whether that keeps a lane from starting.
    `ticks` is on the race's clock, `now` in unix seconds.
    """

    config: Config
    lineup: Field
    gauges: Sequence[Gauge]
    condition: Condition
    meters: Callable[[Lane], Sequence[Meter]]
    ticks: float
    now: float
    fault: str = ""
    uncounted: Callable[[Lane], bool] = lambda _: False
    stopping: bool = False
    by_meter: dict[str, Gauge] = field(init=False, default_factory=dict[str, "Gauge"])

    def __post_init__(self) -> None:
        self.by_meter.update((gauge.row.meter, gauge) for gauge in self.gauges)

    def unix(self, until: float) -> float | None:
        """An instant of the race's clock in unix seconds; None where it never comes."""
        return round(self.now + until - self.ticks, 3) if math.isfinite(until) else None


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one lane. `until`: when it is available again, in unix seconds; infinite where nobody knows."""

    lane: Lane
    rest: Rest | None
    full: Gauge | None
    uncounted: bool
    until: float

    @property
    def available(self) -> bool:
        return self.rest is None and self.full is None and not self.uncounted


def standing_of(lane: Lane, scene: Scene) -> Standing:
    rest = scene.condition.rest_of(lane, scene.ticks)
    found = (scene.by_meter.get(meter.name) for meter in scene.meters(lane))
    full = max((gauge for gauge in found if gauge is not None and _is_full(gauge)), key=_back, default=None)
    uncounted = scene.uncounted(lane)
    until = max(
        scene.now if rest is None else scene.now + rest.until - scene.ticks,
        scene.now if full is None else _back(full),
        math.inf if uncounted else scene.now,
    )
    return Standing(lane, rest, full, uncounted, until)


def _is_full(gauge: Gauge) -> bool:
    """What this process holds is not used, for it may spend it."""
    if gauge.row.per == "flight" or (isinstance(gauge.span, Rolling) and gauge.span.seconds <= MOMENT):
        return False
    return gauge.expired or gauge.used >= gauge.row.limit


def _back(gauge: Gauge) -> float:
    return math.inf if gauge.expired or gauge.resets_at is None else gauge.resets_at


@dataclass(frozen=True, slots=True)
class Report:
    """`wait`: seconds until the first lane is available, where none is."""

    status: str
    body: dict[str, Any]
    wait: int


def report_of(scene: Scene) -> Report:
    standings = [standing_of(lane, scene) for lane in scene.lineup.lanes]
    cards = [card for card in cards_of(scene.config, scene.lineup) if card.state in _SHOWN]
    lanes: dict[str, list[Standing]] = {}
    for each in standings:
        lanes.setdefault(each.lane.provider.name, []).append(each)
    limits: dict[str, list[Gauge]] = {}
    for gauge in tightest(scene.gauges):
        limits.setdefault(gauge.row.provider, []).append(gauge)
    providers = [
        _provider(card, lanes.get(card.provider.name, ()), limits.get(card.provider.name, ()), scene)
        for card in cards
    ]
    status = _status(providers, scene)
    body = {
        "status": status,
        "at": scene.now,
        "store": {"available": not scene.fault, "fault": for_clients(scene.fault) or None},
        "serving": _serving(scene),
        "lanes": len(standings),
        "lanes_available": sum(each.available for each in standings),
        "providers": providers,
    }
    return Report(status, body, _wait(standings, scene.now))


def _status(providers: Iterable[dict[str, Any]], scene: Scene) -> str:
    ready = [each["available"] for each in providers if each["state"] == State.READY]
    if scene.stopping or not any(ready):
        return UNAVAILABLE
    return OK if all(ready) and not scene.fault else DEGRADED


def _wait(standings: Iterable[Standing], now: float) -> int:
    first = min((each.until for each in standings), default=math.inf)
    return SOON if not math.isfinite(first) else max(1, math.ceil(first - now))


def _serving(scene: Scene) -> dict[str, Any] | None:
    """Who has won the last race."""
    serving = scene.condition.serving
    if serving is None:
        return None
    return {
        "provider": serving.provider,
        "lane": serving.lane,
        "local": serving.local,
        "fallback": serving.fallback,
        "since": serving.since,
        "at": serving.at,
    }


def _provider(card: Card, mine: Sequence[Standing], limits: Sequence[Gauge], scene: Scene) -> dict[str, Any]:
    name = card.provider.name
    least = min(limits, key=lambda gauge: gauge.left / gauge.row.limit, default=None)
    condition = scene.condition
    trouble = condition.troubles.get(name)
    return {
        "name": name,
        "state": str(card.state),
        "reason": for_clients(card.why) or (UNCOUNTED if any(each.uncounted for each in mine) else None),
        "local": card.provider.local,
        "available": any(each.available for each in mine),
        "lanes": len(mine),
        "lanes_available": sum(each.available for each in mine),
        **_limit(least),
        "limits": [_of_account(gauge) for gauge in limits],
        "cool_down": _cool_down(mine, scene),
        "last_error": trouble and trouble._asdict(),
        "last_answer": condition.answered.get(name),
    }


def _of_account(gauge: Gauge) -> dict[str, Any]:
    return {"account": gauge.row.account, "model": gauge.row.model or None, **_limit(gauge)}


def _limit(gauge: Gauge | None) -> dict[str, Any]:
    if gauge is None:
        return dict.fromkeys(("used", "left", "limit", "unit", "window", "reset"))
    row = gauge.row
    return {
        "used": gauge.used,
        "left": gauge.left,
        "limit": row.limit,
        "unit": row.unit,
        "window": row.per,
        "reset": gauge.resets_at,
    }


def _cool_down(mine: Iterable[Standing], scene: Scene) -> dict[str, Any] | None:
    """That of its lanes which lasts longest."""
    rests = {each.rest.scope: each.rest for each in mine if each.rest is not None}
    longest = max(rests.values(), key=lambda rest: rest.until, default=None)
    if longest is None:
        return None
    return {
        "scope": longest.scope,
        "until": scene.unix(longest.until),
        "reason": longest.reason,
        "scopes": len(rests),
    }


async def health(house: House, visit: Visit) -> web.StreamResponse:
    """200 while one lane is available, else 503 with the time when one will be."""
    query_of(visit.request.raw_path, frozenset())
    report = report_of(await scene_of(house))
    if report.status == UNAVAILABLE:
        return visit.json(report.body, 503, {"retry-after": str(report.wait)})
    return visit.json(report.body)


async def scene_of(house: House) -> Scene:
    """A database that cannot be read says nothing of limits; who may start all the same, the ledger knows."""
    watch, ledger = house.watch, house.racer.ledger
    gauges: Sequence[Gauge] = ()
    fault = ledger.fault
    try:
        gauges = (await house.books.statement(Inquiry())).gauges
    except StoreError as error:
        fault = fault or str(error)
    return Scene(
        house.racer.config, house.racer.field, gauges, watch.condition, watch.meters,
        anyio.current_time(), house.now(), fault=fault, uncounted=ledger.uncounted,
        stopping=house.stopping.is_set(),
    )  # fmt: skip
