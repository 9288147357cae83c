"""Jobs whose process is killed: at random instants, and at each step of what it does with its files."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from racer.batch.outfile import beside
from tests.racer.batch.jobs import answer, begun, error, job_of, lines_of, pairs, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from racer.batch.rows import Row

KILLS = 20
STEPS = frozenset({"open", "os.rename", "os.truncate", "os.link", "os.remove", "sqlite3.connect"})

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="it takes a process that is quickly made")


def child(work: Callable[[], None]) -> int:
    """The pid of one that does `work` and is gone then, whatever happens."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    finally:
        os._exit(0)


def row(line: int, chance: random.Random) -> Row:
    """Short ones, some errors, and now and then one that no single write of the system takes whole."""
    if chance.random() < 0.1:
        return error(line)
    text = "long" * 50_000 if chance.random() < 0.002 else ""
    made = answer(line)
    return made._replace(data=made.data.replace(b"x" * 40, text.encode() or b"x" * 40))


def worker(out: Path, seed: int, told: int) -> None:
    """Go on with the job, many rows a call, and say which lines were taken after each call."""
    chance = random.Random(seed)
    job = begun(out, now=time.monotonic, errors_only=chance.random() < 0.3, source="-", census=None)
    open_lines = [line for line in range(1, job.answered + job.failed + 5_000) if not job.is_done(line)]
    while open_lines:
        some = [
            open_lines.pop(chance.randrange(min(64, len(open_lines))))
            for _ in range(min(20, len(open_lines)))
        ]
        job.known(pairs(some))
        rows = [row(line, chance) for line in some]
        job.write(rows)
        signed = [-each.line if each.failed else each.line for each in rows]
        os.write(told, b"".join(number.to_bytes(4, "big", signed=True) for number in signed))
        if chance.random() < 0.1:
            job.commit()


def test_killed_at_random_instants(tmp_path: Path) -> None:
    """After each kill: whole rows, each line once, and none is missing that was said to be taken."""
    out, chance, answered = tmp_path / "out.jsonl", random.Random(7), set[int]()
    for kill in range(KILLS):
        said = until_killed(out, kill, chance.random() * 0.04)

        with job_of(out, source="-", census=None) as job:
            assert job.notice == ""
            found = lines_of(out)
            assert len(found) == len(set(found)) == job.answered + job.failed
            assert all(job.is_done(line) for line in found)
        answered |= {line for line in said if line > 0}
        assert answered | {abs(line) for line in said} <= set(found)  # an error of an earlier run may be open

    assert len(answered) > KILLS


def until_killed(out: Path, kill: int, seconds: float) -> list[int]:
    """Which lines the worker said were taken, before it died; those below zero as errors."""
    reading, telling = os.pipe()
    pid = child(lambda: worker(out, kill, telling))
    os.close(telling)
    first = os.read(reading, 4) if kill % 3 else b""  # a third of them dies while it opens the job
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as pipe:
        data = first + pipe.read()
    whole = range(0, len(data) // 4 * 4, 4)
    return [int.from_bytes(data[at : at + 4], "big", signed=True) for at in whole]


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do `work` in a process that is killed right before its n-th step with files. Did it come so far?"""

    def doomed() -> None:
        left = [step]

        def watch(event: str, _: object) -> None:
            if event in STEPS:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        work()

    _, status = os.waitpid(child(doomed), 0)
    return os.WIFSIGNALED(status)


def messed_up(out: Path) -> None:
    """A job with errors, an output with noise and a torn end, and what the job file does not know yet."""
    write(out, answer(1), error(2), answer(3))
    with out.open("ab") as file:
        file.write(b"noise\n" + answer(4).data + b"\n" + answer(5).data[:30])


@pytest.mark.parametrize("damage", ["none", "job file", "no job file"])
def test_killed_at_each_step_of_taking_errors_out(tmp_path: Path, damage: str) -> None:
    """Whatever was done of it, what is answered stays answered, and the errors are open in the end."""
    first = tmp_path / "first"
    first.mkdir()
    messed_up(first / "out.jsonl")
    if damage == "job file":
        beside(first / "out.jsonl", "job").write_bytes(b"noise" * 1000)
    elif damage == "no job file":
        beside(first / "out.jsonl", "job").unlink()
    step, reached = 0, True
    while reached:
        step += 1
        out = shutil.copytree(first, tmp_path / str(step)) / "out.jsonl"

        reached = killed_at(step, lambda out=out: begun(out, errors_only=True))  # type: ignore[misc]

        with job_of(out, errors_only=True) as job:
            assert job.answered == 3
            assert lines_of(out) == [1, 3, 4]
            job.write([answer(2), answer(5)])
        with job_of(out) as job:
            assert (job.answered, job.failed, job.notice) == (5, 0, "")
    assert step > 5


def test_killed_at_each_step_of_beginning_anew(tmp_path: Path) -> None:
    """The old rows are in the output or in the one that was kept aside, whole."""
    first = tmp_path / "first"
    first.mkdir()
    write(first / "out.jsonl", answer(1), error(2), answer(3))
    rows = (first / "out.jsonl").read_bytes()
    step, reached = 0, True
    while reached:
        step += 1
        folder = shutil.copytree(first, tmp_path / str(step))
        out = folder / "out.jsonl"

        reached = killed_at(step, lambda out=out: begun(out, restart=True))  # type: ignore[misc]

        kept = [each for each in folder.glob("out.jsonl*") if each.read_bytes() == rows]
        assert len(kept) == 1
        with job_of(kept[0]) as job:
            assert job.answered == 2
        with job_of(out, restart=True) as job:
            assert job.answered == 0
        assert any(each.read_bytes() == rows for each in folder.glob("out.jsonl.old-*"))
    assert step > 3
