"""Names inside the fields of OpenAI's bodies."""

from __future__ import annotations

from typing import Any

import pytest

from racer.server.openai_parts import ECHOED, check_parts
from racer.server.question import Refused

HI: dict[str, Any] = {"role": "user", "content": "hi"}
NOTHING: dict[str, Any] = {}
TEXT: dict[str, Any] = {"type": "text", "text": "hi"}
PICTURE: dict[str, Any] = {
    "type": "image_url",
    "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"},
}
CALL: dict[str, Any] = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
FUNCTION: dict[str, Any] = {
    "name": "add",
    "description": "adds",
    "parameters": {"type": "object"},
    "strict": True,
}
FORM: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True},
}


def said(**fields: Any) -> dict[str, Any]:
    return {"messages": [HI, {"role": "assistant", "content": "hello", **fields}]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": [HI, {"role": "user", "name": "ann", "content": [TEXT, PICTURE]}]},
        {"messages": [HI | {"content": [TEXT | {"cache_control": {"type": "ephemeral"}}]}]},
        said(**dict.fromkeys(ECHOED, "x"), audio=None, function_call=None, tool_calls=None, later=None),
        said(content=None, tool_calls=[CALL | {"index": 0, "extra_content": {}}]),
        said(tool_calls=[CALL | {"function": CALL["function"] | {"parsed_arguments": {}}}]),
        {"messages": [{"role": "tool", "tool_call_id": "1", "content": "4"}]},
        {"tools": [{"type": "function", "function": FUNCTION, "cache_control": {}}], "tool_choice": "auto"},
        {"tool_choice": {"type": "function", "function": {"name": "add"}}},
        {"response_format": {"type": "text"}},
        {"response_format": {"type": "json_object"}},
        {"response_format": FORM},
        {"response_format": FORM | {"json_schema": FORM["json_schema"] | {"description": "x"}}},
    ],
)
def test_what_is_known(body: dict[str, Any]) -> None:
    """Also what clients echo of an answer, what has no effect, and what says nothing."""
    check_parts(body)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": [HI, HI | {"zork": 1}]}, "messages[1].zork"),
        (said(prefix=True), "messages[1].prefix"),
        (said(audio={"id": "x"}), "messages[1].audio"),
        ({"messages": [HI | {"content": [TEXT, TEXT | {"zork": 1}]}]}, "messages[0].content[1].zork"),
        ({"messages": [HI | {"content": [PICTURE | {"text": "x"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [HI | {"content": [PICTURE | {"image_url": {"url": "x", "size": 1}}]}]},
            "messages[0].content[0].image_url.size",
        ),
        (said(tool_calls=[CALL | {"zork": 1}]), "messages[1].tool_calls[0].zork"),
        (said(tool_calls=[CALL | {"function": {"zork": 1}}]), "messages[1].tool_calls[0].function.zork"),
        ({"tools": [{"type": "function", "function": FUNCTION, "zork2": 1}]}, "tools[0].zork2"),
        ({"tools": [{"type": "function", "function": FUNCTION | {"zork": 1}}]}, "tools[0].function.zork"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, "tool_choice.allowed_tools"),
        ({"tool_choice": {"function": {"name": "add", "x": 1}}}, "tool_choice.function.x"),
        ({"response_format": FORM | {"zork": 1}}, "response_format.zork"),
        ({"response_format": {"type": "json_object", "schema": {}}}, "response_format.schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"zork": 1}}},
         "response_format.json_schema.zork"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "nope"}}}},
         "response_format.json_schema.schema.type"),
        ({"messages": [HI | {"a b": 1}]}, "messages[0].a b"),
    ],
)  # fmt: skip
def test_what_is_not(body: dict[str, Any], param: str) -> None:
    """400 with its place: dropped in silence, it would be missed by nobody but the client."""
    with pytest.raises(Refused) as caught:
        check_parts(body)

    assert (caught.value.status, caught.value.param) == (400, param)
    assert param in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        {"messages": "hi", "tools": 4, "tool_choice": 4, "response_format": "json"},
        {"messages": ["hi", 4], "tools": ["x"], "tool_choice": {"function": "x"}},
        {"messages": [HI | {"content": [4, {"type": "video", "x": 1}, {"type": NOTHING}]}]},
        {"messages": [HI | {"tool_calls": [4]}], "tools": [{"function": 4}]},
        {"response_format": {"type": "xml", "x": 1}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": 4}}},
    ],
)
def test_what_is_left_to_the_race(body: dict[str, Any]) -> None:
    """It says what is wrong with what is of another kind."""
    check_parts(body)
