"""Opening a job: may this input with these options go on with this output, and what is done already?"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from racer.batch.index import Damaged, Index, peek, sides
from racer.batch.outfile import OutFile, beside, free_number, sync_folder
from racer.batch.recovery import Standing, fits, note_of, noted, read_anew, reopened, went_on
from racer.batch.terms import Terms, input_change, option_changes
from racer.batch.trouble import ELSEWHERE
from racer.errors import JobError

if TYPE_CHECKING:
    from racer.batch.outfile import Write

_ACCEPT = "--accept-changes (accept_changes=True)"
_RESTART = "--restart (restart=True) begins anew and keeps the old output aside"


class Mode(NamedTuple):
    """`accept`: changes of the input and the options are fine. `errors_only`: errors are open again."""

    accept: bool = False
    errors_only: bool = False


class Opened(NamedTuple):
    """`terms` are not in the job file yet."""

    book: Index
    terms: Terms
    standing: Standing
    said: list[str]  # what the user should be told
    before: object = None  # the terms that the job file had


def opened(out: OutFile, terms: Terms, mode: Mode) -> Opened:
    """The job of `out`, made anew where the job file is missing or damaged. Raises JobError, OSError,
    sqlite3.Error, and Damaged where that happens twice."""
    try:
        return _attempted(out, terms, mode, [])
    except Damaged as error:
        path = beside(out.path, "job")
        number = free_number(path, purpose="corrupt")
        kept = _moved(path, Path(f"{path}.corrupt-{number}"))
        return _attempted(out, terms, mode, [f"The job file was damaged ({error}): it is kept as {kept}."])


def set_aside(path: Path, write: Write) -> None:
    """For a job that begins anew: rename output and job file, so that they still belong together.

    The job file goes first: an output without one can be gone on with, and one without output is nothing.
    """
    job = beside(path, "job")
    if not path.exists():
        return
    out = OutFile.open(path, write, lambda: holder_of(path))
    try:
        if out.size:
            target = Path(f"{path}.old-{_free(path)}")
            _moved(job, beside(target, "job"))
            path.rename(target)
            sync_folder(path)
    finally:
        out.close()


def holder_of(path: Path) -> str:
    """Who works on an output, as far as the job file tells."""
    pid = peek(beside(path, "job"), "pid")
    return f"process {pid} works on it" if isinstance(pid, int) else "another process works on it"


def changed(path: Path, why: str, was: Terms) -> JobError:
    source = f" ({was.source})" if was.source else ""
    return JobError(
        f"{path} was made from another input: {why}. Give the input as it was{source}, or {ELSEWHERE}; "
        f"{_ACCEPT} goes on if all lines that are done are in it as they were; {_RESTART}.",
        kind="changed",
    )


def _attempted(out: OutFile, terms: Terms, mode: Mode, said: list[str]) -> Opened:
    path = beside(out.path, "job")
    new = not os.path.lexists(path)
    index = Index.open(path)
    try:
        before = index.get("terms")
        standing, terms = _resumed(out, index, terms, mode, said)
        index.put(pid=os.getpid())
        index.flush()
    except (JobError, OSError, sqlite3.Error, Damaged):
        with suppress(sqlite3.Error):
            index.close()
        if new:
            for each in sides(path):
                each.unlink(missing_ok=True)
        raise
    return Opened(index, terms, standing, said, before)


def _resumed(out: OutFile, index: Index, terms: Terms, mode: Mode, said: list[str]) -> tuple[Standing, Terms]:
    was, note = _terms(index.get("terms")), note_of(index.get("noted"))
    unfinished = index.get("rebuild") is not None
    if not out.size:
        gone = 0 if unfinished or note is None else note.done
        standing = _begun(out, index, said, gone=gone)
        return reopened(index) if mode.errors_only and not gone else standing, terms
    if was is not None:
        _refuse_changes(out.path, was, terms, mode)
    anew = was is None or note is None or unfinished or not fits(out, note)
    if anew or note is None:
        standing, repaired = read_anew(out, index, known=was is not None)
        if was is None or not unfinished:  # a crash while it was written anew is nothing to be told of
            said.append(_read_anew(out.path, standing, known=was is not None))
    else:
        standing, repaired = went_on(out, index, note)
    if repaired:
        said.append(repaired)
    if mode.errors_only:
        standing = reopened(index)
    sure = was is not None and not anew and was.sure and was.digest == terms.digest
    return standing, replace(terms, sure=sure)


def _begun(out: OutFile, index: Index, said: list[str], *, gone: int) -> Standing:
    if gone:
        said.append(
            f"{out.path} was deleted or emptied since, and the rows of {gone:,} lines with it: all lines "
            "are asked again. If you have it still, stop this, put it back, and run the same command again."
        )
        index.clear()
    standing = Standing()
    index.forget_rows()
    index.note((), noted=noted(out, standing), rebuild=None)
    return standing


def _read_anew(path: Path, standing: Standing, *, known: bool) -> str:
    found = f"it has the rows of {standing.done.count:,} lines, {standing.failed.count:,} of them errors"
    if known:
        return f"{path} was changed since the job was stopped, so all of it was read: {found}."
    return (
        f"{path} had no job file, so one was made from what is in it: {found}. Each of them is compared with "
        "the input as it is read; whether the options are the same is not known."
    )


def _refuse_changes(path: Path, was: Terms, terms: Terms, mode: Mode) -> None:
    """Raises JobError."""
    if mode.accept:
        return
    if (why := input_change(was, terms)) and not mode.errors_only:
        raise changed(path, why, was)
    if others := option_changes(was, terms):
        lines = "".join(f"\n  {each}" for each in others)
        raise JobError(
            f"{path} was made with other options:{lines}\nGive them as they were, or {ELSEWHERE}; {_ACCEPT} "
            f"goes on with the new ones; {_RESTART}.",
            kind="changed",
        )


def _terms(found: object) -> Terms | None:
    if found is None:
        return None
    try:
        return Terms(**found)  # type: ignore[arg-type]
    except TypeError as error:
        raise Damaged(str(error)) from None


def _moved(path: Path, target: Path) -> Path:
    """Rename a job file with its log. The file itself goes last: without it nobody reads the log."""
    for each in sides(path):
        each.rename(f"{target}{str(each).removeprefix(str(path))}")
    return target


def _free(path: Path) -> int:
    """A number that neither the output nor its job file has among its old ones."""
    number = free_number(path, purpose="old")
    while os.path.lexists(beside(Path(f"{path}.old-{number}"), "job")):
        number += 1
    return number
