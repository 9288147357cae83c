"""Requests of Ollama's own dialect."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.sim.exchange import Ask, Refusal, Request
from racer.sim.profile import Provider
from racer.sim.wire import ollama
from tests.racer.sim.bodies import ollama_bodies
from tests.racer.sim.scenes import KEY, TOOL, chat, moment, read_ask, read_refusal

LOCAL = Provider("ollama", dialect="ollama", flavour="ollama", models=("m", "tiny:1b"))
THINKER = Provider("ollama", dialect="ollama", flavour="ollama", models=("m",), reasoning=3)


def asked(of: Provider = LOCAL, path: str = "/api/chat", **fields: Any) -> Ask:
    return read_ask(ollama.WIRE, chat(path, **fields), of)


def refused(of: Provider = LOCAL, path: str = "/api/chat", **fields: Any) -> Refusal:
    return read_refusal(ollama.WIRE, chat(path, **fields), of)


def test_a_plain_question() -> None:
    """It streams unless told otherwise."""
    assert asked() == Ask(model="m", prompt="hi", stream=True)
    assert not asked(stream=False).stream


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"model": "m:latest"}, "model", "m:latest"),
        ({"model": "tiny:1b"}, "model", "tiny:1b"),
        ({"options": {"num_predict": 9, "seed": 1, "temperature": 0.1}}, "max_tokens", 9),
        ({"options": {"num_predict": -1}}, "max_tokens", None),
        ({"options": {"stop": "x"}}, "stop", ("x",)),
        ({"options": {"stop": ["x", "y"]}}, "stop", ("x", "y")),
        ({"options": None}, "stop", ()),
        ({"format": "json"}, "json", True),
        ({"format": ""}, "json", False),
        ({"format": {"type": "object"}}, "schema", {"type": "object"}),
        ({"tools": [TOOL]}, "tools", ()),
        ({"messages": [{"role": "user", "content": "a", "images": ["aGk="]}]}, "prompt", "a\naGk="),
        ({"messages": []}, "warm_up", True),
        ({"messages": None}, "warm_up", True),
        ({"think": False}, "reasoning", False),
    ],
)
def test_forms_that_are_understood(fields: dict[str, Any], field: str, value: Any) -> None:
    """Each legal form is read."""
    assert getattr(asked(**fields), field) == value


def test_a_tool_is_called_when_the_question_names_it() -> None:
    """Ollama has no tool_choice."""
    (tool,) = asked(tools=[TOOL], messages=[{"role": "user", "content": "get_weather in Rome"}]).tools

    assert tool.name == "get_weather"


@pytest.mark.parametrize(
    ("fields", "prompt", "warm_up"),
    [
        ({"prompt": "hi"}, "hi", False),
        ({"prompt": "hi", "system": "Be brief"}, "Be brief\nhi", False),
        ({}, "", True),
    ],
)
def test_generate(fields: dict[str, Any], prompt: str, *, warm_up: bool) -> None:
    """One text instead of messages; none at all loads the model."""
    ask = asked(path="/api/generate", messages=None, **fields)

    assert (ask.prompt, ask.warm_up, ask.surface) == (prompt, warm_up, "generate")


@pytest.mark.parametrize("think", [True, "low", "high"])
def test_thinking_needs_a_model_that_can(think: Any) -> None:
    """Refused by name where it cannot."""
    assert asked(THINKER, think=think).reasoning
    assert refused(think=think).message == '"m" does not support thinking'


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "model is required"),
    ({"model": 3}, "field model of type string"),
    ({"messages": "hi"}, "field messages of type array"),
    ({"messages": ["hi"]}, "field messages of type Message"),
    ({"messages": [{"role": "boss", "content": "hi"}]}, "invalid role: boss"),
    ({"messages": [{"role": "user", "content": 3}]}, "field content of type string"),
    ({"stream": "yes"}, "field stream of type bool"),
    ({"options": 3}, "field options of type map"),
    ({"options": {"num_predict": "x"}}, 'option "num_predict" must be of type integer'),
    ({"options": {"temperature": "x"}}, 'option "temperature" must be of type float32'),
    ({"options": {"stop": 3}}, 'option "stop" must be of type array'),
    ({"format": "yaml"}, "invalid format: 'yaml'"),
    ({"think": "much"}, "invalid think value: 'much'"),
    ({"tools": [{}]}, "field tools of type Tool"),
    ({"tools": 3}, "field tools of type array"),
]


@pytest.mark.parametrize(("fields", "words"), REFUSED)
def test_what_is_refused(fields: dict[str, Any], words: str) -> None:
    """In the words of a Go server."""
    refusal = refused(**fields)

    assert refusal.why == "bad_field"
    assert words in refusal.message


@pytest.mark.parametrize(
    ("body", "why"), [(b"", "bad_field"), (b"{", "bad_json"), (b"[]", "bad_json"), (b"\xff", "bad_json")]
)
def test_what_is_no_json_object(body: bytes, why: str) -> None:
    """A missing body is told apart from a broken one."""
    assert read_refusal(ollama.WIRE, Request("POST", "/api/chat", {}, body), LOCAL).why == why


def test_an_unknown_model() -> None:
    """By its name."""
    refusal = refused(model="gone")

    assert (refusal.why, refusal.subject) == ("no_model", "gone")


def test_keys_are_only_for_the_cloud() -> None:
    """A local server reads none; with a list of keys they are checked."""
    cloud = Provider("ollama", dialect="ollama", models=("m",), keys=(KEY,))

    assert asked(key="anything").key == "anything"
    assert asked(cloud, key=KEY).key == KEY
    assert refused(cloud).why == "no_key"
    assert refused(cloud, key="wrong").why == "bad_key"


@given(ollama_bodies(), st.sampled_from(["/api/chat", "/api/generate"]))
def test_no_body_breaks_the_reader(body: Any, path: str) -> None:
    """Whatever JSON comes, it is understood or refused."""
    request = Request("POST", path, {}, orjson.dumps(body))

    assert isinstance(ollama.read(request, moment(LOCAL)), Ask | Refusal)


def test_several_tools_at_once() -> None:
    """All that the question names."""
    other = {"type": "function", "function": {"name": "now"}}
    found = asked(tools=[TOOL, other], messages=[{"role": "user", "content": "get_weather now"}])

    assert [tool.name for tool in found.tools] == ["get_weather", "now"]
