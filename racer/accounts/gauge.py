"""A gauge: how one limit stands, whether anything was used of it or not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from racer.core.field import field_of
from racer.core.metering import meters_of
from racer.core.span import Calendar, Once, closed, slot_at
from racer.store.readings import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import tzinfo

    from racer.core.provider import Provider
    from racer.core.quota import Meter
    from racer.core.span import Span

COLUMNS = (
    *("provider", "account", "model", "unit", "window"),
    *("used", "outside", "held", "limit", "left", "resets_at", "expired"),
    *("configured", "told_by", "told_at", "source", "current", "meter"),
)


class Gauge(NamedTuple):
    """`row` as the store has it, with the limit that the configuration gives now.

    `resets_at`: the end of a window of the calendar; when a rolling one gives the first of it back; when
    credits expire. None where that never comes, or nothing is used. `span` is None for calls in flight, and
    where the configuration does not tell. `current`: it still holds.
    """

    row: Usage
    span: Span | None
    resets_at: float | None
    expired: bool = False
    current: bool = True

    @property
    def used(self) -> float:
        """By us and by others. Calls in flight are leased, not used."""
        row = self.row
        return row.leased if row.per == "flight" else row.used + row.outside

    @property
    def held(self) -> float:
        """What living processes may still use of it without asking again."""
        return 0.0 if self.row.per == "flight" else self.row.leased

    @property
    def left(self) -> float:
        return 0.0 if self.expired else max(0.0, round(self.row.limit - self.used - self.held, 9))

    def to_dict(self) -> dict[str, Any]:
        """Plain values under COLUMNS."""
        row = self.row
        values = (
            *(row.provider, row.account, row.model or None, row.unit, row.per),
            *(self.used, row.outside, self.held, row.limit, self.left, self.resets_at, self.expired),
            *(row.amount, row.teller, row.told_at, row.source, self.current, row.meter),
        )
        return dict(zip(COLUMNS, values, strict=True))


def gauges_of(
    providers: Sequence[Provider], rows: Iterable[Usage], zone: Callable[[str], tzinfo], now: float
) -> tuple[Gauge, ...]:
    """Every limit that is configured, used or not; then those that are not any more, as far as they are used.

    Limits of servers that tell their models are known once these were asked: those stand as they are stored.
    """
    lanes = field_of(providers, {}).lanes
    meters = {meter.name: meter for lane in lanes for meter in meters_of(lane, zone)}
    stored = {row.meter: row for row in rows}
    told = {each.name for each in providers if each.enabled and each.discover}
    others = [row for name, row in stored.items() if name not in meters]
    gauges = (
        *(_configured(meter, stored.get(name), now) for name, meter in meters.items()),
        *(Gauge(row, None, row.resets_at) for row in others if row.provider in told),
        *(
            Gauge(row, None, row.resets_at, current=False)
            for row in others
            if row.provider not in told and row.used + row.outside > 0
        ),
    )
    return _in_order(gauges)


def _in_order(gauges: Sequence[Gauge]) -> tuple[Gauge, ...]:
    """Accounts and models as they come first; what all models of an account share goes before."""
    accounts = list(dict.fromkeys(each.row.account for each in gauges))
    models = ["", *dict.fromkeys(each.row.model for each in gauges if each.row.model)]

    def place(gauge: Gauge) -> tuple[int, int]:
        return accounts.index(gauge.row.account), models.index(gauge.row.model)

    return tuple(sorted(gauges, key=place))


def _configured(meter: Meter, row: Usage | None, now: float) -> Gauge:
    row = _unused(meter) if row is None else row._replace(amount=meter.amount, limit=_limit(meter, row))
    span = meter.span
    expired = span is not None and closed(span, now)
    if isinstance(span, Calendar):
        return Gauge(row, span, slot_at(span, now).until)
    if isinstance(span, Once):
        return Gauge(row, span, span.expires, expired)
    return Gauge(row, span, row.resets_at)


def _limit(meter: Meter, row: Usage) -> float:
    """The configuration may have changed since the row was written."""
    if row.teller == "configured":
        return meter.amount
    return min(meter.amount, row.limit) if meter.own else row.limit


def _unused(meter: Meter) -> Usage:
    return Usage(
        meter=meter.name,
        provider=meter.provider,
        account=meter.account,
        model=meter.model,
        unit=meter.unit,
        per=meter.per,
        used=0.0,
        outside=0.0,
        leased=0.0,
        limit=meter.amount,
        amount=meter.amount,
        teller="configured",
        source=meter.source,
        told_at=None,
        resets_at=None,
    )
