"""Who may start in one race: the breakers' word and the purse's, with what each attempt has taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.breaker import Block
from racer.core.heat import Outcome
from racer.core.metering import amount_of, charges_of
from racer.core.price import NOTHING, worth_of
from racer_adapters.errors import Kind
from racer_adapters.types import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from racer.core.breaker import Breakers
    from racer.core.hosts import Hosts
    from racer.core.pocket import Lack, Taken
    from racer.core.price import Worth
    from racer.core.provider import Lane
    from racer.core.purse import Charge, Purse
    from racer.core.quota import Meter
    from racer.core.reply import Attempt
    from racer_adapters.errors import WireError

    Hearing = Callable[[Lane, Mapping[str, str] | None, WireError | None], None]

FOREVER = float("inf")
ROUNDING = 1e-6  # unix seconds are told no finer apart: what is past on one clock is past on the other

# Nothing of the request has left this machine, or nobody was there to take it.
_UNSENT = frozenset({Kind.DNS, Kind.CONNECT, Kind.TLS, Kind.LOCAL})


class Admission:
    """The gate of one race. `skew` gives unix seconds minus the race's clock: either may be set meanwhile.

    `meters` gives a lane's counters; `prompt` is the tokens of the question, to which `asks_more` adds what
    lanes are told beside it; `answer` says those of a lane's answer, which it `guesses`, or is sure of.
    `nudge` has the store asked; `fault` says why it cannot be, or nothing, and in how many seconds to look
    again. `hear` is given the headers of each response and each failure. `hosts` knows how busy local
    machines are; `clock` is the race's.
    """

    __slots__ = (
        "_answer", "_asked", "_breakers", "_busy", "_calls", "_charges", "_clock", "_fault", "_guesses",
        "_hear", "_hosts", "_meters", "_more", "_now", "_nudge", "_prompt", "_purse", "_queued", "_skew",
        "_taken", "_then", "wake",
    )  # fmt: skip

    def __init__(
        self,
        breakers: Breakers,
        purse: Purse,
        *,
        meters: Callable[[Lane], Sequence[Meter]],
        prompt: int,
        answer: Callable[[Lane], int],
        guesses: bool = False,
        skew: Callable[[], float],
        nudge: Callable[[Admission], None],
        fault: Callable[[], tuple[str, float]],
        hear: Hearing,
        hosts: Hosts,
        clock: Callable[[], float],
    ) -> None:
        self._breakers = breakers
        self._purse = purse
        self._meters = meters
        self._prompt = prompt
        self._more = 0
        self._answer = answer
        self._guesses = guesses
        self._skew = skew
        self._nudge = nudge
        self._fault = fault
        self._hear = hear
        self._hosts = hosts
        self._clock = clock
        self._calls: dict[str, tuple[Lane, int]] = {}
        self._busy: set[str] = set()
        self._queued = False
        self._now, self._then = -FOREVER, -FOREVER
        self._charges: dict[str, tuple[Charge, ...]] = {}
        self._taken: dict[str, tuple[Taken, ...]] = {}
        self._asked: set[str] = set()
        self.wake: Callable[[], None] = _nobody

    def blocked(self, lane: Lane, now: float) -> Block | None:
        """Why `lane` may not start at `now`. A block that is `pending` ends once the store has answered."""
        block = self._breakers.blocked(lane, now)
        if block is not None and block.stated:
            return block
        charges = self.charges(lane)
        lack = self._purse.lacks(charges, self._unix(now)) if charges else None
        if lack is None:
            return self._behind(lane, block, now) if lane.provider.local else block
        self._busy.discard(lane.id)
        return self._block(lack, block, now)

    def _behind(self, lane: Lane, guess: Block | None, now: float) -> Block | None:
        """A lane whose host is busy: others go first, and a race that has nobody else waits for its turn."""
        own = sum(other.host == lane.host for other, _ in self._calls.values())
        busy = self._hosts.busy(lane, now, self, own)
        if busy is None:
            self._busy.discard(lane.id)
            return guess
        self._busy.add(lane.id)
        if guess is not None:
            return Block(guess.until, guess.reason, stated=False, pending=True)
        return Block(busy.until, busy.reason, stated=False, pending=True, limit=True)

    def _block(self, lack: Lack, guess: Block | None, now: float) -> Block:
        if lack.until is not None:
            until = lack.until - self._skew() + ROUNDING
            return Block(until, _why(lack), stated=True, limit=guess is None, large=_is_too_large(lack))
        fault, again = self._fault()
        if fault:
            return Block(now + again, fault, stated=True, limit=guess is None)
        if guess is not None:
            return Block(guess.until, guess.reason, stated=False, pending=True)
        return Block(now, "its quota is being asked for", stated=True, pending=True, limit=True)

    def ask(self, lane: Lane, *, queues: bool = True) -> None:
        """For its quota, once until the store has answered; or for a place in the queue of a busy host.

        Who does not queue looks again by himself.
        """
        if lane.id in self._busy:
            if not queues:
                return
            self._queued = True
            self._hosts.wait(lane, self._clock(), self, self.wake)
        elif lane.id not in self._asked:
            self._asked.add(lane.id)
            self._purse.ask(self.charges(lane))
            self._nudge(self)

    def answered(self) -> None:
        """The store has answered, or cannot: the race looks again. The clock may have been set by it."""
        self._asked.clear()
        self._now = -FOREVER
        self.wake()

    def asks_more(self, tokens: int) -> None:
        """From now on each lane is told so many tokens beside the question."""
        if tokens != self._more:
            self._more = tokens
            self._charges.clear()
            self._asked.clear()

    def started(self, lane: Lane, now: float) -> None:
        self._breakers.started(lane, now)
        if charges := self.charges(lane):
            self._taken[lane.id] = self._purse.take(charges, self._unix(now))
        if lane.provider.local:
            self._calls[lane.id] = lane, self._hosts.started(lane, now)
        if self._queued:
            self.left()

    def shown(self, lane: Lane, first_token: float) -> None:
        """The first token of `lane` has come, so many seconds after its start."""
        if lane.id in self._calls:
            self._hosts.shown(self._calls[lane.id][1], first_token, self._clock())

    def left(self) -> None:
        """The race waits for no host any longer: it runs, or it is over."""
        if self._queued:
            self._queued = False
            self._hosts.leave(self, self._clock())

    def _unix(self, now: float) -> float:
        """The same instant of unix time for every lane that is asked about at `now`."""
        if now != self._now:
            self._now, self._then = now, now + self._skew()
        return self._then

    def ended(
        self,
        lane: Lane,
        attempt: Attempt,
        error: WireError | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """The attempt of `lane` has ended: what it has really used takes the place of what was thought.

        `headers` are those of its first response: where one came, the request had been sent.
        """
        unsent = headers is None and attempt.status is None and error is not None and error.kind in _UNSENT
        usage = None if unsent else _used(lane, attempt)
        for taken in self._taken.pop(lane.id, ()):
            amount = 0.0 if usage is None else amount_of(taken.pocket.meter, usage, lane.model)
            taken.pocket.settle(taken, amount)
        if lane.id in self._calls:
            _, number = self._calls.pop(lane.id)
            timed_out = error is not None and error.kind is Kind.TIMEOUT
            self._hosts.ended(number, attempt, self._clock(), timed_out=timed_out)
        self._hear(lane, headers, error)

    def charges(self, lane: Lane) -> tuple[Charge, ...]:
        """What a call on `lane` is expected to take of each of its meters."""
        charges = self._charges.get(lane.id)
        if charges is None:
            meters = self._meters(lane)
            asked = self._prompt + self._more
            usage = Usage(asked, self._answer(lane), estimated=True) if meters else Usage()
            charges = charges_of(meters, usage, lane.model)
            if self._guesses:
                charges = tuple(map(self._within, charges))
            self._charges[lane.id] = charges
        return charges

    def _within(self, charge: Charge) -> Charge:
        """Nobody knows that an answer will be too long for a limit: it may be tried on the whole of it."""
        meter, amount = charge
        asked = self._prompt + self._more
        fits = meter.unit in ("tokens", "output_tokens") and asked < meter.amount < amount
        return (meter, meter.amount) if fits else charge

    def worth(self, lane: Lane, at: float) -> Worth:
        """What a call on `lane` is worth that it takes of its limits at `at` (unix seconds)."""
        charges = self.charges(lane)
        return worth_of(charges, self._purse, at) if charges else NOTHING


def _nobody() -> None:
    """Nothing waits yet."""


def _used(lane: Lane, attempt: Attempt) -> Usage:
    """A request that was sent counts. Its tokens: none where it was refused, else what had arrived."""
    refused = attempt.status is not None and 400 <= attempt.status < 500
    refunded = attempt.outcome is Outcome.LOST and lane.provider.cancel_refunds
    if attempt.usage is None or refused or refunded:
        return Usage(usd=0.0, neurons=0.0)
    return attempt.usage


def _why(lack: Lack) -> str:
    meter, limit = lack.pocket.meter, _limit_of(lack)
    allowed = f"{limit:,.10g} {meter.unit} {_per(meter)}"
    if _is_too_large(lack):
        return f"too large: about {lack.amount:,.10g} {meter.unit}, and its limit is {allowed}"
    if lack.turning:
        return f"its limit of {allowed} begins anew in a moment"
    if lack.aloft:
        return f"set aside: calls in flight may use all that is left of {allowed}"
    if meter.span is None:
        return f"busy: {limit:g} calls in flight are allowed at once"
    return f"used up: {allowed}"


def _limit_of(lack: Lack) -> float:
    meter, standing = lack.pocket.meter, lack.pocket.standing
    return meter.amount if standing is None else standing.limit


def _is_too_large(lack: Lack) -> bool:
    return lack.until == FOREVER and 0 < _limit_of(lack) < lack.amount


def _per(meter: Meter) -> str:
    match meter.per.partition(" "):
        case ("once", _, _):
            return "in all"
        case ("rolling", _, length):
            return f"in any {length}"
        case ("hour", _, _):
            return "an hour"
        case (_, "", _):
            return f"a {meter.per}"
        case _:
            return f"in {meter.per}"
