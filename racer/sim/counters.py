"""What happened at each provider, counted. Time comes in as an argument: seconds of the monotonic clock.

Rule 1: every question that comes in is `started` and `open`, and leaves `open` by exactly one outcome.
Rule 2: started = completed + refused + failed + dropped + open, at any instant.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from racer.sim.quota import Use

Outcome = Literal["completed", "refused", "failed", "dropped"]
NUMBERS: tuple[str, ...] = (
    "started",
    "completed",
    "refused",
    "failed",
    "dropped",
    "open",
    "peak",
    "pages",
    "jobs",
    "cancelled",
    "input_tokens",
    "output_tokens",
)


@dataclass(frozen=True, slots=True)
class Counts:
    """
    started        questions that came in; `pages` are the others: lists of models and the like
    completed      answers sent to their end
    refused        questions answered by an error: bad key, bad request, a limit
    failed         faults carried out to their end; `faults` counts each kind when it strikes
    dropped        questions whose client went away before the end
    open           questions being answered now; `peak` the most at any instant
    jobs           jobs that were made; `cancelled` those that the client has stopped before their end
    input_tokens, output_tokens   of the questions that no limit and no check refused
    last_drop_at   seconds of the monotonic clock
    """

    started: int = 0
    completed: int = 0
    refused: int = 0
    failed: int = 0
    dropped: int = 0
    open: int = 0
    peak: int = 0
    pages: int = 0
    jobs: int = 0
    cancelled: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    faults: Mapping[str, int] = field(default_factory=dict[str, int])
    requests_by_status: Mapping[str, int] = field(default_factory=dict[str, int])
    last_drop_at: float | None = None
    limits: tuple[Use, ...] = ()


@dataclass(frozen=True, slots=True)
class Counters:
    """`at`: when they were read, seconds of the monotonic clock."""

    at: float
    totals: Counts
    providers: Mapping[str, Counts]


@dataclass(slots=True)
class Visit:
    """One request as it was received and what became of it; instants are of the monotonic clock."""

    serial: int
    provider: str
    method: str
    path: str
    headers: Mapping[str, str]
    started_at: float
    body: bytes = b""
    status: int | None = None
    fault: str | None = None
    outcome: Outcome | None = None
    ended_at: float | None = None


class Tally:
    """The counts of one provider while they grow, and its last visits."""

    def __init__(self, keep: int = 1000) -> None:
        self._numbers: dict[str, int] = dict.fromkeys(NUMBERS, 0)
        self._faults: dict[str, int] = {}
        self._statuses: dict[str, int] = {}
        self._last_drop_at: float | None = None
        self.visits: deque[Visit] = deque(maxlen=keep)

    def start(self, visit: Visit) -> None:
        numbers = self._numbers
        numbers["started"] += 1
        numbers["open"] += 1
        numbers["peak"] = max(numbers["peak"], numbers["open"])
        self.visits.append(visit)

    def page(self, visit: Visit) -> None:
        self._numbers["pages"] += 1
        self.visits.append(visit)

    def job(self, event: Literal["jobs", "cancelled"]) -> None:
        self._numbers[event] += 1

    def answer(self, input_tokens: int, output_tokens: int) -> None:
        self._numbers["input_tokens"] += input_tokens
        self._numbers["output_tokens"] += output_tokens

    def strike(self, visit: Visit, kind: str) -> None:
        visit.fault = kind
        self._faults[kind] = self._faults.get(kind, 0) + 1

    def status(self, visit: Visit, status: int) -> None:
        visit.status = status
        self._statuses[str(status)] = self._statuses.get(str(status), 0) + 1

    def end(self, visit: Visit, outcome: Outcome, at: float) -> None:
        visit.outcome = outcome
        visit.ended_at = at
        self._numbers["open"] -= 1
        self._numbers[outcome] += 1
        if outcome == "dropped":
            self._last_drop_at = at

    def reset(self) -> None:
        """Zero everything; what is open now counts as started."""
        still_open = self._numbers["open"]
        self._numbers = dict.fromkeys(NUMBERS, 0) | dict.fromkeys(("started", "open", "peak"), still_open)
        self._faults = {}
        self._statuses = {}
        self._last_drop_at = None
        self.visits.clear()

    def counts(self, limits: tuple[Use, ...] = ()) -> Counts:
        return Counts(
            **cast("dict[str, Any]", self._numbers),  # NUMBERS names fields that are int
            faults=dict(self._faults),
            requests_by_status=dict(self._statuses),
            last_drop_at=self._last_drop_at,
            limits=limits,
        )


def totals(counts: Iterable[Counts]) -> Counts:
    """The sums; `peak` is the sum of the peaks, so an upper bound."""
    every = list(counts)
    sums: dict[str, Any] = {name: sum(getattr(one, name) for one in every) for name in NUMBERS}
    drops = [one.last_drop_at for one in every if one.last_drop_at is not None]
    return Counts(
        **sums,
        faults=_summed(one.faults for one in every),
        requests_by_status=_summed(one.requests_by_status for one in every),
        last_drop_at=max(drops, default=None),
    )


def _summed(maps: Iterable[Mapping[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in maps:
        for name, count in one.items():
            sums[name] = sums.get(name, 0) + count
    return sums
