"""Requests of Cohere's chat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given

from racer.sim.exchange import Ask, Refusal, Request
from racer.sim.profile import Provider
from racer.sim.wire import cohere
from tests.racer.sim.bodies import JSON, Bodies, complete, nearly, schemas, some
from tests.racer.sim.scenes import KEY, TOOL, chat, moment, read_ask, read_refusal

COMMAND = Provider("a", dialect="cohere", models=("m",))
OTHER = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}
USER = {"role": "user", "content": "hi"}
CALL = {"id": "c", "type": "function", "function": {"name": "now", "arguments": "{}"}}
CALLING = {"role": "assistant", "tool_plan": "p", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "r"}
PART = {"type": "text", "text": "a"}


def asked(of: Provider = COMMAND, **fields: Any) -> Ask:
    return read_ask(cohere.WIRE, chat("/v2/chat", **fields), of)


def refused(of: Provider = COMMAND, **fields: Any) -> Refusal:
    return read_refusal(cohere.WIRE, chat("/v2/chat", **fields), of)


def test_a_plain_question() -> None:
    """It does not stream unless told to."""
    assert asked() == Ask(model="m", prompt="hi", stream=False)
    assert asked(stream=True).stream


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}}


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"messages": [{"role": "system", "content": "a"}, USER]}, "prompt", "a\nhi"),
        ({"messages": [{**USER, "content": [PART, PICTURE]}]}, "prompt", "a\nhttps://example.test/a.png"),
        ({"messages": [USER, CALLING, RESULT]}, "prompt", "hi\np\nr"),
        ({"messages": [USER, {"role": "assistant", "content": "I"}]}, "prefix", "I"),
        ({"max_tokens": 5}, "max_tokens", 5),
        ({"stop_sequences": ["x", "y"]}, "stop", ("x", "y")),
        ({"temperature": 1, "p": 0.5, "k": 3, "seed": 0, "logprobs": False}, "model", "m"),
        ({"temperature": None, "p": None}, "model", "m"),
        ({"response_format": {"type": "text"}}, "json", False),
        ({"response_format": {"type": "json_object"}}, "json", True),
        ({"response_format": {"type": "json_object", "json_schema": SCHEMA}}, "schema", SCHEMA),
        ({"thinking": {"type": "disabled"}}, "reasoning", False),
        ({"thinking": {"type": "enabled"}}, "reasoning", True),
    ],
)
def test_what_is_understood(fields: dict[str, Any], field: str, value: object) -> None:
    """Each field, in its forms."""
    assert getattr(asked(**fields), field) == value


@pytest.mark.parametrize(
    ("fields", "tool"),
    [
        ({"tools": [TOOL]}, None),
        ({"tools": [TOOL], "messages": [{**USER, "content": "use get_weather"}]}, "get_weather"),
        ({"tools": [TOOL, OTHER], "tool_choice": "REQUIRED"}, "get_weather"),
        ({"tools": [OTHER], "tool_choice": "NONE", "messages": [{**USER, "content": "use now"}]}, None),
    ],
)
def test_which_tool_is_called(fields: dict[str, Any], tool: str | None) -> None:
    """The first one where one is required, or the one that the question names."""
    found = asked(**fields).tools

    assert [each.name for each in found] == ([tool] if tool else [])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": ""}, "a model parameter is required"),
        ({"messages": []}, "at least 1 message"),
        ({"messages": ["hi"]}, "messages[0].role must be one of"),
        ({"messages": [{"role": ["user"], "content": "a"}]}, "messages[0].role must be one of"),
        (
            {"messages": [USER, {"role": "system", "content": "a"}]},
            "system turn must be the first in the list",
        ),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0].tool_call_id must be a text"),
        ({"messages": [{**USER, "content": ""}]}, "message must not be empty in a turn"),
        ({"messages": [{**USER, "content": [{"type": "audio"}]}]}, "messages[0].content has a part"),
        ({"temperature": 1.5}, "temperature must be between 0 and 1.0 inclusive."),
        ({"p": 1}, "p must be between 0.01 and 0.99 inclusive."),
        ({"max_tokens": 0}, "max_tokens must be at least 1."),
        ({"stop_sequences": ["x"] * 6}, "a list of at most 5 texts"),
        ({"tool_choice": "auto", "tools": [OTHER]}, "tool_choice must be REQUIRED or NONE."),
        ({"tool_choice": "REQUIRED"}, "tool_choice may only be given with tools."),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].function must have a name"),
        ({"response_format": {"type": "json_schema"}}, "response_format.type must be text or json_object."),
        ({"response_format": {"type": ["text"]}}, "response_format.type must be text or json_object."),
        ({"response_format": {"type": "json_object"}, "tools": [OTHER]}, "is not supported with tools."),
    ],
)
def test_what_is_refused(fields: dict[str, Any], words: str) -> None:
    """By place and reason."""
    refusal = refused(**fields)

    assert refusal.why == "bad_field"
    assert words in refusal.message


def test_what_is_no_field() -> None:
    """Neither theirs nor, where the profile says so, this provider's."""
    assert refused(top_p=0.5).message == "parameter 'top_p' is not a valid field"
    assert refused(replace(COMMAND, refuses=frozenset({"seed"})), seed=1).why == "unknown_field"


def test_an_unknown_model() -> None:
    """By its name."""
    refusal = refused(model="gone")

    assert (refusal.why, refusal.subject) == ("no_model", "gone")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_what_is_no_json_object(body: bytes) -> None:
    """Broken, or something else."""
    assert refused(body=body).why == "bad_json"


def test_keys() -> None:
    """A bearer token, checked where there is a list."""
    keyed = replace(COMMAND, keys=(KEY,))

    assert asked(key="anything").key == "anything"
    assert asked(keyed, key=KEY).key == KEY
    assert (refused(keyed).why, refused(keyed, key="wrong").why) == ("no_key", "bad_key")


def bodies() -> Bodies:
    part = nearly(type=some("text", "image_url"), text=some("a"), image_url=nearly(url=some("b")))
    message = nearly(
        role=some("system", "user", "assistant", "tool"),
        content=some("hi") | part,
        tool_calls=JSON,
        tool_plan=JSON,
        tool_call_id=some("c"),
    )
    function = nearly(name=some("f"), parameters=schemas())
    form = nearly(type=some("text", "json_object"), json_schema=schemas())
    return nearly(
        messages=JSON | message.map(lambda one: [one]),
        tools=nearly(function=function).map(lambda tool: [tool]) | JSON,
        tool_choice=some("REQUIRED", "NONE"),
        response_format=form,
        stop_sequences=JSON,
        thinking=nearly(type=some("disabled")),
        max_tokens=some(5),
        stream=JSON,
    )


@given(bodies())
def test_no_body_breaks_the_reader(body: Any) -> None:
    """Whatever JSON comes, it is understood or refused."""
    request = Request("POST", "/v2/chat", {}, orjson.dumps(complete(body)))

    assert isinstance(cohere.read(request, moment(COMMAND)), Ask | Refusal)


def test_several_tools_at_once() -> None:
    """All that the question names."""
    found = asked(tools=[TOOL, OTHER], messages=[{**USER, "content": "now, and get_weather"}])

    assert [tool.name for tool in found.tools] == ["get_weather", "now"]
