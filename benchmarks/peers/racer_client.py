"""racer itself, with a database on disk; the mode is its policy."""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.child import serve
from racer import Config, Racer
from racer.core.options import Defaults
from racer.core.provider import Account, Limit, Model, Provider

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Lane


class OfRacer:
    def __init__(self, lanes: tuple[Lane, ...], mode: str) -> None:
        database = Path(tempfile.mkdtemp()) / "racer.db"
        self._config = Config(
            race=Defaults(policy=mode, lanes=4),
            providers=tuple(_provider(lane) for lane in lanes),
            env={"RACER_LOG": "off", "RACER_DB": str(database)},
        )
        self._exits = AsyncExitStack()
        self._racer: Racer | None = None

    async def race(self, prompt: str) -> str:
        if self._racer is None:
            self._racer = Racer(self._config)
            await self._exits.enter_async_context(self._racer)
        return (await self._racer.race(prompt)).text

    async def close(self) -> None:
        await self._exits.aclose()


def _provider(lane: Lane) -> Provider:
    limits = (Limit("requests", lane.limit, "day"),) if lane.limit else ()
    return Provider(
        name=lane.name,
        dialect="openai",
        base_url=lane.url,
        models=(Model("m"),),
        accounts=(Account(lane.name),),
        limits=limits,
    )


if __name__ == "__main__":
    serve(OfRacer, "llm-racer", "aiohttp")
