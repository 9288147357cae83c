"""Headroom: which limit of an account is the tightest."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from racer.accounts.gauge import Gauge
from racer.accounts.headroom import tightest
from racer.core.span import Calendar, Rolling
from tests.racer.accounts.ledgers import usage

if TYPE_CHECKING:
    from racer.core.span import Span

DAY = Calendar("day", 0, 0, UTC)


def gauge(used: float, span: Span | None = DAY, *, limit: float = 100.0, **more: object) -> Gauge:
    return Gauge(usage(limit=limit)._replace(used=used, **more), span, None)  # type: ignore[arg-type]


def test_the_smallest_share_is_told() -> None:
    """One limit for each account, whatever its unit; among equals the first."""
    first, second = gauge(60, unit="requests"), gauge(700, limit=1000, unit="tokens")
    other = [gauge(0, account="b", unit="requests"), gauge(0, account="b", unit="tokens")]

    assert tightest([first, second, *other]) == (second, other[0])
    assert tightest([]) == ()


def test_short_windows_count_only_where_there_are_no_others() -> None:
    """What is used of a minute is back at once."""
    minute = gauge(99, Rolling(60.0), per="minute")
    hours = gauge(10, Rolling(18_000.0), per="rolling 5h")

    assert tightest([minute, hours]) == (hours,)
    assert tightest([minute]) == (minute,)


def test_what_is_no_limit_of_today_is_left_out() -> None:
    """Calls in flight come back when they end; what is not configured any more holds nobody."""
    flight = gauge(0, None, per="flight", unit="calls", leased=100.0)
    gone = gauge(99)._replace(current=False)

    assert tightest([flight, gone]) == ()
