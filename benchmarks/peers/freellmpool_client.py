"""freellmpool: one provider after the other, routed by `fast`, its mode for the least latency.

A pool is made as its own default configuration makes one, but over our addresses alone.
"""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.child import serve

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Lane

freellmpool: Any = import_module("freellmpool")
quota: Any = import_module("freellmpool.quota")
health: Any = import_module("freellmpool.route_health")
stats: Any = import_module("freellmpool.stats")


class Freellmpool:
    def __init__(self, lanes: tuple[Lane, ...], mode: str) -> None:
        folder = Path(tempfile.mkdtemp())
        pool = freellmpool.Pool(
            [_provider(lane) for lane in lanes],
            env={},
            routing="fast",
            quota=quota.QuotaStore(folder / "quota.json"),
            stats_store=stats.StatsStore(folder / "stats.json"),
            route_health=health.RouteHealthStore(path=folder / "health.json"),
        )
        self._pool = freellmpool.AsyncPool(pool)

    async def race(self, prompt: str) -> str:
        return str((await self._pool.aask(prompt)).text)

    async def close(self) -> None:
        await self._pool.aclose()


def _provider(lane: Lane) -> Any:
    model = freellmpool.Model("m", rpd=lane.limit or 0)
    return freellmpool.Provider(lane.name, lane.name, "openai", lane.url, (model,), auth="none")


if __name__ == "__main__":
    serve(Freellmpool, "freellmpool", "httpx")
