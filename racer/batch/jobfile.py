"""A job: the output of a batch and the job file beside it, as one thing that survives crashes.

Rule 1: a line is done when its row is in the output. The job file follows, and never runs ahead.
Rule 2: nothing is changed before it is known that this input and these options may go on with this output.
Rule 3: a line that has failed has its row, or the job file says that it is to be asked again.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self, cast

from racer.batch.index import Damaged, number_of, peek
from racer.batch.line import id_of
from racer.batch.opening import Mode, changed, holder_of, opened, set_aside
from racer.batch.outfile import OutFile, beside, settled
from racer.batch.recovery import noted, take_errors_out
from racer.batch.terms import terms_of
from racer.batch.trouble import translated, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from racer.batch.index import Entry
    from racer.batch.line import Id
    from racer.batch.opening import Opened
    from racer.batch.outfile import Write
    from racer.batch.rows import Row
    from racer.batch.terms import Census
    from racer.errors import JobError

EVERY = 0.5  # seconds between two commits, at least
_MOST_READ = 20_000  # numbers of ids that are kept, for they take longer to make than to find
_MOST_WAITING = 200_000  # entries that the job file did not take; then they are left for the next opening


class Job:
    """A batch's output and its job file, open. All methods wait in place, one thread at a time calls them.
    `is_sure` and `is_done` are for any thread: a line that is about to be done may be told as open.

    `total` are the prompts of the input, 0 where nobody knows. `answered` and `failed` are of earlier runs.
    `notice` is what the user should be told of the opening; empty where there is nothing.
    """

    def __init__(self, out: OutFile, found: Opened, now: Callable[[], float]) -> None:
        self.source = found.terms.source
        self.total = found.terms.prompts or 0
        self.failed = found.standing.failed.count
        self.answered = found.standing.done.count - self.failed
        self.notice = " ".join(found.said)
        self._out = out
        self._index = found.book
        self._terms, self._before = found.terms, found.before
        self._standing = found.standing
        self._now = now
        self._waiting: list[Entry] = []
        # Lines that have to be in the input, and were not seen in it so far.
        self._due = (self.asked or 0) + (0 if self.is_sure else self._standing.done.count)
        self._numbers: dict[int, int] = {}  # of the ids of lines that were read, until they are done
        self._noting = True
        self._committed_at = now()

    @classmethod
    def open(
        cls,
        out: Path,
        *,
        census: Census | None,
        source: str,
        options: Mapping[str, Any],
        restart: bool = False,
        accept: bool = False,
        errors_only: bool = False,
        write: Write = os.write,
        now: Callable[[], float] = time.monotonic,
    ) -> Self:
        """Open a job that is there, or a new one. Raises JobError; nothing is lost then.

        `restart`: keep output and job file aside, and begin anew. `accept`: other options are fine, and
        another input as long as the lines that are done are the same. `errors_only`: lines that ended as
        errors are open again, whatever they are now.
        """
        path = settled(out)
        with _in_words(path), ExitStack() as undo:
            _refuse_input(path, source)
            if restart:
                set_aside(path, write)
            elif errors_only and not path.exists():
                raise trouble("missing", path, "there is no such file: run the batch without --errors-only")
            file = OutFile.open(path, write, lambda: holder_of(path))
            undo.callback(_given_up, file)
            terms = terms_of(source, options, census)
            job = cls(file, opened(file, terms, Mode(accept, errors_only)), now)
            undo.pop_all()
        file.take_room()
        return job

    def begin(self) -> None:
        """It goes on with this input and these options from now on. Raises JobError.

        Where only errors are asked again, their rows are taken out of the output.
        """
        with _in_words(self._out.path):
            if self._standing.only is not None:
                take_errors_out(self._out, self._index, self._standing)
            self._index.put(terms=self._terms.to_dict())
            self._index.flush()

    @staticmethod
    def source_of(out: Path) -> str:
        """The input that the job of `out` was made from. Raises JobError (missing)."""
        path = settled(out)
        terms = peek(beside(path, "job"), "terms")
        if not isinstance(terms, dict) or not path.exists():
            raise trouble("missing", path, "it has no job file: name the input of the batch too")
        return str(cast("dict[str, object]", terms).get("source"))

    @property
    def is_sure(self) -> bool:
        """Whether the input is known to be the one that the lines which are done were read from."""
        return self._terms.sure

    def is_done(self, line: int) -> bool:
        """Whether nobody is to be asked for it: it has its row, or this run is for others."""
        only = self._standing.only
        return line in self._standing.done or (only is not None and line not in only)

    @property
    def asked(self) -> int | None:
        """How many lines this run is for, where it is not for all that have no row."""
        only = self._standing.only
        return None if only is None else only.count

    def known(self, pairs: Sequence[tuple[int, bytes, Id | None]]) -> dict[int, str]:
        """Lines as they are read: their number, digest and custom_id. What is wrong with some, by line.

        Whoever reads an input tells each line that is not done in its order, and the done ones too unless
        `is_done` is enough. Raises JobError (changed) where a line that is done is another one now.
        """
        done, only = self._standing.done, self._standing.only
        found = {line: digest for line, digest, _ in pairs if line in done}
        self._due -= 0 if self.is_sure else len(found)
        self._due -= 0 if only is None else sum(line in only for line, _, _ in pairs)
        with _in_words(self._out.path):
            self._compare(found)
            ids = {line: id_of(line) if id_ is None else id_ for line, _, id_ in pairs if line not in done}
            return self._claimed(ids)

    def read_whole(self) -> None:
        """All lines of the input are known. Raises JobError (changed) where some are missing among them."""
        if self._due:
            with _in_words(self._out.path):
                why = (
                    f"{self._due:,} lines that have a row, or were to be asked again, are not in it any more"
                )
                raise self._refusal(why)

    def write(self, rows: Sequence[Row]) -> None:
        """Append them to the output; from now on their lines are done. A line that is done is left out.

        Raises JobError (full, read_only, other). `is_done` tells which rows are in the output nevertheless;
        the others are the caller's still, and may be written again.
        """
        done = self._standing.done
        fresh = list({row.line: row for row in rows if row.line not in done}.values())
        with _in_words(self._out.path):
            count = self._out.append([row.data for row in fresh]) if fresh else 0
            self._enter(fresh if count == len(fresh) else fresh[:count])
            if fresh and self._out.why is not None:
                raise self._out.why
        if self._now() - self._committed_at >= EVERY:
            self.commit()

    def commit(self) -> None:
        """Have all that was written survive a power cut. Raises JobError.

        A job file that takes no more is no reason to stop: the next opening reads the output instead.
        """
        self._committed_at = self._now()
        if not self._waiting:
            return
        with _in_words(self._out.path):
            self._out.sync()
            self._note()

    def close(self) -> None:
        """Commit, and let others have it. Raises JobError; it is closed nevertheless."""
        try:
            self.commit()
        finally:
            with suppress(sqlite3.Error):
                self._index.close()
            self._out.close()

    # ---------------------------------------------------------------- inside

    def _enter(self, rows: Sequence[Row]) -> None:
        """They are in the output."""
        add, number_at, wait = self._standing.done.add, self._numbers.pop, self._waiting.append
        for line, digest, id_, failed, _ in rows:
            add(line)
            if failed:
                self._standing.failed.add(line)
            number = number_at(line, None)
            wait((line, digest, number_of(id_) if number is None else number, failed))

    def _note(self) -> None:
        """All rows since the last time, or none: what is noted of the output's end is of all of them."""
        self._noting = self._noting and len(self._waiting) <= _MOST_WAITING
        if self._noting:
            with suppress(sqlite3.Error, Damaged):
                self._index.note(self._waiting, noted=noted(self._out, self._standing))
                self._waiting.clear()
        else:
            self._waiting.clear()

    def _compare(self, done: dict[int, bytes]) -> None:
        """Lines that are done, with what was answered. Not needed where the whole input is the same."""
        if self._terms.sure or not done:
            return
        for line, digest in self._index.digests(min(done), max(done)):
            if done.get(line, digest) != digest:
                why = f"line {line} is not the one that was answered"
                if line in self._standing.failed:
                    why = f"line {line} is not the one that failed (--errors-only asks it again as it is now)"
                raise self._refusal(why)

    def _refusal(self, why: str) -> JobError:
        """What was accepted is another input after all."""
        if self._before is not None:
            self._index.put(terms=self._before)
        return changed(self._out.path, why, self._terms)

    def _claimed(self, ids: dict[int, Id]) -> dict[int, str]:
        """What is wrong with the ids of lines that are not done: the first line that brings one has it."""
        if not ids:
            return {}
        if not self._index.claiming:
            self._note()  # so that the lines done since the opening are among those that have theirs
        numbers = {line: number_of(id_) for line, id_ in ids.items()}
        if len(self._numbers) < _MOST_READ:
            self._numbers |= numbers
        if self._index.claim([(number, line) for line, number in numbers.items()]):
            return {}
        wrong: dict[int, str] = {}
        for line, number in sorted(numbers.items()):
            owner = self._index.owner(number)
            if owner > line and owner in self._standing.failed:  # it may have failed for that very reason
                self._index.hand_over(number, line)
            elif owner != line:
                wrong[line] = f"custom_id {_quoted(ids[line])} is line {owner}'s already"
        return wrong


def _quoted(id_: Id) -> str:
    return str(id_) if isinstance(id_, int) else f"'{id_[:80]}'"


def _refuse_input(path: Path, source: str) -> None:
    with suppress(OSError, ValueError):
        if path.samefile(source):
            raise trouble("exists", path, "it is the input")


def _given_up(out: OutFile) -> None:
    """An output that was made for a job that did not begin is of no use to anybody."""
    if out.made and not out.size:
        with suppress(OSError):
            out.path.unlink()
    out.close()


@contextmanager
def _in_words(path: Path) -> Generator[None]:
    """Raise JobError for what the disk and SQLite say."""
    try:
        yield
    except OSError as error:
        raise translated(error, path) from error
    except sqlite3.Error as error:
        raise translated(error, beside(path, "job")) from error
    except Damaged as error:
        raise trouble("corrupt", beside(path, "job"), str(error)) from error
