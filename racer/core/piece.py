"""What a stream gives: as much of the winner's reply as has come since its reader asked last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from racer_adapters.types import ToolDelta

if TYPE_CHECKING:
    from racer.core.reply import Reply


@dataclass(frozen=True, slots=True)
class Piece:
    """Printed, it is its text. `tool_calls` are fragments: those of one index belong together."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolDelta, ...] = ()

    def __str__(self) -> str:
        return self.text


class Pending:
    """What has come and was not taken yet."""

    __slots__ = ("reasoning", "text", "tool_calls")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.tool_calls: list[ToolDelta] = []

    def take(self) -> Piece | None:
        """All of it, once; None where that is nothing."""
        if not (self.text or self.reasoning or self.tool_calls):
            return None
        piece = Piece("".join(self.text), "".join(self.reasoning), tuple(self.tool_calls))
        self.text.clear()
        self.reasoning.clear()
        self.tool_calls.clear()
        return piece


def piece_of(reply: Reply[Any]) -> Piece:
    """All of a reply at once."""
    calls = enumerate(reply.tool_calls)
    deltas = (ToolDelta(at, call.id, call.name, call.arguments, call.signature) for at, call in calls)
    return Piece(reply.text, reply.reasoning, tuple(deltas))
