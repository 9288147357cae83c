"""The job file of a batch: an index of its output, in SQLite, that makes going on quick.

All that it says can be had from the output again, but for what the job was made from: its input and options.
Only the process that holds the output has it open, so SQLite keeps it to itself (EXCLUSIVE): no shared
memory, which networks lack, and no second one that copies its log.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from racer.batch.trouble import kind_of, trouble

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from racer.batch.line import Id

APPLICATION = 0x7261636A  # "racj"
VERSION = 1
SIDES = ("-wal", "-shm", "-journal", "")
_BATCH = 10_000
_FIRST = ("trusted_schema = OFF", "locking_mode = EXCLUSIVE", "mmap_size = 0")
_PRAGMAS = (
    "journal_mode = WAL",  # where a file system cannot, SQLite keeps its other kind, which does as well
    "synchronous = NORMAL",
    "cache_size = -4096",
    "temp.journal_mode = OFF",  # what is in it is of no use after an error
    "temp.cache_size = -16384",  # KiB; what does not go in lies on the disk
)
_TABLES = (
    "CREATE TABLE job (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # `id` is the custom_id's number, see `number_of`; `failed` is 0, 1, or AGAIN.
    """CREATE TABLE lines (
        line INTEGER PRIMARY KEY, digest BLOB NOT NULL, id INTEGER NOT NULL, failed INTEGER NOT NULL)""",
)
# A line that is to be asked again counts less than any row; of two rows of one line, which only a hand can
# have made, the answer counts.
_NOTE = """INSERT INTO lines (line, digest, id, failed) VALUES (?, ?, ?, ?)
    ON CONFLICT (line) DO UPDATE SET digest = excluded.digest, id = excluded.id, failed = excluded.failed
    WHERE excluded.failed < lines.failed"""


AGAIN = 2  # the line has failed, and its row was taken out of the output, or is about to be
Entry = tuple[int, bytes, int, bool]  # a line that is done, its digest, its id's number, and `failed`


class Damaged(Exception):
    """The job file cannot be read. The output has what it said."""


def number_of(id_: Id) -> int:
    """A custom_id as 64 bits: two of a million that share one are less likely than a broken disk."""
    text = id_ if isinstance(id_, str) else f"\0{id_}"
    raw = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big", signed=True)


class Index:
    """Raises sqlite3.Error, and Damaged where the file is broken."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.claiming = False  # ids have been noted in this opening

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open it, or make it for its owner alone. Raises JobError (newer) and OSError too."""
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        found = path.lstat()
        if path.is_symlink() or not path.is_file() or found.st_uid != os.geteuid():
            raise Damaged("it is not a file of yours")
        with ExitStack() as undo, _damage():
            connection = sqlite3.connect(
                f"{path.as_uri()}?mode=rw",
                uri=True,
                timeout=1.0,
                isolation_level=None,
                check_same_thread=False,
            )
            undo.callback(connection.close)
            _ready(connection, path)
            undo.pop_all()
        return cls(connection)

    def get(self, name: str) -> Any:
        """What was put under `name`; None where nothing was."""
        with _damage():
            row = self._connection.execute("SELECT value FROM job WHERE name = ?", (name,)).fetchone()
        try:
            return None if row is None else orjson.loads(row[0])
        except orjson.JSONDecodeError as error:
            raise Damaged(str(error)) from None

    def put(self, **values: object) -> None:
        """As one. Values of JSON; None takes what is there away."""
        with self._whole() as connection:
            _put(connection, values)

    def note(self, entries: Iterable[Entry], **values: object) -> None:
        """Lines that are done, and what is put with them, as one."""
        with self._whole() as connection:
            connection.executemany(_NOTE, entries)
            _put(connection, values)

    def entries(self) -> Iterator[tuple[int, int]]:
        """Line and `failed` of all that is noted; that is AGAIN for a line without a row."""
        with _damage():
            cursor = self._connection.execute("SELECT line, failed FROM lines")
            while rows := cursor.fetchmany(_BATCH):
                yield from rows

    def digests(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        with _damage():
            yield from self._connection.execute(
                "SELECT line, digest FROM lines WHERE line BETWEEN ? AND ?", (first, last)
            )

    def clear(self) -> None:
        """Forget all lines."""
        with self._whole() as connection:
            connection.execute("DELETE FROM lines")

    def forget_rows(self, **values: object) -> None:
        """Forget all lines but those that are to be asked again."""
        with self._whole() as connection:
            connection.execute("DELETE FROM lines WHERE failed < ?", (AGAIN,))
            _put(connection, values)

    def ask_again(self, **values: object) -> bool:
        """Mark all lines that failed as such to be asked again. Was there any? If not, nothing is put."""
        with self._whole() as connection:
            marked = connection.execute("UPDATE lines SET failed = ? WHERE failed = 1", (AGAIN,)).rowcount
            if marked:
                _put(connection, values)
        return marked > 0

    def claim(self, ids: list[tuple[int, int]]) -> bool:
        """Note (id, line) pairs as seen, for this opening. Was each of these ids new?

        The first to claim an id has it; among the lines that are done those that are answered come first.
        """
        with _damage():
            if not self.claiming:
                self._begin_claims()
            with self._whole() as connection:
                cursor = connection.executemany("INSERT OR IGNORE INTO temp.ids VALUES (?, ?)", sorted(ids))
                return cursor.rowcount == len(ids)

    def _begin_claims(self) -> None:
        """In a temporary file: each opening reads all ids again, and to note them for good costs far more."""
        with self._whole() as connection:
            connection.execute("CREATE TEMP TABLE ids (id INTEGER PRIMARY KEY, line INTEGER NOT NULL)")
            connection.execute(
                "INSERT OR IGNORE INTO temp.ids "
                "SELECT id, line FROM lines WHERE failed < ? ORDER BY id, failed, line", (AGAIN,),
            )  # fmt: skip
        self.claiming = True

    def owner(self, number: int) -> int:
        """The line that has claimed an id."""
        row = self._connection.execute("SELECT line FROM temp.ids WHERE id = ?", (number,)).fetchone()
        return int(row[0])

    def hand_over(self, number: int, line: int) -> None:
        self._connection.execute("UPDATE temp.ids SET line = ? WHERE id = ?", (line, number))

    def flush(self) -> None:
        """Bring all into the file itself, where `peek` finds it."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _whole(self) -> Generator[sqlite3.Connection]:
        """A transaction: all of it, or nothing."""
        with _damage():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


def peek(path: Path, name: str) -> Any:
    """What was put under `name`, also while another process has the file; None where it does not tell."""
    with suppress(sqlite3.Error, orjson.JSONDecodeError, OSError):
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            row = connection.execute("SELECT value FROM job WHERE name = ?", (name,)).fetchone()
        return None if row is None else orjson.loads(row[0])
    return None


def sides(path: Path) -> list[Path]:
    """The files that belong together, the job file itself as the last."""
    return [each for side in SIDES if os.path.lexists(each := Path(f"{path}{side}"))]


def _ready(connection: sqlite3.Connection, path: Path) -> None:
    for pragma in _FIRST:  # before anything is read, for that would open the log to others
        connection.execute(f"PRAGMA {pragma}")
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION and (application or version or tables):
        raise Damaged("it is no job file")
    if version > VERSION:
        raise trouble("newer", path, f"its form has number {version}, this racer knows {VERSION}")
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    if version == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute("COMMIT")


def _put(connection: sqlite3.Connection, values: dict[str, object]) -> None:
    for name, value in values.items():
        if value is None:
            connection.execute("DELETE FROM job WHERE name = ?", (name,))
        else:
            text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
            connection.execute("INSERT OR REPLACE INTO job VALUES (?, ?)", (name, text))


@contextmanager
def _damage() -> Generator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        broken = kind_of(error) == "corrupt" or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_ERROR
        if not broken:  # SQLITE_ERROR: what is in it are not our tables
            raise
        raise Damaged(str(error)) from error
