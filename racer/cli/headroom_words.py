"""What is left today of each account: how its tightest limit stands, in a few words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.cli import allowance, usage_words
from racer.core.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from racer.accounts.gauge import Gauge


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
