"""What every race of one Racer shares, and what a race ends in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.core.breaker import Breakers
    from racer.core.facts import Observer
    from racer.core.heat import Ending
    from racer.core.reply import Attempt, Reply
    from racer.exchange import Exchange
    from racer_adapters.errors import WireError


@dataclass(frozen=True, slots=True)
class Stage:
    """What every race of one Racer shares."""

    exchange: Exchange
    breakers: Breakers
    now: Callable[[], float]
    tell: Observer


@dataclass(frozen=True, slots=True)
class Result:
    """How a race ended. `reasons` are the failures in order, each with its lane's id.

    `told` is what its reader has of a reply that was not to be had whole; `mends`: it could be gone on with.
    """

    ending: Ending
    attempts: tuple[Attempt, ...]
    reasons: tuple[tuple[str, WireError], ...]
    reply: Reply[Any] | None = None
    told: str = ""
    mends: bool = False
