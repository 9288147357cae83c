"""What the caller has asked of a reply: that it parses, and that the caller's own checks pass it."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from racer.core.into import Misfit, fit
from racer.errors import InvalidReply

if TYPE_CHECKING:
    from racer.core.into import Into
    from racer.core.options import Ask, Validator
    from racer.core.reply import Reply


async def approved(reply: Reply[Any], ask: Ask) -> Reply[Any]:
    """The reply with what it parses into. Raises InvalidReply, or what a check of the caller's raises."""
    reply = parsed(reply, ask.into)
    for check in ask.valid:
        await apply(check, reply)
    return reply


def parsed(reply: Reply[Any], into: Into | None) -> Reply[Any]:
    """The reply with a value of its own. One that calls a tool has none. Raises InvalidReply."""
    if into is None or reply.tool_calls:
        return reply
    try:
        return replace(reply, parsed=fit(reply.text, into, cut_off=reply.finish_reason == "length"))
    except Misfit as misfit:
        raise InvalidReply(str(misfit)) from None


async def apply(check: Validator, reply: Reply[Any]) -> None:
    """Raises InvalidReply when `check` says no. A check that only raises may return None."""
    verdict = check(reply)
    if inspect.isawaitable(verdict):
        verdict = await verdict
    if verdict is not None and not verdict:
        raise InvalidReply(f"{getattr(check, '__name__', 'valid')} said no")
