"""racer/batch/desk.py: which line is asked next, of whom, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from racer.batch.case import ILL, Case, Start, Suite, Terms
from racer.batch.desk import ASKS_AGAIN, LONGEST_PAUSE, WAITING, Desk
from racer.batch.line import Failure, Prompt
from racer.batch.pace import FIRST, REFUSES, REST, Pace
from racer.core.breaker import Block
from racer.core.options import Defaults, read
from racer_adapters.errors import Kind, WireError
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.provider import Lane

FOREVER = float("inf")
CATCHES_UP = 0.05  # seconds: who is told a little late may make up for it
ASK = read("Hi", {}, Defaults())
SERVER, RATE = WireError(Kind.SERVER, "broken"), WireError(Kind.RATE, "slow down")
BAD, OFF = WireError(Kind.BAD_REQUEST, "wrong"), WireError(Kind.CONNECT, "nobody there")
HARMLESS = [Kind.AUTH, Kind.CREDIT, Kind.QUOTA, Kind.RATE, Kind.DNS, Kind.CONNECT, Kind.LOCAL, Kind.TLS]
COUNTED = [Kind.SERVER, Kind.TIMEOUT, Kind.INVALID, Kind.EMPTY, Kind.TOO_LONG, Kind.BAD_REQUEST, Kind.BLOCKED]


@dataclass
class Hopes:
    """What is to be expected of lanes, as a test says; a lane that is not named takes a second."""

    waits: dict[str, float] = field(default_factory=dict[str, float])
    prices: dict[str, float] = field(default_factory=dict[str, float])
    lates: dict[str, float] = field(default_factory=dict[str, float])
    allowance: int = 1000

    def expected(self, lane: Lane) -> float:
        return self.waits.get(lane.id, 1.0)

    def price(self, lane: Lane) -> float:
        return self.prices.get(lane.id, 0.0)

    def rest(self, lane: Lane, age: float) -> float:
        return max(0.1, self.expected(lane) - age)

    def late(self, lane: Lane) -> float:
        return self.lates.get(lane.id, 10.0)

    def may_add(self) -> bool:
        return self.allowance > 0

    def add(self) -> None:
        self.allowance -= 1


class Room:
    """A desk with the lanes that a test names; those that begin with `~` are machines of the user's own."""

    def __init__(
        self,
        *names: str,
        policy: str = "one",
        width: int = 4,
        concurrency: int = 64,
        attempts: int = 5,
        rate: float | None = None,
        left: int | None = None,
    ) -> None:
        self.hopes = Hopes()
        self.lanes = [lane(name.removeprefix("~"), local=name.startswith("~")) for name in names]
        self.suite = self.suite_of(*names)
        self.shut: dict[str, Block] = {}
        self.larges: dict[str, set[int]] = {}
        self.asked: list[str] = []
        self.pace = Pace()
        self.desk = Desk(Terms(policy, width, concurrency, attempts, rate), self.pace, self._gate)
        self.desk.left = left
        self.lines = 0

    def suite_of(self, *names: str) -> Suite:
        wanted = {name.removeprefix("~") for name in names}
        return Suite([each for each in self.lanes if each.id in wanted], {}, self.hopes)

    def _gate(self, case: Case, lane: Lane, now: float) -> Block | None:
        self.asked.append(lane.id)
        if case.prompt.line in self.larges.get(lane.id, ()):
            return Block(FOREVER, "too large", stated=True, limit=True, large=True)
        block = self.shut.get(lane.id)
        return block if block is not None and block.until > now else None

    def shuts(self, name: str, until: float, *, pending: bool = False) -> None:
        self.shut[name] = Block(until, "used up", stated=True, pending=pending)

    def put(self, count: int = 1, suite: Suite | None = None) -> list[Case]:
        cases: list[Case] = []
        for _ in range(count):
            self.lines += 1
            prompt = Prompt(self.lines, f"line-{self.lines}", "Hi")
            cases.append(Case(prompt, b"", ASK, ASK.call, suite or self.suite))
            self.desk.put(cases[-1])
        return cases

    def next(self, now: float = 0.0) -> Start:
        start = self.desk.next(now)
        assert start is not None
        return start

    def starts(self, now: float = 0.0) -> list[Start]:
        """All that can begin at `now`."""
        found: list[Start] = []
        while (start := self.desk.next(now)) is not None:
            found.append(start)
            assert len(found) < 5000
        return found

    def given(self, now: float = 0.0) -> list[tuple[int, str]]:
        return [(start.case.prompt.line, start.lane.id) for start in self.starts(now)]


# ---------------------------------------------------------------- whoever has room is given work


def test_nothing_to_do() -> None:
    """An empty desk has nothing to begin, and waits for nothing."""
    desk = Room("a/m").desk
    assert desk.next(0.0) is None
    assert desk.wake_at() == FOREVER
    assert desk.is_idle
    assert not desk.is_stuck
    assert desk.wants
    assert (desk.out, desk.lines_out, desk.waiting, list(desk.cases())) == (0, 0, 0, [])


def test_lines_in_their_order_to_the_best_lane() -> None:
    """Lines begin in their order; the best lane is given as many as it has places, then the next."""
    room = Room("slow/m", "fast/m")
    room.hopes.waits = {"slow/m": 5.0}
    room.put(6)
    assert room.given() == [(n, "fast/m") for n in (1, 2, 3, 4)] + [(5, "slow/m"), (6, "slow/m")]
    assert (room.desk.out, room.desk.lines_out, room.desk.waiting) == (6, 6, 0)
    assert not room.desk.is_idle


def test_what_a_request_is_worth() -> None:
    """A lane whose limits are worth more than the time it saves comes later."""
    room = Room("dear/m", "cheap/m")
    room.hopes.waits, room.hopes.prices = {"cheap/m": 2.0}, {"dear/m": 3.0}
    room.put()
    assert room.given() == [(1, "cheap/m")]


def test_wishes_come_first() -> None:
    """A lane of a lower group comes first, however slow."""
    room = Room("fast/m", "liked/m")
    room.hopes.waits = {"liked/m": 9.0}
    room.suite.groups = {"liked/m": 0, "fast/m": 1}
    room.put()
    assert room.given() == [(1, "liked/m")]


def test_sorted_anew_each_second() -> None:
    """What is expected of lanes is looked at once a second, and when the clock was set back."""
    room = Room("a/m", "b/m", concurrency=9)
    room.hopes.waits = {"b/m": 2.0}
    room.put(3)
    assert room.next(10.0).lane.id == "a/m"
    room.hopes.waits = {"a/m": 3.0}
    assert room.next(10.5).lane.id == "a/m"
    assert room.next(11.0).lane.id == "b/m"
    room.hopes.waits = {"b/m": 3.0}
    room.put()
    assert room.next(9.0).lane.id == "a/m"


def test_a_full_lane_is_given_no_more() -> None:
    """The places of a lane are all that it is given; an answer makes room."""
    room = Room("a/m")
    room.put(9)
    starts = room.starts()
    assert len(starts) == FIRST
    assert room.desk.wake_at() == FOREVER
    assert room.desk.answered(starts[0].number, 1.0, 10) is starts[0].case
    assert len(room.starts(1.0)) == 2


def test_a_blocked_lane() -> None:
    """A lane that its gate keeps out is asked for again when that ends, at the latest in a second."""
    room = Room("a/m", "b/m")
    room.shuts("a/m", 100.0)
    room.shuts("b/m", 0.4)
    room.put(2)
    assert room.starts() == []
    assert room.desk.wake_at() == 0.4
    assert room.desk.is_stuck
    assert room.desk.blocks["a/m"].until == 100.0
    room.asked.clear()
    assert room.starts(0.3) == []
    assert room.asked == []
    assert room.given(0.4) == [(1, "b/m"), (2, "b/m")]
    assert room.asked == ["b/m", "b/m"]
    room.shut.clear()
    room.put()
    assert room.given(ASKS_AGAIN) == [(3, "a/m")]
    assert "a/m" not in room.desk.blocks


def test_a_block_that_ends_now_is_no_busy_loop() -> None:
    """A gate that says of an instant that has come is asked again a moment later."""
    room = Room("a/m")
    room.shut["a/m"] = Block(5.0, "the clock was set", stated=True)
    room.put()
    room.starts(4.9)
    room.shut["a/m"] = Block(5.0001, "still", stated=True)
    assert room.starts(5.0) == []
    assert room.desk.wake_at() > 5.0


def test_a_pending_block() -> None:
    """While its quota is asked for, a lane is looked at each time, and at the latest in a second."""
    room = Room("a/m")
    room.shuts("a/m", 50.0, pending=True)
    room.put()
    assert room.starts() == []
    assert room.desk.wake_at() == ASKS_AGAIN
    room.shut.clear()
    assert room.given(0.1) == [(1, "a/m")]


def test_an_end_opens_what_others_wait_for() -> None:
    """When a call of a provider ends, its blocked lanes are asked for again at once; others are not."""
    room = Room("a/m", "a/n", "b/m")
    room.shuts("a/n", 100.0)
    room.shuts("b/m", 100.0)
    room.put(5)
    starts = room.starts()
    room.shut.clear()
    room.desk.answered(starts[0].number, 0.2, 1)
    room.put(3)
    assert {name for _, name in room.given(0.2)} == {"a/m", "a/n"}
    assert set(room.desk.blocks) <= {"b/m"}


def test_each_kind_of_line_has_its_lanes() -> None:
    """Lines that wait for their own lanes do not keep back those of others."""
    room = Room("a/m", "b/m")
    room.shuts("a/m", 100.0)
    room.put(2, room.suite_of("a/m"))
    room.put(2, room.suite_of("b/m"))
    assert room.given() == [(3, "b/m"), (4, "b/m")]


# ---------------------------------------------------------------- never too many


def test_no_more_lines_than_allowed() -> None:
    """Lines out, those whose results are not saved included, are never more than `concurrency`."""
    room = Room("a/m", "b/m", concurrency=3)
    room.put(9)
    first = room.starts()
    assert len(first) == 3
    room.desk.answered(first[0].number, 1.0, 1)
    assert room.starts(1.0) == []
    assert room.desk.wake_at() == FOREVER
    room.desk.saved()
    assert len(room.starts(1.0)) == 1
    room.desk.found()
    room.desk.answered(first[1].number, 1.0, 1)
    room.desk.saved()
    assert room.starts(1.0) == []
    room.desk.saved()
    assert len(room.starts(1.0)) == 1


def test_lines_begin_at_a_rate() -> None:
    """One line each so many seconds; until the next may begin, nothing is asked."""
    room = Room("a/m", rate=0.5)
    room.put(3)
    assert len(room.starts(100.0)) == 1
    wake = room.desk.wake_at()
    assert 101.9 < wake <= 102.0
    assert room.starts(101.9) == []
    assert len(room.starts(wake)) == 1


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


def test_wants() -> None:
    """Lines are read ahead, but not without end, and none after it was told to stop."""
    room = Room("a/m")
    room.put(WAITING // 2 - 1)
    assert room.desk.wants
    room.desk.found()
    assert not room.desk.wants
    room.desk.saved()
    assert room.desk.wants
    room.desk.stopping = True
    assert not room.desk.wants


def test_nothing_starts_after_stopping() -> None:
    """What waits stays where it is, and nobody need be woken."""
    room = Room("a/m", policy="frugal", rate=1.0)
    room.put(5)
    start = room.next()
    room.desk.stopping = True
    assert room.desk.next(100.0) is None
    assert room.desk.wake_at() == FOREVER
    assert room.desk.failed(start.number, SERVER, 101.0) is None
    assert room.desk.next(200.0) is None
    assert room.desk.waiting == 5


# ---------------------------------------------------------------- failures


def test_a_failure_goes_to_another_lane() -> None:
    """A line that has failed goes to a lane that has not had it, at once and before fresh lines."""
    room = Room("a/m", "b/m")
    room.put(2)
    start = room.next()
    assert start.lane.id == "a/m"
    assert room.desk.failed(start.number, SERVER, 1.0) is None
    assert room.desk.waiting == 2
    assert room.given(1.0) == [(1, "b/m"), (2, "a/m")]


def test_again_later_and_later() -> None:
    """The only lane has the line again after a pause that doubles, up to a minute."""
    room = Room("a/m", attempts=100)
    room.put()
    now, pauses = 0.0, list[float]()
    for _ in range(9):
        start = room.next(now)
        assert room.desk.failed(start.number, SERVER, now) is None
        assert room.desk.next(now) is None
        wake = room.desk.wake_at()
        assert room.desk.next(wake - 0.01) is None
        pauses.append(wake - now)
        now = wake
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


def test_given_up_after_its_attempts() -> None:
    """After so many failures the line is given up with the last one's kind and words."""
    room = Room("a/m", attempts=3)
    (case,) = room.put()
    room.desk.failed(room.next(0.0).number, SERVER, 0.0)
    room.desk.failed(room.next(10.0).number, SERVER, 10.0)
    failure = room.desk.failed(room.next(20.0).number, WireError(Kind.EMPTY, "nothing"), 20.0)
    assert failure == Failure("empty", "a/m: empty: nothing (and 2 more failures before)")
    assert case.done
    assert room.desk.is_idle
    assert room.starts(1000.0) == []


def test_given_up_at_once() -> None:
    """Of a single attempt, one failure is told as it is."""
    room = Room("a/m", attempts=1)
    room.put()
    assert room.desk.failed(room.next().number, SERVER, 0.0) == Failure("server", "a/m: server: broken")


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_says_nothing_of_the_line(kind: Kind) -> None:
    """Limits, keys and the network do not count against a line."""
    room = Room("a/m", attempts=1)
    (case,) = room.put()
    assert room.desk.failed(room.next().number, WireError(kind, "no"), 0.0) is None
    assert case.strikes == 0
    assert room.desk.waiting == 1


def test_an_ill_lane_counts_a_quarter() -> None:
    """Of a lane that was known to be ill, a failure is a quarter of one."""
    room = Room("a/m", attempts=1)
    room.put()
    now, failure, requests = 0.0, None, 0
    while failure is None:
        now += 100.0
        failure = room.desk.failed(room.next(now).number, SERVER, now, ill=True)
        requests += 1
    assert requests == 1 / ILL


def test_two_providers_are_believed() -> None:
    """A line that two providers refuse as wrong is given up, with what the last of them said."""
    room = Room("a/m", "b/m", "c/m", attempts=9)
    room.put()
    assert room.desk.failed(room.next().number, BAD, 0.0) is None
    assert room.desk.failed(room.next().number, OFF, 0.0) is None
    failure = room.desk.failed(room.next().number, BAD, 0.0)
    assert failure == Failure("bad_request", "c/m: bad_request: wrong (and 2 more failures before)")


def test_one_provider_is_believed_where_there_is_no_other() -> None:
    """Of a single provider one refusal is enough: its other models would say the same."""
    room = Room("a/m", "a/n", attempts=9)
    room.put()
    failure = room.desk.failed(room.next().number, BAD, 0.0)
    assert failure == Failure("bad_request", "a/m: bad_request: wrong")


@given(
    st.integers(1, 4),
    st.sampled_from(["one", "frugal", "all"]),
    st.integers(1, 6),
    st.lists(st.tuples(st.sampled_from(COUNTED), st.booleans()), min_size=80, max_size=80),
)
def test_what_always_fails_is_given_up(
    lanes: int, policy: str, attempts: int, ends: list[tuple[Kind, bool]]
) -> None:
    """A line that fails with everybody costs a bounded number of requests, whatever fails."""
    room = Room(*(f"p{n}/m" for n in range(lanes)), policy=policy, attempts=attempts, left=0)
    (case,) = room.put()
    now, requests, failure, out = 0.0, 0, None, list[Start]()
    while failure is None:
        out += room.starts(now)
        if not out:
            assert now < room.desk.wake_at() < FOREVER
            now = room.desk.wake_at()
            continue
        kind, ill = ends[requests]
        requests += 1
        failure = room.desk.failed(out.pop(0).number, WireError(kind, "no"), now, ill=ill)
        now += 0.5
    assert requests <= ceil(attempts / ILL) + lanes
    assert case.done
    assert room.desk.is_idle


def refused(room: Room, name: str) -> None:
    """So many lines were refused by a lane, while another answers, that it rests from instant 0 on."""
    for each in room.lanes:
        for _ in range(REFUSES):
            room.pace.started(each, 0.0)
            if each.id == name:
                room.pace.failed(each, WireError(Kind.INVALID, "no"), 0.0, 0.0)
            else:
                room.pace.answered(each, 0.0, 0.0, 1)
    assert room.pace.of(room.lanes[0]).flying == 0


def test_a_lane_that_rests() -> None:
    """It is given nothing until its rest is over, and then something."""
    room = Room("b/m", "a/m")
    room.hopes.waits = {"b/m": 5.0}
    refused(room, "a/m")
    room.put(2)
    room.shuts("b/m", 100.0)
    assert room.given() == []
    assert room.desk.wake_at() == REST
    assert room.given(REST) == [(1, "a/m"), (2, "a/m")]


def test_near_the_end_a_lane_that_rests_does_not_count() -> None:
    """Nobody waits for a fast lane that rests, where a slow one answers."""
    room = Room("slow/m", "fast/m", left=0)
    room.hopes.waits = {"slow/m": 60.0}
    refused(room, "fast/m")
    room.put(3)
    assert room.given() == [(n, "slow/m") for n in (1, 2, 3)]


# ---------------------------------------------------------------- too large


def test_too_large_for_every_lane() -> None:
    """A line that no lane's limits can ever hold is hopeless; those behind it go on."""
    room = Room("a/m", "b/m")
    (case, _) = room.put(2)
    room.larges = {"a/m": {1}, "b/m": {1}}
    assert room.given() == [(2, "a/m")]
    assert room.desk.hopeless == [case]
    room.desk.dropped(case)
    room.desk.hopeless.clear()
    assert case.done
    assert room.desk.waiting == 0
    room.desk.saved()


def test_too_large_for_some() -> None:
    """A line that some lane can hold waits for that one aside, and those behind it go on."""
    room = Room("a/m", "b/m")
    room.put(2)
    room.larges = {"a/m": {1}}
    room.shuts("b/m", 5.0)
    assert room.given() == [(2, "a/m")]
    assert room.desk.hopeless == []
    assert room.desk.waiting == 1
    assert room.given(5.0) == [(1, "b/m")]


def test_too_large_for_some_and_no_room_aside() -> None:
    """Where very many wait aside already, a large line keeps back those behind it."""
    room = Room("a/m", "b/m")
    room.put(WAITING + 2)
    room.larges = {"a/m": set(range(1, WAITING + 2))}
    room.shuts("b/m", 5.0)
    assert room.given() == []
    assert room.desk.waiting == WAITING + 2
    assert room.desk.hopeless == []


def test_found_too_large_later() -> None:
    """A line that the last lane turns out to be too small for is hopeless too, and does not wait for ever."""
    room = Room("a/m", "b/m")
    (case,) = room.put()
    room.larges = {"a/m": {1}}
    room.shuts("b/m", 5.0, pending=True)
    assert room.given() == []
    assert room.desk.hopeless == []
    room.larges["b/m"] = {1}
    room.shut.clear()
    assert room.given(5.0) == []
    assert room.desk.hopeless == [case]
    assert room.desk.waiting == 0


def test_too_large_for_a_lane_that_was_full() -> None:
    """The same where the last lane had no place when the line came up."""
    room = Room("a/m")
    room.put(5)
    room.larges = {"a/m": {5}}
    first = room.starts()
    room.desk.answered(first[0].number, 1.0, 1)
    assert room.starts(1.0) == []
    assert [case.prompt.line for case in room.desk.hopeless] == [5]


def test_lanes_that_have_gone_make_no_line_hopeless() -> None:
    """While a server is away that was the only one, its lines wait; nobody has found them too large."""
    room = Room("~a/m")
    room.put(2)
    lanes = room.suite.lanes
    room.suite.lanes = []
    assert room.starts() == []
    assert room.desk.hopeless == []
    assert room.desk.is_stuck
    room.suite.lanes = lanes
    assert room.given(1.0) == [(1, "a/m"), (2, "a/m")]


# ---------------------------------------------------------------- a second lane


def test_frugal_asks_a_second_lane_for_a_late_line() -> None:
    """A line that is later than 99 in 100 is given to a second lane, out of the allowance."""
    room = Room("a/m", "b/m", policy="frugal")
    room.hopes.waits, room.hopes.lates = {"a/m": 9.0, "b/m": 1.0}, {"b/m": 4.0}
    room.hopes.waits = {"a/m": 0.5}
    room.hopes.lates = {"a/m": 4.0}
    (case,) = room.put()
    assert room.given() == [(1, "a/m")]
    assert room.desk.wake_at() == 1.0
    assert room.starts(0.5) == []
    room.hopes.waits = {"a/m": 90.0}
    assert room.starts(4.0) == []
    (start,) = room.starts(5.5)
    assert (start.case, start.lane.id, start.extra) == (case, "b/m", True)
    assert room.hopes.allowance == 999
    assert room.desk.lines_out == 1
    assert room.starts(9.0) == []


def test_the_first_answer_counts() -> None:
    """The loser's answer is no second one, and its failure is none of the line's."""
    for late in ("answered", "failed", "stopped"):
        room = Room("a/m", "b/m", policy="all", width=2)
        (case,) = room.put()
        first, second = room.starts()
        assert room.desk.answered(second.number, 1.0, 1) is case
        assert room.desk.lines_out == 1
        if late == "answered":
            assert room.desk.answered(first.number, 2.0, 1) is None
        elif late == "failed":
            assert room.desk.failed(first.number, SERVER, 2.0) is None
        else:
            room.desk.stopped(first.number)
        assert (room.desk.lines_out, room.desk.is_idle) == (0, True)
        room.desk.saved()
        assert room.starts(99.0) == []


def test_a_failure_beside_one_that_runs() -> None:
    """While another lane is at work on it, a line is not given up, and not begun again."""
    room = Room("a/m", "b/m", policy="all", width=2, attempts=1)
    room.put()
    first, second = room.starts()
    assert room.desk.failed(first.number, SERVER, 1.0) is None
    assert room.starts(100.0) == []
    assert room.desk.failed(second.number, SERVER, 101.0) == Failure(
        "server", "b/m: server: broken (and 1 more failures before)"
    )


def test_the_last_lines_are_asked_of_a_sooner_lane() -> None:
    """With no lines left to begin, a second lane that would be done sooner is asked at once."""
    room = Room("slow/m", "fast/m", policy="frugal", left=0)
    room.hopes.waits = {"slow/m": 9.0}
    room.shuts("fast/m", 1.0)
    room.put()
    assert room.given() == [(1, "slow/m")]
    assert room.starts(0.5) == []
    (start,) = room.starts(1.5)
    assert (start.lane.id, start.extra) == ("fast/m", True)


def test_no_second_lane_while_others_wait() -> None:
    """In the middle of a job a line that is not late has one lane."""
    room = Room("slow/m", "fast/m", policy="frugal", concurrency=1, left=5)
    room.hopes.waits = {"slow/m": 9.0}
    room.shuts("fast/m", 1.0)
    room.put(2)
    assert room.given() == [(1, "slow/m")]
    assert room.starts(3.0) == []


def test_no_second_lane_without_allowance() -> None:
    """Where no extra request is left, none is made; nor where the other is hardly sooner."""
    room = Room("a/m", "b/m", policy="frugal", left=0)
    room.hopes.waits = {"a/m": 2.0, "b/m": 2.5}
    room.put()
    room.starts()
    assert room.starts(1.5) == []
    room.hopes.waits, room.hopes.allowance = {"a/m": 90.0}, 0
    assert room.starts(20.0) == []


def test_a_second_lane_must_be_new_and_free() -> None:
    """A lane that has failed with the line, or that is kept out, is not the second one."""
    room = Room("a/m", "b/m", "c/m", policy="frugal", left=0)
    room.put()
    room.desk.failed(room.next().number, SERVER, 0.0)
    room.hopes.waits = {"b/m": 50.0, "c/m": 60.0}
    room.shuts("c/m", 100.0)
    assert room.given() == [(1, "b/m")]
    assert room.starts(5.0) == []
    assert room.desk.wake_at() == 6.0


def test_a_machine_of_ones_own_costs_nothing() -> None:
    """A second request on the user's own machine comes out of no allowance, and is no extra one."""
    room = Room("a/m", "~own/m", policy="frugal", left=0)
    room.shuts("own/m", 0.5)
    room.hopes.waits = {"a/m": 9.0}
    room.put()
    room.starts()
    (start,) = room.starts(2.0)
    assert (start.lane.id, start.extra, room.hopes.allowance) == ("own/m", False, 1000)


def test_all_asks_several_at_once() -> None:
    """By `all` a line has `width` lanes, the first of which is no extra one."""
    room = Room("a/m", "b/m", "c/m", policy="all", width=2)
    room.put(2)
    starts = room.starts()
    assert [(each.case.prompt.line, each.lane.id, each.extra) for each in starts] == [
        (1, "a/m", False), (1, "b/m", True), (2, "a/m", False), (2, "b/m", True),
    ]  # fmt: skip
    assert room.hopes.allowance == 998
    assert room.desk.lines_out == 2


def test_all_with_few_lanes_or_no_allowance() -> None:
    """Where fewer lanes are free, or no extra request is left, a line has fewer; the own machine is free."""
    room = Room("a/m", "~own/m", policy="all", width=4)
    room.put()
    assert [(each.lane.id, each.extra) for each in room.starts()] == [("a/m", False), ("own/m", False)]
    room = Room("a/m", "b/m", policy="all", width=4)
    room.hopes.allowance = 0
    room.put()
    assert room.given() == [(1, "a/m")]
    room = Room("a/m", "b/m", policy="all", width=1)
    room.put()
    assert room.given() == [(1, "a/m")]


def test_all_whose_first_has_failed_already() -> None:
    """A line that ended before its companions were asked has none: it begins anew, once."""
    room = Room("a/m", "b/m", "c/m", policy="all", width=2)
    (case,) = room.put()
    first = room.next()
    room.desk.failed(first.number, SERVER, 0.0)
    starts = room.starts(0.0)
    assert len(case.out) == len(starts) == 2
    assert (room.desk.waiting, room.desk.lines_out) == (0, 1)
    room.desk.answered(starts[0].number, 1.0, 1)
    room.desk.stopped(starts[1].number)
    room.desk.saved()
    assert room.desk.is_idle
    assert room.starts(99.0) == []


def test_all_whose_first_has_answered_already() -> None:
    """A line that has its answer before its companions were asked has none."""
    room = Room("a/m", "b/m", policy="all", width=2)
    room.put()
    room.desk.answered(room.next().number, 0.0, 1)
    assert room.starts(0.0) == []


def test_a_lane_is_known_by_its_id() -> None:
    """A field that is drawn up anew has the same lanes as other objects: none is asked twice at a time."""
    for policy in ("frugal", "all"):
        room = Room("a/m", policy=policy, left=0)
        room.hopes.waits = {"a/m": 9.0}
        room.put()
        first = room.next()
        room.hopes.waits = {}
        room.suite.lanes = [replace(each) for each in room.suite.lanes]
        room.suite.sorted_at = -FOREVER
        assert first.lane.id == "a/m"
        room.hopes.lates = {"a/m": 1.0}
        room.hopes.prices = {"a/m": -9.0}
        assert room.given(20.0) == []


# ---------------------------------------------------------------- near the end


def test_near_the_end_no_slow_lane() -> None:
    """A lane that needs longer for one line than the others for all the rest gets none."""
    room = Room("fast/m", "slow/m", left=0)
    room.hopes.waits = {"slow/m": 60.0}
    room.put(6)
    assert room.given() == [(n, "fast/m") for n in (1, 2, 3, 4)]
    assert room.desk.waiting == 2


def test_in_the_middle_a_slow_lane_helps() -> None:
    """With many lines left, or nobody knows how many, whoever has room works."""
    for left in (None, 1000):
        room = Room("fast/m", "slow/m", left=left)
        room.hopes.waits = {"slow/m": 60.0}
        room.put(6)
        assert len(room.given()) == 6


def test_near_the_end_a_slow_lane_where_nobody_else_can() -> None:
    """Lanes that are kept out for long do not count among those who would be done sooner."""
    room = Room("fast/m", "slow/m", left=0)
    room.hopes.waits = {"slow/m": 60.0}
    room.shuts("fast/m", 5000.0)
    room.put(3)
    assert len(room.given()) == 3


def test_near_the_end_what_lanes_have_shown_counts() -> None:
    """A lane that answers as fast as it was seen to counts, also while it is kept out for a while."""
    room = Room("fast/m", "slow/m", left=0)
    room.hopes.waits = {"slow/m": 60.0}
    room.put(6)
    for start in room.starts():
        room.desk.answered(start.number, 1.0, 1)
        room.desk.saved()
    room.shuts("fast/m", 20.0)
    assert room.given(1.0) == [(5, "slow/m")]
    assert room.given(1.0) == []


def test_near_the_end_the_own_machine_counts() -> None:
    """A machine whose calls are not bounded is reckoned by what it needs for one."""
    room = Room("~own/m", "slow/m", left=0)
    room.hopes.waits = {"slow/m": 60.0}
    room.put(2)
    room.shuts("own/m", 0.5)
    assert room.given() == [(1, "slow/m")]
    assert room.given(0.5) == [(2, "own/m")]


def test_near_the_end_lines_that_only_the_slow_lane_can_hold() -> None:
    """Others do not count for a line that is too large for them: these would be asked one after another."""
    room = Room("fast/m", "slow/m", left=0)
    room.hopes.waits = {"slow/m": 60.0}
    room.put(4)
    room.larges = {"fast/m": {1, 2, 3, 4}}
    assert room.given() == [(n, "slow/m") for n in (1, 2, 3, 4)]


def test_cases() -> None:
    """Every line that has no result is on the desk once: fresh, out, or to be asked again."""
    room = Room("a/m", "b/m", policy="all", width=2)
    cases = room.put(4)
    starts = [room.next() for _ in range(6)]
    assert [case.prompt.line for case in room.desk.cases()] == [1, 2, 3, 4]
    room.desk.failed(starts[0].number, SERVER, 0.0)
    room.desk.failed(starts[1].number, SERVER, 0.0)
    room.desk.answered(starts[2].number, 0.0, 1)
    assert {case.prompt.line for case in room.desk.cases()} == {1, 3, 4}
    assert [case.done for case in cases] == [False, True, False, False]


# ---------------------------------------------------------------- whatever the order of facts

NAMES = ("a/m", "a/n", "b/m", "~own/m")
KINDS = st.sampled_from([*COUNTED, *HARMLESS])


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

    def taken(self, which: int) -> Start:
        return self.out.pop(list(self.out)[which % len(self.out)])

    @invariant()
    def everything_is_counted(self) -> None:
        desk = self.desk
        assert desk.out == len(self.out)
        assert desk.lines_out == len(self.lines_at_work())
        open_ = [case for case in self.cases if case.prompt.line not in self.ends]
        assert sorted(case.prompt.line for case in desk.cases()) == [case.prompt.line for case in open_]
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
        heads: dict[int, Case] = {}
        for case in desk.cases():
            if not case.out and case.reasons:
                assert not self.has_room(case)
            elif not case.out:
                heads.setdefault(id(case.suite), case)
        assert not any(self.has_room(case) for case in heads.values())

    def has_room(self, case: Case) -> bool:
        room = self.room
        return any(
            not room.pace.of(each).is_full
            and each.id not in room.shut
            and self.now >= room.pace.of(each).rests_until
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
