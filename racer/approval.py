"""What the caller's own checks say of a reply."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from racer.errors import InvalidReply

if TYPE_CHECKING:
    from racer.core.options import Validator
    from racer.core.reply import Reply


async def apply(check: Validator, reply: Reply) -> None:
    """Raises InvalidReply when `check` says no. A check that only raises may return None."""
    verdict = check(reply)
    if inspect.isawaitable(verdict):
        verdict = await verdict
    if verdict is not None and not verdict:
        raise InvalidReply(f"{getattr(check, '__name__', 'valid')} said no")
