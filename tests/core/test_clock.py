"""The clock that no jump moves: what changes nothing, and the one way in which it is set."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.clock import TOLERANCE, Clock

HOUR = 3600.0
DAY = 24 * HOUR
NOON = 1_800_000_000.0  # what the machine's clock said when its ticks were 100


def anchored() -> Clock:
    return Clock(NOON, 100.0)


# ---------------------------------------------------------------- time goes by


@pytest.mark.parametrize("asleep", [0.0, 0.25, 7.0, 10 * 60.0, 30 * DAY])
def test_time_is_the_anchor_and_the_ticks_since(asleep: float) -> None:
    """Every tick counts, also those that went by in sleep."""
    assert anchored().now(100.0 + asleep) == NOON + asleep


@pytest.mark.parametrize("jump", [-HOUR, DAY])
def test_a_jump_of_the_machine_changes_nothing(jump: float) -> None:
    """An hour back, a day forward: it is seen and said, and the time goes on as it did."""
    clock = anchored()

    assert clock.check(NOON + 10.0 + jump, 110.0) == jump
    assert clock.now(111.0) == NOON + 11.0
    assert clock.anchor == (NOON, 100.0)


@pytest.mark.parametrize(
    ("wall", "said"),
    [
        (NOON, 0.0),
        (NOON + TOLERANCE, 0.0),
        (NOON - TOLERANCE, 0.0),
        (NOON + TOLERANCE + 1.0, TOLERANCE + 1.0),
        (NOON - TOLERANCE - 1.0, -TOLERANCE - 1.0),
    ],
)
def test_a_small_gap_is_no_jump(wall: float, said: float) -> None:
    """Within the tolerance the clocks agree; beyond it all of the gap is said: above 0 is ahead."""
    assert anchored().check(wall, 100.0) == said


# ---------------------------------------------------------------- a provider's Date


@pytest.mark.parametrize("gap", [-HOUR, -6.0, 6.0, HOUR, 50 * 365 * DAY])
@pytest.mark.parametrize("late", [0.0, 1.0, 2.0])
def test_a_clock_set_right_is_followed(gap: float, late: float) -> None:
    """A machine that woke with a wrong clock: once a Date confirms the new time, it is ours."""
    clock = anchored()
    wall = NOON + 10.0 + gap

    assert clock.told(wall - late, wall, 110.0)
    assert clock.now(112.0) == wall + 2.0
    assert clock.check(wall + 2.0, 112.0) == 0.0


@pytest.mark.parametrize("gap", [-HOUR, -6.0, 6.0, HOUR, DAY])
@pytest.mark.parametrize("late", [0.0, 1.0, 2.0])
def test_a_clock_set_wrong_is_not_followed(gap: float, late: float) -> None:
    """The Date says what our clock says, so the machine's is the one that is wrong."""
    clock = anchored()

    assert not clock.told(NOON + 10.0 - late, NOON + 10.0 + gap, 110.0)
    assert clock.now(110.0) == NOON + 10.0


@pytest.mark.parametrize("date", [NOON - HOUR, NOON + 3 * HOUR, NOON + 70 * 365 * DAY, float("nan")])
def test_a_provider_with_a_wrong_clock_decides_nothing(date: float) -> None:
    """A Date that is far from both clocks confirms neither, whichever is nearer."""
    clock = anchored()

    assert not clock.told(date, NOON + HOUR, 100.0)
    assert clock.anchor == (NOON, 100.0)


@pytest.mark.parametrize("date", [NOON - HOUR, NOON, NOON + 3.0, NOON + HOUR])
def test_a_date_is_not_asked_while_the_clocks_agree(date: float) -> None:
    """Whatever a provider says of the time, the machine's clock and ours are two against one."""
    clock = anchored()

    assert not clock.told(date, NOON + 3.0, 100.0)
    assert clock.anchor == (NOON, 100.0)


# ---------------------------------------------------------------- processes of one boot


def test_who_adopts_an_anchor_has_its_time() -> None:
    """Two processes that started on either side of a jump agree, once one has taken the other's anchor."""
    first, second = anchored(), Clock(NOON + 10.0 - HOUR, 110.0)

    second.adopt(*first.anchor)

    assert second.anchor == first.anchor
    assert second.now(200.0) == first.now(200.0)


# ---------------------------------------------------------------- whatever happens

MOMENTS = st.lists(
    st.tuples(st.floats(0.0, 40 * DAY), st.floats(0.0, 4e9), st.booleans()), min_size=2, max_size=20
)


@given(MOMENTS)
def test_only_a_date_about_the_machines_time_moves_the_clock(
    moments: list[tuple[float, float, bool]],
) -> None:
    """Time runs on with the ticks through any walls; it leaps only to a wall that was confirmed."""
    clock = anchored()
    ticks = 100.0
    for elapsed, wall, confirmed in moments:
        ticks += elapsed
        before = clock.now(ticks)
        date = wall if confirmed else before
        moved = clock.told(date, wall, ticks)

        assert moved == (confirmed and abs(wall - before) > TOLERANCE)
        assert clock.now(ticks) == (wall if moved else before)


@given(st.lists(st.floats(0.0, 1e9), min_size=2, max_size=20))
def test_time_never_runs_back(ticks: list[float]) -> None:
    """As long as nobody sets it, more ticks are never an earlier time."""
    clock = Clock(NOON, 0.0)

    assert all(clock.now(one) <= clock.now(next_) for one, next_ in pairwise(sorted(ticks)))
