"""What happens in a race, as records: one for each event of docs/events.md, told to every observer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from racer.core.heat import Ending
    from racer.core.provider import Lane
    from racer.core.reply import Attempt


@dataclass(frozen=True, slots=True)
class RaceStarted:
    """`lanes` are all that may run, in order of rank; `skipped` the others, each with its reason."""

    race: str
    policy: str
    width: int
    deadline: float
    lanes: tuple[Lane, ...]
    skipped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LaneStarted:
    """`offset` is seconds from the start of the race."""

    race: str
    attempt: int
    lane: Lane
    offset: float


@dataclass(frozen=True, slots=True)
class LaneFirstToken:
    """`after` is seconds from the start of the lane."""

    race: str
    attempt: int
    lane: Lane
    offset: float
    after: float


@dataclass(frozen=True, slots=True)
class FieldsDropped:
    """What the caller asked for and this lane could not be told: its provider refuses it."""

    race: str
    lane: Lane
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LaneEnded:
    """A lane has won, lost, failed or come late: `record.outcome` tells which."""

    race: str
    attempt: int
    lane: Lane
    record: Attempt


@dataclass(frozen=True, slots=True)
class RaceEnded:
    race: str
    ending: Ending
    latency: float
    attempts: int
    winner: Lane | None = None


@dataclass(frozen=True, slots=True)
class CoolDownStarted:
    """`until` is on the race's clock, `seconds` from now."""

    race: str
    scope: str
    until: float
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class CoolDownEnded:
    race: str
    scope: str


Fact = (
    RaceStarted
    | LaneStarted
    | LaneFirstToken
    | FieldsDropped
    | LaneEnded
    | RaceEnded
    | CoolDownStarted
    | CoolDownEnded
)
Observer = Callable[[Fact], None]
