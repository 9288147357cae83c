"""Pages of figures, as JSON: usage, recent races, the timeline of one, and what this server speaks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import anyio

from racer.accounts.inquiry import SINCE, Inquiry
from racer.accounts.races import SHOWN, Unclear
from racer.errors import BadRequest
from racer.server.openapi import DOCUMENT
from racer.server.query import count, flag, number, query_of
from racer.server.question import Refused, wrong
from racer.server.wording import throughout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from racer.accounts.timeline import Timeline
    from racer.server.house import House
    from racer.server.visit import Visit

PATH = "/api/races/"
MOST_RACES = 500
TRIES, PAUSE = 8, 0.15  # the ledger writes every quarter of a second
_USAGE = frozenset({"since", "forecast", "tokens_per_day", "saved"})
_ID = re.compile(r"[0-9a-f]{1,64}")


async def usage(house: House, visit: Visit) -> web.StreamResponse:
    """What `racer usage --json` prints, and what each token has used since the server began.

    But not where the database is: of this machine's folders no client needs to know.
    """
    inquiry = inquiry_of(query_of(visit.request.raw_path, _USAGE))
    try:
        statement = await house.books.statement(inquiry)
    except BadRequest as error:
        raise wrong("since", str(error)) from None
    told = statement.to_dict() | {"by_token": _by_token(house)}
    del told["database"]
    return visit.json(told)


def inquiry_of(fields: Mapping[str, str]) -> Inquiry:
    """Raises Refused."""
    tokens = number(fields, "tokens_per_day")
    try:
        return Inquiry(
            fields.get("since", SINCE),
            forecast=flag(fields, "forecast"),
            tokens_per_day=tokens,
            saved=flag(fields, "saved"),
        )
    except BadRequest as error:
        raise wrong("tokens_per_day", str(error)) from None


def _by_token(house: House) -> list[dict[str, Any]]:
    return [
        {
            "token": name,
            "requests": account.requests,
            "refused": account.refused,
            "in_flight": account.in_flight,
            "input_tokens": account.input_tokens,
            "output_tokens": account.output_tokens,
        }
        for name, account in sorted(house.visitors.accounts.items())
    ]


async def races(house: House, visit: Visit) -> web.StreamResponse:
    """The last races, the newest first, and with their lanes those that are under way."""
    most = count(query_of(visit.request.raw_path, frozenset({"limit"})), "limit", SHOWN, MOST_RACES)
    watch = house.watch
    found = await house.books.recent(most)
    now = house.now()
    return visit.json(
        {
            "at": now,
            "races": watch.lately.with_mine(found.to_dict()["races"], most),
            "running": [seen.to_dict(now) for seen in watch.lately.running.values()][-most:],
        }
    )


async def race(house: House, visit: Visit) -> web.StreamResponse:
    """What `racer why --json` prints of the race that the path names, by its id or the beginning of it.

    But nothing of how the server is set up.
    """
    query_of(visit.request.raw_path, frozenset())
    wanted = visit.request.raw_path.partition("?")[0].removeprefix(PATH)
    if wanted == "last":
        return visit.json(throughout((await _meant(house, None)).to_dict()))
    if not _ID.fullmatch(wanted):
        raise Refused(404, "the id of a race has the digits 0-9 and a-f alone", param="id", code="not_found")
    return visit.json(throughout((await _meant(house, wanted)).to_dict()))


async def _meant(house: House, wanted: str | None) -> Timeline:
    """Raises Refused. A race of this server's own is waited for until it is written, but not for long."""
    found: Timeline | Unclear | None = None
    for _ in range(TRIES):
        found = await house.books.explained(wanted)
        if not _comes(house, wanted, found):
            break
        await anyio.sleep(PAUSE)
    if found is None or isinstance(found, Unclear):
        raise _unclear(found)
    return found


def _comes(house: House, wanted: str | None, found: Timeline | Unclear | None) -> bool:
    """Whether the database will say more in a moment."""
    lately = house.watch.lately
    if wanted is None:
        return False
    if found is None or isinstance(found, Unclear):
        return lately.knows(wanted)
    return found.ending is None and lately.has_ended(found.race.id)


def _unclear(found: Unclear | None) -> Refused:
    if found is not None and found.several:
        words = f"{len(found.several)} races begin so: add to the id"
    else:
        words = "there is no such race: GET /api/races lists the last ones"
    return Refused(404, words, param="id", code="not_found")


async def described(house: House, visit: Visit) -> web.StreamResponse:
    """The routes of this server, as OpenAPI describes them."""
    return visit.json(DOCUMENT)
