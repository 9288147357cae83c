"""A database with a long history: how large it is, and how soon it answers.

    python benchmarks/history.py [--attempts 1000000]

The rows are written by the product's own functions, in batches as a Racer writes them; then the questions
that commands and ranking ask are timed, each on a fresh connection as a command has it.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from racer.core.facts import LaneEnded, LaneStarted, RaceEnded, RaceStarted
from racer.core.field import field_of
from racer.core.heat import Ending, Outcome
from racer.core.provider import Limit
from racer.core.quota import Meter, Report, Spend
from racer.core.reply import Attempt
from racer.core.span import Rolling, slot_at
from racer.store import census, quotas, readings, records
from racer.store.connection import Terms, on_disk, transaction
from racer.store.schema import MIGRATIONS
from racer.testing import provider_of
from racer_adapters.types import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from racer.core.facts import Fact
    from racer.core.provider import Lane

A_RACE = 4
BATCH = 100
DAY = 86_400.0
Note = tuple[float, "Fact"]


def lanes() -> tuple[Lane, ...]:
    providers = [provider_of(f"p{number}", "small", "large") for number in range(10)]
    return field_of(providers, {}).lanes


def race(number: int, at: float, field: tuple[Lane, ...], chance: random.Random) -> Iterator[Note]:
    """The facts of one race: four lanes, of which one wins."""
    name, chosen = f"{number:016x}", chance.sample(field, A_RACE)
    yield at, RaceStarted(name, "all", A_RACE, 60.0, tuple(chosen))
    for place, lane in enumerate(chosen):
        yield at, LaneStarted(name, place, lane, 0.0)
    for place, lane in enumerate(chosen):
        took = chance.lognormvariate(0.0, 0.6)
        outcome = Outcome.WON if place == 0 else chance.choice((Outcome.LOST, Outcome.LOST, Outcome.FAILED))
        usage = Usage(chance.randrange(20, 2000), chance.randrange(5, 800))
        attempt = Attempt(
            lane.id, lane.provider.name, lane.model.name, 0.0, took, outcome, None, None, took / 2, usage
        )
        yield at + took, LaneEnded(name, place, lane, attempt)
    yield at + 1.0, RaceEnded(name, Ending.WON, 1.0, A_RACE, chosen[0])


def fill(connection: sqlite3.Connection, attempts: int) -> float:
    """Seconds that it took."""
    field, chance, began = lanes(), random.Random(1), time.perf_counter()
    owner = census.enrol(connection, pid=1, boot="", now=0.0)
    races, now = attempts // A_RACE, time.time()
    for first in range(0, races, BATCH):
        start = now - 29 * DAY * (1 - first / races)
        notes = [
            note
            for number in range(first, min(first + BATCH, races))
            for note in race(number, start, field, chance)
        ]
        transaction(connection, lambda inside, notes=notes: records.write(inside, owner, notes))  # type: ignore[misc]
    transaction(connection, lambda inside: quotas.exchange(inside, owner, spends(now), now, (0.75,)))
    return time.perf_counter() - began


def spends(now: float) -> Report:
    """A hundred limits that are in use."""
    limit, span = Limit("requests", 1000, "day"), Rolling(DAY)
    meters = [
        Meter(f"p{number} requests/day", f"p{number}", f"p{number}", "", limit.unit, "day", 1e6, span)
        for number in range(100)
    ]
    slots = [slot_at(span, now - DAY * share / 60) for share in range(60)]
    return Report(tuple(Spend(meter, slot, 5.0, 0.0) for meter in meters for slot in slots))


def asked(path: Path, question: Callable[[sqlite3.Connection], Any]) -> float:
    """Milliseconds, the median of ten."""
    times: list[float] = []
    for _ in range(10):
        with closing(sqlite3.connect(path)) as connection:
            began = time.perf_counter()
            question(connection)
            times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--attempts", type=int, default=1_000_000)
    given = parser.parse_args()
    print(" ".join(["python", "benchmarks/history.py", *sys.argv[1:]]))
    now = time.time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "racer.db"
        connection, _ = on_disk(path, Terms(now, MIGRATIONS))
        with closing(connection):
            seconds = fill(connection, given.attempts)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = path.stat().st_size
        print(f"  {given.attempts:,} attempts written in {seconds:.0f} s, {size / 1e6:.0f} MB")
        questions: dict[str, Callable[[sqlite3.Connection], Any]] = {
            "usage": lambda one: readings.usage(one, now),
            "what ranking reads": readings.learned,
            "sums of the last 30 days": lambda one: readings.days(one, now - 30 * DAY),
            "the last race": lambda one: readings.race(one, None),
            "v_usage": lambda one: one.execute("SELECT * FROM v_usage").fetchall(),
            "v_latency": lambda one: one.execute("SELECT * FROM v_latency").fetchall(),
        }
        for name, question in questions.items():
            print(f"  {name:26} {asked(path, question):7.2f} ms")


if __name__ == "__main__":
    main()
