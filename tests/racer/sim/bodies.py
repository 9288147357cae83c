"""Request bodies that are nearly right: for tests that nothing a client sends can break a reader."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from racer.sim.json_value import as_object

Bodies = st.SearchStrategy[Any]

JSON: Bodies = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, width=16)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def nearly(**parts: Bodies) -> Bodies:
    """An object with some of `parts`, or anything instead."""
    return st.fixed_dictionaries({}, optional=parts) | JSON


def some(*values: Any) -> Bodies:
    """One of `values`, or anything instead."""
    return st.sampled_from(values) | JSON


def complete(body: Any) -> Any:
    """With model and messages where it has none, so that what is looked at last is reached."""
    whole: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    return body if (given := as_object(body)) is None else whole | given


def openai_bodies() -> Bodies:
    function = nearly(name=some("f"), parameters=JSON)
    part = nearly(type=some("text", "image_url"), text=some("a"), image_url=nearly(url=some("b")))
    message = nearly(
        role=some("user", "assistant", "tool"),
        content=some("hi") | st.lists(part, max_size=2),
        tool_calls=JSON,
        tool_call_id=some("c"),
    )
    return nearly(
        messages=st.lists(message, max_size=3) | JSON,
        tools=st.lists(nearly(type=some("function"), function=function), max_size=2) | JSON,
        tool_choice=some("auto", "required") | nearly(type=some("function"), function=function),
        response_format=nearly(
            type=some("json_schema"), json_schema=nearly(name=some("x"), schema=schemas())
        ),
        stop=JSON,
        stream=JSON,
        stream_options=nearly(include_usage=JSON),
        max_tokens=JSON,
    ).map(complete)


def ollama_bodies() -> Bodies:
    message = nearly(role=some("user", "assistant"), content=some("hi"), images=JSON, tool_calls=JSON)
    function = nearly(name=some("f"), parameters=schemas())
    return nearly(
        messages=st.lists(message, max_size=3) | JSON,
        tools=st.lists(nearly(function=function), max_size=2) | JSON,
        format=some("json") | schemas(),
        options=nearly(num_predict=some(3), temperature=some(0.5), stop=some("x") | st.lists(JSON)),
        think=JSON,
        stream=JSON,
        prompt=JSON,
        system=JSON,
    ).map(complete)


def schemas() -> Bodies:
    """JSON schemas, most of them broken somewhere."""
    kinds = some("object", "array", "string", "integer", "number", "boolean", "null")
    leaf = nearly(
        type=kinds, enum=st.lists(JSON, max_size=2), minimum=some(1), maxLength=some(2), minItems=some(2)
    )
    return st.recursive(
        leaf,
        lambda inner: nearly(
            type=kinds,
            properties=st.dictionaries(st.text(max_size=2), inner, max_size=2) | JSON,
            required=st.lists(some("a"), max_size=2) | JSON,
            items=inner,
            anyOf=st.lists(inner, max_size=2) | JSON,
        ),
        max_leaves=4,
    )
