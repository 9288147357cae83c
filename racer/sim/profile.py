"""What a simulated provider is like: its pace, its limits, its faults. Data, and how to sample it.

Chance comes in as an argument: a callable that gives uniform numbers in [0, 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from racer.sim.fault import Fault

Chance = Callable[[], float]
Unit = Literal["requests", "tokens"]
Scope = Literal["account", "model", "provider"]
Reset = Literal["first", "utc"]
Manner = Literal["anchor", "prefix", "restart", "chatter", "deaf"]

PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "once": math.inf}


class ProfileError(ValueError):
    """A profile that cannot be used; the message names file, key, what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Constant:
    value: float

    def sample(self, chance: Chance) -> float:
        return self.value


@dataclass(frozen=True, slots=True)
class Uniform:
    low: float
    high: float

    def sample(self, chance: Chance) -> float:
        return self.low + (self.high - self.low) * chance()


@dataclass(frozen=True, slots=True)
class Lognormal:
    median: float
    sigma: float

    def sample(self, chance: Chance) -> float:
        radius = math.sqrt(-2.0 * math.log(1.0 - chance()))
        return self.median * math.exp(self.sigma * radius * math.cos(2.0 * math.pi * chance()))


@dataclass(frozen=True, slots=True)
class Spikes:
    """A `share` of the samples is `factor` times as large."""

    share: float
    factor: float


@dataclass(frozen=True, slots=True)
class Distribution:
    shape: Constant | Uniform | Lognormal
    spikes: Spikes | None = None

    def sample(self, chance: Chance) -> float:
        value = self.shape.sample(chance)
        if self.spikes is not None and chance() < self.spikes.share:
            value *= self.spikes.factor
        return value


NOTHING = Distribution(Constant(0.0))
USUAL_LENGTH = Distribution(Constant(24.0))


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` of `unit` in each window of `seconds`; `name` is how the window is called in errors.

    `reset`: windows begin at the first request after the last one ended, or at round UTC instants.
    """

    unit: Unit
    amount: int
    seconds: float
    name: str
    scope: Scope = "account"
    reset: Reset = "first"


@dataclass(frozen=True, slots=True)
class Provider:
    """One simulated provider.

    keys         the keys it takes; None: any key, or none
    first_token  seconds until the first token; `cold_start` comes on top for a model not in memory
    rate         tokens per second, 0 for no pause between tokens
    length       tokens of an answer; None: the profile's
    reasoning    tokens of reasoning before the answer
    context      the longest prompt in tokens
    parallel     requests of one account open at once; one more is refused
    slots        requests answered at once; others wait for their turn, as at a local server
    reserve      tokens that a limit counts for an answer when the request names no cap; 0: what it has
    keep_alive   seconds that a model stays in memory after its last use
    chunks       writes that each piece of the body is split into
    refuses      fields of a request that it answers with an error
    continues    how its models go on with an answer that broke off; see `resumption`
    """

    name: str
    dialect: str = "openai"
    flavour: str = "generic"
    models: tuple[str, ...] = ("sim-model",)
    keys: tuple[str, ...] | None = field(default=None, repr=False)
    first_token: Distribution = NOTHING
    rate: Distribution = NOTHING
    length: Distribution | None = None
    reasoning: int = 0
    context: int | None = None
    faults: tuple[Fault, ...] = ()
    limits: tuple[Limit, ...] = ()
    parallel: int | None = None
    slots: int | None = None
    reserve: int = 0
    loaded: tuple[str, ...] = ()
    cold_start: Distribution = NOTHING
    keep_alive: float = 300.0
    chunks: int = 1
    refuses: frozenset[str] = frozenset()
    continues: Manner = "anchor"


@dataclass(frozen=True, slots=True)
class Profile:
    """All providers of one simulator. `same`: each of them gives the same text for the same prompt."""

    providers: tuple[Provider, ...]
    name: str = "profile"
    seed: int = 0
    same: bool = False
    length: Distribution = USUAL_LENGTH


@dataclass(frozen=True, slots=True)
class Pace:
    """What was drawn for one request: seconds to the first token (`loading` of them to load the model),
    and between two tokens."""

    first: float
    gap: float
    loading: float = 0.0


def draw_pace(provider: Provider, chance: Chance, *, cold: bool) -> Pace:
    first = provider.first_token.sample(chance)
    rate = provider.rate.sample(chance)
    loading = provider.cold_start.sample(chance) if cold else 0.0
    return Pace(first=first + loading, gap=1.0 / rate if rate > 0 else 0.0, loading=loading)
