"""How many calls a local machine serves at once, and who waits for it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.heat import Outcome
from racer.core.hosts import KEPT_LOADED, LONGEST, PATIENT, PROMPT, USUAL, Busy, Hosts
from racer.core.reply import Attempt
from racer_adapters.types import Usage
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.provider import Lane

BOX, OTHER = lane("box/m", local=True, loaded=True), lane("box/n", local=True, loaded=True)
COLD = lane("box/cold", local=True)
HOST = BOX.host
ALONE = 0.2


@dataclass(eq=False)
class Race:
    """Somebody who waits, and how often it was woken."""

    woken: int = 0

    def wake(self) -> None:
        self.woken += 1


@dataclass
class House:
    """Hosts, and a clock that is moved by hand."""

    hosts: Hosts = field(default_factory=Hosts)
    now: float = 1000.0

    def start(self, of: Lane = BOX) -> int:
        return self.hosts.started(of, self.now)

    def end(
        self,
        number: int,
        first: float | None = ALONE,
        *,
        latency: float = 1.0,
        outcome: Outcome = Outcome.WON,
        tokens: int | None = 100,
        timed_out: bool = False,
    ) -> None:
        usage = None if tokens is None else Usage(10, tokens)
        attempt = Attempt("box/m", "box", "m", 0.0, latency, outcome, first_token=first, usage=usage)
        self.hosts.ended(number, attempt, self.now, timed_out=timed_out)

    def alone(self, first: float | None = ALONE, of: Lane = BOX, latency: float = 1.0) -> None:
        number = self.start(of)
        self.now += latency
        self.end(number, first, latency=latency)

    def beside(self, level: int, first: float | None, times: int = 1, **how: Any) -> None:
        """A call that starts when so many, with it, are in flight."""
        for _ in range(times):
            others = [self.start() for _ in range(level - 1)]
            number = self.start()
            self.now += 1.0
            self.end(number, first, **how)
            for other in others:
                self.end(other, None, outcome=Outcome.FAILED)

    def serves(self, of: Lane = BOX) -> int:
        return self.hosts.serves(of, self.now)


# ---------------------------------------------------------------- what is learned


def test_a_host_of_which_nothing_is_known_serves_one() -> None:
    """Nobody could tell whether a second one is late."""
    house = House()
    assert house.serves() == 1
    assert house.hosts.busy(BOX, 0.0) is None
    assert (house.hosts.running(HOST), house.hosts.waiting(HOST)) == (0, 0)

    house.start()
    assert house.serves() == 1


def test_one_more_is_tried_once_it_can_be_compared() -> None:
    """With calls of the same lane that had the host for themselves, and with no other's."""
    house = House()
    house.alone()
    assert (house.serves(), house.serves(OTHER)) == (2, 1)


def test_two_that_come_in_time_make_room_for_another() -> None:
    """And so on, one by one."""
    house = House()
    house.alone()
    house.beside(2, 1.5 * ALONE)
    assert house.serves() == 2
    house.beside(2, 1.5 * ALONE)
    assert house.serves() == 3
    house.beside(3, ALONE, 2)
    assert (house.serves(), house.serves(OTHER)) == (4, 3)


def test_two_that_are_late_close_a_level() -> None:
    """Also one that went well before."""
    house = House()
    house.alone()
    house.beside(2, ALONE, 2)
    house.beside(3, 6 * ALONE, 2)
    assert house.serves() == 2
    house.beside(2, 6 * ALONE, 5)
    assert house.serves() == 1


def test_what_goes_well_at_a_level_goes_well_below() -> None:
    """Unless it is known to be otherwise there."""
    house = House()
    house.alone()
    house.beside(4, ALONE, 2)
    assert house.serves() == 5

    house = House()
    house.alone()
    house.beside(2, 6 * ALONE, 2)
    house.beside(4, ALONE, 2)
    assert house.serves() == 1


def test_one_that_stands_out_does_not_decide() -> None:
    """However late it was."""
    house = House()
    house.alone()
    house.beside(2, 1000.0)
    house.beside(2, ALONE)
    assert house.serves() == 3


def test_what_was_slow_is_tried_again_by_and_by() -> None:
    """Sooner where it was seen twice only; if it is slow still, once is enough."""
    house = House()
    house.alone()
    house.beside(2, 6 * ALONE, 2)
    house.now += 900.0
    assert house.serves() == 2
    house.beside(2, 6 * ALONE)
    assert house.serves() == 1
    house.beside(2, 6 * ALONE, 5)
    house.now += 900.0
    assert house.serves() == 1
    house.now += 5 * 3600.0
    assert house.serves() == 2


def test_what_went_well_is_not_forgotten() -> None:
    """After a night the host is what it was."""
    house = House()
    house.alone()
    house.beside(2, ALONE, 2)
    house.now += 1e6
    assert house.serves() == 3


def test_a_model_that_had_to_be_loaded_teaches_nothing() -> None:
    """What it has answered of late is loaded, for as long as servers keep it."""
    house = House()
    house.alone(5.0, of=COLD)
    assert house.serves(COLD) == 1
    house.now += KEPT_LOADED
    house.alone(of=COLD)
    assert house.serves(COLD) == 2

    house = House()
    for _ in range(3):
        house.alone(5.0, of=COLD)
        house.now += KEPT_LOADED + 1.0
    assert house.serves(COLD) == 1


def test_whoever_is_joined_before_its_token_was_not_alone() -> None:
    """After its token it was."""
    house = House()
    first = house.start()
    house.now += 0.1
    second = house.start()
    house.now += 0.9
    house.end(first)
    house.end(second, 6.0)
    house.alone(None)
    house.beside(2, 6 * ALONE, 2)
    assert house.serves() == 2

    first = house.start()
    house.now += ALONE
    second, third = house.start(), house.start()
    house.end(first)
    house.end(second, None, outcome=Outcome.FAILED)
    house.end(third, None, outcome=Outcome.FAILED)
    assert house.hosts.running(HOST) == 0
    house.beside(2, 6 * ALONE, 2)
    assert house.serves() == 1


def test_one_of_its_own_that_stands_out_is_no_measure() -> None:
    """A model that was not loaded after all does not make others look fast for long."""
    house = House()
    for first in (ALONE, ALONE, ALONE, 100 * ALONE):
        house.alone(first)
    house.beside(2, 6 * ALONE, 2)
    assert house.serves() == 1


@pytest.mark.parametrize(
    ("latency", "slow"),
    [(6 * ALONE, True), (1.5 * ALONE, False)],
)
def test_what_was_stopped_without_a_token_took_at_least_so_long(latency: float, slow: bool) -> None:
    """That counts where it is late already; else it says nothing, not even that it went well."""
    house = House()
    house.alone()
    house.beside(2, None, 2, latency=latency, outcome=Outcome.LOST)
    assert house.serves() == (1 if slow else 2)


def test_what_was_stopped_alone_says_nothing() -> None:
    """There is no such thing as too late for it; nor is there where it is compared with nothing."""
    house = House()
    house.beside(2, None, 2, latency=60.0, outcome=Outcome.LOST)
    house.beside(1, None, latency=60.0, outcome=Outcome.LOST)
    assert house.serves() == 1
    house.alone()
    assert house.serves() == 2


def test_a_failure_teaches_nothing_unless_it_is_to_be_late() -> None:
    """It counts though what others were stopped at says nothing."""
    house = House()
    house.alone()
    house.beside(2, 6 * ALONE, 2, outcome=Outcome.FAILED)
    assert house.serves() == 2
    house.beside(2, None, 2, latency=15.0, outcome=Outcome.FAILED, timed_out=True)
    assert house.serves() == 1


def test_a_token_teaches_when_it_comes() -> None:
    """Once, and before the end of its call."""
    house = House()
    house.alone()
    house.beside(2, 6 * ALONE)
    house.start()
    number = house.start()
    house.hosts.shown(99, 6 * ALONE, house.now)
    assert house.serves() == 2
    house.hosts.shown(number, 6 * ALONE, house.now + 6 * ALONE)
    assert house.serves() == 1
    for _ in range(5):
        house.hosts.shown(number, ALONE, house.now + 100.0)
    house.end(number, ALONE)
    assert house.serves() == 1


@pytest.mark.parametrize("of", [BOX, COLD])
def test_what_runs_out_of_time_beside_others_is_late(of: Lane) -> None:
    """Whatever it takes on its own, and also where its model had to be loaded: twice is enough."""
    house = House()
    house.alone(None, latency=9.0)
    assert house.serves() == 2
    for _ in range(2):
        first, second = house.start(), house.start(of)
        house.end(second, None, latency=15.0, outcome=Outcome.FAILED, timed_out=True)
        house.end(first, None, outcome=Outcome.FAILED)
    assert house.serves() == 1


def test_a_machine_that_serves_fewer_than_before_is_found_out() -> None:
    """By those who run out of their time, though as many went well once."""
    house = House()
    house.alone(None, latency=9.0)
    house.beside(4, None, 2, latency=9.0)
    assert house.serves() == 5
    house.beside(2, None, 4, latency=10.0, outcome=Outcome.FAILED, timed_out=True)
    assert house.serves() == 1


def test_what_runs_out_of_time_on_its_own_says_nothing_of_others() -> None:
    """It has waited for nobody."""
    house = House()
    house.alone(None, latency=4.0)
    house.beside(1, None, 5, latency=9.0, outcome=Outcome.FAILED, timed_out=True)
    assert house.serves() == 2


# ---------------------------------------------------------------- who could run out of time


@pytest.mark.parametrize(
    ("latency", "first", "serves"),
    [(9.9, None, 2), (10.1, None, 1), (9.0, 0.9, 2), (9.0, 1.1, 1), (10.1, 0.01, 1), (28.0, None, 1)],
)
def test_who_could_run_out_of_time_does_not_try(latency: float, first: float | None, serves: int) -> None:
    """Of 30 s in all, and of 15 s for a first token, behind one that has the machine: half of it to spare."""
    house = House()
    house.alone(first, latency=latency)
    assert house.serves() == serves


def test_a_longer_timeout_leaves_time_to_try() -> None:
    """It is the provider's."""
    patient = replace(BOX, provider=replace(BOX.provider, timeout=300.0))
    house = House()
    house.alone(None, latency=28.0)
    assert (house.serves(), house.serves(patient)) == (1, 2)


def test_who_would_wait_for_a_slow_one_does_not_try() -> None:
    """Nor who would wait for one of which nobody knows how slow it is."""
    house = House()
    house.alone(None)
    slow = house.start(OTHER)
    assert house.serves() == 1
    house.now += 20.0
    house.end(slow, None, latency=20.0)
    assert house.serves() == 2
    slow = house.start(OTHER)
    assert house.serves() == 1


def test_what_is_known_to_go_well_holds_where_nobody_tries() -> None:
    """Two at once stay two, when answers become longer."""
    house = House()
    house.alone(None)
    house.beside(2, None, 2)
    assert house.serves() == 3
    house.alone(None, latency=28.0)
    assert house.serves() == 2


def test_of_answers_that_take_more_and_less_the_longer_ones_count() -> None:
    """For a while."""
    house = House()
    for latency in (2.0, 2.0, 12.0):
        house.alone(None, latency=latency)
    assert house.serves() == 1
    house.alone(None, latency=11.0)
    assert house.serves() == 1
    for _ in range(3):
        house.alone(None, latency=2.0)
    assert house.serves() == 2


def test_what_was_stopped_on_its_own_took_at_least_so_long() -> None:
    """It counts where it is the longest; where nothing is known, it is not known how long it would take."""
    house = House()
    house.beside(1, None, latency=2.0, outcome=Outcome.LOST)
    assert house.serves() == 1
    house.alone(None, latency=4.0)
    house.beside(1, None, 9, latency=1.0, outcome=Outcome.LOST)
    assert house.serves() == 2
    house.beside(1, None, latency=12.0, outcome=Outcome.LOST)
    assert house.serves() == 1


def test_what_was_joined_before_its_end_does_not_say_how_long_it_takes() -> None:
    """It may have been slowed down."""
    house = House()
    first = house.start()
    house.now += 1.0
    second = house.start()
    house.now += 1.0
    house.end(first, None, latency=2.0)
    house.end(second, None, outcome=Outcome.FAILED)
    assert house.serves() == 1


# ---------------------------------------------------------------- answers in one piece


@pytest.mark.parametrize(("latency", "serves"), [(1.2, 3), (1.6, 1)])
def test_answers_in_one_piece_are_compared_with_such(latency: float, serves: int) -> None:
    """What has waited for another takes up to twice as long: half of that is late."""
    house = House()
    house.alone(None)
    house.beside(2, None, 2, latency=latency)
    assert house.serves() == serves


def test_a_long_answer_is_not_late() -> None:
    """It takes as long as it is."""
    house = House()
    house.alone(None)
    house.beside(2, None, 2, latency=10.0, tokens=1180)
    assert house.serves() == 3


def test_an_answer_of_unknown_length_is_taken_for_a_short_one() -> None:
    """Among such it is compared as others are."""
    house = House()
    house.beside(1, None, tokens=None)
    house.beside(2, None, 2, latency=2.0, tokens=None)
    assert house.serves() == 1


def test_what_was_stopped_is_compared_with_the_longer_measure() -> None:
    """Nobody knows whether it would have come in one piece."""
    house = House()
    house.alone()
    house.alone(None, latency=4.0)
    house.beside(2, None, 2, latency=6 * ALONE, outcome=Outcome.LOST)
    assert house.serves() == 2
    house.beside(2, None, 2, latency=9.0, outcome=Outcome.LOST)
    assert house.serves() == 1


# ---------------------------------------------------------------- who waits


def test_a_busy_host_says_until_when() -> None:
    """About as long as its calls take, for each that waits before."""
    house, first, second = House(), Race(), Race()
    number = house.start()
    assert house.hosts.busy(BOX, house.now, first) == Busy(house.now + USUAL, 1, 0)
    house.hosts.wait(BOX, house.now, first, first.wake)
    assert house.hosts.busy(BOX, house.now, second) == Busy(house.now + 2 * USUAL, 1, 1)
    house.end(number, None, latency=4.0, outcome=Outcome.FAILED)
    house.hosts.leave(first, house.now)
    house.start()
    assert house.hosts.busy(BOX, house.now, second) == Busy(house.now + 4.0, 1, 0)


@pytest.mark.parametrize(
    ("serves", "ahead", "reason"),
    [
        (1, 0, "busy: its host serves 1 call at once"),
        (2, 1, "busy: its host serves 2 calls at once, and 1 waits before this one"),
        (1, 3, "busy: its host serves 1 call at once, and 3 wait before this one"),
    ],
)
def test_it_says_why(serves: int, ahead: int, reason: str) -> None:
    """In words for people."""
    assert Busy(0.0, serves, ahead).reason == reason


def test_who_came_first_is_served_first() -> None:
    """A newcomer does not pass those who wait, though there is room for one."""
    house, first, second, third = House(), Race(), Race(), Race()
    number = house.start()
    house.hosts.wait(BOX, house.now, first, first.wake)
    house.hosts.wait(BOX, house.now, second, second.wake)
    house.hosts.wait(BOX, house.now, first, first.wake)
    house.now += 1.0
    house.end(number)

    assert (house.hosts.waiting(HOST), house.serves()) == (2, 2)
    assert (first.woken, second.woken) == (1, 0)
    for each, ahead in ((second, 1), (third, 2)):
        busy = house.hosts.busy(BOX, house.now, each)
        assert busy is not None
        assert busy.ahead == ahead
    assert house.hosts.busy(BOX, house.now, first) is None

    house.start()
    house.hosts.leave(first, house.now)
    assert (first.woken, second.woken) == (1, 1)
    assert house.hosts.busy(BOX, house.now, second) is None
    assert house.hosts.waiting(HOST) == 1


def test_own_calls_do_not_count() -> None:
    """How many lanes of one race run on a host is its own affair."""
    house = House()
    house.start()
    assert house.hosts.busy(BOX, house.now, Race()) is not None
    assert house.hosts.busy(BOX, house.now, Race(), own=1) is None


def test_who_does_not_come_when_called_has_gone() -> None:
    """Its turn goes to the next who looks."""
    house, gone, here = House(), Race(), Race()
    house.alone()
    house.beside(2, 6 * ALONE, 2)
    number = house.start()
    house.hosts.wait(BOX, house.now, gone, gone.wake)
    house.hosts.wait(BOX, house.now, here, here.wake)
    house.end(number)

    assert (gone.woken, here.woken) == (1, 0)
    assert house.hosts.busy(BOX, house.now + PROMPT, here) is not None
    assert house.hosts.busy(BOX, house.now + PROMPT + 0.01, here) is None
    assert (here.woken, house.hosts.waiting(HOST)) == (1, 1)


def test_who_does_not_take_its_turn_has_gone_a_moment_later() -> None:
    """Unless it asks for its place again. Whoever finds it gone has the next one called."""
    house, idle, here, last = House(), Race(), Race(), Race()
    number = house.start()
    for each in (idle, here, last):
        house.hosts.wait(BOX, house.now, each, each.wake)
    house.end(number, None, outcome=Outcome.FAILED)
    assert house.hosts.busy(BOX, house.now, idle) is None
    house.hosts.wait(BOX, house.now, idle, idle.wake)
    house.now += 2 * PROMPT
    assert house.hosts.busy(BOX, house.now, here) is not None

    assert house.hosts.busy(BOX, house.now, idle) is None
    house.now += 2 * PROMPT
    assert house.hosts.busy(BOX, house.now, last) is not None
    assert (here.woken, last.woken) == (1, 0)
    assert house.hosts.busy(BOX, house.now, here) is None


def test_who_is_kept_from_looking_for_some_seconds_keeps_its_place() -> None:
    """An event loop may stall for as long as somebody works in it."""
    house, first, second = House(), Race(), Race()
    number = house.start()
    for each in (first, second):
        house.hosts.wait(BOX, house.now, each, each.wake)
    house.now += 5.0
    house.end(number, None, outcome=Outcome.FAILED)

    assert house.hosts.busy(BOX, house.now, second) is not None
    assert house.hosts.busy(BOX, house.now, first) is None


def test_who_has_not_looked_for_long_has_gone() -> None:
    """Nothing has called it. Whoever looks when its own time is over keeps its place."""
    house, gone, here = House(), Race(), Race()
    house.start()
    house.hosts.wait(BOX, house.now, gone, gone.wake)
    house.hosts.wait(BOX, house.now + 1.0, here, here.wake)

    busy = house.hosts.busy(BOX, house.now + PATIENT + 2.0, here)
    assert busy is not None
    assert busy.ahead == 0
    assert house.hosts.waiting(HOST) == 1


def test_who_leaves_makes_way() -> None:
    """At every host; who does not wait there is no matter."""
    house, first, second = House(), Race(), Race()
    number = house.start()
    house.hosts.started(lane("far/m", local=True), house.now)
    for each in (first, second):
        house.hosts.wait(BOX, house.now, each, each.wake)
    house.end(number, None, outcome=Outcome.LOST)
    woken = second.woken
    house.hosts.leave(first, house.now)

    assert second.woken == woken + 1
    house.hosts.leave(second, house.now)
    assert house.hosts.waiting(HOST) == 0


def test_one_may_wait_for_a_host_that_has_never_run() -> None:
    """It is asked for, and free."""
    house, race = House(), Race()
    house.hosts.wait(BOX, house.now, race, race.wake)
    assert house.hosts.busy(BOX, house.now, race) is None


def test_an_end_that_is_told_twice_counts_once() -> None:
    """Nothing is ever less than none."""
    house = House()
    number = house.start()
    house.end(number)
    house.end(number)
    assert house.hosts.running(HOST) == 0


# ---------------------------------------------------------------- whatever happens

SECONDS = st.floats(-1e6, 1e9) | st.sampled_from([0.0, 0.01, 1.0, 1e-300])
DEEDS = st.tuples(
    st.sampled_from(["start", "end", "show", "wait", "leave", "look"]),
    st.integers(0, 5),
    st.none() | SECONDS,
    SECONDS,
    st.sampled_from(list(Outcome)),
    st.floats(-1e4, 1e4),
)
LANES = [BOX, OTHER, COLD, lane("far/m", local=True)]


@given(st.lists(DEEDS, max_size=60))
def test_whatever_happens_there_is_a_sane_number(
    deeds: list[tuple[str, int, float | None, float, Outcome, float]],
) -> None:
    """In flight is never less than none, one call is always served, and a wait has an end."""
    house, races, numbers = House(), [Race() for _ in range(6)], list[int]()
    for deed, pick, first, latency, outcome, moved in deeds:
        house.now += moved
        lane_ = LANES[pick % len(LANES)]
        number = numbers[pick % len(numbers)] if numbers else 7
        match deed:
            case "start":
                numbers.append(house.hosts.started(lane_, house.now))
            case "end":
                house.end(number, first, latency=latency, outcome=outcome, timed_out=pick % 2 == 0)
                numbers = [each for each in numbers if each != number]
            case "show":
                house.hosts.shown(number, latency, house.now)
            case "wait":
                house.hosts.wait(lane_, house.now, races[pick], races[pick].wake)
            case "leave":
                house.hosts.leave(races[pick], house.now)
            case _:
                busy = house.hosts.busy(lane_, house.now, races[pick])
                assert busy is None or house.now < busy.until <= house.now + LONGEST
        assert 1 <= house.hosts.serves(lane_, house.now) <= len(deeds) + 2
        assert sum(house.hosts.running(host) for host in {each.host for each in LANES}) == len(numbers)
        assert all(0 <= house.hosts.waiting(each.host) <= len(races) for each in LANES)
    for number in numbers:
        house.end(number)
    for race in races:
        house.hosts.leave(race, house.now)
    assert all(house.hosts.running(each.host) == house.hosts.waiting(each.host) == 0 for each in LANES)
    assert math.isfinite(house.hosts.serves(BOX, house.now))
