"""A bench as it is planned: who is asked in which round, what that takes at most, what is left of it. Pure.

Rule 1: what is announced is what is sent, but for what is kept out: lanes in each of their rounds once, and
        races until the requests of their policy are used up.
Rule 2: a provider takes part in the first rounds, in as many as its budget has room for, and then in none.
Rule 3: in a race each lane is asked at most once, so what a provider may have to serve is known before.
"""

from __future__ import annotations

import math
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
        widths = [width_of(self.field(number), self.terms.lanes) for number in range(self.terms.rounds)]
        return _requests(policy, widths, self.terms.extra)

    def most(self, lanes: Collection[str]) -> int:
        """How many requests these lanes, all of one provider, may get: alone, and in races."""
        provider = next(each.provider for each in self.entrants if each.lane in lanes)
        return _most(self.terms, len(lanes), self.width, self.shares[provider])

    # ---------------------------------------------------------------- round by round

    def field(self, number: int) -> tuple[Entrant, ...]:
        """Who takes part in a round. Behind the last one, whoever took part in that."""
        last = self.terms.rounds - 1
        return tuple(each for each in self.entrants if self.shares[each.provider] > min(number, last))

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
        """In the order in which they race."""
        names = list(self.terms.policies)
        Random(f"{self.terms.seed} policies {number}").shuffle(names)
        return tuple(names)

    def prompt(self, number: int) -> int:
        return max(number, 0) % self.terms.prompts

    def _drawn(self, entrants: list[Entrant], number: int) -> list[Entrant]:
        Random(f"{self.terms.seed} lanes {number}").shuffle(entrants)
        return entrants


def contest_of(entrants: Sequence[Entrant], terms: Terms) -> Contest:
    """With as many rounds for each provider as its budget has room for, and no round without anybody."""
    while True:
        shares = _shares(entrants, terms)
        most = max(shares.values(), default=0)
        if most in (0, terms.rounds):
            break
        terms = replace(terms, rounds=most)
    able = tuple(each for each in entrants if shares[each.provider])
    cut = tuple(name for name, share in shares.items() if not share)
    return Contest(terms, able, {name: share for name, share in shares.items() if share}, cut)


def _shares(entrants: Sequence[Entrant], terms: Terms) -> dict[str, int]:
    width = width_of(entrants, terms.lanes)
    lanes = Counter(each.provider for each in entrants)
    return {name: _share(terms, count, width) for name, count in lanes.items()}


def width_of(entrants: Sequence[Entrant], lanes: int) -> int:
    """How many can run at once, `lanes` at the most."""
    return min(lanes, len({each.seat for each in entrants}))


def _share(terms: Terms, lanes: int, width: int) -> int:
    if terms.budget is None:
        return terms.rounds
    fitting = (
        share for share in range(terms.rounds, 0, -1) if _most(terms, lanes, width, share) <= terms.budget
    )
    return next(fitting, 0)


def _most(terms: Terms, lanes: int, width: int, share: int) -> int:
    """Of a provider with so many `lanes` that takes part in `share` rounds."""
    own = lanes * (share + terms.warm_up)
    served = share * min(lanes, width)
    rest = share == terms.rounds  # it runs also in the races behind the last round
    for policy in terms.policies:
        total = _requests(policy, [width] * terms.rounds, terms.extra)
        own += total if policy == "frugal" and rest else min(served, total)
    return own


def _requests(policy: str, widths: Sequence[int], extra: float) -> int:
    """Of races with so many lanes each, as many as there are."""
    races, most = sum(1 for width in widths if width), sum(widths)
    match policy:
        case "all":
            return most
        case "frugal":
            return min(most, races + math.ceil(races * extra))
        case _:
            return races


class Till:
    """What is left of what was announced, while the bench runs."""

    __slots__ = ("_contest", "_owed", "_policies", "_providers")

    def __init__(self, contest: Contest) -> None:
        announced = contest.announced
        self._contest = contest
        self._policies = dict(announced.policies)
        self._providers = dict(announced.providers)
        self._owed = {name: len(contest.lanes_of(name)) * contest.calls(name) for name in announced.providers}

    def left(self, policy: str) -> int:
        return self._policies[policy]

    def race(self, policy: str, number: int) -> Grid | None:
        """The next race of `policy`; None where it has no requests left, or nobody who may run."""
        entrants = self._contest.field(number)
        attempts = min(width_of(entrants, self._contest.terms.lanes), self._policies[policy])
        able = tuple(each for each in entrants if self._has_room(each.provider, attempts))
        attempts = min(attempts, width_of(able, attempts))
        return Grid(tuple(each.lane for each in able), attempts) if attempts else None

    def _has_room(self, provider: str, attempts: int) -> bool:
        """Beside what its lanes are still to be asked alone."""
        wanted = min(len(self._contest.lanes_of(provider)), attempts)
        return self._providers[provider] - self._owed[provider] >= wanted

    def asked(self, provider: str, sent: int) -> None:
        """A lane of it had its turn alone."""
        self._owed[provider] -= 1
        self._providers[provider] -= sent

    def raced(self, policy: str, sent: Mapping[str, int]) -> None:
        """By provider."""
        for provider, requests in sent.items():
            self._policies[policy] -= requests
            self._providers[provider] -= requests

    def ends(self, policy: str) -> None:
        """It cannot race any more: what it has left is not spent."""
        self._policies[policy] = 0
