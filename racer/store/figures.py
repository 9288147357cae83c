"""Numbers from strangers, made fit to be stored and summed up, and the days (UTC) that sums are of."""

from __future__ import annotations

import math
from datetime import UTC, datetime

MOST = 10**12
DAY = 86400


def count(number: int) -> int:
    """From 0 to MOST."""
    return min(max(number, 0), MOST)


def amount(value: float) -> float:
    """0 where it is less than that, without end, or no number."""
    return value if 0 <= value < math.inf else 0.0


def date(at: float) -> str:
    """The day of an instant in unix seconds, as SQLite writes it."""
    return datetime.fromtimestamp(at // DAY * DAY, UTC).date().isoformat()
