"""Leases: whole calls, never more than is left, less and less ahead of use; when there is room; alerts."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.grant import CAUTION, TOLERANCE, granted, opens_at, reached
from racer.core.quota import Meter, Wish
from racer.core.span import Rolling

AMOUNTS = st.one_of(st.integers(0, 10_000), st.floats(0, 10_000))


def wish(unit: str, need: float, size: float, ahead: float = 0.0) -> Wish:
    meter = Meter("m", "p", "p", "", unit, "minute", 100.0, Rolling(60.0))
    return Wish(meter, need, size, ahead)


def lease(wish_: Wish, left: float, processes: int = 1) -> float:
    return granted(wish_, limit=left, used=0.0, leased=0.0, processes=processes)


# ---------------------------------------------------------------- calls that wait


@pytest.mark.parametrize(
    ("need", "size", "left", "leased"),
    [
        (3, 1, 10, 3),
        (3, 1, 3, 3),
        (3, 1, 2, 2),
        (3, 1, 0, 0),
        (3, 1, -5, 0),
        (0, 1, 10, 0),
        (15_000, 5_000, 12_000, 10_000),
        (5_000, 5_000, 4_999, 0),
        (300, 5_000, 400, 300),
        (300, 5_000, 299, 0),
        (7_000, 5_000, 2_500, 2_000),
        (7_000, 5_000, 1_500, 0),
        (9, 0, 4, 4),
        (9, 0, -4, 0),
    ],
)
def test_only_whole_calls_are_leased(need: float, size: float, left: float, leased: float) -> None:
    """As many calls as fit; what `need` has over whole calls is the rest of one that is partly in hand."""
    assert lease(wish("requests", need, size), left) == leased


@pytest.mark.parametrize(
    ("unit", "need", "left", "leased"),
    [
        ("tokens", 2.0, 2.9, 2.0),
        ("tokens", 1.2, 5.0, 2.0),
        ("tokens", 3.0, 3.0 - TOLERANCE / 2, 3.0),
        ("usd", 0.25, 0.3, 0.25),
        ("neurons", 2.5, 2.5 - TOLERANCE / 2, 2.5),
        ("usd", 0.25, 0.2, 0.0),
    ],
)
def test_what_is_counted_in_whole_numbers_stays_whole(
    unit: str, need: float, left: float, leased: float
) -> None:
    """A call of 1.2 tokens takes two; dollars and neurons have fractions. Sums of those may be a hair off."""
    assert lease(wish(unit, need, need), left) == leased


def test_what_is_used_and_leased_is_not_there_to_lease() -> None:
    """Of a limit of 10, with 4 used and 3 leased by all, 3 are left."""
    assert granted(wish("requests", 9, 1), limit=10, used=4, leased=3, processes=1) == 3


# ---------------------------------------------------------------- calls to come


@pytest.mark.parametrize(
    ("need", "ahead", "left", "processes", "leased"),
    [
        (0, 10, 1000, 1, 10),
        (0, 10, 20, 1, 5),
        (0, 10, 20, 5, 1),
        (0, 10, 5, 8, 0),
        (4, 10, 20, 1, 8),
        (20, 10, 20, 1, 20),
        (0, 10, 3, 0, 0),
    ],
)
def test_leases_ahead_of_use_shrink_towards_the_limits_end(
    need: float, ahead: float, left: float, processes: int, leased: float
) -> None:
    """A quarter of an equal share of what is left after the need; nothing where that is less than a call."""
    assert lease(wish("requests", need, 1, ahead), left, processes) == leased


@given(
    unit=st.sampled_from(["requests", "tokens", "usd"]),
    need=AMOUNTS,
    size=AMOUNTS,
    ahead=AMOUNTS,
    limit=AMOUNTS,
    used=AMOUNTS,
    leased=AMOUNTS,
    processes=st.integers(0, 20),
)
def test_no_lease_overruns_and_none_is_negative(
    unit: str,
    need: float,
    size: float,
    ahead: float,
    limit: float,
    used: float,
    leased: float,
    processes: int,
) -> None:
    """Whatever is asked for: 0 <= lease <= what is left, and whole where the unit is."""
    amount = granted(
        wish(unit, need, size, ahead), limit=limit, used=used, leased=leased, processes=processes
    )

    assert amount >= 0
    assert amount <= max(0.0, limit - used - leased) + 2 * TOLERANCE
    assert unit == "usd" or amount == int(amount)


@given(calls=st.integers(1, 50), size=st.integers(1, 500), left=st.integers(0, 10_000))
def test_a_need_gets_all_there_is_in_whole_calls(calls: int, size: int, left: int) -> None:
    """Either all that was asked for, or so many calls that not one more fits."""
    amount = lease(wish("tokens", calls * size, size), left)

    assert amount == min(calls, left // size) * size


@given(
    ahead=st.integers(1, 1000),
    size=st.integers(1, 50),
    left=st.integers(0, 10_000),
    processes=st.integers(1, 9),
)
def test_nobody_holds_more_than_a_cautious_share_ahead(
    ahead: int, size: int, left: int, processes: int
) -> None:
    """If all processes lease ahead at once, three quarters of what was left are still there for needs."""
    assert lease(wish("tokens", 0, size, ahead), left, processes) <= left / (CAUTION * processes) + TOLERANCE


# ---------------------------------------------------------------- room again


@pytest.mark.parametrize(
    ("slots", "need", "opens"),
    [
        ([], 1, 50.0),
        ([], 10, 50.0),
        ([], 11, None),
        ([(60.0, 9)], 1, 50.0),
        ([(60.0, 9)], 2, 60.0),
        ([(50.0, 9)], 2, 50.0),
        ([(40.0, 9)], 2, 50.0),
        ([(70.0, 5), (60.0, 5)], 1, 60.0),
        ([(70.0, 5), (60.0, 5)], 5, 60.0),
        ([(70.0, 5), (60.0, 5)], 6, 70.0),
        ([(60.0, 3), (70.0, 12)], 1, 70.0),
        ([(inf, 10)], 1, None),
        ([(inf, 5), (60.0, 5)], 1, 60.0),
        ([(inf, 5), (60.0, 5)], 6, None),
    ],
)
def test_room_comes_back_slot_by_slot(
    slots: list[tuple[float, float]], need: float, opens: float | None
) -> None:
    """At 50, of a limit of 10: the first instant at which enough has ended. None where that is never."""
    assert opens_at(slots, 10.0, need, 50.0) == opens


@given(
    slots=st.lists(st.tuples(st.floats(0, 100), st.integers(0, 10))),
    need=st.integers(0, 12),
    now=st.floats(0, 100),
)
def test_it_is_the_first_instant_at_which_the_need_fits(
    slots: list[tuple[float, float]], need: int, now: float
) -> None:
    """The need fits then, and at no end of a slot before."""

    def fits(at: float) -> bool:
        return need <= 10 - sum(used for until, used in slots if until > at)

    opens = opens_at(slots, 10, need, now)

    instants = [now, *(until for until, _ in slots if until > now)]
    assert opens == min((at for at in instants if fits(at)), default=None)


# ---------------------------------------------------------------- alerts


@pytest.mark.parametrize(
    ("used", "limit", "levels"),
    [
        (0, 100, ()),
        (74, 100, ()),
        (75, 100, (0.75,)),
        (99, 100, (0.75, 0.9)),
        (100, 100, (0.75, 0.9, 1.0)),
        (120, 100, (0.75, 0.9, 1.0)),
        (0.3 + 0.6, 1, (0.75, 0.9)),
        (0, 0, ()),
        (1, 0, (0.75, 0.9, 1.0)),
    ],
)
def test_a_level_is_reached_when_its_share_is_used(
    used: float, limit: float, levels: tuple[float, ...]
) -> None:
    """Levels come in order, all of the limit is one of them, and nothing used reaches none."""
    assert reached([0.9, 0.75], used, limit) == levels
