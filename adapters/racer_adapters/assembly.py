"""Events in, an Answer out: the one place where the pieces of a reply are put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from racer_adapters.types import (
    Answer,
    End,
    Finish,
    FinishReason,
    FollowUp,
    Reasoning,
    Text,
    ToolCall,
    ToolDelta,
    Undo,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racer_adapters.dialect import Event


A_BLOCK = 256


class Gathered:
    """A text in pieces, joined now and then: the pieces of a long one take several times its length."""

    __slots__ = ("_blocks", "_pieces")

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._pieces: list[str] = []

    def add(self, text: str) -> None:
        self._pieces.append(text)
        if len(self._pieces) == A_BLOCK:
            self._blocks.append("".join(self._pieces))
            self._pieces.clear()

    def whole(self) -> str:
        """All of it, as one text that is kept in the place of its pieces."""
        if self._pieces or len(self._blocks) > 1:
            self._blocks = ["".join((*self._blocks, *self._pieces))]
            self._pieces.clear()
        return self._blocks[0] if self._blocks else ""


@dataclass(slots=True)
class _Tool:
    """A call so far. `begun`: its arguments have, so its name is whole."""

    id: str = ""
    begun: bool = False
    name: str = ""
    signature: str = ""
    arguments: Gathered = field(default_factory=Gathered)


class Assembly:
    """Collects one lane's events.

    `started` turns true at the first real token (text or a tool call); `ended` at the end marker;
    `pieces` counts what has come of text, tool calls and reasoning. `follow_up` and `undo` are the last
    of their kind.
    """

    __slots__ = (
        "_answer",
        "_finish",
        "_reasoning",
        "_text",
        "_tools",
        "_usage",
        "ended",
        "follow_up",
        "pieces",
        "started",
        "undo",
    )

    def __init__(self) -> None:
        self._text = Gathered()
        self._reasoning = Gathered()
        self._tools: dict[int, _Tool] = {}
        self._usage: Usage | None = None
        self._finish: FinishReason | None = None
        self._answer: Answer | None = None
        self.ended = False
        self.started = False
        self.pieces = 0
        self.follow_up: FollowUp | None = None
        self.undo: Undo | None = None

    def add(self, events: Iterable[Event]) -> None:
        """Take events in order. Raises the WireError among them, with what came before it kept."""
        self._answer = None
        for event in events:
            if isinstance(event, Text):
                self._text.add(event.text)
                self.pieces += 1
                self.started = True
            elif isinstance(event, Finish):
                self._finish = event.reason
            elif isinstance(event, Usage):
                self._usage = event
            elif isinstance(event, End):
                self.ended = True
            elif isinstance(event, Reasoning):
                self._reasoning.add(event.text)
                self.pieces += 1
            elif isinstance(event, ToolDelta):
                self._add_tool(event)
            elif isinstance(event, FollowUp):
                self.follow_up = event
            elif isinstance(event, Undo):
                self.undo = event
            else:
                raise event

    def _add_tool(self, delta: ToolDelta) -> None:
        self.pieces += 1
        tool = self._tools.setdefault(delta.index, _Tool())
        tool.id = tool.id or delta.id
        if delta.name != tool.name and not tool.begun:  # some servers send a name in pieces, some repeat it
            tool.name += delta.name
        tool.begun = tool.begun or delta.arguments != ""
        tool.signature = tool.signature or delta.signature
        tool.arguments.add(delta.arguments)
        if tool.name:
            self.started = True

    @property
    def finished(self) -> bool:
        """A finish reason has come: only usage and the end marker may follow."""
        return self._finish is not None and self.pieces > 0

    def answer(self) -> Answer:
        """All that has come; the same one until more comes."""
        if self._answer is None:
            tools = self._tool_calls() if self._tools else ()
            said, thought = self._text.whole(), self._reasoning.whole()
            self._answer = Answer(said, thought, tools, self._finish, self.ended, self._usage)
        return self._answer

    def _tool_calls(self) -> tuple[ToolCall, ...]:
        """In their order; each has an id of its own, for results go by it."""
        calls: dict[str, ToolCall] = {}
        for index, tool in sorted(self._tools.items()):
            own = tool.id or f"call_{index}"
            if own in calls:
                own = f"{own}_{index}"
            calls[own] = ToolCall(own, tool.name, tool.arguments.whole() or "{}", tool.signature)
        return tuple(calls.values())
