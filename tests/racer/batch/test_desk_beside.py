"""racer/batch/desk.py: several lanes for one line, and who is asked for the last of them."""

from __future__ import annotations

from dataclasses import replace

from tests.racer.batch.room import FOREVER, SERVER, Room

# ---------------------------------------------------------------- a second lane for one that is late


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


def test_a_machine_of_ones_own_costs_nothing() -> None:
    """A second request on the user's own machine comes out of no allowance, and is no extra one."""
    room = Room("a/m", "~own/m", policy="frugal", left=0)
    room.shuts("own/m", 0.5)
    room.hopes.waits = {"a/m": 9.0}
    room.put()
    room.starts()
    (start,) = room.starts(2.0)
    assert (start.lane.id, start.extra, room.hopes.allowance) == ("own/m", False, 1000)


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


# ---------------------------------------------------------------- several at once


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


# ---------------------------------------------------------------- near the end


def test_in_the_middle_a_slow_lane_helps() -> None:
    """With many lines left, or nobody knows how many, whoever has room works."""
    for left in (None, 1000):
        room = Room("fast/m", "slow/m", left=left)
        room.hopes.waits = {"slow/m": 60.0}
        room.put(6)
        assert len(room.given()) == 6


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
