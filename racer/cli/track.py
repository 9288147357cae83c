"""What the lanes of one race look like by now: facts in, one bar a lane out. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, assert_never

from racer.core.facts import (
    CacheHit,
    ClockJumped,
    CoolDownEnded,
    CoolDownStarted,
    FieldsDropped,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
    QuotaAlert,
    QuotaExhausted,
    QuotaReset,
    RaceEnded,
    RaceStarted,
    StoreHealed,
    StoreTroubled,
)
from racer.core.heat import Ending, Outcome
from racer.core.printable import one_line

if TYPE_CHECKING:
    from racer.core.facts import Fact


class Stage(Enum):
    """How far a lane has come; the value is the word that people see."""

    WAITING = "waiting"
    ANSWERING = "answering"
    WON = "won"
    LOST = "lost"
    FAILED = "failed"
    LATE = "late"


_STAGES = {
    Outcome.WON: Stage.WON,
    Outcome.LOST: Stage.LOST,
    Outcome.FAILED: Stage.FAILED,
    Outcome.LATE: Stage.LATE,
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One lane's run. Seconds from the start of the race; `end` is None while it runs.

    `behind`: it went on behind so many characters, where another lane had broken off.
    """

    lane: str
    start: float
    stage: Stage = Stage.WAITING
    first_token: float | None = None
    end: float | None = None
    reason: str = ""
    behind: int | None = None


class Track:
    """Follows one race at a time: a new race clears it. `entrants`: how many lanes may run in it."""

    def __init__(self) -> None:
        self._bars: dict[int, Bar] = {}
        self.entrants = 0
        self.policy = ""
        self.width = 0
        self.ending: Ending | None = None
        self.latency: float | None = None

    @property
    def bars(self) -> tuple[Bar, ...]:
        """In the order in which the lanes started."""
        return tuple(self._bars.values())

    @property
    def is_over(self) -> bool:
        """Won or lost, and not stopped by its caller."""
        return self.ending not in (None, Ending.ABORTED)

    def tell(self, fact: Fact) -> None:
        match fact:
            case RaceStarted():
                self._begin(fact)
            case LaneStarted():
                self._bars[fact.attempt] = Bar(one_line(fact.lane.id), fact.offset)
            case LaneFirstToken():
                bar = self._bars[fact.attempt]
                self._bars[fact.attempt] = replace(bar, stage=Stage.ANSWERING, first_token=fact.offset)
            case LaneEnded():
                self._end(fact)
            case RaceEnded():
                self.ending, self.latency = fact.ending, fact.latency
            case FieldsDropped() | CoolDownStarted() | CoolDownEnded() | CacheHit():
                pass
            case QuotaAlert() | QuotaExhausted() | QuotaReset():
                pass
            case StoreTroubled() | StoreHealed() | ClockJumped():
                pass
            case _:
                assert_never(fact)

    def _begin(self, fact: RaceStarted) -> None:
        self._bars = {}
        self.policy, self.width, self.entrants = fact.policy, fact.width, len(fact.lanes)
        self.ending = self.latency = None

    def _end(self, fact: LaneEnded) -> None:
        record = fact.record
        self._bars[fact.attempt] = replace(
            self._bars[fact.attempt],
            stage=_STAGES[record.outcome],
            end=record.start + record.latency,
            reason=one_line(record.reason or ""),
            behind=record.resumed_at,
        )
