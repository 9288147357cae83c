"""The book of a race: every attempt once, in the order of their starts, and the reply of the winner."""

from __future__ import annotations

from dataclasses import replace

import pytest

from racer.core.book import Book, Run
from racer.core.facts import RaceEnded
from racer.core.heat import Ending, Heat, Outcome, Rules
from racer.core.lead import Lead
from racer.core.piece import Piece
from racer.core.plan import POLICIES
from racer.core.proof import Proof
from racer.core.resume import Seam
from racer.core.tax import Tax
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import Answer, Call, End, Finish, Message, Text, Usage
from tests.core.gates import Unlimited
from tests.core.lanes import lane

CALL = Call((Message("user", "hi"),))


def book(call: Call = CALL) -> Book:
    return Book("r1", call, began=100.0, created=7)


def run(number: int = 0, name: str = "a/m", started: float = 101.0) -> Run:
    made = Run(number, lane(name), started)
    made.assembly.add([Text("hello"), Usage(3, 2), Finish("stop"), End()])
    made.first_token_at = started + 0.5
    return made


def test_an_attempt_is_written_with_its_instants() -> None:
    """`start` counts from the race, the others from the lane."""
    attempt = book().write(run(), Outcome.WON, 103.0)

    assert ("a/m", "a", "m") == (attempt.lane, attempt.provider, attempt.model)
    assert (1.0, 2.0, 0.5) == (attempt.start, attempt.latency, attempt.first_token)
    assert (Outcome.WON, None, None, Usage(3, 2)) == (
        attempt.outcome,
        attempt.reason,
        attempt.status,
        attempt.usage,
    )


def test_a_failure_keeps_its_reason() -> None:
    """As text with its status, and whole for the error that the caller may get."""
    ours = book()
    error = WireError(Kind.SERVER, "broken", status=500)

    attempt = ours.write(run(), Outcome.FAILED, 103.0, error)

    assert ("server 500: broken", 500) == (attempt.reason, attempt.status)
    assert [("a/m", error)] == ours.reasons


def test_attempts_are_in_order_of_their_starts() -> None:
    """However they ended."""
    ours = book()
    for number in (2, 0, 1):
        ours.write(run(number, f"p{number}/m"), Outcome.LOST, 103.0)

    assert ["p0/m", "p1/m", "p2/m"] == [attempt.lane for attempt in ours.attempts]


def test_a_closed_book_tells_how_the_race_ended_and_what_it_cost() -> None:
    """The winner was asked beside the first, which would have taken four seconds more."""
    ours, first, second = book(), run(0, "a/m", 100.0), run(1, "b/m", 100.0)
    heat = Heat([first.lane, second.lane], rules=Rules(), policy=POLICIES["all"], gate=Unlimited())
    heat.begin(100.0)
    heat.kept_out["c/m"] = "used up"
    ours.write(first, Outcome.LOST, 103.0)
    ours.write(second, Outcome.WON, 103.0)

    ended = ours.closed(Ending.WON, 103.0, heat, lambda lane, age: 7.0 - age, deadline=60.0)
    assert RaceEnded("r1", Ending.WON, 3.0, 2, second.lane, (("c/m", "used up"),), (), ended.tax, 1) == ended
    assert Tax(sent=2, requests=1, tokens=5, saved=4.0) == ended.tax


def test_an_attempt_ends_once() -> None:
    """Writing it twice is a bug of ours and stops at once."""
    ours, one = book(), run()
    assert not ours.knows(one)
    ours.write(one, Outcome.WON, 103.0)

    assert ours.knows(one)
    with pytest.raises(AssertionError):
        ours.write(one, Outcome.LOST, 104.0)


def test_the_winner_is_remembered() -> None:
    """And nobody else."""
    ours = book()
    ours.write(run(0), Outcome.LOST, 103.0)
    assert None is ours.winner
    ours.write(run(1, "b/m"), Outcome.WON, 103.0)
    assert ours.winner is not None
    assert "b/m" == ours.winner.id


def test_the_reply_counts_from_the_start_of_the_race() -> None:
    """The caller waited from there, not from the start of the winner's lane."""
    reply = book().reply(run(), 104.0)

    assert ("hello", "a", "m", "stop") == (reply.text, reply.provider, reply.model, reply.finish_reason)
    assert (4.0, 1.5, "r1", 7) == (reply.latency, reply.first_token, reply.race_id, reply.created)


def test_an_answer_in_one_piece_has_no_first_token() -> None:
    """Nothing was seen of it before its end."""
    ours = book(replace(CALL, stream=False))

    assert None is ours.reply(run(), 104.0).first_token
    assert None is ours.write(run(), Outcome.WON, 104.0).first_token


def test_progress_is_told_once() -> None:
    """A piece is news once; finish marks and usage are none."""
    one = Run(0, lane("a/m"), 0.0)
    assert not one.progress()
    one.assembly.add([Text("x")])
    assert one.progress()
    one.assembly.add([Usage(1, 1), Finish("stop")])
    assert not one.progress()


# ---------------------------------------------------------------- lanes that lead


def leading(number: int, started: float, *, before: Answer | None = None, extra: int = 0) -> Run:
    seam = None if before is None else Seam(before.text, prefill=False)
    proof = Proof(CALL, 1, behind="" if before is None else before.text)
    lead = Lead(proof, read=True, seam=seam, before=before)
    place = None if before is None else len(before.text)
    return Run(number, lane(f"{'ab'[number]}/m"), started, lead, place, extra)


def test_what_comes_is_shown_also_where_it_ends_in_a_failure() -> None:
    """The text before the fault is there to be handed on."""
    one = leading(0, 100.0)

    with pytest.raises(WireError):
        one.receive([Text("hi"), WireError(Kind.RESET, "gone")])

    assert one.lead is not None
    assert Piece("hi") == one.lead.take()
    assert "hi" == one.answer().text


def test_a_lane_that_leads_nothing_keeps_what_came_all_the_same() -> None:
    """Where only a whole reply decides, there is nothing to show."""
    one = Run(0, lane("a/m"), 100.0)

    with pytest.raises(WireError):
        one.receive([Text("hi"), WireError(Kind.RESET, "gone")])

    assert one.lead is None
    assert "hi" == one.answer().text


def test_a_reply_of_two_lanes_counts_both() -> None:
    """Their words, their tokens, and the first one's first token."""
    kept = book()
    one = leading(0, 100.0)
    one.receive([Text("The sky is blue "), Usage(10, 20, neurons=1.5, usd=0.5)])
    one.first_token_at = 100.5
    kept.continue_after(one)
    two = leading(1, 103.0, before=one.answer(), extra=7)
    two.receive([Text("The sky is blue because"), Usage(30, 40), Finish("stop"), End()])
    two.first_token_at = 104.0

    reply = kept.reply(two, 105.0)

    assert "The sky is blue because" == reply.text
    assert Usage(40, 60, neurons=1.5, usd=0.5) == reply.usage
    assert one.first_token_at - 100.0 == reply.first_token
    assert 16 == kept.write(two, Outcome.WON, 105.0).resumed_at


def test_the_time_for_which_a_reader_held_a_lane_is_not_its_own() -> None:
    """A slow reader does not make a lane slow."""
    one = leading(0, 100.0)
    one.held = 30.0

    assert 1.0 == book().write(one, Outcome.WON, 131.0).latency


def test_what_a_lane_was_told_beside_the_question_is_counted() -> None:
    """Where its provider does not count for us."""
    plain = book().write(leading(0, 100.0), Outcome.LOST, 101.0).usage
    told = book().write(leading(0, 100.0, extra=50), Outcome.LOST, 101.0).usage

    assert plain is not None
    assert told is not None
    assert 50 == told.input_tokens - plain.input_tokens
