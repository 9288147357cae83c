"""racer/batch/desk.py: lines that come up again, those that wait aside, and lanes that rest."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.batch.case import ILL, ODD, RARELY, Start
from racer.batch.desk import ASKS_AGAIN, FIRST_PAUSE, LOOK_AGAIN, OUTLASTS, PATIENT, SCANNED, WAITING
from racer.batch.line import Failure
from racer.batch.pace import LONGEST_REST, RATE_OVER, REST
from racer.core.breaker import Block
from racer_adapters.errors import Kind, WireError
from tests.racer.batch.room import CLOSED, COUNTED, DENIED, FOREVER, NETWORK, OFF, RATE, SERVER, Room, refused

# ---------------------------------------------------------------- what a failure says of its line


@pytest.mark.parametrize("kind", NETWORK)
def test_what_says_nothing_of_the_line(kind: Kind) -> None:
    """The network does not count against a line, however often."""
    room = Room("a/m", attempts=1)
    (case,) = room.put()
    for now in range(0, 10000, 100):
        assert room.desk.failed(room.next(now).number, WireError(kind, "no"), now) is None
    assert case.strikes == 0
    assert not case.suspect
    assert room.desk.waiting == 1


@pytest.mark.parametrize("kind", CLOSED)
def test_nobody_was_answered_either(kind: Kind) -> None:
    """A lane that has not answered anybody is closed to all: no line is to blame."""
    room = Room("a/m", attempts=1)
    (case,) = room.put()
    for now in range(0, 10000, 100):
        assert room.desk.failed(room.next(now).number, WireError(kind, "no"), now) is None
    assert case.strikes == 0
    assert case.suspect


@pytest.mark.parametrize("kind", CLOSED)
def test_a_lane_that_closes_for_all(kind: Kind) -> None:
    """Where a lane that has answered closes, the first line to meet with it is blamed, once."""
    room = Room("a/m", attempts=3)
    cases = room.put(4)
    room.desk.answered(room.next().number, 0.0, 1)
    for now in range(0, 1000, 100):
        for start in room.starts(now):
            assert room.desk.failed(start.number, WireError(kind, "no"), now) is None
    assert [case.strikes for case in cases[1:]] == [ODD, 0.0, 0.0]


def test_an_answer_between_tells_odd_lines_apart() -> None:
    """Two odd lines are each given up, where the lane answers others between."""
    room = Room("a/m", attempts=1)
    room.put(4)
    ends = list[Failure | None]()
    for start in room.starts():
        if start.case.prompt.line % 2:
            room.desk.answered(start.number, 1.0, 1)
        else:
            ends.append(room.desk.failed(start.number, DENIED, 1.0))
    assert ends == [Failure("denied", "a/m: denied: not you")] * 2


def test_a_busy_lane_counts_a_tenth() -> None:
    """A line is not pushed back for ever: after ten times as many it is given up."""
    room = Room("a/m", attempts=2)
    room.put()
    now, failure, requests = 0.0, None, 0
    while failure is None:
        now += 100.0
        failure = room.desk.failed(room.next(now).number, RATE, now)
        requests += 1
    assert requests == pytest.approx(2 / RARELY, abs=1)
    assert failure.code == "rate"


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


def test_it_is_odd_that_fails_where_others_are_answered() -> None:
    """A line that is refused as if a lane were closed is given up, where this lane answers other lines."""
    room = Room("a/m", attempts=3)
    room.put(3)
    ends = list[Failure | None]()
    for now in (0.0, 100.0):
        starts = room.starts(now)
        odd = next(start for start in starts if start.case.prompt.line == 1)
        for start in starts:
            if start is not odd:
                room.desk.answered(start.number, now, 1)
        ends.append(room.desk.failed(odd.number, DENIED, now))
    assert ends == [None, Failure("denied", "a/m: denied: not you (and 1 more failures before)")]


def test_an_answer_begins_the_hour_anew() -> None:
    """As long as somebody answers now and then, an outage may yet end."""
    room = Room("a/m", attempts=PATIENT)
    (case,) = room.put()
    for n in range(11):
        now = n * OUTLASTS
        assert room.desk.failed(room.next(now).number, SERVER, now, ill=True) is None
        room.put()
        room.desk.answered(room.next(now).number, now + 1.0, 1)
        room.desk.saved()
    assert case.strikes == 11 * ILL


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


# ---------------------------------------------------------------- whose turn it is


def test_a_suspect_no_more() -> None:
    """It is what a line has met with last that counts: another suspect comes behind it."""
    room = Room("a/m", "b/m", "c/m")
    room.put()
    room.desk.failed(room.next().number, DENIED, 0.0)
    again = room.next()
    room.put()
    room.desk.failed(room.next().number, DENIED, 0.0)
    room.desk.failed(again.number, SERVER, 0.0)
    assert room.given() == [(1, "c/m"), (2, "b/m")]


def test_those_without_a_lane_keep_nobody_back() -> None:
    """However many lines wait for a server that has gone, one behind them has its lane when it may."""
    room = Room("~own/m", "b/m", concurrency=999)
    own, other = room.suite_of("~own/m"), room.suite_of("b/m")
    room.put(3 * SCANNED, own)
    for start in room.starts():
        room.desk.failed(start.number, OFF, 0.0)
    room.put(1, other)
    room.desk.failed(room.next().number, SERVER, 0.0)
    own.lanes = []
    assert room.starts() == []
    assert room.desk.is_stuck
    assert room.desk.wake_at() == FIRST_PAUSE
    assert room.given(FIRST_PAUSE) == [(3 * SCANNED + 1, "b/m")]


def test_nobody_at_all() -> None:
    """Where all the lanes of all that wait have gone, nothing is worth waiting for."""
    room = Room("~own/m", concurrency=999)
    room.put(3 * SCANNED)
    for start in room.starts():
        room.desk.failed(start.number, OFF, 0.0)
    room.suite.lanes = []
    assert room.starts(50.0) == []
    assert room.desk.wake_at() == FOREVER
    assert room.desk.is_stuck


def test_each_kind_of_line_has_its_lanes() -> None:
    """Lines that wait for their own lanes do not keep back those of others."""
    room = Room("a/m", "b/m")
    room.shuts("a/m", 100.0)
    room.put(2, room.suite_of("a/m"))
    room.put(2, room.suite_of("b/m"))
    assert room.given() == [(3, "b/m"), (4, "b/m")]


# ---------------------------------------------------------------- lanes that are kept out


def test_a_lane_that_rests() -> None:
    """It is given nothing until its rest is over, and then something."""
    room = Room("b/m", "a/m")
    room.hopes.waits = {"b/m": 5.0}
    refused(room, "a/m")
    room.put(2)
    room.shuts("b/m", 100.0)
    assert room.given() == []
    assert room.desk.wake_at() == LOOK_AGAIN
    assert room.given(REST - 0.01) == []
    assert room.desk.wake_at() == REST
    assert room.given(REST) == [(1, "a/m"), (2, "a/m")]


def test_a_rest_ends_when_nobody_else_answers() -> None:
    """A lane that rests for minutes is asked before, when the others have not answered for a minute."""
    room = Room("b/m", "a/m")
    refused(room, "a/m")
    room.pace.of(room.lanes[1]).rests_until = LONGEST_REST
    room.put()
    room.shuts("b/m", FOREVER)
    now = 0.0
    while not (given := room.given(now)):
        assert now < room.desk.wake_at() <= now + LOOK_AGAIN
        now = room.desk.wake_at()
    assert given == [(1, "a/m")]
    assert RATE_OVER <= now < RATE_OVER + LOOK_AGAIN


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


# ---------------------------------------------------------------- too large


def test_too_large_for_some_and_no_room_aside() -> None:
    """Where very many wait aside already, a large line keeps back those behind it."""
    room = Room("a/m", "b/m")
    room.put(WAITING + 2)
    room.larges = {"a/m": set(range(1, WAITING + 2))}
    room.shuts("b/m", 5.0)
    assert room.given() == []
    assert room.desk.waiting == WAITING + 2
    assert room.desk.hopeless == []


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


@pytest.mark.parametrize("error", [SERVER, DENIED])
def test_lanes_that_have_gone_make_no_failed_line_hopeless(error: WireError) -> None:
    """The same of a line that was too large for one of them, and has failed on the other."""
    room = Room("~a/m", "~b/m")
    room.put()
    room.larges = {"a/m": {1}}
    room.desk.failed(room.next().number, error, 0.0)
    lanes = room.suite.lanes
    room.suite.lanes = []
    assert room.starts(100.0) == []
    assert room.desk.hopeless == []
    assert room.desk.waiting == 1
    room.suite.lanes = lanes
    assert room.given(101.0) == [(1, "b/m")]


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
