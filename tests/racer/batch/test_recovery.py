"""Going on with an output: torn ends, rows that were not noted, and what hands have done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racer.batch.jobfile import Job
from racer.batch.outfile import beside
from racer.batch.recovery import Standing
from racer.errors import JobError
from tests.racer.batch.jobs import Counted, answer, answers, begun, error, job_of, lines_of, write

if TYPE_CHECKING:
    from pathlib import Path

ROW = answer(3).data


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Two lines are done, and noted."""
    path = tmp_path / "out.jsonl"
    write(path, answer(1), error(2))
    return path


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def standing(path: Path) -> tuple[int, int, str]:
    with job_of(path) as job:
        return job.answered, job.failed, job.notice


def test_an_answer_counts_more_than_an_error() -> None:
    """Whichever of two rows of a line comes first."""
    found = Standing()

    assert [found.add(1, failed=True), found.add(1, failed=False), found.add(1, failed=True)] == [
        True,
        False,
        False,
    ]
    assert (found.done.count, found.failed.count) == (1, 0)


@pytest.mark.parametrize("cut", [1, 5, 17, 40, len(ROW) - 1])
@pytest.mark.parametrize("zeros", [0, 3])
def test_a_torn_row_is_cut(out: Path, cut: int, zeros: int) -> None:
    """Its line is asked again; rows before it that nobody had noted count."""
    append(out, answer(4).data + b"\n" + ROW[:cut] + bytes(zeros))

    assert standing(out) == (2, 1, "")
    assert lines_of(out) == [1, 2, 4]


def test_a_row_that_lacks_its_newline_alone_is_kept(out: Path) -> None:
    """It was paid for."""
    append(out, ROW)

    assert standing(out) == (2, 1, "")
    assert lines_of(out) == [1, 2, 3]


def test_a_first_row_that_is_torn(tmp_path: Path) -> None:
    """Nothing was noted yet, but the job file knows the output."""
    out = tmp_path / "out.jsonl"
    write(out)
    append(out, ROW[:30])

    assert standing(out) == (0, 0, "")
    assert out.read_bytes() == b""


@pytest.mark.parametrize("junk", [b"noise\n", b"\n", b'{"a": 1}\n', bytes(50) + b"\n", b"dear diary"])
def test_what_is_no_row_is_taken_out(out: Path, junk: bytes) -> None:
    """Behind what was noted, in between: the rows around it stay, and so does the file as it was."""
    append(out, ROW + b"\n" + junk)
    before = out.read_bytes()

    answered, failed, notice = standing(out)

    assert (answered, failed) == (2, 1)
    assert lines_of(out) == [1, 2, 3]
    assert "1 lines" in notice
    assert out.with_name("out.jsonl.damaged-1").read_bytes() == before
    assert standing(out) == (2, 1, "")


def test_a_second_row_of_a_line_is_taken_out(out: Path) -> None:
    """Of an error and an answer it is the error that goes."""
    append(out, answer(2).data + b"\n" + answer(1).data + b"\n" + ROW + b"\n")

    answered, failed, notice = standing(out)

    assert (answered, failed) == (3, 0)
    assert lines_of(out) == [1, 2, 3]
    assert "2 rows" in notice
    assert standing(out) == (3, 0, "")


@pytest.mark.parametrize("edit", ["cut", "sorted", "shorter", "other end"])
def test_an_output_that_was_changed_is_read_anew(out: Path, edit: str) -> None:
    """Rows that are gone are open again, and no notice is missed."""
    first, second = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(
        {
            "cut": first,
            "sorted": second + first,
            "shorter": first[:-1] + second[:20],
            "other end": first + ROW + b"\n",
        }[edit]
    )
    answered, failed, notice = standing(out)

    assert (answered, failed) == {"cut": (1, 0), "sorted": (1, 1), "shorter": (0, 0), "other end": (2, 0)}[
        edit
    ]
    assert "was changed since" in notice
    # Two lines that have become one look like a torn row, and are more.
    assert ("is kept as" in notice) is (edit == "shorter")


@pytest.mark.parametrize(
    "content", [b"dear diary\n", b"dear diary", b'{"custom_id": "a"}\n' * 3, b"\n" * 5000, ROW[:30]]
)
def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """With nothing beside it; half a row that no job file knows may be anybody's."""
    out = tmp_path / "out.jsonl"
    out.write_bytes(content)

    with pytest.raises(JobError, match="give another file for the output") as caught:
        begun(out)

    assert caught.value.kind == "exists"
    assert out.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["out.jsonl"]


def test_one_that_took_the_place_of_an_empty_output(tmp_path: Path) -> None:
    """The job file knows nothing of it, and that fits everything."""
    out = tmp_path / "out.jsonl"
    write(out)
    out.write_bytes(b"dear\ndiary\n")

    with pytest.raises(JobError, match="not the output of a batch"):
        begun(out)

    assert out.read_bytes() == b"dear\ndiary\n"


def test_long_outputs_are_read_in_parts(tmp_path: Path) -> None:
    """More rows than go into one transaction."""
    out = tmp_path / "out.jsonl"
    write(out, *answers(range(1, 12_001)))
    beside(out, "job").unlink()

    assert standing(out)[:2] == (12_000, 0)
    assert standing(out) == (12_000, 0, "")


def test_errors_are_open_again(out: Path) -> None:
    """Their rows are gone before the first of them is asked."""
    with job_of(out, errors_only=True) as job:
        assert (job.answered, job.failed, job.is_done(1), job.is_done(2)) == (1, 0, True, False)
        assert lines_of(out) == [1]
        job.write([answer(2)])

    assert lines_of(out) == [1, 2]
    assert standing(out) == (2, 0, "")


def test_errors_only_where_all_were_errors(tmp_path: Path) -> None:
    """An output that is empty then was not emptied by anybody."""
    out = tmp_path / "out.jsonl"
    write(out, error(1), error(2))

    with job_of(out, errors_only=True) as job:
        assert (job.answered, job.failed, job.notice) == (0, 0, "")
    assert standing(out) == (0, 0, "")
    with job_of(out, errors_only=True) as job:
        assert (job.asked, job.notice) == (2, "")


@pytest.mark.parametrize("lost", ["nothing", "the end of the output"])
def test_errors_that_were_not_asked_again(out: Path, lost: str) -> None:
    """A run for them alone that ended early is gone on with by the next, whatever lies between."""
    write(out, error(3), error(4))
    with job_of(out, errors_only=True) as job:
        job.write([answer(3), error(4)])
    if lost != "nothing":
        out.write_bytes(out.read_bytes() + b"torn")
        out.write_bytes(b"".join(row + b"\n" for row in [answer(3).data, error(4).data, answer(1).data]))
    assert standing(out)[:2] == (2, 1)

    for _ in range(2):
        with job_of(out, errors_only=True) as job:
            assert (job.asked, job.answered) == (2, 2)
            assert [job.is_done(line) for line in range(1, 6)] == [True, False, True, False, True]
    write(out, answer(2), errors_only=True)
    with job_of(out, errors_only=True) as job:
        assert job.asked == 1


def test_nothing_is_taken_out_before_it_begins(out: Path) -> None:
    """A job that is opened and let go keeps its errors."""
    before = out.read_bytes()

    Job.open(out, census=Counted(), source="/in.jsonl", options={"model": "a"}, errors_only=True).close()

    assert out.read_bytes() == before
    assert standing(out) == (1, 1, "")


def test_errors_only_where_there_is_none(out: Path) -> None:
    """Nothing is written anew."""
    write(out, answer(2), errors_only=True)
    before = out.stat().st_ino

    with job_of(out, errors_only=True) as job:
        assert job.answered == 2
    assert out.stat().st_ino == before
