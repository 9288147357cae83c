"""What one lane has to show and to hand on, in a race that is decided before a reply is whole.

Each piece passes the seam, where the lane goes on for another, and then the proof. What has passed is kept
for the reader, where there is one, until it is taken. Words of a refusal prove nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from racer.core.piece import Pending
from racer_adapters.assembly import Gathered
from racer_adapters.types import Reasoning, Refusal, Text, ToolDelta

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racer.core.piece import Piece
    from racer.core.proof import Proof
    from racer.core.resume import Seam
    from racer_adapters.dialect import Event
    from racer_adapters.types import Answer


class Lead:
    """`before` is what the reader has of the answer that this lane goes on with; None: it begins one."""

    __slots__ = ("_before", "_joined", "_pending", "_proof", "_read", "_seam")

    def __init__(
        self, proof: Proof, *, read: bool, seam: Seam | None = None, before: Answer | None = None
    ) -> None:
        self._proof = proof
        self._read = read
        self._seam = seam
        self._before = before
        self._joined = Gathered()
        self._pending = Pending()

    @property
    def shown(self) -> bool:
        """Whether this lane may lead."""
        return self._proof.shown and (self._seam is None or self._seam.settled)

    def add(self, events: Iterable[Event]) -> None:
        """Take what has come. Raises WireError when the lane has turned bad."""
        for event in events:
            if isinstance(event, Refusal):
                self._keep(event.text)
            elif isinstance(event, Text):
                self._add_text(event.text if self._seam is None else self._seam.feed(event.text))
            elif isinstance(event, ToolDelta):
                self._proof.tool(event)
                if self._read:
                    self._pending.tool_calls.append(event)
            elif isinstance(event, Reasoning) and self._read:
                self._pending.reasoning.append(event.text)

    def close(self) -> None:
        """The reply is whole. Raises WireError where it does not join what it was to go on with."""
        if self._seam is not None:
            self._add_text(self._seam.close())

    def _add_text(self, text: str) -> None:
        if not text:
            return
        self._proof.text(text)
        self._keep(text)

    def _keep(self, text: str) -> None:
        if self._seam is not None:
            self._joined.add(text)
        if self._read:
            self._pending.text.append(text)

    def take(self) -> Piece | None:
        """What has come since this was asked last; None where that is nothing."""
        return self._pending.take()

    def joined(self, answer: Answer) -> Answer:
        """`answer`, behind what the reader has already."""
        if self._before is None:
            return answer
        return replace(
            answer,
            text=self._before.text + self._joined.whole(),
            reasoning=self._before.reasoning + answer.reasoning,
        )
