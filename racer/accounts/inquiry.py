"""An inquiry: what somebody wants to know of the usage, checked. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from racer.errors import BadRequest

SINCE = "7d"


@dataclass(frozen=True, slots=True)
class Inquiry:
    """`since`: a time such as 24h, or a date, for sums, race tax, alerts and savings.

    `forecast` and `saved` ask for these, `tokens_per_day` for a forecast at that rate. Raises BadRequest.
    """

    since: str = SINCE
    forecast: bool = False
    tokens_per_day: float | None = None
    saved: bool = False

    def __post_init__(self) -> None:
        tokens = self.tokens_per_day
        if tokens is not None and not 0 < tokens <= 1e15:
            allowed = "a number above 0, such as 200000"
            raise BadRequest(f"tokens_per_day=: found {tokens:g}; allowed: {allowed}")

    @property
    def looks_ahead(self) -> bool:
        return self.forecast or self.tokens_per_day is not None

    def begins(self, now: float) -> float:
        """The instant that `since` names, both in unix seconds. Raises BadRequest."""
        return beginning(self.since, now)


def beginning(text: str, now: float) -> float:
    """The instant that `text` names. A date begins in UTC, as the sums of a day do. Raises BadRequest."""
    from datetime import UTC, datetime

    from racer.core.duration import seconds

    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            begins = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        else:
            begins = max(0.0, now - (seconds(text) or 0.0))
    except ValueError:  # a day that no month has
        begins = now
    if not 0 <= begins < now:
        allowed = "a time such as 24h or 7d, or a date that has begun"
        raise BadRequest(f"since=: found {text!r}; allowed: {allowed}")
    return begins
