"""Cool-downs and circuit breakers: which lanes may not be started, why, and until when.

A breaker stands for one scope (consequence.py has them all) and is in one of three states:

    closed ── failures enough ──> open until T ── T has passed ──> half open
       ^                              ^                               │ one lane may try
       └────────── it worked ─────────┼───────────────────────────────┤
                                      └───────── it failed, T doubles ┘

Rule 1: a wait that the provider states closes at once and is always kept: neither a guess of ours nor a
        lane that was at work before it came makes it shorter.
Rule 2: our own guess (failures in a row) never keeps the last lane from running; `Block.stated` says which.
Rule 3: one success closes every breaker of its lane, but for those that rule 1 keeps.
Rule 4: what is open does not open again: lanes that fail together are one failure, and double nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from racer.core.consequence import CONSEQUENCES, Consequence, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from racer.core.provider import Lane
    from racer_adapters.errors import Kind, WireError

PROBE_AGAIN = 1.0
LONGEST_STATED = 31 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Block:
    """A lane may not start before `until`, for `reason`; `stated` by its provider or guessed by us.

    `pending`: whether its limits have room is being asked, and known in a moment; where nothing else keeps
    the lane out, such a block is stated. `limit`: limits alone keep it out, no failure. `large`: this call
    never fits into one of them, others may. `kind`: that of the failure, where it was one.
    """

    until: float
    reason: str
    stated: bool
    pending: bool = False
    limit: bool = False
    large: bool = False
    kind: Kind | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class CoolDown:
    """`scope` has closed until `until` (on the race's clock)."""

    scope: str
    until: float
    reason: str


@dataclass(slots=True)
class _Breaker:
    """`probe` is the lane that has the one try of a half-open breaker."""

    strikes: int = 0
    trips: int = 0
    until: float | None = None
    reason: str = ""
    kind: Kind | None = None
    stated: bool = False
    probe: str | None = None

    def struck(self, consequence: Consequence, error: WireError, now: float) -> float | None:
        """Count a failure. Until when the scope is closed now, where that has closed it or made it longer."""
        stated = consequence.stated or error.retry_after is not None
        if self.until is not None and self.until > now:
            until = now + _closed_for(consequence, error.retry_after, max(0, self.trips - 1))
            if not stated or (self.stated and until <= self.until):
                return None
        else:
            self.strikes += 1
            if error.retry_after is None and self.strikes < consequence.strikes and self.until is None:
                return None
            until = now + _closed_for(consequence, error.retry_after, self.trips)
            self.trips += 1
        self.until, self.stated, self.probe, self.kind = until, stated, None, error.kind
        self.reason = f"{error.kind}: {error.message}" if error.message else str(error.kind)
        return until


def scope_names(lane: Lane) -> Iterator[str]:
    """Every scope that can keep `lane` from starting."""
    for scope in Scope:
        yield scope_name(scope, lane)


def scope_name(scope: Scope, lane: Lane) -> str:
    match scope:
        case Scope.LANE:
            return f"lane {lane.id}"
        case Scope.MODEL:
            return f"model {lane.provider.name}/{lane.model.name}"
        case Scope.KEY:
            return f"key {lane.account.name}"
        case Scope.ACCOUNT:
            return _account_name(lane)
        case Scope.SHARE:
            return f"{_account_name(lane)} for {lane.model.name}"
        case Scope.PROVIDER:
            return f"provider {lane.provider.name}"
        case _:
            assert_never(scope)


def _account_name(lane: Lane) -> str:
    pool = lane.account.pool
    return f"account {lane.account.name}" if pool is None else f"pool {lane.provider.name}:{pool}"


class Breakers:
    """The breakers of all lanes. Only scopes that have failed are kept, so a healthy field costs nothing."""

    __slots__ = ("_breakers",)

    def __init__(self) -> None:
        self._breakers: dict[str, _Breaker] = {}

    def blocked(self, lane: Lane, now: float) -> Block | None:
        """Why `lane` may not start at `now`: of several blocks the longest, and one that is stated first."""
        if not self._breakers:
            return None
        blocks = [block for _, breaker in self._of(lane) if (block := _block(breaker, now))]
        return max(blocks, key=lambda block: (block.stated, block.until), default=None)

    def started(self, lane: Lane, now: float) -> None:
        """`lane` starts: where a breaker is half open, this is its one try."""
        for _, breaker in self._of(lane):
            if breaker.until is not None and breaker.until <= now and breaker.probe is None:
                breaker.probe = lane.id

    def forced(self, lane: Lane) -> None:
        """`lane` starts although it is closed: an answer opens it, whoever has said that it is."""
        for _, breaker in self._of(lane):
            breaker.probe = lane.id

    def probes(self, lane: Lane) -> bool:
        """Whether a start of `lane` now would be the one try of a half-open breaker."""
        if not self._breakers:
            return False
        return any(breaker.until is not None and breaker.probe is None for _, breaker in self._of(lane))

    def succeeded(self, lane: Lane) -> list[str]:
        """`lane` gave a valid reply. Returns the scopes that were closed and now work again."""
        healed: list[str] = []
        for name, breaker in self._of(lane):
            if breaker.stated and breaker.probe != lane.id:
                continue  # the lane was at work before the provider said so
            del self._breakers[name]
            if breaker.until is not None:
                healed.append(name)
        return healed

    def stopped(self, lane: Lane) -> None:
        """`lane` was cancelled: that says nothing of its health, but the next one may try."""
        for _, breaker in self._of(lane):
            if breaker.probe == lane.id:
                breaker.probe = None

    def failed(self, lane: Lane, error: WireError, now: float) -> CoolDown | None:
        """Count a failure. Returns what has closed by it, if anything."""
        self.stopped(lane)
        consequence = CONSEQUENCES[error.kind]
        if consequence is None:
            return None
        scope = consequence.scope
        if scope is Scope.ACCOUNT and error.model_only:
            scope = Scope.SHARE
        name = scope_name(scope, lane)
        breaker = self._breakers.setdefault(name, _Breaker())
        until = breaker.struck(consequence, error, now)
        return None if until is None else CoolDown(name, until, breaker.reason)

    def _of(self, lane: Lane) -> list[tuple[str, _Breaker]]:
        if not self._breakers:
            return []
        return [(name, self._breakers[name]) for name in scope_names(lane) if name in self._breakers]


def _block(breaker: _Breaker, now: float) -> Block | None:
    if breaker.until is None:
        return None
    if breaker.until > now:
        return Block(breaker.until, breaker.reason, breaker.stated, kind=breaker.kind)
    if breaker.probe is not None:
        return Block(now + PROBE_AGAIN, f"being tried again after: {breaker.reason}", stated=False)
    return None


def _closed_for(consequence: Consequence, stated_wait: float | None, trips: int) -> float:
    if stated_wait is not None:
        return min(max(1.0, stated_wait), LONGEST_STATED)
    return min(consequence.seconds * 2.0 ** min(trips, 30), consequence.most)
