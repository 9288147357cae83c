"""Requests for lines: sent, judged, written in the books of their races, told and settled.

A race of a batch is what is asked for one line until there is an answer, or nobody is at work on it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from racer.approval import approved
from racer.core.book import Book, Run
from racer.core.facts import (
    CoolDownEnded,
    CoolDownStarted,
    FieldsDropped,
    LaneEnded,
    LaneStarted,
    RaceEnded,
    RaceStarted,
)
from racer.core.heat import Ending, Outcome
from racer.core.patience import Patience
from racer.core.scrub import scrubbed
from racer.core.tax import tax_of
from racer.core.verdict import judge
from racer.core.view import Why
from racer.errors import InvalidReply
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.batch.case import Case, Start
    from racer.batch.desk import Desk
    from racer.batch.line import Failure
    from racer.batch.parts import Parts
    from racer.core.provider import Lane
    from racer.core.reply import Attempt, Reply

    Done = Callable[[Case, Reply[Any] | None, Failure | None], None]
    _Errand = tuple[int, Run, Case]

FOREVER = float("inf")
EXPIRES = 0.5  # seconds between two looks at those that may take too long


class Errands:
    """`done` is told what became of a line. `group` holds every task of the batch."""

    def __init__(self, parts: Parts, desk: Desk, group: asyncio.TaskGroup, done: Done) -> None:
        self._parts = parts
        self._stage = parts.stage
        self._desk = desk
        self._group = group
        self._done = done
        self._runs: dict[int, tuple[Run, Case, asyncio.Task[None]]] = {}
        self._idle: list[tuple[asyncio.Task[None], asyncio.Future[_Errand]]] = []
        self._ended = False
        self._expires_at = -FOREVER
        self._counted: dict[str, bool] = {}
        # Numbers in a row: what is kept of races that follow each other then lies side by side.
        self._ids = map("{:016x}".format, count(int(parts.new_id(), 16)))

    def start(self, start: Start) -> None:
        case, lane, now = start.case, start.lane, self._stage.now()
        self._open_book(case, now)
        run = Run(case.numbers, lane, now)
        breakers = self._stage.breakers
        if breakers.blocked(lane, now) is not None:
            breakers.forced(lane)
            run.forced = True
        run.forced = run.forced or breakers.probes(lane)
        case.numbers += 1
        case.extra += start.extra
        price = case.suite.prospects.price(lane)
        if case.gate is None:
            self._stage.breakers.started(lane, now)
        else:
            case.gate.started(lane, now)
        why = Why.LATE if start.extra else Why.REPLACES if case.reasons else Why.FIRST
        self._stage.tell(LaneStarted(case.race, run.number, lane, now - case.began, price, why))
        self._runs[start.number] = run, case, self._sent(start.number, run, case)

    def _sent(self, number: int, run: Run, case: Case) -> asyncio.Task[None]:
        """A worker that waits takes it; where none does, there is one more."""
        while self._idle:
            task, waits = self._idle.pop()
            if not waits.done():  # else it was cancelled
                waits.set_result((number, run, case))
                return task
        return self._group.create_task(self._work(number, run, case))

    def is_counted(self, lane: Lane) -> bool:
        """Whether a call on `lane` needs more than that no breaker is in its way."""
        counted = self._counted.get(lane.id)
        if counted is None:
            counted = self._counted[lane.id] = lane.provider.local or bool(self._parts.ledger.meters(lane))
        return counted

    def expire(self, now: float) -> None:
        """Give up on those that take too long."""
        if now < self._expires_at:
            return
        self._expires_at = now + EXPIRES
        overdue = [number for number, (run, *_) in self._runs.items() if now - run.started >= _patience(run)]
        for number in overdue:
            if number in self._runs:  # what became of one may have let go of another
                run, case, task = self._runs[number]
                self._failed(number, run, case, _late(run))
                task.cancel()

    def abort(self) -> None:
        """The batch ends now: whatever is under way has lost."""
        self._ended = True
        for number in list(self._runs):
            self._let_go(number)
        for _, waits in self._idle:
            waits.cancel()

    def _open_book(self, case: Case, now: float) -> None:
        if case.book is None:
            parts, ask = self._parts, case.ask
            case.race, case.began, case.extra, case.numbers = next(self._ids), now, 0, 1
            created = int(parts.ledger.now())
            case.book = Book(case.race, case.call, began=now, created=created)
            rules, lanes = ask.rules, case.suite.told
            self._stage.tell(RaceStarted(case.race, ask.policy_name, rules.width, rules.deadline, lanes))

    # ---------------------------------------------------------------- one request

    async def _work(self, number: int, run: Run, case: Case) -> None:
        """One errand after the other: a task for each costs as much as to send its request.

        A task that was cancelled, or has run code of the caller's, is not used again.
        """
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None, "it was made with this"
        while await self._errand(number, run, case) and not self._ended:
            waits: asyncio.Future[_Errand] = loop.create_future()
            self._idle.append((task, waits))
            number, run, case = await waits

    async def _errand(self, number: int, run: Run, case: Case) -> bool:
        """Whether its task can do another."""
        try:
            finish = partial(self._finish, number, case)
            await self._stage.exchange.run(run, case.call, _nobody_reads, finish)
        except WireError as error:
            self._failed(number, run, case, error)
        except Exception:
            self._desk.stopping = True
            raise
        return not (case.ask.valid or case.ask.into)

    async def _finish(self, number: int, case: Case, run: Run) -> None:
        """The answer is whole. Raises WireError where it is no reply."""
        run.checked = True
        if wrong := judge(run.answer(), case.call):
            raise wrong
        reply = None
        if case.book is not None and (case.ask.valid or case.ask.into):
            try:
                reply = await approved(case.book.reply(run, self._stage.now()), case.ask)
            except InvalidReply as no:
                raise WireError(Kind.INVALID, str(no) or "turned down by valid=") from None
        self._answered(number, run, case, reply)

    def _answered(self, number: int, run: Run, case: Case, reply: Reply[Any] | None) -> None:
        """`reply` is there where it had to be approved."""
        if self._runs.pop(number, None) is None:
            return
        now, book = self._stage.now(), case.book
        assert book is not None, "it has one from its first request to its last"
        for scope in self._stage.breakers.succeeded(run.lane):
            self._stage.tell(CoolDownEnded(case.race, scope))
        attempt = self._write(run, case, Outcome.WON, now)
        self._desk.answered(number, now, attempt.usage.output_tokens if attempt.usage else 0)
        for other in list(case.out):
            self._let_go(other)
        self._close(case, Ending.WON, now)
        self._parts.budget.answered(case.ask.policy_name)
        attempts = tuple(case.attempts)
        reply = book.reply(run, now, attempts) if reply is None else replace(reply, attempts=attempts)
        self._done(case, reply, None)

    def _failed(self, number: int, run: Run, case: Case, error: WireError) -> None:
        if self._runs.pop(number, None) is None:
            return
        now, error = self._stage.now(), scrubbed(error, run.lane, case.call, run.answer())
        self._write(run, case, Outcome.FAILED, now, error)
        if cooled := self._stage.breakers.failed(run.lane, error, now):
            told = CoolDownStarted(case.race, cooled.scope, cooled.until, cooled.until - now, cooled.reason)
            self._stage.tell(told)
        failure = self._desk.failed(number, error, now, ill=run.forced)
        if not case.out:
            self._close(case, Ending.EXHAUSTED, now)
        self._done(case, None, failure)

    def _let_go(self, number: int) -> None:
        run, case, task = self._runs.pop(number)
        self._stage.breakers.stopped(run.lane)
        self._write(run, case, Outcome.LOST, self._stage.now())
        self._desk.stopped(number)
        task.cancel()
        if not case.out and not case.done:
            self._close(case, Ending.ABORTED, self._stage.now())

    # ---------------------------------------------------------------- what is told

    def _write(
        self, run: Run, case: Case, outcome: Outcome, now: float, error: WireError | None = None
    ) -> Attempt:
        assert case.book is not None, "it has one from its first request to its last"
        attempt = case.book.write(run, outcome, now, error)
        if case.gate is not None:
            case.gate.ended(run.lane, attempt, error, run.headers)
        case.ran.append((run.lane, attempt))
        if run.dropped:
            self._stage.tell(FieldsDropped(case.race, run.lane, run.dropped))
        self._stage.tell(LaneEnded(case.race, run.number, run.lane, attempt))
        return attempt

    def _close(self, case: Case, ending: Ending, now: float) -> None:
        book, ran = case.book, case.ran
        assert book is not None, "it is closed once"
        case.attempts += [attempt for _, attempt in ran]
        latency = now - case.began
        won, deadline = book.winner is not None, case.ask.rules.deadline
        tax = tax_of(ran, latency, won=won, deadline=deadline, rest=case.suite.prospects.rest)
        ended = RaceEnded(case.race, ending, latency, len(ran), book.winner, (), (), tax, case.extra)
        self._stage.tell(ended)
        case.book, case.ran = None, []


def _patience(run: Run) -> float:
    """Seconds for the answer, and as many again for the caller's checks."""
    return run.lane.provider.timeout * (1 + run.checked)


def _late(run: Run) -> WireError:
    patience = Patience.of(run.lane.provider.timeout, stream=False)
    if run.checked:
        return WireError(Kind.INVALID, f"valid= has not said anything in {patience.total:g} s")
    return patience.lost(started=False, age=patience.total)


def _nobody_reads(run: Run) -> None:
    """An answer in one piece has no progress."""
