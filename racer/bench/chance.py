"""What a lane would have done when it was asked: as it did, or drawn from what it did about that time. Pure.

Rule 1: what a lane really did in a race, it does again.
Rule 2: what nobody has seen is drawn from the lane's attempts, the nearer in time the likelier. One that was
        stopped says only that it took longer: another is drawn in its place, of those that did. So each
        attempt weighs what Kaplan and Meier give it.
Rule 3: a draw depends on the seed, the race and the lane alone, so that all policies meet the same luck.
Rule 4: the first token and the time of writing are told apart. The latter grows with the answer: a race whose
        answer was twice as long as its lane's usual one has long answers of all lanes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from racer.bench.trace import Recorded, Seen, Trace
    from racer_adapters.errors import WireError

NEVER = float("inf")
BEFORE = -1.0  # seconds: earlier than anything can come
NEIGHBOURS = 60
NEAR = 120.0  # seconds: an attempt so far away weighs half of one that is at hand
ENOUGH = 20  # answers of a lane: of fewer, chance says how long they were
SHORTEST, LONGEST = 0.1, 10.0  # times the usual answer
USUAL = 50  # tokens of an answer, where nobody has counted any
FASTEST = 0.1  # of an answer that came in one piece, the first token was not before this share of its time


@dataclass(frozen=True, slots=True)
class Fate:
    """What a lane does: its first token, and its end, in seconds from its start.

    `end` is NEVER where it stays silent for good. `error` is what it ends with; None: with an answer.
    `drawn`: nobody has seen its end.
    """

    first: float | None
    end: float
    error: WireError | None = None
    tokens: int = USUAL
    drawn: bool = False


class _Look(NamedTuple):
    """An attempt in two parts. `news` is the first token, or the end where none came before it.

    `rest` is what followed, as seconds for an answer of usual length; None where nothing did. Each is the
    least that it may be where it is not `sure`.
    """

    at: float
    news: float
    news_sure: bool
    rest: float | None
    rest_sure: bool
    error: WireError | None


class Chance:
    """Of all lanes of a trace."""

    def __init__(self, trace: Trace, seed: int) -> None:
        self._seed = seed
        known = sorted((*trace.races, *trace.asides), key=lambda race: race.at)
        self._usual = _usual(known)
        self._lengths = [self._length(race) for race in trace.races]
        self._races = trace.races
        by_lane: defaultdict[str, list[tuple[Seen, float]]] = defaultdict(list)
        for race in known:
            length = self._length(race)
            for seen in race.seen:
                by_lane[seen.lane].append((seen, length))
        self._writing = {lane: _writing(each for each, _ in of) for lane, of in by_lane.items()}
        self._looks = {  # in the order of races, and so of time
            lane: [self._look(*each) for each in of if each[0].telling] for lane, of in by_lane.items()
        }
        self._known: dict[tuple[int, str, int], Fate] = {}

    def fate(self, race: int, lane: str, number: int) -> Fate:
        """What `lane` does when it is asked for the `number`th time in this race, from 0."""
        key = race, lane, number
        if key not in self._known:
            self._known[key] = self._fate(*key)
        return self._known[key]

    def tokens(self, race: int, lane: str) -> int:
        """How long its answer would be."""
        return max(1, round(self._lengths[race] * self._usual.get(lane, USUAL)))

    def _fate(self, race: int, lane: str, number: int) -> Fate:
        mine = [each for each in self._races[race].seen if each.lane == lane][number : number + 1]
        if mine and not mine[0].stopped:
            return self._as_it_was(mine[0])
        draw = _Draw(self._looks[lane], self._races[race].at, Random(f"{self._seed} {race} {lane} {number}"))
        bound = self._look(mine[0], self._lengths[race]) if mine else _UNSEEN
        return self._drawn(draw, bound, race, lane)

    def _as_it_was(self, seen: Seen) -> Fate:
        end = NEVER if seen.silent else seen.took
        return Fate(self._first(seen), end, None if seen.silent else seen.error, max(1, seen.tokens))

    def _drawn(self, draw: _Draw, bound: _Look, race: int, lane: str) -> Fate:
        """At least what is known of it: `bound`."""
        tokens = self.tokens(race, lane)
        look = bound if bound.news_sure else draw.news(bound.news)
        if look.rest is None:
            error = None if look.news == NEVER else look.error
            return Fate(
                look.news if error is None and look.news < NEVER else None,
                look.news,
                error,
                tokens,
                drawn=True,
            )
        least, sure = look.rest, look.rest_sure
        rest, error = (least, look.error) if sure else draw.rest(least)
        end = look.news + rest * self._lengths[race]
        return Fate(look.news, end, None if end == NEVER else error, tokens, drawn=True)

    # ------------------------------------------------------------- attempts in two parts

    def _look(self, seen: Seen, length: float) -> _Look:
        first, sure = self._first(seen), not seen.stopped
        end = NEVER if seen.silent else seen.took
        if first is None:
            return _Look(seen.at, end, sure, None, True, seen.error)
        if seen.answered and seen.tokens and seen.lane in self._usual:
            length = _clipped(seen.tokens / self._usual[seen.lane])
        return _Look(seen.at, first, True, (end - first) / length, sure, seen.error)

    def _first(self, seen: Seen) -> float | None:
        """An answer that was not streamed shows no first token: when it was there, its length tells."""
        if seen.first is not None or not seen.answered:
            return seen.first
        return max(FASTEST * seen.took, seen.took - self._writing[seen.lane] * seen.tokens)

    def _length(self, race: Recorded) -> float:
        """Of its answer, in usual ones of the lane that gave it."""
        tokens = max(
            (each.tokens for each in race.seen if each.answered and each.lane == race.winner), default=0
        )
        return _clipped(tokens / self._usual[race.winner]) if tokens and race.winner in self._usual else 1.0


class _Draw:
    """From the attempts of a lane about an instant; where none of these serves, from all it ever did."""

    def __init__(self, looks: Sequence[_Look], at: float, chance: Random) -> None:
        self._looks, self._at, self._chance = looks, at, chance

    def news(self, least: float) -> _Look:
        """One whose news came later than `least`, and that is known to have."""
        found, bound = self._later(least, lambda look: look.news, lambda look: look.news_sure)
        return found or _Look(
            self._at, max(0.0, bound), news_sure=True, rest=None, rest_sure=True, error=None
        )

    def rest(self, least: float) -> tuple[float, WireError | None]:
        """How long one took after its first token, which was longer than `least`, and how it ended."""
        found, bound = self._later(least, _rest, lambda look: look.rest_sure)
        return (bound, None) if found is None else (_rest(found), found.error)

    def _later(
        self, bound: float, value: Callable[[_Look], float], sure: Callable[[_Look], bool]
    ) -> tuple[_Look | None, float]:
        """None where nobody is known to have taken longer than the second says: there it ends at last."""
        for looks in (_nearest(self._looks, self._at), self._looks):
            pool = _beyond(bound, looks, value)
            while pool:
                found = self._one_of(pool)
                if sure(found):
                    return found, bound
                bound = value(found)
                pool = _beyond(bound, pool, value)
        return None, bound

    def _one_of(self, pool: Sequence[_Look]) -> _Look:
        weights = list(accumulate(map(self._weight, pool)))
        return self._chance.choices(pool, cum_weights=weights)[0]

    def _weight(self, look: _Look) -> float:
        return 1.0 / (1.0 + ((look.at - self._at) / NEAR) ** 2)


_UNSEEN = _Look(0.0, BEFORE, news_sure=False, rest=None, rest_sure=True, error=None)


def _beyond(bound: float, looks: Sequence[_Look], value: Callable[[_Look], float]) -> list[_Look]:
    return [look for look in looks if value(look) > bound]


def _rest(look: _Look) -> float:
    return BEFORE if look.rest is None else look.rest


def _nearest(looks: Sequence[_Look], at: float) -> Sequence[_Look]:
    middle = bisect_left(looks, at, key=lambda look: look.at)
    low, high = max(0, middle - NEIGHBOURS), middle + NEIGHBOURS
    return sorted(looks[low:high], key=lambda look: abs(look.at - at))[:NEIGHBOURS]


def _usual(races: Iterable[Recorded]) -> dict[str, float]:
    """How many tokens the answers of each lane have, in the middle; of few of its own, those of all lanes."""
    tokens: defaultdict[str, list[int]] = defaultdict(list)
    for seen in (seen for race in races for seen in race.seen if seen.answered and seen.tokens):
        tokens[seen.lane].append(seen.tokens)
    everybody = median([each for of in tokens.values() for each in of]) if tokens else USUAL
    return {lane: median(each) if len(each) >= ENOUGH else everybody for lane, each in tokens.items()}


def _writing(seen: Iterable[Seen]) -> float:
    """Seconds that a lane takes for a token: seen where it streamed, else told by long and short answers.

    For the latter, each of the shorter half is compared with one of the longer; the middle of what they say.
    """
    whole = [each for each in seen if each.answered and each.tokens]
    streamed = [(each.took - each.first) / each.tokens for each in whole if each.first is not None]
    if streamed:
        return median(streamed)
    whole.sort(key=lambda each: each.tokens)
    half = len(whole) // 2
    pairs = zip(whole[:half], whole[-half:], strict=True) if half else ()
    slopes = [(b.took - a.took) / (b.tokens - a.tokens) for a, b in pairs if b.tokens > a.tokens]
    return max(0.0, median(slopes)) if slopes else 0.0


def _clipped(length: float) -> float:
    return min(LONGEST, max(SHORTEST, length))
