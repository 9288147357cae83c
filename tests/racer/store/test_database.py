"""The owner of the database: work runs whole, whoever is cancelled; opening, closing, mishaps."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from racer.errors import StoreError
from racer.store.connection import LARGEST_LOG
from racer.store.database import Database
from racer.store.file import alone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

pytestmark = pytest.mark.anyio
threaded = pytest.mark.real_time
either = pytest.mark.parametrize("name", [None, "racer.db"], ids=["memory", "file"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "racer.db"


@asynccontextmanager
async def using(path: Path | None) -> AsyncGenerator[Database]:
    database = Database(path, wall=lambda: 1_769_860_800.0)
    await database.open()
    try:
        yield database
    finally:
        await database.aclose()


def adding(*names: str) -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        for name in names:
            connection.execute("INSERT INTO facts VALUES (?, 1)", (name,))

    return work


def names(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM facts ORDER BY name")]


def log_of(file: Path) -> bool:
    """Is there one? It goes with the last connection."""
    return Path(f"{file}-wal").exists()


def remove(file: Path) -> None:
    file.unlink()


def size(file: Path) -> int:
    return file.stat().st_size


def joined(before: set[threading.Thread]) -> None:
    """Wait for the threads that came since."""
    for thread in set(threading.enumerate()) - before:
        thread.join(60)


def impatient(connection: sqlite3.Connection) -> None:
    """No test waits two seconds for a lock."""
    connection.execute("PRAGMA busy_timeout = 0")


async def told_by(database: Database, work: Callable[[sqlite3.Connection], object]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        await database.run(work)
    return caught.value


# ---------------------------------------------------------------- work


@threaded
@either
async def test_work_is_kept(tmp_path: Path, name: str | None) -> None:
    """What is written is read, and results come back, with a thread and without."""
    async with using(tmp_path / name if name else None) as database:
        assert await database.run(lambda connection: adding("a", "b")(connection) or 7) == 7
        assert await database.read(names) == ["a", "b"]
        assert await database.tidy() < LARGEST_LOG


@threaded
@either
async def test_work_that_fails_leaves_nothing(tmp_path: Path, name: str | None) -> None:
    """A bug comes out as it is, a mishap of SQLite as StoreError; neither leaves rows, and the next runs."""

    def buggy(connection: sqlite3.Connection) -> None:
        adding("a")(connection)
        raise KeyError("a bug")

    async with using(tmp_path / name if name else None) as database:
        with pytest.raises(KeyError, match="a bug"):
            await database.run(buggy)
        error = await told_by(database, adding("b", "b"))
        await database.run(adding("c"))

        assert error.kind == "other"
        assert isinstance(error.__cause__, sqlite3.IntegrityError)
        assert await database.read(names) == ["c"]


async def test_in_memory_there_is_no_thread() -> None:
    """Nothing waits and no clock is needed, so it can be used on virtual time, and where there is no home."""
    threads = set(threading.enumerate())

    async with using(None) as database:
        await database.run(adding("a"))

        assert set(threading.enumerate()) == threads


@threaded
async def test_work_runs_in_a_thread_of_its_own(file: Path) -> None:
    """A slow disk does not hold up a race."""
    async with using(file) as database:
        thread = await database.run(lambda _: threading.get_ident())

        assert thread != threading.get_ident()
        assert await database.read(lambda _: threading.get_ident()) == thread


@threaded
async def test_readers_of_other_programs_see_whole_states(file: Path) -> None:
    """They wait for nobody, and read the public views while racer has the file open."""
    async with using(file) as database:
        await database.run(adding("a"))
        with closing(sqlite3.connect(file)) as reader:
            assert names(reader) == ["a"]
            assert reader.execute("SELECT * FROM v_usage").fetchall() == []


# ---------------------------------------------------------------- cancellation


@threaded
async def test_a_hundred_cancelled_callers(file: Path) -> None:
    """Work whose caller is cancelled, at whatever moment, runs whole; the next is not disturbed."""
    async with using(file) as database:
        for number in range(100):
            task = asyncio.ensure_future(database.run(adding(f"{number} one", f"{number} two")))
            for _ in range(number % 5):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await database.run(adding(f"{number} next"))
        kept = await database.read(names)

    by_number = [{name for name in kept if name.startswith(f"{number} ")} for number in range(100)]
    started = [len(found) == 3 for found in by_number]
    assert all(len(found) in (1, 3) for found in by_number)
    assert started == [
        number % 5 > 0 for number in range(100)
    ]  # cancelled before its first step: never asked


@threaded
async def test_a_caller_cancelled_in_the_midst_of_the_work(file: Path) -> None:
    """No other program finds the file locked afterwards."""
    async with using(file) as database:
        loop, began, go = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def work(connection: sqlite3.Connection) -> None:
            adding("a")(connection)
            loop.call_soon_threadsafe(began.set)
            go.wait(60)
            adding("b")(connection)

        task = asyncio.ensure_future(database.run(work))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()

        assert await database.read(names) == ["a", "b"]
        with closing(sqlite3.connect(file, timeout=0)) as other, other:
            adding("c")(other)


@threaded
async def test_a_caller_cancelled_while_opening(file: Path) -> None:
    """Nothing is open afterwards: no thread, and nobody who holds the file. Opening again is possible."""
    database, threads = Database(file), set(threading.enumerate())
    with alone(file, 0.0):
        task = asyncio.ensure_future(database.open())
        await asyncio.sleep(0.01)  # the thread waits for the lock by now, or soon will
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    joined(threads)

    assert not log_of(file)
    del caught  # so far it held what a leak would have held open
    assert (await told_by(database, adding("a"))).kind == "unopened"
    await database.open()
    await database.run(adding("a"))
    await database.aclose()


@threaded
async def test_closing_finishes_what_was_handed_in(file: Path) -> None:
    """Also what nobody waits for any more; the file has no log then."""
    database = Database(file)
    await database.open()
    tasks = [asyncio.ensure_future(database.run(adding(str(number)))) for number in range(5)]
    await asyncio.sleep(0)
    tasks[3].cancel()

    await database.aclose()

    await asyncio.gather(*tasks, return_exceptions=True)
    with closing(sqlite3.connect(file)) as reader:
        assert names(reader) == ["0", "1", "2", "3", "4"]
    assert not log_of(file)


@threaded
async def test_closing_is_not_cancelled_by_the_scope_it_is_in(file: Path) -> None:
    """A Racer is closed where its caller was cancelled; the file is closed when `aclose` returns."""
    database = Database(file)
    await database.open()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await database.aclose()

    assert not log_of(file)


@threaded
async def test_closing_that_is_cancelled_hard_still_closes(file: Path) -> None:
    """The caller stops waiting; the thread goes its way to the end."""
    database, threads = Database(file), set(threading.enumerate())
    await database.open()
    task = asyncio.ensure_future(database.aclose())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    joined(threads)

    assert not log_of(file)


# ---------------------------------------------------------------- opening and closing


@threaded
@either
async def test_closing_twice_and_opening_again(tmp_path: Path, name: str | None) -> None:
    """Closed is closed, also before it was ever opened; and work is refused then, not queued."""
    database = Database(tmp_path / name if name else None)
    await database.aclose()
    for _ in range(2):
        await database.open()
        await database.aclose()
        await asyncio.gather(database.aclose(), database.aclose())

    error = await told_by(database, adding("a"))
    assert (error.kind, "it is closed" in str(error)) == ("unopened", True)


@threaded
@either
async def test_open_is_open(tmp_path: Path, name: str | None) -> None:
    """A second `open` would forget the first connection."""
    async with using(tmp_path / name if name else None) as database:
        with pytest.raises(StoreError, match="open already"):
            await database.open()

        await database.run(adding("a"))


@threaded
async def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """The error names the path, why, and what to do; nothing is left behind, and a later try may go well."""
    (tmp_path / "state").touch()
    database = Database(tmp_path / "state" / "racer.db")

    with pytest.raises(StoreError, match=r"state.*cannot be opened.*File exists.*set RACER_DB") as caught:
        await database.open()
    (tmp_path / "state").unlink()
    opened = await database.open()
    await database.aclose()

    assert caught.value.kind == "unopened"
    assert opened.new


@threaded
async def test_two_in_one_process(file: Path) -> None:
    """As two Racers have: each sees what the other has written, and closing one leaves the other be."""
    async with using(file) as one:
        async with using(file) as two:
            await two.run(adding("a"))
            await one.run(adding("b"))
        await one.run(adding("c"))

        assert await one.read(names) == ["a", "b", "c"]


START = """
import asyncio, os, signal, sys
from pathlib import Path
from racer.store.database import Database
"""


def python(script: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", START + script, str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_database_that_is_never_closed(file: Path) -> None:
    """It does not keep Python from ending, and says nothing."""
    done = python("asyncio.run(Database(Path(sys.argv[1])).open())", file)

    assert (done.returncode, done.stderr) == (0, "")


KILLED = """
def work(connection):
    connection.execute("INSERT INTO facts VALUES ('half', 1)")
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    database = Database(Path(sys.argv[1]))
    await database.open()
    await database.run(lambda opened: opened.execute("INSERT INTO facts VALUES ('whole', 1)") and None)
    await database.run(work)

asyncio.run(main())
"""


@threaded
async def test_a_process_that_is_killed_in_the_midst(file: Path) -> None:
    """What was committed is there, what was not is not; no lock is left, and nothing is set aside."""
    done = python(KILLED, file)
    assert done.returncode == -9
    assert log_of(file)

    database = Database(file)
    opened = await database.open()

    assert not opened.new
    assert await database.read(names) == ["whole"]
    await database.run(adding("a"))
    await database.aclose()


FORKED = """
async def main():
    database = Database(Path(sys.argv[1]))
    await database.open()
    child = os.fork()
    if child == 0:
        for call in (database.run, database.read):
            try:
                await call(print)
            except Exception as error:
                print(error.kind, error, flush=True)
        await database.aclose()
        os._exit(0)
    os.waitpid(child, 0)
    await database.run(lambda connection: print(connection.execute("PRAGMA quick_check").fetchone()[0]))
    await database.aclose()

asyncio.run(main())
"""


def test_a_forked_child_keeps_away(file: Path) -> None:
    """SQLite breaks files that parent and child use through one connection. The parent goes on."""
    *refused, ok = python(FORKED, file).stdout.splitlines()

    assert [
        line.startswith("unopened ") and "the parent process has it open" in line for line in refused
    ] == [
        True,
        True,
    ]
    assert ok == "ok"


# ---------------------------------------------------------------- mishaps


@threaded
async def test_locked_by_another_program(file: Path) -> None:
    """Writers are told, readers go on; when the other has ended, the same work runs."""
    async with using(file) as database:
        await database.run(impatient)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            error = await told_by(database, adding("a"))
            assert await database.read(names) == []

        await database.run(adding("a"))

        assert error.kind == "locked"
        assert f"{file} is locked by another program" in str(error)
        assert await database.read(names) == ["a"]


@threaded
async def test_a_full_disk(file: Path) -> None:
    """Nothing of the work is kept, and when there is room again it runs."""

    def much(connection: sqlite3.Connection) -> None:
        adding("a")(connection)
        connection.execute("INSERT INTO facts VALUES ('b', zeroblob(1000000))")

    async with using(file) as database:
        await database.run(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchall())
        error = await told_by(database, much)
        await database.run(lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchall())
        before = await database.read(names)
        await database.run(much)

        assert (error.kind, before) == ("full", [])
        assert "free some space" in str(error)


@threaded
async def test_a_file_that_may_not_be_written(file: Path) -> None:
    """Readers go on."""
    async with using(file) as database:
        await database.run(adding("a"))
        await database.run(lambda connection: connection.execute("PRAGMA query_only = ON"))
        error = await told_by(database, adding("b"))

        assert error.kind == "read_only"
        assert await database.read(names) == ["a"]


async def broken_in_use(file: Path) -> None:
    """Lose the page of `facts` on the disk; nothing reads it when the file is opened."""
    async with using(file) as database:
        page = await database.run(
            lambda connection: connection.execute(
                "SELECT rootpage FROM sqlite_master WHERE name = 'facts'"
            ).fetchone()[0]
        )
    with file.open("r+b") as disk:
        disk.seek((page - 1) * 4096)
        disk.write(b"\xff" * 4096)


@threaded
async def test_a_file_that_turns_out_to_be_broken(file: Path) -> None:
    """The work says so; the next opening sets the file aside, once, also where others find the same."""
    await broken_in_use(file)
    async with using(file) as one, using(file) as two:
        errors = [await told_by(each, adding("a")) for each in (one, two)]
        await one.aclose()
        opened = await one.open()
        await one.run(adding("b"))
        late = await told_by(two, adding("a"))
        await two.aclose()
        again = await two.open()

        assert [each.kind for each in errors] == ["corrupt", "corrupt"]
        assert opened.set_aside is not None
        assert (late.kind, again.set_aside) == ("gone", None)
        assert await two.read(names) == ["b", "corrupted_at"]


@threaded
@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_that_is_taken_away(file: Path, replaced: bool) -> None:
    """Nothing more is written to what no name leads to; opened again, there is a file with that name."""
    async with using(file) as database:
        await database.run(adding("a"))
        remove(file)
        if replaced:
            async with using(file) as other:
                await other.run(adding("b"))
        errors = [await told_by(database, adding("c"))]
        with pytest.raises(StoreError) as caught:
            await database.read(names)
        await database.aclose()
        opened = await database.open()

        assert [each.kind for each in (*errors, caught.value)] == ["gone", "gone"]
        assert opened.new is not replaced
        assert await database.read(names) == (["b"] if replaced else [])


@threaded
async def test_the_log_is_copied_back(file: Path) -> None:
    """`tidy` does it when there is something to do, and tells how long the log is."""
    async with using(file) as database:
        await database.run(
            lambda connection: connection.execute(
                "INSERT INTO facts VALUES ('a', zeroblob(?))", (LARGEST_LOG,)
            )
        )
        small = size(file)

        assert await database.tidy() > LARGEST_LOG
        assert size(file) > small + LARGEST_LOG
        await database.run(adding("b"))
        assert await database.tidy() < LARGEST_LOG


SHARED = """
from racer.errors import StoreError

def counted(connection):
    connection.execute("INSERT INTO facts VALUES ('n', 1) ON CONFLICT DO UPDATE SET value = value + 1")

def grown(connection):
    connection.execute("INSERT OR REPLACE INTO facts VALUES ('big', randomblob(1000000))")

async def done(call, *work):
    while True:
        try:
            return await call(*work)
        except StoreError as error:
            if error.kind != "locked":
                raise

async def main():
    database = Database(Path(sys.argv[1]))
    await done(database.open)
    for number in range(200):
        await done(database.run, counted)
        if not number % 20:
            await done(database.run, grown)
            await done(database.tidy)
    await database.aclose()

asyncio.run(main())
"""


@threaded
async def test_processes_share_a_file(file: Path) -> None:
    """Four of them write and copy the log back at once: each change is there, and the file is sound."""
    threads = [threading.Thread(target=python, args=(SHARED, file)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async with using(file) as database:
        assert await database.read(
            lambda connection: connection.execute("SELECT value FROM facts WHERE name = 'n'").fetchone()
        ) == (800,)
        assert await database.read(
            lambda connection: connection.execute("PRAGMA integrity_check").fetchall()
        ) == [("ok",)]
