"""racer/batch/keep.py: results are written before anybody is told of them, and none is lost on the way."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from racer.batch.keep import ENOUGH, LINGER, Keep
from racer.batch.line import Failure, Result
from racer.errors import JobError
from tests.racer.batch.jobs import answer, begun, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from racer.batch.jobfile import Job
    from racer.batch.keep import Sink
    from racer.batch.rows import Row

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]


def result(line: int) -> Result:
    return Result(line, f"id-{line}", failure=Failure("no_lane", "nobody could"))


class Heard:
    """What its owner is told."""

    def __init__(self) -> None:
        self.saved: list[int] = []
        self.troubles: list[JobError] = []

    def keep(
        self,
        job: Job | None,
        *,
        executor: ThreadPoolExecutor | None,
        sinks: Sequence[Sink] = (),
        read: bool = False,
    ) -> Keep:
        keep = Keep(executor, sinks)
        keep.begin(job, self.saved.append, self.troubles.append, read=read)
        return keep


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    job = begun(tmp_path / "out.jsonl")
    yield job
    job.close()


def breaks(job: Job, *kinds: str) -> list[int]:
    """The next writes fail, each in its way; how many rows each was to write."""
    write, asked, left = job.write, list[int](), list(kinds)

    def fails(rows: Sequence[Row]) -> None:
        asked.append(len(rows))
        if left:
            raise JobError(f"it is {left[0]}", kind="full" if left.pop(0) == "full" else "read_only")
        write(rows)

    job.write = fails  # type: ignore[method-assign] # a disk that is full for a while
    return asked


async def test_written_then_told(tmp_path: Path, job: Job, thread: ThreadPoolExecutor) -> None:
    """A sink is told of a result when its row is in OUT, and then it counts as saved."""
    seen: list[tuple[int, int]] = []

    def sink(each: Result) -> None:
        seen.append((each.line, len(lines_of(tmp_path / "out.jsonl"))))
        assert heard.saved == []

    heard = Heard()
    keep = heard.keep(job, executor=thread, sinks=[sink])
    for line in (2, 1, 3):
        keep.put(result(line), answer(line))
    keep.end()
    await keep.run()
    assert seen == [(2, 3), (1, 3), (3, 3)]
    assert heard.saved == [3]
    assert keep.rescue() == []
    assert keep.take() is None


async def test_results_gather() -> None:
    """A few wait a moment for others; many do not."""
    heard = Heard()
    keep = heard.keep(None, executor=None)
    task = asyncio.create_task(keep.run())
    keep.put(result(1), None)
    await asyncio.sleep(0)
    keep.put(result(2), None)
    await asyncio.sleep(3 * LINGER)
    assert heard.saved == [2]
    for line in range(ENOUGH):
        keep.put(result(line), None)
    for _ in range(3):
        await asyncio.sleep(0)
    assert heard.saved == [2, ENOUGH]
    keep.end()
    await task


async def test_whoever_reads_sets_the_pace() -> None:
    """A result that somebody is to read counts as saved when it was read."""
    heard = Heard()
    keep = heard.keep(None, executor=None, read=True)
    keep.put(result(1), None)
    keep.put(result(2), None)
    keep.end()
    await keep.run()
    assert keep.arrived.is_set()
    assert heard.saved == []
    first = keep.take()
    assert first is not None
    assert (first.line, heard.saved) == (1, [1])
    assert keep.take() is not None
    assert keep.take() is None
    assert heard.saved == [1, 1]


async def test_several_sinks() -> None:
    """Each is told of every result; one that is awaitable is awaited."""
    seen: list[str] = []

    async def slow(each: Result) -> None:
        await asyncio.sleep(0)
        seen.append(f"slow {each.line}")

    keep = Heard().keep(None, executor=None, sinks=[lambda each: seen.append(f"quick {each.line}"), slow])
    keep.put(result(1), None)
    keep.end()
    await keep.run()
    assert sorted(seen) == ["quick 1", "slow 1"]


async def test_a_sink_that_raises(tmp_path: Path, job: Job, thread: ThreadPoolExecutor) -> None:
    """What it raises is its owner's to hear; what was written is written."""

    def sink(each: Result) -> None:
        raise LookupError(each.line)

    keep = Heard().keep(job, executor=thread, sinks=[sink])
    keep.put(result(1), answer(1))
    keep.end()
    with pytest.raises(LookupError):
        await keep.run()
    assert lines_of(tmp_path / "out.jsonl") == [1]


async def test_trouble_that_passes(tmp_path: Path, job: Job, thread: ThreadPoolExecutor) -> None:
    """Once OUT cannot be written, results wait in memory; at the end they are tried once more."""
    heard = Heard()
    asked = breaks(job, "full")
    keep = heard.keep(job, executor=thread)
    task = asyncio.create_task(keep.run())
    keep.put(result(1), answer(1))
    await asyncio.sleep(3 * LINGER)
    assert [error.kind for error in heard.troubles] == ["full"]
    keep.put(result(2), answer(2))
    await asyncio.sleep(3 * LINGER)
    assert (asked, heard.saved) == ([1], [])
    keep.end()
    with pytest.raises(JobError, match="it is full"):
        await task
    assert (asked, heard.saved, len(heard.troubles)) == ([1, 2], [2], 1)
    assert lines_of(tmp_path / "out.jsonl") == [1, 2]
    assert keep.rescue() == []


async def test_trouble_at_the_very_end(tmp_path: Path, job: Job, thread: ThreadPoolExecutor) -> None:
    """Also what fails first at the end is tried once more."""
    heard = Heard()
    breaks(job, "full")
    keep = heard.keep(job, executor=thread)
    keep.put(result(1), answer(1))
    keep.end()
    with pytest.raises(JobError, match="it is full"):
        await keep.run()
    assert lines_of(tmp_path / "out.jsonl") == [1]


@pytest.mark.parametrize("read", [False, True])
async def test_trouble_that_stays(job: Job, thread: ThreadPoolExecutor, read: bool) -> None:
    """The first trouble is what is raised; the rows are still there, and the results for whoever reads."""
    heard = Heard()
    breaks(job, "full", "gone")
    keep = heard.keep(job, executor=thread, read=read)
    keep.put(result(1), answer(1))
    keep.put(result(2), answer(2))
    keep.end()
    with pytest.raises(JobError, match="it is full"):
        await keep.run()
    assert [row.line for row in keep.rescue()] == [1, 2]
    assert [each.line for each in keep.ready] == ([1, 2] if read else [])
    assert heard.saved == []


async def test_ended_in_the_middle_of_a_write(tmp_path: Path, job: Job, thread: ThreadPoolExecutor) -> None:
    """What comes while others are written is written too, whenever it is told to end."""
    heard = Heard()
    keep = heard.keep(job, executor=thread)
    task = asyncio.create_task(keep.run())
    for line in range(1, 200):
        keep.put(result(line), answer(line))
        if line % 50 == 0:
            await asyncio.sleep(0)
    keep.end()
    await task
    assert sorted(lines_of(tmp_path / "out.jsonl")) == list(range(1, 200))
    assert sum(heard.saved) == 199


async def test_nobody_is_told_before_it_begins() -> None:
    """One that was not begun takes results all the same."""
    keep = Keep(None, ())
    keep.put(result(1), None)
    keep.end()
    await keep.run()
    assert keep.rescue() == []
