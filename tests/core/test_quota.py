"""The vocabulary of quotas: what is left, and that facts are facts."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from racer.core.quota import Alert, Report, Spend, Standing, Tidings, Truth, Wish
from racer.core.span import Rolling, Slot
from tests.core.till import meter

REQUESTS = meter("requests", 100.0, Rolling(60.0))


@pytest.mark.parametrize(
    ("used", "leased", "left"),
    [(0, 0, 100), (40, 25, 35), (100, 0, 0), (90, 10, 0), (400, 0, 0), (95, 10, 0)],
)
def test_what_is_left_is_in_no_slot_and_in_no_lease(used: float, leased: float, left: float) -> None:
    """Never less than nothing, however much the provider says was used."""
    assert Standing(100, used, leased, None).left == left


def test_a_report_may_be_empty() -> None:
    """Facts alone are reason enough for an exchange; so is a sign of life."""
    assert (Report().spends, Report().back, Report().wishes) == ((), (), ())
    assert (dict(Tidings().granted), dict(Tidings().standings), Tidings().alerts) == ({}, {}, ())


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        (REQUESTS, "amount"),
        (Wish(REQUESTS, 1.0, 1.0), "need"),
        (Truth(REQUESTS, "header"), "used"),
        (Alert("m", "reached", 0.75, 75.0, 100.0), "level"),
    ],
)
def test_facts_do_not_change(fact: object, name: str) -> None:
    """What was told is what was told."""
    with pytest.raises(FrozenInstanceError):
        setattr(fact, name, 9.0)


def test_by_default_a_limit_is_the_users_own_and_a_truth_was_foreseen() -> None:
    """Only what a catalogue or a refusal says is marked otherwise."""
    assert REQUESTS.own
    assert REQUESTS.source == "configured"
    assert Truth(REQUESTS, "header").foreseen


def test_what_is_told_again_makes_no_room() -> None:
    """It may have been heard already: what was used counts once more, nothing is taken off or given back."""
    slot = Slot(0.0, 60.0)
    wish, truth = Wish(REQUESTS, 1.0, 1.0), Truth(REQUESTS, "header")
    spends = Spend(REQUESTS, slot, 3.0, 2.0), Spend(REQUESTS, slot, -3.0, 1.0)
    report = Report(spends, ((REQUESTS, 5.0),), (wish,), (truth,), (REQUESTS,))

    assert report.again() == Report((Spend(REQUESTS, slot, 3.0, 0.0),), (), (wish,), (truth,), (REQUESTS,))
