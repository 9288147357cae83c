"""The condition of the lanes: who rests and until when, what went wrong last, who answers now. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from racer.core.breaker import scope_names
from racer.core.facts import (
    CoolDownEnded,
    CoolDownStarted,
    LaneEnded,
    RaceEnded,
    RaceStarted,
)
from racer.core.heat import Outcome
from racer.core.kinds import kind_of
from racer.core.printable import one_line

if TYPE_CHECKING:
    from racer.core.facts import Fact
    from racer.core.provider import Lane

LONGEST_MESSAGE = 300


class Rest(NamedTuple):
    """A cool-down. `until` is on the race's clock."""

    scope: str
    until: float
    reason: str


class Trouble(NamedTuple):
    """A lane that failed. `at` in unix seconds; `kind` is one of racer_adapters.errors.Kind, or `other`."""

    at: float
    lane: str
    kind: str
    status: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Serving:
    """Who won last, at `at`, and `since` when this provider has won every race. In unix seconds.

    `since` is None where races have ended after that without a winner. `fallback`: it is local, and others
    might have run.
    """

    lane: str
    provider: str
    local: bool
    since: float | None
    at: float
    fallback: bool = False


class Condition:
    """An observer of facts; `at` is in unix seconds."""

    def __init__(self) -> None:
        self.serving: Serving | None = None
        self.troubles: dict[str, Trouble] = {}
        self.answered: dict[str, float] = {}
        self._rests: dict[str, Rest] = {}
        self._at_home: set[str] = set()  # races that only local lanes may run in

    def observe(self, fact: Fact, at: float) -> None:
        match fact:
            case LaneEnded():
                self._lane_ended(fact, at)
            case RaceStarted():
                if all(lane.provider.local for lane in fact.lanes):
                    self._at_home.add(fact.race)
            case RaceEnded():
                self._race_ended(fact, at)
            case CoolDownStarted():
                self._rests[fact.scope] = Rest(fact.scope, fact.until, _short(fact.reason))
            case CoolDownEnded():
                self._rests.pop(fact.scope, None)
            case _:
                pass

    def _lane_ended(self, fact: LaneEnded, at: float) -> None:
        record = fact.record
        if record.outcome is Outcome.FAILED:
            reason = record.reason or ""
            message = _short(reason.partition(": ")[2])
            trouble = Trouble(at, record.lane, kind_of(reason), record.status, message)
            self.troubles[record.provider] = trouble
        elif record.outcome is not Outcome.LOST:
            self.answered[record.provider] = at

    def _race_ended(self, fact: RaceEnded, at: float) -> None:
        before, lane = self.serving, fact.winner
        at_home = fact.race in self._at_home
        self._at_home.discard(fact.race)
        if lane is not None:
            name, local = lane.provider.name, lane.provider.local
            since = before.since if before is not None and before.provider == name else None
            since = at if since is None else since
            self.serving = Serving(lane.id, name, local, since, at, fallback=local and not at_home)
        elif before is not None:
            self.serving = replace(before, since=None)

    def rest_of(self, lane: Lane, ticks: float) -> Rest | None:
        """What keeps `lane` from starting at `ticks`, on the race's clock: of several what lasts longest."""
        if not self._rests:
            return None
        rests = (self._rests.get(name) for name in scope_names(lane))
        return max((rest for rest in rests if rest and rest.until > ticks), key=_until, default=None)


def _until(rest: Rest) -> float:
    return rest.until


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]}…"
