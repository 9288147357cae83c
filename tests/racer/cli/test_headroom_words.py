"""What is left today, in words."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from racer.accounts.gauge import Gauge
from racer.cli.headroom_words import in_words
from racer.core.span import Calendar, Once
from tests.racer.accounts.ledgers import usage

if TYPE_CHECKING:
    from racer.core.span import Span

DAY = Calendar("day", 0, 0, UTC)


def gauge(used: float, span: Span | None = DAY, *, limit: float = 100.0, **more: object) -> Gauge:
    return Gauge(usage(limit=limit)._replace(used=used, **more), span, None)  # type: ignore[arg-type]


WORDS: list[tuple[list[Gauge], str]] = [
    ([], "no limit known"),
    ([gauge(188, limit=1000)], "812 of 1,000 requests a day"),
    ([gauge(0)], "all of 100 requests a day"),
    ([gauge(1, model="m\x1b[2J1")], "m1: 99 of 100 requests a day"),
    ([gauge(100), gauge(50, account="a:K2")], "KEY: 0 of 100 requests a day\nK2: 50 of 100 requests a day"),
    ([gauge(1, account="pool", model="m"), gauge(0)], "pool m: 99 of 100 requests a day\nKEY: all of 100 "),
    (
        [gauge(1, Once(1.0), limit=5, unit="usd", per="once")._replace(expired=True)],
        "0 of 5 USD once, expired",
    ),
]


def test_it_is_told_in_few_words() -> None:
    """The account is named where there are several, the model where the limit is its own."""
    for gauges, words in WORDS:
        assert in_words(gauges).startswith(words)
        assert in_words(gauges).count("\n") == words.count("\n")
