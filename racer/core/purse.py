"""What this process may spend without asking: leases in memory, spent by calls and refilled by the store.

Rule 1: a call takes from all of its meters or from none, and only what is held.
Rule 2: what is spent is noted in the slot of the instant at which it was spent; what a call has really used
        is put right in the same slot when the call ends. Calls in flight come back to the lease instead.
Rule 3: a report that could not be delivered is taken back whole: nothing is lost and nothing said twice.
Rule 4: ahead of use a process holds about what it used of late; near a limit's end nothing that it does not
        need at once, so that others can have it: and always whole calls, for a part of one helps nobody.
Rule 5: what is held may be spent for TERM seconds after the store has answered last. Whoever is silent for
        longer is taken for dead there, and others may have what was his.

Time is unix seconds of the shared clock (core/clock.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.grant import TOLERANCE
from racer.core.pocket import FOREVER, Lack, Pocket
from racer.core.quota import Report, Spend, Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from racer.core.pocket import Taken
    from racer.core.quota import Meter, Tidings

Charge = tuple["Meter", float]

TERM = 25.0  # less than the store waits for a sign of life


class Purse:
    """All meters of this process. Nothing in here waits or asks: the ledger carries reports to the store."""

    __slots__ = ("_heard", "_pockets", "_truths", "_watched")

    def __init__(self) -> None:
        self._heard = -FOREVER
        self._pockets: dict[str, Pocket] = {}
        self._truths: list[Truth] = []
        self._watched: dict[str, Meter] = {}

    def pocket(self, meter: Meter) -> Pocket:
        pocket = self._pockets.get(meter.name)
        if pocket is None:
            pocket = self._pockets[meter.name] = Pocket(meter)
        return pocket

    def known(self, meter: Meter) -> Pocket | None:
        """None where nobody has asked for `meter` yet: to look at it is not to ask for it."""
        return self._pockets.get(meter.name)

    def lacks(self, charges: Sequence[Charge], now: float) -> Lack | None:
        """What keeps a call with these `charges` from starting: of several, what lasts longest."""
        if not 0 <= now - self._heard < TERM:
            return next((Lack(self.pocket(meter), amount, None) for meter, amount in charges), None)
        longest = None
        for meter, amount in charges:
            pocket = self.pocket(meter)
            # As it mostly is, and this is asked for every lane.
            if pocket.held + TOLERANCE >= amount and now < pocket.calm_until:
                continue
            lack = pocket.lacks(amount, now)
            if lack is not None and (longest is None or _length(lack) > _length(longest)):
                longest = lack
        return longest

    def expect(self, charges: Sequence[Charge]) -> None:
        """Calls of about this size are to come: worth holding something ahead of the first."""
        for meter, amount in charges:
            pocket = self.pocket(meter)
            if not pocket.asked:
                pocket.size = amount

    def ask(self, charges: Sequence[Charge]) -> None:
        """A call that waits has need of these."""
        for meter, amount in charges:
            self.pocket(meter).ask(amount)

    def take(self, charges: Sequence[Charge], now: float) -> tuple[Taken, ...]:
        return tuple(self.pocket(meter).take(amount, now) for meter, amount in charges)

    def believe(self, truths: Iterable[Truth]) -> bool:
        """Keep of what a provider said what the store does not know yet. False where that is nothing."""
        news = [truth for truth in truths if self.pocket(truth.meter).learns(truth)]
        self._truths.extend(news)
        return bool(news)

    @property
    def counts(self) -> bool:
        """Whether there is any limit to be kept."""
        return bool(self._pockets)

    def watch(self, meters: Iterable[Meter]) -> None:
        """The store is to say, once, how these stand."""
        self._watched |= {meter.name: self.pocket(meter).meter for meter in meters}

    @property
    def holds(self) -> bool:
        return any(
            pocket.held > TOLERANCE or pocket.flying or pocket.returning for pocket in self._pockets.values()
        )

    @property
    def is_scarce(self) -> bool:
        """Whether something is held that is more than this process's share of what is left."""
        return any(pocket.held > TOLERANCE and pocket.overdraws for pocket in self._pockets.values())

    # ------------------------------------------------------------ to the store and back

    def report(self, now: float, *, last: bool = False) -> Report:
        """Everything there is to tell. `last`: all that is held is given back, and nothing is wished for."""
        back = tuple(self._give_back(now, last=last))
        wishes = () if last else tuple(w for pocket in self._pockets.values() if (w := pocket.wish(now)))
        spends = tuple(self._spends())
        truths, self._truths = tuple(self._truths), []
        watched, self._watched = tuple(self._watched.values()), {}
        return Report(spends, back, wishes, truths, watched)

    def _give_back(self, now: float, *, last: bool) -> Iterator[tuple[Meter, float]]:
        for pocket in self._pockets.values():
            if (amount := pocket.give_back(now, last=last)) > TOLERANCE:
                yield pocket.meter, amount

    def _spends(self) -> Iterator[Spend]:
        for pocket in self._pockets.values():
            for slot, (used, leased) in pocket.tell().items():
                yield Spend(pocket.meter, slot, used, leased)

    def take_back(self, report: Report) -> None:
        """`report` did not arrive."""
        self._arrived()
        for spend in report.spends:
            self.pocket(spend.meter).note(spend.slot, spend.used, spend.leased)
        for meter, amount in report.back:
            self.pocket(meter).returning += amount
        for wish in report.wishes:
            pocket = self.pocket(wish.meter)
            pocket.asked = False
            if wish.need > 0:
                pocket.need += wish.need
                pocket.least = min(pocket.least, wish.size)
        self._truths[:0] = report.truths
        self.watch(report.watched)

    def _arrived(self) -> None:
        for pocket in self._pockets.values():
            pocket.on_its_way = (0.0, 0.0)

    def receive(self, tidings: Tidings, now: float) -> list[Meter]:
        """The store's answer to what was told at `now`. Returns the meters that have room again."""
        self._heard = now
        self._arrived()
        for name, standing in tidings.standings.items():
            pocket = self._pockets[name]
            pocket.standing, pocket.heard = standing, now
        for name, amount in tidings.granted.items():
            pocket = self._pockets[name]
            pocket.held += amount
            if amount > 0:
                pocket.got_at = now
        return [pocket.meter for pocket in self._pockets.values() if pocket.reopened()]

    def remember(self) -> None:
        """The store has lost what was counted: it is told what we know of it, and counts at least that."""
        for pocket in self._pockets.values():
            if pocket.standing is not None and pocket.meter.span is not None:
                known = pocket.standing.used + pocket.standing.leased
                self._truths.append(Truth(pocket.meter, "header", used=known))

    def forfeit(self) -> None:
        """The store has taken this process for dead: its leases count as used, and are gone.

        Calls in flight it counts no more; they still fly, and have to be leased anew before others start.
        """
        for pocket in self._pockets.values():
            pocket.held, pocket.returning = -pocket.flying, 0.0
            for noted in pocket.spent.values():
                noted[0] -= noted[1]
                noted[1] = 0.0


def _length(lack: Lack) -> float:
    return -FOREVER if lack.until is None else lack.until
