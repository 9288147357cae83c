"""What a heat orders, which the shell of a race carries out; and what it asks: who may start at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from racer.core.view import Why

if TYPE_CHECKING:
    from racer.core.breaker import Block
    from racer.core.heat import Ending
    from racer.core.provider import Lane


@dataclass(frozen=True, slots=True)
class Start:
    """`price`: what the request is worth, in seconds."""

    attempt: int
    lane: Lane
    price: float = 0.0
    why: Why = Why.FIRST


@dataclass(frozen=True, slots=True)
class Stop:
    """The race is over; `lost` are the attempts that were still running."""

    ending: Ending
    lost: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Halt:
    """The race has a leader; `lost` are the attempts that ran beside it, and are over with this."""

    lost: tuple[int, ...]


Action = Start | Halt | Stop


class Gate(Protocol):
    """What stands between a lane and its start: breakers, and the limits that the ledger keeps."""

    def blocked(self, lane: Lane, now: float) -> Block | None:
        """Why `lane` may not start at `now`, or None."""
        ...

    def ask(self, lane: Lane) -> None:
        """`lane` is wanted and its block is pending: a tick is due when that has changed."""
        ...

    def started(self, lane: Lane, now: float) -> None:
        """`lane` starts now. Said at once, so that the next question already knows of it."""
        ...
