"""The shell of a race: it starts, waits and cancels as its Heat says, and has the book kept.

Rule 1: a race is one task group. When `run` returns or raises, nothing that it started is left, but for
        the cancelling of jobs at providers that run them on: that belongs to the Racer (racer/exchange.py).
        asyncio's own group, for it costs a quarter of anyio's: docs/adr/0010.
Rule 2: lanes report at once and without awaiting, so that a replacement starts in the same tick.
Rule 3: WireError is a lane's failure. What the caller's own `valid` raises ends the race and surfaces
        as it is. Anything else is our bug, and surfaces too.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

import anyio

from racer.approval import apply
from racer.core.book import Book, Run
from racer.core.facts import (
    CoolDownEnded,
    CoolDownStarted,
    FieldsDropped,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
    RaceEnded,
)
from racer.core.heat import Action, Ending, Heat, Outcome, Start, Stop
from racer.core.patience import Patience
from racer.core.verdict import judge
from racer.errors import InvalidReply
from racer_adapters.errors import Kind, WireError
from racer_adapters.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer.core.admission import Admission
    from racer.core.breaker import Breakers
    from racer.core.facts import Observer
    from racer.core.options import Ask
    from racer.core.provider import Lane
    from racer.core.reply import Attempt, Reply
    from racer.exchange import Exchange

NEVER = float("inf")
SHORTEST_SECRET = 8


@dataclass(frozen=True, slots=True)
class Stage:
    """What every race of one Racer shares."""

    exchange: Exchange
    breakers: Breakers
    now: Callable[[], float]
    tell: Observer


@dataclass(frozen=True, slots=True)
class Result:
    """How a race ended. `reasons` are the failures in order, each with its lane's id."""

    ending: Ending
    attempts: tuple[Attempt, ...]
    reasons: tuple[tuple[str, WireError], ...]
    reply: Reply | None = None


class Race:
    """Runs one race, once. The deadline counts from `began`; `created` is the wall clock's second.

    `gate` is this race's own: it knows what each of its lanes has taken of its limits.
    """

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
    ) -> None:
        # A lone lane has nobody to be stopped for: its whole answer in one piece is cheaper.
        stream = min(ask.rules.width, len(lanes)) > 1 and ask.policy_name != "one"
        self._id = race_id
        self._stage = stage
        self._valid = ask.valid
        self._call = ask.call if ask.call.stream is stream else replace(ask.call, stream=stream)
        self._gate = gate
        self._heat = Heat(lanes, rules=ask.rules, policy=ask.policy, gate=gate)
        self._began = self._ended = began
        self._book = Book(race_id, self._call, began=self._began, created=created)
        self._runs: dict[int, Run] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._scopes: dict[int, anyio.CancelScope] = {}
        self._moved = anyio.Event()
        self._wake_at = NEVER
        self._reply: Reply | None = None
        self._fault: Exception | None = None
        self._group = asyncio.TaskGroup()

    async def run(self) -> Result:
        """Raises what the caller's `valid` raised unexpectedly; cancelling it ends every lane."""
        try:
            async with self._group:
                try:
                    self._gate.wake = self._look_again
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
        return Result(self._heat.ending or Ending.ABORTED, attempts, tuple(self._book.reasons), reply)

    async def _wait(self) -> None:
        """Until the heat is over: sleep until it wants a tick, or until something has moved."""
        while self._heat.ending is None:
            self._wake_at = self._heat.wake_at()
            with anyio.move_on_at(self._wake_at):
                await self._moved.wait()
            self._moved = anyio.Event()
            self._obey(self._heat.tick(self._stage.now()))

    def _look_again(self) -> None:
        """Something outside has changed: a limit that was asked for has room, or none."""
        self._moved.set()

    # ---------------------------------------------------------- the heat's orders

    def _obey(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Start():
                    self._start(action)
                case Stop():
                    self._stop(action)
                case _:
                    assert_never(action)
        if self._heat.ending is not None or self._heat.wake_at() < self._wake_at:
            self._moved.set()

    def _start(self, start: Start) -> None:
        now = self._stage.now()
        run = self._runs[start.attempt] = Run(start.attempt, start.lane, now)
        self._tasks[start.attempt] = self._group.create_task(self._lane(run))
        self._stage.tell(LaneStarted(self._id, start.attempt, start.lane, now - self._began))

    def _stop(self, stop: Stop) -> None:
        """Losers are cancelled in this very tick; the winner ends by itself, its connection read out."""
        self._ended = self._stage.now()
        for number in stop.lost:
            self._tasks[number].cancel()

    # ------------------------------------------------------------------ one lane

    async def _lane(self, run: Run) -> None:
        """Run one lane to its end and report it."""
        patience = self._patience(run)
        scope = self._scopes[run.number] = anyio.CancelScope(deadline=run.started + patience.first)
        try:
            with scope:
                await self._stage.exchange.run(run, self._call, self._progress, self._finish)
            if scope.cancelled_caught:
                raise patience.lost(started=run.seen > 0, age=self._stage.now() - run.started)
        except WireError as error:
            self._failed(run, error)
        except asyncio.CancelledError:
            if self._heat.ending is not None:
                raise
            # Nobody has stopped this lane: what it waited for, in valid= perhaps, was cancelled on its own.
            self._failed(run, WireError(Kind.INVALID, "a check of valid= was cancelled from within"))

    def _patience(self, run: Run) -> Patience:
        return Patience.of(run.lane.provider.timeout, stream=self._call.stream)

    def _progress(self, run: Run) -> None:
        """A piece of the reply has come; keep-alives and role chunks never get here."""
        now = self._stage.now()
        scope = self._scopes[run.number]
        deadline = self._patience(run).moved(scope.deadline, started=run.started, now=now)
        if deadline != scope.deadline:
            scope.deadline = deadline
        if run.first_token_at is None and run.assembly.started:
            run.first_token_at = now
            if self._call.stream and self._heat.ending is None:
                after = now - run.started
                self._stage.tell(LaneFirstToken(self._id, run.number, run.lane, now - self._began, after))
                self._obey(self._heat.first_token(run.number, now))

    async def _finish(self, run: Run) -> None:
        """The answer is whole: if it is valid, and the first to be so, it has won. Raises WireError."""
        self._scopes[run.number].deadline = NEVER  # the caller's checks have the race's deadline alone
        if wrong := judge(run.assembly.answer(), self._call):
            raise wrong
        if self._valid and not await self._approved(run):
            return
        self._replied(run)

    async def _approved(self, run: Run) -> bool:
        """What the caller's own checks say. False when one of them has shown a bug, which ends the race."""
        reply = self._book.reply(run, self._stage.now())
        try:
            for check in self._valid:
                await apply(check, reply)
        except InvalidReply as no:
            raise WireError(Kind.INVALID, str(no) or "turned down by valid=") from None
        except Exception as bug:
            self._fault = self._fault or bug
            self._obey(self._heat.abort())
            return False
        return True

    # -------------------------------------------------------------------- reports

    def _replied(self, run: Run) -> None:
        now = self._stage.now()
        for scope in self._stage.breakers.succeeded(run.lane):
            self._stage.tell(CoolDownEnded(self._id, scope))
        if self._heat.ending is not None:
            self._write(run, Outcome.LATE, now)
            return
        self._reply = self._book.reply(run, now)
        self._obey(self._heat.replied(run.number))
        self._write(run, Outcome.WON, now)

    def _failed(self, run: Run, error: WireError) -> None:
        if self._heat.ending is not None:
            return
        now = self._stage.now()
        error = _scrubbed(error, run.lane)
        self._write(run, Outcome.FAILED, now, error)
        if cooled := self._stage.breakers.failed(run.lane, error, now):
            seconds = cooled.until - now
            self._stage.tell(CoolDownStarted(self._id, cooled.scope, cooled.until, seconds, cooled.reason))
        self._obey(self._heat.failed(run.number, error, now))

    def _close_book(self) -> None:
        """Everything that neither won nor failed was stopped with the race."""
        for run in self._runs.values():
            if not self._book.knows(run):
                self._stage.breakers.stopped(run.lane)
                self._write(run, Outcome.LOST, self._ended)
        ending = self._heat.ending or Ending.ABORTED
        latency = self._ended - self._began
        kept_out = tuple(self._heat.kept_out.items())
        self._stage.tell(RaceEnded(self._id, ending, latency, self._heat.starts, self._book.winner, kept_out))

    def _write(self, run: Run, outcome: Outcome, now: float, error: WireError | None = None) -> None:
        attempt = self._book.write(run, outcome, now, error)
        self._gate.ended(run.lane, attempt, error, run.headers)
        if run.dropped:
            self._stage.tell(FieldsDropped(self._id, run.lane, run.dropped))
        self._stage.tell(LaneEnded(self._id, run.number, run.lane, attempt))


def _scrubbed(error: WireError, lane: Lane) -> WireError:
    """A new error, for the old one holds its frames alive; without any secret, for providers echo them."""
    text = error.message if lane.account.key is None else lane.account.key.scrub(error.message)
    for value in lane.provider.headers.values():
        if len(value) >= SHORTEST_SECRET:
            text = Secret(value).scrub(text)
    return error.replaced(text)
