"""Facts and requests, counted: what /metrics tells. Pure.

Rule 1: a label has few values. They come from the configuration, from what local servers have installed, or
        from a list in this program; never from a client or from the text of an error.
Rule 2: beyond `MOST_ROWS` rows, a count goes to one whose labels all are `other`.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from racer.core.facts import (
    CacheHit,
    CoolDownStarted,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
    RaceEnded,
    RaceStarted,
    StoreTroubled,
)
from racer.core.heat import Ending, Outcome
from racer.core.kinds import OTHER, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from racer.core.facts import Fact
    from racer.server.visit import Served

Labels = tuple[str, ...]

MOST_ROWS = 2000
NONE = "none"
LEFT = "left"
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)  # seconds
_SCOPES = frozenset({"lane", "model", "key", "account", "pool", "provider"})


class Counts(dict[Labels, float]):
    """How often, or how much, by labels."""

    def add(self, labels: Labels, amount: float = 1.0) -> None:
        if labels not in self and len(self) >= MOST_ROWS:
            labels = (OTHER,) * len(labels)
        self[labels] = self.get(labels, 0.0) + amount


class Spread:
    """How long, by labels: how many in each of the spans that BOUNDS make, and their sum."""

    def __init__(self) -> None:
        self._rows: dict[Labels, tuple[list[int], list[float]]] = {}

    def add(self, labels: Labels, seconds: float) -> None:
        if labels not in self._rows and len(self._rows) >= MOST_ROWS:
            labels = (OTHER,) * len(labels)
        row = self._rows.get(labels)
        if row is None:
            row = self._rows[labels] = ([0] * (len(BOUNDS) + 1), [0.0])
        row[0][bisect_left(BOUNDS, seconds)] += 1
        row[1][0] += seconds

    def rows(self) -> Iterator[tuple[Labels, list[tuple[str, float]], float]]:
        """Labels; how many took no longer than each bound; the sum."""
        bounds = [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]
        for labels, (counts, (total,)) in self._rows.items():
            yield labels, list(zip(bounds, map(float, accumulate(counts)), strict=True)), total


class Tally:
    """An observer of facts and of requests that are over."""

    def __init__(self) -> None:
        self.races, self.lanes = Counts(), Counts()
        self.race_seconds, self.lane_seconds, self.first_token = Spread(), Spread(), Spread()
        self.tokens, self.cache_hits, self.cooldowns = Counts(), Counts(), Counts()
        self.sent, self.extra_requests, self.extra_tokens = Counts(), Counts(), Counts()
        self.extra_usd, self.saved = Counts(), Counts()
        self.requests, self.request_seconds = Counts(), Spread()
        self.faults = Counts({(): 0.0})
        self.flying: dict[str, int] = {}
        self.policies: dict[str, str] = {}

    def observe(self, fact: Fact) -> None:
        match fact:
            case RaceStarted():
                self.policies[fact.race] = fact.policy
            case LaneStarted():
                name = fact.lane.provider.name
                self.flying[name] = self.flying.get(name, 0) + 1
            case LaneFirstToken():
                self.first_token.add((fact.lane.provider.name,), fact.after)
            case LaneEnded():
                self._lane_ended(fact)
            case RaceEnded():
                self._race_ended(fact)
            case CacheHit():
                self.cache_hits.add(("yes" if fact.shared else "no",))
            case CoolDownStarted():
                self.cooldowns.add((*_scope(fact.scope), kind_of(fact.reason)))
            case StoreTroubled():
                self.faults.add(())
            case _:
                pass

    def _lane_ended(self, fact: LaneEnded) -> None:
        record = fact.record
        provider = record.provider
        self.flying[provider] = max(0, self.flying.get(provider, 0) - 1)
        reason = kind_of(record.reason) if record.outcome is Outcome.FAILED else NONE
        self.lanes.add((provider, record.model, record.outcome.value, reason))
        if record.outcome in (Outcome.WON, Outcome.LATE):
            self.lane_seconds.add((provider,), record.latency)
        if record.usage is not None:
            self.tokens.add((provider, "input"), record.usage.input_tokens)
            self.tokens.add((provider, "output"), record.usage.output_tokens)

    def _race_ended(self, fact: RaceEnded) -> None:
        policy = (self.policies.pop(fact.race, OTHER),)
        self.races.add((*policy, fact.ending.value))
        if fact.ending is Ending.WON:
            self.race_seconds.add(policy, fact.latency)
        tax = fact.tax
        self.sent.add(policy, tax.sent)
        self.extra_requests.add(policy, tax.requests)
        self.extra_tokens.add(policy, tax.tokens)
        self.extra_usd.add(policy, tax.usd)
        self.saved.add(policy, tax.saved)

    def served(self, served: Served) -> None:
        route = served.route or NONE
        status = str(served.status) if served.status else LEFT
        self.requests.add((route, status, served.token))
        self.request_seconds.add((route,), served.seconds)


def _scope(scope: str) -> tuple[str, str]:
    """The provider and the kind of a scope, such as "account groq:KEY" or "lane groq/model"."""
    kind, _, name = scope.partition(" ")
    provider = name.partition(":")[0].partition("/")[0].partition(" ")[0]
    return provider, kind if kind in _SCOPES else OTHER
