"""The dashboard: its page and the files that this is made of, all of them from the package.

The page asks this server alone, runs no script but its files, and stands in no frame. It holds no figure and
no name, so it may be had without a token; what it then asks for may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from aiohttp import web

from racer.pages import assets
from racer.server.question import Refused

if TYPE_CHECKING:
    from racer.server.house import House
    from racer.server.visit import Visit

ASSETS = "/assets/"
HOUSE = ("style.css", "figure.js", "vendor/d3.min.js", "vendor/plot.umd.min.js")  # of racer.pages
OWN = (
    "dashboard.css", "icon.svg",
    "alerts.js", "connection.js", "figures.js", "glance.js", "latency.js", "live.js", "main.js",
    "messages.js", "notice.js", "prompt.js", "quotas.js", "race.js", "recent.js", "served.js", "timeline.js",
    "tokens.js", "tracks.js", "words.js",
)  # fmt: skip
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
GUARDED = {"content-security-policy": POLICY, "x-frame-options": "DENY"}


@dataclass(frozen=True, slots=True)
class Asset:
    """`tag` is another one as soon as a byte of `body` is."""

    body: bytes
    kind: str
    tag: str


@cache
def library() -> dict[str, Asset]:
    """All files of the page, by the name that they have in an address."""
    house = {name: assets.text("racer.pages", name) for name in HOUSE}
    own = {name: assets.text("racer.server", f"web/{name}") for name in OWN}
    return {name.rpartition("/")[2]: _asset(name, text) for name, text in (house | own).items()}


def _asset(name: str, text: str) -> Asset:
    body = text.encode()
    return Asset(
        body, f"{TYPES[name.rpartition('.')[2]]}; charset=utf-8", f'"{sha256(body).hexdigest()[:32]}"'
    )


async def dashboard(house: House, visit: Visit) -> web.StreamResponse:
    headers = {**visit.headers, **GUARDED, "content-type": "text/html; charset=utf-8"}
    return web.Response(headers=headers, text=assets.text("racer.server", "web/index.html"))


async def asset(house: House, visit: Visit) -> web.StreamResponse:
    """By its very name. Browsers keep it, and ask each time whether it is still the same. Raises Refused."""
    found = library().get(visit.request.raw_path.partition("?")[0].removeprefix(ASSETS))
    if found is None:
        raise Refused(404, "no file of the dashboard has this name", code="not_found")
    headers = {**visit.headers, **GUARDED, "cache-control": "no-cache", "etag": found.tag}
    if found.tag in _tags(visit.request.headers.get("if-none-match", "")):
        return web.Response(status=304, headers=headers)
    return web.Response(headers={**headers, "content-type": found.kind}, body=found.body)


def _tags(header: str) -> list[str]:
    """What a client has already. A weak tag is as good here, for the same bytes have it."""
    return [each.strip().removeprefix("W/") for each in header.split(",")]
