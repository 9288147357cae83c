"""How many calls each lane is given at once, learned from its answers and from being pushed back. Pure.

Rule 1: a lane begins with FIRST calls at once. While all its places are taken, an answer makes room for one
        more, until it is pushed back for the first time or its answers come late; then for one more in each
        round of answers.
Rule 2: pushed back, it is given half as many, once for all calls that were under way. What was too much is
        its ceiling for a while, a longer one each time that it shows to be too much still. A call that has
        run out of time is chance, two in a row are not; and one that was alone says nothing of too many.
Rule 3: a lane whose calls take much longer for an answer of the same length than when it had few of them
        queues them by itself: it is given no more, and slowly fewer, but not less than FIRST.
Rule 4: a lane that refuses one line after the other, while others answer, rests longer and longer.
Rule 5: a lane that refuses as many calls at once as it did bear, and says of no limit, is asked at the rate
        at which it has answered, and a little faster with each answer.
Rule 6: a machine of the user's own is not bounded here: its queue is (racer/core/hosts.py).

Limits that are known are no matter of pace: nothing is sent that they do not allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

from racer.core.consequence import CONSEQUENCES
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from racer.core.provider import Lane
    from racer_adapters.errors import WireError

FIRST = 4.0
FOREVER = float("inf")
CEILING_HOLDS, CEILING_MOST = 120.0, 1800.0
FEW = 8  # answers while it had at most FIRST calls: so long takes one that does not queue
LATE, TOO_LATE = 2.0, 3.0
RECENT = 1 / 8  # weight of an answer among those before
SHRINKS = 0.95
LEAST_TOKENS = 30  # an answer of none takes time as well
RATE_OVER = 60.0  # seconds over which answers are counted

REFUSES, REST, LONGEST_REST = 5, 5.0, 300.0  # refusals in a row, where others answer; seconds
FIRST_GAP, LONGEST_GAP, SHORTEST = 1.0, 30.0, 0.02  # seconds between two starts
SLOWS, QUICKENS, SLACKER = 1.5, 0.97, 1.25
SEVERAL = -1  # lines
MOST_PATIENCE = 64.0
IN_A_ROW = 2  # what may be chance, without an answer between

_SAYS_SO = frozenset({Kind.RATE, Kind.OVERLOADED})
_PERHAPS = frozenset({Kind.TIMEOUT, Kind.RESET, Kind.CONNECT})


@dataclass(slots=True)
class Track:
    """One lane. `calm` and `recent`: seconds for a token of an answer, with few calls and of late.

    `odd`: which line it failed with since its last answer, as if it were closed to all; `patience`: how long
    it is left alone then.
    """

    bounded: bool
    window: float = FIRST
    flying: int = 0
    climbs: bool = True
    cut_at: float = -FOREVER
    ceiling: float = FOREVER
    ceiling_until: float = -FOREVER
    holds: float = CEILING_HOLDS
    bears: float = 1.0
    calm: float = 0.0
    calm_of: int = 0
    recent: float = 0.0
    answered: int = 0
    failed: int = 0
    doubts: int = 0
    refusals: int = 0
    rests_until: float = -FOREVER
    gap: float = 0.0
    next_at: float = -FOREVER
    since_cut: int = 0
    resumed_at: float | None = None
    odd: int | None = None
    patience: float = 0.5
    shut_at: float = -FOREVER
    started_at: float = -FOREVER
    rate: float = 0.0
    since: float | None = None
    counted_at: float = 0.0

    @property
    def places(self) -> float:
        return max(1, int(self.window)) if self.bounded else FOREVER

    @property
    def is_full(self) -> bool:
        return self.bounded and self.flying > 0 and self.flying + 1 > self.window

    def count(self, now: float) -> None:
        """One more answer, for the rate of late."""
        if self.since is None:
            self.since = self.counted_at = now
        self.rate = self.rate_at(now) + 1 / RATE_OVER
        self.counted_at = now

    def rate_at(self, now: float) -> float:
        return self.rate * max(0.0, 1 - (now - self.counted_at) / RATE_OVER)

    def per_second(self, now: float) -> float:
        """Answers a second of late; what it has shown so far where it began just now."""
        if self.since is None:
            return 0.0
        known = max(1.0, RATE_OVER * (1 - exp((self.since - now) / RATE_OVER)))
        return self.rate_at(now) * RATE_OVER / known

    def learn(self, seconds: float, tokens: int, *, few: bool) -> None:
        took = seconds / (LEAST_TOKENS + tokens)
        if few and self.calm_of < FEW:
            self.calm_of += 1
            self.calm += (took - self.calm) / self.calm_of
        self.recent = took if not self.recent else self.recent + (took - self.recent) * RECENT

    def lateness(self) -> float:
        return self.recent / self.calm if self.calm_of == FEW and self.calm > 0 else 1.0


class Pace:
    """What is known of the pace of every lane, by its id. Instants are on the clock of its caller."""

    __slots__ = ("tracks",)

    def __init__(self) -> None:
        self.tracks: dict[str, Track] = {}

    def of(self, lane: Lane) -> Track:
        track = self.tracks.get(lane.id)
        if track is None:
            track = self.tracks[lane.id] = Track(bounded=not lane.provider.local)
        return track

    def is_odd(self, lane: Lane, line: int, started: float, now: float) -> bool:
        """`line` failed as if `lane` were closed to all. Is it alone in that, on a lane that did answer?"""
        track = self.of(lane)
        track.odd = line if track.odd in (None, line) else SEVERAL
        if track.answered > 0 and track.odd == line:
            return True
        if started >= track.shut_at:  # calls that were under way together are one failure
            track.patience, track.shut_at = min(2.0 * track.patience, MOST_PATIENCE), now
        return False

    def rests(self, lane: Lane, now: float) -> bool:
        """Whether it refuses what it is asked, while others have answered of late."""
        track = self.of(lane)
        if now >= track.rests_until:
            return False
        others = (each for each in self.tracks.values() if each is not track and each.answered)
        return any(now - each.counted_at < RATE_OVER for each in others)

    def started(self, lane: Lane, now: float) -> None:
        track = self.of(lane)
        track.flying += 1
        track.started_at = now
        track.next_at = max(now, track.next_at) + track.gap
        if track.resumed_at is None:
            track.resumed_at = now

    def stopped(self, lane: Lane) -> None:
        """A call was given up that says nothing of the lane."""
        self.of(lane).flying -= 1

    def answered(self, lane: Lane, started: float, now: float, tokens: int) -> None:
        track = self.of(lane)
        was_full, few = track.is_full, track.flying <= FIRST
        track.flying -= 1
        track.answered += 1
        track.doubts = track.refusals = 0
        track.odd, track.patience = None, 0.5
        track.since_cut += 1
        track.gap = track.gap * QUICKENS if track.gap > SHORTEST else 0.0
        track.count(now)
        track.learn(now - started, tokens, few=few)
        if not was_full or started < track.cut_at:
            return
        late = track.lateness()
        if late > LATE and track.window > FIRST:
            track.climbs = False
            if late > TOO_LATE:
                track.window = max(FIRST, track.window * SHRINKS)
            return
        if now >= track.ceiling_until:
            track.ceiling = FOREVER
        more = 1.0 if track.climbs else 1.0 / track.window
        track.window = max(track.window, min(track.window + more, track.ceiling))

    def failed(self, lane: Lane, error: WireError, started: float, now: float) -> None:
        track = self.of(lane)
        at_once = track.flying
        track.flying -= 1
        track.failed += 1
        self._refused(track, error, now)
        if not _pushes_back(track, error) or started < track.cut_at:
            return
        if error.kind is Kind.RATE and track.bounded and at_once <= track.bears:
            _slow_down(track, now)
        if at_once <= 1:  # it is ill, or its limits are: not too many at once
            track.window, track.climbs = 1.0, True
            return
        again = not track.climbs and at_once <= track.ceiling + 1
        track.holds = min(CEILING_MOST, 2 * track.holds) if again else CEILING_HOLDS
        track.ceiling, track.ceiling_until = at_once - 1.0, now + track.holds
        track.bears = max(1.0, track.ceiling)
        track.window = max(1.0, min(track.window, float(at_once)) / 2)
        track.climbs = False
        track.cut_at = now

    def _refused(self, track: Track, error: WireError, now: float) -> None:
        """No breaker counts what says something of the line; but who refuses all of them is no help."""
        if CONSEQUENCES[error.kind] is not None or error.kind is Kind.LOCAL:
            return
        track.refusals += 1
        if track.refusals >= REFUSES:
            rest = REST * 2.0 ** min(track.refusals - REFUSES, 30)
            track.rests_until = now + min(LONGEST_REST, rest)


def _slow_down(track: Track, now: float) -> None:
    """It allows so many a second, or a minute, and does not say how many: about what it has answered."""
    if track.gap and not track.since_cut:  # nothing has changed since it was slowed down last
        track.resumed_at = None
        return
    seen = 0.0 if track.resumed_at is None else max(SHORTEST, now - track.resumed_at)
    fitting = seen / track.since_cut if track.since_cut else FIRST_GAP
    track.gap = min(LONGEST_GAP, max(SLOWS * track.gap, SLACKER * fitting))
    track.since_cut, track.resumed_at = 0, None


def _pushes_back(track: Track, error: WireError) -> bool:
    """Whether a lane says by this that it has too many calls at once. A limit for a time is no such word."""
    if error.kind in _PERHAPS:
        track.doubts += 1
        return track.doubts >= IN_A_ROW
    closed = error.closed
    return error.kind in _SAYS_SO and (closed is None or closed.window in (None, "flight"))
