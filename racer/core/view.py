"""What a policy may know of a race, and what it plans: records, and the port to what is known of lanes.

A policy is a pure function from a `View` to `Planned(lane, offset)`, offsets in seconds from now. It is asked
again at every turn of the race, so it keeps no state of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.provider import Lane


class Why(StrEnum):
    """Why a lane starts."""

    FIRST = "first"  # the race begins with it
    AHEAD = "ahead"  # it is loaded on a machine of the user's own, and costs nothing
    BESIDE = "beside"  # the policy asks several at once
    LATE = "late"  # whoever started last has shown nothing for too long
    STALLED = "stalled"  # whoever streams has said nothing more for too long
    REPLACES = "replaces"  # another has failed
    SPARED = "spared"  # it does not: the last of its limit is for races that find nobody else
    HELD = "held"  # it does not: no more extra requests are allowed


class Prospects(Protocol):
    """What is to be expected of lanes, in seconds. Asked twice at one instant, it says the same."""

    def first(self, lane: Lane) -> float:
        """By when nine in ten of its calls have shown a first token."""
        ...

    def expected(self, lane: Lane) -> float:
        """To a whole answer on average, what failures cost included."""
        ...

    def price(self, lane: Lane) -> float:
        """What a request is worth that it takes of its limits: 0 for a local lane."""
        ...

    def last(self, lane: Lane) -> bool:
        """Whether a request would take of the last of a limit that is behind its pace."""
        ...

    def rest(self, lane: Lane, age: float) -> float:
        """How much longer its whole answer takes that is not there after `age`, on average."""
        ...

    def overdue(self, lane: Lane, age: float) -> bool:
        """Whether it is later than nine in ten of its calls when it has shown nothing for so long."""
        ...

    def forgotten(self, lane: Lane) -> bool:
        """Whether nothing is known of it any more, and an extra request may well find out."""
        ...

    def may_add(self) -> bool:
        """Whether one more extra request is within its allowance."""
        ...

    def add(self) -> None:
        """An extra request is sent: it comes out of the allowance at once."""
        ...


class Unknown:
    """Nothing is known: lanes are alike, none is dear, and a second may be asked after a second."""

    __slots__ = ()

    def first(self, lane: Lane) -> float:
        return 1.0

    def expected(self, lane: Lane) -> float:
        return 1.0

    def price(self, lane: Lane) -> float:
        return 0.0

    def last(self, lane: Lane) -> bool:
        return False

    def rest(self, lane: Lane, age: float) -> float:
        return 0.0

    def overdue(self, lane: Lane, age: float) -> bool:
        return False

    def forgotten(self, lane: Lane) -> bool:
        return False

    def may_add(self) -> bool:
        return True

    def add(self) -> None:
        """Nobody counts."""


UNKNOWN = Unknown()


@dataclass(slots=True)
class Running:
    """A lane at work. `first_token` is the instant of its first real token, once it came.

    `last` is the instant of its last piece, and `pieces` how many have come behind the first. `extra`: its
    request came out of the allowance.
    """

    attempt: int
    lane: Lane
    started: float
    first_token: float | None = None
    last: float | None = None
    pieces: int = 0
    extra: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What a policy may know. `running` is in order of start.

    `waiting` is in order of rank and holds only lanes that may start now; behind them, as its last
    `had_turn`, those of providers that had their turn already. `vacant`: how many lanes have failed that none
    has replaced yet, local ones and extra requests not counted. `groups`: by a lane's id, how far behind the
    caller's wishes put it.
    """

    now: float
    width: int
    running: Sequence[Running]
    waiting: Sequence[Lane]
    prospects: Prospects = UNKNOWN
    groups: Mapping[str, int] = field(default_factory=dict[str, int])
    had_turn: int = 0
    vacant: int = 0


@dataclass(frozen=True, slots=True)
class Planned:
    """`extra`: it is one request more than the race needs if nothing goes wrong, and counts as such."""

    lane: Lane
    offset: float = 0.0
    extra: bool = False
    why: Why = Why.FIRST


class Due(NamedTuple):
    """A start that was planned when the race ended: `offset` is seconds from its start."""

    lane: str
    offset: float
    price: float
    why: Why
