"""One meter in the memory of a process: what is held of its limit, and what is to be told of it.

Time is unix seconds of the shared clock (core/clock.py). The rules stand in core/purse.py.
"""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, NamedTuple

from racer.core.grant import CAUTION, TOLERANCE
from racer.core.quota import Wish
from racer.core.span import Calendar, Rolling, Slot, slot_at

if TYPE_CHECKING:
    from racer.core.quota import Meter, Standing, Truth
    from racer.core.span import Span

CALLS_AHEAD = 4
RECHECK = 1.0
EDGE = 2.0  # seconds that a request may be on its way, and the clocks apart
GUESSED = frozenset({"tokens", "input_tokens", "output_tokens", "usd", "neurons"})
IDLE_BRIEF = 1.0
IDLE_LONG = 30.0
FOREVER = float("inf")
_NO_SLOT = Slot(0.0, 0.0)


class Taken(NamedTuple):
    """One meter's part of what a call has taken, to be put right when the call ends."""

    pocket: Pocket
    slot: Slot
    amount: float


class Lack(NamedTuple):
    """Why a call cannot start. `until`: not before then; None while the store has still to be asked.

    `turning`: its window ends in a moment, and nobody knows in which one its provider would count a call.
    `aloft`: what calls in flight are thought to use would do, and they mostly use less.
    """

    pocket: Pocket
    amount: float
    until: float | None
    turning: bool = False
    aloft: bool = False


class Pocket:
    """One meter in memory: what is held of it, and what is to be told of it.

    What is held and what flies is, together with what was spent and is not reported yet, what the store has
    leased to this process. So less than 0 is held where calls fly that the store does not count any more.
    """

    __slots__ = (
        "_slot_end", "aloft", "asked", "calm_until", "flying", "got_at", "heard", "held", "least", "meter",
        "need", "on_its_way", "returning", "size", "slot", "spent", "spent_at", "standing", "stated", "used",
        "was_exhausted",
    )  # fmt: skip

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.held = 0.0
        self.flying = 0.0
        self.returning = self.aloft = 0.0
        self.need = 0.0
        self.least = FOREVER
        self.size = 1.0
        self.used = 0.0
        self.asked = False
        self.was_exhausted = False
        self.stated: float | None = meter.amount
        self.heard = self.got_at = self.spent_at = -FOREVER
        self.standing: Standing | None = None
        self.on_its_way = (0.0, 0.0)
        self.slot, self._slot_end = _NO_SLOT, 0.0
        self.calm_until = -FOREVER
        self.spent: dict[Slot, list[float]] = {}

    @property
    def exhausted(self) -> bool:
        """Whether the store said, when it was asked last, that nothing is to be had."""
        standing = self.standing
        return standing is not None and standing.left < min(self.size, 1.0) and self.held <= TOLERANCE

    def reopened(self) -> bool:
        """Whether it was exhausted when this was asked last, and is no more."""
        was, self.was_exhausted = self.was_exhausted, self.exhausted
        return was and not self.was_exhausted

    @property
    def share_left(self) -> float:
        """Of the limit, as far as is known here; all of it where nothing is known."""
        if self.standing is None:
            return 1.0
        left = self.standing.left + max(0.0, self.held)
        return min(1.0, left / self.standing.limit) if self.standing.limit > 0 else 0.0

    @property
    def left(self) -> float:
        """What calls may yet use, as far as is known here: what is held, too. Never ends where nothing is."""
        standing = self.standing
        if standing is None:
            return FOREVER
        used, leased = self._untold
        return standing.limit - standing.used - used - standing.leased + leased + self.held

    def lacks(self, amount: float, now: float) -> Lack | None:
        """What keeps a call of `amount` from starting, as far as this limit goes."""
        if now >= self.calm_until and (turn := self._turn(now)) is not None:
            return Lack(self, amount, turn, turning=True)
        if self.held + TOLERANCE >= amount:
            return None
        standing = self.standing
        if standing is None or not 0 <= now - self.heard < RECHECK:  # less than 0: the clock was set back
            return Lack(self, amount, None)
        if amount > standing.limit + TOLERANCE:
            return Lack(self, amount, FOREVER)
        used, leased = self._untold
        used, leased = standing.used + used, standing.leased - leased
        if standing.limit - used - leased + self.held + TOLERANCE >= amount:
            return Lack(self, amount, None)
        if used + amount <= standing.limit + TOLERANCE:  # leased by others, who may not need it
            return Lack(self, amount, self.heard + RECHECK)
        if self.meter.unit in GUESSED and used - self.aloft + amount <= standing.limit + TOLERANCE:
            return Lack(self, amount, now + RECHECK, aloft=True)
        opens_at = FOREVER if standing.opens_at is None else standing.opens_at
        return Lack(self, amount, opens_at if opens_at > now else None)

    def _turn(self, now: float) -> float | None:
        """When the window begins anew, if that is in a moment. Notes until when it need not be asked."""
        if not isinstance(self.meter.span, Calendar):
            self.calm_until = FOREVER
            return None
        until = slot_at(self.meter.span, now).until
        self.calm_until = until - EDGE
        return until if now >= self.calm_until else None

    @property
    def _untold(self) -> tuple[float, float]:
        """What was used, and what has left the lease by it, since the store has answered last."""
        used, leased = self.on_its_way
        for noted in self.spent.values():
            used += noted[0]
            leased += noted[1]
        return used, leased

    def tell(self) -> dict[Slot, list[float]]:
        """What was noted, for a report: on its way until the store has answered, or the report is back."""
        self.on_its_way = self._untold
        spent, self.spent = self.spent, {}
        return spent

    def learns(self, truth: Truth) -> bool:
        """Whether `truth` says anything new: that others have used something, or what the limit really is.

        What is held was leased on the old count, so it is spent no more and goes back.
        """
        new_limit = truth.limit is not None and truth.limit != self.stated
        if new_limit:
            self.stated = truth.limit
        news = new_limit or truth.used is None or truth.used > self._counted + TOLERANCE
        if news:
            self.returning += max(0.0, self.held)
            self.held = min(0.0, self.held)
            self.heard = -FOREVER
        return news

    @property
    def _counted(self) -> float:
        """What may have been used by now, as far as is known: all but what this process still holds."""
        if self.standing is None:
            return -1.0
        return self.standing.used + self.standing.leased - max(0.0, self.held) - self.returning

    def take(self, amount: float, now: float) -> Taken:
        self.held -= amount
        self.size, self.spent_at = amount, now
        self.used += amount
        if self.meter.span is None:
            self.flying += amount
            return Taken(self, _NO_SLOT, amount)
        slot = self.slot_now(now)
        self.aloft += amount
        self.note(slot, amount, amount)
        return Taken(self, slot, amount)

    def slot_now(self, now: float) -> Slot:
        """Where a use is counted now. It lies nowhere in time where calls in flight are counted."""
        span = self.meter.span
        if span is not None and not self.slot.start <= now < self._slot_end:
            self.slot, self._slot_end = _slot_at(span, now)
        return self.slot

    def settle(self, taken: Taken, amount: float) -> None:
        """The call has ended and really used `amount`."""
        if self.meter.span is None:
            self.flying -= taken.amount
            self.held += taken.amount
            return
        self.aloft = max(0.0, self.aloft - taken.amount)
        if (more := amount - taken.amount) != 0:
            leased = min(max(more, 0.0), self.held)
            self.held -= leased
            self.note(taken.slot, more, leased)

    def note(self, slot: Slot, used: float, leased: float) -> None:
        noted = self.spent.get(slot)
        if noted is None:
            noted = self.spent[slot] = [0.0, 0.0]
        noted[0] += used
        noted[1] += leased

    def ask(self, amount: float) -> None:
        """A call that takes `amount` waits."""
        self.size = amount
        if self.held + TOLERANCE < amount:
            self.need += amount
            self.least = min(self.least, amount)

    def wish(self, now: float) -> Wish | None:
        """What it would have of the store now; None when it has enough."""
        ahead, need = self._ahead(now), self._missing
        size = self.least if need > 0 else self.size
        self.need, self.least, self.used = 0.0, FOREVER, 0.0
        if need <= 0 and (ahead <= 0 or self.exhausted):
            return None
        self.asked = True
        return Wish(self.meter, need, size, ahead)

    def _ahead(self, now: float) -> float:
        if now - self.spent_at >= IDLE_LONG and self.asked:
            return 0.0
        target = max(2 * self.used, CALLS_AHEAD * self.size)
        return target - self.held if self.held < target / 2 else 0.0

    @property
    def _missing(self) -> float:
        """What the calls that wait need beside what is held: in all, as many calls as large as the smallest.

        So whatever part of it can be had, at least the smallest call may start.
        """
        if self.need <= 0:
            return 0.0
        return max(0.0, ceil(self.need / self.least - TOLERANCE) * self.least - self.held)

    @property
    def fair(self) -> float:
        """What may be held ahead without taking it from others: whole calls."""
        if self.standing is None or self.size <= TOLERANCE:
            return 0.0
        share = (self.standing.left + self.held) / (CAUTION * max(1, self.standing.processes))
        return floor(share / self.size + TOLERANCE) * self.size

    @property
    def overdraws(self) -> bool:
        return self.held > self.fair + TOLERANCE

    def give_back(self, now: float, *, last: bool = False) -> float:
        """What it parts with now: what must go back, and what others may need more; at the `last` all."""
        amount = self.held + self.flying if last else self.surplus(now)
        if amount > TOLERANCE:
            self.held -= amount
        returned, self.returning = self.returning, 0.0
        return returned + amount

    def surplus(self, now: float) -> float:
        """What it holds and others may need more."""
        idle = now - max(self.spent_at, self.got_at)
        if self.held <= TOLERANCE or self.need > 0 or 0 <= idle < IDLE_BRIEF:
            return 0.0
        if idle >= IDLE_LONG or self.standing is None:
            return self.held
        return max(0.0, self.held - self.fair)


def _slot_at(span: Span, now: float) -> tuple[Slot, float]:
    """The slot to note in at `now`, and until when it is that: a rolling one counts for longer."""
    slot = slot_at(span, now)
    return slot, slot.until - span.seconds if isinstance(span, Rolling) else slot.until
