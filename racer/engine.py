"""The shell of a race: it starts, waits and cancels as its Heat says, and has the book kept.

Rule 1: a race is one task group. When `run` returns or raises, nothing that it started is left, but for
        the cancelling of jobs at providers that run them on: that belongs to the Racer (racer/exchange.py).
        asyncio's own group, for it costs a quarter of anyio's: docs/adr/0010.
Rule 2: lanes report at once and without awaiting, so that a replacement starts in the same tick. Only one
        that leads waits: until its reader has room for more.
Rule 3: WireError is a lane's failure. What the caller's own `valid` raises ends the race and surfaces
        as it is. Anything else is our bug, and surfaces too.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never

import anyio

from racer.approval import approved
from racer.core.baton import Baton
from racer.core.book import Book, Run
from racer.core.facts import (
    CoolDownEnded,
    CoolDownStarted,
    FieldsDropped,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
)
from racer.core.heat import Ending, Heat, Outcome
from racer.core.moves import Action, Halt, Start, Stop
from racer.core.patience import Patience
from racer.core.scrub import scrubbed
from racer.core.verdict import judge
from racer.core.view import UNKNOWN, Why
from racer.errors import InvalidReply
from racer.stage import Result
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.admission import Admission
    from racer.core.lead import Lead
    from racer.core.options import Ask
    from racer.core.provider import Lane
    from racer.core.reply import Reply
    from racer.core.view import Prospects
    from racer.outlet import Outlet
    from racer.stage import Stage

NEVER = float("inf")


class Race:
    """Runs one race, once. The deadline counts from `began`; `created` is the wall clock's second.

    `gate` is this race's own: it knows what each of its lanes has taken of its limits. `outlet` is where
    what the leader says goes to its reader.
    """

    _hedged = False  # whether another was started because one was late

    def __init__(
        self,
        race_id: str,
        lanes: Sequence[Lane],
        ask: Ask,
        stage: Stage,
        gate: Admission,
        *,
        began: float,
        created: int = 0,
        outlet: Outlet | None = None,
        prospects: Prospects = UNKNOWN,
        groups: Mapping[str, int] | None = None,
    ) -> None:
        # A lone lane has nobody to be stopped for: its whole answer in one piece is cheaper.
        alone = min(ask.rules.width, len(lanes)) < 2 or ask.policy_name == "one"
        stream = outlet is not None or not alone
        self._id = race_id
        self._stage = stage
        self._ask = ask
        self._outlet = outlet
        self._front: Run | None = None
        self._call = ask.call if ask.call.stream is stream else replace(ask.call, stream=stream)
        self._baton = Baton(ask, self._call, read=outlet is not None)
        gate.asks_more(self._baton.extra)
        self._gate = gate
        self._prospects = prospects
        self._heat = Heat(
            lanes, rules=ask.rules, policy=ask.policy, gate=gate, prospects=prospects, groups=groups
        )
        self._began = self._ended = began
        self._book = Book(race_id, self._call, began=self._began, created=created)
        self._runs: dict[int, Run] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._scopes: dict[int, anyio.CancelScope] = {}
        self._moved = anyio.Event()
        self._wake_at = -NEVER  # nobody sleeps yet
        self._reply: Reply[Any] | None = None
        self._fault: Exception | None = None
        self._group = asyncio.TaskGroup()

    async def run(self) -> Result:
        """Raises what the caller's `valid` raised unexpectedly; cancelling it ends every lane."""
        try:
            async with self._group:
                try:
                    self._gate.wake = lambda: self._moved.set()
                    if self._outlet is not None:
                        self._outlet.when_taken = self._settle
                    self._obey(self._heat.begin(self._began))
                    await self._wait()
                finally:  # before the group ends: no lane may start in one that is being cancelled
                    self._obey(self._heat.abort())
        finally:
            self._close_book()
            self._tasks.clear()  # a cancelled task keeps the frames it was cancelled in, and so us
        if self._fault is not None:
            raise self._fault
        attempts = self._book.attempts
        reply = self._reply and replace(self._reply, attempts=attempts)
        told = "" if self._baton.told is None else self._baton.told.text
        reasons = tuple(self._book.reasons)
        return Result(self._ending(), attempts, reasons, reply, told, self._baton.mends)

    async def _wait(self) -> None:
        """Until the heat is over: sleep until it wants a tick, or until something has moved."""
        while self._heat.ending is None:
            self._wake_at = self._heat.wake_at()
            with anyio.move_on_at(self._wake_at):
                await self._moved.wait()
            self._moved = anyio.Event()
            now = self._stage.now()
            if now >= self._heat.expires_at():
                self._settle()  # the deadline is for finding a leader, not for its reader to come
            self._obey(self._heat.tick(now))

    # ---------------------------------------------------------- the heat's orders

    def _obey(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Start():
                    self._start(action)
                case Halt():
                    self._halt(action)
                case Stop():
                    self._stop(action)
                case _:
                    assert_never(action)
        if self._heat.ending is not None or self._heat.wake_at() < self._wake_at:
            self._moved.set()

    def _start(self, start: Start) -> None:
        now = self._stage.now()
        lead = self._baton.lead_of(start.lane)
        place, extra = self._baton.place, self._baton.extra_of(start.lane)
        run = self._runs[start.attempt] = Run(start.attempt, start.lane, now, lead, place, extra)
        run.forced = self._stage.breakers.blocked(start.lane, now) is not None
        self._hedged = self._hedged or start.why is Why.LATE
        self._tasks[start.attempt] = self._group.create_task(self._lane(run))
        after = now - self._began
        self._stage.tell(LaneStarted(self._id, start.attempt, start.lane, after, start.price, start.why))

    def _halt(self, halt: Halt) -> None:
        """The others have lost, and are cancelled in this very tick; the race goes on with its leader."""
        now = self._stage.now()
        for number in halt.lost:
            self._let_go(self._runs[number], now)
            self._tasks[number].cancel()

    def _stop(self, stop: Stop) -> None:
        """Losers are cancelled in this very tick; the winner ends by itself, its connection read out."""
        self._ended = self._stage.now()
        for number in stop.lost:
            self._tasks[number].cancel()

    # ------------------------------------------------------------------ one lane

    async def _lane(self, run: Run) -> None:
        """Run one lane to its end and report it."""
        deadline = run.started + self._patience(run).first
        scope = self._scopes[run.number] = anyio.CancelScope(deadline=deadline)
        try:
            with scope:
                call = self._baton.call_to(run.lane)
                await self._stage.exchange.run(run, call, self._progress, self._finish, self._room)
            if scope.cancelled_caught:
                raise self._late(run)
        except WireError as error:
            self._failed(run, error)
        except asyncio.CancelledError:
            if self._is_over(run):
                raise
            # Nobody has stopped this lane: what it waited for, in valid= perhaps, was cancelled on its own.
            self._failed(run, WireError(Kind.INVALID, "a check of valid= was cancelled from within"))

    def _late(self, run: Run) -> WireError:
        if run.checked:
            return WireError(Kind.INVALID, f"valid= has not said anything in {self._ask.rules.deadline:g} s")
        return self._patience(run).lost(started=run.seen > 0, age=self._stage.now() - run.started)

    def _patience(self, run: Run) -> Patience:
        timeout = run.lane.provider.timeout
        if self._outlet is not None and self._front is run:
            return Patience.with_reader(timeout, self._ask.rules.deadline)
        return Patience.of(timeout, stream=self._call.stream)

    def _is_over(self, run: Run) -> bool:
        """Whether the race is, or for this lane."""
        return self._heat.ending is not None or self._book.knows(run)

    def _progress(self, run: Run) -> None:
        """A piece of the reply has come; keep-alives and role chunks never get here."""
        now = self._stage.now()
        if run.first_token_at is None and run.assembly.started:
            run.first_token_at = now
            if self._call.stream and self._heat.ending is None:
                after = now - run.started
                self._gate.shown(run.lane, after)
                self._stage.tell(LaneFirstToken(self._id, run.number, run.lane, now - self._began, after))
                self._obey(self._heat.first_token(run.number, now))
        else:
            self._heat.progress(run.number, now)
        if run.lead is not None and not run.assembly.ended:  # a whole reply is judged as one, and soon
            self._consider(run, run.lead)
        scope = self._scopes[run.number]
        deadline = self._patience(run).moved(scope.deadline, started=run.started, now=now)
        if deadline != scope.deadline:
            scope.deadline = deadline

    def _consider(self, run: Run, lead: Lead) -> None:
        """The first lane that has shown enough is in front, and what it says is the reader's."""
        if self._front is None and lead.shown and not self._is_over(run):
            self._front = run
        if self._front is run:
            self._hand_on(run, lead)

    def _hand_on(self, run: Run, lead: Lead) -> None:
        """It leads as soon as somebody has what it says: until then the others run on, to take its place."""
        if self._outlet is not None:
            self._outlet.lane = run.lane
            self._outlet.put(lead.take())
            if not self._outlet.taken:
                return
        self._settle()

    def _settle(self) -> None:
        if self._front is not None and not self._is_over(self._front):
            self._obey(self._heat.proven(self._front.number))

    async def _room(self, run: Run) -> None:
        """A reader who is slow slows the lane in front: nothing more is read from its connection."""
        outlet = self._outlet
        if outlet is None or not outlet.full or self._front is not run:
            return
        scope, since = self._scopes[run.number], self._stage.now()
        scope.deadline = NEVER
        self._heat.progress(run.number, NEVER)  # it waits, and does not stall
        await outlet.room()
        now = self._stage.now()
        self._heat.progress(run.number, now)
        run.held += now - since
        scope.deadline = self._patience(run).moved(NEVER, started=run.started, now=now)

    async def _finish(self, run: Run) -> None:
        """The answer is whole: if it is valid, and the first to be so, it has won. Raises WireError."""
        # Checks have the race's deadline alone; where a reader waits for them, one of their own.
        now, deadline = self._stage.now(), self._ask.rules.deadline
        self._scopes[run.number].deadline = now + deadline if self._patience(run).total == NEVER else NEVER
        run.checked = True
        self._heat.progress(run.number, NEVER)
        if run.lead is not None:
            run.lead.close()
        if wrong := judge(run.answer(), self._call):
            raise wrong
        value = None
        if self._ask.valid or self._ask.into:
            reply = await self._approved(run)
            if reply is None:
                return
            value = reply.parsed
        self._replied(run, value)

    async def _approved(self, run: Run) -> Reply[Any] | None:
        """The reply as the caller wants it. None when a check has shown a bug, which ends the race."""
        try:
            return await approved(self._book.reply(run, self._stage.now()), self._ask)
        except InvalidReply as no:
            raise WireError(Kind.INVALID, str(no) or "turned down by valid=") from None
        except Exception as bug:
            self._fault = self._fault or bug
            self._obey(self._heat.abort())
            return None

    # -------------------------------------------------------------------- reports

    def _replied(self, run: Run, value: object) -> None:
        now = self._stage.now()
        for scope in self._stage.breakers.succeeded(run.lane):
            self._stage.tell(CoolDownEnded(self._id, scope))
        if self._book.knows(run):
            return
        if self._heat.ending is not None:
            self._write(run, Outcome.LATE, now)
            return
        self._reply = replace(self._book.reply(run, now), parsed=value)
        self._obey(self._heat.replied(run.number))
        self._write(run, Outcome.WON, now)
        if self._outlet is not None and run.lead is not None:
            if self._front not in (None, run):
                self._outlet.discard()  # nobody has read of what is in front, and this reply is whole
            self._outlet.lane = run.lane
            self._outlet.put(run.lead.take())

    def _failed(self, run: Run, error: WireError) -> None:
        if self._is_over(run):
            return
        now = self._stage.now()
        error = scrubbed(error, run.lane, self._call, run.answer())
        again = self._baton.weakens(run.lane, error)
        read = self._is_read(run)
        resumes = read and self._passes_on(run, error)
        if read:
            error = error.replaced(f"{error.message}, behind {self._baton.place:,} characters")
        self._write(run, Outcome.FAILED, now, error)
        if again:
            self._stage.breakers.stopped(run.lane)
        else:
            self._cool_down(run, error, now)
        if read and not resumes:
            self._obey(self._heat.broke(run.number))
            return
        self._obey(self._heat.failed(run.number, error, now, resumes=resumes, again=again))
        if self._front is run:
            self._replace_front()

    def _cool_down(self, run: Run, error: WireError, now: float) -> None:
        if cooled := self._stage.breakers.failed(run.lane, error, now):
            seconds = cooled.until - now
            self._stage.tell(CoolDownStarted(self._id, cooled.scope, cooled.until, seconds, cooled.reason))

    def _let_go(self, run: Run, now: float) -> None:
        """It has lost. One that has begun to answer works; one that was waited for in vain may be ill."""
        if run.seen:
            for scope in self._stage.breakers.succeeded(run.lane):
                self._stage.tell(CoolDownEnded(self._id, scope))
        elif self._hedged and self._prospects.overdue(run.lane, now - run.started):
            self._cool_down(run, WireError(Kind.TIMEOUT, "stopped, and late by all that is known of it"), now)
        else:
            self._stage.breakers.stopped(run.lane)
        self._write(run, Outcome.LOST, now)

    def _is_read(self, run: Run) -> bool:
        """Whether somebody has something of what this lane says."""
        return self._outlet is not None and self._outlet.taken and self._front is run

    def _passes_on(self, run: Run, error: WireError) -> bool:
        """Whether another lane is to go on behind what the reader has, which is all that has come."""
        if self._outlet is not None and run.lead is not None:
            self._outlet.put(run.lead.take())
        self._book.continue_after(run)
        goes_on = self._baton.passes_on(run.answer(), error)
        self._gate.asks_more(self._baton.extra)
        return goes_on

    def _replace_front(self) -> None:
        """Whoever has shown enough meanwhile takes the place of the one that has failed, with all it said."""
        front, self._front = self._front, None
        if self._outlet is not None and front is not None and not self._outlet.taken:
            self._outlet.lane = None
            self._outlet.discard()
        for run in self._runs.values():
            if run.lead is not None and not run.assembly.ended and self._front is None:
                self._consider(run, run.lead)

    def _ending(self) -> Ending:
        """What was read and not finished is broken, in whatever way nobody went on with it."""
        ending = self._heat.ending or Ending.ABORTED
        lost = ending in (Ending.EXHAUSTED, Ending.EXPIRED, Ending.REFUSED)
        return Ending.BROKEN if lost and self._baton.told is not None else ending

    def _close_book(self) -> None:
        """Everything that neither won nor failed was stopped with the race."""
        for run in self._runs.values():
            if not self._book.knows(run):
                self._let_go(run, self._ended)
        rest, deadline = self._prospects.rest, self._ask.rules.deadline
        self._stage.tell(self._book.closed(self._ending(), self._ended, self._heat, rest, deadline))

    def _write(self, run: Run, outcome: Outcome, now: float, error: WireError | None = None) -> None:
        attempt = self._book.write(run, outcome, now, error)
        self._gate.ended(run.lane, attempt, error, run.headers)
        if run.dropped:
            self._stage.tell(FieldsDropped(self._id, run.lane, run.dropped))
        self._stage.tell(LaneEnded(self._id, run.number, run.lane, attempt))
