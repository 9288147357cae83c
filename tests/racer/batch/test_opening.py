"""Opening a job: what may go on, what is refused and why, and what is kept aside."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from racer.batch.index import Index
from racer.batch.outfile import beside
from racer.errors import JobError
from tests.racer.batch.jobs import Counted, answer, begun, error, job_of, lines_of, pairs, write

if TYPE_CHECKING:
    from pathlib import Path

OTHER = Counted(12, "second")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Two lines are done."""
    path = tmp_path / "out.jsonl"
    write(path, answer(1), error(2))
    return path


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


# ---------------------------------------------------------------- input and options


def test_a_changed_input_is_refused(out: Path) -> None:
    """It says what differs, where the old one was, and each way to go on."""
    before = out.read_bytes()

    with pytest.raises(JobError, match=r"had 10 prompts and has 12 now.*as it was \(/in.jsonl\)") as caught:
        begun(out, census=OTHER)

    assert caught.value.kind == "changed"
    for way in ("another file for the output", "--accept-changes", "--restart"):
        assert way in str(caught.value)
    assert out.read_bytes() == before


def test_changed_options_are_refused(out: Path) -> None:
    """Each by name, as it was and as it is."""
    with pytest.raises(JobError, match=r'model: was "a", is "b"') as caught:
        begun(out, options={"model": "b"})

    assert caught.value.kind == "changed"
    with job_of(out, options={"model": "b"}, accept=True) as job:
        assert job.answered == 1
    with job_of(out, options={"model": "b"}) as job:
        assert job.notice == ""


def test_an_input_with_more_lines_may_be_accepted(out: Path) -> None:
    """The lines that are done are compared then, each of them, in later runs too."""
    with job_of(out, census=OTHER, accept=True) as job:
        assert job.total == 12
        assert job.known(pairs(range(1, 13))) == {}
    with job_of(out, census=OTHER) as job, pytest.raises(JobError, match="line 1 is not the one"):
        job.known([(1, b"x" * 8, "id-1")])


@pytest.mark.parametrize("given", [{"accept": True}, {"errors_only": True}])
def test_an_input_without_lines_that_are_done(out: Path, given: dict[str, bool]) -> None:
    """It is refused at its end, and what was accepted is forgotten."""
    with job_of(out, census=OTHER, **given) as job:
        job.known(pairs([1]))
        with pytest.raises(JobError, match="1 lines that have a row") as told:
            job.read_whole()
        assert told.value.kind == "changed"
        job.known(pairs([2]))
        job.read_whole()
    with job_of(out) as job:
        job.read_whole()


def test_nothing_done_nothing_to_keep_to(tmp_path: Path) -> None:
    """As long as the output is empty, input and options may be any."""
    out = tmp_path / "out.jsonl"
    write(out)

    with job_of(out, census=OTHER, options={}, source="/other") as job:
        assert (job.total, job.source, job.notice) == (12, "/other", "")


def test_a_pipe_is_compared_line_by_line(out: Path) -> None:
    """It cannot be counted first."""
    with job_of(out, census=None, source="-") as job:
        assert job.total == 0
        assert job.known(pairs([1, 2, 3])) == {}
        with pytest.raises(JobError, match="line 1 is not the one that was answered"):
            job.known([(1, b"x" * 8, "id-1")])
        with pytest.raises(JobError, match=r"line 2 is not the one that failed .--errors-only"):
            job.known([(2, b"x" * 8, "id-2")])


def test_errors_only_takes_an_input_whose_errors_were_mended(out: Path) -> None:
    """Lines that are answered must be as they were."""
    with job_of(out, census=OTHER, errors_only=True) as job:
        assert job.known([*pairs([1]), (2, b"x" * 8, "mended")]) == {}
        with pytest.raises(JobError, match="line 1 is not"):
            job.known([(1, b"x" * 8, "id-1")])


def test_the_output_of_another_input(out: Path, tmp_path: Path) -> None:
    """With its own job file it is refused at once, without one at the first line that differs."""
    other = tmp_path / "other.jsonl"
    write(other, answer(1, text="other"), census=OTHER)
    other.replace(out)

    with job_of(out) as job, pytest.raises(JobError, match="line 1 is not the one"):
        job.known(pairs([1]))


# ---------------------------------------------------------------- the files


@pytest.mark.parametrize(
    "kind", ["noise", "empty", "gone", "folder", "cut", "short", "terms", "noted", "flipped"]
)
def test_a_job_file_that_is_lost_is_made_anew(out: Path, kind: str) -> None:
    """From the output; the damaged one is kept, and the notice says so."""
    job_file = beside(out, "job")
    if kind == "noise":
        job_file.write_bytes(os.urandom(20_000))
    elif kind == "empty":
        job_file.write_bytes(b"")
    elif kind == "cut":
        job_file.write_bytes(job_file.read_bytes()[:5000])
    elif kind == "flipped":
        data = bytearray(job_file.read_bytes())
        data[4096:] = os.urandom(len(data) - 4096)
        job_file.write_bytes(data)
    elif kind in ("gone", "folder"):
        job_file.unlink()
        if kind == "folder":
            job_file.mkdir()
    else:
        with closing(sqlite3.connect(job_file, isolation_level=None)) as other:
            other.execute(
                "DELETE FROM lines"
                if kind == "short"
                else f"UPDATE job SET value = '[1]' WHERE name = '{kind}'"
            )

    with job_of(out) as job:
        assert (job.answered, job.failed) == (1, 1)
        assert job.known(pairs(range(1, 11))) == {}
        assert "options are the same is not known" in job.notice
        assert ("job.corrupt-1" in job.notice) is (kind not in ("gone", "empty"))
        job.write([answer(3)])

    assert lines_of(out) == [1, 2, 3]
    assert (".out.jsonl.job.corrupt-1" in names(out.parent)) is (kind not in ("gone", "empty"))
    with job_of(out) as job:
        assert (job.answered, job.failed, job.notice) == (2, 1, "")


@pytest.mark.parametrize("kind", ["deleted", "emptied"])
def test_an_output_that_is_gone(out: Path, kind: str) -> None:
    """The truth is that nothing is answered; whoever did not mean that can still stop."""
    out.unlink()
    if kind == "emptied":
        out.touch()

    with job_of(out, census=OTHER) as job:
        assert "the rows of 2 lines" in job.notice
        assert (job.answered, job.failed, job.is_done(1)) == (0, 0, False)
        job.write([answer(1)])
    with job_of(out, census=OTHER) as job:
        assert (job.answered, job.notice) == (1, "")


def test_an_output_that_was_moved_behind_a_link(out: Path, tmp_path: Path) -> None:
    """The job file lies beside the real one, wherever it is called from."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "link").symlink_to(out)

    with job_of(tmp_path / "far" / "link") as job:
        assert job.answered == 1
    assert names(tmp_path / "far") == ["link"]


def test_the_input_is_no_output(tmp_path: Path) -> None:
    """By whatever name."""
    (tmp_path / "in").write_bytes(b"")
    os.link(tmp_path / "in", tmp_path / "out")

    with pytest.raises(JobError, match="it is the input"):
        begun(tmp_path / "out", source=str(tmp_path / "in"))

    assert names(tmp_path) == ["in", "out"]


def test_restart_keeps_both_files(out: Path) -> None:
    """Under names of their own, with which the old job can still be gone on with."""
    for number in (1, 2):
        with job_of(out, restart=True, census=OTHER, options={}) as job:
            assert (job.answered, job.failed, job.notice) == (0, 0, "")
            job.write([answer(5)])
        assert lines_of(out.with_name(f"out.jsonl.old-{number}")) == ([1, 2] if number == 1 else [5])

    with job_of(out.with_name("out.jsonl.old-1")) as old:
        assert (old.answered, old.failed, old.notice) == (1, 1, "")


def test_restart_where_nothing_is(tmp_path: Path) -> None:
    """Nothing is kept of nothing."""
    write(tmp_path / "out", answer(1), restart=True)
    out = tmp_path / "empty"
    out.touch()
    write(out, restart=True)

    assert names(tmp_path) == [".empty.job", ".out.job", "empty", "out"]


def test_old_names_that_are_taken(out: Path) -> None:
    """Nothing is overwritten."""
    beside(out.with_name("out.jsonl.old-1"), "job").touch()
    write(out, restart=True)

    assert lines_of(out.with_name("out.jsonl.old-2")) == [1, 2]


def test_two_jobs_on_one_output(out: Path) -> None:
    """The second is told the process of the first, and leaves everything as it is, whatever it wants."""
    with job_of(out) as job:
        for wish in ("accept", "restart", "errors_only"):
            with pytest.raises(JobError, match=f"process {os.getpid()} works on it") as caught:
                begun(out, **{wish: True})
            assert caught.value.kind == "busy"
        job.write([answer(3)])

    assert lines_of(out) == [1, 2, 3]


def test_a_newer_job_file_is_left_alone(out: Path) -> None:
    """And so is the output."""
    with closing(sqlite3.connect(beside(out, "job"))) as other:
        other.execute("PRAGMA user_version = 99")
    before = names(out.parent)

    with pytest.raises(JobError, match="newer racer"):
        begun(out)

    assert names(out.parent) == before


def test_a_crash_in_the_midst_of_taking_errors_out(out: Path) -> None:
    """The mark is there, and the output is the old one or the new one: both are read anew."""
    for rows in (out.read_bytes(), out.read_bytes().splitlines(keepends=True)[0]):
        with closing(Index.open(beside(out, "job"))) as index:
            index.put(rebuild=True)
        out.write_bytes(rows)

        with job_of(out) as job:
            assert (job.answered, job.failed) == (1, rows.count(b"\n") - 1)
