"""The server: its routes, and the way of a request through guard, handler and errors.

Paths are compared as they were sent: nothing is decoded or put together before the guard has looked at it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import anyio
from aiohttp import web

from racer.config import ServerSettings
from racer.errors import RacerError
from racer.server import (
    anthropic,
    anthropic_routes,
    events,
    fault,
    figures,
    health,
    metrics,
    ollama,
    ollama_models,
    openai,
    pages,
    probes,
)
from racer.server.audience import Audience
from racer.server.door import Door, Porch
from racer.server.guard import Knock, check_body, gate_of, heard
from racer.server.house import House, Timeouts
from racer.server.journal import Journal
from racer.server.question import Refused
from racer.server.surface import answering
from racer.server.visit import Visit
from racer.server.visitors import Visitors
from racer.server.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from types import TracebackType

    from racer.api import Racer
    from racer.server.house import Handler
    from racer.server.surface import Surface

MOST_CONNECTIONS = 4096
_TOLD = ("x-racer-provider", "x-racer-race-id", "x-racer-lanes", "retry-after")
_NOTHING = "there is nothing at this path: GET /v1/models, POST /v1/chat/completions, /api/chat, /v1/messages"
LAST_WORD = 1.0  # seconds for what those are told who are sent away
FAREWELL = 5.0  # seconds for handlers that were cancelled to be done


@dataclass(frozen=True, slots=True)
class Route:
    """`path` may end in `/*`. `public`: to be had without a token; `page`: to be come to by a link.

    `surface` is in whose shape errors are told. A POST takes JSON and nothing else.
    """

    method: str
    path: str
    handler: Handler
    surface: Surface = openai.SURFACE
    public: bool = False
    page: bool = False


ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/chat/completions", answering(openai.SURFACE)),
    Route("GET", "/v1/models", probes.models),
    Route("GET", "/v1/models/*", probes.model),
    Route("POST", "/api/chat", answering(ollama.SURFACE), ollama.SURFACE),
    Route("GET", "/api/tags", ollama_models.tags, ollama.SURFACE),
    Route("POST", "/api/show", ollama_models.show, ollama.SURFACE),
    Route("GET", "/api/version", ollama_models.version, ollama.SURFACE),
    Route("POST", "/v1/messages", anthropic_routes.messages, anthropic.SURFACE),
    Route("POST", "/v1/messages/count_tokens", anthropic_routes.count_tokens, anthropic.SURFACE),
    Route("GET", "/api/health", health.health),
    Route("GET", "/api/usage", figures.usage),
    Route("GET", "/api/races", figures.races),
    Route("GET", "/api/races/*", figures.race),
    Route("GET", "/api/events", events.events),
    Route("GET", "/metrics", metrics.metrics),
    Route("GET", "/openapi.json", figures.described),
    Route("GET", "/", pages.dashboard, public=True, page=True),
    Route("GET", f"{pages.ASSETS}*", pages.asset, public=True),
    Route("GET", "/livez", probes.alive, public=True),
    Route("GET", "/readyz", probes.ready, public=True),
)


class Server:
    """`async with Server(racer, settings, audience) as server:` serves until the block ends.

    racer     an open one; `audience` is among its observers
    routes    what is served

    Raises OSError on entering when the address cannot be had, and ValueError for a token without a value.
    """

    def __init__(
        self,
        racer: Racer,
        settings: ServerSettings | None = None,
        audience: Audience | None = None,
        *,
        timeouts: Timeouts | None = None,
        journal: Journal | None = None,
        routes: Sequence[Route] = ROUTES,
        connections: int = MOST_CONNECTIONS,
    ) -> None:
        settings = settings or ServerSettings()
        self.house = House(
            racer=racer,
            settings=settings,
            audience=audience or Audience(),
            visitors=Visitors(settings.max_in_flight, time.monotonic),
            journal=journal or Journal(),
            timeouts=timeouts or Timeouts(),
            now=time.time,
            watch=Watch(time.time),
        )
        self.house.audience.join(self.house.watch)
        self.house.audience.join(self.house.visitors.observe)
        self.house.served.append(self.house.watch.tally.served)
        self._gate = gate_of(settings, settings.tokens)
        self._routes = _by_path(routes)
        self._most = connections
        self._tasks: set[asyncio.Task[Any]] = set()
        self._asking: set[asyncio.Task[Any]] = set()  # those of them that have no answer yet
        self._port = settings.port

    async def __aenter__(self) -> Self:
        settings, timeouts = self.house.settings, self.house.timeouts
        self._porch = Porch(self._handle, most=self._most, timeouts=timeouts)
        self._listening = await asyncio.get_running_loop().create_server(
            self._porch, settings.host, self._port, backlog=1024
        )
        self._port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop(0.0)

    async def stop(self, grace: float) -> bool:
        """Take nobody more in, give those who are in `grace` seconds, then leave. Whether all were done.

        Who is still in then is told so.
        """
        self.house.stopping.set()
        await self._close()
        self._porch.leave()
        done = await self._empty(grace, but=self.house.onlookers)
        self.house.quiet.set()
        await self._empty(LAST_WORD, but=self._tasks - self.house.onlookers)
        with anyio.CancelScope(shield=True):
            self.house.over = True
            for task in self._asking:
                task.cancel()
            await self._empty(LAST_WORD)
            await self._porch.shutdown(0.05)
            await self._empty(FAREWELL)
        return done

    async def _close(self) -> None:
        """Who was accepted is let in first: a listener that goes before that would lose him half-way."""
        loop = asyncio.get_running_loop()
        for each in self._listening.sockets:
            loop.remove_reader(each.fileno())
        for _ in range(2):
            await asyncio.sleep(0)
        self._listening.close()

    async def _empty(
        self, within: float, *, but: AbstractSet[asyncio.Task[Any] | None] = frozenset()
    ) -> bool:
        """Whether all were done in time, `but` for those."""
        if tasks := self._tasks - but:
            await asyncio.wait(tasks, timeout=within)
        return not self._tasks - but

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        host = self.house.settings.host
        host = "127.0.0.1" if host in ("0.0.0.0", "") else "::1" if host == "::" else host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    # ------------------------------------------------------------------ a request

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            self._asking.add(task)
            task.add_done_callback(self._tasks.discard)
        if isinstance(request.protocol, Door):
            request.protocol.spoke()
        visit = Visit(request, holder=self._gate.stranger)
        self.house.watch.came(request.headers)
        began, status = time.monotonic(), 0
        try:
            response = await self._answer(visit)
            status = response.status
        finally:
            if task is not None:
                self._asking.discard(task)
            self.house.tell(visit.served(status, time.monotonic() - began))
        return response

    async def _answer(self, visit: Visit) -> web.StreamResponse:
        surface: Surface = openai.SURFACE
        try:
            knock = _knock(visit.request)
            _check_version(visit.request)
            wanted = self._admit(visit, knock)
            surface = next(iter(wanted.values())).surface
            if knock.method == "OPTIONS" and "access-control-allow-origin" in visit.headers:
                return _preflight(visit, knock, wanted)
            route = _chosen(visit, knock, wanted)
            surface = route.surface
            self._authorize(visit, knock, route)
            return await route.handler(self.house, visit)
        except Refused as refused:
            return visit.refusal(surface.refusal(refused), refused)
        except RacerError as error:
            told = self.house.refused(error)
            return visit.refusal(surface.refusal(told), told)
        except asyncio.CancelledError:
            if visit.opened is not None or not self.house.sends_away(visit):
                raise
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            told = fault.closing()
            return visit.refusal(surface.refusal(told), told)
        except ConnectionError:
            raise
        except Exception as error:  # a fault of ours: it ends this request, and no other
            self.house.journal.failed(visit, error)
            if visit.opened is not None:
                raise ConnectionResetError("an answer could not be ended") from error
            told = fault.broken()
            return visit.refusal(surface.refusal(told), told)

    def _admit(self, visit: Visit, knock: Knock) -> Mapping[str, Route]:
        """What is at the path, by method, for somebody who may be here at all. Raises Refused."""
        wanted = self._at(knock.path)
        origin = self._gate.check_source(knock, page=any(route.page for route in wanted.values()))
        if origin is not None:
            visit.headers |= {
                "access-control-allow-origin": origin,
                "access-control-expose-headers": ", ".join(_TOLD),
                "cross-origin-resource-policy": "cross-origin",
                "vary": "origin",
            }
        if not wanted:
            raise Refused(404, _NOTHING, code="not_found")
        return wanted

    def _at(self, path: str) -> Mapping[str, Route]:
        if path in self._routes:
            return self._routes[path]
        for at, routes in self._routes.items():
            if at.endswith("/*") and path.startswith(at[:-1]):
                return routes
        return {}

    def _authorize(self, visit: Visit, knock: Knock, route: Route) -> None:
        """Raises Refused, before any of the body was read."""
        if not route.public:
            visit.known_as(self._gate.holder(knock))
        if route.method == "POST":
            if self.house.stopping.is_set():
                raise fault.closing()
            check_body(knock)


def _by_path(routes: Sequence[Route]) -> Mapping[str, Mapping[str, Route]]:
    found: dict[str, dict[str, Route]] = {}
    for route in routes:
        found.setdefault(route.path, {})[route.method] = route
    return found


def _chosen(visit: Visit, knock: Knock, wanted: Mapping[str, Route]) -> Route:
    """By the method, which nothing but the first line says. Raises Refused."""
    method = "GET" if knock.method == "HEAD" else knock.method
    if method not in wanted:
        visit.headers["allow"] = ", ".join([*wanted, *(["HEAD"] if "GET" in wanted else [])])
        raise Refused(405, f"use {' or '.join(wanted)} here", code="method_not_allowed")
    visit.route = wanted[method].path
    return wanted[method]


def _preflight(visit: Visit, knock: Knock, wanted: Mapping[str, Route]) -> web.StreamResponse:
    headers = {
        **visit.headers,
        "access-control-allow-methods": ", ".join(wanted),
        "access-control-allow-headers": ", ".join(heard(knock.one("access-control-request-headers"))),
        "access-control-max-age": "600",
    }
    return web.Response(status=204, headers=headers)


def _check_version(request: web.BaseRequest) -> None:
    if not (1, 0) <= request.version < (2, 0):
        raise Refused(505, "HTTP/1.1 and HTTP/1.0 are spoken here", code="bad_version")


def _knock(request: web.BaseRequest) -> Knock:
    peer: Any = request.transport.get_extra_info("peername") if request.transport is not None else None
    return Knock(request.method, request.raw_path, request.raw_headers, str(peer[0]) if peer else None)
