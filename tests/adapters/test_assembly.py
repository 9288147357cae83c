"""racer_adapters/assembly.py: events in, an Answer out."""

from __future__ import annotations

from typing import Any

import pytest

from racer_adapters.assembly import A_BLOCK, Assembly, Gathered
from racer_adapters.errors import Kind, WireError
from racer_adapters.openai import OPENAI
from racer_adapters.types import (
    Answer,
    End,
    Finish,
    FollowUp,
    Reasoning,
    Text,
    ToolCall,
    ToolDelta,
    Undo,
    Usage,
)


def assembled(*events: Any) -> Assembly:
    assembly = Assembly()
    assembly.add(events)
    return assembly


def test_the_pieces_are_put_together() -> None:
    """Text and reasoning joined, the last usage and finish kept."""
    answer = assembled(
        Reasoning("a"),
        Text("b"),
        Reasoning("c"),
        Text("d"),
        Usage(1, 1),
        Usage(2, 3),
        Finish("length"),
        Finish("stop"),
        End(),
    ).answer()

    assert answer == Answer("bd", "ac", (), "stop", ended=True, usage=Usage(2, 3))


def test_nothing_is_an_empty_answer() -> None:
    """Neither ended nor finished."""
    assert assembled().answer() == Answer()


def test_an_answer_is_made_once_until_more_comes() -> None:
    """A race asks for it several times: to check it, to count it, to hand it over."""
    assembly = assembled(Text("a"))
    first = assembly.answer()

    assert assembly.answer() is first
    assembly.add([Text("b"), End()])
    assert (first.text, assembly.answer()) == ("a", Answer("ab", ended=True))


def test_tool_calls_are_joined_by_index() -> None:
    """In order of the index; the first id and name count; where there is none, an id is made."""
    answer = assembled(
        ToolDelta(1, "b", "g", "{"), ToolDelta(0, "", "f"), ToolDelta(1, "c", "h", '"a":1}'), ToolDelta(1)
    ).answer()

    assert answer.tool_calls == (ToolCall("call_0", "f", "{}"), ToolCall("b", "g", '{"a":1}'))


@pytest.mark.parametrize(
    ("events", "started"),
    [
        ([], False),
        ([Reasoning("a"), Usage(), Finish("stop"), End()], False),
        ([ToolDelta(0, "a")], False),
        ([ToolDelta(0, "a"), ToolDelta(0, "", "f")], True),
        ([Text("a")], True),
    ],
)
def test_the_first_real_token_starts_it(events: list[Any], started: bool) -> None:
    """Text, or a tool call with its name; never reasoning or the end."""
    assert assembled(*events).started is started


def test_an_error_is_raised_and_what_came_before_is_kept() -> None:
    """So that a broken stream can give the text so far."""
    assembly = Assembly()

    with pytest.raises(WireError) as caught:
        assembly.add([Text("a"), WireError(Kind.RESET)])

    assert caught.value == WireError(Kind.RESET)
    assert assembly.answer() == Answer("a")


def test_the_last_follow_up_and_undo_are_kept() -> None:
    """They are for the transport, not for the answer."""
    first, last, undo = FollowUp("/1", OPENAI.decoder()), FollowUp("/2", OPENAI.decoder()), Undo("/cancel")
    assembly = assembled(first, undo, last)

    assert (assembly.follow_up, assembly.undo) == (last, undo)
    assert assembly.answer() == Answer()


def test_pieces_are_counted() -> None:
    """What shows that a reply goes on: text, reasoning, tool calls; neither usage nor the end."""
    assembly = assembled(Reasoning("a"), Text("b"), ToolDelta(0), Usage(), Finish("stop"), End())

    assert (assembly.pieces, assembly.ended) == (3, True)
    assert (assembled(Text("a")).pieces, assembled(Text("a")).ended) == (1, False)


def test_the_first_signature_of_a_call_counts() -> None:
    """As its id and name do."""
    answer = assembled(
        ToolDelta(0, "a", "f"), ToolDelta(0, signature="s"), ToolDelta(0, signature="t")
    ).answer()

    assert answer.tool_calls == (ToolCall("a", "f", "{}", "s"),)


def test_many_fragments_take_linear_time() -> None:
    """300,000 fragments of one call: joining each to the rest would copy 45 GB."""
    deltas = [ToolDelta(0, "a", "f", "x")] * 300_000

    assert len(assembled(*deltas).answer().tool_calls[0].arguments) == 300_000


def test_a_finish_reason_makes_it_finished() -> None:
    """Behind something that was said; alone it finishes nothing."""
    assert assembled(Text("yes"), Finish("stop")).finished
    assert not assembled(Text("yes")).finished
    assert not assembled(Finish("stop")).finished


def test_a_long_text_is_gathered_whole() -> None:
    """However many pieces it comes in."""
    for count in (0, 1, A_BLOCK - 1, A_BLOCK, 3 * A_BLOCK + 1):
        gathered = Gathered()
        for number in range(count):
            gathered.add(f"{number},")
        assert gathered.whole() == "".join(f"{number}," for number in range(count))
        assert gathered.whole() is gathered.whole()


@pytest.mark.parametrize(
    ("deltas", "name"),
    [
        (
            [ToolDelta(0, "c", "get_"), ToolDelta(0, "", "weather"), ToolDelta(0, arguments="{}")],
            "get_weather",
        ),
        ([ToolDelta(0, "c", "add"), ToolDelta(0, "", "add", "{"), ToolDelta(0, "", "add", "}")], "add"),
        ([ToolDelta(0, "c", "add", "{"), ToolDelta(0, "", "sub", "}")], "add"),
    ],
)
def test_a_name_comes_whole_in_pieces_or_again_and_again(deltas: list[ToolDelta], name: str) -> None:
    """What comes behind the beginning of the arguments is no part of it."""
    assembly = Assembly()
    assembly.add(deltas)

    assert [(name, "{}")] == [(call.name, call.arguments) for call in assembly.answer().tool_calls]


def test_calls_have_ids_of_their_own() -> None:
    """Results go by them."""
    assembly = Assembly()
    assembly.add([ToolDelta(0, "c", "add"), ToolDelta(1, "c", "sub"), ToolDelta(2, "", "add")])

    assert ["c", "c_1", "call_2"] == [call.id for call in assembly.answer().tool_calls]
