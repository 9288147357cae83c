"""Jobs for tests: lines, rows and inputs that are quickly made."""

from __future__ import annotations

import json
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from racer.batch.jobfile import Job
from racer.batch.rows import Row, error_row

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from racer.batch.line import Id


class Counted(NamedTuple):
    """A census."""

    prompts: int = 10
    digest: str = "first"


class Clock:
    """Time that stands still unless it is told otherwise, so that nothing is committed by itself."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def digest(line: int, text: str = "") -> bytes:
    return blake2b(f"{line} {text}".encode(), digest_size=8).digest()


def answer(line: int, id_: Id | None = None, text: str = "") -> Row:
    id_ = f"id-{line}" if id_ is None else id_
    data = {"custom_id": id_, "response": {"body": "x" * 40}, "error": None}
    racer = {"line": line, "digest": digest(line, text).hex()}
    body = json.dumps({**data, "racer": racer}, separators=(",", ":"))[1:]
    return Row(line, digest(line, text), id_, False, f'{{"id":"batch_req_{line}",{body}'.encode())


def error(line: int, id_: Id | None = None) -> Row:
    id_ = f"id-{line}" if id_ is None else id_
    return Row(line, digest(line), id_, True, error_row(line, id_, digest(line), "no_lane", "nobody could"))


def answers(lines: Iterable[int]) -> list[Row]:
    return [answer(line) for line in lines]


def pairs(lines: Iterable[int]) -> list[tuple[int, bytes, Id | None]]:
    return [(line, digest(line), f"id-{line}") for line in lines]


def begun(out: Path, **options: Any) -> Job:
    """A job that has begun; whatever the test does not care about is as it always is."""
    given: dict[str, Any] = {
        "census": Counted(),
        "source": "/in.jsonl",
        "options": {"model": "a"},
        "now": Clock(),
    }
    job = Job.open(out, **(given | options))
    job.begin()
    return job


@contextmanager
def job_of(out: Path, **options: Any) -> Generator[Job]:
    job = begun(out, **options)
    try:
        yield job
    finally:
        job.close()


def write(out: Path, *rows: Row, **options: Any) -> None:
    """A run that writes some rows and ends."""
    with job_of(out, **options) as job:
        job.write(rows)


def lines_of(out: Path) -> list[int]:
    """The lines that have a row, in the order of the file; every row must be whole."""
    data = out.read_bytes()
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(row)["racer"]["line"] for row in data.splitlines()]
