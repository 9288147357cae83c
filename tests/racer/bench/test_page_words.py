"""Figures and findings in words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from racer.bench.page_words import bounds, counted, lasting, moment, percent, rate, seconds, verdict


def compared(
    value: float, low: float | None, high: float | None, needed: int | None = None
) -> dict[str, Any]:
    apart = low is not None and high is not None and (low > 0 or high < 0)
    return {
        "a": "x",
        "b": "y",
        "share": "p50",
        "difference": {"value": value, "low": low, "high": high},
        "told_apart": apart,
        "rounds_needed": needed,
    }


def said(comparison: dict[str, Any]) -> str:
    return re.sub(r"<[^>]*>", "", verdict(comparison))


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (1.0, 2.0, "1.00 to 2.00"),
        (1.0, None, "at least 1.00"),
        (None, 2.0, "at most 2.00"),
        (None, None, "no bounds"),
        (0.0123, 2.0, "0.012 to 2.00"),
    ],
)
def test_bounds_are_open_where_nobody_knows(low: float | None, high: float | None, told: str) -> None:
    """None is no number."""
    assert bounds({"low": low, "high": high}) == told


def test_the_faster_one_stands_first() -> None:
    """Whichever way the difference was taken."""
    assert (
        said(compared(0.5, 0.2, 0.8)) == "x is faster than y: its median is 0.50 s less (0.20 s to 0.80 s)."
    )
    assert (
        said(compared(-0.5, -0.8, -0.2))
        == "y is faster than x: its median is 0.50 s less (0.20 s to 0.80 s)."
    )


def test_two_that_are_alike() -> None:
    """What may be, to both sides, and what it would take to know."""
    assert said(compared(0.1, -0.2, 0.4, 1234)) == (
        "x and y cannot be told apart by their median. The difference seen is 0.10 s; "
        "y may be 0.20 s faster, and x may be 0.40 s faster. "
        "About 1,300 rounds would tell, if it is the true one."
    )
    assert "too few to bound it." in said(compared(0.1, None, None))


def test_two_whose_bounds_say_more_than_the_finding() -> None:
    """A document from elsewhere may call two alike that its bounds tell apart: the bounds are told."""
    comparison = compared(0.5, 0.2, 0.8) | {"told_apart": False}

    assert "the true one is 0.20 s to 0.80 s." in said(comparison)


@pytest.mark.parametrize(
    ("share", "told"), [(0.0, "0 %"), (1.0, "100 %"), (0.004, "0.4 %"), (0.996, "99.6 %"), (0.225, "22 %")]
)
def test_a_little_is_not_nothing(share: float, told: str) -> None:
    """0 % and 100 % are said of what is."""
    assert percent(share) == told


def test_numbers_with_their_units() -> None:
    """As people write them."""
    assert (seconds(1.234), seconds(0.0412)) == ("1.23 s", "0.041 s")
    assert (rate(123.4), rate(9.87)) == ("123", "9.9")
    assert (counted(1, "lane"), counted(1200, "policy", "policies")) == ("1 lane", "1,200 policies")
    assert (lasting(60), lasting(600), lasting(9000)) == ("60 seconds", "10 minutes", "2.5 hours")
    assert moment(0) == '<time datetime="1970-01-01T00:00:00Z">1 January 1970, 00:00 UTC</time>'
    assert "none" in percent(None)
