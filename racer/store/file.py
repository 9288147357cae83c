"""The database as files on a disk: where it may lie, who may read it, what becomes of a broken one."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from racer.store.trouble import trouble

if TYPE_CHECKING:
    from collections.abc import Generator

SIDES = ("-wal", "-shm", "")  # the log, its index, and the database itself
NETWORKS = frozenset({"afs", "cifs", "fuse.sshfs", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"})
OURS_ALONE = 0o600
PAUSE = 0.005

Identity = tuple[int, int]


def settled(path: Path) -> Path:
    """Where the file is: absolute, in a folder that exists, behind a link where that is one of ours.

    A folder is made for its owner alone. Raises StoreError for a place that will not do, and OSError.
    """
    path = path.absolute()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_symlink():
        if path.lstat().st_uid != os.geteuid():
            raise trouble("unopened", path, "it is a link that belongs to another user")
        if not path.exists():
            raise trouble("unopened", path, "it is a link to a file that does not exist")
        path = path.resolve()
    if path.exists() and not path.is_file():
        raise trouble("unopened", path, "it is not a file")
    refuse_network(path, file_system(path.parent))
    return path


def refuse_network(path: Path, kind: str | None) -> None:
    """SQLite shares memory between the processes that have a file open: no network does that."""
    if kind in NETWORKS:
        why = f"it lies on a network file system, {kind}, which processes cannot share it on"
        raise trouble("unopened", path, why)


def file_system(folder: Path) -> str | None:
    """The kind of file system that `folder` lies on, in Linux's words; None where nothing tells."""
    device = folder.stat().st_dev
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "replace")
    except OSError:
        return None
    return mounted(mounts, f"{os.major(device)}:{os.minor(device)}")


def mounted(mounts: str, device: str) -> str | None:
    """The kind of file system that `mounts`, the text of a mountinfo, gives for a device "major:minor"."""
    found = re.search(rf"^\d+ \d+ {re.escape(device)} .* - (\S+)", mounts, re.MULTILINE)
    return found[1] if found else None


@contextmanager
def alone(path: Path, patience: float) -> Generator[None]:
    """Only one process or thread at a time opens the database: makes it, brings it up to date, sets it aside.

    The lock is the system's, so a process that dies gives it back. The empty file stays: a lock on a file
    that comes and goes excludes nobody. Raises StoreError (locked) after `patience` seconds, and OSError.
    """
    handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, OURS_ALONE)
    try:
        if not _locked(handle, time.monotonic() + patience):
            raise trouble("locked", path, "another process has been opening it for long")
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)  # for closing is not enough where a child was forked meanwhile
        os.close(handle)


def _locked(handle: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(PAUSE)
        else:
            return True


def make(path: Path) -> bool:
    """Make the file where there is none, for its owner alone. Was it made?

    Only under `alone`: closing a file lets go of every lock that this process has on it, SQLite's too.
    That is also why a file that exists is never opened here.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, OURS_ALONE)
    except FileExistsError:
        return False
    os.close(handle)
    return True


def close_to_others(path: Path) -> None:
    """Keep others from reading the database, its log and its index. Only once it is known as ours."""
    for side in SIDES:
        each = Path(f"{path}{side}")
        with suppress(FileNotFoundError):
            mode = stat.S_IMODE(each.stat().st_mode)
            if mode & 0o077:
                each.chmod(mode & 0o700)


def unclaimed(path: Path) -> bool:
    """Is there something in the file, and beside it no empty lock, such as ours have from their beginning?

    The file is looked at first: who makes one at this moment has laid the lock there already.
    """
    if not file_size(path, ""):
        return False
    lock = Path(f"{path}.lock")
    return not lock.is_file() or file_size(path, ".lock") > 0


def identity(path: Path) -> Identity | None:
    """Which file lies there now; None where none does."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def file_size(path: Path, side: str) -> int:
    """In bytes; 0 where there is no such file."""
    try:
        return Path(f"{path}{side}").stat().st_size
    except FileNotFoundError:
        return 0


def free_name(path: Path, purpose: str, now: float) -> Path:
    """A name beside `path` that nothing has: `racer.db.corrupt-20260131T235959`, in UTC."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
    names = (f"{path}.{purpose}-{stamp}" + (f"-{number}" if number else "") for number in count())
    return next(Path(name) for name in names if not os.path.lexists(name))


def set_aside(path: Path, now: float) -> Path:
    """Rename the database with its log, so that they still belong together; say what it is called now.

    Only under `alone`. The database goes last: without it nobody reads the log, and with it, whoever comes
    after a failure half-way finds it broken again. Raises OSError.
    """
    target = free_name(path, "corrupt", now)
    for side in SIDES:
        with suppress(FileNotFoundError):
            Path(f"{path}{side}").rename(f"{target}{side}")
    return target
