"""Who rests, what went wrong last, who answers now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racer.core.facts import ClockJumped, CoolDownEnded, CoolDownStarted
from racer.core.heat import Ending, Outcome
from racer.server.condition import LONGEST_MESSAGE, Condition, Rest, Serving, Trouble
from tests.racer.server.rooms import BOX, A, B, ends, over, started

if TYPE_CHECKING:
    from racer.core.provider import Lane


def cooled(scope: str, until: float) -> CoolDownStarted:
    return CoolDownStarted("r", scope, until, 15.0, "rate: slow\ndown")


def test_rests() -> None:
    """Of all that keep a lane out, the one that lasts longest; what is over keeps nobody out."""
    condition = Condition()
    assert condition.rest_of(A, 0.0) is None
    for fact in (cooled("lane a/m", 110.0), cooled("account a", 120.0), cooled("provider b", 90.0)):
        condition.observe(fact, 1000.0)

    assert condition.rest_of(A, 100.0) == Rest("account a", 120.0, "rate: slow down")
    assert condition.rest_of(A, 120.0) is None
    assert condition.rest_of(B, 100.0) is None
    condition.observe(CoolDownEnded("r", "account a"), 1001.0)
    assert condition.rest_of(A, 100.0) == Rest("lane a/m", 110.0, "rate: slow down")
    condition.observe(CoolDownEnded("r", "account a"), 1002.0)


def test_the_last_error() -> None:
    """Its class and its words, on one line and not too long."""
    condition = Condition()
    condition.observe(ends(Outcome.FAILED, reason="server 500: oh\nno" + "!" * 999, status=500), 1000.0)
    condition.observe(ends(Outcome.FAILED, on=B), 1001.0)

    trouble = condition.troubles["a"]
    assert trouble[:4] == (1000.0, "a/m", "server", 500)
    assert trouble.message.startswith("oh no!!")
    assert len(trouble.message) == LONGEST_MESSAGE + 1
    assert condition.troubles["b"] == Trouble(1001.0, "b/m", "other", None, "")


def test_the_last_answer() -> None:
    """A lane that was stopped has said nothing of itself."""
    condition = Condition()
    condition.observe(ends(Outcome.LOST), 1000.0)
    assert condition.answered == {}
    condition.observe(ends(Outcome.LATE), 1001.0)
    condition.observe(ends(on=B), 1002.0)
    assert condition.answered == {"a": 1001.0, "b": 1002.0}


def test_who_serves() -> None:
    """Since when it is the same provider: a fallback to the local one is seen by it."""
    condition = Condition()
    condition.observe(over(), 1000.0)
    condition.observe(over(), 1002.0)
    assert condition.serving == Serving("a/m", "a", local=False, since=1000.0, at=1002.0)

    condition.observe(over(winner=BOX), 1003.0)
    assert condition.serving == Serving("box/m", "box", local=True, since=1003.0, at=1003.0, fallback=True)


@pytest.mark.parametrize("ending", [Ending.EXHAUSTED, Ending.ABORTED])
def test_races_without_a_winner(ending: Ending) -> None:
    """Nobody has won every race since; whoever wins next begins anew."""
    condition = Condition()
    condition.observe(over(ending), 999.0)
    assert condition.serving is None
    condition.observe(over(), 1000.0)
    condition.observe(over(ending), 1001.0)
    assert condition.serving == Serving("a/m", "a", local=False, since=None, at=1000.0)
    condition.observe(over(), 1002.0)
    assert condition.serving == Serving("a/m", "a", local=False, since=1002.0, at=1002.0)


@pytest.mark.parametrize(("lanes", "fallback"), [((BOX,), False), ((A, BOX), True)])
def test_falling_back(lanes: tuple[Lane, ...], fallback: bool) -> None:
    """Who asks this machine alone has chosen it."""
    condition = Condition()
    condition.observe(started("r", *lanes), 999.0)
    condition.observe(over(winner=BOX), 1000.0)

    assert condition.serving is not None
    assert condition.serving.fallback is fallback


def test_what_says_nothing_of_lanes() -> None:
    """Facts of the clock change nothing here."""
    condition = Condition()
    condition.observe(ClockJumped(1.0), 2.0)
    assert (condition.serving, condition.troubles, condition.answered) == (None, {}, {})
