"""Racers on real files: what breaks, who dies, who forgets to close. Counts must outlive all of it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from racer import NoLanes, Racer
from racer.core.facts import RaceEnded, RaceStarted, StoreHealed, StoreTroubled
from racer.core.heat import Ending
from racer.core.quota import Joined, Report
from racer.recorder import KEPT
from racer.store.census import GRACE, LONGEST_SILENCE, enrol
from racer.store.schema import MIGRATIONS
from racer.store.sqlite import SqliteStore, alive
from racer.testing import ScriptedTransport, config_of, hangs, says
from tests.racer.counting import DAILY, LEVELS, crowd, database_of, ledger_of, limited, tried

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from racer.core.facts import Fact
    from racer.core.provider import Limit, Provider

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]

HUNDRED = replace(DAILY, amount=100)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "racer.db"


def racer_on(file: Path, *providers: Provider, facts: list[Fact] | None = None, **scripts: Any) -> Racer:
    transport = ScriptedTransport({each.name: says("hi") for each in providers} | scripts)
    observers = [] if facts is None else [facts.append]
    config = replace(config_of(), providers=providers)
    return Racer(config, transport=transport, observers=observers, store=SqliteStore(file, LEVELS))


@asynccontextmanager
async def opened(file: Path, *limits: Limit) -> AsyncGenerator[tuple[Racer, list[Fact]]]:
    """`a` with `limits`, `free` without any; a race has run."""
    facts: list[Fact] = []
    async with racer_on(file, limited("a", *limits), limited("free"), facts=facts) as racer:
        await racer.race("hi", only="a")
        yield racer, facts


def read(file: Path, select: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as other:
        return other.execute(f"SELECT {select}").fetchall()


def used(file: Path) -> float:
    """All that counts of everything, leases included."""
    ((slots,),) = read(file, "TOTAL(used + outside) FROM slots")
    ((leases,),) = read(file, "TOTAL(amount) FROM leases")
    return float(slots + leases)


def content(file: Path) -> bytes:
    return file.read_bytes()


def told(facts: list[Fact]) -> list[str]:
    return [fact.reason for fact in facts if isinstance(fact, StoreTroubled)]


async def until(facts: list[Fact], kind: type[object]) -> None:
    """Until it is told."""
    with anyio.fail_after(30):
        while not any(isinstance(fact, kind) for fact in facts):  # noqa: ASYNC110 - facts are told to a list
            await anyio.sleep(0.02)


# ---------------------------------------------------------------- faults of the file


async def test_locked_by_another_program(file: Path) -> None:
    """What is held is spent, the rest refused with the reason; who has no limits runs; all is written."""
    async with opened(file, HUNDRED) as (racer, facts):
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            held = [await tried(racer, only="a") for _ in range(2)]
            await until(facts, StoreTroubled)
            spent = [type(await tried(racer, only="a")).__name__ for _ in range(10)]
            refused = await tried(racer, only="a")
            free = await racer.race("hi", only="free")
        await until(facts, StoreHealed)
        again = await racer.race("hi", only="a")

    assert ["hi", "hi"] == [getattr(reply, "text", "") for reply in held]
    assert "NoLanes" == spent[-1]
    assert isinstance(refused, NoLanes)
    assert "locked by another program" in str(refused)
    assert ("hi", "hi") == (free.text, again.text)
    assert 1 == len(told(facts))
    ran = 1 + 2 + spent.count("Reply") + 1
    assert [(ran,)] == read(file, "COUNT(*) FROM attempts WHERE provider = 'a' AND outcome = 'won'")
    assert ran == used(file)


async def test_a_place_that_will_not_do(tmp_path: Path) -> None:
    """The folder is a file: who has limits is told why, who has none runs, and closing takes no time."""
    (tmp_path / "file").write_text("")
    facts: list[Fact] = []
    racer = racer_on(tmp_path / "file" / "racer.db", limited("a", DAILY), limited("free"), facts=facts)
    async with racer:
        reply = await racer.race("hi")
        with pytest.raises(NoLanes, match=r"cannot be opened .*RACER_DB"):
            await racer.race("hi", only="a")
        with anyio.fail_after(2):
            await racer.__aexit__()

    assert "free" == reply.provider
    records = sum(type(fact) in KEPT for fact in facts)
    assert [0, records] == [fact.lost for fact in facts if isinstance(fact, StoreTroubled)]


async def test_a_newer_schema_is_left_alone(file: Path) -> None:
    """The file of a newer racer is not touched; the remedy is told."""
    async with racer_on(file, limited("a", DAILY)):
        pass
    with closing(sqlite3.connect(file)) as other:
        other.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = content(file)
    async with racer_on(file, limited("a", DAILY)) as racer:
        with pytest.raises(NoLanes, match=r"newer racer.*upgrade"):
            await racer.race("hi")

    assert before == content(file)


async def test_damaged_in_the_midst(file: Path) -> None:
    """It is set aside, never deleted; a new one counts half of each limit as used, and what was untold."""
    async with opened(file, HUNDRED):
        pass
    damage(file, "attempts")
    async with opened(file, HUNDRED) as (racer, facts):
        await until(facts, StoreHealed)
        await anyio.sleep(0.3)
        ends = await crowd(racer, 60, only="a")

    reason, *more = told(facts)
    assert [] == more
    (aside,) = file.parent.glob("racer.db.corrupt-*[0-9]")
    assert str(aside) in reason
    assert "half of each limit" in reason
    assert ends["Reply"] <= 50
    assert [(1 + ends["Reply"],)] == read(file, "COUNT(*) FROM attempts WHERE outcome = 'won'")


def damage(file: Path, table: str) -> None:
    """Lose its first page on the disk; nothing reads it when the file is opened."""
    with closing(sqlite3.connect(file)) as other:
        ((page,),) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchall()
    with file.open("r+b") as disk:
        disk.seek((page - 1) * 4096)
        disk.write(b"\xff" * 4096)


async def test_deleted_in_the_midst(file: Path) -> None:
    """A new one begins, and that is told. What was used is not handed out again: who lives remembers it."""
    async with opened(file, HUNDRED) as (racer, facts):
        await crowd(racer, 20, only="a")
        await anyio.sleep(0.5)
        for each in file.parent.glob("racer.db*"):
            each.unlink()
        await crowd(racer, 3, only="a")
        await until(facts, StoreHealed)
        await racer.race("hi", only="a")

    assert ["was deleted" in reason for reason in told(facts)] == [True]
    assert [(4,)] == read(file, "COUNT(*) FROM attempts WHERE outcome = 'won'")
    assert [(True,)] == read(file, "used >= 24 FROM v_usage")


async def test_a_full_disk(file: Path) -> None:
    """Nothing can be written: it is told, who has no limits goes on; when there is room all is written."""

    def pages(most: int) -> Callable[[sqlite3.Connection], object]:
        return lambda connection: connection.execute(f"PRAGMA max_page_count = {most}").fetchone()

    async with opened(file, HUNDRED) as (racer, facts):
        await anyio.sleep(0.5)
        store = ledger_of(racer)._store  # pyright: ignore[reportPrivateUsage] - it has to be made small
        assert isinstance(store, SqliteStore)
        database = database_of(store)
        await database.run(pages(1))
        for _ in range(300):
            await racer.race("hi" * 20, only="free")
        await until(facts, StoreTroubled)
        await racer.race("hi", only="free")
        await database.run(pages(10**6))
        await until(facts, StoreHealed)

    assert "no room left" in told(facts)[0]
    assert [(302,)] == read(file, "COUNT(*) FROM attempts WHERE outcome = 'won'")


# ---------------------------------------------------------------- processes


PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from racer.testing import says, hangs
from tests.racer.store.test_sqlite import HUNDRED, racer_on, limited, crowd
file = Path(sys.argv[1])
"""

DYING = """
async def main():
    async with racer_on(file, limited("a", HUNDRED), a=says("hi", after=0.02)) as racer:
        print("begun", flush=True)
        while True:
            print((await crowd(racer, 3))["Reply"], flush=True)

asyncio.run(main())
"""


def program(script: str, file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", PROGRAM + script, str(file)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(script: str, file: Path) -> tuple[int | None, str, str]:
    with program(script, file) as running:
        out, err = running.communicate(timeout=60)
        return running.returncode, out, err


@pytest.mark.parametrize("after", [0.0, 0.12, 0.31, 0.55, 1.1])
async def test_killed_at_any_instant(file: Path, after: float) -> None:
    """What it has sent counts for good; what was running is lost once the next one has buried it."""
    with program(DYING, file) as running:
        assert running.stdout is not None
        running.stdout.readline()
        await anyio.sleep(after)
        running.kill()
        sent = sum(int(line) for line in running.stdout.read().split())

    async with racer_on(file, limited("a", HUNDRED)) as racer:
        await anyio.sleep(0.3)
        ends = await crowd(racer, 120)

    assert sent + ends["Reply"] <= 100
    assert [] == read(file, "race FROM attempts WHERE outcome = 'running'")
    assert [] == read(file, "id FROM races WHERE ending IS NULL")
    assert [] == read(file, "amount FROM leases WHERE amount > 0")


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("home", "here", "ours", "theirs"),
    [
        ("boot pid:[1]", "boot pid:[1]", True, False),
        ("boot ", "boot ", True, False),
        ("boot pid:[2]", "boot pid:[1]", None, None),
        ("boot", "boot pid:[1]", None, None),
        ("other pid:[1]", "boot pid:[1]", False, False),
        (" ", " ", None, None),
        ("boot pid:[1]", " pid:[1]", None, None),
        (" pid:[1]", "boot pid:[1]", None, None),
    ],
)
def test_who_can_be_told_to_live(
    gone: int, home: str, here: str, ours: bool | None, theirs: bool | None
) -> None:
    """A process of the same boot and namespace; none of another boot lives; of the rest nobody knows."""
    assert ours is alive(os.getpid(), home, here=here)
    assert theirs is alive(gone, home, here=here)


async def test_one_that_stood_still_goes_on(file: Path) -> None:
    """Its process is there, so it is not buried before an hour has gone by."""
    one, two = SqliteStore(file), SqliteStore(file)
    await one.open(1000.0, 0.0, "boot")
    await two.open(1000.0, 0.0, "boot")
    heard: list[bool] = []
    for later in (GRACE + 1, LONGEST_SILENCE, 2 * LONGEST_SILENCE + 1):
        await two.exchange(Report(), (), 1000.0 + later)
        await two.tidy(1000.0 + later)
        heard.append(await one.exchange(Report(), (), 1000.0 + later) is not None)
    await one.aclose()
    await two.aclose()

    assert [True, True, False] == heard


async def test_who_joins_is_told_what_races_before_have_cost(file: Path) -> None:
    """What others have sent counts, too."""
    one, two = SqliteStore(file), SqliteStore(file)
    await one.open(1000.0, 0.0, "boot")
    facts: list[Fact] = [
        RaceStarted("r", "all", 4, 60.0, ()),
        RaceEnded("r", Ending.WON, 1.0, 3, charged=2),
        RaceStarted("s", "frugal", 4, 60.0, ()),
        RaceEnded("s", Ending.EXPIRED, 1.0, 2, charged=1),
    ]
    await one.exchange(Report(), [(1000.0, fact) for fact in facts], 1001.0)
    joined = await two.open(500_000.0, 10.0, "boot")
    for store in (one, two):
        await store.aclose()

    assert joined == Joined((1000.0, 0.0), {}, "", [("all", True, 2), ("frugal", False, 1)])


async def test_containers_on_one_machine(file: Path, gone: int) -> None:
    """They share the clock's anchor, and none buries another for a process that it cannot see."""
    store = SqliteStore(file)
    await store.open(1000.0, 0.0, "boot")
    await database_of(store).run(lambda each: enrol(each, pid=gone, boot="boot pid:[1]", now=1000.0))
    for later in (GRACE, GRACE + 10):
        await store.exchange(Report(), (), 1000.0 + later)
        await store.tidy(1000.0 + later)
        assert [(int(later == GRACE),)] == read(file, f"COUNT(*) FROM owners WHERE pid = {gone}")
    await store.aclose()

    assert [("boot",)] == read(file, "value FROM facts WHERE name = 'clock.boot'")
    ((home,),) = read(file, "boot FROM owners")
    assert home.startswith("boot ")
    assert home != "boot pid:[1]"


FORGETFUL = """
async def main():
    racer = racer_on(file, limited("a", HUNDRED))
    await racer.__aenter__()
    await racer.race("hi")
    print("done")

asyncio.run(main())
"""


def test_a_program_that_forgets_to_close(file: Path) -> None:
    """It ends, and what it has sent still counts."""
    code, out, _ = finished(FORGETFUL, file)

    assert (0, "done\n") == (code, out)
    assert used(file) >= 1


FORKED = """
async def main():
    async with racer_on(file, limited("a", HUNDRED)) as racer:
        await racer.race("hi")
        child = os.fork()
        if child == 0:
            try:
                await racer.ledger._store.exchange(racer.ledger._purse.report(0.0), (), 0.0)
            except Exception as error:
                print(type(error).__name__, error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        await racer.race("hi")

asyncio.run(main())
"""


def test_a_forked_child_is_refused(file: Path) -> None:
    """It has to open its own; the parent's goes on, whole."""
    code, out, err = finished(FORKED, file)

    assert (0, "") == (code, err)
    assert out.startswith("StoreError ")
    assert "parent process has it open" in out
    assert [("ok",)] == checked(file)
    assert 2 == used(file)


def checked(file: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as other:
        return other.execute("PRAGMA integrity_check").fetchall()


CLOSED = """
async def main():
    async with racer_on(file, limited("a", HUNDRED)) as racer:
        await crowd(racer, 20)

asyncio.run(main())
"""


def test_a_program_that_ends_well_says_nothing(file: Path) -> None:
    """With every warning an error, also of resources that were left open."""
    assert (0, "", "") == finished(CLOSED, file)
    assert 20 == used(file)


# ---------------------------------------------------------------- opening and closing


async def test_two_racers_in_one_process(file: Path) -> None:
    """They share a file as two processes do: five calls in all."""
    async with racer_on(file, limited("a", DAILY)) as one, racer_on(file, limited("a", DAILY)) as two:
        first, second = await crowd(one, 1), await crowd(two, 1)
        await anyio.sleep(2.5)
        for _ in range(4):
            for racer, ends in ((one, first), (two, second)):
                ends.update(await crowd(racer, 3))
            await anyio.sleep(1.3)

    assert 5 == first["Reply"] + second["Reply"]
    assert 5 == used(file)


async def test_open_and_closed_at_once(file: Path) -> None:
    """Nothing is left behind, and no lease."""
    for _ in range(3):
        async with racer_on(file, limited("a", DAILY)):
            pass

    assert 0 == used(file)
    assert [] == read(file, "id FROM owners")


async def test_closing_while_races_run(file: Path) -> None:
    """Races that are cancelled with their Racer are written down as aborted, their lanes as lost."""
    async with racer_on(file, limited("a", DAILY), a=hangs()) as racer:
        tasks = [asyncio.create_task(racer.race("hi")) for _ in range(3)]
        await anyio.sleep(0.2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await racer.__aexit__()

    assert [("aborted", 3)] == read(file, "ending, COUNT(*) FROM races GROUP BY 1")
    assert [("lost", 3)] == read(file, "outcome, COUNT(*) FROM attempts GROUP BY 1")
    assert 3 == used(file)


async def test_closing_that_is_cancelled_writes_all_the_same(file: Path) -> None:
    """A caller who waits no longer does not cost the records."""
    racer = racer_on(file, limited("a", DAILY))
    with anyio.CancelScope() as scope:
        async with racer:
            await crowd(racer, 3)
            scope.cancel()

    assert [(3,)] == read(file, "COUNT(*) FROM attempts WHERE outcome = 'won'")
    assert 3 == used(file)
    assert [] == read(file, "id FROM owners")


async def test_read_through_its_own_store(tmp_path: Path) -> None:
    """What nobody else can read; whoever comes too early waits until it is open."""
    async with racer_on(tmp_path / "racer.db", limited("free")) as racer:
        found = await racer.store.read(lambda inside: inside.execute("SELECT COUNT(*) FROM races").fetchone())

    assert found == (0,)
