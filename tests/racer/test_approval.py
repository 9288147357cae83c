"""Checks of the caller, in all the forms that they may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racer.approval import apply
from racer.core.reply import Reply
from racer.errors import InvalidReply
from racer_adapters.types import Usage

if TYPE_CHECKING:
    from racer.core.options import Validator

pytestmark = pytest.mark.anyio

REPLY = Reply("hello", "p", "m", Usage(), 1.0, "abc")


def is_greeting(reply: Reply) -> bool:
    return reply.text == "hello"


async def is_greeting_later(reply: Reply) -> bool:
    return is_greeting(reply)


def only_raises(reply: Reply) -> None:
    if not is_greeting(reply):
        raise InvalidReply("no greeting")


async def only_raises_later(reply: Reply) -> None:
    only_raises(reply)


def is_long(reply: Reply) -> bool:
    return len(reply.text) > 10


async def is_long_later(reply: Reply) -> bool:
    return is_long(reply)


class Length:
    """A check without a name."""

    def __call__(self, reply: Reply) -> bool:
        return is_long(reply)


@pytest.mark.parametrize("check", [is_greeting, is_greeting_later, only_raises, only_raises_later])
async def test_a_check_that_is_content_says_nothing(check: Validator) -> None:
    """True, or None from one that only raises; at once or later."""
    await apply(check, REPLY)


@pytest.mark.parametrize(
    ("check", "why"),
    [(is_long, "is_long said no"), (is_long_later, "is_long_later said no"), (Length(), "valid said no")],
)
async def test_a_check_that_says_no(check: Validator, why: str) -> None:
    """Is named, if it has a name."""
    with pytest.raises(InvalidReply, match=why):
        await apply(check, REPLY)


async def test_a_check_may_say_why() -> None:
    """In its own words."""
    other = Reply("bye", "p", "m", Usage(), 1.0, "abc")
    for check in (only_raises, only_raises_later):
        with pytest.raises(InvalidReply, match="no greeting"):
            await apply(check, other)
