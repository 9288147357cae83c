"""A surface is one family of clients: OpenAI's, Ollama's, Anthropic's. What is common to them is here.

Read the body, race, answer; a client that leaves cancels its race, for the server cancels the handler then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from racer.errors import NoLanes, RacerError
from racer.server.audience import following
from racer.server.body import read_object
from racer.server.question import check_images, renamed
from racer.server.streaming import streamed
from racer.server.unfit import absent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web

    from racer.core.provider import Lane
    from racer.core.reply import Reply
    from racer.server.house import Handler, House
    from racer.server.question import Question, Refused
    from racer.server.streaming import Encoder
    from racer.server.visit import Visit


class Surface(Protocol):
    """`question` raises Refused, and so does the race for what it finds wrong with the options."""

    def question(self, body: Mapping[str, Any], lanes: Sequence[Lane]) -> Question: ...
    def whole(self, question: Question, reply: Reply) -> Mapping[str, Any]: ...
    def encoder(self, question: Question) -> Encoder: ...
    def refusal(self, refused: Refused) -> Mapping[str, Any]: ...


def answering(surface: Surface) -> Handler:
    """The handler of a surface's route for questions."""

    async def answer(house: House, visit: Visit) -> web.StreamResponse:
        with house.visitors.admitted(visit.holder):
            body = await read_object(visit.request, house.timeouts.body, house.timeouts.pace)
            question = surface.question(body, house.lanes)
            check_images(question.messages)
            try:
                with following(visit.trail):
                    return await _answered(surface, house, visit, question)
            except RacerError as error:
                missing = None
                if isinstance(error, NoLanes):
                    missing = absent(question, house.lanes, error.skipped)
                raise missing or renamed(house.refused(error), question.names) from None

    return answer


async def _answered(surface: Surface, house: House, visit: Visit, question: Question) -> web.StreamResponse:
    if question.stream:
        return await streamed(house, visit, question, surface.encoder(question))
    reply = await house.racer.race(question.messages, **question.options)
    return visit.whole(surface.whole(question, reply), reply)
