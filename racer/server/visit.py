"""One request: what is known of it, the headers that go with every answer, and what is told of it after."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from racer.server.audience import Trail
from racer.server.guard import LOCAL, Holder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.core.reply import Reply
    from racer.server.question import Refused

SAFE = {
    "server": "racer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
_CLOSING = frozenset({400, 401, 403, 405, 408, 413, 415, 421, 505})
_NO_RETRY = {"x-should-retry": "false"}  # the official clients of OpenAI and Anthropic heed it


@dataclass(frozen=True, slots=True)
class Served:
    """`status` is 0 where the client left first. No path as it came, no prompt, no header."""

    id: str
    method: str
    route: str
    status: int
    seconds: float
    token: str
    race: str | None = None
    provider: str | None = None
    streamed: bool = False
    code: str | None = None


@dataclass(slots=True)
class Visit:
    """`headers` go with every answer; `opened` is an answer whose head has been sent already."""

    request: web.BaseRequest
    route: str = ""
    holder: Holder = LOCAL
    id: str = field(default_factory=lambda: os.urandom(8).hex())
    headers: dict[str, str] = field(default_factory=lambda: dict(SAFE))
    trail: Trail = field(default_factory=lambda: Trail(LOCAL.name))
    provider: str | None = None
    opened: web.StreamResponse | None = None
    code: str | None = None

    def known_as(self, holder: Holder) -> None:
        self.holder = holder
        self.trail.token = holder.name

    def json(self, value: Any, status: int = 200, more: Mapping[str, str] | None = None) -> web.Response:
        headers = {**self.headers, "content-type": "application/json", **(more or {})}
        return web.Response(status=status, headers=headers, body=orjson.dumps(value))

    def whole(self, value: Any, reply: Reply) -> web.Response:
        """A reply of a race, with who gave it."""
        self.provider = reply.provider
        self.trail.race = reply.race_id
        return self.json(value, more=racer_headers(reply.provider, reply.race_id, len(reply.attempts)))

    def refusal(self, value: Any, refused: Refused) -> web.Response:
        """`value` is the body in the shape that the client knows."""
        self.code = refused.code
        more = {} if refused.again else dict(_NO_RETRY)
        if refused.retry_after is not None:
            more["retry-after"] = str(refused.retry_after)
        if self.trail.race is not None:
            more["x-racer-race-id"] = self.trail.race
        response = self.json(value, refused.status, more)
        if refused.status in _CLOSING:
            response.force_close()
        return response

    async def stream(self, content_type: str, more: Mapping[str, str] | None = None) -> web.StreamResponse:
        """The head of an answer that comes in pieces is sent."""
        headers = {**self.headers, "content-type": content_type, "x-accel-buffering": "no", **(more or {})}
        self.opened = web.StreamResponse(headers=headers)
        await self.opened.prepare(self.request)
        return self.opened

    def served(self, status: int, seconds: float) -> Served:
        return Served(
            self.id, self.request.method, self.route, status, seconds, self.holder.name, self.trail.race,
            self.provider, self.opened is not None, self.code,
        )  # fmt: skip


def racer_headers(provider: str | None, race: str | None, lanes: int) -> dict[str, str]:
    """Who answered. Names that no header can hold are left out."""
    headers = {"x-racer-provider": provider or "", "x-racer-race-id": race or "", "x-racer-lanes": str(lanes)}
    return {
        name: value for name, value in headers.items() if value and value.isascii() and value.isprintable()
    }
