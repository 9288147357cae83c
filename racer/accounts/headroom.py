"""Headroom: the limit of each account that stands tightest. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from racer.core.span import LENGTHS, Rolling

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from racer.accounts.gauge import Gauge


def tightest(gauges: Iterable[Gauge]) -> tuple[Gauge, ...]:
    """One for each account: that of which the smallest share is left. `gauges` in the order of accounts.

    Limits for less than an hour count only where there are no others: what is used of them is back at once.
    """
    windows = (gauge for gauge in gauges if gauge.row.per != "flight" and gauge.current)
    return tuple(
        _tightest(list(of_account)) for _, of_account in groupby(windows, lambda each: each.row.account)
    )


def _tightest(gauges: Sequence[Gauge]) -> Gauge:
    lasting = [gauge for gauge in gauges if not _short(gauge)]
    return min(lasting or gauges, key=lambda gauge: gauge.left / gauge.row.limit)


def _short(gauge: Gauge) -> bool:
    return isinstance(gauge.span, Rolling) and gauge.span.seconds < LENGTHS["hour"]
