"""Which line is asked next, of whom: the desk of a batch. Pure; instants are on the clock of its caller.

Rule 1: whoever has room is given work: lanes by how soon they answer and what a request on them is worth,
        lines in their order, and those that have failed behind those that have not. A line that has failed
        goes to a lane that has not had it; to one that had it, later and later.
Rule 2: never more than `concurrency` lines are out, those whose results are not yet saved included; lines
        begin at most at `rate`.
Rule 3: by `frugal`, a second lane is asked for a line whose answer is later than 99 in 100 of its lane's, or
        which would be done sooner so when no lines are left to begin: out of the allowance for extra
        requests. By `all`, several are asked at once; by `one`, never.
Rule 4: near the end no line is given to a lane that needs longer for it than the others for all the rest.
Rule 5: a failure counts against its line, unless it says nothing of it: of the network, of a key or a model
        that nobody else was answered with either. An outage of a lane that was known to be ill counts a
        quarter, until an hour has passed without an answer; that one is busy, a tenth. Two providers that
        refuse a line as wrong are believed.
Rule 6: a line that may have closed a lane for all has its next turn behind those that did not.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from racer.batch.case import SUSPICIOUS, Case, Out, Start, given_up
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer.batch.case import Suite, Terms
    from racer.batch.line import Failure
    from racer.batch.pace import Pace
    from racer.core.breaker import Block
    from racer.core.provider import Lane
    from racer_adapters.errors import WireError

    Gate = Callable[[Case, Lane, float], Block | None]

FOREVER = float("inf")
LOOK_AGAIN = 1.0  # for lines that are late, or had no turn
ASKS_AGAIN = 1.0  # a lane that was kept out, if nothing is heard before
SOON = 0.001
LEFT_ALONE = 4.0  # it was tried again twice, with other lines
PATIENT, OUTLASTS = 3, 3600.0
CATCHES_UP = 0.05  # seconds: who is woken a little late still begins as many as `rate` says
GAIN = 1.5  # a second lane must be so much sooner than the first
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
WAITING = 2000  # lines at most that are read and not begun
SCANNED = 64  # of those that are to be asked again, at one look while others are out


class Desk:
    """`gate` says why a lane may not be asked for a line at an instant."""

    def __init__(self, terms: Terms, pace: Pace, gate: Gate) -> None:
        self._terms = terms
        self._pace = pace
        self._gate = gate
        self._fresh: dict[Suite, deque[Case]] = {}
        self._waiting = 0
        self._again: deque[Case] = deque()
        self._suspects: deque[Case] = deque()
        self._out: dict[int, Case] = {}
        self._numbers = 0
        self._unsaved = 0
        self._lines_out = 0
        self._next_at = -FOREVER
        self._look_at = -FOREVER
        self._filling: Case | None = None
        self._wake = FOREVER
        self._heard_at: float | None = None
        self._asks_at: dict[str, float] = {}
        self.blocks: dict[str, Block] = {}
        self.hopeless: list[Case] = []
        self.left: int | None = None
        self.stopping = False

    # ------------------------------------------------------------- facts in

    def put(self, case: Case) -> None:
        """A line was read."""
        self._fresh.setdefault(case.suite, deque()).append(case)
        self._waiting += 1

    def answered(self, number: int, now: float, tokens: int) -> Case | None:
        """A valid answer is there. None where another was there before; else the line's others have lost."""
        case = self._out[number]
        lane, started = self._end(number)
        self._pace.answered(lane, started, now, tokens)
        self._heard_at = now
        if case.done:
            return None
        case.done = True
        self._unsaved += 1
        return case

    def _is_patient(self, now: float) -> bool:
        """Whether an outage may yet end: for an hour without an answer. Who asks once or twice is not."""
        if self._heard_at is None:
            self._heard_at = now
        return self._terms.attempts >= PATIENT and now - self._heard_at < OUTLASTS

    def stopped(self, number: int) -> None:
        """It was given up: another has won, or the batch ends."""
        lane, _ = self._end(number)
        self._pace.stopped(lane)

    def failed(self, number: int, error: WireError, now: float, *, ill: bool = False) -> Failure | None:
        """Why its line is given up, if it is. `ill`: the lane was known to be."""
        case = self._out[number]
        lane, started = self._end(number)
        self._pace.failed(lane, error, started, now)
        if case.done:
            return None
        odd = error.kind in SUSPICIOUS and self._pace.is_odd(lane, case.prompt.line, started, now)
        case.blames(lane, error, ill=ill and self._is_patient(now), odd=odd)
        if case.out:
            return None
        if (failure := given_up(case, self._terms.attempts)) is not None:
            case.done = True
            self._unsaved += 1
            return failure
        case.again_at = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(30.0, len(case.reasons) - 1))
        (self._suspects if case.suspect else self._again).append(case)
        return None

    def saved(self, lines: int = 1) -> None:
        """The results of so many lines are where they are safe."""
        self._unsaved -= lines

    def found(self) -> None:
        """A line has its result without having been on the desk."""
        self._unsaved += 1

    def dropped(self, case: Case) -> None:
        """A line on the desk is given up without a request."""
        case.done = True
        self._unsaved += 1

    # ------------------------------------------------------------ answers out

    @property
    def wants(self) -> bool:
        """Whether more lines should be read."""
        return not self.stopping and self.waiting + self._unsaved < WAITING // 2

    @property
    def is_full(self) -> bool:
        """Whether nothing can begin before a result is saved. Lines are out, and it does not end."""
        if self.stopping or self._filling is not None or not (self._out and self._unsaved):
            return False
        return self._lines_out + self._unsaved >= self._terms.concurrency

    @property
    def is_idle(self) -> bool:
        """Nothing is out, and nothing waits."""
        return not (self._out or self.waiting)

    @property
    def is_stuck(self) -> bool:
        """Lines wait, nobody is at work on any, and no result is on its way to where it is safe."""
        return self.waiting > 0 and not (self._out or self._unsaved)

    @property
    def out(self) -> int:
        return len(self._out)

    @property
    def lines_out(self) -> int:
        return self._lines_out

    @property
    def waiting(self) -> int:
        return self._waiting + len(self._again) + len(self._suspects)

    def wake_at(self) -> float:
        """When to ask `next` again, if nothing happens."""
        return self._wake

    def next(self, now: float) -> Start | None:
        """The next request to be made now."""
        if self.stopping:
            self._wake = FOREVER
            return None
        start = None if self._filling is None else self._companion(now)
        start = start or self._begin(now) or self._hedge(now)
        if start is None:
            return None
        lane, case = start.lane, start.case
        self._pace.started(lane, now)
        if not case.out:
            self._lines_out += 1
        case.out[start.number] = Out(lane, now)
        self._out[start.number] = case
        return start

    # ---------------------------------------------------------------- within

    def _end(self, number: int) -> Out:
        case = self._out.pop(number)
        out = case.out.pop(number)
        for name in self.blocks:  # what this call has held may be what they wait for
            if name.startswith(out.lane.provider.name):
                self._asks_at[name] = -FOREVER
        if not case.out:
            self._lines_out -= 1
        return out

    def _begin(self, now: float) -> Start | None:
        self._wake = FOREVER
        if self._lines_out + self._unsaved >= self._terms.concurrency:
            return None
        if now < self._next_at:
            self._wake = self._next_at
            return None
        start = self._first(now) or self._retry(self._again, now) or self._retry(self._suspects, now)
        if start is not None:
            if self._terms.rate is not None:
                self._next_at = max(self._next_at, now - CATCHES_UP) + 1.0 / self._terms.rate
            if self._terms.policy == "all" and self._terms.width > 1:
                self._filling = start.case
        return start

    def _retry(self, cases: deque[Case], now: float) -> Start | None:
        """Those that were looked at go behind the others: next time these have their turn.

        All are looked at where nobody is at work: then only `wake_at` tells whether anything can go on.
        """
        most = SCANNED if self._out else len(cases)
        for _ in range(min(most, len(cases))):
            case = cases.popleft()
            lane = self._lane_for(case, now)
            if lane is not None:
                return self._start(case, lane)
            if case.is_hopeless:
                self.hopeless.append(case)
            else:
                cases.append(case)
        if len(cases) > most:
            self._wake = min(self._wake, now + LOOK_AGAIN)
        return None

    def _first(self, now: float) -> Start | None:
        for suite, cases in self._fresh.items():
            while cases:
                lane = self._lane_for(cases[0], now)
                if lane is not None:
                    return self._start(self._take(suite), lane)
                if cases[0].is_hopeless:
                    self.hopeless.append(self._take(suite))
                elif cases[0].large and len(self._again) < WAITING:  # those behind it may be smaller
                    self._again.append(self._take(suite))
                else:
                    break
        return None

    def _take(self, suite: Suite) -> Case:
        self._waiting -= 1
        return self._fresh[suite].popleft()

    def _start(self, case: Case, lane: Lane, *, extra: bool = False) -> Start:
        self._numbers += 1
        return Start(self._numbers, case, lane, extra)

    def _lane_for(self, case: Case, now: float) -> Lane | None:
        """The best lane that has room for `case`."""
        suite = case.suite
        suite.sort(now)
        if case.large:
            case.large.clear()
        for lane in suite.lanes:
            if lane.id in case.tried and now < case.again_at:
                self._wake = min(self._wake, case.again_at)
            elif self._has_room(case, lane, now) and not (
                self._is_near_end() and self._is_too_slow(case, lane, now)
            ):
                return lane
        return None

    def _has_room(self, case: Case, lane: Lane, now: float) -> bool:
        track = self._pace.of(lane)
        if now < track.rests_until and self._pace.rests(lane, now):
            self._wake = min(self._wake, max(track.rests_until, now + SOON), now + LOOK_AGAIN)
            return False
        if track.gap and now < track.next_at:
            self._wake = min(self._wake, track.next_at)
            return False
        if track.is_full or (case.out and any(out.lane.id == lane.id for out in case.out.values())):
            return False
        block = self.blocks.get(lane.id)
        if block is None or now >= self._asks_at[lane.id]:
            block = self._gate(case, lane, now)
            if block is None:
                self.blocks.pop(lane.id, None)
                return True
            if block.large:
                case.large.add(lane.id)
                return False
            self.blocks[lane.id] = block
            self._asks_at[lane.id] = now if block.pending else min(block.until, now + ASKS_AGAIN)
        if not self._is_for_good(block, lane):
            self._wake = min(self._wake, now + ASKS_AGAIN if block.pending else max(block.until, now + SOON))
        return False

    def _is_for_good(self, block: Block, lane: Lane) -> bool:
        """Whether nothing that a batch waits for opens it again: a key, credits, a model."""
        if block.kind in (Kind.NO_MODEL, Kind.DENIED):
            track = self._pace.of(lane)
            return not track.answered or track.patience > LEFT_ALONE
        return block.kind in (Kind.AUTH, Kind.CREDIT)

    # ------------------------------------------------------------- beside others

    def _companion(self, now: float) -> Start | None:
        """Of the lanes that are asked at once by `all`, the next."""
        case, self._filling = self._filling, None
        if case is None or case.done or not 0 < len(case.out) < self._terms.width:
            return None
        lane = self._lane_for(case, now)
        if lane is None or not self._may_add(case, lane):
            return None
        self._filling = case
        return self._extra(case, lane)

    def _hedge(self, now: float) -> Start | None:
        """A second lane for a line that is late, or is among the last."""
        if self._terms.policy != "frugal" or not self._out:
            return None
        if now < self._look_at:
            self._wake = min(self._wake, self._look_at)
            return None
        at_end = not self.waiting and self.left == 0
        for case in self._slowest():
            (out,) = case.out.values()
            if at_end or now - out.started > case.suite.prospects.late(out.lane):
                lane = self._sooner(case, out, now)
                if lane is not None:
                    return self._extra(case, lane)
        self._look_at = now + LOOK_AGAIN
        self._wake = min(self._wake, self._look_at)
        return None

    def _slowest(self) -> Sequence[Case]:
        alone = {id(case): case for case in self._out.values() if len(case.out) == 1 and not case.done}
        return sorted(alone.values(), key=lambda case: min(out.started for out in case.out.values()))

    def _sooner(self, case: Case, out: Out, now: float) -> Lane | None:
        of = case.suite.prospects
        within = of.rest(out.lane, now - out.started) / GAIN
        case.suite.sort(now)
        for lane in case.suite.lanes:
            quick = lane.id not in case.tried and of.expected(lane) + of.price(lane) < within
            if quick and self._may_add(case, lane) and self._has_room(case, lane, now):
                return lane
        return None

    @staticmethod
    def _may_add(case: Case, lane: Lane) -> bool:
        """A lane on a machine of the user's own costs nothing, and comes out of no allowance."""
        return lane.provider.local or case.suite.prospects.may_add()

    def _extra(self, case: Case, lane: Lane) -> Start:
        if not lane.provider.local:
            case.suite.prospects.add()
        return self._start(case, lane, extra=not lane.provider.local)

    # ---------------------------------------------------------------- the end

    def _is_near_end(self) -> bool:
        few = self.left is not None and self.left + self.waiting < 2 * self._terms.concurrency
        return few and self._lines_out > 0

    def _is_too_slow(self, case: Case, lane: Lane, now: float) -> bool:
        """Whether the others are done with all that is left before `lane` would be with `case`."""
        suite, large = case.suite, case.large
        lines = (self.left or 0) + self.waiting
        rates = [
            (each, self._rate(suite, each, now))
            for each in suite.lanes
            if each is not lane and each.id not in large
        ]
        together = sum(rate for _, rate in rates)
        if together <= 0:
            return False
        usual = sum(rate * suite.prospects.expected(each) for each, rate in rates) / together
        return suite.prospects.expected(lane) > GAIN * (lines / together + usual)

    def _rate(self, suite: Suite, lane: Lane, now: float) -> float:
        """Answers a second that `lane` gives: of late, or as many as its places let it."""
        track = self._pace.of(lane)
        block = self.blocks.get(lane.id)
        if self._pace.rests(lane, now):
            return 0.0
        if block is not None and block.until > now + FIRST_PAUSE and not track.per_second(now):
            return 0.0
        most = track.places / suite.prospects.expected(lane) if track.bounded else FOREVER
        seen = track.per_second(now)
        return min(most, seen) if seen else min(most, 1.0 / suite.prospects.expected(lane))
