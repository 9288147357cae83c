"""Ollama's surface: every field of a body, and its errors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ollama import Options
from ollama._types import ChatRequest

from racer.core.reply import Reply
from racer.server.ollama import (
    CONTEXT,
    HELD,
    ITS_OWN,
    NO_EFFECT,
    PENALTIES,
    SAMPLING,
    SURFACE,
    USED,
    without_latest,
)
from racer.server.question import Refused
from racer_adapters.types import Usage
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.provider import Lane

ASKED = [{"role": "user", "content": "hi"}]
OTHER = lane("groq/m")


def kin(id_: str) -> Lane:
    made = lane(id_)
    return replace(made, provider=replace(made.provider, dialect="ollama"))


LANES = (kin("box/m"), OTHER)


def question(**body: Any) -> Any:
    return SURFACE.question({"model": "auto", "messages": ASKED, **body}, LANES)


def refused(**body: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        question(**body)
    return caught.value


def test_the_least_question() -> None:
    """It is streamed, and thoughts are shown."""
    asked = question()

    assert (asked.messages, asked.options, asked.model) == (ASKED, {}, "auto")
    assert asked.stream
    assert asked.echo == {"thoughts": True}


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("auto:latest", {}), ("auto:fast", {"task": "fast"}), ("groq:latest", {"only": ["groq"]}),
        ("m:latest", {"only": ["box/m", "groq/m"]}), ("groq:latest, auto:latest", {"prefer": ["groq"]}),
    ],
)  # fmt: skip
def test_names(model: str, options: dict[str, Any]) -> None:
    """As its clients write them."""
    assert question(model=model).options == options
    assert without_latest(4) == 4


def test_options_that_race_has() -> None:
    """They are its own; num_predict is how long an answer may be."""
    asked: dict[str, Any] = {"temperature": 0.5, "top_p": 0.9, "stop": ["x"], "seed": 4}

    assert question(options={**asked, "num_predict": 9}).options == {**asked, "max_tokens": 9}
    assert question(options={"num_predict": -1, "seed": -1, "stop": None}).options == {}
    assert question(options={"num_predict": 0}).options == {}


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("json", {"type": "json_object"}),
        ({"type": "object"}, {
            "type": "json_schema", "json_schema": {"name": "reply", "schema": {"type": "object"}},
        }),
    ],
)  # fmt: skip
def test_forms(form: object, wanted: dict[str, Any]) -> None:
    """Any JSON, or that of a schema."""
    assert question(format=form).options == {"response_format": wanted}


def test_tools() -> None:
    """As they are; none is none."""
    assert question(tools=[{"type": "function"}]).options == {"tools": [{"type": "function"}]}
    assert question(tools=[]).options == {}


def test_its_own_kind() -> None:
    """What Ollama alone knows goes on where nobody else can be asked."""
    asked = {"top_k": 7, "num_ctx": 2048, "presence_penalty": 0.5, "num_gpu": 1}
    options = question(model="box", options=asked, think="low").options

    assert options == {
        "only": ["box"],
        "extra": {
            "options": {"top_k": 7, "num_ctx": 2048, "presence_penalty": 0.5}, "think": "low",
        },
    }  # fmt: skip
    assert question(model="box", think=False).options["extra"] == {"think": False}
    assert question(model="box").options == {"only": ["box"]}


def test_others() -> None:
    """A level of thinking has another name there; what is about memory has no effect."""
    assert question(think="low").options == {"extra": {"reasoning_effort": "low"}}
    assert question(think=True).options == {}
    assert question(options={"presence_penalty": 0.5, "frequency_penalty": 0}).options == {
        "extra": {"presence_penalty": 0.5}
    }
    assert question(options={"num_ctx": 4096, "num_gpu": 1}, keep_alive="5m", truncate=True).options == {}


def test_thoughts_that_are_not_wanted() -> None:
    """They are kept out of the answer."""
    asked = question(think=False)
    reply = Reply("hello", "a", "m", Usage(), 1.0, "r", reasoning="hm")

    assert "thinking" not in SURFACE.whole(asked, reply)["message"]
    assert SURFACE.whole(question(), reply)["message"]["thinking"] == "hm"
    assert b"hello" in SURFACE.encoder(asked).end(reply)


@pytest.mark.parametrize(
    "body",
    [
        {"stream": None, "options": None, "format": "", "logprobs": False, "top_logprobs": 0},
        {"options": {}, "tools": [], "format": None, "think": None, "unknown": None},
    ],
)
def test_fields_that_say_nothing(body: dict[str, Any]) -> None:
    """Clients send them all the time; the answer is the same without."""
    assert question(**body) == question()


WRONG: list[tuple[str, object, str]] = [
    ("logprobs", True, "leave it out"), ("top_logprobs", 3, "leave it out"),
    ("template", "x", "leave it out"), ("temprature", 1, "not known"), ("temperature", 1, "not known"),
    ("stream", 1, "true or false"), ("think", "much", "one of low"), ("think", 3, "one of low"),
    ("format", "xml", '"json"'), ("format", [], '"json"'), ("tools", {}, "a list of tools"),
    ("options", [], "an object"), ("messages", None, "missing"), ("messages", "hi", "a list"),
    ("model", None, "missing"), ("model", 4, "no text"),
]  # fmt: skip
WRONG_OPTIONS: list[tuple[str, object, str]] = [
    ("top_k", 4, "Ollama's own"), ("mirostat", 1, "Ollama's own"), ("top_k", "x", "a number"),
    ("num_ctx", "x", "a number"), ("num_predict", 1.5, "a whole number"), ("num_predict", True, "whole"),
    ("presence_penalty", [], "a number"), ("unknown", 1, "not known"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "says"), WRONG)
def test_each_field_that_is_wrong(field: str, value: object, says: str) -> None:
    """400 with its name, and what to do instead."""
    told = refused(**{field: value})

    assert (told.status, told.param) == (400, field)
    assert says in told.message


def test_a_form_that_is_no_schema() -> None:
    """The place in it is named."""
    assert refused(format={"items": {"type": "nope"}}).param == "format.items.type"


@pytest.mark.parametrize(("field", "value", "says"), WRONG_OPTIONS)
def test_each_option_that_is_wrong(field: str, value: object, says: str) -> None:
    """The same."""
    told = refused(options={field: value})

    assert (told.status, told.param) == (400, f"options.{field}")
    assert says in told.message


@pytest.mark.parametrize(
    "field",
    [
        "base_url",
        "api_key",
        "headers",
        "extra_headers",
        "only",
        "policy",
        "extra",
        "cache",
        "deadline",
        "host",
    ],
)
def test_nothing_changes_where_a_request_goes(field: str) -> None:
    """Destination, headers and keys are the server's alone; also among the options, also for its own kind."""
    for model in ("auto", "box"):
        assert refused(model=model, **{field: "http://127.0.0.1/"}).code == "unknown_parameter"
        assert refused(model=model, options={field: 1}).code == "unknown_parameter"


def test_every_field_of_the_client() -> None:
    """Each is used, of no effect, or refused with words of its own."""
    for field in {*ChatRequest.model_fields} - {*USED, *NO_EFFECT}:
        assert refused(**{field: "x"}).code == "unsupported_parameter", field
    known = {*SAMPLING, *PENALTIES, *ITS_OWN, *HELD, CONTEXT, "num_predict"}
    assert {*Options.model_fields} <= known


def test_errors() -> None:
    """A text."""
    assert SURFACE.refusal(refused(n=1)) == {"error": refused(n=1).message}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "json", "user", "tool", "AAAA"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(
        ["role", "content", "images", "tool_calls", "function", "name", "arguments", "top_k", "num_predict"]
    ), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*USED, *NO_EFFECT, "x"]), VALUES))
def test_any_body(body: dict[str, Any]) -> None:
    """It is a question, or it is refused."""
    status = 0
    try:
        SURFACE.question(body, LANES)
    except Refused as told:
        status = told.status

    assert status in (0, 400, 404)
