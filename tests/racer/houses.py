"""What a cache stands on in tests: a shelf in memory, races that take their time, one house for all."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import anyio

from racer.background import Background
from racer.cache import Cache
from racer.core.heat import Outcome
from racer.core.options import Defaults, Options, read
from racer.core.reply import Attempt, Reply
from racer.errors import StoreError
from racer_adapters.types import ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from racer.core.facts import Fact
    from racer.core.options import Ask

START = 1_800_000_000.0
REPLY = Reply(
    "hello",
    "groq",
    "m",
    Usage(3, 4),
    1.0,
    "race",
    tool_calls=(ToolCall("1", "add", "{}"),),
    finish_reason="stop",
    attempts=(Attempt("groq/m", "groq", "m", 0.0, 1.0, Outcome.WON),),
    created=1_800_000_000,
)


class Shelf:
    """Rows in memory. It can be slow, or down."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[bytes, float, float]] = {}
        self.delay = 0.0
        self.down = False
        self.looked = 0

    async def get(self, key: str, now: float) -> tuple[bytes, float] | None:
        self.looked += 1
        await self._work()
        reply, at, until = self.rows.get(key, (b"", 0.0, 0.0))
        return (reply, at) if until > now else None

    async def put(self, key: str, reply: bytes, at: float, until: float) -> None:
        await self._work()
        self.rows[key] = (reply, at, until)

    async def _work(self) -> None:
        if self.delay:
            await anyio.sleep(self.delay)
        if self.down:
            raise StoreError("the disk is full")


class Track:
    """Where races are run: each takes `seconds`, then replies, or raises `error`."""

    def __init__(self, seconds: float = 1.0, error: Exception | None = None, tidying: float = 0.0) -> None:
        self.seconds = seconds
        self.error = error
        self.tidying = tidying
        self.begun = 0
        self.cancelled = 0
        self.running = 0

    async def race(self) -> Reply:
        self.begun += 1
        self.running += 1
        number = self.begun
        try:
            await anyio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            if self.tidying:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(self.tidying)
            raise
        finally:
            self.running -= 1
        if self.error is not None:
            raise self.error
        return replace(REPLY, race_id=f"race {number}")


class House:
    """A cache with what it stands on."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.background = Background()
        self.facts: list[Fact] = []
        self.ids = 0
        self.cache = Cache(
            self.shelf, self.background, now=self.now, new_id=self.new_id, tell=self.facts.append
        )

    def now(self) -> float:
        return START + anyio.current_time()

    def new_id(self) -> str:
        self.ids += 1
        return f"hit {self.ids}"

    async def fill(self) -> None:
        """With a reply that is kept for a minute."""
        assert not (await self.cache.reply(ask(), Track(0.0).race)).cached


@asynccontextmanager
async def open_house() -> AsyncGenerator[House]:
    house = House()
    yield house
    await house.background.aclose(patience=1.0)


def ask(prompt: str = "hi", /, **options: Any) -> Ask:
    return read(prompt, cast("Options", {"cache": 60, **options}), Defaults())


def call(house: House, track: Track, prompt: str = "hi", /, **options: Any) -> asyncio.Task[Reply]:
    return asyncio.create_task(house.cache.reply(ask(prompt, **options), track.race))
