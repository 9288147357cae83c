"""The anyio shell of a race: it starts, waits and cancels as its Heat says, and keeps the book.

Rule 1: a race is one task group. When `run` returns or raises, nothing that it started is left.
Rule 2: lanes report at once and without awaiting, so that a replacement starts in the same tick.
Rule 3: WireError is a lane's failure. What the caller's own `valid` raises ends the race and surfaces
        as it is. Anything else is our bug, and surfaces too.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, assert_never

import anyio

from racer.core.facts import (
    CoolDownEnded,
    CoolDownStarted,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
    RaceEnded,
)
from racer.core.follow import followed, undone
from racer.core.heat import Action, Ending, Heat, Outcome, Start, Stop
from racer.core.reply import Attempt, Reply
from racer.core.tokens import usage_of
from racer.core.verdict import judge
from racer.errors import InvalidReply
from racer_adapters.assembly import Assembly
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from racer.core.breaker import Breakers
    from racer.core.facts import Observer
    from racer.core.options import Ask, Validator
    from racer.core.provider import Lane
    from racer_adapters.dialect import Decoder, Dialect
    from racer_adapters.types import WireRequest

REFUSAL_BYTES = 64 * 1024
DRAIN_SECONDS = 0.01
UNDO_SECONDS = 5.0


class Incoming(Protocol):
    """A response whose headers have come."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    async def read(self) -> bytes:
        """The next bytes of the body; empty at its end. Raises WireError."""
        ...


class Transport(Protocol):
    def send(self, request: WireRequest) -> AbstractAsyncContextManager[Incoming]:
        """Send and give the response. Leaving early closes the connection. Raises WireError."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """What every race of one Racer shares. `aside` runs what may outlast a race, but not its Racer."""

    transport: Transport
    dialects: Mapping[str, Dialect]
    breakers: Breakers
    now: Callable[[], float]
    tell: Observer
    aside: Callable[[Coroutine[Any, Any, None]], None]


@dataclass(frozen=True, slots=True)
class Result:
    """How a race ended. `reasons` are the failures in order, each with its lane's id."""

    ending: Ending
    attempts: tuple[Attempt, ...]
    reasons: tuple[tuple[str, WireError], ...]
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a lane may keep us waiting, in seconds: for its first token, between two, and in all."""

    first_token: float
    idle: float
    total: float

    @classmethod
    def of(cls, timeout: float, *, stream: bool) -> Patience:
        """An answer in one piece shows nothing until it is whole, so only the total counts there."""
        return cls(timeout / 2, timeout / 3, timeout) if stream else cls(timeout, timeout, timeout)

    def lost(self, *, started: bool, age: float) -> WireError:
        if age >= self.total:
            return WireError(Kind.TIMEOUT, f"not finished within {self.total:g} s")
        if started:
            return WireError(Kind.TIMEOUT, f"stalled: nothing for {self.idle:g} s in the middle of the reply")
        return WireError(Kind.TIMEOUT, f"no token within {self.first_token:g} s")


class _Run:
    """One lane at work: what has arrived of its reply, and when."""

    __slots__ = ("assembly", "lane", "number", "pieces", "scope", "started", "token_at")

    def __init__(self, number: int, lane: Lane, started: float) -> None:
        self.number = number
        self.lane = lane
        self.started = started
        self.token_at: float | None = None
        self.assembly = Assembly()
        self.pieces = 0
        self.scope = anyio.CancelScope()


class Race:
    """Runs one race, once. `created` is the wall clock's second, for the reply."""

    def __init__(
        self, race_id: str, lanes: Sequence[Lane], ask: Ask, stage: Stage, *, created: int = 0
    ) -> None:
        self._id = race_id
        self._ask = ask
        self._stage = stage
        self._created = created
        self._heat = Heat(lanes, rules=ask.rules, policy=ask.policy, gate=stage.breakers)
        self._runs: dict[int, _Run] = {}
        self._attempts: dict[int, Attempt] = {}
        self._reasons: list[tuple[str, WireError]] = []
        self._began = self._ended = 0.0
        self._moved = anyio.Event()
        self._wake_at = float("inf")
        self._reply: Reply | None = None
        self._fault: Exception | None = None
        self._group = anyio.create_task_group()
        # A lone lane has nobody to be stopped for: its whole answer in one piece is cheaper.
        self._stream = min(ask.rules.width, len(lanes)) > 1 and ask.policy_name != "one"
        self._call = ask.call if ask.call.stream == self._stream else replace(ask.call, stream=self._stream)

    async def run(self) -> Result:
        """Raises what the caller's `valid` raised unexpectedly; cancelling it ends every lane."""
        self._began = self._stage.now()
        try:
            async with self._group:
                self._obey(self._heat.begin(self._began))
                await self._wait()
                self._group.cancel_scope.cancel()
        finally:
            self._obey(self._heat.abort())
            self._close_book()
        if self._fault is not None:
            raise self._fault
        attempts = tuple(self._attempts[number] for number in sorted(self._attempts))
        reply = self._reply and replace(self._reply, attempts=attempts)
        return Result(self._heat.ending or Ending.ABORTED, attempts, tuple(self._reasons), reply)

    async def _wait(self) -> None:
        """Until the heat is over: sleep until it wants a tick, or until something has moved."""
        while self._heat.ending is None:
            self._wake_at = self._heat.wake_at()
            with anyio.move_on_at(self._wake_at):
                await self._moved.wait()
            self._moved = anyio.Event()
            self._obey(self._heat.tick(self._stage.now()))

    # ---------------------------------------------------------- the heat's orders

    def _obey(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Start():
                    self._start(action)
                case Stop():
                    self._ended = self._stage.now()
                case _:
                    assert_never(action)
        if self._heat.ending is not None or self._heat.wake_at() < self._wake_at:
            self._moved.set()

    def _start(self, start: Start) -> None:
        now = self._stage.now()
        run = self._runs[start.attempt] = _Run(start.attempt, start.lane, now)
        self._stage.tell(LaneStarted(self._id, start.attempt, start.lane, now - self._began))
        self._group.start_soon(self._lane, run)

    # ------------------------------------------------------------------ one lane

    async def _lane(self, run: _Run) -> None:
        """Run one lane to its end and report it."""
        patience = Patience.of(run.lane.provider.timeout, stream=self._stream)
        run.scope.deadline = run.started + patience.first_token
        try:
            with run.scope:
                await self._exchange(run, patience)
            if run.scope.cancelled_caught:
                age = self._stage.now() - run.started
                raise patience.lost(started=run.pieces > 0, age=age)
        except WireError as error:
            self._failed(run, error)

    async def _exchange(self, run: _Run, patience: Patience) -> None:
        dialect = self._stage.dialects[run.lane.provider.dialect]
        request = dialect.encode(self._call, target_of(run.lane))
        decoder = dialect.decoder()
        try:
            while True:
                async with self._stage.transport.send(request) as incoming:
                    if not 200 <= incoming.status < 300:
                        body = await _read_some(incoming)
                        raise dialect.classify(incoming.status, incoming.headers, body)
                    await self._read(run, incoming, decoder, patience)
                    follow = run.assembly.follow_up
                    if follow is None:
                        return await self._finish(run, incoming)
                run.assembly.follow_up = None
                await anyio.sleep(follow.after)
                request, decoder = followed(request, follow), follow.decoder
        finally:
            self._undo(run, request)

    def _undo(self, run: _Run, request: WireRequest) -> None:
        """A job goes on when its connection is closed: have it stopped, beside the race."""
        undo = run.assembly.undo
        if undo is not None and not run.assembly.ended and (stop := undone(request, undo)) is not None:
            self._stage.aside(_send_and_forget(self._stage.transport, stop))

    async def _finish(self, run: _Run, incoming: Incoming) -> None:
        """The answer is whole: check it, and if it is valid and the first, it has won."""
        run.scope.deadline = float("inf")  # the caller's checks have the race's deadline alone
        if await self._accepts(run):
            self._replied(run)
            await _drain(incoming)

    async def _read(self, run: _Run, incoming: Incoming, decoder: Decoder, patience: Patience) -> None:
        """Until the end marker or the end of the body, whichever comes first."""
        assembly = run.assembly
        while data := await incoming.read():
            assembly.add(decoder.feed(data))
            if assembly.pieces > run.pieces:
                self._progress(run, patience)
            if assembly.ended:
                return
        assembly.add(decoder.close())
        if assembly.pieces > run.pieces:
            self._progress(run, patience)

    def _progress(self, run: _Run, patience: Patience) -> None:
        """Something of the reply has come; keep-alives and role chunks never get here."""
        now = self._stage.now()
        run.pieces = run.assembly.pieces
        until = min(now + patience.idle, run.started + patience.total)
        if until - run.scope.deadline > patience.idle / 8 or run.scope.deadline > until:
            run.scope.deadline = until  # not at every piece: moving a timer costs more than a piece
        if run.token_at is None and run.assembly.started:
            run.token_at = now
            if self._stream and self._heat.ending is None:
                after = now - run.started
                self._stage.tell(LaneFirstToken(self._id, run.number, run.lane, now - self._began, after))
                self._obey(self._heat.first_token(run.number, now))

    async def _accepts(self, run: _Run) -> bool:
        """Is the answer a valid reply? Raises WireError when not; False when the race ended meanwhile."""
        if wrong := judge(run.assembly.answer(), self._call):
            raise wrong
        if not self._ask.valid:
            return True
        reply = self._reply_of(run)
        try:
            for check in self._ask.valid:
                await _apply(check, reply)
        except (WireError, InvalidReply) as wrong:
            raise WireError(Kind.INVALID, str(wrong) or "refused by valid=") from None
        except Exception as bug:  # the caller's own code: what it raises is the caller's to see
            self._fault = self._fault or bug
            self._obey(self._heat.abort())
            return False
        return True

    # ------------------------------------------------------------------- the book

    def _replied(self, run: _Run) -> None:
        if self._heat.ending is not None:
            self._record(run, Outcome.LATE, self._stage.now())
            return
        self._reply = self._reply_of(run)
        for scope in self._stage.breakers.succeeded(run.lane):
            self._stage.tell(CoolDownEnded(self._id, scope))
        self._obey(self._heat.replied(run.number))
        self._record(run, Outcome.WON, self._ended)

    def _failed(self, run: _Run, error: WireError) -> None:
        if self._heat.ending is not None:
            return
        now = self._stage.now()
        error = _scrubbed(error, run.lane)
        self._reasons.append((run.lane.id, error))
        self._record(run, Outcome.FAILED, now, error)
        if cooled := self._stage.breakers.failed(run.lane, error, now):
            seconds = cooled.until - now
            self._stage.tell(CoolDownStarted(self._id, cooled.scope, cooled.until, seconds, cooled.reason))
        self._obey(self._heat.failed(run.number, error, now))

    def _close_book(self) -> None:
        """Everything that neither won nor failed was stopped with the race."""
        for number, run in self._runs.items():
            if number not in self._attempts:
                self._stage.breakers.stopped(run.lane)
                self._record(run, Outcome.LOST, self._ended)
        won = (number for number, made in self._attempts.items() if made.outcome is Outcome.WON)
        winner = next((self._runs[number].lane for number in won), None)
        ending = self._heat.ending or Ending.ABORTED
        self._stage.tell(RaceEnded(self._id, ending, self._ended - self._began, self._heat.starts, winner))

    def _record(self, run: _Run, outcome: Outcome, now: float, error: WireError | None = None) -> None:
        lane = run.lane
        attempt = self._attempts[run.number] = Attempt(
            lane=lane.id,
            provider=lane.provider.name,
            model=lane.model.name,
            start=run.started - self._began,
            latency=now - run.started,
            outcome=outcome,
            reason=str(error) if error else None,
            status=error.status if error else None,
            first_token=None if run.token_at is None else run.token_at - run.started,
            usage=usage_of(run.assembly.answer(), self._call),
        )
        self._stage.tell(LaneEnded(self._id, run.number, lane, attempt))

    def _reply_of(self, run: _Run) -> Reply:
        answer = run.assembly.answer()
        return Reply(
            text=answer.text,
            reasoning=answer.reasoning,
            tool_calls=answer.tool_calls,
            finish_reason=answer.finish_reason,
            provider=run.lane.provider.name,
            model=run.lane.model.name,
            usage=usage_of(answer, self._call),
            latency=self._stage.now() - self._began,
            first_token=run.token_at - self._began if self._stream and run.token_at else None,
            race_id=self._id,
            created=self._created,
        )


def target_of(lane: Lane) -> Target:
    provider = lane.provider
    return Target(
        base_url=provider.base_url,
        model=lane.model.name,
        key=lane.account.key,
        headers=provider.headers,
        renames=provider.renames,
        drops=provider.drops,
    )


async def _apply(check: Validator, reply: Reply) -> None:
    """Raises InvalidReply when `check` says no. A check that only raises may return None."""
    verdict = check(reply)
    if inspect.isawaitable(verdict):
        verdict = await verdict
    if verdict is not None and not verdict:
        raise InvalidReply(f"{getattr(check, '__name__', 'valid')} said no")


def _scrubbed(error: WireError, lane: Lane) -> WireError:
    """Providers echo keys in their errors; none may reach a log, a row or an exception."""
    key = lane.account.key
    return error if key is None else error.replaced(key.scrub(error.message))


async def _read_some(incoming: Incoming) -> bytes:
    """Enough of a refusal's body to tell what it says."""
    body = b""
    while len(body) < REFUSAL_BYTES and (data := await incoming.read()):
        body += data
    return body[:REFUSAL_BYTES]


async def _send_and_forget(transport: Transport, request: WireRequest) -> None:
    """The race is over, or has gone on without this lane: nobody is left who could act on a failure."""
    with anyio.move_on_after(UNDO_SECONDS), suppress(WireError):
        async with transport.send(request) as incoming:
            await _drain(incoming)


async def _drain(incoming: Incoming) -> None:
    """Read what follows the end marker, so that the connection can serve again; give up soon."""
    with anyio.move_on_after(DRAIN_SECONDS, shield=True):
        while await incoming.read():
            pass
