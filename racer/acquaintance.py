"""What the ledger has to know of a lane before it can count: its meters, and who reads its headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from racer.core.metering import meters_of
from racer_adapters.limits import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from racer.core.provider import Lane
    from racer.core.quota import Meter
    from racer_adapters.dialect import Dialect
    from racer_adapters.limits import Reader


class Known(NamedTuple):
    """`reader` is None where nothing is counted."""

    meters: tuple[Meter, ...]
    reader: Reader | None


class Acquaintance:
    """Looks a lane up once: its meters stay the same as long as the configuration does."""

    def __init__(self, dialects: Mapping[str, Dialect]) -> None:
        self._dialects = dialects
        self._known: dict[str, Known] = {}

    def __call__(self, lane: Lane) -> Known:
        known = self._known.get(lane.id)
        if known is None:
            known = self._known[lane.id] = self._look_up(lane)
        return known

    def _look_up(self, lane: Lane) -> Known:
        meters = meters_of(lane, zone)
        if not meters:
            return Known((), None)
        named = FORMATS.get(lane.provider.limit_headers)
        return Known(meters, named or self._dialects[lane.provider.dialect].limits)


def zone(name: str) -> tzinfo:
    """An IANA time zone. The configuration has seen to it that there is one."""
    from zoneinfo import ZoneInfo  # costs a start 4 ms, and UTC needs it not

    return ZoneInfo(name)
