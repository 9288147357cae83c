"""Failures without secrets: providers echo what they were sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.hush import hushed
from racer_adapters.secret import Secret

if TYPE_CHECKING:
    from racer.core.provider import Lane
    from racer_adapters.errors import WireError
    from racer_adapters.types import Answer, Call

SHORTEST_SECRET = 8


def scrubbed(error: WireError, lane: Lane, call: Call, answer: Answer) -> WireError:
    """A new error, for the old one holds its frames alive; without any secret, for providers echo them.

    Nor does it quote what was asked in `call`, or what came as `answer`: reasons are kept and shown.
    """
    text = error.message if lane.account.key is None else lane.account.key.scrub(error.message)
    for value in lane.provider.headers.values():
        if len(value) >= SHORTEST_SECRET:
            text = Secret(value).scrub(text)
    return error.replaced(hushed(text, call, answer))
