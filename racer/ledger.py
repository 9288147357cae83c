"""The ledger: it keeps the limits of every lane and remembers every attempt, beside the races.

Rule 1: a race never waits for the disk, but for a lease that it cannot do without, and the first one a
        moment for what is known already. Facts go to the recorder, spending is a matter of memory; one task
        carries both to the store, in one transaction at a time.
Rule 2: an exchange is never left half-way: it is not cancelled, and what did not arrive is told again.
Rule 3: while the store cannot be written, lanes with limits may spend what is held and get nothing new;
        lanes without limits run on. Nothing is given up silently.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio

from racer.background import Background
from racer.core.admission import Admission
from racer.core.allowance import Budget
from racer.core.clock import Clock
from racer.core.facts import (
    ClockJumped,
    LaneEnded,
    LaneStarted,
    QuotaReset,
    StoreHealed,
    StoreTroubled,
    fact_of,
)
from racer.core.fitness import Fitness
from racer.core.hosts import Hosts
from racer.core.latency import Latencies
from racer.core.lessons import learned_anew
from racer.core.metering import charges_of
from racer.core.purse import Purse
from racer.core.tokens import prompt_tokens
from racer.core.truth import from_error, from_headers
from racer.errors import StoreError
from racer.recorder import KEPT, Recorder
from racer_adapters.types import Usage
from racer_adapters.waits import clock_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from racer.acquaintance import Known
    from racer.core.breaker import Breakers
    from racer.core.facts import Fact, Observer
    from racer.core.pocket import Pocket
    from racer.core.provider import Lane
    from racer.core.purse import Charge
    from racer.core.quota import Meter, Report, Tidings, Truth
    from racer.core.rank import Form
    from racer.recorder import Note
    from racer.storage import Store
    from racer.timepiece import Timepiece
    from racer_adapters.errors import WireError
    from racer_adapters.types import Call

FLUSH_AFTER = 0.25
HEARTBEAT = 10.0
BRISK = 1.25  # something is held that others may need: see soon whether it is still needed here
FIRST_RETRY = 0.5
LONGEST_RETRY = 30.0
CLOSING = 5.0
FIRST_WORD, FIRST_COUNT = 0.25, 1.0
NEVER = float("inf")
LOST = frozenset({"corrupt", "gone"})  # the store, with all that was counted in it
LOCK_LASTS = 1.0  # who waits for a lane looks again: other programs do not hold a database for long
USUAL_PROMPT = 256


class Ledger:
    """`known` tells a lane's meters and who reads its headers; `tell` is told what happens to limits."""

    def __init__(
        self,
        store: Store,
        timepiece: Timepiece,
        known: Callable[[Lane], Known],
        tell: Observer,
        *,
        local: Iterable[str] = (),
        budget: Budget | None = None,
    ) -> None:
        self._store = store
        self._timepiece = timepiece
        self._budget = budget or Budget()
        self._known = known
        self._tell = tell
        self._clock = Clock(timepiece.wall(), timepiece.ticks())
        self._purse = Purse()
        self._recorder = Recorder()
        self._running = 0
        self._waiting: set[Admission] = set()
        self._stirred, self._ending = anyio.Event(), anyio.Event()
        self._urgent = self._joined = self._doubtful = False
        self._settled, self._counted = anyio.Event(), anyio.Event()
        self._give_up_at = NEVER
        self._dirty_at: float | None = None
        self._fault, self._fault_lasts = "", NEVER
        self._bereft = False
        self._gap = 0.0
        self._moved = False
        self._aside = Background()
        self.latencies = Latencies(local=frozenset(local))
        self._fitness = Fitness(self.latencies, self._purse, lambda lane: self._known(lane).meters)
        self.hosts = Hosts()

    # ------------------------------------------------------------- for the races

    def now(self) -> float:
        """Unix seconds that no jump of the machine's clock moves."""
        return self._clock.now(self._timepiece.ticks())

    def admission(self, breakers: Breakers, call: Call) -> Admission:
        """The gate of a race that asks for `call`; its clock is the event loop's."""
        most = call.max_tokens
        return Admission(
            breakers, self._purse, hosts=self.hosts, clock=anyio.current_time,
            meters=lambda lane: self._known(lane).meters,
            prompt=prompt_tokens(call),
            answer=lambda lane: self._fitness.length(lane) if most is None else most,
            guesses=most is None,
            skew=lambda: self.now() - anyio.current_time(),
            nudge=self._asked,
            fault=lambda: (self._fault, self._fault_lasts),
            hear=self._hear,
        )  # fmt: skip

    async def settled(self) -> None:
        """Until what others have learned and spent is known here, or cannot be: once, and not for long."""
        if not self._settled.is_set():
            with anyio.move_on_after(FIRST_WORD):
                await self._settled.wait()
            self._settled.set()

    def meters(self, lane: Lane) -> Sequence[Meter]:
        """Every counter that a call on `lane` is counted in."""
        return self._known(lane).meters

    @property
    def fault(self) -> str:
        """Why the store cannot be used; empty while it can."""
        return self._fault

    def uncounted(self, lane: Lane) -> bool:
        """Whether a usual call on `lane` may not start now because the store cannot count it."""
        return bool(self._fault) and self._purse.lacks(self._usual(lane), self.now()) is not None

    def _usual(self, lane: Lane) -> tuple[Charge, ...]:
        usage = Usage(USUAL_PROMPT, self._fitness.length(lane))
        return charges_of(self._known(lane).meters, usage, lane.model)

    def pocket(self, meter: Meter) -> Pocket | None:
        """How `meter` stands, as far as it is known here."""
        return self._purse.known(meter)

    async def counted(self, lanes: Iterable[Lane]) -> None:
        """Until it is known here how the limits of `lanes` stand now, or cannot be. Not for long."""
        await self.settled()
        meters = {meter.name: meter for lane in lanes for meter in self.meters(lane)}
        if not meters or self._fault:
            return
        self._purse.watch(meters.values())
        self._counted = anyio.Event()
        self._urgent = True
        self._stirred.set()
        with anyio.move_on_after(FIRST_COUNT):
            await self._counted.wait()

    def forms(self, lanes: Iterable[Lane]) -> Mapping[str, Form]:
        """How good each lane is for the next call, by its id: how slow it was of late, how much is used."""
        return self._fitness.forms(lanes, self.now())

    def observe(self, fact: Fact) -> None:
        """Remember `fact`. Takes some microseconds and waits for nothing."""
        if type(fact) not in KEPT:
            return
        self._recorder.note(self._clock.now(self._timepiece.ticks()), fact)
        if self._dirty_at is None:
            self._dirty()
        if isinstance(fact, LaneStarted):
            self._running += 1
        elif isinstance(fact, LaneEnded):
            self._running -= 1

    def _asked(self, admission: Admission) -> None:
        self._waiting.add(admission)
        self._urgent = True
        self._stirred.set()

    def _hear(self, lane: Lane, headers: Mapping[str, str] | None, error: WireError | None) -> None:
        """What a response has said of the limits that it was counted in."""
        meters, reader = self._known(lane)
        if headers is not None and self._gap:
            self._ask_the_time(headers)
        if not meters:
            return
        now = self.now()
        if headers is not None and reader is not None:
            self._believe(from_headers(meters, reader(headers, now), now))
        if error is not None:
            self._believe(from_error(meters, error, now))

    def _believe(self, truths: Iterable[Truth]) -> None:
        if self._purse.believe(truths):
            self._dirty()

    def _dirty(self) -> None:
        if self._dirty_at is None:
            self._dirty_at = anyio.current_time()
            self._stirred.set()

    # ------------------------------------------------------------- its own life

    def open(self, lanes: Iterable[Lane]) -> None:
        """Begin to keep the ledger, beside whatever else runs. `lanes` are likely to be asked soon."""
        for lane in lanes:
            self._purse.expect(self._usual(lane))
        self._aside.start(self._keep())

    async def aclose(self) -> None:
        """Write down what is left and give back what is held, if that can be done within some seconds."""
        self._give_up_at = anyio.current_time() + CLOSING
        self._stirred.set()
        self._ending.set()
        with anyio.CancelScope(shield=True):
            try:
                await self._aside.aclose(patience=2 * CLOSING)
            finally:
                await self._store.aclose()
        if lost := len(self._recorder) + self._recorder.lost:
            self._tell(StoreTroubled(self._fault or "there was no time left to write", lost))

    @property
    def _closing(self) -> bool:
        return self._give_up_at < NEVER

    async def _keep(self) -> None:
        try:
            await self._insist(self._join)
            while self._joined:
                await self._pause()
                if self._closing:
                    break
                await self._insist(self._exchange)
            if self._joined:
                await self._insist(self._take_leave)
        finally:
            self._fault = self._fault or "the ledger is closed"
            self._answer()

    async def _pause(self) -> None:
        """Until there is something to tell or to ask, and a moment more for what else may come."""
        while not (self._urgent or self._closing):
            with anyio.move_on_after(self._patience()) as scope:
                await self._stirred.wait()
            if scope.cancelled_caught:
                return
            self._stirred = anyio.Event()

    def _patience(self) -> float:
        if self._dirty_at is not None:
            return max(0.0, self._dirty_at + FLUSH_AFTER - anyio.current_time())
        if self._purse.holds or self._running:
            return BRISK if self._purse.is_scarce else HEARTBEAT
        return NEVER

    async def _insist(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do `work`. While the store cannot, try again by and by; at the end for some seconds only.

        A store that could not even be opened is not waited for at the end, unless it is but locked.
        """
        wait, began = FIRST_RETRY, anyio.current_time()
        while True:
            try:
                await work()
            except StoreError as error:
                self._troubled(error)
                patient = self._joined or error.kind == "locked"
            else:
                self._healed(anyio.current_time() - began)
                return
            if self._closing and (not patient or anyio.current_time() >= self._give_up_at):
                return
            with anyio.move_on_after(wait):
                await self._ending.wait()
            if self._closing:
                await anyio.sleep(FIRST_RETRY)
            wait = min(2 * wait, LONGEST_RETRY)

    def _troubled(self, error: StoreError) -> None:
        self._settled.set()
        self._counted.set()
        if str(error) != self._fault:
            self._tell(StoreTroubled(str(error), 0))
        self._fault = str(error)
        self._fault_lasts = LOCK_LASTS if error.kind == "locked" else NEVER
        self._answer()

    def _healed(self, after: float) -> None:
        if self._fault:
            self._fault = ""
            self._tell(StoreHealed(after))

    # ------------------------------------------------------------- with the store

    async def _join(self) -> None:
        clocks = self._timepiece
        joined = await self._store.open(clocks.wall(), clocks.ticks(), clocks.boot)
        self._clock.adopt(*joined.anchor)
        self._budget.recall(joined.spent)
        unread = learned_anew(self.latencies.load(joined.learned))
        for told in filter(None, (joined.notice, unread)):
            self._tell(StoreTroubled(told, 0))
        self._joined = True
        self._settled.set()
        self._urgent = self._urgent or self._purse.counts

    async def _take_leave(self) -> None:
        if not await self._exchange(last=True):
            await self._exchange(last=True)

    async def _exchange(self, *, last: bool = False) -> bool:
        """False where we were taken for dead: told again, it will be heard."""
        self._look_at_the_clock()
        if self._moved:
            await self._store.move_anchor(*self._clock.anchor)
            self._moved = False
        self._urgent, self._dirty_at = self._doubtful, None
        last = last or self._doubtful
        now = self.now()
        report, notes = self._purse.report(now, last=last), self._recorder.take()
        try:
            tidings = await self._store.exchange(report, notes, now, last=last)
        except StoreError as error:
            if error.kind == "other":  # perhaps it was heard: say goodbye, and come anew with empty hands
                self._doubtful, report = True, report.again()
            self._bereft = self._bereft or error.kind in LOST
            self._undelivered(report, notes)
            raise
        except asyncio.CancelledError:  # the end: what may not have been written is told as lost
            self._recorder.take_back(notes)
            raise
        self._doubtful = False
        if tidings is None:
            self._undelivered(report, notes)
            if self._bereft:
                self._bereft = False
                self._purse.remember()
            self._purse.forfeit()
            self._urgent = True
            return False
        self._received(tidings, now)
        if not self._urgent:
            await self._store.tidy(now)
        return True

    def _undelivered(self, report: Report, notes: Sequence[Note]) -> None:
        self._purse.take_back(report)
        self._recorder.take_back(notes)

    def _received(self, tidings: Tidings, now: float) -> None:
        self.latencies.know(tidings.learned)
        self._counted.set()
        if tidings.anchor is not None and not self._moved:  # somebody may have set the clock of all
            self._clock.adopt(*tidings.anchor)
        for meter in self._purse.receive(tidings, now):
            self._tell(QuotaReset(meter.name, meter.amount))
        for alert in tidings.alerts:
            self._tell(fact_of(alert))
        self._answer()

    def _answer(self) -> None:
        """Races that wait look again."""
        waiting, self._waiting = self._waiting, set()
        for admission in waiting:
            admission.answered()

    # ------------------------------------------------------------- the clock

    def _look_at_the_clock(self) -> None:
        gap = self._clock.check(self._timepiece.wall(), self._timepiece.ticks())
        if gap and not self._gap:
            self._tell(ClockJumped(gap))
        self._gap = gap

    def _ask_the_time(self, headers: Mapping[str, str]) -> None:
        """The machine's clock and ours disagree: a provider's Date may tell which is right."""
        clocks = self._timepiece
        wall, ticks = clocks.wall(), clocks.ticks()
        date = clock_of(headers)
        if date is not None and self._clock.told(date, wall, ticks):
            self._gap = 0.0
            self._moved = True
            self._dirty()
