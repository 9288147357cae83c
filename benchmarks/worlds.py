"""Days of calls on lanes that are as good and as bad as free tiers are: what policies are compared on. Pure.

What happens to attempt a of question i on lane j, started at t, is drawn beforehand and does not depend on
who asks, so that policies differ by nothing but what they do. A seed gives the same world every time: the
model that the expected figures come from draws the same, in the same order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.weather import HOUR, Weather, weathers

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

ATTEMPTS = 3  # with outcomes of their own: later ones are like the last
CROWD, RUSH = 60, 120.0  # a burst: so many questions in so many seconds
NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Host:
    """A lane. `first`: the median of seconds to a first token, `spread` its lognormal deviation.

    The share `tail` of calls takes at least `stretch` times as long, by a Pareto law of `shape`. The share
    `failing` fails, and of these `late` not at once. `rate`: tokens a second. `cold`: seconds to be loaded.
    """

    name: str
    first: float
    spread: float
    rate: float
    tail: float = 0.0
    shape: float = 1.5
    stretch: float = 2.5
    failing: float = 0.0
    late: float = 0.0
    a_minute: int | None = None
    a_day: int | None = None
    tokens_a_day: int | None = None
    credits: int | None = None
    at_once: int | None = None
    cold: float = 0.0

    @property
    def local(self) -> bool:
        return self.at_once is not None

    @property
    def ample(self) -> Host:
        """With no limits but those of a minute."""
        return replace(self, a_day=None, tokens_a_day=None, credits=None)


GROQ = Host(
    "groq", 0.17, 0.30, 400, tail=0.05, shape=1.3, stretch=5, failing=0.01,
    a_minute=30, a_day=1000, tokens_a_day=200_000,
)  # fmt: skip
GEMINI = Host("gemini", 0.42, 0.35, 190, tail=0.08, shape=1.3, failing=0.02, a_minute=15, a_day=500)
OPENROUTER = Host(
    "openrouter", 1.15, 0.70, 70, tail=0.12, shape=1.1, failing=0.15, late=0.5, a_minute=20, a_day=200
)
LOCAL = Host("local", 0.30, 0.15, 75, failing=0.002, at_once=2, cold=4.0)
CEREBRAS = Host(
    "cerebras", 0.22, 0.30, 900, tail=0.05, shape=1.2, stretch=4, failing=0.03,
    a_minute=30, a_day=900, tokens_a_day=300_000,
)  # fmt: skip
MISTRAL = Host(
    "mistral", 0.45, 0.40, 110, tail=0.04, shape=1.3, failing=0.02, a_minute=60, tokens_a_day=1_500_000
)
NVIDIA = Host("nvidia", 0.70, 0.50, 90, tail=0.05, shape=1.2, failing=0.03, a_minute=40, credits=1000)
GITHUB = Host("github", 0.80, 0.45, 90, tail=0.06, shape=1.3, failing=0.03, a_minute=15, a_day=150)

THREE = (GROQ, GEMINI, OPENROUTER)
SEVEN = (*THREE, CEREBRAS, MISTRAL, NVIDIA, GITHUB)
AMPLE_SEVEN = tuple(replace(host, a_minute=60) if host is GEMINI else host for host in SEVEN)


@dataclass(frozen=True, slots=True)
class Scene:
    """`bursts`: how many crowds come, where there are questions enough. `ample`: days have no limits."""

    hosts: tuple[Host, ...]
    questions: int
    hours: float = 24
    rough: bool = False
    bursts: int = 0
    ample: bool = True

    @property
    def lanes(self) -> tuple[Host, ...]:
        return tuple(host.ample for host in self.hosts) if self.ample else self.hosts


SCENES = {
    "calm3": Scene(AMPLE_SEVEN[:3], 4000),
    "calm4": Scene((*AMPLE_SEVEN[:3], LOCAL), 4000),
    "rough3": Scene(AMPLE_SEVEN[:3], 4000, rough=True, bursts=3),
    "rough4": Scene((*AMPLE_SEVEN[:3], LOCAL), 4000, rough=True, bursts=3),
    "ample7": Scene(AMPLE_SEVEN, 6000, rough=True, bursts=3),
    "scarce4": Scene((*THREE, LOCAL), 4000, rough=True, bursts=3, ample=False),
    "scarce7": Scene(SEVEN, 6000, rough=True, bursts=3, ample=False),
    "cold7": Scene(AMPLE_SEVEN, 150, hours=2),
}


class Outcome(NamedTuple):
    """`first` token and `end`, in seconds from the start. Status 0 is none: nobody ever answers."""

    first: float | None
    end: float
    status: int

    @property
    def ok(self) -> bool:
        return self.status == 200


class World:
    """One day: when questions come, how long they and their answers are, and what each attempt would meet."""

    def __init__(self, scene: Scene, seed: int) -> None:
        chance = np.random.default_rng(seed)
        self.lanes = scene.lanes
        self.arrivals = _arrivals(chance, scene)
        questions = len(self.arrivals)
        self.prompt: Numbers = np.minimum(4000, chance.lognormal(math.log(180), 0.7, questions))
        self.answer: Numbers = np.clip(chance.lognormal(math.log(75), 0.8, questions), 5, 900)
        shape = questions, len(self.lanes), ATTEMPTS
        self._pace: Numbers = chance.standard_normal(shape)
        self._is_tail, self._tail, self._fails, self._kind, self._spell = (
            chance.uniform(size=shape) for _ in range(5)
        )
        chance.standard_normal(questions)  # of the model's, for what no policy here uses
        remote = [not host.local for host in self.lanes]
        self.weathers: list[Weather] = weathers(chance, scene.hours, remote, rough=scene.rough)

    def outcome(self, question: int, lane: int, attempt: int, at: float, *, cold: bool = False) -> Outcome:
        """What happens to this attempt if it starts `at` that instant."""
        place = question, lane, min(attempt, ATTEMPTS - 1)
        sky = self.weathers[lane].at(at)
        kind, spell = float(self._kind[place]), float(self._spell[place])
        if sky.down:
            return Outcome(None, 0.08 + 0.2 * kind, 503)
        if spell < sky.mute:
            return Outcome(None, NEVER, 0)
        if spell < sky.refusing:
            return Outcome(None, 0.1 + 0.2 * kind, 429)
        host = self.lanes[lane]
        first = self._first(place, host, sky.slow) + (host.cold if cold else 0.0)
        end = first + float(self.answer[question]) / (host.rate / (1 + 0.5 * (sky.slow - 1)))
        if self._fails[place] < host.failing:
            if kind < host.late:
                return Outcome(None, max(end, 3 + 12 * float(self._tail[place])), 502)
            return Outcome(None, 0.1 + 0.3 * kind, 500)
        return Outcome(first, end, 200)

    def _first(self, place: tuple[int, int, int], host: Host, slow: float) -> float:
        first = host.first * math.exp(host.spread * float(self._pace[place])) * slow
        if self._is_tail[place] < host.tail:
            first *= host.stretch * (1 - float(self._tail[place])) ** (-1 / host.shape)
        return first


def world(name: str, seed: int) -> World:
    return World(SCENES[name], seed * 1000 + sum(map(ord, name)))


def _arrivals(chance: Generator, scene: Scene) -> Numbers:
    """More by day than by night, and now and then a crowd."""
    seconds, most = scene.hours * HOUR, scene.questions
    crowded = min(scene.bursts * CROWD, most // 5)
    instants = chance.uniform(0, seconds, 4 * most)
    if scene.hours >= 20:
        light = 0.35 + 0.65 * np.sin(np.pi * ((instants / HOUR) % 24) / 24) ** 2
        instants = instants[chance.uniform(size=4 * most) < light]
    crowds = [
        np.sort(chance.uniform(0, RUSH, CROWD)) + chance.uniform(0, seconds - RUSH - 10)
        for _ in range(crowded // CROWD)
    ]
    return np.sort(np.concatenate([instants[: most - crowded], *crowds]))
