"""What was counted, in the format of Prometheus. docs/server.md lists every name; no name changes lightly.

The counts are our own (tally.py) and given to Prometheus' library only when somebody asks: a race pays for
no lock, and a server that nobody scrapes does not load it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from racer.server.health import report_of, scene_of
from racer.server.query import query_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from prometheus_client.metrics_core import Metric

    from racer.accounts.gauge import Gauge
    from racer.server.health import Report
    from racer.server.house import House
    from racer.server.tally import Counts, Labels, Spread, Tally
    from racer.server.visit import Visit
    from racer.server.visitors import Visitors

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Name(NamedTuple):
    """A metric: what it is called, what it says, and by which labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


COUNTED: Mapping[Name, Callable[[Tally], Counts]] = {
    Name("racer_races_total", "Races that are over.", ("policy", "ending")): lambda t: t.races,
    Name(
        "racer_lanes_total",
        "Lanes that are over; reason is the class of a failure.",
        ("provider", "model", "outcome", "reason"),
    ): lambda t: t.lanes,
    Name("racer_tokens_total", "Tokens of lanes.", ("provider", "direction")): lambda t: t.tokens,
    Name("racer_cache_hits_total", "Replies that were given again.", ("shared",)): lambda t: t.cache_hits,
    Name("racer_cooldowns_total", "Cool-downs that have begun.", ("provider", "scope", "reason")): lambda t: (
        t.cooldowns
    ),
    Name("racer_metered_requests_total", "Metered requests of races that are over.", ("policy",)): lambda t: (
        t.sent
    ),
    Name(
        "racer_extra_requests_total", "Those of them that were beside the needed ones.", ("policy",)
    ): lambda t: t.extra_requests,
    Name("racer_extra_tokens_total", "Tokens of extra requests.", ("policy",)): lambda t: t.extra_tokens,
    Name("racer_extra_usd_total", "What extra requests cost.", ("policy",)): lambda t: t.extra_usd,
    Name("racer_saved_seconds_total", "Time that extra requests saved.", ("policy",)): lambda t: t.saved,
    Name("racer_http_requests_total", "Requests that are over.", ("route", "status", "token")): lambda t: (
        t.requests
    ),
    Name("racer_store_faults_total", "How often the database could not be used."): lambda t: t.faults,
}
TIMED: Mapping[Name, Callable[[Tally], Spread]] = {
    Name("racer_race_seconds", "How long races took that were won.", ("policy",)): lambda t: t.race_seconds,
    Name("racer_lane_seconds", "How long lanes took that gave a valid reply.", ("provider",)): lambda t: (
        t.lane_seconds
    ),
    Name("racer_first_token_seconds", "Until the first token of a lane.", ("provider",)): lambda t: (
        t.first_token
    ),
    Name("racer_http_seconds", "How long requests took.", ("route",)): lambda t: t.request_seconds,
}
QUOTA = Name(
    "racer_quota_used_ratio",
    "Share of a limit that is used.",
    ("provider", "account", "model", "unit", "window"),
)
TOKEN_USE = Name(
    "racer_token_tokens_total", "Tokens of the lanes that each token has had started.", ("token", "direction")
)
BUILD = Name("racer_build_info", "Which racer this is.", ("version",))
RACES_NOW = Name("racer_races_in_flight", "Races that are under way.")
LANES_NOW = Name("racer_lanes_in_flight", "Lanes that are under way.", ("provider",))
ASKING_NOW = Name("racer_http_in_flight", "Questions that are being answered.")
READERS_NOW = Name("racer_event_readers", "Who reads events now.")
EVENTS_LOST = Name("racer_events_lost_total", "Events that readers were too slow for.")
AVAILABLE = Name("racer_provider_available", "Whether a lane of it could start now.", ("provider",))
COOLING = Name("racer_cooldown_active", "Whether a lane of it rests now.", ("provider",))
STORE = Name("racer_store_available", "Whether the database can be used.")
SHOWN = (
    *COUNTED, *TIMED, QUOTA, TOKEN_USE, BUILD, RACES_NOW, LANES_NOW, ASKING_NOW, READERS_NOW, EVENTS_LOST,
    AVAILABLE, COOLING, STORE,
)  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Snapshot:
    """What is told at one instant."""

    tally: Tally
    visitors: Visitors
    report: Report
    gauges: Sequence[Gauge]
    version: str
    racing: int = 0
    readers: int = 0
    lost: int = 0

    def collect(self) -> Iterator[Metric]:
        """What a registry asks its collectors."""
        for name, counts in COUNTED.items():
            yield counter(name, counts(self.tally).items())
        for name, spread in TIMED.items():
            yield histogram(name, spread(self.tally))
        yield counter(TOKEN_USE, _token_use(self.visitors))
        yield counter(EVENTS_LOST, [((), self.lost)])
        yield from self._gauges()

    def _gauges(self) -> Iterator[Metric]:
        body = self.report.body
        providers = body["providers"]
        yield gauge(BUILD, [((self.version,), 1)])
        yield gauge(RACES_NOW, [((), self.racing)])
        yield gauge(LANES_NOW, [((name,), number) for name, number in self.tally.flying.items()])
        yield gauge(ASKING_NOW, [((), self.visitors.in_flight)])
        yield gauge(READERS_NOW, [((), self.readers)])
        yield gauge(QUOTA, used_ratios(self.gauges).items())
        yield gauge(AVAILABLE, [((each["name"],), float(each["available"])) for each in providers])
        yield gauge(COOLING, [((each["name"],), float(each["cool_down"] is not None)) for each in providers])
        yield gauge(STORE, [((), float(body["store"]["available"]))])


def used_ratios(gauges: Iterable[Gauge]) -> dict[Labels, float]:
    """Of limits that hold. Where two have the same labels, that which is used more."""
    found: dict[Labels, float] = {}
    for each in gauges:
        row = each.row
        if each.current and row.limit > 0:
            labels = (row.provider, row.account, row.model, row.unit, row.per)
            found[labels] = max(found.get(labels, 0.0), 1.0 if each.expired else each.used / row.limit)
    return found


def _token_use(visitors: Visitors) -> Iterator[tuple[Labels, float]]:
    for name, account in visitors.accounts.items():
        yield (name, "input"), account.input_tokens
        yield (name, "output"), account.output_tokens


def counter(name: Name, rows: Iterable[tuple[Labels, float]]) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(name.name, name.help, labels=name.labels)
    for labels, value in rows:
        family.add_metric(labels, value)
    return family


def gauge(name: Name, rows: Iterable[tuple[Labels, float]]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name.name, name.help, labels=name.labels)
    for labels, value in rows:
        family.add_metric(labels, value)
    return family


def histogram(name: Name, spread: Spread) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(name.name, name.help, labels=name.labels)
    for labels, buckets, total in spread.rows():
        family.add_metric(labels, buckets, total)
    return family


def written(snapshot: Snapshot) -> bytes:
    """As text, with what Prometheus' library says of this process: memory, files, CPU time."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(snapshot)
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def version() -> str:
    """Of the distribution; empty in a tree of sources that was never installed."""
    try:
        return metadata.version("llm-racer")
    except metadata.PackageNotFoundError:
        return ""


async def metrics(house: House, visit: Visit) -> web.StreamResponse:
    query_of(visit.request.raw_path, frozenset())
    watch = house.watch
    scene = await scene_of(house)
    snapshot = Snapshot(
        watch.tally, house.visitors, report_of(scene), scene.gauges, version(),
        racing=len(watch.lately.running), readers=watch.live.readers, lost=watch.live.lost,
    )  # fmt: skip
    headers = {**visit.headers, "content-type": CONTENT_TYPE}
    return web.Response(headers=headers, body=written(snapshot))
