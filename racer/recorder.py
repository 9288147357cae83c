"""Facts on their way to the store: taken from the races without waiting, handed over in batches."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from racer.core.facts import LaneEnded, LaneFirstToken, LaneStarted, RaceEnded, RaceStarted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.facts import Fact

MOST = 500_000  # facts: some hundred megabytes, when the disk has been full for hours
KEPT = frozenset({RaceStarted, LaneStarted, LaneFirstToken, LaneEnded, RaceEnded})

Note = tuple[float, "Fact"]


class Recorder:
    """`lost` counts what had to be given up because nobody could write it down for too long."""

    def __init__(self) -> None:
        self._notes: deque[Note] = deque()
        self.lost = 0

    def __len__(self) -> int:
        return len(self._notes)

    def note(self, at: float, fact: Fact) -> bool:
        """Keep `fact`, seen at `at` (unix seconds), if it is one of those that are recorded."""
        if type(fact) not in KEPT:
            return False
        if len(self._notes) >= MOST:
            self._notes.popleft()
            self.lost += 1
        self._notes.append((at, fact))
        return True

    def take(self) -> Sequence[Note]:
        """All of them, for one batch."""
        notes = tuple(self._notes)
        self._notes.clear()
        return notes

    def take_back(self, notes: Sequence[Note]) -> None:
        """The batch could not be written. What is too much goes, the oldest first."""
        self._notes.extendleft(reversed(notes))
        while len(self._notes) > MOST:
            self._notes.popleft()
            self.lost += 1
