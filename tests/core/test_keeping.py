"""Replies to bytes and back, and what comes of bytes that are none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.heat import Outcome
from racer.core.keeping import from_bytes, to_bytes
from racer.core.reply import Attempt, Reply
from racer_adapters.types import ToolCall, Usage

REPLY: Reply[Any] = Reply(
    "Grüße \x00 \ud800 😀",
    "groq",
    "m",
    Usage(3, 4, estimated=True, neurons=0.5, usd=1e-7),
    0.6,
    "abc",
    tool_calls=(ToolCall("1", "add", '{"a": 1}', "signed"), ToolCall("2", "add", "{}")),
    finish_reason="tool_calls",
    first_token=0.1,
    reasoning="let me see",
    parsed={"a": 1},
    attempts=(Attempt("groq/m", "groq", "m", 0.0, 0.5, Outcome.WON),),
    created=1_800_000_000,
)


def test_what_was_said_comes_back() -> None:
    """With who said it, what it cost and when; as a cached reply, without the story of the race."""
    assert from_bytes(to_bytes(REPLY), "new") == replace(
        REPLY, race_id="new", latency=0.0, first_token=None, parsed=None, attempts=(), cached=True
    )


def test_the_least_that_a_reply_is() -> None:
    """Nothing is made up for what was not there."""
    least = Reply("", "p", "m", Usage(), 1.0, "abc")

    assert from_bytes(to_bytes(least), "abc") == replace(least, latency=0.0, cached=True)


@given(st.data())
def test_any_damage_is_seen(data: st.DataObject) -> None:
    """A byte changed, or the end missing, anywhere."""
    kept = to_bytes(REPLY)
    place = data.draw(st.integers(0, len(kept) - 1))
    other = bytes([kept[place] ^ data.draw(st.integers(1, 255))])

    assert from_bytes(kept[:place], "new") is None
    assert from_bytes(kept[:place] + other + kept[place + 1 :], "new") is None


@pytest.mark.parametrize("junk", [b"", b"{}", b"\x00" * 32, b"\x00" * 100])
def test_other_bytes_are_no_reply(junk: bytes) -> None:
    """Whatever stands where a reply was kept."""
    assert from_bytes(junk, "new") is None
