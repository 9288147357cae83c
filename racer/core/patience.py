"""How long a lane may keep its race waiting."""

from __future__ import annotations

from dataclasses import dataclass

from racer_adapters.errors import Kind, WireError

FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: until the first piece of a reply, between two pieces, and in all."""

    first: float
    idle: float
    total: float

    @classmethod
    def of(cls, timeout: float, *, stream: bool) -> Patience:
        """From a provider's `timeout`. An answer in one piece shows nothing before its end."""
        return cls(timeout / 2, timeout / 3, timeout) if stream else cls(timeout, timeout, timeout)

    @classmethod
    def with_reader(cls, timeout: float, deadline: float) -> Patience:
        """With somebody who reads what comes: it may take as long as it goes on coming."""
        return cls(timeout / 2, min(timeout / 3, deadline), FOREVER)

    def moved(self, deadline: float, *, started: float, now: float) -> float:
        """The deadline after a piece has come at `now`.

        It moves in steps of an eighth of `idle`, for moving a timer costs more than reading a piece.
        """
        until = min(now + self.idle, started + self.total)
        return until if until < deadline or until - deadline > self.idle / 8 else deadline

    def lost(self, *, started: bool, age: float) -> WireError:
        """What is said of a lane that was given up at `age`; `started` when a piece had come."""
        if age >= self.total:
            return WireError(Kind.TIMEOUT, f"not finished within {self.total:g} s")
        if started:
            return WireError(Kind.TIMEOUT, f"stalled: nothing for {self.idle:g} s in the middle of the reply")
        return WireError(Kind.TIMEOUT, f"no token within {self.first:g} s")
