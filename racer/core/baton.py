"""What each lane of one race is asked, and has to show: from the beginning, or behind what a reader has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from racer.core.form import formed
from racer.core.lead import Lead
from racer.core.proof import Proof
from racer.core.resume import Seam, continuation, resumable
from racer.core.tokens import prompt_tokens
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from racer.core.options import Ask
    from racer.core.provider import Lane
    from racer_adapters.types import Answer, Call


PREFILL = "prefill"  # a model that goes on from the very end of an answer that has been begun
FORMS = frozenset({"schema", "json", PREFILL})


class Baton:
    """`told` is what the reader has of an answer that its lane could not finish; None: nothing yet.

    `mends`: another lane could go on from there.
    """

    __slots__ = ("_ask", "_call", "_plain", "_read", "_wanted", "mends", "told")

    def __init__(self, ask: Ask, call: Call, *, read: bool) -> None:
        self._ask = ask
        self._call = call
        self._wanted = call if ask.into is None else replace(call, shape=ask.into.shape)
        self._read = read
        self._plain: set[str] = set()
        self.told: Answer | None = None
        self.mends = False

    @property
    def place(self) -> int | None:
        """Behind how many characters a lane goes on; None where it begins."""
        return None if self.told is None else len(self.told.text)

    def call_to(self, lane: Lane) -> Call:
        """In the strongest form that the lane takes; the rest alone, where the reader has the beginning."""
        return self._formed(self._abilities(lane))

    def _formed(self, can: frozenset[str]) -> Call:
        call = self._call
        if self._ask.into is not None:
            call = formed(call, self._ask.into, can)
        if self.told is not None:
            call = continuation(call, self.told.text, prefill=PREFILL in can)
        return call

    def weakens(self, lane: Lane, error: WireError) -> bool:
        """The lane calls the request wrong. Whether that may be our form: then it is asked in words."""
        if error.kind is not Kind.BAD_REQUEST:
            return False
        can = self._abilities(lane)
        ours = self._ask.into is not None and self._formed(can).shape is not None
        if not ours and (self.told is None or PREFILL not in can):
            return False
        self._plain.add(lane.id)
        return True

    def _abilities(self, lane: Lane) -> frozenset[str]:
        return lane.model.can - FORMS if lane.id in self._plain else lane.model.can

    @property
    def extra(self) -> int:
        """How many tokens a lane is told beside the question, at the most."""
        return self._told_beside(frozenset())

    def extra_of(self, lane: Lane) -> int:
        """How many this lane is told."""
        return self._told_beside(self._abilities(lane))

    def _told_beside(self, can: frozenset[str]) -> int:
        call = self._formed(can)
        return 0 if call is self._call else prompt_tokens(call) - prompt_tokens(self._call)

    def lead_of(self, lane: Lane) -> Lead | None:
        """What decides that the lane leads; None where only a whole reply decides."""
        if self._ask.proof is None:
            return None
        if self.told is None:
            return Lead(self._proof(self._ask.proof), read=self._read)
        text = self.told.text
        seam = Seam(text, prefill=PREFILL in self._abilities(lane))
        return Lead(self._proof(self._ask.proof, text), read=self._read, seam=seam, before=self.told)

    def passes_on(self, told: Answer, error: WireError) -> bool:
        """The leader has failed behind what was `told`. Whether another is to go on from there."""
        self.told = told
        self.mends = not self._call.tools and resumable(error, told) and self._is_sound(told)
        return self.mends and self._ask.resume

    def _is_sound(self, told: Answer) -> bool:
        """Where it is not, nothing could make it good."""
        try:
            self._proof(1, told.text)
        except WireError:
            return False
        return True

    def _proof(self, need: int, behind: str = "") -> Proof:
        return Proof(self._wanted, need, chatter=self._ask.into is not None, behind=behind)
