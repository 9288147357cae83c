"""The key of a question: equal for the same, different for whatever may be answered differently."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from itertools import combinations
from types import MappingProxyType
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.question import key_of
from racer.core.rank import Wishes
from racer_adapters.types import Call, ImagePart, Message, Shape, TextPart, Tool, ToolCall, ToolChoice

NAN, INFINITY = float("nan"), float("inf")


def asks(*messages: Message, **more: Any) -> Call:
    return Call(messages or (Message("user", "hi"),), **more)


def key(call: Call | None = None, **wishes: Any) -> str:
    return key_of(call or asks(), Wishes(**wishes))


def key_with(value: object) -> str:
    """Of a call that has `value` in its extra fields."""
    return key(asks(extra={"x": value}))


# ---------------------------------------------------------------- what is the same


def test_a_key_is_the_same_everywhere() -> None:
    """Other processes, and this one after an update, find what was kept: the form is fixed by its name."""
    assert key()[:16] == "a41537a205b5ef79"
    assert len(key()) == 64


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asks(temperature=1.0), asks(temperature=1)),
        (asks(temperature=0.0), asks(temperature=-0.0)),
        (asks(top_p=1.0), asks(top_p=1)),
        (asks(stream=True), asks(stream=False)),
        (asks(extra={"a": [1, 2]}), asks(extra={"a": (1, 2)})),
        (asks(extra={"a": {"b": 1}}), asks(extra=MappingProxyType({"a": MappingProxyType({"b": 1})}))),
    ],
)
def test_the_same_said_otherwise(one: Call, other: Call) -> None:
    """Numbers where only numbers may be, lists of either kind, mappings of any; and how it travels."""
    assert key(one) == key(other)


def test_names_without_an_order() -> None:
    """`only` and `exclude` are sets; `prefer` is an order."""
    assert key(only=("a", "b")) == key(only=("b", "a", "b"))
    assert key(exclude=("a", "b")) == key(exclude=("b", "a"))
    assert key(prefer=("a", "b")) != key(prefer=("b", "a"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=10,
)


def turned_round(value: Any) -> Any:
    """The same, with the keys of each mapping in the opposite order."""
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        return {name: turned_round(inner) for name, inner in reversed(given.items())}
    return (
        [turned_round(inner) for inner in cast("list[object]", value)] if isinstance(value, list) else value
    )


@given(st.dictionaries(st.text(), JSON))
def test_the_order_of_keys_means_nothing(values: dict[str, Any]) -> None:
    """In extra fields, in schemas and in the parameters of tools, at any depth."""
    one = asks(extra=values, tools=(Tool("t", parameters=values),), shape=Shape("schema", values))
    backwards = turned_round(values)
    other = asks(extra=backwards, tools=(Tool("t", parameters=backwards),), shape=Shape("schema", backwards))

    assert key(one) == key(other)


# ---------------------------------------------------------------- what is not


DIFFERENT: dict[str, list[Any]] = {
    "messages": [
        (),
        (Message("user", "hi"),),
        (Message("system", "hi"),),
        (Message("user", "hi", name="ann"),),
        (Message("user", "h"), Message("user", "i")),
        (Message("user", "hi"), Message("user", "")),
        (Message("user", (TextPart("hi"),)),),
        (Message("user", (TextPart("h"), TextPart("i"))),),
        (Message("user", (ImagePart("hi"),)),),
        (Message("user", (ImagePart("hi", "low"),)),),
        (Message("assistant", "", (ToolCall("1", "f", "{}"),)),),
        (Message("assistant", "", (ToolCall("2", "f", "{}"),)),),
        (Message("assistant", "", (ToolCall("1", "g", "{}"),)),),
        (Message("assistant", "", (ToolCall("1", "f", "{ }"),)),),
        (Message("assistant", "", (ToolCall("1", "f", "{}", "signed"),)),),
        (Message("tool", "4", tool_call_id="1"),),
        (Message("tool", "5", tool_call_id="1"),),
        (Message("tool", "4", tool_call_id="2"),),
    ],
    "max_tokens": [None, 1, 2],
    "temperature": [None, 0.0, 0.1, 1.0, NAN, INFINITY, -INFINITY],
    "top_p": [None, 0.0, 0.1],
    "stop": [(), ("a",), ("a", "b"), ("b", "a"), ("ab",), ("a,b",)],
    "seed": [None, 0, 1, -1, 10**30],
    "tools": [
        (),
        (Tool("f"),),
        (Tool("g"),),
        (Tool("f"), Tool("g")),
        (Tool("g"), Tool("f")),
        (Tool("f", "adds"),),
        (Tool("f", None, {}),),
        (Tool("f", strict=True),),
        (Tool("f", strict=False),),
    ],
    "tool_choice": [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("named", "f")],
    "shape": [None, Shape("json"), Shape("schema"), Shape("schema", {}), Shape("json", strict=True)],
    "extra": [
        {},
        {"a": None},
        {"a": 1},
        {"a": 1.0},
        {"a": True},
        {"a": "1"},
        {"a": b"1"},
        {"a": [1]},
        {"b": 1},
    ],
}
OTHERS: dict[str, list[Any]] = {
    "only": [(), ("a",), ("b",), ("a", "b"), ("ab",)],
    "exclude": [(), ("a",), ("b",)],
    "prefer": [(), ("a",), ("b",)],
    "task": [None, "chat", "fast"],
    "private": [False, True],
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_call_with_another_value_is_another_question(name: str) -> None:
    """No two of these may be mistaken for each other."""
    keys = [key(replace(asks(), **{name: value})) for value in DIFFERENT[name]]

    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", OTHERS)
def test_other_lanes_are_another_question(name: str) -> None:
    """Who may answer, and who goes first, decides what the answer is."""
    keys = [key(**{name: value}) for value in OTHERS[name]]

    assert len(set(keys)) == len(keys)


def test_the_tables_have_every_field() -> None:
    """A field that is added to a call or to the wishes is added here."""
    assert set(DIFFERENT) | {"stream"} == {each.name for each in fields(Call)}
    assert set(OTHERS) == {each.name for each in fields(Wishes)}


def test_fields_do_not_run_into_each_other() -> None:
    """The same value in another field is another question."""
    named = [key(None, **{name: ("a",)}) for name in ("only", "exclude", "prefer")]
    numbered = [key(asks(**{name: 1})) for name in ("max_tokens", "temperature", "top_p", "seed")]

    assert all(one != other for one, other in combinations([*named, *numbered], 2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NAN, None),
        (NAN, INFINITY),
        (0.0, -0.0),
        ("", []),
        ([], {}),
        ({"a": 1, "b": 2}, ["a", 1, "b", 2]),
        ([[1], [2]], [[1, 2]]),
        (["1:s"], ["1", ":s"]),
        ("\ud800", "?"),
        ({"": 1}, {None: 1}),
        (10**5000, 10**5000 + 1),
    ],
    ids=lambda _: "",
)
def test_no_two_values_look_the_same(one: object, other: object) -> None:
    """Kind and length stand before each value."""
    assert key_with(one) != key_with(other)
    assert key_with(one) == key_with(one)


@given(JSON, JSON)
def test_keys_are_equal_where_the_json_is(one: object, other: object) -> None:
    """JSON text with sorted keys is the judge: it tells 1 from 1.0 and from true."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert (key_with(one) == key_with(other)) is same


EMPTY = st.just(cast("dict[str, Any]", {}))
PARTS = st.builds(TextPart, st.text(max_size=3)) | st.builds(
    ImagePart, st.text(max_size=3), st.sampled_from([None, "low", "high"])
)
CALLS = st.builds(
    Call,
    messages=st.lists(
        st.builds(
            Message,
            st.sampled_from(["system", "user", "assistant", "tool"]),
            st.text(max_size=3) | st.lists(PARTS, max_size=2).map(tuple),
            st.lists(st.builds(ToolCall, *[st.text(max_size=2)] * 3), max_size=2).map(tuple),
            st.none() | st.text(max_size=2),
            st.none() | st.text(max_size=2),
        ),
        max_size=3,
    ).map(tuple),
    max_tokens=st.none() | st.integers(1, 3),
    temperature=st.none() | st.floats(0, 2).map(abs),
    top_p=st.none() | st.floats(0, 1).map(abs),
    stop=st.lists(st.text(max_size=2), max_size=2).map(tuple),
    seed=st.none() | st.integers(-2, 2),
    tools=st.lists(
        st.builds(Tool, st.text(max_size=2), st.none() | st.text(max_size=2), st.none() | EMPTY),
        max_size=2,
    ).map(tuple),
    tool_choice=st.none() | st.builds(ToolChoice, st.sampled_from(["auto", "none", "required"])),
    shape=st.none() | st.builds(Shape, st.sampled_from(["json", "schema"]), st.none() | EMPTY),
    extra=st.dictionaries(st.text(max_size=2), JSON, max_size=2),
    stream=st.booleans(),
)


def as_json(call: Call) -> str:
    return json.dumps({**asdict(call), "stream": None}, sort_keys=True)


@given(CALLS, CALLS, st.sampled_from([each.name for each in fields(Call)]))
def test_one_change_changes_the_key(call: Call, other: Call, name: str) -> None:
    """And what is no change does not: one field of a call, with the value that another call has in it."""
    changed = replace(call, **{name: getattr(other, name)})

    assert (key(changed) == key(call)) is (as_json(changed) == as_json(call))


def test_what_is_no_value_is_refused() -> None:
    """No call that was read has one; nothing is written that would not tell two apart."""
    with pytest.raises(TypeError, match="a question cannot hold a set"):
        key_with({1, 2})
