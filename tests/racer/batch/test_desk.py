"""racer/batch/desk.py: which line is asked next, of whom, and what becomes of it."""

from __future__ import annotations

import pytest

from racer.batch.desk import (
    ASKS_AGAIN,
    LEFT_ALONE,
    LONGEST_PAUSE,
    LOOK_AGAIN,
    OUTLASTS,
    PATIENT,
    SCANNED,
    WAITING,
)
from racer.batch.line import Failure
from racer.batch.pace import FIRST
from racer.core.breaker import Block
from racer_adapters.errors import Kind, WireError
from tests.racer.batch.room import DENIED, FOREVER, SERVER, Room, refused

# ---------------------------------------------------------------- whoever has room is given work


def test_nothing_to_do() -> None:
    """An empty desk has nothing to begin, and waits for nothing."""
    desk = Room("a/m").desk
    assert desk.next(0.0) is None
    assert desk.wake_at() == FOREVER
    assert desk.is_idle
    assert not desk.is_stuck
    assert desk.wants
    assert (desk.out, desk.lines_out, desk.waiting) == (0, 0, 0)


def test_lines_in_their_order_to_the_best_lane() -> None:
    """Lines begin in their order; the best lane is given as many as it has places, then the next."""
    room = Room("slow/m", "fast/m")
    room.hopes.waits = {"slow/m": 5.0}
    room.put(6)
    assert room.given() == [(n, "fast/m") for n in (1, 2, 3, 4)] + [(5, "slow/m"), (6, "slow/m")]
    assert (room.desk.out, room.desk.lines_out, room.desk.waiting) == (6, 6, 0)
    assert not room.desk.is_idle


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


def test_a_block_for_good() -> None:
    """For a key, credits or a model nobody waits, unless the lane may have meant one line."""
    for kind, answered, patience, waits in (
        (Kind.AUTH, 1, 0.5, False),
        (Kind.CREDIT, 1, 0.5, False),
        (Kind.NO_MODEL, 0, 0.5, False),
        (Kind.DENIED, 1, LEFT_ALONE, True),
        (Kind.DENIED, 1, 2 * LEFT_ALONE, False),
        (Kind.QUOTA, 0, 0.5, True),
    ):
        room = Room("a/m")
        track = room.pace.of(room.lanes[0])
        track.answered, track.patience = answered, patience
        room.shut["a/m"] = Block(900.0, "closed", stated=True, kind=kind)
        room.put()
        assert room.starts() == []
        assert room.desk.wake_at() == (900.0 if waits else FOREVER)


def test_a_lane_of_which_the_rate_was_learned() -> None:
    """It is asked no faster, whatever places it has."""
    room = Room("a/m")
    room.put(3)
    room.pace.of(room.lanes[0]).gap = 0.5
    assert room.given(10.0) == [(1, "a/m")]
    assert room.desk.wake_at() == 10.5
    assert room.given(10.4) == []
    assert room.given(10.5) == [(2, "a/m")]


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
    """A line that has failed goes to a lane that has not had it, at once."""
    room = Room("a/m", "b/m")
    room.put(2)
    start = room.next()
    assert start.lane.id == "a/m"
    assert room.desk.failed(start.number, SERVER, 1.0) is None
    assert room.desk.waiting == 2
    assert sorted(room.given(1.0)) == [(1, "b/m"), (2, "a/m")]


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


def test_a_suspect_comes_behind_the_others() -> None:
    """A line that may have closed a lane has its next turn behind fresh ones and other failures."""
    room = Room("a/m", "b/m", "c/m")
    room.put(2)
    first, second = room.next(), room.next()
    room.desk.failed(first.number, DENIED, 0.0)
    room.desk.failed(second.number, SERVER, 0.0)
    room.put()
    assert room.desk.waiting == 3
    given = room.given()
    assert sorted(given[:2]) == [(2, "b/m"), (3, "a/m")]
    assert given[2:] == [(1, "b/m")]


@pytest.mark.parametrize(("attempts", "requests"), [(PATIENT - 1, 2), (PATIENT, 6), (PATIENT + 1, 7)])
def test_an_outage_is_waited_out(attempts: int, requests: int) -> None:
    """For an hour it counts a quarter; by whom asks once or twice, and after the hour, it counts whole."""
    room = Room("a/m", attempts=attempts)
    room.put()
    made, failure = 0, None
    while failure is None:
        now = made * OUTLASTS / 3
        failure = room.desk.failed(room.next(now).number, SERVER, now, ill=True)
        made += 1
    assert made == requests


@pytest.mark.parametrize("error", [SERVER, DENIED])
def test_every_one_has_its_turn(error: WireError) -> None:
    """While requests are out, so many are looked at; the next look, a second later, goes on behind them."""
    room = Room("~own/m", "b/m", concurrency=999)
    own, other = room.suite_of("~own/m"), room.suite_of("b/m")
    room.put(4 * SCANNED - 1, own)
    room.put(2, other)
    starts = room.starts()
    for start in starts[:-1]:
        room.desk.failed(start.number, error, 0.0)
    own.lanes = []
    now, looks = 100.0, 0
    while not (given := room.given(now)):
        assert room.desk.wake_at() == now + LOOK_AGAIN
        now, looks = room.desk.wake_at(), looks + 1
    assert given == [(4 * SCANNED, "b/m")]
    assert looks == 3


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


# ---------------------------------------------------------------- beside others


def test_frugal_asks_a_second_lane_for_a_late_line() -> None:
    """A line that is later than 99 in 100 is given to a second lane, out of the allowance."""
    room = Room("a/m", "b/m", policy="frugal")
    room.hopes.waits, room.hopes.lates = {"a/m": 0.5}, {"a/m": 4.0}
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


# ---------------------------------------------------------------- near the end


def test_near_the_end_no_slow_lane() -> None:
    """A lane that needs longer for one line than the others for all the rest gets none."""
    room = Room("fast/m", "slow/m", left=0)
    room.hopes.waits = {"slow/m": 60.0}
    room.put(6)
    assert room.given() == [(n, "fast/m") for n in (1, 2, 3, 4)]
    assert room.desk.waiting == 2


def test_near_the_end_a_lane_that_rests_does_not_count() -> None:
    """Nobody waits for a fast lane that rests, where a slow one answers."""
    room = Room("slow/m", "fast/m", left=0)
    room.hopes.waits = {"slow/m": 60.0}
    refused(room, "fast/m")
    room.put(3)
    assert room.given() == [(n, "slow/m") for n in (1, 2, 3)]


def test_near_the_end_a_slow_lane_where_nobody_else_can() -> None:
    """Lanes that are kept out for long do not count among those who would be done sooner."""
    room = Room("fast/m", "slow/m", left=0)
    room.hopes.waits = {"slow/m": 60.0}
    room.shuts("fast/m", 5000.0)
    room.put(3)
    assert len(room.given()) == 3


def test_full() -> None:
    """Until a result is saved nothing can begin; where nothing is out, or it ends, it has to be looked at."""
    room = Room("a", concurrency=2)
    room.put(3)
    first, second = room.starts()
    assert not room.desk.is_full, "who is asked again may begin at once"
    room.desk.answered(first.number, 1.0, 10)
    assert room.desk.is_full
    assert room.desk.next(1.0) is None
    room.desk.saved()
    assert not room.desk.is_full
    room.desk.answered(second.number, 1.0, 10)
    assert not room.desk.is_full, "nothing is out"
