"""Several processes share one store and do anything in any order: no limit is overrun, nothing is lost.

The processes are as simple as can be: they hold leases, spend only out of these, and report now and then.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from racer.core.quota import Meter, Report, Spend, Wish
from racer.core.span import Calendar, Once, Rolling, Slot, slot_at
from racer.store.census import bury, enrol, leave
from racer.store.quotas import exchange
from tests.racer.store.tables import ANGELES, CREDIT, DAY, FLIGHT, LEVELS, MINUTE, NOW, database

if TYPE_CHECKING:
    import sqlite3

MINUTELY = replace(MINUTE, amount=12.0)
ANGELES_DAY = Calendar("day", 0, 0, ANGELES)
DAILY = replace(DAY, span=ANGELES_DAY)
METERS = (MINUTELY, DAILY, CREDIT, FLIGHT)
CLOSE = 1e-6

Use = list[float]  # when, how much


@dataclass
class Process:
    """`held` by meter; `spent` of each (meter, slot): used and leased, not reported yet."""

    owner: int
    pid: int
    held: dict[str, float] = field(default_factory=lambda: {meter.name: 0.0 for meter in METERS})
    spent: dict[tuple[Meter, Slot], list[float]] = field(
        default_factory=dict[tuple[Meter, Slot], list[float]]
    )
    calls: list[tuple[Meter, Slot, Use]] = field(default_factory=list[tuple[Meter, Slot, Use]])

    def note(self, meter: Meter, slot: Slot, used: float, lease: float) -> None:
        noted = self.spent.setdefault((meter, slot), [0.0, 0.0])
        noted[0] += used
        noted[1] += lease


class Sharing(RuleBasedStateMachine):
    """`uses` is what providers have counted: every use, whoever it was and whatever became of it."""

    def __init__(self) -> None:
        super().__init__()
        self.connection: sqlite3.Connection = database()
        self.now = self.latest = NOW
        self.went_back = False
        self.pids = 0
        self.processes: list[Process] = []
        self.uses: dict[str, list[Use]] = {meter.name: [] for meter in METERS}

    def teardown(self) -> None:
        self.connection.close()

    def one(self, data: st.DataObject) -> Process:
        return data.draw(st.sampled_from(self.processes))

    # ------------------------------------------------------------ what happens

    @initialize(processes=st.integers(1, 4))
    def begin(self, processes: int) -> None:
        for _ in range(processes):
            self.enrol()

    @precondition(lambda self: len(self.processes) < 5)
    @rule()
    def enrol(self) -> None:
        self.pids += 1
        owner = enrol(self.connection, pid=self.pids, boot="b", now=self.now)
        self.processes.append(Process(owner, self.pids))

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), calls=st.integers(0, 6), ahead=st.integers(0, 500), back=st.floats(0, 1))
    def tell(self, data: st.DataObject, calls: int, ahead: int, back: float) -> None:
        """Report everything, give a part back, and ask for more."""
        process = self.one(data)
        sizes = {
            MINUTELY: 1,
            DAILY: data.draw(st.integers(1, 400)),
            CREDIT: data.draw(st.floats(0.01, 2)),
            FLIGHT: 1,
        }
        wishes = [Wish(meter, calls * size, size, ahead) for meter, size in sizes.items()]
        gives = [(meter, float(int(process.held[meter.name] * back))) for meter in METERS]
        self.carry(process, tuple(gives), tuple(wishes))

    def carry(
        self, process: Process, back: tuple[tuple[Meter, float], ...], wishes: tuple[Wish, ...] = ()
    ) -> None:
        spends = tuple(Spend(meter, slot, *noted) for (meter, slot), noted in process.spent.items())
        tidings = exchange(self.connection, process.owner, Report(spends, back, wishes), self.now, LEVELS)
        if tidings is None:
            self.buried(process)
            return
        process.spent = {}
        for meter, amount in back:
            process.held[meter.name] -= amount
        for meter in METERS:
            granted = tidings.granted.get(meter.name, 0.0)
            process.held[meter.name] += granted
            if granted:
                assert self.counted(meter, self.now) <= meter.amount + CLOSE

    def buried(self, process: Process) -> None:
        """Its leases count as used already: what it spent of them must not be counted again."""
        for noted in process.spent.values():
            noted[0] -= noted[1]
            noted[1] = 0.0
        process.held = {meter.name: 0.0 for meter in METERS}
        process.owner = enrol(self.connection, pid=process.pid, boot="b", now=self.now)

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), share=st.floats(0, 1))
    def spend(self, data: st.DataObject, share: float) -> None:
        """A call starts: it takes a part of what is held."""
        process, meter = self.one(data), data.draw(st.sampled_from(METERS[:3]))
        held = process.held[meter.name]
        amount = held * share if meter is CREDIT else float(int(held * share))
        assert meter.span is not None
        slot, use = slot_at(meter.span, self.now), [self.now, amount]
        process.held[meter.name] -= amount
        process.note(meter, slot, amount, amount)
        process.calls.append((meter, slot, use))
        self.uses[meter.name].append(use)

    @precondition(lambda self: any(process.calls for process in self.processes))
    @rule(data=st.data(), share=st.floats(0, 1))
    def settle(self, data: st.DataObject, share: float) -> None:
        """A call ends, having used a part of what it took."""
        process = data.draw(st.sampled_from([process for process in self.processes if process.calls]))
        meter, slot, use = process.calls.pop(data.draw(st.integers(0, len(process.calls) - 1)))
        less = float(int(use[1] * share))
        use[1] -= less
        process.note(meter, slot, -less, 0.0)

    @rule(seconds=st.one_of(st.floats(0, 5), st.floats(0, 100), st.floats(0, 40_000)))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.latest = max(self.latest, self.now)

    @rule(seconds=st.floats(1, 3600))
    def go_back(self, seconds: float) -> None:
        """The clock is set back by an hour at most."""
        self.now = max(self.now - seconds, self.latest - 3600)
        self.went_back = True

    # ------------------------------------------------------------ how processes end

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """In good order: everything reported, everything given back."""
        process = self.one(data)
        self.carry(process, tuple((meter, process.held[meter.name]) for meter in METERS))
        if any(process.spent.values()):  # it was buried, and tells the new owner's story now
            self.carry(process, ())
        leave(self.connection, process.owner)
        self.processes.remove(process)

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), late=st.booleans())
    def crash(self, data: st.DataObject, late: bool) -> None:
        """All that it knew is gone; somebody notices now or later."""
        self.processes.remove(self.one(data))
        if not late:
            self.bury(known=True)

    @rule(known=st.booleans())
    def bury(self, known: bool) -> None:
        """Also of those who have not been heard of for a while and live: they may come back."""
        pids = {process.pid for process in self.processes}
        bury(self.connection, self.now, lambda pid, _: pid in pids if known else None)

    # ------------------------------------------------------------ what always holds

    def counted(self, meter: Meter, now: float) -> float:
        """What the store takes for used or about to be, at `now`."""
        live = """SELECT COALESCE(SUM(used + outside), 0) FROM slots JOIN meters ON id = meter
            WHERE name = ? AND until > ?"""
        held = "SELECT COALESCE(SUM(leases.amount), 0) FROM leases JOIN meters ON id = meter WHERE name = ?"
        used: float = self.connection.execute(live, (meter.name, now)).fetchone()[0]
        leased: float = self.connection.execute(held, (meter.name,)).fetchone()[0]
        return used + leased

    @invariant()
    def nothing_is_promised_twice(self) -> None:
        """Live slots and leases never exceed the limit at the latest instant that was ever seen."""
        for meter in METERS:
            assert self.counted(meter, self.latest) <= meter.amount + CLOSE

    @invariant()
    def nothing_is_negative(self) -> None:
        found = self.connection.execute("SELECT MIN(used), MIN(outside) FROM slots").fetchone()
        assert min(value or 0.0 for value in found) >= 0
        assert (self.connection.execute("SELECT MIN(amount) FROM leases").fetchone()[0] or 0.0) >= 0

    @invariant()
    def leases_are_what_processes_hold(self) -> None:
        """And what they have spent of them without having said so yet."""
        owners = {row[0] for row in self.connection.execute("SELECT id FROM owners")}
        for process in self.processes:
            if process.owner not in owners:
                continue
            found: dict[str, float] = dict(
                self.connection.execute(
                    "SELECT name, leases.amount FROM leases JOIN meters ON id = meter WHERE owner = ?",
                    (process.owner,),
                ).fetchall()
            )
            for meter in METERS:
                unsaid = sum(noted[1] for (other, _), noted in process.spent.items() if other is meter)
                assert found.get(meter.name, 0.0) == pytest.approx(
                    process.held[meter.name] + unsaid, abs=CLOSE
                )

    @invariant()
    def no_lease_is_without_an_owner(self) -> None:
        """What nobody holds would never come back."""
        orphans = "SELECT COUNT(*) FROM leases WHERE amount > 0 AND owner NOT IN (SELECT id FROM owners)"
        assert self.connection.execute(orphans).fetchone()[0] == 0

    @invariant()
    def no_provider_counts_more_than_its_limit(self) -> None:
        """In no stretch of a minute, in no day of its own, and never of what is there but once.

        Where the clock was set back, nobody can tell our instants from a provider's.
        """
        if self.went_back:
            return
        for meter in METERS[:3]:
            for start, _ in self.uses[meter.name]:
                until = _end(meter, start)
                used = sum(amount for at, amount in self.uses[meter.name] if start <= at < until)
                assert used <= meter.amount + CLOSE


def _end(meter: Meter, start: float) -> float:
    """Of the window that begins with a use at `start`, or that it is in."""
    assert meter.span is not None
    match meter.span:
        case Rolling(seconds):
            return start + seconds
        case Calendar() | Once():
            return slot_at(meter.span, start).until


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=60, stateful_step_count=40)


# ---------------------------------------------------------------- all of a limit can be used


@pytest.mark.parametrize("crashes", [False, True])
@pytest.mark.parametrize("limit", [5, 100, 2000])
def test_eight_processes_use_all_of_a_limit_and_no_more(limit: int, crashes: bool) -> None:
    """Each holds a little ahead and asks when it has nothing; one that dies takes no more than it held."""
    connection = database()
    meter = replace(DAILY, unit="requests", amount=float(limit))
    processes = [Process(enrol(connection, pid=pid, boot="b", now=NOW), pid) for pid in range(8)]
    calls, lost, silent = 0, 0.0, 0
    now = NOW
    while silent < len(processes):
        process = processes.pop(0)
        now += 0.01
        wish = Wish(meter, need=1, size=1, ahead=100)
        spends = tuple(Spend(*key, *noted) for key, noted in process.spent.items())
        tidings = exchange(connection, process.owner, Report(spends, wishes=(wish,)), now, LEVELS)
        assert tidings is not None
        granted = tidings.granted[meter.name]
        silent = 0 if granted else silent + 1
        if crashes and process.pid == 3 and granted:
            crashes, lost = False, granted
            bury(connection, now, lambda pid, _: pid != 3)
            continue
        process.spent = {(meter, slot_at(ANGELES_DAY, now)): [granted, granted]} if granted else {}
        calls += int(granted)
        processes.append(process)

    assert calls + lost == limit
    assert lost <= max(1, limit / 32 + 1)
    connection.close()
