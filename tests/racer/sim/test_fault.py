"""Which fault strikes which request."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from pathlib import Path
from random import Random

import pytest

from racer.sim.fault import KINDS, Fault, choose
from racer.sim.scene import REFUSALS
from racer.sim.spoil import SCRIPTS


def test_no_faults_no_harm() -> None:
    """A healthy provider has none."""
    assert choose((), 1, 0.0) is None


def test_always_is_the_default() -> None:
    """A fault without share and every strikes each request."""
    assert choose((Fault("hang"),), 1, 0.999999) == Fault("hang")


@pytest.mark.parametrize(("ordinal", "struck"), [(1, False), (2, False), (3, True), (4, False), (6, True)])
def test_every_nth(ordinal: int, *, struck: bool) -> None:
    """`every = n` strikes the n-th, the 2n-th, and no other."""
    assert (choose((Fault("hang", every=3),), ordinal, 0.0) is not None) is struck


def test_every_goes_before_shares() -> None:
    """Where both would strike, the one that was counted does."""
    counted = Fault("500", every=2)

    assert choose((Fault("hang"), counted), 2, 0.0) == counted
    assert choose((Fault("hang"), counted), 1, 0.0) == Fault("hang")


def test_shares_are_exact_side_by_side() -> None:
    """The share of each fault is its own, whatever stands before it."""
    faults = (Fault("500", share=0.2), Fault("503", share=0.3))
    struck = Counter(hit.kind if (hit := choose(faults, 1, n / 1000)) else "" for n in range(1000))

    assert struck == {"500": 200, "503": 300, "": 500}


def test_shares_hold_over_many_requests() -> None:
    """With drawn chances the share comes out."""
    chance = Random(5).random
    struck = sum(choose((Fault("hang", share=0.1),), n, chance()) is not None for n in range(20_000))

    assert 1850 < struck < 2150


def test_every_kind_is_scripted() -> None:
    """No name is known that nothing stands behind, and no option that is not a field."""
    assert REFUSALS.keys() | SCRIPTS.keys() == KINDS.keys()
    assert not REFUSALS.keys() & SCRIPTS.keys()
    assert set().union(*KINDS.values()) <= {field.name for field in fields(Fault)}


def test_every_kind_is_documented() -> None:
    """The page of the simulator names each fault and each of its options."""
    page = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text("utf-8")
    names = {*KINDS, *(option for options in KINDS.values() for option in options)}

    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
