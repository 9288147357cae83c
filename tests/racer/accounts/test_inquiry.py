"""An inquiry: since when, and what it refuses."""

from __future__ import annotations

import pytest

from racer.accounts.inquiry import Inquiry, beginning
from racer.errors import BadRequest
from tests.racer.accounts.ledgers import NOW

SINCE = {
    "24h": NOW - 86_400,
    "1h30m": NOW - 5400,
    "99999d": 0.0,
    "2027-01-01": 1_798_761_600.0,
}


@pytest.mark.parametrize(("text", "at"), SINCE.items())
def test_a_beginning(text: str, at: float) -> None:
    """So long ago, or a day in UTC; not before there was a clock."""
    assert beginning(text, NOW) == at


@pytest.mark.parametrize(
    "text", ["", "7", "0d", "2027-02-30", "2027-13-01", "2028-01-01", "1960-01-01", "²h"]
)
def test_no_beginning(text: str) -> None:
    """A day that no month has, one to come, one before there was a clock, no time at all."""
    with pytest.raises(BadRequest, match="since=: found"):
        beginning(text, NOW)


def test_what_is_asked_without_a_word() -> None:
    """A week, and nothing more."""
    inquiry = Inquiry()

    assert inquiry.begins(NOW) == NOW - 7 * 86_400
    assert not inquiry.looks_ahead
    assert not inquiry.saved


@pytest.mark.parametrize("inquiry", [Inquiry(forecast=True), Inquiry(tokens_per_day=1e15)])
def test_a_rate_asks_for_a_forecast(inquiry: Inquiry) -> None:
    """As the word does."""
    assert inquiry.looks_ahead


@pytest.mark.parametrize("tokens", [0.0, -1.0, 2e15, float("nan"), float("inf")])
def test_what_nobody_can_use_in_a_day(tokens: float) -> None:
    """It is told what was found."""
    with pytest.raises(BadRequest, match=f"tokens_per_day=: found {tokens:g}; allowed: ".replace("+", r"\+")):
        Inquiry(tokens_per_day=tokens)
