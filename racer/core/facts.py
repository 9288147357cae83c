"""What happens in and around a race, as records: one for each event of docs/events.md, told to observers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from racer.core.tax import NONE
from racer.core.view import Why
from racer_adapters.quick import quick

if TYPE_CHECKING:
    from racer.core.heat import Ending
    from racer.core.provider import Lane
    from racer.core.quota import Alert
    from racer.core.reply import Attempt
    from racer.core.tax import Tax
    from racer.core.view import Due


ALL = 1.0


@quick
@dataclass(frozen=True, slots=True)
class RaceStarted:
    """`lanes` are all that may run, in order of rank; `skipped` the others, each with its reason."""

    race: str
    policy: str
    width: int
    deadline: float
    lanes: tuple[Lane, ...]
    skipped: tuple[tuple[str, str], ...] = ()


@quick
@dataclass(frozen=True, slots=True)
class LaneStarted:
    """`offset` is seconds from the start of the race. `price`: what the request was worth, in seconds."""

    race: str
    attempt: int
    lane: Lane
    offset: float
    price: float = 0.0
    why: Why = Why.FIRST


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


@quick
@dataclass(frozen=True, slots=True)
class LaneEnded:
    """A lane has won, lost, failed or come late: `record.outcome` tells which."""

    race: str
    attempt: int
    lane: Lane
    record: Attempt


@quick
@dataclass(frozen=True, slots=True)
class RaceEnded:
    """`kept_out` are lanes that could not start when they were looked at last, each with its reason.

    `due` are those that would have started next. `tax`: what lanes beside those that were needed cost.
    `charged`: how many requests came out of the allowance.
    """

    race: str
    ending: Ending
    latency: float
    attempts: int
    winner: Lane | None = None
    kept_out: tuple[tuple[str, str], ...] = ()
    due: tuple[Due, ...] = ()
    tax: Tax = NONE
    charged: int = 0


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


@dataclass(frozen=True, slots=True)
class QuotaAlert:
    """A share `level` of a limit is used, for the first time in its window. `resets_at` in unix seconds.

    `brief`: the window is shorter than an hour.
    """

    meter: str
    level: float
    used: float
    limit: float
    resets_at: float | None
    brief: bool = False


@dataclass(frozen=True, slots=True)
class QuotaExhausted:
    """Nothing is left of a limit. `foreseen` is False where its provider refused what we thought had room."""

    meter: str
    limit: float
    resets_at: float | None
    foreseen: bool
    brief: bool = False


@dataclass(frozen=True, slots=True)
class QuotaReset:
    """There is room again in a limit that was used up."""

    meter: str
    limit: float


@dataclass(frozen=True, slots=True)
class CacheHit:
    """A reply of `age` seconds was given again. `shared`: it is that of a race which was still under way."""

    race: str
    key: str
    age: float
    shared: bool


@dataclass(frozen=True, slots=True)
class StoreTroubled:
    """The store cannot be used; `reason` says what it means, too. `lost` records had to be given up."""

    reason: str
    lost: int


@dataclass(frozen=True, slots=True)
class StoreHealed:
    """The store can be used again, `after` seconds."""

    after: float


@dataclass(frozen=True, slots=True)
class ClockJumped:
    """The machine's clock has been moved by `seconds`, forward or (less than 0) back."""

    seconds: float


Fact = (
    RaceStarted
    | LaneStarted
    | LaneFirstToken
    | FieldsDropped
    | LaneEnded
    | RaceEnded
    | CoolDownStarted
    | CoolDownEnded
    | QuotaAlert
    | QuotaExhausted
    | QuotaReset
    | CacheHit
    | StoreTroubled
    | StoreHealed
    | ClockJumped
)
Observer = Callable[[Fact], None]


def fact_of(alert: Alert) -> QuotaAlert | QuotaExhausted:
    """What an alert of the store says, as a fact: of all of a limit, or of a share of it."""
    if alert.kind == "unforeseen" or alert.level >= ALL:
        foreseen = alert.kind == "reached"
        return QuotaExhausted(alert.meter, alert.limit, alert.resets_at, foreseen, alert.brief)
    return QuotaAlert(alert.meter, alert.level, alert.used, alert.limit, alert.resets_at, alert.brief)
