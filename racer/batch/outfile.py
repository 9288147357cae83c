"""The output of a batch: a file that only grows by whole rows, and that one process at a time has.

Rule 1: nothing is ever overwritten. What has to go is kept aside under a name of its own.
Rule 2: a row that was appended is in the file to its newline, or not at all.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Self

from racer.batch.trouble import ELSEWHERE, translated, trouble
from racer.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Write = Callable[[int, bytes], int]

OURS_ALONE = 0o600
ROOM = 1 << 20  # bytes kept free for the answers that are under way when the disk is full
MANY_TIMES = 2
LONGEST = 1 << 27  # bytes of a row; what is longer is none
_PIECE = 1 << 20
_NEW = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_OLD = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_SYNC = getattr(os, "fdatasync", os.fsync)


class Piece(NamedTuple):
    """A line of the file: where it begins, and its bytes with their newline, if it has one."""

    offset: int
    data: bytes


def settled(out: Path) -> Path:
    """Where the output is: absolute, behind a link where that is one of the user's own. Raises JobError."""
    try:
        path = out.absolute()
        if path.is_symlink():
            if path.lstat().st_uid != os.geteuid():
                raise trouble("exists", path, "it is a link that belongs to another user")
            if not path.exists():
                raise trouble("exists", path, "it is a link to a file that does not exist")
            path = path.resolve()
        if path.is_dir():
            raise trouble("exists", path, "it is a folder")
        if path.exists() and not path.is_file():
            raise trouble("exists", path, "it is not a plain file, so nothing could go on with it")
        if not path.parent.is_dir():
            why = f"{path}: there is no folder {path.parent}: mkdir -p makes it; or give {ELSEWHERE}"
            raise JobError(why, kind="missing")
    except OSError as error:
        raise translated(error, out) from error
    return path


def beside(path: Path, purpose: str) -> Path:
    """A file that goes with the output: `.out.jsonl.job` for `job`."""
    return path.with_name(f".{path.name}.{purpose}")


def free_number(*paths: Path, purpose: str) -> int:
    """The first from 1 for which none of `paths` has a `….<purpose>-<number>` beside it."""
    taken = os.path.lexists
    return next(n for n in count(1) if not any(taken(f"{each}.{purpose}-{n}") for each in paths))


def sync_folder(path: Path) -> None:
    """Have the name of `path` survive a power cut. Some file systems cannot."""
    handle = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


class OutFile:
    """Raises OSError, unless something else is said. `size` is where its last whole row ends."""

    def __init__(self, path: Path, handle: int, write: Write, *, made: bool) -> None:
        self.path = path
        self.made = made
        self.size = os.fstat(handle).st_size
        self._handle = handle
        self._write = write
        self._room = beside(path, "room")
        self._torn = 0
        self.why: OSError | None = None  # the disk refused at the last `append`

    @classmethod
    def open(cls, path: Path, write: Write = os.write, holder: Callable[[], str] = str) -> Self:
        """Open it or make it, and have it alone. Raises JobError (busy), which says what `holder` tells."""
        while True:
            handle, made = _opened(path)
            try:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise trouble("exists", path, "it is not a plain file, so nothing could go on with it")
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(handle, path):
                    return cls(path, handle, write, made=made)
                os.close(handle)  # whoever had it has put another one there meanwhile
            except BlockingIOError:
                os.close(handle)
                raise trouble("busy", path, holder() or "another batch works on it") from None
            except Exception:
                os.close(handle)
                raise

    def append(self, rows: Sequence[bytes]) -> int:
        """Write rows, with a newline each; how many of them are in the file now. The others left no trace.

        `why` says what the disk said, where they are not all, and where there was room for them only in what
        had been laid by.
        """
        self._cut(0)
        data = b"\n".join((*rows, b""))
        if data.count(b"\n") != len(rows):
            raise ValueError("a row of the output has a newline in it")
        done = self._written(data)
        if done == len(data):
            self.size += done
            return len(rows)
        whole = data.rfind(b"\n", 0, done) + 1
        self.size += whole
        with suppress(OSError):  # it is tried again before the next row
            self._cut(done - whole)
        return data.count(b"\n", 0, whole)

    def _written(self, data: bytes) -> int:
        """How many bytes were written before the disk refused; `why` is then what it said."""
        self.why = None
        done = 0
        while done < len(data):
            try:
                more = self._write(self._handle, data[done:] if done else data)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT) and self.give_room():
                    self.why = error  # all of it may be written now, and yet the disk is full
                    continue
                self.why = error
                return done
            done += more
        return done

    def _cut(self, torn: int) -> None:
        """Take `torn` bytes, and what could not be taken before, from the end."""
        self._torn += torn
        if self._torn:
            os.ftruncate(self._handle, os.fstat(self._handle).st_size - self._torn)
            self._torn = 0

    def cut_to(self, size: int) -> None:
        os.ftruncate(self._handle, size)
        self.size = size

    def sync(self) -> None:
        """Have all that was appended survive a power cut. Raises JobError where the file is gone, or others
        have changed its size."""
        _SYNC(self._handle)
        if not _is_at(self._handle, self.path):
            why = "it was deleted or replaced while the batch was running: put it back if you can"
            raise trouble("other", self.path, why)
        if (size := os.fstat(self._handle).st_size) != self.size + self._torn:
            how = "cut" if size < self.size else "written to"
            raise trouble("other", self.path, f"it was {how} by somebody else while the batch was running")

    def pieces(self, start: int = 0) -> Iterator[Piece]:
        """Its lines from `start` on, whatever they hold; the last one may lack its newline."""
        with os.fdopen(os.dup(self._handle), "rb", _PIECE) as file:
            file.seek(start)
            while data := file.readline(LONGEST):
                yield Piece(start, data)
                start += len(data)

    def tail(self, end: int, length: int) -> bytes:
        """The `length` bytes before `end`; fewer where it is shorter."""
        return os.pread(self._handle, length, end - length) if end >= length else b""

    # ---------------------------------------------------------------- another one in its place

    def keep_copy(self, purpose: str) -> Path:
        """The file as it is now, under another name too, for `rewrite` puts a new one in its place."""
        target = Path(f"{self.path}.{purpose}-{free_number(self.path, purpose=purpose)}")
        try:
            os.link(self.path, target, follow_symlinks=False)
        except OSError:  # not every file system has links
            shutil.copy2(self.path, target)
        return target

    def rewrite(self, keep: Callable[[bytes], bool]) -> None:
        """Only the lines that are to be kept, in a new file that takes the place of this one at one instant.

        A crash leaves the old one or the new one. It is ours from before it has the name.
        """
        new = beside(self.path, "new")
        new.unlink(missing_ok=True)
        handle = os.open(new, _NEW | os.O_EXCL, OURS_ALONE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _look_alike(self._handle, handle)
            with os.fdopen(os.dup(handle), "wb", _PIECE) as file:
                self._copy(file, keep)
            os.fsync(handle)
            new.rename(self.path)
        except OSError:
            os.close(handle)
            new.unlink(missing_ok=True)
            raise
        old, self._handle = self._handle, handle
        self.size, self._torn = os.fstat(handle).st_size, 0
        _let_go(old)
        sync_folder(self.path)

    def _copy(self, file: BinaryIO, keep: Callable[[bytes], bool]) -> None:
        for piece in self.pieces():
            if keep(piece.data):
                file.write(piece.data if piece.data.endswith(b"\n") else piece.data + b"\n")

    # ---------------------------------------------------------------- room for when the disk is full

    def take_room(self) -> None:
        """Lay by what a full disk will lack. Without it, answers that are under way then may be lost."""
        with suppress(OSError):
            self._room.unlink(missing_ok=True)
            disk = os.statvfs(self.path.parent)
            if disk.f_bavail * disk.f_frsize < MANY_TIMES * ROOM:
                return  # it would be what fills the disk
            handle = os.open(self._room, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OURS_ALONE)
            try:
                os.write(handle, os.urandom(ROOM))  # zeros take no room on some disks
            finally:
                os.close(handle)

    def give_room(self) -> bool:
        """Was there any?"""
        try:
            self._room.unlink()
        except OSError:
            return False
        return True

    def close(self) -> None:
        self.give_room()
        _let_go(self._handle)


def _opened(path: Path) -> tuple[int, bool]:
    """The file, and whether it was made."""
    try:
        return os.open(path, _OLD), False
    except FileNotFoundError:
        with suppress(FileExistsError):
            return os.open(path, _NEW | os.O_EXCL, OURS_ALONE), True
    return os.open(path, _OLD), False


def _is_at(handle: int, path: Path) -> bool:
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    here = os.fstat(handle)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _look_alike(old: int, new: int) -> None:
    """Whoever could read the old one can read the new one."""
    was = os.fstat(old)
    with suppress(OSError):  # only root can give files away
        os.fchown(new, was.st_uid, was.st_gid)
    os.fchmod(new, stat.S_IMODE(was.st_mode))


def _let_go(handle: int) -> None:
    fcntl.flock(handle, fcntl.LOCK_UN)  # for closing is not enough where a child was forked meanwhile
    os.close(handle)
