"""What a lane shows and hands on: events in, pieces out, behind what a reader has already."""

from __future__ import annotations

import pytest

from racer.core.lead import Lead
from racer.core.piece import Piece
from racer.core.proof import Proof
from racer.core.resume import Seam
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import Answer, Call, Finish, Message, Reasoning, Refusal, Text, Tool, ToolDelta

CALL = Call((Message("user", "hi"),))
WEATHER = Call(CALL.messages, tools=(Tool("weather"),))
BEFORE = Answer("The sky is blue because ", reasoning="hm")


def behind(*, read: bool = True) -> Lead:
    proof = Proof(CALL, 1, behind=BEFORE.text)
    return Lead(proof, read=read, seam=Seam(BEFORE.text, prefill=False), before=BEFORE)


def test_what_has_come_is_taken_once() -> None:
    """Text, reasoning and fragments of calls apart; other events are nobody's to read."""
    lead = Lead(Proof(WEATHER, 1), read=True)
    call = ToolDelta(0, "c1", "weather", "{")
    assert lead.take() is None

    lead.add([Reasoning("hm"), Text("a"), Text("b"), call, Finish("stop")])

    assert Piece("ab", "hm", (call,)) == lead.take()
    assert lead.take() is None
    assert lead.shown


def test_words_of_a_refusal_prove_nothing() -> None:
    """But they are there to be read, should it win at all."""
    lead = Lead(Proof(CALL, 1), read=True)

    lead.add([Refusal("I cannot do that.")])

    assert not lead.shown
    assert Piece("I cannot do that.") == lead.take()


def test_without_a_reader_nothing_is_kept() -> None:
    """The proof is all that is wanted of it."""
    lead = Lead(Proof(WEATHER, 1), read=False)

    lead.add([Reasoning("hm"), Text("a"), ToolDelta(0, "c1", "weather")])

    assert lead.shown
    assert lead.take() is None


def test_what_turns_bad_is_the_lane_s_failure() -> None:
    """A tool that was not offered, here."""
    with pytest.raises(WireError) as caught:
        Lead(Proof(WEATHER, 1), read=True).add([ToolDelta(0, "c1", "rain")])

    assert Kind.INVALID is caught.value.kind


def test_a_continuation_gives_what_is_new_alone() -> None:
    """The words that it says again are cut; the answer has everything, once."""
    lead = behind()

    lead.add([Reasoning("so"), Text("The sky is blue ")])
    assert not lead.shown
    assert Piece("", "so") == lead.take()
    lead.add([Text("because of "), Text("the air.")])
    lead.close()

    assert lead.shown
    assert Piece("of the air.") == lead.take()
    said = lead.joined(Answer("The sky is blue because of the air.", reasoning="so"))
    assert Answer("The sky is blue because of the air.", reasoning="hmso") == said


def test_a_continuation_that_does_not_join_is_a_failure_at_its_end_at_the_latest() -> None:
    """Half of the words to be said again are none."""
    lead = behind(read=False)
    lead.add([Text("The sky")])

    with pytest.raises(WireError, match="does not join"):
        lead.close()


def test_a_lane_that_begins_an_answer_has_nothing_to_join() -> None:
    """Its answer is its own."""
    lead = Lead(Proof(CALL, 1), read=True)
    lead.add([Text("a")])
    lead.close()

    assert Answer("a") == lead.joined(Answer("a"))
