"""How a batch stands: what is done, what it has cost, who works on it, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaneProgress:
    """One lane's part in this run. `window`: how many requests it may have at once by now.

    `waits`: why nothing is sent to it, None while it works; `until`: to which instant, in unix seconds, None
    where nobody knows.
    """

    lane: str
    at_work: int
    window: int
    answered: int
    failed: int
    waits: str | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch at one instant. `total` is None while its input has not ended, as of a pipe.

    `done` and `failed` are lines that have ended, `earlier` those of both that had before this run. Tokens,
    `usd`, `attempts`, `elapsed` and `lanes` are this run's alone. `rate`: lines a second of late. `ends`:
    when it will be done, in unix seconds: eight in ten such batches end between the first and the last of
    them, half of them before the one in the middle.
    """

    total: int | None
    done: int
    failed: int
    earlier: int
    in_flight: int
    input_tokens: int
    output_tokens: int
    usd: float
    rate: float
    elapsed: float
    attempts: int
    lanes: tuple[LaneProgress, ...] = ()
    asleep_until: float | None = None
    why_asleep: str = ""
    ends: tuple[float, float, float] | None = None
    stopping: bool = False
