"""A clock of wall time that no jump of the machine's own clock moves: windows neither reopen nor skip.

Rule 1: it reads the wall once; from then on time is that reading plus the ticks that went by. Ticks are
        seconds that only run forward, also while the machine sleeps.
Rule 2: where the machine's clock has left ours, one of the two is wrong. A provider's Date decides.
"""

from __future__ import annotations

# Leap seconds and small corrections are no jumps. A Date has whole seconds and was written before it came:
# late by less than half of this it still decides rightly. The price: a reset seen so much too early or late.
TOLERANCE = 5.0


class Clock:
    """Unix seconds out of ticks. `wall` is what the machine's clock said when the ticks were `ticks`."""

    __slots__ = ("_ticks", "_wall")

    def __init__(self, wall: float, ticks: float) -> None:
        self._wall = wall
        self._ticks = ticks

    @property
    def anchor(self) -> tuple[float, float]:
        """The wall time and the ticks that belong together: who adopts them has the same time."""
        return self._wall, self._ticks

    def now(self, ticks: float) -> float:
        return self._wall + (ticks - self._ticks)

    def check(self, wall: float, ticks: float) -> float:
        """By how many seconds the machine's clock is ahead of ours (below 0: behind); 0.0 if they agree."""
        gap = wall - self.now(ticks)
        return gap if abs(gap) > TOLERANCE else 0.0

    def told(self, date: float, wall: float, ticks: float) -> bool:
        """A provider says that it is `date`. True where this sets the clock to `wall`, the machine's.

        The two must disagree and `date` be nearer to `wall` than half their gap: a provider whose own clock
        is wrong says nothing about ours. So a clock that was set right is followed, one set wrong is not.
        """
        if abs(date - wall) < abs(self.check(wall, ticks)) / 2:
            self.adopt(wall, ticks)
            return True
        return False

    def adopt(self, wall: float, ticks: float) -> None:
        """Take over the anchor of another process. Ticks begin anew at each boot: it must be of this one."""
        self._wall = wall
        self._ticks = ticks
