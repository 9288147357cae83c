"""A bench as it is planned: who is asked in which round, what that takes at most, what is left of it. Pure.

Rule 1: what is announced is what is sent, but for what is kept out: lanes in each of their rounds once, and
        races until the requests of their policy are used up.
Rule 2: a provider takes part in the first rounds, in as many as its budget has room for, and then in none.
Rule 3: in a race each lane is asked at most once, so what a provider may have to serve is known before.
Rule 4: policies race in rounds in which everybody takes part, once in each. `frugal` alone races on behind
        the last round, for its spare requests; what others have left then was kept out, and stays unspent.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from racer.bench.report import Spending
from racer.bench.sample import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

WARM_UP = -1
POLICIES = ("all", "frugal", "one")
LINGERS = "frugal"


@dataclass(frozen=True, slots=True)
class Entrant:
    """A lane of the bench. Of those with the same `seat` only one can run at a time."""

    lane: str
    provider: str
    seat: str
    local: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What was ordered. `lanes`: how many may run in a race; `extra`: requests of `frugal` beside one a race.

    `prompts` is how many there are. `budget`: requests for each provider, at most.
    """

    rounds: int = 20
    policies: tuple[str, ...] = POLICIES
    lanes: int = 4
    warm_up: bool = True
    seed: int = 0
    prompts: int = 1
    extra: float = 0.25
    budget: int | None = None


class Grid(NamedTuple):
    """One race: who may run, and how many of them."""

    lanes: tuple[str, ...]
    attempts: int


@dataclass(frozen=True, slots=True)
class Contest:
    """`shares` is in how many rounds each provider takes part, `cut` who cannot take part in a single one."""

    terms: Terms
    entrants: tuple[Entrant, ...]
    shares: Mapping[str, int] = field(default_factory=dict[str, int])
    cut: tuple[str, ...] = ()

    @property
    def contenders(self) -> tuple[tuple[Kind, str], ...]:
        lanes = tuple((Kind.LANE, each.lane) for each in self.entrants)
        return (*lanes, *((Kind.POLICY, name) for name in self.terms.policies))

    @property
    def width(self) -> int:
        """How many run in a race in which all take part."""
        return width_of(self.entrants, self.terms.lanes)

    @property
    def announced(self) -> Spending:
        calls = {each.lane: self.calls(each.provider) for each in self.entrants}
        providers = dict.fromkeys(each.provider for each in self.entrants)
        most = {name: self.most(self.lanes_of(name)) for name in providers}
        return Spending(calls, {name: self.races(name) for name in self.terms.policies}, most)

    def lanes_of(self, provider: str) -> tuple[str, ...]:
        return tuple(each.lane for each in self.entrants if each.provider == provider)

    def calls(self, provider: str) -> int:
        """How often each lane of it is asked alone."""
        return self.shares[provider] + self.terms.warm_up

    def races(self, policy: str) -> int:
        """Requests that the races of `policy` take."""
        return _requests(policy, self.raced, self.width, self.terms.extra)

    @property
    def raced(self) -> int:
        """In how many rounds policies race: the first, in which everybody takes part."""
        return min(self.shares.values(), default=0)

    def most(self, lanes: Collection[str]) -> int:
        """How many requests these lanes, all of one provider, may get: alone, and in races."""
        provider = next(each.provider for each in self.entrants if each.lane in lanes)
        return _most(self.terms, len(lanes), self.width, self.shares[provider], self.raced)

    # ---------------------------------------------------------------- round by round

    def field(self, number: int) -> tuple[Entrant, ...]:
        """Whose lanes are asked alone in a round."""
        return tuple(each for each in self.entrants if self.shares[each.provider] > number)

    def groups(self, number: int) -> tuple[tuple[str, ...], ...]:
        """Lanes that are asked one after another, beside those of other groups: a group for each provider."""
        drawn = self._drawn([each for each in self.field(number) if not each.local], number)
        found: dict[str, list[str]] = {}
        for each in drawn:
            found.setdefault(each.provider, []).append(each.lane)
        return tuple(tuple(lanes) for lanes in found.values())

    def at_home(self, number: int) -> tuple[str, ...]:
        """Lanes on machines of the user's own: asked when the others have answered, one after another."""
        return tuple(
            each.lane for each in self._drawn([each for each in self.field(number) if each.local], number)
        )

    def policies(self, number: int) -> tuple[str, ...]:
        """Those that race in a round, in the order in which they do."""
        names = list(self.terms.policies) if number < self.raced else []
        Random(f"{self.terms.seed} policies {number}").shuffle(names)
        return tuple(names)

    @property
    def lingering(self) -> tuple[str, ...]:
        """Those that race on behind the last round while they have requests left."""
        return tuple(name for name in self.terms.policies if name == LINGERS)

    def prompt(self, number: int) -> int:
        return max(number, 0) % self.terms.prompts

    def _drawn(self, entrants: list[Entrant], number: int) -> list[Entrant]:
        Random(f"{self.terms.seed} lanes {number}").shuffle(entrants)
        return entrants


def contest_of(entrants: Sequence[Entrant], terms: Terms) -> Contest:
    """With as many rounds for each provider as its budget has room for, and no round without anybody."""
    room = _room(entrants, terms)
    able = tuple(each for each in entrants if room[each.provider])
    shares = _shares(able, terms)
    terms = replace(terms, rounds=max(shares.values(), default=terms.rounds))
    return Contest(terms, able, shares, tuple(name for name, rounds in room.items() if not rounds))


def _room(entrants: Sequence[Entrant], terms: Terms) -> dict[str, int]:
    """For how many rounds with races the budget of each provider is enough."""
    width = width_of(entrants, terms.lanes)
    lanes = Counter(each.provider for each in entrants)
    return {name: _enough(terms, count, width) for name, count in lanes.items()}


def _shares(entrants: Sequence[Entrant], terms: Terms) -> dict[str, int]:
    """As many races as all have room for come first: for whoever has room for no more, these are its rounds.

    The others are asked alone in further ones.
    """
    width = width_of(entrants, terms.lanes)
    lanes = Counter(each.provider for each in entrants)
    room = _room(entrants, terms)
    raced = min(room.values(), default=0)
    return {
        name: raced if rounds == raced else _enough(terms, lanes[name], width, raced)
        for name, rounds in room.items()
    }


def _enough(terms: Terms, lanes: int, width: int, raced: int | None = None) -> int:
    """For how many rounds the budget is enough, with races in `raced` of them; None: in each."""
    if (budget := terms.budget) is None:
        return terms.rounds

    def is_too_much(share: int) -> bool:
        return _most(terms, lanes, width, share, share if raced is None else raced) > budget

    return bisect_left(range(1, terms.rounds + 1), True, key=is_too_much)


def width_of(entrants: Sequence[Entrant], lanes: int) -> int:
    """How many can run at once, `lanes` at the most."""
    return min(lanes, len({each.seat for each in entrants}))


def _most(terms: Terms, lanes: int, width: int, share: int, raced: int) -> int:
    """Of a provider with so many `lanes` that takes part in `share` rounds, of races in `raced`."""
    own = lanes * (share + terms.warm_up)
    served = raced * min(lanes, width)
    for policy in terms.policies:
        total = _requests(policy, raced, width, terms.extra)
        own += total if policy == LINGERS else min(served, total)
    return own


def _requests(policy: str, races: int, width: int, extra: float) -> int:
    """Of so many races of `width` lanes each."""
    match policy:
        case "all":
            return races * width
        case "frugal":
            return min(races * width, races + math.ceil(races * extra))
        case _:
            return min(races, races * width)


class Till:
    """What policies have left of what was announced for them, while the bench runs."""

    __slots__ = ("_contest", "_left")

    def __init__(self, contest: Contest) -> None:
        self._contest = contest
        self._left = {name: contest.races(name) for name in contest.terms.policies}

    def left(self, policy: str) -> int:
        return self._left[policy]

    def race(self, policy: str) -> Grid | None:
        """The next race of `policy`, of all lanes; None where it has no requests left."""
        attempts = min(self._contest.width, self._left[policy])
        return Grid(tuple(each.lane for each in self._contest.entrants), attempts) if attempts else None

    def raced(self, policy: str, sent: int) -> None:
        self._left[policy] -= sent

    def ends(self, policy: str) -> None:
        """It cannot race any more: what it has left is not spent."""
        self._left[policy] = 0
