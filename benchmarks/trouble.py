"""What `frugal` does where it knows nothing, where lanes change, and where nobody answers; in virtual time.

    python benchmarks/trouble.py [--seeds 8] [--parts cold known news outage] [--wait 0] [--jobs 2]

As in benchmarks/policies.py, a real Racer with an empty database in memory, on days drawn beforehand.

cold    The first 50 calls of all, beside those of `fixed`. That is no policy of racer: it asks the lane of
        the best rank, and a second later the next, until a token has come. A loaded local lane is asked, too.
known   How often each lane has been asked after 150 calls, and after a day on which nothing goes wrong.
news    After two hours of such a day, the lane that is asked first is 5 times slower; or the one that was
        asked least is the fastest of all. How long it takes until most races know.
outage  A race a second, and ten minutes in which each lane says 503, or nothing at all, or is not there. The
        lanes have no limits, so that nothing but the outage keeps them out. `all` has no bound of its own
        for extra requests: one with `max_tax` stands beside it. `--wait` is the option of that name.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import platform
import statistics
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import anyio
import numpy as np

from benchmarks.hosts import Hosts, provider, question
from benchmarks.policies import DEADLINE, MIDNIGHT, TIMEOUT, config_of
from benchmarks.tally import Bar, concluded
from benchmarks.weather import HOUR, Spell, Weather
from benchmarks.worlds import AMPLE_SEVEN, Scene, World, world
from racer import Config, Racer, RacerError
from racer.core.allowance import EXTRA, MOST
from racer.core.facts import Fact, LaneStarted, RaceEnded
from racer.core.options import Defaults
from racer.core.plan import POLICIES
from racer.core.view import Planned, Why
from racer.store.sqlite import SqliteStore
from racer.testing import VirtualLoop
from racer.timepiece import Timepiece
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
    from concurrent.futures import Executor

    from racer.core.provider import Lane
    from racer.core.view import View
    from racer.exchange import Incoming, Transport
    from racer_adapters.types import WireRequest

FIXED = 1.0
COLD, FIRST_CALLS, COLD_CALLS = ("cold7", "calm4", "rough3"), 50, 150
DAY = Scene(AMPLE_SEVEN, 1800)  # as many an hour as in cold7
CHANGES, TIMES_SLOWER = 2 * HOUR, 5.0
TAKEN_OVER = 18, 20  # it is known when so many of so many races in a row begin with another
BEGINS, ENDS, OVER = 300, 900, 1200
SOON, ANSWERED, A_WHILE = 30.0, 0.95, 60
EXTRAS = frozenset({Why.LATE, Why.STALLED, Why.BESIDE})

Part = Literal["cold", "known", "news", "outage"]
News = Literal["slower", "faster"]
Outage = Literal["503", "silence", "refused"]


def plan_fixed(view: View) -> Sequence[Planned]:
    """The lane of the best rank, and the next a second after the last, until one has shown a token."""
    ahead = [lane for lane in view.waiting if _is_ahead(lane)]
    others = [lane for lane in view.waiting if not _is_ahead(lane)]
    running = [run for run in view.running if not _is_ahead(run.lane)]
    plan = [Planned(lane, why=Why.AHEAD) for lane in ahead]
    if others and not any(run.first_token is not None for run in running):
        offset = max(0.0, running[-1].started + FIXED - view.now) if running else 0.0
        plan.append(Planned(others[0], offset, why=Why.LATE if running else Why.FIRST))
    return plan[: view.width - len(view.running)]


def _is_ahead(lane: Lane) -> bool:
    return lane.provider.local and not lane.is_cold


class Begun(NamedTuple):
    at: float
    lane: str
    why: Why
    race: str


class Record:
    """What the engine says of metered lanes. `then` is done once, at the first news since `at`."""

    def __init__(self, then: Callable[[Record], None] | None = None, at: float = math.inf) -> None:
        self._then = then
        self._at = at
        self.starts: list[Begun] = []
        self.taxed: list[tuple[float, int]] = []

    def __call__(self, fact: Fact) -> None:
        now = anyio.current_time()
        if self._then is not None and now >= self._at:
            then, self._then = self._then, None
            then(self)
        if isinstance(fact, LaneStarted) and not fact.lane.provider.local:
            self.starts.append(Begun(now, fact.lane.provider.name, fact.why, fact.race))
        elif isinstance(fact, RaceEnded):
            self.taxed.append((now, fact.tax.requests))

    def asked(self, since: float = 0.0, until: float = math.inf) -> Counter[str]:
        """How often each lane has been, of late."""
        return Counter(start.lane for start in self.starts if since <= start.at < until)

    def first_asked(self, since: float = 0.0) -> list[str]:
        """By race, the lane that it began with."""
        first = {start.race: start for start in reversed(self.starts)}
        return [start.lane for start in sorted(first.values()) if start.at >= since]


class Call(NamedTuple):
    """`ends` is None where no answer has come."""

    began: float
    ends: float | None

    @property
    def wait(self) -> float:
        return DEADLINE if self.ends is None else self.ends - self.began


def played(day: World, config: Config, record: Record, transport: Transport | None = None) -> list[Call]:
    """All questions of a day, each at its instant."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_played(day, config, record, transport or Hosts(day)))


async def _played(day: World, config: Config, record: Record, transport: Transport) -> list[Call]:
    calls = [Call(instant, None) for instant in day.arrivals.tolist()]

    async def one(racer: Racer, number: int) -> None:
        try:
            await racer.race(question(day, number))
        except RacerError:
            return
        calls[number] = Call(calls[number].began, anyio.current_time())

    clocks = Timepiece(lambda: MIDNIGHT + anyio.current_time(), anyio.current_time, "boot")
    store = SqliteStore(None)
    racer = Racer(config, transport=transport, observers=[record], store=store, timepiece=clocks)
    async with racer, asyncio.TaskGroup() as group:
        for number, call in enumerate(calls):
            await anyio.sleep_until(call.began)
            group.create_task(one(racer, number))
    return calls


def percentiles(calls: Iterable[Call]) -> tuple[float, float]:
    """The median, and what one in twenty exceeds."""
    p50, p95 = np.percentile([call.wait for call in calls], (50, 95))
    return float(p50), float(p95)


# ---------------------------------------------------------------- without any history


def cold(name: str, policy: str, seed: int) -> tuple[float, float, float]:
    """The median, p95, and how many metered requests were sent for an answer."""
    POLICIES.setdefault("fixed", plan_fixed)
    day, record = world(name, seed), Record()
    day.arrivals = day.arrivals[:FIRST_CALLS]
    calls = played(day, config_of(day, policy), record)
    return *percentiles(calls), len(record.starts) / sum(call.ends is not None for call in calls)


def show_cold(pool: Executor, seeds: int) -> list[Bar]:
    print(f"\nthe first {FIRST_CALLS} calls: medians of {seeds} seeds, and p95 of each")
    found: list[Bar] = []
    for name in COLD:
        p95: dict[str, float] = {}
        for policy in ("frugal", "fixed"):
            runs = list(pool.map(cold, [name] * seeds, [policy] * seeds, range(seeds)))
            p50, p95[policy], sent = (statistics.median(column) for column in zip(*runs, strict=True))
            each = " ".join(f"{run[1]:.2f}" for run in runs)
            print(f"  {name:7}{policy:7} p50 {p50:.2f} s, p95 {p95[policy]:.2f} s, {sent:.2f} sent  ({each})")
        ours, other = p95["frugal"], p95["fixed"]
        found.append(Bar(f"{name}: p95 {ours:.2f} s without history, {other:.2f} s of fixed", ours <= other))
    return found


# ---------------------------------------------------------------- what is known of lanes


def known(seed: int) -> tuple[Counter[str], Counter[str]]:
    """How often each lane was asked in the first calls, and in all of a day."""
    day, record = World(DAY, seed), Record()
    calls = played(day, config_of(day, "frugal"), record)
    return record.asked(until=calls[COLD_CALLS].began), record.asked()


def show_known(pool: Executor, seeds: int) -> list[Bar]:
    print(f"\nhow often lanes are asked: median and least of {seeds} seeds; how many never asked it")
    runs, found = list(pool.map(known, range(seeds))), list[Bar]()
    for title, counts in zip((f"{COLD_CALLS} calls", "a day"), zip(*runs, strict=True), strict=True):
        print(f"  after {title}")
        for host in DAY.hosts:
            each = [count[host.name] for count in counts]
            print(f"    {host.name:11}{statistics.median(each):7.0f}{min(each):6}{each.count(0):4}")
        least = min(count[host.name] for count in counts for host in DAY.hosts)
        found.append(Bar(f"after {title} each lane has been asked: the least {least} times", least > 0))
    return found


def news(kind: News, seed: int) -> str:
    """What is said of one day. One in twenty of the races that do not know yet take longer than its p95."""
    day, found = World(DAY, seed), ""

    def change(record: Record) -> None:
        nonlocal found
        found = _changed(kind, day, record)

    record = Record(change, CHANGES)
    calls = played(day, config_of(day, "frugal"), record)
    knows = [(lane == found) is (kind == "faster") for lane in record.first_asked(CHANGES)]
    later = [call for call in calls if call.began >= CHANGES]
    need, of = TAKEN_OVER
    at = next((at for at, does in enumerate(knows) if does and sum(knows[at : at + of]) >= need), None)
    after = "not that day" if at is None else f"{(later[at].began - CHANGES) / 60:.0f} min"
    races = later[:at]
    return f"{found:11}{len(races):6} races, {after:13} p95 meanwhile {percentiles(races)[1]:.2f} s"


def _changed(kind: News, day: World, record: Record) -> str:
    """Make one lane slower, or faster than all others. Which."""
    if kind == "slower":
        name = Counter(record.first_asked()[-COLD_CALLS // 2 :]).most_common(1)[0][0]
        at = [host.name for host in day.lanes].index(name)
        day.weathers[at] = Weather([Spell(CHANGES, math.inf, "slow", TIMES_SLOWER)])
        return name
    least = min(day.lanes[::-1], key=lambda host: record.asked()[host.name])
    best = replace(least, first=0.09, spread=0.3, rate=1500, tail=0.0, failing=0.0)
    day.lanes = tuple(best if host is least else host for host in day.lanes)
    return least.name


def show_news(pool: Executor, seeds: int) -> list[Bar]:
    for kind, what in (("slower", "the first is slower"), ("faster", "the least asked is the fastest")):
        print(f"\n{what}: until nearly all races know")
        for line in pool.map(news, [kind] * seeds, range(seeds)):
            print(f"  {line}", flush=True)
    return []


# ---------------------------------------------------------------- nobody answers


class Away:
    """Nobody is there while the outage lasts."""

    def __init__(self, hosts: Transport) -> None:
        self._hosts = hosts

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncGenerator[Incoming]:
        if BEGINS <= anyio.current_time() < ENDS:
            raise WireError(Kind.CONNECT, "no connection")
        async with self._hosts.send(request) as incoming:
            yield incoming


class Stretch(NamedTuple):
    """Of a run. `extra`: requests beside others; `taxed`: those that were not needed, as facts tell it."""

    sent: int
    extra: int
    taxed: int
    answers: int

    @property
    def is_bounded(self) -> bool:
        return max(self.extra, self.taxed) <= EXTRA * self.answers + MOST


@dataclass(frozen=True)
class Trouble:
    """`first`: seconds from the outage's end to the first answer; `again`: until nearly all have one."""

    during: Stretch
    since: Stretch
    failed: int
    first: float
    again: float
    before: tuple[float, ...]
    after: tuple[float, ...]


def outage(kind: Outage, policy: str, max_tax: float | None, wait: float, seed: int) -> Trouble:
    hosts = tuple(replace(host.ample, a_minute=None, credits=None) for host in AMPLE_SEVEN)
    day, record = World(Scene(hosts, OVER), seed), Record()
    day.arrivals = np.arange(float(OVER))
    transport: Transport = Hosts(day)
    if kind == "refused":
        transport = Away(transport)
    else:
        trouble: Literal["down", "mute"] = "down" if kind == "503" else "mute"
        day.weathers = [Weather([Spell(BEGINS, ENDS, trouble, 1.0)]) for _ in hosts]
    race = Defaults(lanes=4, policy=policy, deadline=DEADLINE, wait=wait, max_tax=max_tax)
    providers = tuple(provider(host, TIMEOUT) for host in hosts)
    calls = played(day, Config(race=race, providers=providers, env={"RACER_LOG": "off"}), record, transport)
    ends = [call.ends for call in calls if call.ends is not None]
    return Trouble(
        during=_stretch(record, ends, BEGINS, ENDS),
        since=_stretch(record, ends, BEGINS, math.inf),
        failed=sum(call.ends is None for call in calls),
        first=min((end - ENDS for end in ends if end >= ENDS), default=math.inf),
        again=_answered_again(calls),
        before=percentiles(calls[:BEGINS]),
        after=percentiles(calls[ENDS:]),
    )


def _stretch(record: Record, ends: Sequence[float], since: float, until: float) -> Stretch:
    starts = [start for start in record.starts if since <= start.at < until]
    extra = sum(start.why in EXTRAS for start in starts)
    taxed = sum(requests for at, requests in record.taxed if since <= at < until)
    return Stretch(len(starts), extra, taxed, sum(since <= end < until for end in ends))


def _answered_again(calls: Sequence[Call]) -> float:
    """Seconds until the first race from which on nearly all of a minute are answered."""
    for at in range(ENDS, OVER - A_WHILE):
        minute = calls[at : at + A_WHILE]
        if minute[0].ends is not None and sum(call.ends is not None for call in minute) >= ANSWERED * A_WHILE:
            return minute[0].began - ENDS
    return math.inf


def show_outage(pool: Executor, seeds: int, wait: float) -> list[Bar]:
    print(f"\nten minutes without an answer, a race a second, wait {wait:g}: the worst of {seeds} seeds")
    print(f"  {'':23}{'in it: sent':>12}{'extra':>7}{'taxed':>7}{'answers':>9}{'failed':>8}", end="")
    print(f"{'first s':>9}{'again s':>9}   p50 and p95 before, and in 5 min after")
    found: list[Bar] = []
    for kind in get_args(Outage):
        for policy, max_tax in (("frugal", None), ("all", None), ("all", EXTRA)):
            given = [[each] * seeds for each in (kind, policy, max_tax, wait)]
            runs = list(pool.map(outage, *given, range(seeds)))
            name = f"{kind}, {policy}" + (f", max_tax {max_tax}" if max_tax else "")
            _row(name, runs)
            again = max(run.again for run in runs)
            found.append(Bar(f"{name}: answered again after {again:.0f} s, of {SOON:.0f}", again < SOON))
            if policy == "frugal" or max_tax:
                bounded = all(run.during.is_bounded and run.since.is_bounded for run in runs)
                found.append(Bar(f"{name}: extra requests within {EXTRA} an answer + {MOST:.0f}", bounded))
    return found


def _row(name: str, runs: Sequence[Trouble]) -> None:
    numbers = [(*run.during, run.failed, run.first, run.again) for run in runs]
    sent, extra, taxed, answers, failed, first, again = map(max, zip(*numbers, strict=True))
    spans = [zip(*(getattr(run, when) for run in runs), strict=True) for when in ("before", "after")]
    times = "   ".join(" ".join(f"{statistics.median(column):.2f}" for column in span) for span in spans)
    print(f"  {name:23}{sent:12}{extra:7}{taxed:7}{answers:9}{failed:8}{first:9.1f}{again:9.0f}   {times}")
    print(f"  {'':23}p50 after, of each seed: {' '.join(f'{run.after[0]:.2f}' for run in runs)}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--parts", nargs="*", choices=get_args(Part), default=get_args(Part))
    parser.add_argument("--wait", type=float, default=0.0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    print(" ".join(["python", "benchmarks/trouble.py", *sys.argv[1:]]))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    found: list[Bar] = []
    with ProcessPoolExecutor(given.jobs) as pool:
        parts: dict[Part, Callable[[], list[Bar]]] = {
            "cold": lambda: show_cold(pool, given.seeds),
            "known": lambda: show_known(pool, given.seeds),
            "news": lambda: show_news(pool, given.seeds),
            "outage": lambda: show_outage(pool, given.seeds, given.wait),
        }
        for name in given.parts:
            found += parts[name]()
    return concluded(found, " of it")


if __name__ == "__main__":
    sys.exit(main())
