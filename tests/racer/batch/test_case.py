"""racer/batch/case.py: lines on the desk, their lanes, and when they are given up."""

from __future__ import annotations

import pytest

from racer.batch.case import ILL, ODD, RARELY, SORTED_FOR, SUSPICIOUS, Case, given_up
from racer.batch.line import Failure
from racer_adapters.errors import Kind, WireError
from tests.core.lanes import lane
from tests.racer.batch.room import BAD, CLOSED, NETWORK, OFF, SERVER, Room

A, B = lane("a/m"), lane("b/m")
OUTAGE = [Kind.OVERLOADED, Kind.SERVER, Kind.TIMEOUT, Kind.RESET]
OWN_FAULT = [Kind.INVALID, Kind.EMPTY, Kind.TOO_LONG, Kind.BAD_REQUEST, Kind.BLOCKED, Kind.NOT_JSON]


def case_of(*names: str) -> Case:
    """A line for these lanes."""
    (case,) = Room(*(names or ("a/m", "b/m", "c/m"))).put()
    return case


def failed(case: Case, *ends: tuple[str, WireError]) -> Case:
    """What it has met with, on lanes that were well."""
    for name, error in ends:
        case.blames(lane(name), error, ill=False, odd=False)
    return case


# ---------------------------------------------------------------- the order of lanes


def test_the_soonest_is_first() -> None:
    """By what an answer takes and what a request is worth together."""
    room = Room("a/m", "b/m", "c/m")
    room.hopes.waits, room.hopes.prices = {"a/m": 2.0, "b/m": 3.0}, {"c/m": 1.5}
    room.suite.sort(0.0)
    assert [each.id for each in room.suite.lanes] == ["a/m", "c/m", "b/m"]


def test_wishes_come_first() -> None:
    """A lane of a lower group comes first, however slow; who is in none is in the first."""
    room = Room("a/m", "b/m", "c/m")
    room.hopes.waits = {"c/m": 9.0}
    room.suite.groups = {"a/m": 2, "b/m": 1}
    room.suite.sort(0.0)
    assert [each.id for each in room.suite.lanes] == ["c/m", "b/m", "a/m"]


def test_sorted_anew_each_second() -> None:
    """What is expected of lanes is looked at once a second, and when the clock was set back."""
    room = Room("a/m", "b/m")
    first = list[str]()
    for now, slow in ((10.0, "b/m"), (10.9, "a/m"), (10.0 + SORTED_FOR, "a/m"), (9.0, "b/m")):
        room.hopes.waits = {slow: 5.0}
        room.suite.sort(now)
        first.append(room.suite.lanes[0].id)
    assert first == ["a/m", "a/m", "b/m", "a/m"]


def test_the_lanes_that_are_told() -> None:
    """One object for all lines, as long as no lane comes or goes."""
    suite = Room("a/m", "b/m").suite
    assert not suite.told
    suite.sort(0.0)
    told = suite.told
    assert sorted(lane.id for lane in told) == ["a/m", "b/m"]
    suite.sort(100.0)
    assert suite.told is told
    suite.lanes = suite.lanes[:1]
    suite.sort(200.0)
    assert suite.told == tuple(suite.lanes)


# ---------------------------------------------------------------- too large


@pytest.mark.parametrize(
    ("lanes", "large", "hopeless"),
    [
        (2, set[str](), False),
        (2, {"a/m"}, False),
        (2, {"a/m", "b/m"}, True),
        (1, {"a/m", "b/m"}, True),
        (0, {"a/m", "b/m"}, False),
        (0, set[str](), False),
    ],
)
def test_hopeless(lanes: int, large: set[str], hopeless: bool) -> None:
    """Too large for every lane there is; where there is none, nobody has found it too large."""
    case = case_of("a/m", "b/m")
    case.suite.lanes = case.suite.lanes[:lanes]
    case.large = large
    assert case.is_hopeless is hopeless


# ---------------------------------------------------------------- how much a failure counts


def test_what_is_kept_of_a_failure() -> None:
    """Whom it was asked of, and why it failed."""
    case = case_of()
    case.blames(A, SERVER, ill=False, odd=False)
    case.blames(B, OFF, ill=False, odd=False)
    assert case.tried == {"a/m", "b/m"}
    assert case.reasons == [("a/m", SERVER), ("b/m", OFF)]
    assert case.strikes == 1.0


def strikes(kind: Kind, *, ill: bool = False, odd: bool = False) -> float:
    case = case_of()
    case.blames(A, WireError(kind), ill=ill, odd=odd)
    return case.strikes


@pytest.mark.parametrize("ill", [False, True])
@pytest.mark.parametrize("kind", NETWORK)
def test_the_network_does_not_count(kind: Kind, ill: bool) -> None:
    """It says nothing of the line."""
    assert strikes(kind, ill=ill) == 0.0


@pytest.mark.parametrize("kind", OUTAGE)
def test_an_outage(kind: Kind) -> None:
    """Of a lane that was known to be ill it counts a quarter; else it is a failure like others."""
    assert (strikes(kind), strikes(kind, ill=True)) == (1.0, ILL)


@pytest.mark.parametrize("kind", OWN_FAULT)
def test_what_may_be_the_line_s_own_fault(kind: Kind) -> None:
    """It counts in full, also on a lane that was ill."""
    assert (strikes(kind), strikes(kind, ill=True)) == (1.0, 1.0)


def test_busy() -> None:
    """That a lane has too much to do counts a tenth, ill or not: nobody is asked for ever."""
    assert (strikes(Kind.RATE), strikes(Kind.RATE, ill=True)) == (RARELY, RARELY)


@pytest.mark.parametrize("kind", CLOSED)
def test_as_if_the_lane_were_closed(kind: Kind) -> None:
    """It counts where no other line has met with it, and then more than other failures."""
    assert strikes(kind) == strikes(kind, ill=True) == 0.0
    assert strikes(kind, odd=True) == strikes(kind, ill=True, odd=True) == ODD > 1.0


@pytest.mark.parametrize("kind", list(Kind))
def test_suspects(kind: Kind) -> None:
    """Who may have closed a lane for all, by what was met with last."""
    case = failed(case_of(), ("a/m", WireError(Kind.AUTH)), ("b/m", WireError(kind)))
    assert case.suspect is (kind in CLOSED)
    assert frozenset(CLOSED) == SUSPICIOUS


# ---------------------------------------------------------------- given up


def test_not_yet() -> None:
    """As long as its failures count as less than its attempts."""
    assert given_up(case_of(), 1) is None
    assert given_up(failed(case_of(), ("a/m", SERVER), ("a/m", SERVER)), 3) is None
    assert given_up(failed(case_of(), *[("a/m", OFF)] * 9), 1) is None


def test_given_up_at_once() -> None:
    """Of a single attempt, one failure is told as it is."""
    case = failed(case_of(), ("a/m", SERVER))
    assert given_up(case, 1) == Failure("server", "a/m: server: broken")


def test_given_up_after_its_attempts() -> None:
    """With the last one's kind and words, whatever that counted, and how many there were before."""
    case = failed(case_of(), ("a/m", SERVER), ("b/m", SERVER), ("c/m", OFF))
    failure = Failure("connect", "c/m: connect: nobody there (and 2 more failures before)")
    assert given_up(case, 2) == failure


def test_two_providers_are_believed() -> None:
    """A line that two providers refuse as wrong is given up, with what the last of them said."""
    case = failed(case_of(), ("a/m", BAD), ("b/m", OFF))
    assert given_up(case, 9) is None
    failed(case, ("c/m", WireError(Kind.BAD_REQUEST, "no")), ("b/m", SERVER))
    failure = Failure("bad_request", "c/m: bad_request: no (and 3 more failures before)")
    assert given_up(case, 9) == failure


def test_two_models_of_one_provider_are_one_word() -> None:
    """They say the same, for it is the provider that reads a request."""
    case = failed(case_of("a/m", "a/n", "b/m"), ("a/m", BAD), ("a/n", BAD))
    assert given_up(case, 9) is None


def test_one_provider_is_believed_where_there_is_no_other() -> None:
    """Of a single provider one refusal is enough: its other models would say the same."""
    case = failed(case_of("a/m", "a/n"), ("a/m", BAD))
    assert given_up(case, 9) == Failure("bad_request", "a/m: bad_request: wrong")
