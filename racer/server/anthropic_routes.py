"""The pages of Anthropic's clients: each answer names its request as theirs do, and prompts are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.errors import BadRequest
from racer.server.anthropic import SURFACE, estimated
from racer.server.body import read_object
from racer.server.question import renamed
from racer.server.surface import answering
from racer.server.unfit import absent

if TYPE_CHECKING:
    from aiohttp import web

    from racer.server.house import House
    from racer.server.visit import Visit

_answer = answering(SURFACE)


async def messages(house: House, visit: Visit) -> web.StreamResponse:
    """Raises Refused and RacerError."""
    _name(visit)
    return await _answer(house, visit)


async def count_tokens(house: House, visit: Visit) -> web.StreamResponse:
    """About how many tokens a question has. Nobody is asked. Raises Refused."""
    _name(visit)
    with house.visitors.admitted(visit.holder):
        body = await read_object(visit.request, house.timeouts.body, house.timeouts.pace)
        question = SURFACE.counted(body, house.lanes)
        if (refused := absent(question, house.lanes, ())) is not None:
            raise refused
        try:
            return visit.json({"input_tokens": estimated(question)})
        except BadRequest as error:
            raise renamed(house.refused(error), question.names) from None


def _name(visit: Visit) -> None:
    visit.headers["request-id"] = f"req_{visit.id}"
