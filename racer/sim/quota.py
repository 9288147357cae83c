"""The limits of one provider, enforced and counted: fixed windows, time as an argument.

Rule 1: a request is admitted only if every limit that concerns it has room; then all of them count it.
Rule 2: what was counted is never given back; a refused request counts nowhere.
Rule 3: a window belongs to the limit and to its scope: one account, one model of an account, or all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racer.sim.profile import Limit, Unit

Bucket = tuple[int, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one limit stands for one account and model."""

    unit: Unit
    period: str
    seconds: float
    limit: int
    used: int
    resets_in: float

    @property
    def remaining(self) -> int:
        return max(self.limit - self.used, 0)


@dataclass(frozen=True, slots=True)
class Closed:
    """The limit that has no room, and how much the request would have needed."""

    standing: Standing
    requested: int


@dataclass(frozen=True, slots=True)
class Use:
    """What one limit has counted for one account and model; `peak` over all windows."""

    limit: str
    account: str | None
    model: str | None
    used: int
    peak: int
    admitted: int
    refused: int
    windows: int
    resets_in: float | None


@dataclass(slots=True)
class _Window:
    start: float = -math.inf
    used: int = 0
    peak: int = 0
    admitted: int = 0
    refused: int = 0
    windows: int = 0


class Gate:
    def __init__(self, limits: Iterable[Limit]) -> None:
        self._limits = tuple(limits)
        self._windows: dict[Bucket, _Window] = {}

    def admit(self, now: float, account: str, model: str, tokens: int) -> Closed | None:
        """Count one request of `tokens`, or say which limit has no room and count nothing."""
        need = {"requests": 1, "tokens": tokens}
        windows = [self._window(n, limit, account, model) for n, limit in enumerate(self._limits)]
        for limit, window in zip(self._limits, windows, strict=True):
            used = window.used if _open(limit, window, now) else 0
            if used + need[limit.unit] > limit.amount:
                window.refused += 1
                return Closed(_standing(limit, window, now), need[limit.unit])
        for limit, window in zip(self._limits, windows, strict=True):
            _count(limit, window, now, need[limit.unit])
        return None

    def standings(self, now: float, account: str, model: str) -> tuple[Standing, ...]:
        return tuple(
            _standing(limit, self._window(n, limit, account, model), now)
            for n, limit in enumerate(self._limits)
        )

    def uses(self, now: float) -> tuple[Use, ...]:
        return tuple(
            _use(self._limits[n], account, model, window, now)
            for (n, account, model), window in self._windows.items()
        )

    def clear(self) -> None:
        self._windows.clear()

    def _window(self, n: int, limit: Limit, account: str, model: str) -> _Window:
        bucket = (
            n,
            None if limit.scope == "provider" else account,
            model if limit.scope == "model" else None,
        )
        return self._windows.setdefault(bucket, _Window())


def _open(limit: Limit, window: _Window, now: float) -> bool:
    return window.start <= now < window.start + limit.seconds


def _count(limit: Limit, window: _Window, now: float, amount: int) -> None:
    if not _open(limit, window, now):
        window.start = _start(limit, now)
        window.used = 0
        window.windows += 1
    window.used += amount
    window.admitted += amount
    window.peak = max(window.peak, window.used)


def _start(limit: Limit, now: float) -> float:
    if limit.reset == "first" or math.isinf(limit.seconds):
        return now
    start = math.floor(now / limit.seconds) * limit.seconds
    if start + limit.seconds <= now:  # rounding may leave `now` just outside its own window
        start += limit.seconds
    return min(start, now)


def _standing(limit: Limit, window: _Window, now: float) -> Standing:
    live = _open(limit, window, now)
    start = window.start if live else _start(limit, now)
    return Standing(
        unit=limit.unit,
        period=limit.name,
        seconds=limit.seconds,
        limit=limit.amount,
        used=window.used if live else 0,
        resets_in=start + limit.seconds - now,
    )


def _use(limit: Limit, account: str | None, model: str | None, window: _Window, now: float) -> Use:
    live = _open(limit, window, now)
    left = window.start + limit.seconds - now
    return Use(
        limit=f"{limit.amount} {limit.unit} per {limit.name}",
        account=account,
        model=model,
        used=window.used if live else 0,
        peak=window.peak,
        admitted=window.admitted,
        refused=window.refused,
        windows=window.windows,
        resets_in=left if live and math.isfinite(left) else None,
    )
