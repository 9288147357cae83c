"""What tests of the ledger stand on: a clock that can be moved, a store that can be read, who was asked."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import anyio
import orjson

from racer import NoLanes, RaceLost, Racer
from racer.core.provider import Limit, Provider
from racer.store.connection import Opened
from racer.store.sqlite import SqliteStore
from racer.testing import Script, ScriptedTransport, Step, config_of, provider_of, says
from racer.timepiece import Timepiece

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from racer.core.facts import Fact
    from racer.core.reply import Reply
    from racer.ledger import Ledger
    from racer.storage import Store
    from racer.store.database import Database

START = 1_800_000_000.0  # 15 January 2027, 08:00 UTC
DAY = 86_400.0
DAILY = Limit("requests", 5, "day", reset="00:00 UTC")
LEVELS = (0.75, 0.90, 0.95)


def counting(text: str, tokens: tuple[int, int], *, after: float = 0.0) -> Script:
    """A whole reply whose provider says what it took."""
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    chunk: dict[str, Any] = {"object": "chat.completion.chunk", "choices": [], "usage": usage}
    (first, last) = says(text, after=after).steps
    end = last.then
    assert isinstance(end, bytes)
    frames = end.replace(b"data: [DONE]\n\n", b"data: " + orjson.dumps(chunk) + b"\n\ndata: [DONE]\n\n")
    return Script((first, Step(last.delay, frames)))


class Moved:
    """The machine's clocks in a test: ticks are those of its loop, the wall can be moved."""

    def __init__(self, wall: float = START) -> None:
        self.wall = wall

    def timepiece(self) -> Timepiece:
        return Timepiece(lambda: self.wall + anyio.current_time(), anyio.current_time, "boot")


class Kept(SqliteStore):
    """In memory, and to be read after its Racer has closed it."""

    def __init__(self) -> None:
        super().__init__(None, LEVELS)

    async def aclose(self) -> None:
        pass

    async def end(self) -> None:
        await super().aclose()


class Beside(Kept):
    """Another process's store, on the same database."""

    def __init__(self, first: Kept) -> None:
        super().__init__()
        self._database = cast("Database", _Shared(first._database))


class _Shared:
    """A database in memory that somebody else opens and closes."""

    def __init__(self, database: Database) -> None:
        self.run, self.read, self.tidy = database.run, database.read, database.tidy

    async def open(self) -> Opened:
        return Opened(None, new=False)


def database_of(store: SqliteStore) -> Database:
    return store._database  # pyright: ignore[reportPrivateUsage] - no user needs it, tests look inside


def ledger_of(racer: Racer) -> Ledger:
    return racer.ledger


async def rows(store: SqliteStore, select: str) -> list[tuple[Any, ...]]:
    """What `SELECT ...` gives."""
    return await database_of(store).read(lambda connection: connection.execute(f"SELECT {select}").fetchall())


@dataclass
class Table:
    """A Racer with all that a test wants to see of it."""

    racer: Racer
    transport: ScriptedTransport
    store: Kept
    facts: list[Fact]
    moved: Moved

    def of(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def sent(self, server: str = "a") -> list[float]:
        """When `server` was asked, in seconds of the loop."""
        return [at for name, event, at in self.transport.log if (name, event) == (server, "sent")]

    async def rows(self, select: str) -> list[tuple[Any, ...]]:
        return await rows(self.store, select)


def limited(name: str, *limits: Limit, models: Sequence[str] = ("m",), **changes: Any) -> Provider:
    return replace(provider_of(name, *models), limits=limits, **changes)


@asynccontextmanager
async def table(
    *providers: Provider,
    scripts: Mapping[str, Script | Sequence[Script]] | None = None,
    within: Callable[[Kept], Store] = lambda kept: kept,
    moved: Moved | None = None,
) -> AsyncGenerator[Table]:
    """Everybody says "hi" at once, but for `scripts`. `within` wraps the store."""
    transport = ScriptedTransport({each.name: says("hi") for each in providers} | dict(scripts or {}))
    store, facts, moved = Kept(), list["Fact"](), moved or Moved()
    config = replace(config_of(), providers=providers)
    wrapped: Any = within(store)
    racer = Racer(
        config, transport=transport, observers=[facts.append], store=wrapped, timepiece=moved.timepiece()
    )
    try:
        async with racer:
            yield Table(racer, transport, store, facts, moved)
    finally:
        await store.end()


async def tried(racer: Racer, **options: Any) -> Reply | NoLanes | RaceLost:
    """One race, whatever comes of it."""
    try:
        return await racer.race("hi", **options)
    except (NoLanes, RaceLost) as lost:
        return lost


async def crowd(racer: Racer, races: int, **options: Any) -> Counter[str]:
    """So many races at once; how many ended in which way."""
    ends: Counter[str] = Counter()

    async def one() -> None:
        ends[type(await tried(racer, **options)).__name__] += 1

    async with anyio.create_task_group() as group:
        for _ in range(races):
            group.start_soon(one)
    return ends


def busiest(instants: Sequence[float], seconds: float) -> int:
    """The most that fell into any stretch of `seconds`."""
    return max((sum(at <= each < at + seconds for each in instants) for at in instants), default=0)
