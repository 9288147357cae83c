"""What a heat orders: records."""

from __future__ import annotations

from racer.core.heat import Ending
from racer.core.moves import Halt, Start, Stop
from racer.core.view import Why
from tests.core.lanes import lane


def test_orders_are_told_apart_by_what_they_say() -> None:
    """A start that says no more is the first of its race, and costs nothing."""
    a, b = lane("a/m"), lane("b/m")

    assert Start(0, a) == Start(0, a, 0.0, Why.FIRST)
    assert Start(0, a) not in (Start(0, b), Start(1, a), Start(0, a, 0.5), Start(0, a, why=Why.LATE))
    assert Halt((1, 2)).lost == Stop(Ending.WON, (1, 2)).lost
