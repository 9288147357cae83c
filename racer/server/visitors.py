"""How much is asked at once, in all and of each token: beyond it clients are told when to come again."""

from __future__ import annotations

import math
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from racer.core.facts import LaneEnded
from racer.server.audience import current
from racer.server.question import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from racer.core.facts import Fact
    from racer.server.guard import Holder
    from racer_adapters.types import Usage

MINUTE = 60.0
MOMENT = 1  # seconds: somebody is done soon


@dataclass(slots=True)
class Account:
    """What one token has asked and used since the server began."""

    requests: int = 0
    refused: int = 0
    in_flight: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    _recent: deque[float] = field(default_factory=deque[float], repr=False)

    def used(self, usage: Usage) -> None:
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens

    def wait(self, most: int, now: float) -> float:
        """Seconds until one more request is within `most` a minute; 0 where it is now."""
        while self._recent and self._recent[0] <= now - MINUTE:
            self._recent.popleft()
        return 0.0 if len(self._recent) < most else self._recent[0] + MINUTE - now

    def begin(self, now: float, *, counted: bool) -> None:
        self.requests += 1
        self.in_flight += 1
        if counted:
            self._recent.append(now)


class Visitors:
    """`most` may be in flight at once; `now` never goes back. `accounts` has the tokens by name."""

    def __init__(self, most: int, now: Callable[[], float]) -> None:
        self.most = most
        self.in_flight = 0
        self.accounts: dict[str, Account] = {}
        self._now = now

    def account(self, name: str) -> Account:
        return self.accounts.setdefault(name, Account())

    @contextmanager
    def admitted(self, holder: Holder) -> Generator[None]:
        """A place for one request. Raises Refused where there is none."""
        account, now = self.account(holder.name), self._now()
        try:
            self._check(holder, account, now)
        except Refused:
            account.refused += 1
            raise
        account.begin(now, counted=holder.requests_per_minute is not None)
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            account.in_flight -= 1

    def observe(self, fact: Fact) -> None:
        """Every lane counts for the token whose request has started it, however that ended for its client."""
        if isinstance(fact, LaneEnded) and fact.record.usage is not None and (trail := current()) is not None:
            self.account(trail.token).used(fact.record.usage)

    def _check(self, holder: Holder, account: Account, now: float) -> None:
        if self.in_flight >= self.most:
            raise _busy(f"{self.most} requests are in flight, and more are not taken at once", MOMENT)
        if holder.in_flight is not None and account.in_flight >= holder.in_flight:
            raise _busy(f"this token may have {holder.in_flight} requests in flight at once", MOMENT)
        if holder.requests_per_minute is not None:
            wait = account.wait(holder.requests_per_minute, now)
            if wait > 0:
                most = holder.requests_per_minute
                raise _busy(f"this token may ask {most} times a minute", max(1, math.ceil(wait)))


def _busy(message: str, seconds: int) -> Refused:
    return Refused(429, message, kind="rate_limit_error", code="rate_limit_exceeded", retry_after=seconds)
