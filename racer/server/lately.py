"""Races that are under way, and those that have just ended, before the database has them. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from racer.core.facts import LaneEnded, LaneFirstToken, LaneStarted, RaceEnded, RaceStarted
from racer.core.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.facts import Fact

REMEMBERED = 200
MOST_RUNNING = 10_000


@dataclass(slots=True)
class Run:
    """One lane. Seconds: `start` from the start of the race, the others from there."""

    lane: str
    provider: str
    model: str
    start: float
    why: str
    first_token: float | None = None
    outcome: str = "running"
    reason: str | None = None
    latency: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "lane": self.lane,
            "provider": self.provider,
            "model": self.model,
            "start": round(self.start, 6),
            "why": self.why,
            "first_token": _rounded(self.first_token),
            "outcome": self.outcome,
            "reason": self.reason,
            "latency": _rounded(self.latency),
        }


@dataclass(slots=True)
class Seen:
    """A race as far as it was seen; `at` in unix seconds."""

    at: float
    started: RaceStarted
    ended: RaceEnded | None = None
    runs: dict[int, Run] = field(default_factory=dict[int, Run])

    def entry(self) -> dict[str, Any]:
        """Under the names that a race of the database has (racer.accounts.timeline)."""
        started, ended = self.started, self.ended
        return {
            "race_id": started.race,
            "at": self.at,
            "policy": started.policy,
            "lanes": started.width,
            "deadline": started.deadline,
            "ending": None if ended is None else ended.ending.value,
            "abandoned": False,
            "latency": None if ended is None else _rounded(ended.latency),
            "winner": None if ended is None or ended.winner is None else ended.winner.id,
        }

    def to_dict(self, now: float) -> dict[str, Any]:
        """With its lanes, for a race that is under way."""
        elapsed = {"elapsed": _rounded(max(0.0, now - self.at))}
        return self.entry() | elapsed | {"attempts": [run.to_dict() for run in self.runs.values()]}


class Lately:
    """An observer of facts; `at` is in unix seconds."""

    def __init__(self) -> None:
        self.running: dict[str, Seen] = {}
        self._ended: OrderedDict[str, Seen] = OrderedDict()

    def observe(self, fact: Fact, at: float) -> None:
        match fact:
            case RaceStarted():
                if len(self.running) < MOST_RUNNING:
                    self.running[fact.race] = Seen(at, fact)
            case LaneStarted():
                self._lane_started(fact)
            case LaneFirstToken():
                if run := self._run(fact.race, fact.attempt):
                    run.first_token = fact.after
            case LaneEnded():
                self._lane_ended(fact)
            case RaceEnded():
                self._race_ended(fact)
            case _:
                pass

    def _run(self, race: str, attempt: int) -> Run | None:
        seen = self.running.get(race)
        return None if seen is None else seen.runs.get(attempt)

    def _lane_started(self, fact: LaneStarted) -> None:
        if seen := self.running.get(fact.race):
            lane = fact.lane
            seen.runs[fact.attempt] = Run(
                lane.id, lane.provider.name, lane.model.name, fact.offset, fact.why.value
            )

    def _lane_ended(self, fact: LaneEnded) -> None:
        if run := self._run(fact.race, fact.attempt):
            run.outcome = fact.record.outcome.value
            run.reason = None if fact.record.reason is None else one_line(fact.record.reason)
            run.latency = fact.record.latency

    def _race_ended(self, fact: RaceEnded) -> None:
        seen = self.running.pop(fact.race, None)
        if seen is None:
            return
        seen.ended = fact
        seen.runs = {}
        self._ended[fact.race] = seen
        if len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)

    def knows(self, race: str) -> bool:
        """Whether it is of this server's, and of late: then the database has it, or will in a moment."""
        return race in self.running or race in self._ended

    def has_ended(self, race: str) -> bool:
        return race in self._ended

    def with_mine(self, written: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
        """`written` are races as the database has them. Those it has not yet, or not to the end, are added.

        The newest comes first, and `most` are given.
        """
        found = {entry["race_id"]: entry for entry in written}
        for race, seen in (*self._ended.items(), *self.running.items()):
            if found.get(race, {}).get("ending") is None:
                found[race] = seen.entry()
        return sorted(found.values(), key=lambda entry: -float(entry["at"]))[:most]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
