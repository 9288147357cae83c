"""A job: what it knows of its lines, what it writes, and what it does when the disk gives out."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from racer.batch.jobfile import Job
from racer.batch.outfile import beside
from racer.errors import JobError
from tests.racer.batch.jobs import (
    Clock,
    answer,
    answers,
    begun,
    digest,
    error,
    job_of,
    lines_of,
    pairs,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from racer.batch.rows import Row


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


# ---------------------------------------------------------------- in good weather


def test_a_job_that_goes_on(out: Path) -> None:
    """Lines that are done are known, and counted as those of earlier runs."""
    write(out, answer(1), answer(3), error(2))

    with job_of(out) as job:
        assert (job.total, job.answered, job.failed, job.notice) == (10, 2, 1, "")
        assert [job.is_done(line) for line in range(1, 6)] == [True, True, True, False, False]
        job.write([answer(4)])
        assert job.is_done(4)
        assert job.answered == 2

    assert lines_of(out) == [1, 3, 2, 4]
    assert Job.source_of(out) == "/in.jsonl"


def test_what_lies_beside_the_output(out: Path) -> None:
    """One file, for its owner alone, when the job is closed."""
    write(out, answer(1))

    assert sorted(each.name for each in out.parent.iterdir()) == [".out.jsonl.job", "out.jsonl"]
    assert beside(out, "job").stat().st_mode & 0o777 == 0o600


def test_a_line_is_written_once(out: Path) -> None:
    """Whoever writes it again, within one call or later, changes nothing."""
    with job_of(out) as job:
        job.write([answer(1), answer(1)])
        job.write([answer(1), answer(2)])
        job.write([])

    assert lines_of(out) == [1, 2]


def test_commits_are_half_a_second_apart(out: Path) -> None:
    """What a crash loses of the job file is read from the output: a commit now and then is enough."""
    clock = Clock()
    with job_of(out, now=clock) as job:
        before = beside(out, "job-wal").stat().st_size
        job.write([answer(1)])
        assert beside(out, "job-wal").stat().st_size == before
        clock.at = 0.6
        job.write([answer(2)])
        after = beside(out, "job-wal").stat().st_size
        assert after > before
        job.write([answer(3)])
        assert beside(out, "job-wal").stat().st_size == after
        job.commit()
        job.commit()
        assert beside(out, "job-wal").stat().st_size > after


def test_the_source_of_no_job(out: Path) -> None:
    """Where there is no output, or none of ours; and errors of nothing cannot be asked again."""
    for wish in (lambda: Job.source_of(out), lambda: begun(out, errors_only=True)):
        with pytest.raises(JobError) as caught:
            wish()
        assert caught.value.kind == "missing"
    assert not out.exists()


# ---------------------------------------------------------------- ids


def test_the_first_line_has_the_id(out: Path) -> None:
    """In one call, in a later one, in a later run; a line that brings none is called by its number."""
    with job_of(out) as job:
        found = job.known([(1, digest(1), "x"), (2, digest(2), "x"), (3, digest(3), 7), (4, digest(4), "7")])
        assert found == {2: "custom_id 'x' is line 1's already"}
        assert job.known([(5, digest(5), None), (6, digest(6), "line-5"), (7, digest(7), 7)]) == {
            6: "custom_id 'line-5' is line 5's already",
            7: "custom_id 7 is line 3's already",
        }
        assert job.known([(1, digest(1), "x")]) == {}
        job.write([answer(1, "x")])
    with job_of(out) as job:
        assert job.known([(2, digest(2), "x"), (8, digest(8), "y" * 100)]) == {
            2: "custom_id 'x' is line 1's already"
        }


def test_an_error_gives_its_id_to_an_earlier_line(out: Path) -> None:
    """It was the later of two, and became an error for that; the first one had no answer yet."""
    write(out, error(5, "x"), answer(6, "y"))

    with job_of(out) as job:
        assert job.known([(1, digest(1), "x"), (2, digest(2), "y")]) == {
            2: "custom_id 'y' is line 6's already"
        }
        assert job.known([(7, digest(7), "x")]) == {7: "custom_id 'x' is line 1's already"}


def test_lines_done_before_the_first_look(out: Path) -> None:
    """They have their ids too."""
    with job_of(out) as job:
        job.write([answer(1, "x")])
        assert job.known([(2, digest(2), "x")]) == {2: "custom_id 'x' is line 1's already"}


# ---------------------------------------------------------------- the disk gives out


class Disk:
    """From the n-th write on it is full, until it is emptied. A write that fails has written half."""

    def __init__(self, good: int, number: int = errno.ENOSPC) -> None:
        self.good, self.number = good, number

    def write(self, handle: int, data: bytes) -> int:
        self.good -= 1
        if self.good == 0 and len(data) > 1:
            return os.write(handle, data[: len(data) // 2])
        if self.good < 0:
            raise OSError(self.number, os.strerror(self.number))
        return os.write(handle, data)


def refusal(job: Job, rows: Sequence[Row]) -> JobError | None:
    """What the job says when it is to write `rows`."""
    try:
        job.write(rows)
    except JobError as error:
        return error
    return None


def refused(job: Job, lines: Iterable[int]) -> JobError:
    """Write one answer after the other until that is refused: what was said then."""
    return next(said for line in lines if (said := refusal(job, [answer(line)])) is not None)


@pytest.mark.parametrize("good", range(1, 12))
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EROFS])
def test_the_nth_write_fails(out: Path, good: int, number: int) -> None:
    """For every n: rows are in the output or the caller's still, and all are there in the end."""
    disk = Disk(good, number)
    rows = answers(range(1, 31))
    with job_of(out, write=disk.write) as job:
        for at in range(0, 30, 3):
            said = refusal(job, rows[at : at + 3])
            if said is not None:
                assert "run the same command again" in str(said)
                assert all(job.is_done(line) for line in lines_of(out))
                left = [row for row in rows[: at + 3] if not job.is_done(row.line)]
                disk.good = 1000
                job.write(left)

    assert sorted(lines_of(out)) == list(range(1, 31))
    with job_of(out) as job:
        assert (job.answered, job.notice) == (30, "")


def test_a_job_file_that_takes_no_more(out: Path) -> None:
    """The answers are safe in the output: nothing stops, and the next opening reads them there."""
    with job_of(out) as job:
        job.write([answer(1)])
        job.commit()
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        log = beside(out, "job-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (log, limit[1]))
        try:
            job.write([answer(2)])
            job.commit()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        job.write([answer(3)])

    with job_of(out) as job:
        assert (job.answered, job.notice) == (3, "")


def test_a_limit_on_the_size_of_files(out: Path) -> None:
    """Treated like a full disk: what fits is in, what does not is the caller's."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    with job_of(out) as job:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
        try:
            said = refused(job, range(1, 5000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        assert said.kind == "full"
        done = lines_of(out)
        assert 99_000 < out.stat().st_size <= 100_000
        job.write(answers(range(1, 1000)))

    assert lines_of(out)[: len(done)] == done
    assert sorted(lines_of(out)) == list(range(1, 1000))


def mounted(folder: Path, options: str) -> bool:
    """A file system of its own there, where the machine allows it."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A disk of its own, with mount's options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def make(options: str) -> Path:
        if not mounted(folder, options):
            pytest.skip("nothing can be mounted here")
        return folder

    yield make
    subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def test_a_disk_that_is_full(small: Callable[[str], Path]) -> None:
    """The answers in hand go where room was laid by; when the disk has room again, the job completes."""
    folder = small("size=3m")
    out = folder / "out.jsonl"
    job = begun(out)
    hog = folder / "hog"
    try:
        assert beside(out, "room").stat().st_size == 1 << 20
        hog.write_bytes(bytes(1 << 20))
        said = refused(job, range(1, 50_000))
        assert said.kind == "full"
        assert "free some room, then run the same command again" in str(said)
        in_hand = answers(range(50_000, 50_100))
        job.write(in_hand)  # what was under way is paid for, and kept
        assert all(job.is_done(row.line) for row in in_hand)
        refused(job, range(50_100, 100_000))
    finally:
        job.close()
    done = lines_of(out)
    assert len(set(done)) == len(done)
    hog.unlink()

    with job_of(out) as job:
        assert job.answered == len(done)
        job.write([answer(line) for line in range(1, 101)])


def test_a_disk_that_is_full_from_the_start(small: Callable[[str], Path]) -> None:
    """Said so, and nothing is begun."""
    folder = small("size=64k")
    hog = folder / "hog"
    with suppress(OSError):
        hog.write_bytes(bytes(64 << 10))

    with pytest.raises(JobError) as caught:
        begun(folder / "out.jsonl")

    assert caught.value.kind == "full"
    assert not (folder / "out.jsonl").exists()


def test_a_disk_that_may_not_be_written(small: Callable[[str], Path]) -> None:
    """A new output, and one that was begun while it could be; afterwards the job goes on."""
    folder = small("size=3m")
    out = folder / "out.jsonl"
    write(out, answer(1))
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)

    for path in (out, folder / "new.jsonl"):
        with pytest.raises(JobError, match="make it and its folder writable") as caught:
            begun(path)
        assert caught.value.kind == "read_only"

    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
    with job_of(out) as job:
        assert (job.answered, job.notice) == (1, "")


def test_another_process_has_it(out: Path) -> None:
    """The pid is its own; once it is killed, the output is free."""
    script = f"""
import sys
from contextlib import suppress
from pathlib import Path
from tests.racer.batch.jobs import begun
job = begun(Path({str(out)!r}))
print("open", flush=True)
sys.stdin.read()
"""
    root = Path(__file__).parents[3]
    path = os.pathsep.join((str(root), str(root / "adapters")))
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(JobError, match=f"process {other.pid} works on it"):
            begun(out)
        other.kill()
        other.wait()

    with job_of(out) as job:
        assert job.known(pairs([1])) == {}


@pytest.mark.parametrize(("now", "how"), [(b"", "cut"), (b"noise\n" * 500, "written to")])
def test_an_output_that_others_write_to(out: Path, now: bytes, how: str) -> None:
    """It is told at the next commit, and what was lost is asked again."""
    job = begun(out)
    job.write(answers([1, 2, 3]))
    job.commit()
    with out.open("r+b") as file:
        file.truncate(0)
        file.write(now)
    job.write(answers([4]))

    with pytest.raises(JobError, match=f"it was {how} by somebody else") as told:
        job.commit()
    assert told.value.kind == "other"
    with pytest.raises(JobError):
        job.close()
    if not now:
        with job_of(out) as job:
            assert [job.is_done(line) for line in range(1, 5)] == [False, False, False, True]


def test_an_output_that_is_deleted_while_it_grows(out: Path) -> None:
    """Told at the next commit, and not at the end of the night."""
    job = begun(out)
    job.write([answer(1)])
    out.unlink()

    with pytest.raises(JobError, match="deleted or replaced while the batch was running"):
        job.commit()
    with pytest.raises(JobError):
        job.close()
    with job_of(out) as again:
        assert again.answered == 0
