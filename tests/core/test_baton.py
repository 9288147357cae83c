"""What lanes are asked: from the beginning, in the form that each takes, or behind what a reader has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from racer.core.baton import Baton
from racer.core.into import Into
from racer.core.options import Defaults, read, read_stream
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import Answer, Shape, Text
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.provider import Lane

RESET = WireError(Kind.RESET, "broken")
OBJECT = Into(dict, Shape("schema", {"type": "object"}), orjson.loads)


def able(*can: str) -> Lane:
    each = lane("a/m")
    return replace(each, model=replace(each.model, can=frozenset(can)))


def baton(into: Into | None = None, **options: Any) -> Baton:
    ask = read_stream("hi", options, Defaults(), into)  # type: ignore[arg-type] # a test names what it needs
    return Baton(ask, ask.call, read=True)


def test_where_a_whole_reply_decides_nothing_has_to_be_shown() -> None:
    """As in `race`, where nobody asked for more."""
    ask = read("hi", {}, Defaults())

    each = Baton(ask, ask.call, read=False)

    assert each.lead_of(able()) is None
    assert (ask.call, None) == (each.call_to(able()), each.place)


def test_each_lane_is_asked_in_its_strongest_form() -> None:
    """Natively where its model can, in words where not."""
    each = baton(OBJECT)

    assert OBJECT.shape == each.call_to(able("schema")).shape
    assert each.call_to(able()).shape is None
    assert "JSON" in str(each.call_to(able()).messages[0].content)


def test_words_before_the_json_prove_nothing_where_a_value_is_wanted() -> None:
    """But they are forgiven."""
    lead = baton(OBJECT).lead_of(able())
    assert lead is not None

    lead.add([Text("Sure: ")])
    assert not lead.shown
    lead.add([Text('{"a"')])
    assert lead.shown


@pytest.mark.parametrize("can", [("prefill",), ()])
def test_who_goes_on_is_told_what_was_said_and_has_to_show_more(can: tuple[str, ...]) -> None:
    """In an answer that was begun, or by an instruction; and one more character than there was."""
    each = baton(resume=True)
    assert each.passes_on(Answer("The sky is blue "), RESET)

    assert 16 == each.place
    said = [message.content for message in each.call_to(able(*can)).messages]
    assert "The sky is blue" in str(said[1])
    lead = each.lead_of(able(*can))
    assert lead is not None
    lead.add([Text(" " if can else "The sky is blue ")])
    assert not lead.shown
    lead.add([Text("because")])
    assert lead.shown


@pytest.mark.parametrize(
    ("options", "told", "error"),
    [
        ({}, "The sky", RESET),
        ({"resume": True}, "The sky", WireError(Kind.INVALID, "no")),
        ({"resume": True, "response_format": {"type": "json_object"}}, "The sky", RESET),
    ],
)
def test_what_nobody_can_go_on_with_is_not_passed_on(
    options: dict[str, Any], told: str, error: WireError
) -> None:
    """Nobody asked for it; a check has turned it down; or it is no JSON already. What was told is kept."""
    each = baton(**options)

    assert not each.passes_on(Answer(told), error)
    assert each.told == Answer(told)
    assert each.mends is (error is RESET and not options.get("response_format"))


NO = WireError(Kind.BAD_REQUEST, "no such form", status=400)


def test_a_lane_that_refuses_our_form_is_asked_in_words() -> None:
    """Once: what it refuses then is the caller's."""
    each, one = baton(OBJECT), able("schema", "json", "prefill")
    assert each.weakens(one, NO)

    assert each.call_to(one).shape is None
    assert not each.weakens(one, NO)


@pytest.mark.parametrize(
    ("into", "can", "error"),
    [(None, ("schema",), NO), (OBJECT, (), NO), (OBJECT, ("schema",), RESET)],
)
def test_what_is_not_our_form_s_fault(into: Into | None, can: tuple[str, ...], error: WireError) -> None:
    """There is none, the lane was asked in words already, or it failed otherwise."""
    assert not baton(into).weakens(able(*can), error)


def test_a_prefill_that_is_refused_is_an_instruction_next_time() -> None:
    """Newer models of a provider may refuse what older ones took."""
    each, one = baton(resume=True), able("prefill")
    each.passes_on(Answer("The sky is blue "), RESET)
    assert "assistant" == each.call_to(one).messages[-1].role

    assert each.weakens(one, NO)
    assert "user" == each.call_to(one).messages[-1].role


def test_what_lanes_are_told_beside_the_question_is_counted() -> None:
    """Nothing at first; the form in words; and what the reader has already."""
    plain, shaped = baton(resume=True), baton(OBJECT)
    assert 0 == plain.extra < shaped.extra
    plain.passes_on(Answer(" ".join(map(str, range(400)))), RESET)

    assert 350 < plain.extra_of(able("prefill")) < plain.extra < 550
