"""How long a lane may keep its race waiting: the three limits, and the timer that moves in steps."""

from __future__ import annotations

import pytest

from racer.core.patience import Patience
from racer_adapters.errors import Kind


def test_a_stream_is_watched_at_three_points() -> None:
    """Half of the timeout for the first piece, a third between two, the timeout in all."""
    assert Patience(15.0, 10.0, 30.0) == Patience.of(30.0, stream=True)


def test_a_whole_answer_has_only_the_total() -> None:
    """It shows nothing before its end, so nothing can be missed earlier."""
    assert Patience(30.0, 30.0, 30.0) == Patience.of(30.0, stream=False)


@pytest.mark.parametrize(
    ("deadline", "now", "moved"),
    [
        (15.0, 1.0, 11.0),  # the first piece: from now on the pause counts, which may be sooner
        (11.0, 1.5, 11.0),  # too small a step to touch the timer
        (11.0, 2.5, 12.5),  # an eighth of the pause has gone by
        (25.0, 19.0, 29.0),
        (29.0, 28.0, 29.0),  # the total allows one second more: not worth a step
        (25.0, 24.0, 30.0),  # never beyond the total
    ],
)
def test_the_deadline_moves_with_the_pieces(deadline: float, now: float, moved: float) -> None:
    """Never past the total, and not at every piece."""
    assert moved == Patience.of(30.0, stream=True).moved(deadline, started=0.0, now=now)


@pytest.mark.parametrize(
    ("started", "age", "text"),
    [
        (False, 15.0, "no token within 15 s"),
        (True, 19.0, "stalled: nothing for 10 s in the middle of the reply"),
        (True, 30.0, "not finished within 30 s"),
        (False, 30.0, "not finished within 30 s"),
    ],
)
def test_a_lane_that_is_given_up_is_told_why(started: bool, age: float, text: str) -> None:
    """Each of the three limits has words of its own."""
    error = Patience.of(30.0, stream=True).lost(started=started, age=age)

    assert (Kind.TIMEOUT, text) == (error.kind, error.message)


def test_a_reader_has_no_total() -> None:
    """What goes on coming may go on; a silence is borne as long as usual, and no longer than the deadline."""
    assert Patience(15.0, 10.0, float("inf")) == Patience.with_reader(30.0, deadline=60.0)
    assert Patience(15.0, 2.0, float("inf")) == Patience.with_reader(30.0, deadline=2.0)
