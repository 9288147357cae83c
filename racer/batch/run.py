"""The shell of a batch: it reads lines, starts requests and waits, as its desk says, in one task group."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import anyio

from racer.batch.asks import Asks, Suites
from racer.batch.case import Case
from racer.batch.desk import Desk
from racer.batch.errands import Errands
from racer.batch.foresight import Foresight
from racer.batch.line import Bad, Failure, Result
from racer.batch.pace import Pace
from racer.core.defeat import nobody
from racer.core.latency import size_within
from racer.errors import BadRequest, BatchStopped, JobError
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from racer.batch.case import Terms
    from racer.batch.feed import Fed, Feed, Line
    from racer.batch.keep import Keep
    from racer.batch.parts import Parts
    from racer.core.admission import Admission
    from racer.core.breaker import Block
    from racer.core.options import Ask
    from racer.core.provider import Lane
    from racer.core.reply import Reply
    from racer_adapters.types import Call

FOREVER = float("inf")
LONGEST_SLEEP = 60.0
LOOKS = 5.0  # seconds between two looks at who is there
PROBE_AFTER = 60.0
POLITE_FOR = 2.0
DOUBTFUL = frozenset({Kind.NO_MODEL, Kind.DENIED})  # perhaps true of one line alone
TICK = 1.0  # while requests are out: some may take too long
FIRST_LOOK = 3.0


class Tally:
    """What has come of the lines of this run."""

    def __init__(self) -> None:
        self.answered = self.failed = self.attempts = 0
        self.input_tokens = self.output_tokens = 0
        self.usd = 0.0

    def add(self, result: Result) -> None:
        if result.ok:
            self.answered += 1
        else:
            self.failed += 1
        self.attempts += len(result.attempts)
        for attempt in result.attempts:
            if (usage := attempt.usage) is not None:
                self.input_tokens += usage.input_tokens
                self.output_tokens += usage.output_tokens
                self.usd += usage.usd or 0.0


class Runner:
    """`put_out` is given every result, with its line's digest. `lines`: how many are to come, where that is
    known. After `seconds` nothing more is begun.
    """

    def __init__(
        self,
        parts: Parts,
        asks: Asks,
        feed: Feed,
        terms: Terms,
        *,
        put_out: Callable[[Result, bytes], None],
        lines: int | None,
        max_errors: int | None,
        seconds: float,
    ) -> None:
        self._parts = parts
        self._asks = asks
        self._feed = feed
        self._put_out = put_out
        self._max_errors = max_errors
        self._seconds, self._deadline = seconds, FOREVER
        self._now = parts.stage.now
        self.pace = Pace()
        self.desk = Desk(terms, self.pace, self._blocked)
        self.desk.left = lines
        self.tally = Tally()
        self.suites: Suites | None = None
        self.why_stopped: str = ""
        self.skipped: tuple[str, ...] = ()
        self._errands: Errands | None = None
        self._moved = asyncio.Event()
        self._hungry = asyncio.Event()
        self._sleeps_until = -FOREVER
        self._read_all = False
        self._broken: Exception | None = None  # why no more can be read
        self._looked_at = -FOREVER
        self._advancing = False

    async def run(self, keep: Keep) -> None:
        """Until every line has a result. Raises BatchStopped where it ends before, or what `valid` raises.

        Where the input cannot be read on, what was read is asked, and then that is raised; where it is
        another one than it should be, what is under way is finished.
        """
        self._deadline = self._now() + self._seconds
        try:
            async with asyncio.TaskGroup() as group:
                self._errands = Errands(self._parts, self.desk, group, self._done)
                saving = group.create_task(self._or_stop(keep.run))
                reading = group.create_task(self._or_stop(self._read_lines))
                try:
                    await self._drive()
                finally:
                    self.desk.stopping = True
                    reading.cancel()
                    self._errands.abort()
                keep.end()
                await saving
        except ExceptionGroup as group_of:
            raise _first_of(group_of) from None
        if self._broken is not None:
            raise self._broken
        if self.why_stopped:
            raise self._stopped()

    async def _or_stop(self, work: Callable[[], Awaitable[None]]) -> None:
        """What goes wrong ends the batch; nothing may start in its last moments."""
        try:
            await work()
        except Exception:
            self.desk.stopping = True
            raise

    @property
    def lanes(self) -> Sequence[Lane]:
        """Those that may answer what the job asks, whatever its lines say."""
        job = self._asks.job
        return () if self.suites is None else self.suites.of(job, job.call).lanes

    def foresight(self, characters: int) -> Foresight:
        """For lines of about so many characters."""
        call = self._asks.job.call
        like = replace(call, messages=(replace(call.messages[-1], content="x" * characters),))
        return Foresight(self._parts, like, size_within(call.max_tokens))

    def stop(self, why: str) -> None:
        """Finish what is under way, begin nothing more."""
        self.why_stopped = self.why_stopped or why
        self.desk.stopping = True
        self._moved.set()

    def troubled(self, error: JobError) -> None:
        """Results can be kept no more: what is under way is finished, for it may be kept later."""
        self.stop(str(error))

    def saved(self, lines: int) -> None:
        self.desk.saved(lines)
        self._moved.set()  # whoever reads takes one after the other: all that have room then start together

    # ---------------------------------------------------------------- the desk's turn

    async def _drive(self) -> None:
        while not self._is_over():
            await self._look_around()
            self._moved.clear()
            self._sleeps_until = -FOREVER
            wake = self._advance()
            if self._errands is not None:
                self._errands.expire(self._now())
            self._give_up_if_stuck()
            if self._is_over():
                break
            self._sleeps_until = min(wake, self._now() + (TICK if self.desk.out else LONGEST_SLEEP))
            with anyio.move_on_at(self._sleeps_until):
                await self._moved.wait()

    def _is_over(self) -> bool:
        if self.desk.stopping:
            return not self.desk.out
        return self._read_all and self.desk.is_idle

    def _advance(self) -> float:
        """Everything that can start now, starts. When to look again, if nothing happens."""
        errands, now = self._errands, self._now()
        if errands is None or self._advancing:
            return FOREVER
        self._advancing = True
        try:
            if now >= self._deadline and not self.desk.stopping:
                self.stop("its deadline has come")
            polite = bool(self._parts.guests) and self._has_guest(now)
            while not polite and (start := self.desk.next(now)) is not None:
                errands.start(start)
            while self.desk.hopeless:
                self._drop(self.desk.hopeless.pop())
        finally:
            self._advancing = False
        if self.desk.wants:
            self._hungry.set()
        wake = FOREVER if self.desk.stopping else min(self.desk.wake_at(), self._deadline)
        if polite:
            wake = now + POLITE_FOR / 20
        if wake < self._sleeps_until or self._is_over():
            self._moved.set()
        return wake

    def _has_guest(self, now: float) -> bool:
        """Whether a race has just begun that found no room: what comes free next is for it."""
        return any(now - began < POLITE_FOR for began in self._parts.guests.values())

    def _blocked(self, case: Case, lane: Lane, now: float) -> Block | None:
        if case.gate is None and self._errands is not None and not self._errands.is_counted(lane):
            block = self._parts.stage.breakers.blocked(lane, now)  # most lines need no more
        else:
            block = self._gate(case).blocked(lane, now)
        if block is None:
            return None
        if block.pending:
            self._gate(case).ask(lane, queues=False)
        doubtful = not block.stated or (block.kind in DOUBTFUL and self.pace.of(lane).answered > 0)
        if doubtful and not block.pending and self._may_probe(lane, now):
            return None
        return block

    def _gate(self, case: Case) -> Admission:
        gate = case.gate
        if gate is None:
            gate = case.gate = self._parts.ledger.admission(self._parts.stage.breakers, case.call)
            gate.wake = self._moved.set
        return gate

    def _may_probe(self, lane: Lane, now: float) -> bool:
        """A guess keeps a lane out of races for minutes; with thousands of lines to ask, one may try."""
        track = self.pace.of(lane)
        return not track.flying and now - track.started_at >= PROBE_AFTER * max(1.0, track.patience)

    def _give_up_if_stuck(self) -> None:
        """Nobody is at work, and nobody will be: not ever, or not before the deadline."""
        desk = self.desk
        if desk.stopping or not desk.is_stuck:
            return
        wake = desk.wake_at()
        if wake >= FOREVER:
            self.stop("no lane is left that could go on")
        elif wake > self._deadline:
            self.stop("no lane is free again before its deadline")

    async def _look_around(self) -> None:
        """Whether servers on this machine have come or gone; and what the store has heard."""
        now = self._now()
        self._parts.ledger.forms(self.lanes)  # by the way it forgets how long answers were a second ago
        if self.suites is not None and now - self._looked_at >= LOOKS:
            self._looked_at = now
            if self.suites.refresh(await self._parts.lineup.known(0.0)):
                self._asks.forget()

    # ---------------------------------------------------------------- lines

    async def begin(self) -> None:
        """Raises NoLanes where nobody can answer what the job asks, whatever its lines say."""
        parts, ask = self._parts, self._asks.job
        await parts.ledger.settled()
        field = await parts.lineup.known(FIRST_LOOK)
        parts.check_names(ask.wishes, field)
        self.suites = Suites(parts, field)
        self._looked_at = self._now()
        ranking = self.suites.ranked(ask, ask.call)
        self.skipped = tuple(each.name for each in field.skipped)
        if not ranking.lanes:
            absent = [each for each in field.skipped if ask.wishes.concern(each.name)]
            raise nobody(parts.providers, (*ranking.skipped, *absent), None, parts.ledger.now())
        await parts.ledger.counted(ranking.lanes)

    async def _read_lines(self) -> None:
        while True:
            while not self.desk.wants:
                self._hungry.clear()
                await self._hungry.wait()
            fed = await self._fed()
            if fed is None:
                break
            for one in fed:
                await self._take(*one)
            self._advance()
        self._read_all = True
        self.desk.left = 0
        self._moved.set()

    async def _fed(self) -> Sequence[Fed] | None:
        try:
            return await self._feed.more()
        except JobError as error:
            self._broken = error
            self.desk.stopping = True
        except Exception as error:  # of a program's generator it may be any
            self._broken = error
        return None

    async def _take(self, line: Line, digest: bytes) -> None:
        if self.desk.left is not None:
            self.desk.left = max(0, self.desk.left - 1)
        if isinstance(line, Bad):
            self._put(Result(line.line, line.id, failure=Failure(line.code, line.message)), digest)
            return
        try:
            ask, call = self._asks.of(line)
        except BadRequest as error:
            said = f"line {line.line}: {error}"
            self._put(Result(line.line, line.id, failure=Failure("bad_request", said)), digest)
            return
        assert self.suites is not None, "it was made before the first line was read"
        case = Case(line, digest, ask, call, self.suites.of(ask, call))
        if not case.suite.lanes:
            self._put(Result(line.line, line.id, failure=Failure("no_lane", self._why_nobody(case))), digest)
        elif ask.cache is not None and (reply := await self._kept(ask, call)) is not None:
            self._put(Result(line.line, line.id, reply), digest)
        else:
            self.desk.put(case)

    async def _kept(self, ask: Ask, call: Call) -> Reply[Any] | None:
        return await self._parts.cache.kept(replace(ask, call=call))

    def _why_nobody(self, case: Case) -> str:
        assert self.suites is not None, "there is a case"
        skipped = self.suites.ranked(case.ask, case.call).skipped
        told = "; ".join(f"{each.name}: {each.reason}" for each in skipped[:3])
        return f"no lane can answer line {case.prompt.line}. {told}"

    def _drop(self, case: Case) -> None:
        """It is too large for every lane."""
        self.desk.dropped(case)
        gate, now = self._gate(case), self._now()
        blocks = ((lane.id, gate.blocked(lane, now)) for lane in case.suite.lanes)
        told = "; ".join(f"{name}: {block.reason}" for name, block in blocks if block)
        failure, attempts = Failure("too_long", told), tuple(case.attempts)
        self._result(case, Result(case.prompt.line, case.prompt.id, failure=failure, attempts=attempts))

    def _done(self, case: Case, reply: Reply[Any] | None, failure: Failure | None) -> None:
        """A request for `case` has ended: with its reply, or its failure, or it will be asked again."""
        if reply is not None or failure is not None:
            attempts = tuple(case.attempts)
            self._result(case, Result(case.prompt.line, case.prompt.id, reply, failure, attempts))
            if reply is not None and case.ask.cache is not None:
                self._parts.cache.keep(replace(case.ask, call=case.call), reply)
            if self.desk.is_full:  # until results are saved, and then it is looked at
                return
        self._advance()

    def _put(self, result: Result, digest: bytes) -> None:
        """The result of a line that was never on the desk."""
        self.desk.found()
        self._tell(result, digest)

    def _result(self, case: Case, result: Result) -> None:
        self._tell(result, case.digest)

    def _tell(self, result: Result, digest: bytes) -> None:
        self.tally.add(result)
        self._put_out(result, digest)
        if self._max_errors is not None and self.tally.failed > self._max_errors and not self.desk.stopping:
            self.stop(f"more than {self._max_errors:,} lines have failed")

    def _stopped(self) -> BatchStopped:
        done, failed, unread = self.tally.answered, self.tally.failed, self.desk.left
        left = None if unread is None else unread + self.desk.waiting
        text = f"stopped: {self.why_stopped}"
        if self.desk.blocks and "lane" in self.why_stopped:
            told = [f"  {name}: {block.reason}" for name, block in self.desk.blocks.items()]
            text = "\n".join([text, *told])
        return BatchStopped(text, done=done, failed=failed, left=left)


def _first_of(error: Exception) -> Exception:
    """What went wrong first."""
    if not isinstance(error, ExceptionGroup):
        return error
    return _first_of(cast("ExceptionGroup[Exception]", error).exceptions[0])
