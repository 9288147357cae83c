"""Requests of Anthropic's Messages: key, version and fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.sim.exchange import Ask, Refusal, Request
from racer.sim.profile import Provider
from racer.sim.wire import anthropic
from racer.sim.wire.anthropic_request import NEW, OLD
from tests.racer.sim.bodies import JSON, Bodies, complete, nearly, schemas, some
from tests.racer.sim.scenes import KEY, moment, read_ask, read_refusal

CLAUDE = Provider("a", dialect="anthropic", models=("m",))
HI = [{"role": "user", "content": "hi"}]
TOOL = {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
OTHER = {"name": "now", "input_schema": {"type": "object"}}


def request(body: bytes = b"", *, version: str | None = NEW, headers: Any = None, **fields: Any) -> Request:
    """A question; `fields` replace those of a good body, and None takes one away."""
    good: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": HI} | fields
    sent = {name: value for name, value in good.items() if value is not None}
    named = {} if version is None else {"anthropic-version": version}
    return Request("POST", "/v1/messages", named | (headers or {}), body or orjson.dumps(sent))


def asked(of: Provider = CLAUDE, **fields: Any) -> Ask:
    return read_ask(anthropic.WIRE, request(**fields), of)


def refused(of: Provider = CLAUDE, **fields: Any) -> Refusal:
    return read_refusal(anthropic.WIRE, request(**fields), of)


def shaped(schema: Any) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": schema}}


def test_a_plain_question() -> None:
    """It does not stream unless told to."""
    assert asked() == Ask(model="m", prompt="hi", stream=False, max_tokens=9)
    assert asked(stream=True).stream


CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"system": "Be brief."}, "prompt", "Be brief.\nhi"),
        ({"system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "prompt", "a\nb\nhi"),
        ({"stop_sequences": ["x", "y"]}, "stop", ("x", "y")),
        ({"system": "Answer in JSON."}, "json", True),
        ({"system": "Be brief."}, "json", False),
        ({"output_config": {"effort": "low"}}, "schema", None),
        ({"output_config": shaped(CLOSED)}, "schema", CLOSED),
        ({"output_config": shaped(CLOSED)}, "json", True),
        ({"thinking": {"type": "disabled"}}, "reasoning", False),
        ({"thinking": {"type": "adaptive"}}, "reasoning", True),
        ({"version": OLD, "temperature": 1, "top_p": 0.5, "top_k": 3}, "model", "m"),
        ({"metadata": {"user_id": "u"}, "service_tier": "auto"}, "model", "m"),
    ],
)
def test_what_is_understood(fields: dict[str, Any], field: str, value: object) -> None:
    """Each field, in its forms."""
    assert getattr(asked(**fields), field) == value


@pytest.mark.parametrize(
    ("fields", "tool"),
    [
        ({"tools": [TOOL]}, None),
        ({"tools": [TOOL], "messages": [{"role": "user", "content": "use get_weather"}]}, "get_weather"),
        ({"tools": [TOOL], "tool_choice": {"type": "any"}}, "get_weather"),
        ({"tools": [TOOL, OTHER], "tool_choice": {"type": "tool", "name": "now"}}, "now"),
        ({"tools": [TOOL], "tool_choice": {"type": "none"}}, None),
    ],
)
def test_which_tool_is_called(fields: dict[str, Any], tool: str | None) -> None:
    """The one that is forced, or that the question names."""
    found = asked(**fields).tools

    assert [each.name for each in found] == ([tool] if tool else [])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"version": None}, "anthropic-version: header is required"),
        ({"version": "2020-01-01"}, '"2020-01-01" is not a valid version'),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "greater than or equal to 1"),
        ({"model": None}, "model: Field required"),
        ({"version": OLD, "temperature": 1.5}, "temperature: Input should be between 0 and 1"),
        ({"stop_sequences": ["\n"]}, "non-whitespace"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"system": [{"type": "image"}]}, "system.0"),
        ({"system": 3}, "system: Input should be a valid string or array"),
        ({"tool_choice": {"type": "any"}}, "while providing tools"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "gone"}}, "'gone' not found"),
        ({"tools": [TOOL], "tool_choice": {"type": []}}, "does not match any of the expected tags"),
        ({"tools": [{"name": "f"}]}, "tools.0.input_schema.type: Field required"),
        ({"tools": [{"input_schema": {"type": "object"}}]}, "tools.0.name: Field required"),
        ({"output_config": {"format": {"type": "json_object"}}}, "Input should be a JSON schema format"),
        ({"output_config": shaped({"type": "object"})}, "must be explicitly set to false"),
        ({"output_config": shaped({**CLOSED, "properties": {"a": {"minimum": 1}}})}, "property 'minimum'"),
        ({"output_config": shaped({"anyOf": [{"type": "string", "format": "isbn"}]})}, "property 'format'"),
        ({"output_config": shaped({"items": {"type": "array", "minItems": 2}})}, "property 'minItems'"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], words: str) -> None:
    """By place and reason."""
    refusal = refused(**fields)

    assert refusal.why == "bad_field"
    assert words in refusal.message


@pytest.mark.parametrize("fields", [{"temperature": 1}, {"top_p": 1}, {"top_k": 1}, {"seed": 1}, {"n": 1}])
def test_what_is_no_field(fields: dict[str, Any]) -> None:
    """The newer version has no sampling, whatever the value; neither has any of them a seed."""
    (name,) = fields

    assert refused(**fields).message == f"{name}: Extra inputs are not permitted"
    assert refused(replace(CLAUDE, refuses=frozenset({"system"})), system="a").why == "unknown_field"


def test_a_schema_without_end() -> None:
    """It is refused, not followed."""
    schema: Any = {"type": "string"}
    for _ in range(200):
        schema = {"type": "array", "items": schema}

    assert "too complex" in refused(output_config=shaped(schema)).message


def test_an_unknown_model() -> None:
    """By its name."""
    refusal = refused(model="gone")

    assert (refusal.why, refusal.subject) == ("no_model", "gone")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_what_is_no_json_object(body: bytes) -> None:
    """Broken, or something else."""
    assert refused(body=body).why == "bad_json"


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "no_key"),
        ({"x-api-key": "wrong"}, "bad_key"),
        ({"Authorization": "Bearer wrong"}, "bad_key"),
        ({"Authorization": "Basic abc"}, "no_key"),
        ({"x-api-key": "wrong", "Authorization": f"Bearer {KEY}"}, "bad_key"),
    ],
)
def test_wrong_keys(headers: dict[str, str], why: str) -> None:
    """Of the two headers, their own comes first."""
    assert refused(replace(CLAUDE, keys=(KEY,)), headers=headers).why == why


@pytest.mark.parametrize("headers", [{"x-api-key": KEY}, {"Authorization": f"Bearer {KEY}"}])
def test_keys(headers: dict[str, str]) -> None:
    """In either header."""
    assert asked(replace(CLAUDE, keys=(KEY,)), headers=headers).key == KEY


def bodies() -> Bodies:
    source = nearly(type=some("url", "base64"), url=some("u"), media_type=some("image/png"), data=some("d"))
    block = nearly(
        type=some("text", "image", "tool_use", "tool_result", "thinking"),
        text=some("a"),
        source=source,
        id=some("c"),
        name=some("f"),
        input=nearly(),
        tool_use_id=some("c"),
        content=some("b") | st.lists(nearly(type=some("text"), text=some("x")), max_size=1),
    )
    content = some("hi") | st.lists(block, max_size=2)
    tool = nearly(name=some("f"), input_schema=nearly(type=some("object")))
    return nearly(
        max_tokens=some(5),
        messages=st.lists(nearly(role=some("user", "assistant"), content=content), max_size=3) | JSON,
        system=content,
        tools=st.lists(tool, max_size=2) | JSON,
        tool_choice=nearly(type=some("any", "tool"), name=some("f")),
        output_config=nearly(format=nearly(type=some("json_schema"), schema=schemas())),
        stop_sequences=st.lists(some("x"), max_size=2),
        thinking=nearly(type=some("disabled")),
        stream=JSON,
    )


@given(bodies())
def test_no_body_breaks_the_reader(body: Any) -> None:
    """Whatever JSON comes, it is understood or refused."""
    sent = {"max_tokens": 5} | complete(body) if isinstance(body, dict) else body
    found = anthropic.read(request(orjson.dumps(sent)), moment(CLAUDE))

    assert isinstance(found, Ask | Refusal)


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "auto"}, ["get_weather", "now"]),
        ({"type": "any", "disable_parallel_tool_use": False}, ["get_weather", "now"]),
        ({"type": "auto", "disable_parallel_tool_use": True}, ["get_weather"]),
    ],
)
def test_several_tools_at_once(choice: dict[str, Any], names: list[str]) -> None:
    """All that the question names, unless the request forbids it."""
    found = asked(
        tools=[TOOL, OTHER], tool_choice=choice, messages=[{"role": "user", "content": "now get_weather"}]
    )

    assert [tool.name for tool in found.tools] == names


def begun(content: Any, model: str = "m") -> dict[str, Any]:
    talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": content}]
    return {"messages": talk, "model": model}


@pytest.mark.parametrize("content", ["Well", [{"type": "text", "text": "Well"}]])
def test_an_answer_that_is_begun(content: Any) -> None:
    """The answer goes on from there."""
    assert (asked(**begun(content)).prefix, asked(**begun(content)).onset) == ("Well", "rest")


@pytest.mark.parametrize("content", ["Well ", "Well\n", [{"type": "text", "text": "Well\t"}]])
def test_an_answer_must_not_be_begun_with_a_blank_at_its_end(content: Any) -> None:
    """A 400 in their words."""
    words = "messages: final assistant content cannot end with trailing whitespace"

    assert refused(**begun(content)).message == words


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("claude-haiku-4-5", True),
        ("claude-opus-4-20250514", True),
        ("claude-sonnet-4-6", False),
        ("claude-haiku-5-5", False),
        ("m", True),
    ],
)
def test_newer_models_take_no_beginning(model: str, *, takes: bool) -> None:
    """Since 4.6 the last word is the user's."""
    of = replace(CLAUDE, models=(model,))
    found = anthropic.WIRE.read(request(**begun("Well", model)), moment(of))

    assert isinstance(found, Refusal) is not takes
    if isinstance(found, Refusal):
        assert "does not support assistant message prefill" in found.message
