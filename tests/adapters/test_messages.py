"""racer_adapters/messages.py: the caller's input, checked."""

from __future__ import annotations

import copy
import json
import re
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters.messages import (
    ROLES,
    parse_extra,
    parse_messages,
    parse_response_format,
    parse_tool_choice,
    parse_tools,
)
from racer_adapters.types import ImagePart, Message, Shape, TextPart, Tool, ToolCall, ToolChoice

PICTURE = "data:image/png;base64,iVBORw0KGgo="
A_CALL: dict[str, Any] = {"role": "assistant", "content": None}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def test_a_text_is_one_user_message() -> None:
    """As it is, with its white space."""
    assert parse_messages(" Hi\n") == (Message("user", " Hi\n"),)


def test_a_conversation() -> None:
    """Every role, in a list or a tuple; developer is OpenAI's newer word for system."""
    talk: Any = (
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": ""},
        {"role": "user", "content": "Hi", "name": "Ann"},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None, "annotations": []},
        {"role": "tool", "content": "", "tool_call_id": "c1"},
        {"role": "assistant", "content": "Bye", "tool_calls": None, "function_call": None},
    )

    assert parse_messages(talk) == (
        Message("system", "Be brief."),
        Message("system", ""),
        Message("user", "Hi", name="Ann"),
        Message("assistant", "", (ToolCall("c1", "f", '{"a":1}'),)),
        Message("tool", "", tool_call_id="c1"),
        Message("assistant", "Bye"),
    )


def test_parts() -> None:
    """Texts and images, an image in both forms; a mapping of any kind will do."""
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": "https://example.test/a.png"},
        MappingProxyType({"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}}),
    ]

    assert parse_messages(user(parts))[0].content == (
        TextPart("What is it?"),
        ImagePart("https://example.test/a.png"),
        ImagePart(PICTURE, "low"),
    )


def test_a_picture_alone_is_a_question() -> None:
    """Not empty, though it has no text."""
    assert parse_messages(user([{"type": "image_url", "image_url": PICTURE}]))[0].content == (
        ImagePart(PICTURE),
    )


def test_arguments_may_be_an_object() -> None:
    """Ollama's form becomes OpenAI's, which is text."""
    call = {**CALL, "function": {"name": "f", "arguments": {"a": [1]}}}
    message = parse_messages([{"role": "assistant", "content": [], "tool_calls": [call]}])[0]

    assert message.tool_calls == (ToolCall("c1", "f", '{"a":[1]}'),)
    assert message.content == ()


@pytest.mark.parametrize(
    ("extra", "signature"),
    [
        (None, ""),
        ({}, ""),
        ({"google": None}, ""),
        ({"google": {}}, ""),
        ({"google": {"thought_signature": "s"}}, "s"),
    ],
)
def test_the_signature_of_a_call_is_kept(extra: Any, signature: str) -> None:
    """Gemini wants back what it put on its own calls."""
    message = parse_messages([{**A_CALL, "tool_calls": [{**CALL, "extra_content": extra}]}])[0]

    assert message.tool_calls[0].signature == signature


NESTED: list[Any] = []
NESTED.append(NESTED)

WRONG: list[tuple[Any, str]] = [
    ("", "the prompt is empty: write something"),
    (" \n", "the prompt is empty: write something"),
    ("a\ud800", "the prompt has half a character"),
    (b"Hi", "messages is a bytes: give a text, or a list of messages with role and content"),
    (None, "messages is missing: give a text"),
    (7, "messages is an int: give a text"),
    ({"role": "user", "content": "Hi"}, "messages is a dict: give a text, or a list of messages"),
    (iter(["Hi"]), "messages is a list_iterator: give a text, or a list"),
    ([], "messages is an empty list: give at least one message"),
    (["Hi"], 'messages[0] is "Hi": give a mapping with role and content'),
    (NESTED, "messages[0] is a list: give a mapping with role and content"),
    ([{"content": "Hi"}], "messages[0].role is missing: use system, user, assistant or tool"),
    (
        [*user("Hi"), {"role": "robot", "content": "Hi"}],
        'messages[1].role is "robot": use system, user, assistant or tool',
    ),
    ([{"role": ["user"], "content": "Hi"}], "messages[0].role is a list: use system"),
    ([{"role": "function", "content": "Hi"}], 'messages[0].role is "function": use system'),
    ([{"role": "user"}], "messages[0].content is missing: give a text or a list of parts"),
    ([{"role": "assistant"}], "messages[0].content is missing: give a text or a list of parts"),
    (user(7), "messages[0].content is an int: give a text or a list of parts"),
    (user(b"Hi"), "messages[0].content is a bytes: give a text or a list of parts"),
    (user("  "), "messages[0].content is empty: write something, or leave the message out"),
    (user([]), "messages[0].content is empty: write something"),
    (user([{"type": "text", "text": " "}]), "messages[0].content is empty: write something"),
    (user("a\udfff"), "messages[0].content has half a character (a lone surrogate) at position 1"),
    (user(["Hi"]), 'messages[0].content[0] is "Hi": give a part of type text or image_url'),
    (user([{"type": "input_audio"}]), 'messages[0].content[0].type is "input_audio": use text or image_url'),
    (user([{"text": "Hi"}]), "messages[0].content[0].type is missing: use text or image_url"),
    (user([{"type": "text", "text": 7}]), "messages[0].content[0].text is an int: give a text"),
    (
        user([{"type": "image_url"}]),
        "messages[0].content[0].image_url is missing: give an https: address or a data: URL, or a mapping",
    ),
    (
        user([{"type": "image_url", "image_url": {}}]),
        "messages[0].content[0].image_url.url is missing: give an https: address",
    ),
    (
        user([{"type": "image_url", "image_url": "a.png"}]),
        'messages[0].content[0].image_url is "a.png": give an https: address',
    ),
    (
        user([{"type": "image_url", "image_url": {"url": "file:///a"}}]),
        'image_url.url is "file:///a": give an https: address',
    ),
    (
        user([{"type": "image_url", "image_url": "data:image/png"}]),
        "give the data too, as in data:image/png;base64,",
    ),
    (
        user([{"type": "image_url", "image_url": {"url": PICTURE, "detail": 7}}]),
        "image_url.detail is an int: give a text",
    ),
    ([{"role": "user", "content": "Hi", "name": 7}], "messages[0].name is an int: give a text"),
    (
        [{"role": "tool", "content": "x"}],
        "messages[0].tool_call_id is missing: name the call that this is the result of",
    ),
    ([{"role": "tool", "content": "x", "tool_call_id": ""}], "messages[0].tool_call_id is missing"),
    (
        [*user("Hi"), {"role": "tool", "content": "x", "tool_call_id": "c1"}],
        'messages[1].tool_call_id is "c1", and no message before it has a tool call of this id',
    ),
    (
        [
            {"role": "tool", "content": "x", "tool_call_id": "c1"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
        ],
        'messages[0].tool_call_id is "c1", and no message before it',
    ),
    (
        [
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "content": "x", "tool_call_id": "c2"},
        ],
        'messages[1].tool_call_id is "c2", and no message before it',
    ),
    (
        [{**A_CALL, "function_call": {"name": "f"}}],
        "messages[0].function_call is the old form: use tool_calls",
    ),
    ([{**A_CALL, "tool_calls": []}], "messages[0].content is missing: give a text"),
    ([{**A_CALL, "tool_calls": {}}], "messages[0].tool_calls is a dict: give a list of tool calls"),
    (
        [{**A_CALL, "tool_calls": [7]}],
        "messages[0].tool_calls[0] is an int: give a mapping with id and function",
    ),
    (
        [{**A_CALL, "tool_calls": [{**CALL, "extra_content": 7}]}],
        "messages[0].tool_calls[0].extra_content is an int: give a mapping",
    ),
    (
        [{**A_CALL, "tool_calls": [{**CALL, "extra_content": {"google": 7}}]}],
        "extra_content.google is an int: give a mapping",
    ),
    (
        [{**A_CALL, "tool_calls": [{"id": "c"}]}],
        "messages[0].tool_calls[0].function is missing: give a mapping",
    ),
    (
        [{**A_CALL, "tool_calls": [{"function": {"name": "f", "arguments": ""}}]}],
        "messages[0].tool_calls[0].id is missing: give the id",
    ),
    (
        [{**A_CALL, "tool_calls": [{"id": "c", "function": {"arguments": ""}}]}],
        "messages[0].tool_calls[0].function.name is missing",
    ),
    (
        [{**A_CALL, "tool_calls": [{"id": "c", "function": {"name": "f"}}]}],
        "messages[0].tool_calls[0].function.arguments is missing: give JSON text",
    ),
]


@pytest.mark.parametrize(("messages", "sentence"), WRONG)
def test_wrong_messages(messages: Any, sentence: str) -> None:
    """Each mistake has one sentence that names its place and the remedy."""
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_messages(messages)


def test_the_callers_objects_are_neither_changed_nor_kept() -> None:
    """Changing them later changes nothing of ours."""
    messages = [*user([{"type": "text", "text": "Hi"}]), {**A_CALL, "tool_calls": [CALL]}]
    before = copy.deepcopy(messages)
    parsed = parse_messages(messages)
    assert messages == before
    messages[0]["content"][0]["text"] = "changed"
    messages.clear()

    assert parsed == parse_messages(before)


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=3)
    | st.sampled_from([*ROLES, "text", "image_url", PICTURE]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "type",
                    "text",
                    "image_url",
                    "url",
                    "tool_calls",
                    "id",
                    "function",
                    "name",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(ODD)
def test_anything_is_parsed_or_refused(messages: Any) -> None:
    """Records or a ValueError, never another exception."""
    try:
        parsed = parse_messages(messages)
    except ValueError:
        return
    assert all(isinstance(message, Message) for message in parsed)


# ---------------------------------------------------------------- tools

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "": True},
    "required": ["a", ""],
}


def tool(**function: Any) -> dict[str, Any]:
    return {"type": "function", "function": function}


def test_tools() -> None:
    """With everything and with a name alone; the schema is a copy."""
    schema = copy.deepcopy(SCHEMA)
    found = parse_tools(
        [tool(name="f", description="d", parameters=schema, strict=True), tool(name="g", parameters={})]
    )
    schema.clear()

    assert found == (Tool("f", "d", SCHEMA, strict=True), Tool("g", parameters={}))
    assert parse_tools([tool(name="a-Z_0" * 12)])[0].name == "a-Z_0" * 12
    assert parse_tools(None) == parse_tools([]) == ()


@pytest.mark.parametrize(
    ("tools", "sentence"),
    [
        (tool(name="f"), "tools is a dict: give a list of tools"),
        (["f"], 'tools[0] is "f": give a mapping {"type": "function"'),
        ([{"function": {"name": "f"}}], "tools[0].type is missing: use function"),
        ([{"type": "web_search"}], 'tools[0].type is "web_search": use function'),
        ([{"type": "function"}], "tools[0].function is missing: give a mapping with name and parameters"),
        ([tool()], "tools[0].function.name is missing: give the name of the tool"),
        ([tool(name="")], 'tools[0].function.name is "": give the name of the tool'),
        ([tool(name=7)], "tools[0].function.name is an int: give the name of the tool"),
        (
            [tool(name="get weather")],
            'function.name is "get weather": use at most 64 of the characters a-z, A-Z, 0-9, _ and -',
        ),
        ([tool(name="a.b")], 'tools[0].function.name is "a.b": use at most 64'),
        ([tool(name="größe")], 'tools[0].function.name is "größe": use at most 64'),
        ([tool(name="f\n")], "use at most 64 of the characters"),
        ([tool(name="f" * 65)], "use at most 64 of the characters"),
        ([tool(name="f"), tool(name="f")], 'tools[1] is a second "f": give each tool its own name'),
        ([tool(name="f", description=7)], "tools[0].function.description is an int: give a text"),
        ([tool(name="f", strict="yes")], 'tools[0].function.strict is "yes": give true or false'),
        (
            [tool(name="f", parameters="{}")],
            'tools[0].function.parameters is "{}": give a JSON schema, as a mapping',
        ),
        (
            [tool(name="f", parameters={"a": object()})],
            "tools[0].function.parameters cannot be written as JSON",
        ),
        (
            [tool(name="f", parameters={"type": "string"})],
            'tools[0].function.parameters.type is "string": use object',
        ),
        (
            [tool(name="f", parameters={"type": ["object", "null"]})],
            "tools[0].function.parameters.type is a list: use object",
        ),
        (
            [tool(name="f", parameters={"properties": ["a"]})],
            "parameters.properties is a list: give a mapping of names to schemas",
        ),
        (
            [tool(name="f", parameters={"properties": {"a": "string"}})],
            'parameters.properties.a is "string": give a JSON schema, as a mapping',
        ),
        (
            [tool(name="f", parameters={"properties": {"a": {}}, "required": "a"})],
            'parameters.required is "a": give a list of names',
        ),
        (
            [tool(name="f", parameters={"required": ["a", 7]})],
            "parameters.required[1] is an int: give the name of a property",
        ),
    ],
)
def test_wrong_tools(tools: Any, sentence: str) -> None:
    """Each mistake with its place and the remedy."""
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_tools(tools)


TOOLS = (Tool("f"), Tool("g"))


@pytest.mark.parametrize(
    ("choice", "tools", "found"),
    [
        (None, TOOLS, None),
        ("auto", TOOLS, ToolChoice("auto")),
        ("none", TOOLS, ToolChoice("none")),
        ("required", TOOLS, ToolChoice("required")),
        ({"type": "function", "function": {"name": "g"}}, TOOLS, ToolChoice("named", "g")),
        ("auto", (), None),
        ("none", (), None),
    ],
)
def test_tool_choices(choice: Any, tools: tuple[Tool, ...], found: ToolChoice | None) -> None:
    """OpenAI's forms; without tools there is nothing to choose or to forbid."""
    assert parse_tool_choice(choice, tools) == found


@pytest.mark.parametrize(
    ("choice", "tools", "sentence"),
    [
        ("required", (), "tool_choice is given without tools: give tools too, or leave tool_choice out"),
        ({"function": {"name": "f"}}, (), "tool_choice is given without tools"),
        ("always", TOOLS, 'tool_choice is "always": give "auto", "none", "required" or a function by name'),
        (True, TOOLS, "tool_choice is a bool: give"),
        ({"type": "allowed_tools"}, TOOLS, "tool_choice.function is missing: give a mapping with a name"),
        ({"function": {}}, TOOLS, "tool_choice.function.name is missing: give the name of one of the tools"),
        ({"function": {"name": "h"}}, TOOLS, 'tool_choice names the unknown tool "h": use f or g'),
    ],
)
def test_wrong_tool_choices(choice: Any, tools: tuple[Tool, ...], sentence: str) -> None:
    """Each mistake with the remedy."""
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_tool_choice(choice, tools)


def schema_form(**said: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": said}


@pytest.mark.parametrize(
    ("form", "shape"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, Shape("json")),
        (schema_form(name="n", schema=SCHEMA, strict=False), Shape("schema", SCHEMA, "n", strict=False)),
        (schema_form(schema={}), Shape("schema", {})),
    ],
)
def test_response_formats(form: Any, shape: Shape | None) -> None:
    """OpenAI's three forms; a schema without a name gets one."""
    assert parse_response_format(form) == shape


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("json", 'response_format is "json": give a mapping such as {"type": "json_object"}'),
        ({}, "response_format.type is missing: use text, json_object or json_schema"),
        ({"type": "xml"}, 'response_format.type is "xml": use text, json_object or json_schema'),
        (
            {"type": "json_schema"},
            "response_format.json_schema is missing: give a mapping with name and schema",
        ),
        (
            schema_form(name="n"),
            "response_format.json_schema.schema is missing: give a JSON schema, as a mapping",
        ),
        (schema_form(schema=[]), "response_format.json_schema.schema is a list: give a JSON schema"),
        (schema_form(schema={}, name=7), "response_format.json_schema.name is an int: give a text"),
        (
            schema_form(schema={}, strict=1),
            "response_format.json_schema.strict is an int: give true or false",
        ),
    ],
)
def test_wrong_response_formats(form: Any, sentence: str) -> None:
    """Each mistake with its place and the remedy."""
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_response_format(form)


def test_extra_fields_are_copied() -> None:
    """Any JSON; what is none of it is refused here and not in the middle of a race."""
    inner = {"b": [1]}
    found = parse_extra({"a": inner})
    inner.clear()

    assert found == {"a": {"b": [1]}}
    assert parse_extra(None) == {}
    with pytest.raises(ValueError, match=r"^extra is a list: give a mapping of body fields$"):
        parse_extra([])
    with pytest.raises(ValueError, match=r"^extra cannot be written as JSON"):
        parse_extra({"a": object()})


def test_the_examples_are_json() -> None:
    """What a sentence tells people to write can be read."""
    with pytest.raises(ValueError, match="such as") as caught:
        parse_response_format(7)

    assert json.loads(str(caught.value).partition("such as ")[2]) == {"type": "json_object"}


def test_a_picture_that_no_provider_takes_is_refused() -> None:
    """Before it is sent to several of them; the error tells how large it is and how large it may be."""
    url = "data:image/png;base64," + "A" * (21 * 1024 * 1024)
    part = {"type": "image_url", "image_url": {"url": url}}

    with pytest.raises(ValueError, match=r"image_url\.url holds 21 MiB: .* smaller than 20 MiB"):
        parse_messages([{"role": "user", "content": [part]}])
