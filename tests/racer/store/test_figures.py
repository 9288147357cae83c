"""What is stored as a number can be added up; a day is that of UTC."""

from __future__ import annotations

import pytest

from racer.store.figures import MOST, amount, count, date


@pytest.mark.parametrize(("number", "kept"), [(-5, 0), (0, 0), (7, 7), (10**30, MOST)])
def test_a_count_has_limits(number: int, kept: int) -> None:
    """It is neither less than nothing nor more than SQLite can hold, however many are added."""
    assert count(number) == kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [(0.25, 0.25), (-1.0, 0.0), (float("inf"), 0.0), (float("-inf"), 0.0), (float("nan"), 0.0)],
)
def test_an_amount_is_a_number(value: float, kept: float) -> None:
    """What is none would make a sum of it that is none for good."""
    assert amount(value) == kept


@pytest.mark.parametrize(
    ("at", "day"), [(0.0, "1970-01-01"), (86399.9, "1970-01-01"), (1_800_000_000.0, "2027-01-15")]
)
def test_the_day_of_an_instant(at: float, day: str) -> None:
    """From midnight to midnight in UTC."""
    assert date(at) == day
