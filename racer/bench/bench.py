"""The bench at work: it asks each lane alone and has the policies race, round by round, and keeps all of it.

Rule 1: every call goes through the Racer that it was given: limits are kept, and what is seen is learned.
Rule 2: the time of a call counts from its first request: what it waited for a limit before is not the lane's.
Rule 3: what was sent is what the Racer has started, whatever became of it.
"""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypedDict, cast

import anyio

from racer.api import Racer
from racer.bench.contest import WARM_UP, Till
from racer.bench.remarks import remarks
from racer.bench.report import Report, Spending
from racer.bench.sample import Kind
from racer.bench.seen import sample_of
from racer.bench.witness import Overheard, Witness, watching
from racer.errors import DeadlineExceeded, NoLanes, RacerError
from racer.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
    from typing import Unpack

    from racer.bench.contest import Contest
    from racer.bench.prompts import Question
    from racer.bench.sample import Sample
    from racer.bench.seen import Ending
    from racer.bench.witness import Watch
    from racer.config import Config
    from racer.core.facts import Observer
    from racer.core.options import Options, StreamOptions
    from racer.core.provider import Lane
    from racer.exchange import Transport as TransportPort
    from racer.timepiece import Timepiece

PATIENCE = 65.0  # a limit of a minute is open again within that
DEADLINE = 60.0
CONFIDENCE = 0.95
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Progress:
    """How a bench stands. `number` is the round, -1 the warm-up; `asked` are those who have not ended yet.

    `waiting`: those of them that have not been sent anything yet.
    """

    number: int
    rounds: int
    sent: int
    announced: int
    asked: tuple[str, ...]
    waiting: tuple[str, ...]
    began: float


class Settings(TypedDict, total=False):
    """`deadline` and `patience` in seconds: for an answer, and for a limit to open again."""

    deadline: float
    patience: float
    notes: Sequence[str]


class Bench:
    """`lanes` are those of the contest. `witness` observes `racer`; `opened` gives one that fits together.

    `notes` go into the report as they are.
    """

    def __init__(
        self,
        racer: Racer,
        witness: Witness,
        contest: Contest,
        lanes: Iterable[Lane],
        questions: Sequence[Question],
        *,
        deadline: float = DEADLINE,
        patience: float = PATIENCE,
        notes: Sequence[str] = (),
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._racer = racer
        self._witness = witness
        self._contest = contest
        self._lanes = {lane.id: lane for lane in lanes}
        self._questions = questions
        self._deadline = deadline
        self._patience = patience
        self._notes = notes
        self._wall = wall
        self._till = Till(contest)
        self._samples: list[Sample] = []
        self._sent: dict[Kind, Counter[str]] = {kind: Counter() for kind in Kind}
        self._providers: Counter[str] = Counter()
        self._open: dict[str, Watch] = {}
        self._began = self._ended = wall()
        self._number, self._done = WARM_UP, 0
        self._stopped: str | None = None
        self._scope = anyio.CancelScope()
        self._told: Callable[[Sample], None] = _ignored

    async def run(self, told: Callable[[Sample], None] | None = None) -> Report:
        """All rounds, once. `told` gets each sample as it comes; `report()` has what there is at any time."""
        await self.go(told)
        return self.report()

    async def go(self, told: Callable[[Sample], None] | None = None) -> None:
        """The same, with nothing reckoned at the end."""
        self._told = told or _ignored
        self._began = self._ended = self._wall()
        try:
            with self._scope:
                await self._rounds()
        except anyio.get_cancelled_exc_class():
            self._stopped = self._stopped or "interrupted"
            raise
        finally:
            self._ended = self._wall()

    def stop(self, why: str = "interrupted") -> None:
        """Send nothing more: `run` stops what is under way, and returns a report that says `why`."""
        self._stopped = why
        self._scope.cancel()

    def progress(self) -> Progress:
        sent = self._providers.total()
        flying = sum(sum(watch.starts.values()) for watch in self._open.values())
        waiting = tuple(name for name, watch in self._open.items() if watch.began is None)
        terms, announced = self._contest.terms, self._contest.announced.total
        asked = tuple(self._open)
        return Progress(self._number, terms.rounds, sent + flying, announced, asked, waiting, self._began)

    # ------------------------------------------------------------------- rounds

    async def _rounds(self) -> None:
        terms = self._contest.terms
        if terms.warm_up:
            await self._ask_all(WARM_UP)
        for number in range(terms.rounds):
            self._number = number
            await self._ask_all(number)
            for policy in self._contest.policies(number):
                await self._race(policy, number)
            self._done = number + 1
        for policy in self._contest.lingering:
            while self._till.left(policy) > 0:
                self._number += 1
                if not await self._race(policy, self._number):
                    self._till.ends(policy)

    async def _ask_all(self, number: int) -> None:
        """Providers beside each other; lanes at home when these are done, so that nobody slows them down."""
        async with anyio.create_task_group() as group:
            for lanes in self._contest.groups(number):
                group.start_soon(self._ask_each, lanes, number)
        await self._ask_each(self._contest.at_home(number), number)

    async def _ask_each(self, lanes: Sequence[str], number: int) -> None:
        for lane in lanes:
            await self._ask(self._lanes[lane], number)

    async def _ask(self, lane: Lane, number: int) -> None:
        with self._watched(Kind.LANE, lane.id, lane) as watch:
            asked_at, ending = self._wall(), await self._answered(lane, number, watch)
            sample = self._sample(Kind.LANE, lane.id, number, watch, asked_at, ending)
        self._keep(sample)

    async def _answered(self, lane: Lane, number: int, watch: Watch) -> Ending:
        """It is read to its end: only what is streamed has a first token."""
        question = self._questions[self._contest.prompt(number)]
        own: StreamOptions = {
            "only": lane.id, "lanes": 1, "policy": "one", "attempts": 1, "cache": False,
            "wait": self._patience, "deadline": self._patience + self._deadline,
        }  # fmt: skip
        options = cast("StreamOptions", {**question.options, **own})
        with anyio.CancelScope() as scope:
            watch.when_begun = partial(_bound, scope, self._deadline)
            try:
                async with self._racer.stream(question.messages, **options) as stream:
                    async for _ in stream:
                        pass
                    return stream.reply
            except RacerError as error:
                return error
        return DeadlineExceeded(f"no whole answer within {self._deadline:g} s")

    async def _race(self, policy: str, number: int) -> bool:
        """False where nothing was sent."""
        grid = self._till.race(policy)
        if grid is None:
            return False
        with self._watched(Kind.POLICY, policy) as watch:
            asked_at = self._wall()
            ending = await self._raced(policy, grid.lanes, grid.attempts, number)
            sample = self._sample(Kind.POLICY, policy, number, watch, asked_at, ending)
            self._till.raced(policy, sum(watch.starts.values()))
        self._keep(sample)
        return sample.sent > 0

    async def _raced(self, policy: str, lanes: Sequence[str], attempts: int, number: int) -> Ending:
        """With what `wait=` does a lane may be asked twice in a race: so it is waited for here."""
        question = self._questions[self._contest.prompt(number)]
        own: dict[str, Any] = {
            "only": list(lanes), "lanes": attempts, "attempts": attempts, "policy": policy,
            "cache": False, "wait": 0.0, "deadline": self._deadline,
        }  # fmt: skip
        options = cast("Options", {**question.options, **own})
        until = anyio.current_time() + self._patience
        while True:
            try:
                return await self._racer.race(question.messages, **options)
            except NoLanes as error:
                wait = NEVER if error.until is None else max(0.05, error.until - self._wall())
                if anyio.current_time() + wait > until:
                    return error
                await anyio.sleep(wait)
            except RacerError as error:
                return error

    # ------------------------------------------------------------------ samples

    @contextmanager
    def _watched(self, kind: Kind, name: str, lane: Lane | None = None) -> Generator[Watch]:
        """What was sent within counts, also where nobody lived to see what became of it."""
        with watching(lane) as watch:
            self._open[name] = watch
            try:
                yield watch
            finally:
                del self._open[name]
                self._sent[kind][name] += sum(watch.starts.values())
                self._providers.update(watch.starts)

    def _sample(
        self, kind: Kind, name: str, number: int, watch: Watch, asked_at: float, ending: Ending
    ) -> Sample:
        took, at = 0.0, asked_at
        if watch.began is not None:
            took = anyio.current_time() - watch.began
            at = self._wall() - took
        prompt = self._contest.prompt(number)
        return sample_of(kind, name, number, prompt, watch.attempts, ending, at=at, took=took)

    def _keep(self, sample: Sample) -> None:
        self._samples.append(sample)
        self._told(sample)

    # ------------------------------------------------------------------- report

    def report(self) -> Report:
        """What was seen so far, reckoned anew each time: that takes a second."""
        from racer.bench.figures import comparisons, rows

        contest, samples = self._contest, tuple(self._samples)
        heard = {name: self._witness.limits(name) for name in self._lanes}
        found = rows(samples, contest.contenders, heard, CONFIDENCE)
        sent = Spending(dict(self._sent[Kind.LANE]), dict(self._sent[Kind.POLICY]), dict(self._providers))
        return Report(
            began=self._began,
            ended=self._ended,
            seed=contest.terms.seed,
            rounds=contest.terms.rounds,
            rounds_done=self._done,
            warm_up=contest.terms.warm_up,
            prompts=contest.terms.prompts,
            width=contest.width,
            confidence=CONFIDENCE,
            announced=contest.announced,
            sent=sent,
            rows=found,
            comparisons=comparisons(samples, found, contest.terms.seed),
            samples=samples,
            machine=machine(),
            stopped=self._stopped,
            notes=(*self._notes, *self._remarks(sent)),
        )

    def _remarks(self, sent: Spending) -> tuple[str, ...]:
        asked = enumerate(each.call().max_tokens for each in self._questions)
        bounds = {number: most for number, most in asked if most is not None}
        announced, complete = self._contest.announced, self._stopped is None
        return remarks(announced, sent, self._samples, bounds, complete=complete)


def machine() -> dict[str, str]:
    """What the times depend on, and nothing that tells whose it is."""
    try:
        version = metadata.version("llm-racer")
    except metadata.PackageNotFoundError:
        version = ""
    return {
        "racer": version,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cores": str(os.cpu_count() or ""),
    }


@asynccontextmanager
async def opened(
    config: Config,
    contest: Contest,
    lanes: Iterable[Lane],
    questions: Sequence[Question],
    *,
    transport: TransportPort | None = None,
    observers: Sequence[Observer] = (),
    timepiece: Timepiece | None = None,
    **options: Unpack[Settings],
) -> AsyncGenerator[Bench]:
    """A bench with a Racer of its own, which sees whatever that does.

    `transport` replaces the network, `timepiece` the machine's clocks.
    """
    wall = time.time if timepiece is None else timepiece.wall
    witness = Witness(wall)
    async with AsyncExitStack() as exits:
        network = await exits.enter_async_context(Transport()) if transport is None else transport
        overheard = Overheard(network, witness)
        racer = Racer(config, transport=overheard, observers=[witness, *observers], timepiece=timepiece)
        await exits.enter_async_context(racer)
        yield Bench(racer, witness, contest, lanes, questions, wall=wall, **options)


def _bound(scope: anyio.CancelScope, seconds: float, began: float) -> None:
    scope.deadline = began + seconds


def _ignored(sample: Sample) -> None:
    """Nobody listens."""
