"""An allowance of extra requests: what a race may send beside the one that its answer takes. Pure.

It bounds hedges whatever the plan believes: where nothing is answered, nothing is added, so an outage costs
what was in hand and no more.
"""

from __future__ import annotations

from racer.core.grant import TOLERANCE

EXTRA = 0.25
HIGHEST = 3.0
MOST = 20.0


class Allowance:
    """`extra` requests are added for each answer, up to `most`, which are in hand at first.

    With an `extra` of 0 there is none, ever. Raises ValueError where `extra` is not from 0 to HIGHEST.
    """

    __slots__ = ("_extra", "_most", "left")

    def __init__(self, extra: float = EXTRA, most: float = MOST) -> None:
        if not 0 <= extra <= HIGHEST:
            raise ValueError(f"extra has to be from 0 to {HIGHEST:g}, not {extra!r}")
        self._extra = extra
        self._most = most if extra > 0 else 0.0
        self.left = self._most

    @property
    def has(self) -> bool:
        """Whether an extra request may be sent now."""
        return self.left + TOLERANCE >= 1

    def take(self) -> bool:
        """Send an extra request, if there is one left: whether there was."""
        if not self.has:
            return False
        self.left = max(0.0, self.left - 1)
        return True

    def answered(self) -> None:
        """A race was answered."""
        self.left = min(self._most, self.left + self._extra)
