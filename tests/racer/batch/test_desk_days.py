"""racer/batch/desk.py over time: whatever the order of facts, what must hold; and how fast lines begin."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from racer.batch.case import Start, Terms
from racer.batch.desk import ASKS_AGAIN, CATCHES_UP, SCANNED
from racer_adapters.errors import Kind, WireError
from tests.racer.batch.room import CLOSED, COUNTED, FOREVER, NETWORK, Room

if TYPE_CHECKING:
    from racer.batch.case import Case


# ---------------------------------------------------------------- how fast lines begin


def test_the_rate_holds_in_the_first_second() -> None:
    """A job that begins may not send a second's worth of lines at once, and then at its rate besides."""
    room = Room("~a/m", rate=10.0, concurrency=4096)
    room.put(100)
    begun = sum(len(room.starts(n / 1000)) for n in range(1000))
    assert begun <= 11


def test_the_rate_holds_after_a_pause() -> None:
    """Who had nothing to do for a while may not make up for it."""
    room = Room("~a/m", rate=10.0, concurrency=4096)
    room.put()
    room.starts(0.0)
    room.put(100)
    begun = sum(len(room.starts(60 + n / 1000)) for n in range(1000))
    assert begun <= 11


@given(st.floats(0.01, 500.0), st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60))
def test_rate_over_any_stretch(rate: float, pauses: list[float]) -> None:
    """Whenever it is asked, no stretch of time has more lines than the rate allows, and one."""
    room = Room("~a/m", rate=rate, concurrency=4096)
    now, begun = 1000.0, list[float]()
    for pause in pauses:
        now += pause
        room.put(50 - room.desk.waiting)
        begun += [now for _ in range(min(50, len(room.starts(now))))]
    for first, since in enumerate(begun):
        for last in range(first, len(begun)):
            allowed = rate * (begun[last] - since + CATCHES_UP) + 1
            assert last - first + 1 <= allowed + 1e-6


def test_a_rate_is_kept_up() -> None:
    """Asked a little late each time, it begins as many as the rate says all the same."""
    room = Room("~a/m", rate=100.0, concurrency=4096)
    room.put(2000)
    now, begun = 0.0, 0
    while now < 10.0:
        begun += len(room.starts(now))
        now = room.desk.wake_at() + 0.004
    assert 990 <= begun <= 1006


def test_lanes_of_different_speeds() -> None:
    """Many lines over lanes of different speeds all end, and the fast lane has most of them."""
    room = Room("fast/m", "slow/m", policy="frugal", concurrency=8)
    room.hopes.waits = {"slow/m": 4.0}
    room.put(100)
    now, ends, done = 0.0, list[tuple[float, int]](), dict[str, int]()
    out: dict[int, Start] = {}
    while not room.desk.is_idle:
        for start in room.starts(now):
            out[start.number] = start
            ends.append((now + room.hopes.expected(start.lane), start.number))
        ends.sort()
        now, number = ends.pop(0)
        start = out.pop(number)
        if room.desk.answered(number, now, 20) is not None:
            done[start.lane.id] = done.get(start.lane.id, 0) + 1
            room.desk.saved()
    assert sum(done.values()) == 100
    assert done["fast/m"] > 3 * done["slow/m"]


# ---------------------------------------------------------------- whatever the order of facts


NAMES = ("a/m", "a/n", "b/m", "~own/m")
KINDS = st.sampled_from([*COUNTED, *NETWORK, *CLOSED, Kind.RATE])


class Days(RuleBasedStateMachine):
    """Lines come, lanes answer, fail, close and open, in any order."""

    @initialize(
        policy=st.sampled_from(["one", "frugal", "all"]),
        width=st.integers(1, 3),
        concurrency=st.integers(1, 12),
        attempts=st.integers(1, 4),
        rate=st.sampled_from([None, None, 0.5, 3.0, 40.0]),
        left=st.sampled_from([None, 0, 500]),
    )
    def begin(
        self, policy: str, width: int, concurrency: int, attempts: int, rate: float | None, left: int | None
    ) -> None:
        self.terms = Terms(policy, width, concurrency, attempts, rate)
        self.room = Room(
            *NAMES,
            policy=policy,
            width=width,
            concurrency=concurrency,
            attempts=attempts,
            rate=rate,
            left=left,
        )
        self.room.hopes.waits = {"a/m": 0.5, "b/m": 20.0}
        self.suites = [self.room.suite, self.room.suite_of("b/m"), self.room.suite_of("a/n", "~own/m")]
        self.desk = self.room.desk
        self.now = 100.0
        self.out: dict[int, Start] = {}
        self.cases: list[Case] = []
        self.ends: dict[int, int] = {}
        self.unsaved = 0
        self.begun: list[float] = []

    # ------------------------------------------------------------ what happens

    @rule(which=st.integers(0, 2), count=st.integers(1, 6), large=st.sets(st.sampled_from(NAMES)))
    def lines_come(self, which: int, count: int, large: set[str]) -> None:
        cases = self.room.put(count, self.suites[which])
        self.cases += cases
        for name in large:
            self.room.larges.setdefault(name.removeprefix("~"), set()).add(cases[-1].prompt.line)

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.3, 1.0, 7.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(count=st.integers(1, 20))
    def some_begin(self, count: int) -> None:
        """Not always all that could."""
        for _ in range(count):
            if not self.one_begins():
                break

    @rule()
    def all_begin(self) -> None:
        while self.one_begins():
            pass
        assert self.desk.wake_at() > self.now

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 99), tokens=st.integers(0, 500))
    def one_answers(self, which: int, tokens: int) -> None:
        start = self.taken(which)
        was_done = start.case.done
        case = self.desk.answered(start.number, self.now, tokens)
        assert case is (None if was_done else start.case)
        if case is not None:
            self.has_ended(case)

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 99), kind=KINDS, ill=st.booleans())
    def one_fails(self, which: int, kind: Kind, ill: bool) -> None:
        start = self.taken(which)
        was_done = start.case.done
        failure = self.desk.failed(start.number, WireError(kind, "no"), self.now, ill=ill)
        assert not (was_done and failure)
        if failure is not None:
            self.has_ended(start.case)

    @rule()
    def losers_stop(self) -> None:
        for number, start in list(self.out.items()):
            if start.case.done:
                del self.out[number]
                self.desk.stopped(number)

    @precondition(lambda self: self.unsaved)
    @rule(share=st.floats(0.1, 1.0))
    def some_are_saved(self, share: float) -> None:
        count = ceil(self.unsaved * share)
        self.unsaved -= count
        self.desk.saved(count)

    @rule()
    def a_bad_line(self) -> None:
        self.desk.found()
        self.unsaved += 1

    @rule(name=st.sampled_from(NAMES), seconds=st.sampled_from([0.2, 5.0, 900.0, FOREVER]), ask=st.booleans())
    def a_lane_closes(self, name: str, seconds: float, ask: bool) -> None:
        self.room.shuts(name.removeprefix("~"), self.now + seconds, pending=ask)

    @rule(name=st.sampled_from(NAMES))
    def a_lane_opens(self, name: str) -> None:
        self.room.shut.pop(name.removeprefix("~"), None)

    @rule(gone=st.booleans())
    def the_field_is_drawn_up_anew(self, gone: bool) -> None:
        lanes = [replace(each) for each in self.room.lanes if not (gone and each.provider.local)]
        for suite, names in zip(self.suites, (NAMES, ("b/m",), ("a/n", "~own/m")), strict=True):
            known = {name.removeprefix("~") for name in names}
            suite.lanes, suite.sorted_at = [each for each in lanes if each.id in known], -FOREVER

    @precondition(lambda self: len(self.cases) > 3)
    @rule()
    def it_is_told_to_stop(self) -> None:
        self.desk.stopping = True
        assert self.desk.next(self.now) is None
        self.desk.stopping = False

    # ------------------------------------------------------------ what must hold then

    def one_begins(self) -> bool:
        desk = self.desk
        known = {number: len(start.case.out) for number, start in self.out.items()}
        busy = len(self.lines_at_work()) + self.unsaved
        start = desk.next(self.now)
        while desk.hopeless:
            self.is_too_large(desk.hopeless.pop())
        if start is None:
            return False
        assert start.number not in known
        assert not start.case.done
        if len(start.case.out) == 1:
            assert busy < self.terms.concurrency
            self.keeps_to_its_rate()
        track = self.room.pace.of(start.lane)
        assert track.flying <= track.places
        lanes = [out.lane.id for out in start.case.out.values()]
        assert len(set(lanes)) == len(lanes)
        most = {"one": 1, "frugal": 2, "all": self.terms.width}[self.terms.policy]
        assert len(lanes) <= most
        assert not self.is_shut(start.lane.id)
        assert start.case.prompt.line not in self.room.larges.get(start.lane.id, ())
        self.out[start.number] = start
        return True

    def is_shut(self, name: str) -> bool:
        block = self.room.shut.get(name)
        return block is not None and block.until > self.now

    def keeps_to_its_rate(self) -> None:
        self.begun.append(self.now)
        if (rate := self.terms.rate) is not None:
            for place, since in enumerate(self.begun):
                assert len(self.begun) - place <= rate * (self.now - since + CATCHES_UP) + 1 + 1e-6

    def lines_at_work(self) -> set[int]:
        return {start.case.prompt.line for start in self.out.values()}

    def is_too_large(self, case: Case) -> None:
        lanes = case.suite.lanes
        assert lanes
        assert all(case.prompt.line in self.room.larges.get(each.id, ()) for each in lanes)
        self.desk.dropped(case)
        self.has_ended(case)

    def has_ended(self, case: Case) -> None:
        line = case.prompt.line
        self.ends[line] = self.ends.get(line, 0) + 1
        assert self.ends[line] == 1
        self.unsaved += 1

    def open(self) -> list[Case]:
        return [case for case in self.cases if case.prompt.line not in self.ends]

    def taken(self, which: int) -> Start:
        return self.out.pop(list(self.out)[which % len(self.out)])

    @invariant()
    def everything_is_counted(self) -> None:
        desk = self.desk
        assert desk.out == len(self.out)
        assert desk.lines_out == len(self.lines_at_work())
        open_ = self.open()
        assert desk.waiting == sum(not case.out for case in open_)
        assert desk.is_idle == (not open_ and not self.out)
        for each in self.room.lanes:
            flying = sum(start.lane.id == each.id for start in self.out.values())
            assert self.room.pace.of(each).flying == flying

    @rule()
    def nobody_waits_while_a_lane_has_room(self) -> None:
        """A second later, for so long a lane that was kept out is not asked for."""
        self.now += ASKS_AGAIN + 0.1
        self.all_begin()
        desk, terms = self.desk, self.terms
        full = len(self.lines_at_work()) + self.unsaved >= terms.concurrency
        if full or terms.rate is not None or desk.left is not None:
            return
        waiting = [case for case in self.open() if not case.out]
        aside = [case for case in waiting if case.reasons or case.large]
        if len(aside) <= SCANNED:
            assert not any(self.has_room(case) for case in aside)
        heads = {id(case.suite): case for case in reversed(waiting) if case not in aside}
        assert not any(self.has_room(case) for case in heads.values())

    def has_room(self, case: Case) -> bool:
        room = self.room
        return any(
            not room.pace.of(each).is_full
            and self.now >= room.pace.of(each).next_at
            and each.id not in room.shut
            and not room.pace.rests(each, self.now)
            and not (each.id in case.tried and self.now < case.again_at)
            and case.prompt.line not in room.larges.get(each.id, ())
            for each in case.suite.lanes
        )

    def teardown(self) -> None:
        """When all is well again, every line gets its one end in time, each woken by the desk's own word."""
        if not hasattr(self, "desk"):
            return
        self.room.shut.clear()
        self.the_field_is_drawn_up_anew(gone=False)
        self.now += ASKS_AGAIN
        for _ in range(1000):
            self.all_begin()
            wake = self.desk.wake_at()
            if self.out:
                self.now += 0.1
                for _ in list(self.out):
                    self.one_answers(0, 10)
            elif self.unsaved:
                self.some_are_saved(1.0)
            elif self.desk.is_idle:
                break
            else:
                assert wake < FOREVER
                self.now = wake
        assert self.desk.is_idle
        assert self.ends == {case.prompt.line: 1 for case in self.cases}


TestDays = Days.TestCase
TestDays.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
