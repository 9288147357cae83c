"""How many calls a local machine serves at once, learned from its first tokens, and who waits for it here.

What a server cannot serve at once waits in its own queue, where it looks as if its lane were slow, and runs
into the time limit of its first token. So it waits in ours.

Rule 1: a call is compared with the same lane's calls that had the machine for themselves. How many ran when
        it started is its level, itself included; a level is slow where calls come about twice as late.
Rule 2: a machine serves as many as are known to go well, and one more to find out. A level that was slow is
        forgotten by and by, and found out again. Who has nothing to be compared with does not find out, nor
        who could run out of time behind the calls that are there.
Rule 3: a model that had to be loaded teaches nothing, nor does a failure. What was stopped without a token
        took at least so long, which counts where that is late already. What ran out of time without one,
        beside others, is late.
Rule 4: who waits is served in the order of asking. Who does not take its turn, does not come when it is
        called, or has not looked for many seconds, has gone.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from racer.core.lessons import ENDED, key_of
from racer.core.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from racer.core.provider import Lane
    from racer.core.reply import Attempt

HALF_LIFE = 1800.0
KEEPS = 0.8  # of what was learned before, with each thing that is learned: the last five or so count
ENOUGH = 1.5  # two that are not old; of what was learned twice only, little more than ten minutes are enough
LATE, LATEST = math.log(2.0), math.log(4.0)
SOONEST = 0.01  # seconds: what is faster differs by chance
KEPT_LOADED = 300.0  # a server keeps a model in memory at least so long, if it has room
BEFORE_ANSWER = 20  # tokens: as long as the prompt may take
SPARE = 1.5  # so many times as long as it should take: answers are not of one length
PROMPT = 0.25  # seconds until who was called has looked
PATIENT = 10.0  # until who waits has looked again, which it does each second: but an event loop may stall
USUAL, LONGEST = 1.0, 3600.0


@dataclass(frozen=True, slots=True)
class Busy:
    """There is no room before about `until`: `serves` calls run at once, and `ahead` others wait before."""

    until: float
    serves: int
    ahead: int

    @property
    def reason(self) -> str:
        calls = "1 call" if self.serves == 1 else f"{self.serves} calls"
        busy = f"busy: its host serves {calls} at once"
        waits = "1 waits" if self.ahead == 1 else f"{self.ahead} wait"
        return f"{busy}, and {waits} before this one" if self.ahead else busy


@dataclass(slots=True)
class _Mean:
    """A mean in which what is old weighs little."""

    value: float = 0.0
    weight: float = 0.0
    at: float = -math.inf

    def add(self, value: float, now: float) -> None:
        self.weight = self.weight_at(now) * KEEPS + 1.0
        self.at = max(self.at, now)
        self.value += (value - self.value) / self.weight

    def weight_at(self, now: float) -> float:
        return self.weight * 0.5 ** (max(0.0, now - self.at) / HALF_LIFE) if self.weight else 0.0


@dataclass(slots=True)
class _Call:
    """`joined`: when another call began beside one that had its host for itself."""

    host: str
    lane: str
    key: str
    level: int
    started: float
    warm: bool
    joined: float = math.inf
    shown: bool = False


@dataclass(slots=True)
class _Place:
    """`due`: who has not looked until then has gone."""

    who: Hashable
    wake: Callable[[], None]
    ticket: int
    due: float


@dataclass(slots=True)
class _Host:
    """`good`: so many at once are known to go well. `alone`: how long each lane takes on its own, by measure.

    `longest`: about the longest of the last few answers that each lane gave on its own, streamed or not.
    """

    good: int = 1
    levels: dict[int, _Mean] = field(default_factory=dict[int, _Mean])
    alone: dict[tuple[str, str], _Mean] = field(default_factory=dict[tuple[str, str], _Mean])
    longest: dict[str, _Mean] = field(default_factory=dict[str, _Mean])
    lasts: _Mean = field(default_factory=_Mean)
    calls: dict[int, _Call] = field(default_factory=dict[int, _Call])
    loaded: dict[str, float] = field(default_factory=dict[str, float])
    queue: list[_Place] = field(default_factory=list[_Place])
    places: dict[Hashable, _Place] = field(default_factory=dict["Hashable", _Place])

    def serves(self, now: float, lane: Lane | None = None) -> int:
        """Where one more is of `lane`; without one, at the most."""
        tries = lane is None or self._is_in_time(lane)
        return self.good + (tries and not self._is_slow(self.good + 1, now))

    def _is_in_time(self, lane: Lane) -> bool:
        """Whether a call of `lane` that has to wait for one of those that run would still be in time.

        No, as long as it is not known how long they take.
        """
        takes = [self.longest.get(each) for each in {lane.id, *(call.lane for call in self.calls.values())}]
        known = [math.exp(mean.value) for mean in takes if mean is not None]
        if len(known) < len(takes):
            return False
        patience, waits = Patience.of(lane.provider.timeout, stream=True), max(known)
        first = self.alone.get((lane.id, "first"))
        if first is not None and (waits + math.exp(first.value)) * SPARE > patience.first:
            return False
        return (waits + math.exp(self.longest[lane.id].value)) * SPARE <= patience.total

    def _is_slow(self, level: int, now: float) -> bool:
        mean = self.levels.get(level)
        return mean is not None and mean.weight_at(now) >= ENOUGH and mean.value > LATE

    def learn(self, level: int, ratio: float, now: float) -> None:
        mean = self.levels.setdefault(level, _Mean())
        mean.add(min(max(ratio, -LATEST), LATEST), now)
        if mean.weight < ENOUGH:
            return
        if mean.value > LATE:
            self.good = min(self.good, level - 1)
        elif not any(self._is_slow(each, now) for each in self.levels if each < level):
            self.good = max(self.good, level)

    def learn_alone(self, lane: str, measure: str, value: float, now: float) -> None:
        """One that stands far out, for a model that had to be loaded perhaps, counts as less far."""
        mean = self.alone.setdefault((lane, measure), _Mean(value))
        mean.add(min(max(value, mean.value - LATEST), mean.value + LATEST), now)

    def learn_longest(self, lane: str, value: float, now: float) -> None:
        mean = self.longest.setdefault(lane, _Mean())
        mean.add(value, now)
        mean.value = max(mean.value, value)

    def place_of(self, who: Hashable | None) -> int:
        """How many wait before."""
        place = None if who is None else self.places.get(who)
        if place is None:
            return len(self.queue)
        return bisect_left(self.queue, place.ticket, key=_ticket_of)

    def drop_gone(self, now: float) -> bool:
        """Whether there was one at the head."""
        before = len(self.queue)
        while self.queue and self.queue[0].due < now:
            del self.places[self.queue.pop(0).who]
        return len(self.queue) < before

    def remove(self, who: Hashable) -> bool:
        if who not in self.places:
            return False
        del self.queue[self.place_of(who)]
        del self.places[who]
        return True

    def call(self, now: float) -> None:
        """Who is next, if there may be room: when it has started, those behind it come up."""
        self.drop_gone(now)
        if self.queue and len(self.calls) < self.serves(now):
            place = self.queue[0]
            place.due = min(place.due, now + PROMPT)
            place.wake()


class Hosts:
    """What is known of local hosts, in the memory of one process. Instants are on the clock of its races."""

    __slots__ = ("_calls", "_hosts", "_serial")

    def __init__(self) -> None:
        self._hosts: dict[str, _Host] = {}
        self._calls: dict[int, _Call] = {}
        self._serial = 0

    # ------------------------------------------------------------- calls

    def started(self, lane: Lane, now: float) -> int:
        """A call of `lane` begins. The number is its name here."""
        host = self._hosts.setdefault(lane.host, _Host())
        key = key_of(lane)
        warm = lane.model.loaded or now - host.loaded.get(key, -math.inf) <= KEPT_LOADED
        for other in host.calls.values() if len(host.calls) == 1 else ():
            other.joined = min(other.joined, now)
        call = _Call(lane.host, lane.id, key, len(host.calls) + 1, now, warm)
        self._serial += 1
        self._calls[self._serial] = host.calls[self._serial] = call
        return self._serial

    def shown(self, number: int, first_token: float, now: float) -> None:
        """Its first token has come, so many seconds after its start."""
        call = self._calls.get(number)
        if call is not None and not call.shown:
            host = self._hosts[call.host]
            _learn_first(host, call, first_token, now)
            host.call(now)

    def ended(self, number: int, attempt: Attempt, now: float, *, timed_out: bool = False) -> None:
        """It is over: there may be room for others. `timed_out`: it has failed for being late."""
        call = self._calls.pop(number, None)
        if call is None:
            return
        host = self._hosts[call.host]
        del host.calls[number]
        host.lasts.add(min(max(attempt.latency, 0.0), LONGEST), now)
        _learn_longest(host, call, attempt, now)
        if not call.shown:
            _learn_end(host, call, attempt, now, timed_out=timed_out)
        host.call(now)

    # ------------------------------------------------------------- the queue

    def busy(self, lane: Lane, now: float, who: Hashable | None = None, own: int = 0) -> Busy | None:
        """Why `who` has to wait for a call of `lane`, if so. So many calls of its `own` do not count.

        If not, it starts right now, or waits anew, or it will have lost its place in a moment.
        """
        host = self._hosts.get(lane.host)
        if host is None:
            return None
        place = None if who is None else host.places.get(who)
        if place is not None:
            place.due = now + PATIENT
        if host.drop_gone(now):
            host.call(now)
        serves, ahead = host.serves(now, lane), host.place_of(who)
        room = serves - (len(host.calls) - own)
        if ahead == 0 < room:
            if place is not None:
                place.due = now + PROMPT
            return None
        usual = host.lasts.value if host.lasts.weight else USUAL
        wait = max(SOONEST, usual * (ahead - room + 1) / serves)
        return Busy(now + min(wait, LONGEST), serves, ahead)

    def wait(self, lane: Lane, now: float, who: Hashable, wake: Callable[[], None]) -> None:
        """`wake` has `who` look again when it is its turn. It looks each second by itself, while it waits."""
        host = self._hosts.setdefault(lane.host, _Host())
        place = host.places.get(who)
        if place is None:
            self._serial += 1
            place = host.places[who] = _Place(who, wake, self._serial, now)
            host.queue.append(place)
        place.due = now + PATIENT

    def leave(self, who: Hashable, now: float) -> None:
        """`who` waits no longer, anywhere: others come up."""
        for host in self._hosts.values():
            if host.remove(who):
                host.call(now)

    # ------------------------------------------------------------- answers

    def serves(self, lane: Lane, now: float) -> int:
        """How many calls the host of `lane` serves at once, where one more is of `lane`."""
        host = self._hosts.get(lane.host)
        return 1 if host is None else host.serves(now, lane)

    def running(self, host: str) -> int:
        return len(self._hosts[host].calls) if host in self._hosts else 0

    def waiting(self, host: str) -> int:
        return len(self._hosts[host].queue) if host in self._hosts else 0


def _ticket_of(place: _Place) -> int:
    return place.ticket


def _learn_first(host: _Host, call: _Call, first_token: float, now: float) -> None:
    call.shown = True
    host.loaded[call.key] = now
    value = math.log(max(first_token, SOONEST))
    _compare(host, call, "first", value, call.started + first_token, now)


def _learn_end(host: _Host, call: _Call, attempt: Attempt, now: float, *, timed_out: bool) -> None:
    ended = ENDED[attempt.outcome]
    if ended == "failed" and not timed_out:
        return
    if attempt.first_token is not None:
        _learn_first(host, call, attempt.first_token, now)
    elif ended == "answered":
        _learn_whole(host, call, attempt, now)
    elif timed_out and call.level > 1:
        host.learn(call.level, LATEST, now)
    else:
        _learn_stop(host, call, attempt.latency, now)


def _learn_longest(host: _Host, call: _Call, attempt: Attempt, now: float) -> None:
    """What was stopped, or has failed, would have taken longer still: it counts where it is the longest."""
    if call.level > 1 or not call.warm or call.joined < call.started + attempt.latency:
        return
    seconds = math.log(max(attempt.latency, SOONEST))
    known = host.longest.get(call.lane)
    if ENDED[attempt.outcome] == "answered" or (known is not None and seconds > known.value):
        host.learn_longest(call.lane, seconds, now)


def _learn_whole(host: _Host, call: _Call, attempt: Attempt, now: float) -> None:
    """An answer in one piece, by its length. One that has waited for another is twice as late at most, and
    mostly half of that: so lateness counts twice."""
    host.loaded[call.key] = now
    until = call.started + attempt.latency
    seconds = math.log(max(attempt.latency, SOONEST))
    tokens = attempt.usage.output_tokens if attempt.usage else 0
    if call.level == 1:
        _compare(host, call, "whole", seconds, until, now)
    _compare(host, call, "pace", seconds - math.log(BEFORE_ANSWER + tokens), until, now, times=2.0)


def _learn_stop(host: _Host, call: _Call, latency: float, now: float) -> None:
    """Nobody knows whether it would have come in one piece."""
    seconds = math.log(max(latency, SOONEST))
    ratio = min((seconds - mean.value for mean in _alone(host, call)), default=0.0)
    if call.level > 1 and call.warm and ratio > LATE:
        host.learn(call.level, ratio, now)


def _alone(host: _Host, call: _Call) -> Iterator[_Mean]:
    for measure in ("first", "whole"):
        mean = host.alone.get((call.lane, measure))
        if mean is not None:
            yield mean


def _compare(
    host: _Host, call: _Call, measure: str, value: float, until: float, now: float, times: float = 1.0
) -> None:
    """`value` was had at `until`: by a call on its own it is what others are compared with."""
    if not call.warm:
        return
    if call.level > 1:
        alone = host.alone.get((call.lane, measure))
        if alone is not None:
            host.learn(call.level, times * (value - alone.value), now)
    elif call.joined >= until:
        host.learn_alone(call.lane, measure, value, now)
