"""The class of a failure, read from its words."""

from __future__ import annotations

import pytest

from racer.core.kinds import OTHER, kind_of
from racer_adapters.errors import Kind, WireError


@pytest.mark.parametrize("kind", Kind)
def test_what_a_record_holds(kind: Kind) -> None:
    """Every class is found again, with and without a status and a message."""
    assert kind_of(str(WireError(kind))) == kind
    assert kind_of(str(WireError(kind, "slow down: no", status=429))) == kind


@pytest.mark.parametrize("reason", [None, "", "oops", "rated 4: x", "Rate 429: x", ": rate"])
def test_other_words(reason: str | None) -> None:
    """Free text is never a class."""
    assert kind_of(reason) == OTHER
