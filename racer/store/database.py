"""`Database`: the one owner of a SQLite file. Each piece of work is one function, run whole in one hop."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import aiosqlite
import anyio

from racer.store.connection import Opened, Terms, in_memory, on_disk, shrunk, transaction
from racer.store.file import identity
from racer.store.schema import MIGRATIONS
from racer.store.trouble import kind_of, translated, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from racer.store.file import Identity
    from racer.store.schema import Migration

T = TypeVar("T")

FAREWELL = 5.0  # seconds: a lock that is waited for, and the last copying


class _Link(Protocol):
    """Where the work is run."""

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T: ...

    def stop(self) -> asyncio.Future[Any] | None:
        """Have the connection closed when the work before is done. Never waits; the future tells when."""
        ...


class _Inline:
    """Here and now, for a database in memory: its work takes microseconds, and a thread would cost more."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return work(self._connection)

    def stop(self) -> None:
        self._connection.close()


class _Thread(aiosqlite.Connection):
    """In a thread of aiosqlite's, one after the other. What is in its queue runs, whoever waits for it."""

    def __init__(self, opener: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(self._open, iter_chunk_size=1)
        self._opener = opener
        self._made: sqlite3.Connection | None = None
        self.stopped: asyncio.Future[Any] | None = None
        # A Database that nobody closes must not keep Python from ending.
        self._thread.daemon = True

    def _open(self) -> sqlite3.Connection:
        self._made = self._opener()
        return self._made

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        hop = self._execute(lambda: work(self._conn))  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType] - it has no types
        result: T = await hop
        return result

    def stop(self) -> asyncio.Future[Any] | None:
        # aiosqlite calls this too, when opening is cancelled. It would then end the thread and forget the
        # connection that the thread may still be making; so the queue gets told to close that first.
        self._tx.put_nowait((None, self._close))  # pyright: ignore[reportUnknownMemberType] - a bare Future
        self.stopped = super().stop()  # pyright: ignore[reportUnknownMemberType] - as above
        return self.stopped

    def _close(self) -> None:
        if self._made is not None:
            self._made.close()


class Database:
    """Opens the file, runs work in it, closes it.

    Work is a plain function that gets the sqlite3.Connection. It runs inside one transaction, and no
    transaction outlives it, so a caller that is cancelled leaves none behind: work that was handed in runs
    whole, only nobody hears its result. What fails raises StoreError, except for what the work itself raises.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        wall: Callable[[], float] = time.time,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> None:
        """`path` is None for a database in memory. `wall` gives unix seconds."""
        self.path = path
        self._wall = wall
        self._migrations = migrations
        self._link: _Link | None = None
        self._closing: asyncio.Future[Any] | None = None
        self._broken: Identity | None = None
        self._opened = Opened(path, new=True)
        self._process = 0

    async def open(self) -> Opened:
        """Open the file; it may be opened again after it was closed.

        A broken file is set aside, under a new name, and a new one made; so is one that has turned out to
        be broken since it was opened last. Raises StoreError, and then nothing is open; nor is it when the
        call was cancelled.
        """
        if self._link is not None:
            raise trouble("unopened", self.path, "it is open already")
        self._process = os.getpid()
        self._closing = None
        if self.path is None:
            self._link = _Inline(in_memory(self._migrations))
        else:
            terms = Terms(self._wall(), self._migrations, self._broken)
            thread = _Thread(partial(self._on_disk, self.path, terms))
            try:
                await thread
            finally:  # where it has failed the thread is on its way out, and tells this loop when it is
                self._closing = thread.stopped
            self._link = thread
            self._broken = None  # its number may be given to another file, once it is deleted
        return self._opened

    def _on_disk(self, path: Path, terms: Terms) -> sqlite3.Connection:
        connection, self._opened = on_disk(path, terms)
        return connection

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work that writes: all of it is kept or, where it raises, nothing."""
        return await self._hop(partial(transaction, work=work))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work that only reads, and sees one state of everything. It waits for no writer. Be short."""
        return await self._hop(partial(transaction, work=work, begin="BEGIN DEFERRED"))

    async def tidy(self) -> int:
        """Copy the log of changes back into the database, if it has grown. Call it every now and then.

        Returns the bytes that the log has: far above 4 MiB when somebody has been reading for long.
        """
        path = self._opened.path
        return 0 if path is None else await self._hop(partial(shrunk, path=path))

    async def aclose(self) -> None:
        """Finish the work that was handed in and close. Any number of calls; at most 5 seconds each.

        A caller that is cancelled meanwhile stops waiting, but the database is closed all the same.
        """
        link, self._link = self._link, None
        if link is not None and self._process == os.getpid():
            self._closing = link.stop()
        if self._closing is not None:
            with anyio.CancelScope(shield=True):
                await asyncio.wait([self._closing], timeout=FAREWELL)

    # ------------------------------------------------------------ one hop

    async def _hop(self, work: Callable[[sqlite3.Connection], T]) -> T:
        link = self._link
        if link is None:
            raise trouble("unopened", self.path, "it is closed")
        if self._process != os.getpid():  # SQLite forbids it, and the thread has stayed with the parent
            raise trouble("unopened", self.path, "the parent process has it open: open another Database here")
        return await link.run(partial(self._guarded, work))

    def _guarded(self, work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
        path = self._opened.path
        try:
            if path is not None and identity(path) != self._opened.identity:
                raise trouble("gone", path, "its name stands for another file now, or for none")
            return work(connection)
        except sqlite3.Error as error:
            if kind_of(error) == "corrupt":
                self._broken = self._opened.identity
            raise translated(error, path) from error
