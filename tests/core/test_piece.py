"""Pieces of a stream: printed they are their text, and a whole reply is one."""

from __future__ import annotations

from racer.core.piece import Pending, Piece, piece_of
from racer.core.reply import Reply
from racer_adapters.types import ToolCall, ToolDelta, Usage


def test_a_piece_is_printed_as_its_text() -> None:
    """`print(piece, end="")` is what everybody writes."""
    assert "Hello" == f"{Piece('Hel')}{Piece('lo', reasoning='hm')}"


def test_a_whole_reply_is_one_piece() -> None:
    """With its reasoning, and each call of a tool as one fragment."""
    call = ToolCall("c1", "weather", "{}", "signed")
    reply = Reply("hi", "p", "m", Usage(), 1.0, "r", tool_calls=(call,), reasoning="hm")

    assert Piece("hi", "hm", (ToolDelta(0, "c1", "weather", "{}", "signed"),)) == piece_of(reply)


def test_what_is_pending_is_taken_once() -> None:
    """All together; then there is nothing."""
    pending = Pending()
    assert pending.take() is None
    pending.text += ["a", "b"]
    pending.reasoning.append("hm")
    pending.tool_calls.append(ToolDelta(0))

    assert Piece("ab", "hm", (ToolDelta(0),)) == pending.take()
    assert pending.take() is None
