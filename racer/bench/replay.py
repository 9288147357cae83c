"""A replay: the races of a trace run again by the real Racer, in virtual time, on what its lanes have done.

Rule 1: nothing is sent, and the user's database is not touched: limits and what is learned are in memory.
Rule 2: time in which nothing happens is skipped: a month of races takes as long as its races.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import anyio

from racer.api import Racer
from racer.bench.chance import Chance
from racer.bench.replay_lanes import DIALECTS, Cast, Network, cast_of, question
from racer.config import Config
from racer.core.heat import Ending, Outcome
from racer.errors import DeadlineExceeded, NoLanes, RacerError
from racer.store.sqlite import SqliteStore
from racer.testing import VirtualLoop
from racer.timepiece import Timepiece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from racer.bench.trace import Recorded, Trace
    from racer.core.reply import Attempt

    Told = Callable[[str, int], None]  # the policy, and how many of its races are over

LEAD = 1.0  # seconds before the first race, for a Racer to get ready
QUIET = 30.0  # seconds without a race, after which what lies ahead is skipped
KEPT_OUT = "kept_out"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a race. `latency` is None where it was not answered: `failure` says how it ended then.

    `metered` of its `requests` went to other lanes than local ones. `drawn`: what its answer was like was
    not seen in this very race.
    """

    latency: float | None
    requests: int
    metered: int
    failure: str | None = None
    drawn: bool = False


def as_it_was(trace: Trace, local: Iterable[str]) -> list[Result]:
    """What became of the races when they were recorded. `local` are names of providers."""
    near = {lane for lane, place in trace.lanes.items() if place.provider in set(local)}
    return [
        Result(
            race.latency if race.answered else None,
            len(race.seen),
            sum(seen.lane not in near for seen in race.seen),
            None if race.answered else race.ending,
        )
        for race in trace.races
    ]


def replayed(
    trace: Trace, policies: Sequence[str], config: Config, seed: int, told: Told
) -> Mapping[str, list[Result]]:
    """By policy, what becomes of each race. Blocks until it is done; `told` hears of the progress.

    What lanes do is drawn once, so that all policies meet the same.
    """
    chance = Chance(trace, seed)
    cast = cast_of(trace, config.providers)
    return {policy: _Replay(trace, policy, config, cast, chance, told).run() for policy in policies}


class _Loop(VirtualLoop):
    """Its clock can be put forward: like a machine that has slept."""

    def skip_to(self, instant: float) -> None:
        self._idle.now = max(self._idle.now, instant)


class _Replay:
    """Of one policy."""

    def __init__(
        self, trace: Trace, policy: str, config: Config, cast: Cast, chance: Chance, told: Told
    ) -> None:
        self._trace = trace
        self._policy = policy
        self._config = config_of(config, cast)
        self._cast = cast
        self._names = {now: name for name, now in cast.ids.items()}
        self._chance = chance
        self._told = told
        self._results: list[Result | None] = [None] * len(trace.races)
        self._running = self._done = 0
        self._idle = anyio.Event()

    def run(self) -> list[Result]:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(self._all())
        return [result for result in self._results if result is not None]

    async def _all(self) -> None:
        began = self._trace.races[0].at - LEAD
        clocks = Timepiece(lambda: began + anyio.current_time(), anyio.current_time, "replay")
        network = Network(self._trace, self._chance.fate)
        racer = Racer(
            self._config, transport=network, dialects=DIALECTS, store=SqliteStore(None), timepiece=clocks
        )
        async with racer, asyncio.TaskGroup() as group:
            for number, race in enumerate(self._trace.races):
                await self._arrival(race.at - began)
                if not self._running:
                    self._idle = anyio.Event()
                self._running += 1
                group.create_task(self._one(racer, number, race))

    async def _arrival(self, instant: float) -> None:
        """Wait for it, or skip the time until then where nothing runs and all has settled."""
        if instant - anyio.current_time() > 2 * QUIET:
            await anyio.sleep(QUIET)
            await self._idle.wait()
            cast("_Loop", asyncio.get_running_loop()).skip_to(instant - LEAD)
        await anyio.sleep_until(instant)

    async def _one(self, racer: Racer, number: int, race: Recorded) -> None:
        began = anyio.current_time()
        options: dict[str, Any] = {"policy": self._policy, "lanes": race.width, "deadline": race.deadline}
        if (only := self._only(race)) is not None:
            options["only"] = only
        try:
            reply = await racer.race(question(number, race.prompt), cache=False, **options)
        except RacerError as error:
            result = self._result(number, getattr(error, "attempts", ()), None, _failure(error))
        else:
            result = self._result(number, reply.attempts, anyio.current_time() - began, None)
        self._results[number] = result
        self._running -= 1
        if not self._running:
            self._idle.set()
        self._done += 1
        self._told(self._policy, self._done)

    def _result(
        self, number: int, attempts: Sequence[Attempt], latency: float | None, failure: str | None
    ) -> Result:
        metered = sum(attempt.provider not in self._cast.local for attempt in attempts)
        times: Counter[str] = Counter()
        drawn = False
        for attempt in attempts:
            name = self._names[attempt.lane]
            if attempt.outcome is Outcome.WON:
                drawn = self._chance.fate(number, name, times[name]).drawn
            times[name] += 1
        return Result(latency, len(attempts), metered, failure, drawn)

    def _only(self, race: Recorded) -> list[str] | None:
        """Those of its lanes that are replayed; None where all are among them."""
        ids = [self._cast.ids[name] for name in race.lanes if name in self._cast.ids]
        return ids if len(ids) < len(self._cast.ids) or self._is_wider else None

    @property
    def _is_wider(self) -> bool:
        """Whether models and accounts make lanes that are not of the trace."""
        made = sum(len(each.models) * len(each.accounts) for each in self._cast.providers)
        return made > len(self._cast.ids)


def config_of(config: Config, cast: Cast) -> Config:
    """The user's races and limits, over the lanes of the trace, with no log and no cache."""
    return Config(race=replace(config.race, cache=None), providers=cast.providers, env={"RACER_LOG": "off"})


def _failure(error: RacerError) -> str:
    match error:
        case DeadlineExceeded():
            return Ending.EXPIRED.value
        case NoLanes():
            return KEPT_OUT
        case _:
            return Ending.EXHAUSTED.value
