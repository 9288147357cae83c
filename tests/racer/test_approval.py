"""Checks of the caller, in all the forms that they may have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from racer.approval import apply, approved, parsed
from racer.core.into import Into
from racer.core.options import Defaults, read
from racer.core.reply import Reply
from racer.errors import InvalidReply
from racer_adapters.types import Shape, ToolCall, Usage

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


# ---------------------------------------------------------------- values

ANY = Into(dict, Shape("schema", {}), orjson.loads)
JSON = replace(REPLY, text='Sure: {"a": [1]}')


def test_a_reply_gets_a_value_of_its_own() -> None:
    """Two callers may change theirs without each other's knowing."""
    first, second = parsed(JSON, ANY), parsed(JSON, ANY)

    assert {"a": [1]} == first.parsed == second.parsed
    assert first.parsed is not second.parsed


def test_nothing_is_parsed_where_nothing_was_asked_for_or_a_tool_is_called() -> None:
    """There is no text that could be one."""
    called = replace(REPLY, text="", tool_calls=(ToolCall("1", "f", "{}"),))

    assert (JSON, called) == (parsed(JSON, None), parsed(called, ANY))


def test_what_does_not_fit_is_an_invalid_reply() -> None:
    """With the reason; and cut off for its length it says so."""
    with pytest.raises(InvalidReply, match="no JSON"):
        parsed(REPLY, ANY)
    with pytest.raises(InvalidReply, match="max_tokens"):
        parsed(replace(REPLY, text='{"a": [1', finish_reason="length"), ANY)


async def test_checks_see_the_value() -> None:
    """It is parsed first."""
    seen: list[object] = []

    def look(reply: Reply[Any]) -> bool:
        seen.append(reply.parsed)
        return True

    reply = await approved(JSON, read("hi", {"valid": look}, Defaults(), ANY))

    assert [{"a": [1]}] == [reply.parsed] == seen
