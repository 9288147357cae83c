"""What is left today of each account: how its tightest limit stands, in a few words. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from racer.cli import allowance, usage_words
from racer.cli.plain import one_line
from racer.core.span import LENGTHS, Rolling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from racer.cli.gauge import Gauge


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


def in_words(gauges: Sequence[Gauge]) -> str:
    """A line for each account, named where there are several; what is left, and of which limit."""
    if not gauges:
        return allowance.UNKNOWN
    return "\n".join(_line(gauge, several=len(gauges) > 1) for gauge in gauges)


def _line(gauge: Gauge, *, several: bool) -> str:
    row = gauge.row
    account = row.account.partition(":")[2] or row.account
    names = " ".join(_names(account if several else "", row.model))
    left = "all" if gauge.left == row.limit else usage_words.figure(gauge.left)
    amount = f"{left} of {usage_words.limit(row)}"
    return (f"{names}: " if names else "") + amount + (", expired" if gauge.expired else "")


def _names(*names: str) -> Iterator[str]:
    return (one_line(name) for name in names if name)
