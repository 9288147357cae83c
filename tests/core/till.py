"""A store of limits in memory for tests of the pure core: it grants as racer/core/grant.py says."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from racer.core.grant import TOLERANCE, granted, opens_at
from racer.core.quota import Meter, Standing, Tidings
from racer.core.span import Calendar, Once, Rolling, Slot, slot_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from racer.core.purse import Purse
    from racer.core.quota import Report

LIVES_ON = Slot(0.0, float("inf"))


def meter(
    unit: str,
    amount: float,
    span: Calendar | Once | Rolling | None,
    *,
    per: str = "minute",
    holder: str = "a",
) -> Meter:
    return Meter(f"{holder} {unit}/{per}", holder, holder, "", unit, per, amount, span)


class Till:
    """What is used and leased of every meter, by all `processes` together."""

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes
        self.meters: dict[str, Meter] = {}
        self.slots: defaultdict[tuple[str, Slot], float] = defaultdict(float)
        self.leases: defaultdict[tuple[str, int], float] = defaultdict(float)
        self.exchanges = 0

    def used(self, name: str, now: float) -> float:
        return sum(used for (of, slot), used in self.slots.items() if of == name and slot.until > now)

    def ever_used(self, name: str) -> float:
        return sum(used for (of, _), used in self.slots.items() if of == name)

    def leased(self, name: str) -> float:
        return sum(amount for (of, _), amount in self.leases.items() if of == name)

    def deliver(self, purse: Purse, now: float, *, owner: int = 0, last: bool = False) -> Tidings:
        """One exchange that arrives."""
        tidings = self.exchange(owner, purse.report(now, last=last), now)
        purse.receive(tidings, now)
        return tidings

    def exchange(self, owner: int, report: Report, now: float) -> Tidings:
        self.exchanges += 1
        mentioned = dict(self._mentioned(report))
        self.meters.update(mentioned)
        for spend in report.spends:
            key = spend.meter.name, spend.slot
            self.slots[key] = max(0.0, self.slots[key] + spend.used)
            self._leave(spend.meter, owner, spend.leased)
        for meter_, amount in report.back:
            self._leave(meter_, owner, amount)
        for truth in report.truths:
            self.slots[truth.meter.name, LIVES_ON] = truth.used or truth.meter.amount
        leases: dict[str, float] = {}
        for wish in report.wishes:
            name = wish.meter.name
            room = wish.meter.amount, self.used(name, now), self.leased(name)
            lease = granted(wish, limit=room[0], used=room[1], leased=room[2], processes=self.processes)
            self.leases[name, owner] += lease
            leases[name] = lease
        return Tidings(leases, {name: self.standing(each, now) for name, each in mentioned.items()})

    def standing(self, of: Meter, now: float) -> Standing:
        used, leased = self.used(of.name, now), self.leased(of.name)
        slots = [(slot.until, used) for (name, slot), used in self.slots.items() if name == of.name]
        left = of.amount - used - leased
        at = opens_at(slots, of.amount - leased, max(0.0, left) + TOLERANCE * 2, now) if of.span else None
        return Standing(of.amount, used, leased, at, self.processes)

    def bury(self, owner: int, now: float) -> None:
        """Nobody knows how much of its leases a dead process has spent: all of it counts as used."""
        for (name, of), amount in list(self.leases.items()):
            span = self.meters[name].span
            if of == owner:
                del self.leases[name, of]
                if span is not None:
                    self.slots[name, slot_at(span, now)] += amount

    def _leave(self, of: Meter, owner: int, amount: float) -> None:
        self.leases[of.name, owner] -= amount
        assert self.leases[of.name, owner] >= -1e-6, "more leaves a lease than was in it"

    @staticmethod
    def _mentioned(report: Report) -> Iterator[tuple[str, Meter]]:
        for meter_, _ in report.back:
            yield meter_.name, meter_
        for parts in (report.spends, report.wishes, report.truths):
            for part in parts:
                yield part.meter.name, part.meter
