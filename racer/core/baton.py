"""What each lane of one race is asked, and has to show: from the beginning, or behind what a reader has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from racer.core.form import formed
from racer.core.lead import Lead
from racer.core.proof import Proof
from racer.core.resume import Seam, continuation, resumable
from racer.core.tokens import prompt_tokens
from racer_adapters.errors import WireError

if TYPE_CHECKING:
    from racer.core.options import Ask
    from racer.core.provider import Lane
    from racer_adapters.types import Answer, Call


class Baton:
    """`told` is what the reader has of an answer that its lane could not finish; None: nothing yet."""

    __slots__ = ("_ask", "_call", "_read", "_wanted", "told")

    def __init__(self, ask: Ask, call: Call, *, read: bool) -> None:
        self._ask = ask
        self._call = call
        self._wanted = call if ask.into is None else replace(call, shape=ask.into.shape)
        self._read = read
        self.told: Answer | None = None

    @property
    def place(self) -> int | None:
        """Behind how many characters a lane goes on; None where it begins."""
        return None if self.told is None else len(self.told.text)

    def call_to(self, lane: Lane) -> Call:
        """In the strongest form that the lane takes; the rest alone, where the reader has the beginning."""
        call = self._call
        if self._ask.into is not None:
            call = formed(call, self._ask.into, lane.model.can)
        if self.told is not None:
            call = continuation(call, self.told.text, prefill=_prefills(lane))
        return call

    @property
    def extra(self) -> int:
        """How many tokens a lane is told beside the question, at the most."""
        call = self._call
        if self._ask.into is not None:
            call = formed(call, self._ask.into, frozenset())
        if self.told is not None:
            call = continuation(call, self.told.text, prefill=False)
        return 0 if call is self._call else prompt_tokens(call) - prompt_tokens(self._call)

    def lead_of(self, lane: Lane) -> Lead | None:
        """What decides that the lane leads; None where only a whole reply decides."""
        if self._ask.proof is None:
            return None
        if self.told is None:
            return Lead(self._proof(self._ask.proof), read=self._read)
        text = self.told.text
        seam = Seam(text, prefill=_prefills(lane))
        return Lead(self._proof(self._ask.proof, text), read=self._read, seam=seam, before=self.told)

    def passes_on(self, told: Answer, error: WireError) -> bool:
        """The leader has failed behind what was `told`. Whether another may go on from there."""
        self.told = told
        if not self._ask.resume or not resumable(error, told):
            return False
        try:
            self._proof(1, told.text)
        except WireError:  # nothing can make good what it said already
            return False
        return True

    def _proof(self, need: int, behind: str = "") -> Proof:
        return Proof(self._wanted, need, chatter=self._ask.into is not None, behind=behind)


def _prefills(lane: Lane) -> bool:
    """Whether its model goes on from the very end of an answer that has been begun."""
    return "prefill" in lane.model.can
