"""racer_adapters/errors.py: one failure of one lane."""

from __future__ import annotations

import pytest

from racer_adapters.errors import Closed, Kind, WireError

DAY = Closed("requests", "day", 50.0)
FULL = WireError(Kind.RATE, "slow", status=429, retry_after=2.0, model_only=True, closed=DAY)


def test_errors_compare_by_value() -> None:
    """So that tests and tables can name one; any fact makes a difference."""
    again = WireError(
        Kind.RATE,
        "slow",
        status=429,
        retry_after=2.0,
        model_only=True,
        closed=Closed("requests", "day", 50.0),
    )
    assert again == FULL
    assert len({FULL, again}) == 1
    assert WireError(Kind.RATE, "slow", status=429, retry_after=2.0, model_only=True) != FULL
    assert WireError(Kind.RATE, "slow") != FULL
    assert FULL != "rate 429: slow"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FULL, "rate 429: slow"),
        (WireError(Kind.RATE, "slow"), "rate: slow"),
        (WireError(Kind.RATE, status=429), "rate 429"),
        (WireError(Kind.RATE), "rate"),
    ],
)
def test_an_error_says_its_class_its_status_and_why(error: WireError, text: str) -> None:
    """In one line, as far as they are known."""
    assert str(error) == text
    assert repr(error) == f"WireError({text})"


def test_another_text_keeps_the_facts() -> None:
    """For messages that were scrubbed."""
    assert FULL.replaced("[key]").facts() == (Kind.RATE, "[key]", 429, 2.0, True, DAY)


def test_a_kind_prints_as_its_value() -> None:
    """In logs, JSON and sentences."""
    assert [str(kind) for kind in Kind] == [kind.value for kind in Kind]
