"""racer/batch/pace.py: how many calls at once a lane is given, learned from answers and from pushback."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.batch.pace import (
    CEILING_HOLDS,
    CEILING_MOST,
    FEW,
    FIRST,
    FIRST_GAP,
    FOREVER,
    LONGEST_GAP,
    LONGEST_REST,
    MOST_PATIENCE,
    QUICKENS,
    RATE_OVER,
    REFUSES,
    REST,
    SHORTEST,
    SLACKER,
    SLOWS,
    Pace,
    Track,
)
from racer_adapters.errors import Closed, Kind, WireError
from tests.core.lanes import lane

LANE, OTHER = lane("a/m"), lane("b/m")
OWN = lane("own/m", local=True)
RATE, OVERLOADED = WireError(Kind.RATE, "slow down"), WireError(Kind.OVERLOADED, "busy")
TIMEOUT, SERVER = WireError(Kind.TIMEOUT, "nothing came"), WireError(Kind.SERVER, "broken")


def full(pace: Pace, now: float, places: int | None = None) -> Track:
    """As many calls as it has places, or so many."""
    track = pace.of(LANE)
    wanted = track.places if places is None else places
    while track.flying < wanted:
        pace.started(LANE, now)
    return track


def climbed(pace: Pace, window: int, now: float = 0.0) -> Track:
    """A lane that answers while it is full, until it has so many places."""
    track = full(pace, now)
    while track.window < window:
        pace.answered(LANE, now, now + 1.0, 30)
        full(pace, now)
    return track


def pushed_back(pace: Pace, now: float, error: WireError = RATE) -> None:
    pace.failed(LANE, error, now, now)


def test_it_begins_with_few() -> None:
    """A lane of which nothing is known has FIRST places, and is full when they are taken."""
    pace = Pace()
    track = pace.of(LANE)
    assert track is pace.of(LANE)
    assert (track.places, track.flying, track.is_full) == (FIRST, 0, False)
    assert full(pace, 5.0).is_full
    assert track.started_at == 5.0
    pace.stopped(LANE)
    assert not track.is_full
    assert (track.answered, track.failed) == (0, 0)


def test_each_answer_makes_room_for_one_more() -> None:
    """While all its places are taken; an answer of one that is not full says nothing."""
    pace = Pace()
    track = full(pace, 0.0)
    pace.answered(LANE, 0.0, 1.0, 30)
    assert (track.window, track.flying, track.answered) == (FIRST + 1, FIRST - 1, 1)
    pace.answered(LANE, 0.0, 1.0, 30)
    assert track.window == FIRST + 1


def test_the_own_machine_is_not_bounded() -> None:
    """A machine of the user's own has a queue of its own: whatever it says, its places have no end."""
    pace = Pace()
    for _ in range(1000):
        pace.started(OWN, 0.0)
    track = pace.of(OWN)
    assert (track.places, track.is_full) == (FOREVER, False)
    pace.answered(OWN, 0.0, 1.0, 30)
    for _ in range(10):
        pace.failed(OWN, OVERLOADED, 1.0, 1.0)
    assert (track.places, track.is_full, track.window <= FIRST) == (FOREVER, False, True)


@pytest.mark.parametrize(
    "error",
    [
        RATE,
        OVERLOADED,
        WireError(Kind.RATE, "", closed=Closed()),
        WireError(Kind.RATE, "", closed=Closed("calls", "flight", 8.0)),
    ],
)
def test_halved_when_pushed_back(error: WireError) -> None:
    """Half of those that were under way, and from then on slowly up to just below what was too much."""
    pace = Pace()
    track = climbed(pace, 16)
    pushed_back(pace, 1.0, error)
    assert (track.window, track.places, track.flying, track.failed) == (8.0, 8, 15, 1)
    assert not track.climbs
    while track.flying > 7:
        pace.stopped(LANE)
    full(pace, 2.0)
    pace.answered(LANE, 2.0, 3.0, 30)
    assert track.window == 8.125


def test_half_of_what_was_under_way() -> None:
    """A lane that had fewer calls than places is given half of those, never less than one."""
    pace = Pace()
    track = climbed(pace, 16)
    while track.flying > 2:
        pace.stopped(LANE)
    pushed_back(pace, 1.0)
    assert track.window == 1.0


def test_once_for_all_that_were_under_way() -> None:
    """Calls that began before the last pushback say nothing new, neither bad nor good."""
    pace = Pace()
    track = climbed(pace, 16)
    pushed_back(pace, 5.0)
    pace.failed(LANE, RATE, 1.0, 5.0)
    pace.failed(LANE, RATE, 4.9, 6.0)
    assert track.window == 8.0
    full(pace, 5.5)
    pace.answered(LANE, 4.0, 6.0, 30)
    assert track.window == 8.0


@pytest.mark.parametrize(
    "error",
    [
        SERVER,
        WireError(Kind.AUTH),
        WireError(Kind.RATE, "", closed=Closed("requests", "minute")),
        WireError(Kind.RATE, "", closed=Closed("tokens", "day")),
        WireError(Kind.QUOTA),
    ],
)
def test_what_is_no_pushback(error: WireError) -> None:
    """A limit for a time is one, and no word on how many at once; nor is what is wrong otherwise."""
    pace = Pace()
    track = full(pace, 0.0)
    for _ in range(3):
        pushed_back(pace, 1.0, error)
    assert (track.window, track.failed, track.flying, track.climbs) == (FIRST, 3, 1, True)


@pytest.mark.parametrize("kind", [Kind.TIMEOUT, Kind.RESET, Kind.CONNECT])
def test_one_may_be_chance(kind: Kind) -> None:
    """One call that has run out of time is chance; two without an answer between are not."""
    pace = Pace()
    track = climbed(pace, 16)
    pushed_back(pace, 1.0, WireError(kind))
    assert track.window == 16
    pace.answered(LANE, 1.0, 2.0, 30)
    pushed_back(pace, 2.0, WireError(kind))
    assert track.window >= 16
    pushed_back(pace, 2.0, WireError(kind))
    assert track.window < 8


def test_alone() -> None:
    """A call that was alone has not failed for there being too many: nothing is too much from then on."""
    pace = Pace()
    track = pace.of(LANE)
    pace.started(LANE, 0.0)
    pushed_back(pace, 1.0)
    assert (track.window, track.climbs, track.ceiling) == (1.0, True, FOREVER)
    assert climbed(pace, 20, 2.0).window == 20


def test_what_was_too_much_is_its_ceiling_for_a_while() -> None:
    """It is not tried again until that has passed, then it is."""
    pace = Pace()
    track = climbed(pace, 8)
    pushed_back(pace, 1.0)
    for _ in range(200):
        full(pace, 2.0)
        pace.answered(LANE, 2.0, 3.0, 30)
    assert (track.places, track.ceiling) == (7, 7.0)
    for _ in range(20):
        full(pace, 200.0)
        pace.answered(LANE, 200.0, 201.0, 30)
    assert (track.places, track.ceiling) == (9, FOREVER)


def test_a_ceiling_that_shows_again_lasts_longer() -> None:
    """Each time twice as long, up to half an hour; one that shows higher up counts anew."""
    pace = Pace()
    now, lasts = 0.0, list[float]()
    climbed(pace, 8)
    track = pace.of(LANE)
    for _ in range(7):
        full(pace, now, 8)
        pushed_back(pace, now)
        lasts.append(track.ceiling_until - now)
        now = track.ceiling_until + 1
    assert lasts == [CEILING_HOLDS * n for n in (1, 2, 4, 8)] + [CEILING_MOST] * 3
    full(pace, now, 20)
    pushed_back(pace, now)
    assert (track.ceiling, track.ceiling_until - now) == (19.0, CEILING_HOLDS)


def calm(pace: Pace, seconds: float = 1.0) -> Track:
    """A lane of which is known how long it takes with few calls."""
    track = pace.of(LANE)
    for _ in range(FEW):
        pace.started(LANE, 0.0)
        pace.answered(LANE, 0.0, seconds, 70)
    return track


def late_answers(pace: Pace, count: int, seconds: float, tokens: int = 70) -> None:
    for _ in range(count):
        full(pace, 10.0)
        pace.answered(LANE, 10.0, 10.0 + seconds, tokens)


def test_a_lane_that_queues_by_itself() -> None:
    """Its calls take much longer than with few of them: it is given no more, and slowly fewer."""
    pace = Pace()
    track = calm(pace)
    late_answers(pace, 10, 1.0)
    before = track.window
    assert before == FIRST + 10
    late_answers(pace, 40, 2.5)
    assert not track.climbs
    steady = track.window
    late_answers(pace, 20, 2.5)
    assert track.window == steady > before
    late_answers(pace, 300, 9.0)
    assert FIRST <= track.window < FIRST + 1


def test_longer_answers_are_not_late() -> None:
    """It is the time for an answer of the same length that counts."""
    pace = Pace()
    track = calm(pace)
    late_answers(pace, 30, 10.0, tokens=970)
    assert track.window == FIRST + 30
    assert track.lateness() == pytest.approx(1.0)


def test_an_instant_answer() -> None:
    """A lane whose answers took no time at all is never called late, and nothing is divided by nothing."""
    pace = Pace()
    track = calm(pace, seconds=0.0)
    assert track.lateness() == 1.0
    late_answers(pace, 3, 5.0)
    assert track.window == FIRST + 3


def test_nothing_is_late_before_it_is_known() -> None:
    """Of a lane that was asked much from the beginning, nobody knows how long one takes alone."""
    track = Track(bounded=True, recent=9.0, calm=1.0, calm_of=FEW - 1)
    assert track.lateness() == 1.0


# ---------------------------------------------------------------- refusals

INVALID = WireError(Kind.INVALID, "turned down")


def refusals(pace: Pace, count: int, error: WireError = INVALID) -> list[float]:
    """How long it would rest after each."""
    rests: list[float] = []
    for _ in range(count):
        pace.started(LANE, 50.0)
        pace.failed(LANE, error, 50.0, 50.0)
        rests.append(max(0.0, pace.of(LANE).rests_until - 50.0))
    return rests


def other_answers(pace: Pace, now: float = 50.0) -> None:
    pace.started(OTHER, now)
    pace.answered(OTHER, now, now, 30)


def test_it_rests_longer_and_longer() -> None:
    """Who refuses one line after the other while another answers rests, up to five minutes."""
    pace = Pace()
    other_answers(pace)
    rests = refusals(pace, REFUSES + 7)
    assert rests[: REFUSES - 1] == [0.0] * (REFUSES - 1)
    assert rests[REFUSES - 1 :] == [REST * n for n in (1, 2, 4, 8, 16, 32)] + [LONGEST_REST] * 2
    pace.started(LANE, 400.0)
    pace.answered(LANE, 400.0, 401.0, 30)
    assert refusals(pace, REFUSES - 1) == [rests[-1]] * (REFUSES - 1)


def test_it_rests_until_its_time_is_over() -> None:
    """Not before so many refusals in a row, and not a moment longer than its rest."""
    pace = Pace()
    other_answers(pace)
    refusals(pace, REFUSES - 1)
    assert not pace.rests(LANE, 50.0)
    refusals(pace, 1)
    assert pace.rests(LANE, 50.0)
    assert pace.rests(LANE, 50.0 + REST - 0.01)
    assert not pace.rests(LANE, 50.0 + REST)
    assert not pace.rests(OTHER, 50.0)


def test_nobody_else_answers() -> None:
    """Who is the only one does not rest, nor who has others beside it that have not answered: whom to ask?"""
    pace = Pace()
    pace.started(OTHER, 50.0)
    pace.started(LANE, 50.0)
    pace.answered(LANE, 50.0, 50.0, 30)
    refusals(pace, 3 * REFUSES)
    assert pace.of(LANE).rests_until > 50.0
    assert not pace.rests(LANE, 50.0)


def test_nobody_else_answers_any_more() -> None:
    """A rest ends before its time when nobody else has answered for a minute, and goes on then."""
    pace = Pace()
    other_answers(pace)
    refusals(pace, 3 * REFUSES)
    assert pace.of(LANE).rests_until == 50.0 + LONGEST_REST
    assert pace.rests(LANE, 50.0 + RATE_OVER - 0.01)
    assert not pace.rests(LANE, 50.0 + RATE_OVER)
    other_answers(pace, 50.0 + 2 * RATE_OVER)
    assert pace.rests(LANE, 50.0 + 2 * RATE_OVER)


@pytest.mark.parametrize("error", [RATE, SERVER, WireError(Kind.AUTH), WireError(Kind.LOCAL)])
def test_what_is_no_refusal(error: WireError) -> None:
    """What says something of the lane is the breakers' matter; what is wrong here says nothing of it."""
    pace = Pace()
    other_answers(pace)
    assert refusals(pace, 3 * REFUSES, error) == [0.0] * (3 * REFUSES)


# ---------------------------------------------------------------- as if it were closed to all


def one_answer(pace: Pace) -> None:
    pace.started(LANE, 0.0)
    pace.answered(LANE, 0.0, 1.0, 30)


def odd(pace: Pace, line: int, started: float = 0.0) -> bool:
    return pace.is_odd(LANE, line, started, 1.0)


def test_odd() -> None:
    """A line that fails so alone, on a lane that has answered, is odd, as often as it does."""
    pace = Pace()
    one_answer(pace)
    assert [odd(pace, 7) for _ in range(3)] == [True] * 3
    assert pace.of(LANE).patience == 0.5


def test_closed() -> None:
    """Where several lines fail so one after the other, none of them is odd: it is closed."""
    pace = Pace()
    one_answer(pace)
    assert [odd(pace, line) for line in (7, 8, 7, 7)] == [True, False, False, False]
    one_answer(pace)
    assert [odd(pace, line) for line in (8, 7)] == [True, False]


def test_never_open() -> None:
    """Of a lane that has answered nobody no line is odd; another lane's answers do not count."""
    pace = Pace()
    other_answers(pace)
    assert not odd(pace, 7)
    assert not odd(pace, 7)


def test_left_alone_longer_and_longer() -> None:
    """Twice as long each time that it shows to be closed, up to an hour; an answer begins anew."""
    pace = Pace()
    track = pace.of(LANE)
    patience = list[float]()
    for line in range(9):
        pace.is_odd(LANE, line, float(line), line + 0.5)
        patience.append(track.patience)
    assert patience == [1, 2, 4, 8, 16, 32, MOST_PATIENCE, MOST_PATIENCE, MOST_PATIENCE]
    one_answer(pace)
    assert (track.patience, track.odd) == (0.5, None)


def test_under_way_together() -> None:
    """Calls that had begun when the first of them failed show no more than that one."""
    pace = Pace()
    patience = list[float]()
    for line, started in ((1, 0.0), (2, 0.5), (3, 0.9), (4, 1.0)):
        odd(pace, line, started)
        patience.append(pace.of(LANE).patience)
    assert patience == [1, 1, 1, 2]


# ---------------------------------------------------------------- a rate that nobody names


def answers_each(pace: Pace, seconds: float, count: int, since: float = 0.0) -> float:
    """So many answers, one each so many seconds; the instant of the last."""
    now = since
    for _ in range(count):
        pace.started(LANE, now)
        now += seconds
        pace.answered(LANE, now - seconds, now, 30)
    return now


def pushed_back_at(pace: Pace, now: float, error: WireError = RATE) -> Track:
    pace.started(LANE, now)
    pace.failed(LANE, error, now, now)
    return pace.of(LANE)


def test_no_gap_before_it_refuses() -> None:
    """A lane that refuses nothing is asked as fast as it has places."""
    pace = Pace()
    answers_each(pace, 1.0, 20)
    assert (pace.of(LANE).gap, pace.of(LANE).next_at) == (0.0, 19.0)


def test_the_rate_at_which_it_has_answered() -> None:
    """A little slower than its answers came since it was pushed back last."""
    pace = Pace()
    now = answers_each(pace, 2.0, 10)
    track = pushed_back_at(pace, now)
    assert track.gap == pytest.approx(SLACKER * 2.0)
    track.gap = 0.0
    now = answers_each(pace, 4.0, 5, since=1000.0)
    assert pushed_back_at(pace, now).gap == pytest.approx(SLACKER * 4.0)


def test_a_rate_of_one_that_has_not_answered() -> None:
    """It begins with about one a second; told so again without an answer between, nothing has changed."""
    pace = Pace()
    track = pushed_back_at(pace, 5.0)
    assert track.gap == FIRST_GAP * SLACKER
    pushed_back_at(pace, 6.0)
    assert pushed_back_at(pace, 7.0).gap == FIRST_GAP * SLACKER


def test_refused_together() -> None:
    """Many that were under way and are refused are one word, and of too many at once to begin with."""
    pace = Pace()
    track = climbed(pace, 16)
    for _ in range(16):
        pace.failed(LANE, RATE, 0.0, 5.0)
    assert (track.places, track.flying) == (8, 0)
    assert track.gap == 0


def test_too_fast() -> None:
    """Refused with no more calls than it did bear, it is too fast: it is asked at the rate of its answers."""
    pace = Pace()
    track = climbed(pace, 16)
    pace.failed(LANE, RATE, 0.0, 5.0)
    for _ in range(15):
        pace.stopped(LANE)
    for _ in range(4):
        pace.started(LANE, 10.0)
    pace.answered(LANE, 10.0, 14.0, 30)
    pace.failed(LANE, RATE, 10.0, 15.0)
    assert track.gap == pytest.approx(SLACKER * 15.0 / 13)


def test_slower_each_time_it_refuses() -> None:
    """Whatever its answers were like in between, up to half a minute."""
    pace = Pace()
    track = pushed_back_at(pace, 0.0)
    now, gaps = 1.0, [track.gap]
    for _ in range(20):
        now = answers_each(pace, 0.001, 1, since=now + 1.0)
        gaps.append(pushed_back_at(pace, now).gap)
    slower = [min(LONGEST_GAP, SLOWS * QUICKENS * gap) for gap in gaps[:-1]]
    assert gaps[1:] == pytest.approx(slower)
    assert gaps[-1] == LONGEST_GAP


def test_a_little_faster_with_each_answer() -> None:
    """Until the gap is so short that it is none."""
    pace = Pace()
    track = pushed_back_at(pace, 0.0)
    gap = track.gap
    answers_each(pace, 1.0, 1, since=5.0)
    assert track.gap == gap * QUICKENS
    while track.gap:
        assert track.gap > SHORTEST * QUICKENS * 0.99
        gap = track.gap
        answers_each(pace, 0.1, 1, since=10.0)
    assert gap <= SHORTEST


def test_the_next_start() -> None:
    """One gap behind the last; who comes late may not make up for it."""
    pace = Pace()
    track = pace.of(LANE)
    track.gap = 2.0
    pace.started(LANE, 10.0)
    assert track.next_at == 12.0
    pace.started(LANE, 11.0)
    assert track.next_at == 14.0
    pace.started(LANE, 100.0)
    assert track.next_at == 102.0


@pytest.mark.parametrize(
    "error",
    [OVERLOADED, TIMEOUT, SERVER, WireError(Kind.RATE, "", closed=Closed("requests", "minute"))],
)
def test_what_is_no_rate(error: WireError) -> None:
    """A limit that is named is known, and an overload is no rate."""
    pace = Pace()
    for n in range(3):
        assert pushed_back_at(pace, float(n), error).gap == 0.0


@pytest.mark.parametrize("seconds", [0.2, 1.0, 4.0])
def test_it_finds_a_rate_that_nobody_names(seconds: float) -> None:
    """Of a lane that takes one call each so many seconds, most is had, and few are refused."""
    pace, now, open_at, answered, refused = Pace(), 0.0, 0.0, 0, 0
    while now < 1000 * seconds:
        pace.started(LANE, now)
        if now < open_at:
            refused += 1
            pace.failed(LANE, RATE, now, now)
        else:
            answered, open_at = answered + 1, now + seconds
            pace.answered(LANE, now, now, 30)
        now = max(now + seconds / 20, pace.of(LANE).next_at)
    assert answered > 600
    assert refused < answered / 5


# ---------------------------------------------------------------- answers a second


def test_no_answers_no_rate() -> None:
    """A lane that has answered nothing has no rate."""
    assert Pace().of(LANE).per_second(100.0) == 0.0


def answers_at(pace: Pace, *instants: float) -> Track:
    for now in instants:
        pace.started(LANE, now)
        pace.answered(LANE, now, now, 1)
    return pace.of(LANE)


@pytest.mark.parametrize("seconds", [5, 20, 60, 120, 600])
def test_answers_a_second(seconds: int) -> None:
    """An answer every half second is two a second, after five seconds as well as after ten minutes."""
    track = answers_at(Pace(), *(n / 2 for n in range(2 * seconds)))
    assert track.per_second(float(seconds)) == pytest.approx(2.0, rel=0.12)


def test_a_burst_at_the_beginning() -> None:
    """What came within the first second counts as a second's."""
    track = answers_at(Pace(), *[7.0] * 12)
    assert track.per_second(7.0) == pytest.approx(12.0, rel=0.02)


def test_the_rate_is_forgotten() -> None:
    """A minute without an answer leaves nothing of it."""
    track = answers_at(Pace(), *(float(n) for n in range(60)))
    assert track.per_second(95.0) < 0.6
    assert track.per_second(120.0) == 0.0
    assert track.per_second(9999.0) == 0.0


# ---------------------------------------------------------------- whatever happens

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["start", "answer", "rate", "timeout", "server", "stop"]),
        st.floats(0.0, 30.0),
        st.integers(0, 2000),
    ),
    max_size=200,
)


@given(EVENTS)
def test_any_order(events: list[tuple[str, float, int]]) -> None:
    """Counts fit, there is always a place, and a window grows by one at the most."""
    pace, now, out, answered, failed = Pace(), 100.0, list[float](), 0, 0
    track = pace.of(LANE)
    for event, seconds, tokens in events:
        now += seconds
        before = track.window
        if event == "start":
            if not track.is_full:
                pace.started(LANE, now)
                out.append(now)
        elif not out:
            continue
        elif event == "answer":
            answered += 1
            pace.answered(LANE, out.pop(0), now, tokens)
        elif event == "stop":
            out.pop()
            pace.stopped(LANE)
        else:
            failed += 1
            pace.failed(LANE, {"rate": RATE, "timeout": TIMEOUT}.get(event, SERVER), out.pop(0), now)
            assert track.window <= before
        assert (track.flying, track.answered, track.failed) == (len(out), answered, failed)
        assert 1.0 <= track.window <= before + 1
        assert track.places >= 1
        assert track.per_second(now) >= 0
        assert 0 < track.holds <= CEILING_MOST
        assert track.gap == 0.0 or SHORTEST * QUICKENS * 0.99 < track.gap <= LONGEST_GAP
