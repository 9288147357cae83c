"""Numbers from strangers, made fit to be stored and summed up, and the days (UTC) that sums are of."""

from __future__ import annotations

import math
from datetime import UTC, datetime

MOST = 10**12
DAY = 86400
# To hand over None takes sqlite3 four times as long as a number. So -1, which nothing is that is stored, can
# stand for it where OR_NULL is written in the place of a question mark.
NOTHING = -1
OR_NULL = "NULLIF(?, -1)"


def count(number: int) -> int:
    """From 0 to MOST."""
    return number if 0 <= number <= MOST else min(max(number, 0), MOST)


def amount(value: float) -> float:
    """0 where it is less than that, without end, or no number."""
    return value if 0 <= value < math.inf else 0.0


def date(at: float) -> str:
    """The day of an instant in unix seconds, as SQLite writes it."""
    return datetime.fromtimestamp(at // DAY * DAY, UTC).date().isoformat()
