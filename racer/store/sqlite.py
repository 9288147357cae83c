"""The store of a single machine: one SQLite file that all of a user's processes share."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import anyio

from racer.core.quota import Joined
from racer.errors import StoreError
from racer.store import census, quotas, readings, records, replies, retention
from racer.store.database import Database
from racer.store.place import place_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from racer.core.facts import Fact
    from racer.core.quota import Report, Tidings

T = TypeVar("T")

HOUSEKEEPING = 5.0
TURNS = 8
NOBODY = 0
LOST_WITH_THE_FILE = frozenset({"corrupt", "gone"})


class SqliteStore:
    """Fits the ports of the ledger and of the cache by shape. `levels` are the shares that raise an alert."""

    def __init__(self, path: Path | None, levels: Sequence[float] = ()) -> None:
        self._database = Database(path)
        self._levels = tuple(levels)
        self._ready = anyio.Event()
        self._boot = ""
        self._home = ""
        self._owner = NOBODY
        self._lost = False
        self._notice = ""
        self._tidied_at = 0.0

    @classmethod
    def at(cls, url: str | None, env: Mapping[str, str], levels: Sequence[float]) -> Self:
        """Where RACER_DB, `[store]` or the home folder say. Raises ConfigError."""
        return cls(place_of(url, env), levels)

    async def open(self, wall: float, ticks: float, boot: str) -> Joined:
        """Join the processes that share the file; the clocks of this one say `wall` and `ticks`."""
        opened = await self._database.open()
        if opened.set_aside is not None:
            self._notice = _set_aside(opened.set_aside)
        self._boot, self._home = boot, f"{boot} {_namespace()}"
        join = partial(self._join, wall=wall, ticks=ticks)
        try:
            self._owner, joined = await self._database.run(join)
        except StoreError:
            await self._database.aclose()  # so that it can be tried again
            raise
        if self._owner % TURNS:  # most programs are short: those that come in between have it done already
            self._tidied_at = joined.anchor[0] + ticks - joined.anchor[1]
        self._ready.set()
        notice, self._notice = self._notice, ""
        return joined._replace(notice=notice)

    def _join(self, connection: sqlite3.Connection, *, wall: float, ticks: float) -> tuple[int, Joined]:
        anchor = census.anchor(connection, wall=wall, ticks=ticks, boot=self._boot)
        now = anchor[0] + ticks - anchor[1]
        owner = census.enrol(connection, pid=os.getpid(), boot=self._home, now=now)
        census.bury(connection, now, partial(alive, here=self._home))
        return owner, Joined(anchor, readings.learned(connection), "", readings.spent(connection))

    async def exchange(
        self, report: Report, notes: Sequence[tuple[float, Fact]], now: float, *, last: bool = False
    ) -> Tidings | None:
        """Everything in one transaction; `last` ends the membership with it.

        None: this process was taken for dead, or its file was lost, and it has joined anew with empty hands.
        """
        if self._lost:
            await self._begin_anew()
        round_ = partial(self._round, report=report, notes=notes, now=now, last=last)
        self._owner, tidings = await self._run(round_)
        return tidings

    def _round(
        self,
        connection: sqlite3.Connection,
        *,
        report: Report,
        notes: Sequence[tuple[float, Fact]],
        now: float,
        last: bool,
    ) -> tuple[int, Tidings | None]:
        if not census.seen(connection, self._owner, now):
            return census.enrol(connection, pid=os.getpid(), boot=self._home, now=now), None
        learned = records.write(connection, self._owner, notes)
        tidings = quotas.exchange(connection, self._owner, report, now, self._levels)
        if last:
            census.leave(connection, self._owner)
        if tidings is not None:
            anchor = census.anchor_of(connection, self._boot)
            tidings = replace(tidings, learned=learned, anchor=anchor)
        return self._owner, tidings

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Where the file turns out to be lost, the next call finds another one."""
        try:
            return await self._database.run(work)
        except StoreError as error:
            if error.kind in LOST_WITH_THE_FILE:
                self._lost = True
                await self._begin_anew()
            raise

    async def _begin_anew(self) -> None:
        """The file is broken, and set aside by opening another one; or somebody has deleted it."""
        await self._database.aclose()
        opened = await self._database.open()
        self._lost, self._owner = False, NOBODY
        if opened.set_aside is not None:
            raise StoreError(_set_aside(opened.set_aside), kind="corrupt")

    async def tidy(self, now: float) -> None:
        """Every few seconds: bury the dead, drop what is old, and keep the log of changes short."""
        if 0 <= now - self._tidied_at < HOUSEKEEPING:
            return
        self._tidied_at = now
        await self._run(partial(self._clear, now=now))
        await self._database.tidy()

    def _clear(self, connection: sqlite3.Connection, *, now: float) -> None:
        census.bury(connection, now, partial(alive, here=self._home))
        retention.prune(connection, now)
        replies.prune(connection, now)

    async def move_anchor(self, wall: float, ticks: float) -> None:
        await self._database.run(partial(census.move_anchor, wall=wall, ticks=ticks))

    async def get(self, key: str, now: float) -> tuple[bytes, float] | None:
        """What is kept for `key`. Waits until the store is open, as `put` does."""
        await self._ready.wait()
        return await self._database.read(partial(replies.get, key=key, now=now))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work`, which only reads, makes of one state of everything. Waits until the store is open."""
        await self._ready.wait()
        return await self._database.read(work)

    async def put(self, key: str, reply: bytes, at: float, until: float) -> None:
        await self._ready.wait()
        await self._database.run(partial(replies.put, key=key, reply=reply, at=at, until=until))

    async def aclose(self) -> None:
        await self._database.aclose()


def alive(pid: int, home: str, *, here: str) -> bool | None:
    """Whether the process `pid` of `home` lives, as far as one of `here` can tell. None: it cannot.

    A home is the machine's boot id, a blank, and the namespace that `pid` is of. Containers on one machine
    share the first and not the second: none can look for the processes of another.
    """
    boot, our_boot = home.partition(" ")[0], here.partition(" ")[0]
    if not (boot and our_boot):
        return None
    if home != here:
        return None if boot == our_boot else False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _namespace() -> str:
    """In which the ids of processes are counted; empty where the system has none."""
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def _set_aside(path: Path) -> str:
    return (
        f"the database was damaged: it lies at {path} now, and a new one was begun. What was counted is "
        "lost, so half of each limit is taken for used until its window ends."
    )
