"""Requests of Perplexity's Agent API, and of OpenAI's client for its Responses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given

from racer.sim.exchange import Ask, Refusal, Request
from racer.sim.profile import Provider
from racer.sim.wire import responses
from racer_adapters.contract import CALLS
from racer_adapters.responses import RESPONSES
from racer_adapters.types import Target
from tests.racer.sim.bodies import JSON, Bodies, nearly, schemas, some
from tests.racer.sim.scenes import KEY, moment, read_ask, read_refusal

SONAR = Provider("a", dialect="responses", models=("m", "n"))
TOOL = {"type": "function", "name": "add", "parameters": {"type": "object"}}
SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
FORM: dict[str, Any] = {"name": "x", "schema": SCHEMA}
NAMELESS: dict[str, Any] = {"type": "json_schema", "json_schema": {"schema": SCHEMA}}
TEXT = {"type": "input_text", "text": "a"}
SAID = {"type": "output_text", "text": "a"}
PICTURE = {"type": "input_image", "image_url": "b"}


def request(path: str = "/v1/responses", **fields: Any) -> Request:
    """A question; `fields` replace those of a good body, and None takes one away."""
    good = {"model": "m", "input": "hi"} | fields
    body = {name: value for name, value in good.items() if value is not None}
    return Request("POST", path, {}, orjson.dumps(body))


def asked(**fields: Any) -> Ask:
    return read_ask(responses.WIRE, request(**fields), SONAR)


def refused(of: Provider = SONAR, **fields: Any) -> Refusal:
    return read_refusal(responses.WIRE, request(**fields), of)


def test_a_plain_question() -> None:
    """By either door, with a key or without where none is asked for."""
    assert asked() == Ask(model="m", prompt="hi", stream=False, onset="anew")
    assert read_ask(responses.WIRE, request("/v1/agent", stream=True), SONAR).stream
    keyed = replace(request(), headers={"Authorization": f"Bearer {KEY}"})
    assert read_ask(responses.WIRE, keyed, SONAR).key == KEY


def items(*given: dict[str, Any]) -> dict[str, Any]:
    return {"input": list(given)}


def message(role: str, content: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


CALL = {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c", "output": "3"}


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"instructions": "Be brief."}, "prompt", "Be brief.\nhi"),
        (items(message("user", "a"), message("assistant", "b"), message("user", "c")), "prompt", "a\nb\nc"),
        (items({"role": "user", "content": "a"}), "prompt", "a"),
        (items(message("user", "a"), message("assistant", "b")), "prefix", "b"),
        (items(message("user", [TEXT, PICTURE])), "prompt", "a\nb"),
        (items(message("assistant", [SAID]), message("user", "b")), "prompt", "a\nb"),
        (items(message("user", "a"), CALL, RESULT), "prompt", "a\n{}\n3"),
        (items({"type": "reasoning", "summary": []}, message("user", "a")), "prompt", "\na"),
        ({"max_output_tokens": 9}, "max_tokens", 9),
        ({"models": ["n", "m"]}, "model", "n"),
        ({"model": None, "preset": "fast"}, "model", "m"),
        ({"response_format": {"type": "json_schema", "json_schema": FORM}}, "schema", SCHEMA),
        ({"text": {"format": {"type": "json_schema", **FORM}}}, "schema", SCHEMA),
        ({"text": {"format": {"type": "json_object"}}}, "json", True),
        ({"text": {"format": {"type": "text"}}}, "json", False),
        ({"text": {}}, "json", False),
        ({"tools": [TOOL]}, "tools", ()),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "tools", ()),
    ],
)  # fmt: skip
def test_forms_that_are_understood(fields: dict[str, Any], field: str, value: Any) -> None:
    """Each legal form is read."""
    assert getattr(asked(**fields), field) == value


@pytest.mark.parametrize(
    ("choice", "words", "name"),
    [
        (None, "now add", "add"),
        ("none", "now add", None),
        ("required", "hi", "add"),
        ({"type": "function", "name": "add"}, "hi", "add"),
    ],
)
def test_which_tool_is_called(choice: Any, words: str, name: str | None) -> None:
    """The one that the question names, or that must be called."""
    found = asked(input=words, tools=[{"type": "web_search"}, TOOL], tool_choice=choice).tools

    assert [tool.name for tool in found] == ([name] if name else [])


@pytest.mark.parametrize(
    ("fields", "why", "subject"),
    [
        ({"n": 2}, "unknown_field", "n"),
        ({"stop": ["x"]}, "unknown_field", "stop"),
        ({"temperature": 3}, "bad_field", "temperature"),
        ({"max_output_tokens": 0}, "bad_field", "max_output_tokens"),
        ({"model": "x"}, "no_model", "x"),
        ({"model": None}, "bad_field", "model"),
        ({"model": ""}, "bad_field", "model"),
        ({"input": None}, "bad_field", "input"),
        ({"input": ""}, "bad_field", "input"),
        ({"input": []}, "bad_field", "input"),
        (items({"type": "audio"}), "bad_field", "input"),
        (items({**CALL, "call_id": None}), "bad_field", "input"),
        (items({**RESULT, "output": 7}), "bad_field", "input"),
        (items(message("tool", "a")), "bad_field", "input"),
        (items(message("user", 7)), "bad_field", "input"),
        (items(message("user", [{"type": "text", "text": "a"}])), "bad_field", "input"),
        ({"response_format": {"type": "json_object"}}, "bad_field", "response_format"),
        ({"response_format": {"type": "json_schema"}}, "bad_field", "response_format"),
        ({"response_format": NAMELESS}, "bad_field", "response_format"),
        ({"tools": [{"type": "function"}]}, "bad_field", "tools"),
        ({"tools": [{"type": "function", "function": {"name": "add"}}]}, "bad_field", "tools"),
        ({"tools": [TOOL], "tool_choice": {"name": "sub"}}, "bad_field", "tool_choice"),
    ],
)  # fmt: skip
def test_forms_that_are_refused(fields: dict[str, Any], why: str, subject: str) -> None:
    """Each with what is wrong."""
    found = refused(**fields)

    assert (found.why, found.subject) == (why, subject)


def test_a_provider_may_refuse_a_field() -> None:
    """One that it knows, but this model does not."""
    assert refused(replace(SONAR, refuses=frozenset({"temperature"})), temperature=1).why == "unknown_field"


def test_a_body_that_is_no_json() -> None:
    """Nor an object."""
    for body in (b"", b"[]", b"{"):
        found = read_refusal(responses.WIRE, Request("POST", "/v1/responses", {}, body), SONAR)
        assert found.why == "bad_json"


@pytest.mark.parametrize("name", CALLS)
def test_what_our_dialect_sends_is_understood(name: str) -> None:
    """Every call of the contract, and nothing of it is left out."""
    sent = RESPONSES.encode(CALLS[name], Target("http://h/v1", "m"))
    body = orjson.loads(sent.body)
    body.pop("user", None)
    found = responses.read(Request("POST", "/v1/responses", {}, orjson.dumps(body)), moment(SONAR))

    assert isinstance(found, Ask)


def listed(value: Any) -> list[Any]:
    return [value]


def bodies() -> Bodies:
    part = nearly(type=some("input_text", "input_image"), text=some("a"), image_url=some("b"))
    item = nearly(
        type=some("message", "function_call", "function_call_output", "reasoning"),
        role=some("user", "assistant"),
        content=some("hi") | JSON | part.map(listed),
        call_id=some("c"),
        arguments=some("{}"),
        output=some("3"),
    )
    form = nearly(name=some("x"), schema=schemas())
    tool = nearly(type=some("function"), name=some("f"), parameters=JSON)
    return nearly(
        model=some("m"),
        input=some("hi") | JSON | item.map(listed),
        response_format=nearly(type=some("json_schema"), json_schema=form),
        text=nearly(format=form),
        tools=tool.map(listed) | JSON,
        tool_choice=some("auto", "required") | nearly(name=some("f")),
        stream=JSON,
    )


@given(bodies())
def test_nothing_breaks_the_reader(body: Any) -> None:
    """A question, or a refusal; never an exception."""
    found = responses.read(Request("POST", "/v1/responses", {}, orjson.dumps(body)), moment(SONAR))

    assert isinstance(found, Ask | Refusal)
