"""One race as a state machine: facts in, `Start`, `Halt` and `Stop` out, time as an argument.

Rule 1: never more than `width` lanes run, nor more than `attempts` in all, and none starts after the end.
Rule 2: an attempt ends exactly once: won, lost, failed or late.
Rule 3: `Stop` is said exactly once, with everything that still runs counted as lost.
Rule 4: a lane of a provider that already had `per_provider` starts only when no other provider is left;
        two lanes on one local host never run at the same time beyond `local_lanes`, nor two keys of one
        pool with one model.
Rule 5: a guess never empties a race: a lane that only our own breaker holds back runs when none else can.
Rule 6: a lane whose quota has still to be asked for keeps its place in the plan, and starts when the answer
        has come: a race waits for that moment, whatever `wait` says.
Rule 7: a race that is decided by what a lane has shown has a leader from then on; the others are halted.
        While it leads, nothing starts. When it fails, the race is open again, for them too.

The shell starts a task for each `Start`, cancels those of a `Halt`, all of them on `Stop`, and calls `tick`
at `wake_at()`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from racer.core.company import in_turn, is_in_the_way
from racer.core.consequence import CONSEQUENCES
from racer.core.moves import Halt, Start, Stop
from racer.core.view import UNKNOWN, Due, Running, View, Why
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.breaker import Block
    from racer.core.moves import Action, Gate
    from racer.core.plan import Policy
    from racer.core.provider import Lane
    from racer.core.view import Planned, Prospects
    from racer_adapters.errors import WireError

OBJECTORS = 2
ASK_AGAIN = 1.0
TRIES = 3
UNANSWERED = "the race was over before its quota had been granted"
KEPT_OUT = {
    Why.SPARED: "spared: the last of a limit that is behind its pace is for races that find nobody else",
    Why.HELD: "held back: extra requests are used up (extra, max_tax)",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """`deadline` and `wait` are seconds from the start of the race. `attempts`: how many may start in all.

    `read`: somebody reads along, so that only the search for a leader has a deadline: how long the leader
    may take is up to its reader. When it fails, the search for another goes on, or begins anew.
    """

    width: int = 4
    deadline: float = 60.0
    wait: float = 0.0
    per_provider: int = 1
    local_lanes: int = 1
    read: bool = False
    attempts: float = float("inf")


class Ending(StrEnum):
    WON = "won"
    EXHAUSTED = "exhausted"
    EXPIRED = "expired"
    REFUSED = "refused"
    BROKEN = "broken"
    ABORTED = "aborted"


class Outcome(StrEnum):
    WON = "won"
    LOST = "lost"
    FAILED = "failed"
    LATE = "late"


class Heat:
    """`lanes` in order of rank; `gate` tells which of them may start at an instant. `prospects` and `groups`
    are for the policy, which they are handed to with each view.

    `kept_out` has the lanes that have not started and that it did not let in when they were looked at last,
    each with the reason. One whose quota has yet to be asked for is only among them once it was asked for.
    """

    __slots__ = (
        "_again", "_began", "_blocks", "_gate", "_groups", "_halted", "_later", "_next", "_objectors",
        "_policy", "_prospects", "_retries", "_rules", "_running", "_starts", "_tries", "_used", "_vacant",
        "_waiting", "charged", "ending", "kept_out", "leader", "winner",
    )  # fmt: skip

    def __init__(
        self,
        lanes: Sequence[Lane],
        *,
        rules: Rules,
        policy: Policy,
        gate: Gate,
        prospects: Prospects = UNKNOWN,
        groups: Mapping[str, int] | None = None,
    ) -> None:
        self._rules = rules
        self._policy = policy
        self._gate = gate
        self._prospects = prospects
        self._groups = groups or {}
        self._waiting = list(lanes)
        self._halted: list[Lane] = []
        self._running: dict[int, Running] = {}
        self._again: set[str] = set()
        self._used: Counter[str] = Counter()
        self._tries: Counter[str] = Counter()
        self._retries: list[Lane] = []
        self._objectors: set[str] = set()
        self._starts = 0
        self._vacant = 0
        self._began = 0.0
        self._later: dict[str, tuple[float, Planned]] = {}
        self._next = float("inf")
        self._blocks: dict[str, Block | None] = {}
        self.charged = 0
        self.kept_out: dict[str, str] = {}
        self.ending: Ending | None = None
        self.leader: int | None = None
        self.winner: int | None = None

    # ------------------------------------------------------------- facts in

    def begin(self, now: float) -> list[Action]:
        self._began = now
        return self._advance(now)

    def tick(self, now: float) -> list[Action]:
        """Time has passed: `wake_at()` has come, or something outside may have changed."""
        return self._advance(now)

    def first_token(self, attempt: int, now: float) -> list[Action]:
        running = self._running.get(attempt)
        if running is None or running.first_token is not None:
            return []
        running.first_token = running.last = now
        return self._advance(now)

    def progress(self, attempt: int, now: float) -> None:
        """A further piece has come. At infinity: none is to come, and its silence is no stall."""
        running = self._running.get(attempt)
        if running is not None:
            running.last = now
            running.pieces += 1

    def proven(self, attempt: int) -> list[Action]:
        """What has come of it decides the race. The first one leads; to another this makes no difference."""
        if self.ending is not None or self.leader is not None:
            return []
        self.leader = attempt
        lost = {number: run.lane for number, run in self._running.items() if number != attempt}
        for number, lane in lost.items():
            del self._running[number]
            self._halted.append(lane)
        return [Halt(tuple(lost))]

    def replied(self, attempt: int) -> list[Action]:
        """A valid reply is complete. The first one wins; one that comes after the end is late."""
        if self.ending is not None:
            return []
        self.winner = attempt
        del self._running[attempt]
        return [self._stop(Ending.WON)]

    def failed(
        self, attempt: int, error: WireError, now: float, *, resumes: bool = False, again: bool = False
    ) -> list[Action]:
        """`resumes`: the search for who goes on begins now. `again`: this lane is to be asked otherwise."""
        if self.ending is not None:
            return []
        run = self._running.pop(attempt)
        lane = run.lane
        if attempt == self.leader:
            self._reopen()
        if resumes:
            self._began = now
        self._vacant += not (lane.provider.local or run.extra)
        if again:
            self._waiting.insert(0, lane)
            self._used[lane.provider.name] -= 1
            return self._advance(now)
        if error.kind is Kind.BAD_REQUEST:
            self._objectors.add(lane.provider.name)
            if len(self._objectors) >= OBJECTORS:
                return [self._stop(Ending.REFUSED)]
        self._come_back(lane, error, now)
        return self._advance(now)

    def broke(self, attempt: int) -> list[Action]:
        """The leader has failed, and nobody may take its place: what it said cannot be taken back."""
        if self.ending is not None:
            return []
        del self._running[attempt]
        return [self._stop(Ending.BROKEN)]

    def abort(self) -> list[Action]:
        """The caller has gone, or a bug has shown: everything ends here."""
        return [] if self.ending is not None else [self._stop(Ending.ABORTED)]

    # ------------------------------------------------------------ answers out

    @property
    def starts(self) -> int:
        return self._starts

    @property
    def due(self) -> tuple[Due, ...]:
        """Who was to start, had nothing come of those before, and when: by the last plan that had him."""
        waiting, price = {lane.id for lane in self._waiting}, self._prospects.price
        dues = (
            Due(name, after, price(planned.lane), planned.why)
            for name, (after, planned) in self._later.items()
            if name in waiting and after < self._rules.deadline
        )
        return tuple(sorted(dues, key=lambda due: due.offset))

    def wake_at(self) -> float:
        """When `tick` is wanted, at the latest."""
        return min(self._next, self.expires_at())

    def expires_at(self) -> float:
        """The deadline: of the race, or of the search for a leader."""
        if self.leader is not None and self._rules.read:
            return float("inf")
        return self._began + self._rules.deadline

    # ---------------------------------------------------------------- within

    def _reopen(self) -> None:
        """The leader is gone: whoever was halted for it may run again, in the order of rank."""
        self.leader = None
        self._waiting = [*self._halted, *self._waiting]
        self._halted.clear()

    def _advance(self, now: float) -> list[Action]:
        if self.ending is not None:
            return []
        self._blocks.clear()
        if now >= self.expires_at():
            return [self._stop(Ending.EXPIRED)]
        if self.leader is not None:
            self._next = float("inf")
            return []
        actions: list[Action] = []
        while (planned := self._due(now)) is not None:
            actions.append(self._start(planned, now))
        if not self._running and self._next == float("inf"):
            actions.append(self._stop(Ending.EXHAUSTED))
        return actions

    def _due(self, now: float) -> Planned | None:
        """Who is next to start now. Notes when to look again."""
        self._next, rules = float("inf"), self._rules
        full = len(self._running) >= rules.width or self._starts >= rules.attempts
        if full or not (self._waiting or self._retries):
            return None
        pending: set[str] = set()
        able = self._able(now, pending)
        plan = self._policy(self._view(able, now)) if able else ()
        for planned in plan:
            if planned.why in KEPT_OUT:
                self._keep_out(planned.lane, KEPT_OUT[planned.why])
                self._later.pop(planned.lane.id, None)
            elif planned.offset > 0 and planned.why is not Why.STALLED:
                self._later[planned.lane.id] = (now - self._began + planned.offset, planned)
            if planned.offset > 0:
                self._next = min(self._next, now + planned.offset)
            elif planned.lane.id not in pending:
                return planned
            else:
                self._gate.ask(planned.lane)
                if planned.lane.id not in self.kept_out:
                    self._keep_out(planned.lane, UNANSWERED)
                self._next = min(self._next, now + ASK_AGAIN)
        if self._next == float("inf"):
            self._next = self._back_at(now)
        return None

    def _view(self, able: Sequence[Lane], now: float) -> View:
        """First those of providers that had no turn yet."""
        waiting, had_turn = in_turn(able, self._used, self._rules.per_provider)
        running = list(self._running.values())
        width, prospects, groups = self._rules.width, self._prospects, self._groups
        return View(now, width, running, waiting, prospects, groups, had_turn, self._vacant)

    def _able(self, now: float, pending: set[str]) -> list[Lane]:
        """Waiting lanes that may start now.

        `pending` receives those that may only start when their quota has been asked for.
        """
        free = self._waiting
        if at_work := [run.lane for run in self._running.values()]:
            local = self._rules.local_lanes
            free = [lane for lane in free if not is_in_the_way(lane, at_work, local)]
        able: list[Lane] = []
        for lane in free:
            block = self._blocked(lane, now)
            if block is None or _is_askable(block):
                able.append(lane)
            if block is not None and block.pending:
                pending.add(lane.id)
        if not able and not self._running:
            able = self._guessed_only(free, now)
            if not able and self._retries:  # nobody else is left
                self._waiting += self._retries
                self._retries.clear()
                return self._able(now, pending)
        return able

    def _blocked(self, lane: Lane, now: float) -> Block | None:
        """What the gate says, asked once an instant: a start changes it for lanes of its provider alone."""
        if lane.id not in self._blocks:
            block = self._blocks[lane.id] = self._gate.blocked(lane, now)
            if block is not None and not _is_askable(block):
                self._keep_out(lane, block.reason)
            elif self.kept_out:
                self.kept_out.pop(lane.id, None)
        return self._blocks[lane.id]

    def _keep_out(self, lane: Lane, reason: str) -> None:
        if lane.id not in self._again:
            self.kept_out[lane.id] = reason

    def _guessed_only(self, lanes: Sequence[Lane], now: float) -> list[Lane]:
        fresh = [lane for lane in lanes if lane.id not in self._again]
        blocks = [(block, lane) for lane in fresh if (block := self._blocked(lane, now))]
        guessed = [(block.until, lane) for block, lane in blocks if not block.stated]
        return [lane for _, lane in sorted(guessed, key=lambda pair: pair[0])]

    def _back_at(self, now: float) -> float:
        """When the first lane comes back that `wait` allows to wait for; infinity when none does.

        One whose quota has only to be asked for is not waited for: it is asked when its turn comes.
        """
        backs = [block.until for lane in self._waiting if (block := self._blocked(lane, now))]
        return min((at for at in backs if at > now and self._is_worth_waiting(at)), default=float("inf"))

    def _is_worth_waiting(self, until: float) -> bool:
        """Within `wait`, and before the deadline: a lane that comes back later is of no use to this race."""
        after = until - self._began
        return after <= self._rules.wait and after < self._rules.deadline

    def _come_back(self, lane: Lane, error: WireError, now: float) -> None:
        """Whoever has time to wait may have a lane asked again that failed: once it has cooled down, if that
        is within `wait`; where it need not even rest, when nobody else is left, and not for ever.
        """
        if self._rules.wait <= 0:
            return
        block = self._gate.blocked(lane, now)
        if block is None:
            self._tries[lane.id] += 1
            if self._tries[lane.id] < TRIES and CONSEQUENCES[error.kind] is not None:
                self._again.add(lane.id)
                self._retries.append(lane)
        elif not block.limit and self._is_worth_waiting(block.until):
            self._again.add(lane.id)
            self._waiting.append(lane)

    def _start(self, planned: Planned, now: float) -> Start:
        lane = planned.lane
        if self._vacant and not lane.provider.local:
            self._vacant -= 1
        attempt, price = self._starts, self._prospects.price(lane)
        self._starts += 1
        if planned.extra:
            self.charged += 1
            self._prospects.add()
        self._waiting.remove(lane)
        self._used[lane.provider.name] += 1
        self._gate.started(lane, now)
        self.kept_out.pop(lane.id, None)
        for other in self._waiting:
            if other.provider.name == lane.provider.name:
                self._blocks.pop(other.id, None)
        followed = planned.why is Why.FIRST and attempt > 0 and not self._running
        self._running[attempt] = Running(attempt, lane, now, extra=planned.extra)
        return Start(attempt, lane, price, Why.REPLACES if followed else planned.why)

    def _stop(self, ending: Ending) -> Stop:
        self.ending = ending
        lost = tuple(self._running)
        self._running.clear()
        return Stop(ending, lost)


def _is_askable(block: Block) -> bool:
    """Nothing but its quota keeps the lane out, and that has yet to be asked for."""
    return block.pending and block.stated
