"""What is wrong with the database, in words: errors of SQLite and of the disk become StoreError."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING

from racer.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from racer.errors import StoreTrouble

_ELSEWHERE = "set RACER_DB to another file, or to :memory: to do without one"

WORDS: Mapping[StoreTrouble, str] = {
    "locked": "{it} is locked by another program ({why}): close what holds it, or " + _ELSEWHERE,
    "full": "{it} has no room left ({why}): free some space on its disk, or " + _ELSEWHERE,
    "read_only": "{it} cannot be written ({why}): make the file and its folder writable, or " + _ELSEWHERE,
    "corrupt": "{it} is damaged ({why}): it is set aside, never deleted, when racer opens it next",
    "newer": "{it} was written by a newer racer ({why}): upgrade this one, or " + _ELSEWHERE,
    "foreign": "{it} is not racer's, and is left as it is ({why}): " + _ELSEWHERE,
    "gone": "{it} was deleted or replaced while open ({why}): it is made anew when racer opens it next",
    "unopened": "{it} cannot be opened ({why}): see to that, or " + _ELSEWHERE,
    "other": "{it} failed: {why}",
}

# By the low byte of SQLite's code: the rest of it says where, not what.
_BY_CODE: Mapping[int, StoreTrouble] = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_PROTOCOL: "locked",  # the lock of the log's index was not to be had
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
    sqlite3.SQLITE_CANTOPEN: "unopened",
}
_BY_ERRNO: Mapping[int | None, StoreTrouble] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EROFS: "read_only",
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
}


def trouble(kind: StoreTrouble, path: Path | None, why: str) -> StoreError:
    """The error to raise. `path` is None for a database in memory; `why` is a few words, no sentence."""
    it = "the database in memory" if path is None else f"the database {path}"
    return StoreError(WORDS[kind].format(it=it, why=why), kind=kind)


def kind_of(error: sqlite3.Error | OSError) -> StoreTrouble:
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno, "unopened")
    code = getattr(error, "sqlite_errorcode", 0)  # Python's own complaints have none
    if code == sqlite3.SQLITE_IOERR_SHMSIZE:  # no room for the index of the log
        return "full"
    return _BY_CODE.get(code & 0xFF, "other")


def translated(error: sqlite3.Error | OSError, path: Path | None) -> StoreError:
    return trouble(kind_of(error), path, _why(error))


def _why(error: sqlite3.Error | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or type(error).__name__
