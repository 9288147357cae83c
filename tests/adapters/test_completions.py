"""racer_adapters/completions.py: one chunk or one whole object -> events. Whole bodies: test_openai."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters.completions import FAILURES, REASONS, Completions
from racer_adapters.errors import Kind, WireError
from racer_adapters.refusals import COMMON
from racer_adapters.types import End, Finish, Reasoning, Refusal, Text, ToolDelta, Usage

Json = dict[str, Any]


def read(*frames: Json) -> list[Any]:
    reader = Completions(COMMON)
    return [event for frame in frames for event in reader.frame("", frame)]


def delta(**fields: Any) -> Json:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def finish(reason: Any) -> Json:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def call(**fields: Any) -> Json:
    return delta(tool_calls=[fields])


SINGLE: dict[str, tuple[Json, list[Any]]] = {
    "text": (delta(content="a"), [Text("a")]),
    "empty text is no token": (delta(role="assistant", content=""), []),
    "null": (delta(content=None, tool_calls=None, reasoning=None), []),
    "no delta": ({"choices": [{"index": 0}]}, []),
    "a null delta": ({"choices": [{"index": 0, "delta": None, "message": None}]}, []),
    "no index": ({"choices": [{"delta": {"content": "a"}}]}, [Text("a")]),
    "another choice": ({"choices": [{"index": 1, "delta": {"content": "b"}}]}, []),
    "the first choice behind another": (
        {"choices": [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}]},
        [Text("a")],
    ),
    "no choices": ({}, []),
    "choices of a wrong type": ({"choices": {"delta": {"content": "a"}}}, []),
    "a choice of a wrong type": ({"choices": ["a"]}, []),
    "content of a wrong type": (delta(content=7), []),
    "content as parts": (
        delta(
            content=[
                {"type": "text", "text": "a"},
                {"type": "text", "text": ""},
                "b",
                {"text": "c"},
                {"type": "image"},
            ]
        ),
        [Text("a"), Text("c")],
    ),
    "a thinking part": (
        delta(content=[{"type": "thinking", "thinking": [{"text": "a"}, {"text": "b"}]}]),
        [Reasoning("ab")],
    ),
    "a thinking part as text": (delta(content=[{"type": "thinking", "thinking": "a"}]), [Reasoning("a")]),
    "an empty thinking part": (delta(content=[{"type": "thinking"}]), []),
    "reasoning_content": (delta(reasoning_content="a"), [Reasoning("a")]),
    "reasoning": (delta(reasoning="a"), [Reasoning("a")]),
    "reasoning twice": (delta(reasoning="a", reasoning_details=[{"text": "a"}]), [Reasoning("a")]),
    "reasoning_details": (
        delta(reasoning_details=[{"text": "a"}, {"summary": "b"}, {"data": "…"}]),
        [Reasoning("ab")],
    ),
    "reasoning before text": (delta(content="b", reasoning="a"), [Reasoning("a"), Text("b")]),
    "inline reasoning": (delta(content="<think>a</think>b"), [Reasoning("a"), Text("b")]),
    "a refusal": (delta(refusal="no"), [Refusal("no")]),
    "a whole message": (
        {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]},
        [Text("a"), Finish("stop")],
    ),
    "usage": ({"usage": {"prompt_tokens": 1, "completion_tokens": 2}}, [Usage(1, 2)]),
    "usage in other words": ({"usage": {"input_tokens": 1, "output_tokens": 2.0}}, [Usage(1, 2)]),
    "usage of a wrong type": ({"usage": [1]}, []),
    "usage without a number": ({"usage": {"prompt_tokens": "1", "completion_tokens": -2, "cost": True}}, []),
    "cost": ({"usage": {"prompt_tokens": 1, "cost": 0.5}}, [Usage(1, usd=0.5)]),
    "a negative cost": ({"usage": {"prompt_tokens": 1, "cost": -0.5, "neurons": -1}}, [Usage(1)]),
    "estimated cost": ({"usage": {"prompt_tokens": 1, "estimated_cost": 0.5}}, [Usage(1, usd=0.5)]),
    "neurons": ({"usage": {"neurons": 3.5}}, [Usage(neurons=3.5)]),
    "Groq's usage": ({"x_groq": {"id": "r", "usage": {"prompt_tokens": 1}}}, [Usage(1)]),
    "Groq's usage of a wrong type": ({"x_groq": 7, "usage": None}, []),
    "usage comes before the finish": (
        {**finish("stop"), "usage": {"prompt_tokens": 1}},
        [Usage(1), Finish("stop")],
    ),
    "an error": ({"error": "boom", **delta(content="a")}, [WireError(Kind.IN_BAND, "boom")]),
    "no error": ({"error": None, **delta(content="a")}, [Text("a")]),
    "a flat error": (
        {"object": "error", "message": "boom", "code": 500},
        [WireError(Kind.SERVER, "boom", status=500)],
    ),
    "Groq's error": ({"x_groq": {"error": "boom"}}, [WireError(Kind.IN_BAND, "boom")]),
}


@pytest.mark.parametrize(("frame", "events"), SINGLE.values(), ids=SINGLE)
def test_one_frame(frame: Json, events: list[Any]) -> None:
    """What each shape of a frame means by itself."""
    assert read(frame) == events


CALLS: dict[str, tuple[list[Json], list[ToolDelta]]] = {
    "by index": (
        [
            call(index=0, id="a", function={"name": "f", "arguments": ""}),
            call(index=0, function={"arguments": "{}"}),
        ],
        [ToolDelta(0, "a", "f"), ToolDelta(0, arguments="{}")],
    ),
    "without index": (
        [
            call(id="a", function={"name": "f"}),
            call(function={"arguments": "1"}),
            call(id="b", function={"name": "g"}),
        ],
        [ToolDelta(0, "a", "f"), ToolDelta(0, arguments="1"), ToolDelta(1, "b", "g")],
    ),
    "the id again": (
        [
            call(id="a", function={"name": "f"}),
            call(id="b", function={"name": "g"}),
            call(id="a", function={"arguments": "1"}),
        ],
        [ToolDelta(0, "a", "f"), ToolDelta(1, "b", "g"), ToolDelta(0, "a", arguments="1")],
    ),
    "names alone": (
        [call(function={"name": "f"}), call(function={"name": "f"})],
        [ToolDelta(0, "", "f"), ToolDelta(1, "", "f")],
    ),
    "nothing known": ([call(function={"arguments": "1"})], [ToolDelta(0, arguments="1")]),
    "an index of a wrong type": (
        [call(index="0", id="a"), call(index=-1, id="a")],
        [ToolDelta(0, "a"), ToolDelta(0, "a")],
    ),
    "arguments as an object": (
        [call(index=0, function={"arguments": {"a": 1}})],
        [ToolDelta(0, arguments='{"a":1}')],
    ),
    "no arguments": (
        [call(index=0, function={"arguments": None}), call(index=0)],
        [ToolDelta(0), ToolDelta(0)],
    ),
}


@pytest.mark.parametrize(("frames", "deltas"), CALLS.values(), ids=CALLS)
def test_tool_calls(frames: list[Json], deltas: list[ToolDelta]) -> None:
    """Fragments find their call, with or without an index."""
    assert read(*frames) == deltas


def test_text_goes_on_as_it_comes() -> None:
    """After the first text no tag is looked for any more."""
    assert read(delta(content="a"), delta(content="<think>"), delta(content=[{"text": "b"}])) == [
        Text("a"),
        Text("<think>"),
        Text("b"),
    ]


@pytest.mark.parametrize(("said", "reason"), [*REASONS.items(), ("banana", "other"), (7, "other")])
def test_finish_reasons(said: Any, reason: Any) -> None:
    """Every known reason is one of ours; an unknown one is `other`."""
    reader = Completions(COMMON)

    assert reader.frame("", finish(said)) == [Finish(reason)]
    assert reader.complete


@pytest.mark.parametrize("said", [None, "", 0, False])
def test_an_empty_finish_reason_is_none(said: Any) -> None:
    """The answer goes on."""
    reader = Completions(COMMON)

    assert reader.frame("", finish(said)) == []
    assert not reader.complete


@pytest.mark.parametrize("said", FAILURES)
def test_finish_reasons_that_are_failures(said: str) -> None:
    """A new error each time: one that is raised twice would remember both."""
    first, second = read(finish(said)), read(finish(said))

    assert first == second == [WireError(*FAILURES[said])]
    assert first[0] is not second[0]


def test_stop_after_a_tool_call_is_tool_calls() -> None:
    """As OpenAI has it; some servers do not."""
    assert read(call(index=0, id="a", function={"name": "f"}), finish("stop"))[-1] == Finish("tool_calls")
    assert read(call(index=0, id="a", function={"name": "f"}), finish("length"))[-1] == Finish("length")


def test_a_refusal_ends_in_content_filter() -> None:
    """Whatever the server calls it."""
    assert read(delta(refusal="no"), finish("stop")) == [Refusal("no"), Finish("content_filter")]


def test_a_message_makes_the_answer_complete() -> None:
    """A whole object needs no finish reason."""
    reader = Completions(COMMON)
    reader.frame("", {"choices": [{"message": {"content": "<"}}]})

    assert reader.complete
    assert reader.end() == [Text("<"), End()]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text("<think>/a", max_size=9)
    | st.sampled_from(sorted(REASONS)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "index",
                    "finish_reason",
                    "tool_calls",
                    "function",
                    "id",
                    "name",
                    "arguments",
                    "reasoning",
                    "reasoning_details",
                    "usage",
                    "prompt_tokens",
                    "x_groq",
                    "text",
                    "type",
                    "thinking",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(st.lists(VALUES.map(lambda value: {"choices": [value], "usage": value, "x_groq": value}), max_size=3))
def test_any_json_is_read(frames: list[Json]) -> None:
    """Never an exception, whatever stands in the known fields."""
    for event in read(*frames):
        assert isinstance(event, (Text, Reasoning, ToolDelta, Usage, Finish, WireError))


@pytest.mark.parametrize(
    ("frame", "events"),
    [
        (delta(content="more"), [Text("more")]),
        ({"choices": [{"delta": {"content": "more"}}], "object": "error", "message": "gone"}, None),
        (
            {"choices": [{"delta": {"content": "more"}}], "usage": {"prompt_tokens": 3}},
            [Usage(3), Text("more")],
        ),
        ({"choices": [{"delta": {"content": "more"}, "index": 1}]}, []),
        (
            {"choices": [{"delta": {"content": "more"}, "finish_reason": "stop"}]},
            [Text("more"), Finish("stop")],
        ),
        ({"choices": [{"delta": {"content": ["x"]}}]}, []),
        ({"choices": [{"delta": {"content": "a", "reasoning": "b"}}]}, [Reasoning("b"), Text("a")]),
        ({"choices": ["x"]}, []),
        ({"choices": []}, []),
        ({"choices": [{"delta": None}]}, []),
    ],
)
def test_the_short_way_is_no_other_way(frame: Json, events: list[Any] | None) -> None:
    """Once text has begun, a chunk of text alone is read by the short way; all others as before."""
    begun = read(delta(content="So "), frame)

    assert begun[0] == Text("So ")
    if events is None:
        assert isinstance(begun[1], WireError)
    else:
        assert begun[1:] == events


def test_calls_that_share_an_index_are_told_apart_by_their_ids() -> None:
    """Several servers give each of parallel calls the index 0. A new id without a name begins none."""

    def part(id_: str, name: str, arguments: str) -> Json:
        function = {"name": name, "arguments": arguments}
        return delta(tool_calls=[{"index": 0, "id": id_, "function": function}])

    frames = (
        part("a", "add", "{"),
        part("", "", "}"),
        part("b", "sub", "{"),
        part("", "", "}"),
        part("x", "", " "),
    )

    assert [(0, "{"), (0, "}"), (1, "{"), (1, "}"), (1, " ")] == [
        (event.index, event.arguments) for event in read(*frames)
    ]
