"""The simulator: every provider of a profile on one loopback port, one path prefix each.

http://127.0.0.1:PORT/<provider>/...   what that provider would answer
GET  /sim/counters                     what happened, per provider
POST /sim/reset                        zero the counters and the limits
GET  /sim/requests?limit=N             the last requests as they came, keys masked
GET  /sim/profile                      what is being simulated
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Self

import orjson
from aiohttp import web

from racer.sim.counters import Counters, totals
from racer.sim.library import load_profile
from racer.sim.profile import Profile
from racer.sim.record import visit_record
from racer.sim.station import Station
from racer.sim.wire import WIRES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

HOST = "127.0.0.1"
PORT = 8191
BACKLOG = 1024  # a burst of clients is let in at once, as by providers
JSON = {"content-type": "application/json"}


class Simulator:
    """`async with Simulator("zero") as sim:` serves until the block ends.

    profile   a Profile, a built-in profile's name, or the path of a file
    port      0: any free one; see `url`
    keep      how many requests of each provider are kept for `requests()`

    Raises ProfileError at once, and OSError on entering when the port cannot be had.
    """

    def __init__(
        self, profile: Profile | str | Path, *, host: str = HOST, port: int = 0, keep: int = 1000
    ) -> None:
        self.profile = profile if isinstance(profile, Profile) else load_profile(profile)
        self._host = host
        self._port = port
        self._keep = keep
        self._offset = time.time() - time.monotonic()
        self._stations: dict[str, Station] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def __aenter__(self) -> Self:
        self._stations = {
            provider.name: Station(self.profile, provider, clock=self._now, keep=self._keep)
            for provider in self.profile.providers
        }
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, backlog=BACKLOG)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        for connection in self._connections:
            connection.cancel()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    def base_url(self, provider: str) -> str:
        """What a client of this provider takes as its base URL. Raises KeyError for an unknown one."""
        wire, *_ = WIRES[self._stations[provider].provider.dialect]
        return f"{self.url}/{provider}{wire.base}"

    def counters(self) -> Counters:
        counts = {name: station.counts() for name, station in self._stations.items()}
        return Counters(at=time.monotonic(), totals=totals(counts.values()), providers=counts)

    def reset(self) -> None:
        for station in self._stations.values():
            station.reset()

    def requests(self, limit: int = 100) -> list[dict[str, Any]]:
        """The last requests, newest last."""
        visits = [visit for station in self._stations.values() for visit in station.tally.visits]
        visits.sort(key=lambda visit: visit.started_at)
        return [visit_record(visit) for visit in visits[max(len(visits) - limit, 0) :]]

    def _now(self) -> float:
        """Unix time as of the start, carried on by the monotonic clock: limits must not jump."""
        return self._offset + time.monotonic()

    def _is_stopping(self) -> bool:
        return self._stopping

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.task not in self._connections:
            self._connections.add(request.task)
            request.task.add_done_callback(self._connections.discard)
        name, slash, rest = request.raw_path.removeprefix("/").partition("/")
        if name == "sim":
            return self._own_page(request)
        station = self._stations.get(name.partition("?")[0])
        if station is None:
            return _json({"error": f"no such provider; known: {', '.join(self._stations)}"}, 404)
        return await station.serve(request, slash + rest, stopping=self._is_stopping)

    def _own_page(self, request: web.BaseRequest) -> web.Response:
        page = (request.method, request.path)
        if page == ("GET", "/sim/counters"):
            return _json(self.counters())
        if page == ("GET", "/sim/profile"):
            return _json(self._profile_record())
        if page == ("POST", "/sim/reset"):
            self.reset()
            return _json({"reset": True})
        if page == ("GET", "/sim/requests"):
            limit = request.query.get("limit", "100")
            if not limit.isdecimal():
                return _json({"error": f"limit: found {limit!r}, allowed: a whole number"}, 400)
            return _json(self.requests(int(limit)))
        return _json({"error": "known: GET /sim/counters, /sim/requests, /sim/profile; POST /sim/reset"}, 404)

    def _profile_record(self) -> dict[str, Any]:
        providers = {
            provider.name: {
                "dialect": provider.dialect,
                "flavour": provider.flavour,
                "base_url": self.base_url(provider.name),
                "models": provider.models,
                "keys": None if provider.keys is None else len(provider.keys),
                "faults": [fault.kind for fault in provider.faults],
                "limits": [f"{limit.amount} {limit.unit} per {limit.name}" for limit in provider.limits],
            }
            for provider in self.profile.providers
        }
        return {"name": self.profile.name, "seed": self.profile.seed, "providers": providers}


async def serve(
    profile: Profile | str | Path, *, host: str = HOST, port: int = PORT, ready: Callable[[Simulator], None]
) -> None:
    """Serve until cancelled; `ready` is called once the port is open. Raises as Simulator does."""
    async with Simulator(profile, host=host, port=port) as simulator:
        ready(simulator)
        await asyncio.get_running_loop().create_future()


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, headers=JSON, body=orjson.dumps(value))
