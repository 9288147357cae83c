"""Anthropic's surface: every field of a body, and its errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsBase
from hypothesis import given
from hypothesis import strategies as st

from racer.core.reply import Reply
from racer.server.anthropic import NO_EFFECT, SURFACE, THINKING, USED, estimated
from racer.server.question import Refused
from racer_adapters.types import Usage
from tests.core.lanes import lane

ASKED = [{"role": "user", "content": "hi"}]
TOOL = {"name": "add", "description": "adds", "input_schema": {"type": "object"}, "strict": True}
CALLED: list[dict[str, Any]] = [
    {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "add", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "2"}]},
]
OWN = lane("claude/m")
LANES = (replace(OWN, provider=replace(OWN.provider, dialect="anthropic")), lane("groq/m"))


def question(**body: Any) -> Any:
    return SURFACE.question({"model": "auto", "max_tokens": 9, "messages": ASKED, **body}, LANES)


def refused(**body: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        question(**body)
    return caught.value


def test_the_least_question() -> None:
    """Model, messages and max_tokens are all that is needed; thoughts are not shown."""
    asked = question()

    assert (asked.messages, asked.options, asked.model) == (ASKED, {"max_tokens": 9}, "auto")
    assert not asked.stream
    assert asked.echo == {"thoughts": False}
    assert question(stream=True).stream


def test_fields_that_race_has() -> None:
    """They are its options, under its own names."""
    asked = question(temperature=0.5, top_p=0.9, stop_sequences=["x"], system="Be brief.")

    assert asked.options == {"max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "stop": ["x"]}
    assert asked.messages[0] == {"role": "system", "content": "Be brief."}
    assert question(model="groq,auto:fast").options["prefer"] == ["groq"]


def test_tools() -> None:
    """As functions; what is about caches and the like is left out."""
    options = question(tools=[{**TOOL, "type": "custom", "cache_control": {}, "defer_loading": True}]).options

    assert options["tools"] == [{
        "type": "function",
        "function": {"name": "add", "description": "adds", "parameters": {"type": "object"}, "strict": True},
    }]  # fmt: skip
    assert question(tools=[], stop_sequences=[]).options == {"max_tokens": 9}


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ({"type": "auto", "disable_parallel_tool_use": False}, "auto"), ({"type": "any"}, "required"),
        ({"type": "none"}, "none"),
        ({"type": "tool", "name": "add"}, {"type": "function", "function": {"name": "add"}}),
    ],
)  # fmt: skip
def test_choices_of_tools(choice: dict[str, Any], wanted: object) -> None:
    """In OpenAI's words."""
    options = question(tools=[TOOL], tool_choice=choice).options

    assert options["tool_choice"] == wanted
    assert "extra" not in options


def test_one_call_at_once() -> None:
    """Each kind of provider has its own word for it."""
    choice = {"type": "any", "disable_parallel_tool_use": True}

    assert question(tools=[TOOL], tool_choice=choice).options["extra"] == {"parallel_tool_calls": False}
    own = question(model="claude", tools=[TOOL], tool_choice=choice).options
    assert own["extra"] == {"tool_choice": choice}


@pytest.mark.parametrize("field", ["output_config", "output_format"])
def test_forms(field: str) -> None:
    """A schema, in its newer or its older place."""
    form = {"type": "json_schema", "schema": {"type": "object"}}
    value = {"format": form, "effort": "low"} if field == "output_config" else form

    assert question(**{field: value}).options == {
        "max_tokens": 9,
        "response_format": {
            "type": "json_schema", "json_schema": {"name": "reply", "schema": {"type": "object"}},
        },
    }  # fmt: skip


@pytest.mark.parametrize("kind", THINKING)
def test_thinking(kind: str) -> None:
    """It is Anthropic's own models' to know; it always says whether thoughts are shown."""
    thinking = {"type": kind}
    reply = Reply("hello", "a", "m", Usage(), 1.0, "r", reasoning="hm")
    asked = question(thinking=thinking)

    assert asked.options == {"max_tokens": 9}
    assert asked.echo == {"thoughts": kind != "disabled"}
    assert (len(SURFACE.whole(asked, reply)["content"]) == 2) is (kind != "disabled")
    assert (b"hm" in SURFACE.encoder(asked).end(reply)) is (kind != "disabled")
    assert question(model="claude", thinking=thinking).options["extra"] == {"thinking": thinking}
    assert question(thinking={**thinking, "display": "omitted"}).echo == {"thoughts": False}


def test_thinking_behind_results() -> None:
    """It would need the signed thoughts of before: it is not passed on."""
    asked = question(model="claude", thinking={"type": "adaptive"}, messages=CALLED)

    assert asked.options == {"max_tokens": 9, "only": ["claude"]}
    assert asked.echo == {"thoughts": True}


def test_its_own_models() -> None:
    """They get what they alone know."""
    asked = question(model="claude", top_k=4, output_config={"effort": "low"})

    assert asked.options["extra"] == {"top_k": 4, "output_config": {"effort": "low"}}


@pytest.mark.parametrize(
    "body",
    [
        dict.fromkeys(NO_EFFECT, "x"),
        {"system": None, "tools": None, "thinking": None, "tool_choice": None, "unknown": None},
        {"output_config": {}, "stream": False, "system": ""},
    ],
)
def test_fields_that_say_nothing(body: dict[str, Any]) -> None:
    """Clients send them all the time; the answer is the same without."""
    assert question(**body) == question()


SERVED_TOOL = {"type": "web_search_20260101", "name": "web_search"}
WRONG: list[tuple[str, object, str, str]] = [
    ("max_tokens", None, "max_tokens", "missing"), ("messages", None, "messages", "missing"),
    ("model", None, "model", "missing"), ("model", 4, "model", "no text"),
    ("stream", 1, "stream", "true or false"), ("top_k", 4, "top_k", "Anthropic's own"),
    ("top_k", "x", "top_k", "a whole number"), ("top_k", True, "top_k", "a whole number"),
    ("thinking", 4, "thinking", "adaptive"), ("thinking", {"type": "much"}, "thinking.type", "adaptive"),
    ("stop_sequences", "x", "stop_sequences", "a list"), ("tools", {}, "tools", "a list"),
    ("tools", [4], "tools[0]", "input_schema"), ("tools", [SERVED_TOOL], "tools[0].type", "of your own"),
    ("tools", [{"name": "add"}], "tools[0].input_schema", "a JSON schema"),
    ("tools", [{**TOOL, "name": 4}], "tools[0].name", "the name"),
    ("tools", [{**TOOL, "parameters": {}}], "tools[0].parameters", "input_schema"),
    ("tool_choice", "auto", "tool_choice", "an object"), ("tool_choice", {}, "tool_choice.type", "any"),
    ("tool_choice", {"type": "tool"}, "tool_choice.name", "one of the tools"),
    ("tool_choice", {"type": "auto", "x": 1}, "tool_choice.x", "not known"),
    ("tool_choice", {"type": "any", "disable_parallel_tool_use": 1},
     "tool_choice.disable_parallel_tool_use", "true or false"),
    ("output_config", [], "output_config", "an object"),
    ("output_config", {"x": 1}, "output_config.x", "use format"),
    ("output_config", {"effort": 4}, "output_config.effort", "a text"),
    ("output_config", {"format": 4}, "output_config.format", "an object"),
    ("output_config", {"format": {"type": "text"}}, "output_config.format.type", "json_schema"),
    ("output_format", {"type": "json_schema"}, "output_format.schema", "a JSON schema"),
    ("output_format", {"type": "json_schema", "schema": {"type": "nope"}}, "output_format.schema.type",
     "one of"),
    ("output_format", {"type": "json_schema", "x": 1}, "output_format.x", "not known"),
    ("container", "x", "container", "leave it out"), ("temprature", 1, "temprature", "not known"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "param", "says"), WRONG)
def test_each_field_that_is_wrong(field: str, value: object, param: str, says: str) -> None:
    """400 with its name, and what to do instead."""
    told = refused(**{field: value})

    assert (told.status, told.param) == (400, param)
    assert says in told.message


@pytest.mark.parametrize(
    "field",
    [
        "base_url", "api_key", "headers", "extra_headers", "extra_body", "betas", "only", "policy", "extra",
        "cache", "deadline", "mcp_servers", "inference_geo",
    ],
)  # fmt: skip
def test_nothing_changes_where_a_request_goes(field: str) -> None:
    """Destination, headers and keys are the server's alone, also for its own models."""
    for model in ("auto", "claude"):
        told = refused(model=model, **{field: "http://127.0.0.1/"})
        assert (told.status, told.param) == (400, field)


def test_every_field_of_the_client() -> None:
    """Each is used, of no effect, or refused with words of its own."""
    for field in {*MessageCreateParamsBase.__annotations__} - {*USED, *NO_EFFECT}:
        assert refused(**{field: "x"}).code == "unsupported_parameter", field


def test_counting() -> None:
    """Without max_tokens; more words and tools are more tokens."""
    body = {"model": "auto", "messages": ASKED}
    counts = [
        estimated(SURFACE.counted({**body, **more}, LANES))
        for more in ({}, {"system": "Be brief."}, {"tools": [TOOL]})
    ]

    assert 0 < counts[0] < counts[1] < counts[2]


def test_errors() -> None:
    """In Anthropic's form."""
    assert SURFACE.refusal(refused(n=1))["error"]["type"] == "invalid_request_error"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3)
    | st.sampled_from(["", "user", "assistant", "text", "image", "tool_use", "tool_result", "auto", "AAAA"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(
        ["role", "content", "type", "text", "source", "id", "name", "input", "tool_use_id", "format"]
    ), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*USED, *NO_EFFECT, "x"]), VALUES))
def test_any_body(body: dict[str, Any]) -> None:
    """It is a question, or it is refused."""
    status = 0
    try:
        SURFACE.counted(body, LANES)
    except Refused as told:
        status = told.status

    assert status in (0, 400, 404)
