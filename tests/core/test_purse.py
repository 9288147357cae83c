"""Leases in memory, attacked by several processes on one store, and pinned by examples. Time is a number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from itertools import chain, permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from racer.core.pocket import FOREVER, IDLE_BRIEF, IDLE_LONG, Lack, Taken
from racer.core.purse import TERM, Charge, Purse
from racer.core.quota import Meter, Report, Standing, Tidings, Truth
from racer.core.span import Calendar, Once, Rolling, Slot
from racer.store.census import GRACE
from tests.core.till import Till, meter

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = 1_800_000_000.0
CLOSE = 1e-6  # of sums of fractions

REQUESTS = meter("requests", 100.0, Rolling(60.0))
TOKENS = meter("tokens", 9_000.0, Rolling(60.0))
FLIGHT = meter("calls", 4.0, None, per="flight")


def holding(of: Meter, amount: float, till: Till, now: float = NOW) -> Purse:
    """A purse with so much of one meter in hand, leased just now and not needed yet."""
    purse = Purse()
    pocket = purse.pocket(of)
    pocket.asked = True
    till.meters[of.name] = of
    till.leases[of.name, 0] += amount
    purse.receive(Tidings({of.name: amount}, {of.name: till.standing(of, now)}), now)
    return purse


# ---------------------------------------------------------------- why a call cannot start


def test_what_was_never_asked_for_has_to_be_asked_for() -> None:
    """Nothing is known of a meter at first: that is no reason to wait for anything but the answer."""
    purse = Purse()

    assert purse.lacks([(REQUESTS, 1.0)], NOW) == Lack(purse.pocket(REQUESTS), 1.0, None)
    assert purse.lacks([], NOW) is None


def test_to_look_at_a_meter_is_not_to_ask_for_it() -> None:
    """Nobody leases for a lane whose price somebody wanted to see."""
    purse = Purse()

    assert purse.known(REQUESTS) is None
    assert not purse.counts
    assert purse.pocket(REQUESTS) is purse.known(REQUESTS)


@pytest.mark.parametrize("charges", list(permutations([(REQUESTS, 1.0), (TOKENS, 500.0), (FLIGHT, 1.0)])))
def test_of_several_lacks_the_longest_is_told(charges: Sequence[Charge]) -> None:
    """A call that has to wait for one limit need not ask for another; what is held is no lack."""
    purse = holding(FLIGHT, 1.0, Till())
    purse.pocket(TOKENS)
    purse.receive(Tidings({}, {TOKENS.name: Standing(9_000, 9_000, 0, NOW + 30)}), NOW)

    assert purse.lacks(charges, NOW) == Lack(purse.pocket(TOKENS), 500.0, NOW + 30)


# ---------------------------------------------------------------- spending


def test_a_call_takes_from_all_of_its_meters_at_once() -> None:
    """Each meter's part is noted in its own slot, and what is held becomes less by it."""
    till = Till()
    purse = Purse()
    charges = [(REQUESTS, 1.0), (TOKENS, 500.0)]
    purse.ask(charges)
    till.deliver(purse, NOW)
    before = [pocket.held for pocket in (purse.pocket(REQUESTS), purse.pocket(TOKENS))]
    taken = purse.take(charges, NOW)

    assert [part.amount for part in taken] == [1.0, 500.0]
    assert [part.pocket.held for part in taken] == [before[0] - 1, before[1] - 500]
    assert [(spend.used, spend.leased) for spend in purse.report(NOW).spends] == [(1, 1), (500, 500)]


def test_what_was_not_used_goes_back_to_the_limit() -> None:
    """A call that used less than was thought is put right in the slot of its start, whenever it ends."""
    till = Till()
    purse = holding(TOKENS, 2_000.0, till)
    (taken,) = purse.take([(TOKENS, 500.0)], NOW)
    till.deliver(purse, NOW + 0.5)
    taken.pocket.settle(taken, 120.0)
    till.deliver(purse, NOW + 5)

    assert till.slots[TOKENS.name, taken.slot] == 120.0
    assert till.leased(TOKENS.name) == purse.pocket(TOKENS).held


# ---------------------------------------------------------------- wishes


def test_the_first_wish_is_for_calls_that_are_expected() -> None:
    """Four of them, of the size that is expected; once only, as long as nobody calls."""
    purse = Purse()
    purse.expect([(TOKENS, 300.0)])
    (wish,) = purse.report(NOW).wishes

    assert (wish.need, wish.size, wish.ahead) == (0.0, 300.0, 1_200.0)
    assert purse.report(NOW).wishes == ()
    purse.expect([(TOKENS, 5.0)])
    assert purse.pocket(TOKENS).size == 300.0


def test_what_is_in_hand_is_not_asked_for() -> None:
    """A call waits for one of its limits; of another, enough is held."""
    till = Till()
    purse = holding(REQUESTS, 6.0, till)
    purse.ask([(REQUESTS, 1.0), (TOKENS, 500.0)])

    assert [(wish.meter, wish.need) for wish in purse.report(NOW).wishes] == [(TOKENS, 500.0)]


@given(
    st.floats(0, 9_000).map(round),
    st.floats(0, 9_000).map(round),
    st.lists(st.integers(1, 9_000), min_size=1, max_size=6),
)
def test_calls_that_wait_never_ask_in_vain_for_ever(held: int, used: int, waiting: list[int]) -> None:
    """Whatever their sizes, however much is held and left: each answer lets one start or has it wait."""
    till = Till()
    till.slots[TOKENS.name, Slot(0.0, NOW + 60)] = max(0.0, float(min(used, 9_000 - held)))
    purse = holding(TOKENS, float(held), till)
    calls = [float(amount) for amount in waiting]
    for _ in range(len(waiting) + 2):
        left: list[float] = []
        for amount in calls:
            lack = purse.lacks([(TOKENS, amount)], NOW)
            if lack is None:
                purse.take([(TOKENS, amount)], NOW)
            elif lack.until is None:
                purse.ask([(TOKENS, amount)])
                left.append(amount)
            else:
                assert lack.until > NOW
        calls = left
        if calls:
            till.deliver(purse, NOW)

    assert calls == []
    assert till.used(TOKENS.name, NOW) + till.leased(TOKENS.name) <= 9_000 + CLOSE


# ---------------------------------------------------------------- giving back


def test_other_traffic_does_not_keep_an_idle_lease_alive() -> None:
    """To hear again how a meter stands is no use of it."""
    till = Till()
    till.slots[REQUESTS.name, Slot(0.0, NOW + 600)] = 99.0
    purse = holding(REQUESTS, 2.0, till)
    purse.take([(REQUESTS, 1.0)], NOW)
    for quarter in range(1, 4):
        till.deliver(purse, NOW + quarter / 4)
    till.deliver(purse, NOW + IDLE_BRIEF)

    assert till.leased(REQUESTS.name) == 0.0


def test_whether_something_is_held_and_whether_others_need_it() -> None:
    """What decides how soon the ledger looks again."""
    till = Till()
    purse = Purse()
    purse.pocket(FLIGHT)
    assert (purse.holds, purse.is_scarce) == (False, False)

    purse = holding(REQUESTS, 2.0, till)
    assert (purse.holds, purse.is_scarce) == (True, False)
    till.slots[REQUESTS.name, Slot(0.0, NOW + 60)] = 98.0
    purse.receive(Tidings({}, {REQUESTS.name: till.standing(REQUESTS, NOW)}), NOW)
    assert (purse.holds, purse.is_scarce) == (True, True)

    purse = holding(FLIGHT, 1.0, till)
    purse.take([(FLIGHT, 1.0)], NOW)
    assert (purse.holds, purse.is_scarce) == (True, False)


# ---------------------------------------------------------------- the last report, and failed ones


def test_the_last_report_gives_back_all() -> None:
    """Also calls that still fly: nobody will tell of their end."""
    till = Till()
    purse = holding(FLIGHT, 3.0, till)
    (taken,) = purse.take([(FLIGHT, 1.0)], NOW)
    purse.ask([(TOKENS, 5.0)])
    report = purse.report(NOW, last=True)

    assert report.back == ((FLIGHT, 3.0),)
    assert report.wishes == ()
    assert purse.report(NOW, last=True).back == ()
    taken.pocket.settle(taken, 1.0)
    assert purse.pocket(FLIGHT).held == 0.0


def test_a_last_report_that_did_not_arrive_is_said_again_just_so() -> None:
    """Taken back and told again it is the same, whatever flew in between."""
    purse = holding(FLIGHT, 3.0, Till())
    (taken,) = purse.take([(FLIGHT, 1.0)], NOW)
    report = purse.report(NOW, last=True)
    purse.take_back(report)
    taken.pocket.settle(taken, 1.0)

    assert purse.report(NOW, last=True) == report


def test_a_report_that_did_not_arrive_is_taken_back_whole() -> None:
    """Spends, gifts, needs and truths: told again all together, and none of it twice."""
    till = Till()
    purse = holding(REQUESTS, 50.0, till)
    purse.take([(REQUESTS, 1.0)], NOW)
    purse.ask([(TOKENS, 700.0)])
    purse.ask([(TOKENS, 900.0)])
    truth = Truth(TOKENS, "header", used=100.0, limit=8_000.0)
    assert purse.believe([truth])
    first = purse.report(NOW + IDLE_LONG)
    purse.take_back(first)
    again = purse.report(NOW + IDLE_LONG)

    assert first == again
    assert first.truths == (truth,)
    assert [wish.need for wish in first.wishes if wish.meter is TOKENS] == [2_100.0]
    assert first.back == ((REQUESTS, 49.0),)


def test_what_happens_while_a_report_is_under_way_is_kept() -> None:
    """A failed report comes back beside what was spent since: the sums are those of both."""
    purse = holding(REQUESTS, 5.0, Till())
    purse.take([(REQUESTS, 1.0)], NOW)
    report = purse.report(NOW)
    purse.take([(REQUESTS, 1.0)], NOW)
    purse.take_back(report)

    assert [(spend.used, spend.leased) for spend in purse.report(NOW).spends] == [(2.0, 2.0)]


def test_a_wish_ahead_that_did_not_arrive_is_made_again() -> None:
    """And it is no need: nobody waits for it."""
    purse = Purse()
    purse.expect([(TOKENS, 300.0)])
    first = purse.report(NOW)
    purse.take_back(first)

    assert purse.report(NOW) == first


# ---------------------------------------------------------------- taken for dead


def test_what_is_held_is_not_spent_when_the_store_is_silent_for_long() -> None:
    """It may have been given to others: the store is asked first. Any answer will do."""
    till = Till()
    purse = holding(REQUESTS, 9.0, till)
    charges = [(REQUESTS, 1.0)]

    assert purse.lacks(charges, NOW + TERM - 0.1) is None
    assert purse.lacks(charges, NOW - 1) == Lack(purse.pocket(REQUESTS), 1.0, None)
    assert purse.lacks(charges, NOW + TERM) == Lack(purse.pocket(REQUESTS), 1.0, None)
    purse.receive(Tidings(), NOW + TERM)
    assert purse.lacks(charges, NOW + TERM) is None


def test_the_store_waits_longer_than_a_lease_is_good() -> None:
    """Else both the process and those that it is buried by could spend the same."""
    assert TERM < GRACE


def test_who_was_taken_for_dead_has_nothing_left() -> None:
    """Its leases count as used already: neither what is held nor what was spent of them is told again."""
    till = Till()
    purse = holding(TOKENS, 1_000.0, till)
    (taken,) = purse.take([(TOKENS, 400.0)], NOW)
    till.bury(0, NOW)
    purse.forfeit()

    assert purse.pocket(TOKENS).held == 0.0
    till.deliver(purse, NOW)
    assert till.used(TOKENS.name, NOW) == 1_000.0
    taken.pocket.settle(taken, 100.0)
    till.deliver(purse, NOW)
    assert till.used(TOKENS.name, NOW) == 700.0


def test_who_was_taken_for_dead_owes_the_calls_that_still_fly() -> None:
    """They are leased anew before another one starts; one that ends gives back no more than there is."""
    till = Till()
    purse = holding(FLIGHT, 3.0, till)
    taken = [part for _ in range(2) for part in purse.take([(FLIGHT, 1.0)], NOW)]
    till.bury(0, NOW)
    purse.forfeit()
    purse.ask([(FLIGHT, 1.0)])
    (wish,) = purse.report(NOW).wishes
    purse.take_back(Report(wishes=(wish,)))
    till.deliver(purse, NOW)

    assert wish.need == 3.0
    assert till.leased(FLIGHT.name) == purse.pocket(FLIGHT).held + 2 <= 4
    for part in taken:
        part.pocket.settle(part, 1.0)
    till.deliver(purse, NOW, last=True)
    assert till.leased(FLIGHT.name) == 0.0


# ---------------------------------------------------------------- what providers say


def test_only_news_is_believed() -> None:
    """A response that tells what we know costs no exchange."""
    purse = Purse()
    purse.pocket(REQUESTS)
    first = Truth(REQUESTS, "header", used=0.0, limit=100.0)
    assert purse.believe([first])
    purse.receive(Tidings({}, {REQUESTS.name: Standing(100, 10, 5, None)}), NOW)

    assert not purse.believe([])
    assert not purse.believe([first, Truth(REQUESTS, "header", used=15.0, limit=100.0)])
    assert purse.believe([Truth(REQUESTS, "header", used=16.0)])
    assert purse.believe([Truth(REQUESTS, "header", used=0.0, limit=90.0)])
    assert not purse.believe([Truth(REQUESTS, "header", used=0.0, limit=90.0)])


def test_a_closed_limit_makes_what_is_held_worthless() -> None:
    """The provider refuses whoever spends it: it goes back, and the store is asked before anything else."""
    till = Till()
    purse = holding(REQUESTS, 9.0, till)
    assert purse.believe([Truth(REQUESTS, "error", until=NOW + 9, foreseen=False)])
    report = purse.report(NOW)

    assert report.back == ((REQUESTS, 9.0),)
    assert purse.lacks([(REQUESTS, 1.0)], NOW) == Lack(purse.pocket(REQUESTS), 1.0, None)


def test_who_was_used_up_and_has_room_again_is_told_once() -> None:
    """So that an event may say so."""
    purse = Purse()
    purse.pocket(REQUESTS)

    def hear(used: float) -> list[Meter]:
        return purse.receive(Tidings({}, {REQUESTS.name: Standing(100, used, 0, NOW)}), NOW)

    assert [hear(used) for used in (50, 100, 100, 20, 20)] == [[], [], [], [REQUESTS], []]


# ---------------------------------------------------------------- several processes on one store


@dataclass
class Running:
    """A call at work. `amounts` are its estimates, later what it really used."""

    owner: int
    at: float
    taken: tuple[Taken, ...]
    amounts: dict[str, float]
    ended: bool = False


class Processes(RuleBasedStateMachine):
    """Purses that ask, spend, settle, report, fail to report, die and leave, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.calls: list[Running] = []
        self.over: dict[str, float] = {}
        self.buried: set[int] = set()
        self.seen: dict[int, float] = {}
        self.zombies = 0.0
        self.ever_buried = False

    @initialize(
        processes=st.integers(1, 3),
        requests=st.sampled_from([1, 2, 5, 40]),
        tokens=st.sampled_from([10, 100, 1_000]),
        flight=st.integers(1, 3),
    )
    def open(self, processes: int, requests: int, tokens: int, flight: int) -> None:
        self.till = Till(processes)
        self.purses = [Purse() for _ in range(processes)]
        self.meters = [
            meter("requests", float(requests), Rolling(60.0)),
            meter("tokens", float(tokens), Calendar("day", 0, 0, UTC), per="day"),
            meter("usd", tokens / 1000, Once(), per="once"),
            meter("calls", float(flight), None, per="flight"),
        ]
        self.over = dict.fromkeys((each.name for each in self.meters), 0.0)
        for each in self.meters:
            self.till.meters[each.name] = each

    def charges(self, tokens: int) -> list[Charge]:
        return list(zip(self.meters, (1.0, float(tokens), tokens / 1000, 1.0), strict=True))

    # ------------------------------------------------------------ what may happen

    @rule(owner=st.integers(0, 2), tokens=st.sampled_from([0, 1, 7, 30, 450]))
    def call(self, owner: int, tokens: int) -> None:
        owner %= len(self.purses)
        purse, charges = self.purses[owner], self.charges(tokens)
        lack = purse.lacks(charges, self.now)
        if lack is not None:
            assert lack.until is None or lack.until > self.now, "this would be asked again at once"
            if lack.until is None:
                purse.ask(charges)
            return
        held = [purse.pocket(each).held for each in self.meters]
        taken = purse.take(charges, self.now)
        assert [part.pocket.held for part in taken] == pytest.approx(
            [before - amount for before, (_, amount) in zip(held, charges, strict=True)]
        )
        self.calls.append(Running(owner, self.now, taken, {each.name: amount for each, amount in charges}))

    @precondition(lambda self: any(not call.ended for call in self.calls))
    @rule(pick=st.integers(0, 99), share=st.sampled_from([0.0, 0.3, 1.0, 1.0, 2.0]))
    def end(self, pick: int, share: float) -> None:
        running = [call for call in self.calls if not call.ended]
        self.settle(running[pick % len(running)], share)

    def settle(self, call: Running, share: float) -> None:
        call.ended = True
        for part in call.taken:
            of = part.pocket.meter
            amount = (
                part.amount
                if of.span is None
                else part.amount * min(share, 1.0 if of.unit == "requests" else 2)
            )
            self.over[of.name] += max(0.0, amount - part.amount)
            call.amounts[of.name] = 0.0 if of.span is None else amount
            part.pocket.settle(part, amount)

    @rule(owner=st.integers(0, 2))
    def exchange(self, owner: int) -> None:
        owner %= len(self.purses)
        purse = self.purses[owner]
        if owner in self.buried:
            purse.take_back(purse.report(self.now))
            self.zombies += purse.pocket(self.meters[3]).flying
            purse.forfeit()
            self.buried.remove(owner)
        else:
            self.till.deliver(purse, self.now, owner=owner)
            self.seen[owner] = self.now

    @rule(owner=st.integers(0, 2))
    def fail_to_deliver(self, owner: int) -> None:
        purse = self.purses[owner % len(self.purses)]
        purse.take_back(purse.report(self.now))

    @rule(owner=st.integers(0, 2))
    def bury(self, owner: int) -> None:
        owner %= len(self.purses)
        if self.now - self.seen.get(owner, -FOREVER) < GRACE:
            return
        self.till.bury(owner, self.now)
        self.buried.add(owner)
        self.ever_buried = True

    @rule(after=st.sampled_from([0.1, 1.0, 3.0, 24.0, 31.0, 61.0, 50_000.0]))
    def wait(self, after: float) -> None:
        self.now += after

    # ------------------------------------------------------------ what always holds

    @invariant()
    def the_limits_hold(self) -> None:
        for each in self.meters:
            most = each.amount + self.over[each.name] + CLOSE
            assert self.till.used(each.name, self.now) + self.till.leased(each.name) <= most
            assert self.really_used(each) <= most + (self.zombies if each.span is None else 0.0)

    def really_used(self, of: Meter) -> float:
        """What a provider has seen in the window that ends now."""
        since = -FOREVER
        if isinstance(of.span, Rolling):
            since = self.now - of.span.seconds
        elif isinstance(of.span, Calendar):
            since = self.now - self.now % 86_400 - CLOSE
        return sum(call.amounts[of.name] for call in self.calls if call.at > since)

    @invariant()
    def nothing_is_lost_or_made(self) -> None:
        for owner, purse in enumerate(self.purses):
            for pocket in map(purse.pocket, self.meters):
                assert pocket.held >= -CLOSE or (pocket.meter.span is None and self.ever_buried)
                unsaid = sum(leased for _, leased in pocket.spent.values())
                leased = self.till.leases[pocket.meter.name, owner]
                if owner not in self.buried:
                    here = pocket.held + pocket.returning + pocket.flying + unsaid
                    assert leased == pytest.approx(here, abs=CLOSE)

    @invariant()
    def what_is_counted_is_what_was_used(self) -> None:
        for each in self.meters[:3]:
            unsaid = chain(*(purse.pocket(each).spent.values() for purse in self.purses))
            counted = self.till.ever_used(each.name) + sum(used for used, _ in unsaid)
            used = sum(call.amounts[each.name] for call in self.calls)
            if self.ever_buried:
                assert counted + self.till.leased(each.name) >= used - CLOSE
            else:
                assert counted == pytest.approx(used, abs=CLOSE)

    def teardown(self) -> None:
        if not hasattr(self, "till"):
            return
        for call in self.calls:
            if not call.ended:
                self.settle(call, 0.5)
        for owner, purse in enumerate(self.purses):
            if owner in self.buried:
                self.exchange(owner)
            self.till.deliver(purse, self.now, owner=owner, last=True)
            assert not purse.holds
        for each in self.meters:
            assert self.till.leased(each.name) == pytest.approx(0.0, abs=CLOSE)
        self.the_limits_hold()
        self.what_is_counted_is_what_was_used()


TestProcesses = Processes.TestCase
TestProcesses.settings = settings(max_examples=200, stateful_step_count=50)


def test_what_the_store_has_lost_is_told_it_again() -> None:
    """Used and leased as it was heard last; calls in flight and what nothing is known of say nothing."""
    purse = Purse()
    purse.pocket(TOKENS)
    for of in (REQUESTS, FLIGHT):
        purse.pocket(of)
        purse.receive(Tidings({}, {of.name: Standing(100, 30, 5, None)}), NOW)

    purse.remember()

    assert purse.report(NOW).truths == (Truth(REQUESTS, "header", used=35.0),)


def test_what_is_on_its_way_to_the_store_is_not_forgotten() -> None:
    """A call has settled, and the store has not answered yet: what it gave back is room all the same."""
    day = meter("tokens", 100.0, Calendar("day", 0, 0, UTC), per="day")
    purse = Purse()
    pocket = purse.pocket(day)
    purse.receive(Tidings({day.name: 90.0}, {day.name: Standing(100, 0, 90, NOW + 40_000)}), NOW)
    taken = purse.take([(day, 90.0)], NOW)
    purse.report(NOW)
    purse.receive(Tidings({}, {day.name: Standing(100, 90, 0, NOW + 40_000)}), NOW)
    pocket.settle(taken[0], 10.0)

    report = purse.report(NOW)
    assert purse.lacks([(day, 50.0)], NOW) == Lack(pocket, 50.0, None)
    purse.take_back(report)
    assert purse.lacks([(day, 50.0)], NOW) == Lack(pocket, 50.0, None)


def test_a_purse_without_pockets_counts_nothing() -> None:
    """There is no limit anywhere: the store need not be asked."""
    purse = Purse()
    assert not purse.counts

    purse.pocket(REQUESTS)
    assert purse.counts
