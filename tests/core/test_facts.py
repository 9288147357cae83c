"""Facts are values: frozen, compared by what they say, one class for each event."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from racer.core.facts import (
    CacheHit,
    ClockJumped,
    CoolDownEnded,
    CoolDownStarted,
    Fact,
    FieldsDropped,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
    QuotaAlert,
    QuotaExhausted,
    QuotaReset,
    RaceEnded,
    RaceStarted,
    StoreHealed,
    StoreTroubled,
    fact_of,
)
from racer.core.heat import Ending, Outcome
from racer.core.quota import Alert
from racer.core.reply import Attempt
from tests.core.lanes import lane

A = lane("a/m")


def facts() -> list[Fact]:
    record = Attempt("a/m", "a", "m", 0.0, 1.0, Outcome.WON)
    return [
        RaceStarted("r", "all", 4, 60.0, (A,)),
        LaneStarted("r", 0, A, 0.0),
        LaneFirstToken("r", 0, A, 0.5, 0.5),
        FieldsDropped("r", A, ("seed",)),
        LaneEnded("r", 0, A, record),
        RaceEnded("r", Ending.WON, 1.0, 1, A),
        CoolDownStarted("r", "account a", 16.0, 15.0, "rate: slow down"),
        CoolDownEnded("r", "account a"),
        QuotaAlert("a requests/day", 0.9, 900.0, 1000.0, 1e9),
        QuotaExhausted("a requests/day", 1000.0, None, foreseen=True),
        QuotaReset("a requests/day", 1000.0),
        CacheHit("r", "k", 12.0, shared=False),
        StoreTroubled("database is locked", 0),
        StoreHealed(30.0),
        ClockJumped(-3600.0),
    ]


def test_every_kind_of_fact_is_here() -> None:
    """The union and this file name the same classes."""
    assert [type(fact) for fact in facts()] == list(get_args(Fact))


def test_a_fact_is_its_values() -> None:
    """Two of the same content are equal; those of a race name it, those of limits their meter."""
    assert facts() == facts()
    assert {getattr(fact, "race", "r") for fact in facts()} == {"r"}
    assert {getattr(fact, "meter", "a requests/day") for fact in facts()} == {"a requests/day"}


def test_what_may_be_left_out() -> None:
    """A race may have skipped nobody, and may have had no winner."""
    assert RaceStarted("r", "all", 4, 60.0, ()).skipped == ()
    assert RaceEnded("r", Ending.EXPIRED, 1.0, 1).winner is None


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: type(fact).__name__)
def test_a_fact_cannot_be_changed(fact: Fact) -> None:
    """An observer cannot spoil what the next one is told."""
    with pytest.raises(FrozenInstanceError):
        setattr(fact, type(fact).__match_args__[0], "other")


@pytest.mark.parametrize(
    ("alert", "fact"),
    [
        (Alert("m", "reached", 0.75, 75.0, 100.0, 9.0), QuotaAlert("m", 0.75, 75.0, 100.0, 9.0)),
        (
            Alert("m", "reached", 1.0, 100.0, 100.0, 9.0, brief=True),
            QuotaExhausted("m", 100.0, 9.0, foreseen=True, brief=True),
        ),
        (Alert("m", "unforeseen", 1.0, 3.0, 100.0), QuotaExhausted("m", 100.0, None, foreseen=False)),
    ],
)
def test_an_alert_is_a_fact(alert: Alert, fact: Fact) -> None:
    """All of a limit is its end, and so is a refusal that nobody foresaw."""
    assert fact_of(alert) == fact
