"""Jobs: questions that are answered by and by, whether somebody listens or not. Time is an argument.

A fault strikes when the job is made where it concerns that alone, else where its answer is to be had.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from racer.sim.exchange import Job, job_id
from racer.sim.profile import Pace
from racer.sim.scene import REFUSALS
from racer.sim.script import healthy_script, moved, reply_script
from racer.sim.spoil import spoiled_script

if TYPE_CHECKING:
    from racer.sim.exchange import Reply, Turn, Wire
    from racer.sim.fault import Fault
    from racer.sim.script import Script

MOST = 10_000
AT_ONCE = REFUSALS.keys() | {
    "reset_before",
    "hang",
    "redirect",
    "empty_200",
    "html_200",
    "wrong_type",
    "gzip_bomb",
}
FAILURES = frozenset({"error_200", "error_frame"})


@dataclass(slots=True)
class _Kept:
    wire: Wire
    turn: Turn
    pace: Pace
    fault: Fault | None
    told: int = 0
    cancelled: bool = False

    def at(self, now: float) -> Job:
        """The job as it stands at `now`."""
        return self.aged(now - self.turn.moment.at)

    def aged(self, age: float) -> Job:
        """The job so many seconds after it was made."""
        if self.cancelled:
            return Job(self.turn, "cancelled", told=self.told, due=self.told)
        if age >= self.turn.total:
            failed = self.fault is not None and self.fault.kind in FAILURES
            return Job(self.turn, "failed" if failed else "done", told=self.told, due=self._due(age))
        waiting = age <= 0 or age < self.pace.loading
        return Job(self.turn, "queued" if waiting else "running", told=self.told, due=self._due(age))

    def _due(self, age: float) -> int:
        """A job that a fault awaits says nothing before."""
        if age < self.pace.first or self.fault is not None:
            return 0
        answer = self.turn.answer
        pieces = (
            answer.output_tokens if not self.pace.gap else int((age - self.pace.first) / self.pace.gap) + 1
        )
        return min(max(pieces - len(answer.reasoning), 0), len(answer.tokens))


class Jobs:
    """The jobs of one provider, by their ids; of very many the oldest are forgotten."""

    def __init__(self, most: int = MOST) -> None:
        self._kept: dict[str, _Kept] = {}
        self._most = most

    def make(self, wire: Wire, turn: Turn, pace: Pace, fault: Fault | None) -> Script:
        """What the request is answered that makes a job."""
        if fault is not None and fault.kind in AT_ONCE:
            return spoiled_script(wire, turn, pace, fault)
        if len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        kept = self._kept[job_id(turn)] = _Kept(wire, turn, pace, fault)
        hold = turn.ask.hold or 0.0
        if turn.total <= hold:
            return moved(_answered(kept, kept.aged(turn.total), new=True), turn.total)
        return reply_script(_stands(kept, replace(kept.aged(hold), new=True)), hold)

    def has(self, turn: Turn) -> bool:
        return job_id(turn) in self._kept

    def owner(self, job: str) -> str | None:
        """The key that a job was made with, or None. Raises KeyError for a job that is not there."""
        return self._kept[job].turn.ask.key

    def look(self, job: str, now: float) -> Script:
        kept = self._kept[job]
        return _answered(kept, kept.at(now))

    def listen(self, job: str, now: float) -> Script:
        kept = self._kept[job]
        stands, pieces = kept.at(now), kept.wire.pieces
        if stands.state == "cancelled" or (pieces is not None and _struck(kept, stands)):
            return _answered(kept, stands)
        if pieces is not None:
            kept.told = stands.due
            return reply_script(pieces(stands))
        turn = replace(kept.turn, ask=replace(kept.turn.ask, stream=True))
        fault, wire = kept.fault, kept.wire
        script = (
            spoiled_script(wire, turn, kept.pace, fault) if fault else healthy_script(wire, turn, kept.pace)
        )
        return moved(script, turn.moment.at - now)

    def cancel(self, job: str, now: float) -> tuple[Script, bool]:
        """Whether there was anything left to stop."""
        kept = self._kept[job]
        effective = kept.at(now).state in ("queued", "running")
        kept.cancelled = kept.cancelled or effective
        return reply_script(_stands(kept, kept.at(now))), effective


def _struck(kept: _Kept, stands: Job) -> bool:
    return kept.fault is not None and stands.state in ("done", "failed")


def _answered(kept: _Kept, stands: Job, *, new: bool = False) -> Script:
    """How the job stands; where it is done, a fault spoils that."""
    if kept.fault is not None and stands.state == "done":
        turn = replace(kept.turn, ask=replace(kept.turn.ask, stream=False))
        return spoiled_script(kept.wire, turn, Pace(0.0, 0.0), replace(kept.fault, delay=0.0))
    return reply_script(_stands(kept, replace(stands, new=new)))


def _stands(kept: _Kept, stands: Job) -> Reply:
    assert kept.wire.job is not None
    return kept.wire.job(stands)
