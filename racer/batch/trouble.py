"""What is wrong with the files of a batch, in words: errors of the disk and of SQLite become JobError."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING

from racer.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from racer.errors import JobTrouble

AGAIN = "then run the same command again: it goes on where it stopped"
ELSEWHERE = "another file for the output"

WORDS: Mapping[JobTrouble, str] = {
    "full": "there is no room for {path} ({why}). Every answer in it is safe: free some room, " + AGAIN,
    "read_only": "{path} cannot be written ({why}): make it and its folder writable, "
    + AGAIN
    + f"; or give {ELSEWHERE}",
    "busy": "{path} is in use ({why}): wait until that has ended, or give " + ELSEWHERE,
    "corrupt": "{path} is damaged ({why}): run the same command again, and it is made anew from the output",
    "newer": "{path} was written by a newer racer ({why}): upgrade this one, or give " + ELSEWHERE,
    "exists": "{path} is left as it is ({why}): give " + ELSEWHERE + ", or move that one away",
    "missing": "there is nothing to go on with in {path} ({why})",
    "changed": "{path} was made from something else ({why})",
    "other": "{path} cannot be used ({why}): see to that, " + AGAIN + f"; or give {ELSEWHERE}",
}

# By the low byte of SQLite's code: the rest of it says where, not what.
_BY_CODE: Mapping[int, JobTrouble] = {
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
}
_BY_ERRNO: Mapping[int | None, JobTrouble] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "full",  # a limit on the size of files (ulimit -f), or of the file system
    errno.EROFS: "read_only",
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
}


def trouble(kind: JobTrouble, path: Path, why: str) -> JobError:
    """The error to raise; `why` is a few words, no sentence."""
    return JobError(WORDS[kind].format(path=path, why=why), kind=kind)


def kind_of(error: sqlite3.Error | OSError) -> JobTrouble:
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno, "other")
    return _BY_CODE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "other")


def translated(error: sqlite3.Error | OSError, path: Path) -> JobError:
    return trouble(kind_of(error), path, _why(error))


def _why(error: sqlite3.Error | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or type(error).__name__
