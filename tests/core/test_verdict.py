"""The checks that are always on: what counts as a reply, and what is wrong with the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.verdict import callable_tools, judge, needs_call
from racer_adapters.errors import Kind
from racer_adapters.types import Answer, Call, Message, Shape, Tool, ToolCall, ToolChoice

HI = Call((Message("user", "hi"),))
JSON = Call(HI.messages, shape=Shape("json"))
SCHEMA = Call(HI.messages, shape=Shape("schema", {"type": "integer"}))
TOOLS = Call(HI.messages, tools=(Tool("add"), Tool("sub")))
REQUIRED = Call(HI.messages, tools=TOOLS.tools, tool_choice=ToolChoice("required"))
NAMED = Call(HI.messages, tools=TOOLS.tools, tool_choice=ToolChoice("named", "add"))
NONE = Call(HI.messages, tools=TOOLS.tools, tool_choice=ToolChoice("none"))
AUTO = Call(HI.messages, tools=TOOLS.tools, tool_choice=ToolChoice("auto"))


def said(text: str = "", *calls: tuple[str, str], finish: str | None = "stop", reasoning: str = "") -> Answer:
    made = tuple(ToolCall(f"call_{name}", name, arguments) for name, arguments in calls)
    return Answer(text, reasoning, made, finish, ended=True)  # type: ignore[arg-type] # a finish reason by name


VALID: list[tuple[str, Answer, Call]] = [
    ("text", said("hello"), HI),
    ("an end marker alone", Answer("hello", ended=True), HI),
    ("a finish reason alone", Answer("hello", finish_reason="stop"), HI),
    ("cut by max_tokens", said("hel", finish="length"), HI),
    ("text after reasoning", said("hello", reasoning="hm"), HI),
    ("a tool call", said("", ("add", '{"a":1}')), TOOLS),
    ("two tool calls with text", said("so", ("add", "{}"), ("sub", "{}")), AUTO),
    ("text instead of tools", said("no need"), TOOLS),
    ("text where no tool may be called", said("no need"), NONE),
    ("the tool that was named", said("", ("add", "{}")), NAMED),
    ("some tool that was required", said("", ("sub", "{}")), REQUIRED),
    (
        "a tool call instead of JSON",
        said("", ("add", "{}")),
        Call(HI.messages, tools=TOOLS.tools, shape=Shape("json")),
    ),
    ("an object", said(' {"a": [1, 2]}\n'), JSON),
    ("a value with a schema", said("5"), SCHEMA),
]


@pytest.mark.parametrize(("answer", "call"), [row[1:] for row in VALID], ids=[row[0] for row in VALID])
def test_a_reply(answer: Answer, call: Call) -> None:
    """Something was said, it came to its end, and it has the form that was asked for."""
    assert judge(answer, call) is None


WRONG: list[tuple[str, Answer, Call, Kind, str]] = [
    ("nothing", Answer(), HI, Kind.TRUNCATED, "without a finish reason or an end marker"),
    ("text without an end", Answer("hello"), HI, Kind.TRUNCATED, "without a finish reason or an end marker"),
    ("an end alone", said(finish=None), HI, Kind.EMPTY, "no text and no tool call"),
    ("a finish reason alone", said(), HI, Kind.EMPTY, "no text and no tool call"),
    ("whitespace", said(" \n\t\u3000"), HI, Kind.EMPTY, "only whitespace"),
    ("reasoning", said(reasoning="hm"), HI, Kind.EMPTY, "only reasoning, no answer"),
    ("reasoning and whitespace", said("\n\n", reasoning="hm"), HI, Kind.EMPTY, "only reasoning, no answer"),
    ("blank reasoning", said(reasoning=" \n"), HI, Kind.EMPTY, "no text and no tool call"),
    ("withheld", said(finish="content_filter", reasoning="hm"), HI, Kind.BLOCKED, "withheld the reply"),
    ("cut by a filter", said("hel", finish="content_filter"), HI, Kind.BLOCKED, "after 3 characters"),
    ("a tool and none offered", said("", ("add", "{}")), HI, Kind.INVALID, "no tool was to be called"),
    ("a tool and none allowed", said("", ("add", "{}")), NONE, Kind.INVALID, "no tool was to be called"),
    (
        "an unknown tool",
        said("", ("add", "{}"), ("rm", "{}")),
        TOOLS,
        Kind.INVALID,
        "a tool that was not",
    ),
    (
        "not the tool named",
        said("", ("sub", "{}")),
        NAMED,
        Kind.INVALID,
        "a tool that was not offered",
    ),
    ("text and one named", said("hello"), NAMED, Kind.INVALID, "a tool call was required"),
    ("text and one required", said("hello"), REQUIRED, Kind.INVALID, "a tool call was required"),
    (
        "arguments that are words",
        said("", ("add", "a=1")),
        TOOLS,
        Kind.INVALID,
        "'add' is called with is not JSON",
    ),
    (
        "arguments that are a list",
        said("", ("add", "[1]")),
        TOOLS,
        Kind.INVALID,
        "'add' is called with is no JSON object",
    ),
    (
        "arguments cut off",
        said("", ("add", '{"a":'), finish="length"),
        TOOLS,
        Kind.INVALID,
        "cut off in mid-JSON: allow more max_tokens",
    ),
    ("words for JSON", said("hello"), JSON, Kind.INVALID, "the reply is not JSON"),
    ("JSON in a fence", said("```json\n{}\n```"), JSON, Kind.INVALID, "the reply is not JSON"),
    ("half JSON", said('{"a": [1,'), JSON, Kind.INVALID, "the reply is not JSON"),
    ("half JSON for a schema", said('{"a": [1,'), SCHEMA, Kind.INVALID, "the reply is not JSON"),
    ("JSON cut off", said('{"a": [1,', finish="length"), JSON, Kind.INVALID, "cut off in mid-JSON"),
    ("a list for an object", said("[1, 2]"), JSON, Kind.INVALID, "the reply is another JSON value"),
    ("NaN", said('{"a": NaN}'), JSON, Kind.INVALID, "the reply is not JSON"),
    ("half a character", said('{"a": "\ud800"}'), JSON, Kind.INVALID, "the reply is not JSON"),
]


@pytest.mark.parametrize(
    ("answer", "call", "kind", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_no_reply(answer: Answer, call: Call, kind: Kind, words: str) -> None:
    """Anything else fails its lane, with its kind and its reason."""
    found = judge(answer, call)

    assert found is not None
    assert found.kind is kind
    assert words in found.message


MANY = Call(HI.messages, tools=(Tool("add"), Tool("sub")), shape=Shape("json"))
MIXED: list[tuple[str, Answer, str | None]] = [
    ("one tool twice", said("", ("add", "{}"), ("add", '{"a":1}')), None),
    ("calls with words that are no JSON", said("I look.", ("add", "{}"), ("sub", "{}")), None),
    ("the last is broken", said("", ("add", "{}"), ("sub", "{")), "'sub' is called with is not JSON"),
    ("the last is unknown", said("", ("add", "{}"), ("", "{}")), "a tool that was not offered"),
    ("the first is broken, the last unknown", said("", ("add", "["), ("rm", "{}")), "'add' is called with"),
]


@pytest.mark.parametrize(("answer", "words"), [row[1:] for row in MIXED], ids=[row[0] for row in MIXED])
def test_several_calls(answer: Answer, words: str | None) -> None:
    """All are good, or the lane has failed by the first that is not."""
    found = judge(answer, MANY)

    assert (found and found.kind) == (words and Kind.INVALID)
    assert (words or "") in (found.message if found else "")


@pytest.mark.parametrize(
    ("call", "names", "needed"),
    [
        (HI, set[str](), False),
        (TOOLS, {"add", "sub"}, False),
        (AUTO, {"add", "sub"}, False),
        (NONE, set[str](), False),
        (REQUIRED, {"add", "sub"}, True),
        (NAMED, {"add"}, True),
    ],
)
def test_which_tools_may_be_called(call: Call, names: set[str], needed: bool) -> None:
    """And whether one must be."""
    assert callable_tools(call) == names
    assert needs_call(call) is needed


def test_a_tools_name_cannot_fill_or_steer_a_terminal() -> None:
    """A model may call a tool anything: what we say of it is short and escaped."""
    found = judge(said("", ("\x1b[2J" + "a" * 1000, "{}")), TOOLS)

    assert found is not None
    assert found.message.isprintable()
    assert len(found.message) < 150


@given(
    st.text(),
    st.text(),
    st.sampled_from(["stop", "length", "tool_calls", "content_filter", "other", None]),
    st.lists(st.tuples(st.sampled_from(["add", "sub", "rm"]), st.text()), max_size=2),
    st.sampled_from([HI, JSON, SCHEMA, TOOLS, REQUIRED, NAMED, NONE]),
)
def test_a_valid_reply_says_something(
    text: str, reasoning: str, finish: str | None, calls: list[tuple[str, str]], call: Call
) -> None:
    """Whatever a model says, judging never raises, and no reply without words or tool calls is valid."""
    found = judge(said(text, *calls, finish=finish, reasoning=reasoning), call)

    assert found is not None or text.strip() or calls
