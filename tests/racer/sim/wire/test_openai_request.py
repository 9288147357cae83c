"""Requests of the OpenAI dialect: what is understood, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given

from racer.sim.exchange import Ask, Refusal, Request, Unfinished
from racer.sim.profile import Provider
from racer.sim.wire import openai
from racer.sim.wire.openai_request import FIELDS, masked
from tests.racer.sim.bodies import openai_bodies
from tests.racer.sim.scenes import KEY, TOOL, chat, flavoured, moment, read_ask, read_refusal

SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
NAMED = {"type": "function", "function": {"name": "get_weather"}}


def user(content: Any) -> list[Any]:
    return [{"role": "user", "content": content}]


def test_a_plain_question() -> None:
    """Model and words; everything else is as usual."""
    assert read_ask(openai.WIRE, chat()) == Ask(model="m", prompt="hi", stream=False)


def test_every_option_is_read() -> None:
    """What has a meaning here ends up in the Ask."""
    ask = read_ask(
        openai.WIRE,
        chat(
            key=KEY,
            stream=True,
            stream_options={"include_usage": True, "include_obfuscation": False},
            max_tokens=5,
            stop="END",
            seed=1,
            temperature=0.5,
            top_p=1,
            unheard_of=True,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
        ),
    )

    assert ask == Ask(
        model="m",
        prompt="hi",
        stream=True,
        key=KEY,
        max_tokens=5,
        stop=("END",),
        json=True,
        schema=SCHEMA,
        usage=True,
        padding=False,
    )


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"stop": ["a", "b"]}, "stop", ("a", "b")),
        ({"max_completion_tokens": 3, "max_tokens": 9}, "max_tokens", 3),
        ({"max_tokens": None}, "max_tokens", None),
        ({"stream": False}, "stream", False),
        ({"response_format": {"type": "text"}}, "json", False),
        ({"response_format": {"type": "json_object"}}, "json", True),
        ({"tools": [TOOL]}, "tools", ()),
        ({"tools": [TOOL], "tool_choice": "none", "messages": user("get_weather!")}, "tools", ()),
        ({"messages": [*user("hi"), {"role": "assistant", "content": "Well,"}]}, "prefix", "Well,"),
        (
            {
                "messages": user(
                    [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "b"}}]
                )
            },
            "prompt",
            "a\nb",
        ),
        (
            {"messages": user([{"type": "input_audio", "input_audio": {}}])},
            "prompt",
            '{"type":"input_audio","input_audio":{}}',
        ),
    ],
)
def test_forms_that_are_understood(fields: dict[str, Any], field: str, value: Any) -> None:
    """Each legal form is read."""
    assert getattr(read_ask(openai.WIRE, chat(**fields)), field) == value


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_choice": "required"},
        {"tool_choice": "any"},
        {"tool_choice": NAMED},
        {"messages": user("what does get_weather say?")},
        {"messages": user("what does get_weather say?"), "tool_choice": "auto"},
    ],
)
def test_when_a_tool_is_called(fields: dict[str, Any]) -> None:
    """When it is required or named, or when the question names it."""
    (tool,) = read_ask(openai.WIRE, chat(tools=[TOOL], **fields)).tools

    assert tool.name == "get_weather"
    assert tool.parameters["required"] == ["city"]


def test_a_tool_is_not_called_twice() -> None:
    """After the tool's result the model speaks."""
    call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [
        *user("get_weather"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "sunny"},
    ]

    ask = read_ask(openai.WIRE, chat(tools=[TOOL], messages=messages))

    assert (ask.tools, ask.prefix) == ((), "")


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"model": None}, "model", "model"),
    ({"model": 3}, "model", "model"),
    ({"messages": None}, "messages", "Missing required parameter: 'messages'"),
    ({"messages": "hi"}, "messages", "expected an array"),
    ({"messages": []}, "messages", "empty array"),
    ({"messages": ["hi"]}, "messages.0", "expected an object"),
    ({"messages": [{"role": "boss", "content": "hi"}]}, "messages.0.role", "'boss'"),
    ({"messages": [{"content": "hi"}]}, "messages.0.role", "None"),
    ({"messages": user(3)}, "messages.0.content", "a text or an array of parts"),
    ({"messages": user(None)}, "messages.0.content", "null"),
    ({"messages": [{"role": "assistant"}]}, "messages.0.content", "null"),
    ({"messages": user([{"type": "text"}])}, "messages.0.content", "Invalid part"),
    ({"messages": user(["x"])}, "messages.0.content", "Invalid part"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id", "tool_call_id"),
    ({"stream_options": {}}, "stream_options", "only allowed when 'stream' is enabled"),
    ({"response_format": {"type": "yaml"}}, "response_format", "json_schema"),
    ({"response_format": {"type": "json_schema"}}, "response_format", "json_schema"),
    ({"tools": [{}]}, "tools.0.function.name", "tools[0].function.name"),
    ({"tools": [{"function": {"name": "f", "parameters": 3}}]}, "tools.0.function.parameters", "object"),
    ({"tool_choice": "always"}, "tool_choice", "'required'"),
    ({"tool_choice": "required"}, "tool_choice", "'tools'"),
    ({"tool_choice": NAMED}, "tool_choice", "get_weather"),
]


@pytest.mark.parametrize(("fields", "subject", "words"), REFUSED)
def test_what_is_refused(fields: dict[str, Any], subject: str, words: str) -> None:
    """The refusal names the field and says what was expected."""
    refusal = read_refusal(openai.WIRE, chat(**fields))

    assert (refusal.why, refusal.subject) == ("bad_field", subject)
    assert words in refusal.message


def test_an_unknown_model() -> None:
    """By its name; a tag is no business of this dialect."""
    for name in ("gone", "m:latest"):
        refusal = read_refusal(openai.WIRE, chat(model=name))
        assert (refusal.why, refusal.subject) == ("no_model", name)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_field_has_a_type(name: str) -> None:
    """A value of a wrong type is refused by the field's name."""
    wrong: dict[str, Any] = {name: 2 if name == "n" else 1.5e9}
    refusal = read_refusal(openai.WIRE, chat(**wrong))

    assert refusal.subject == name
    assert FIELDS[name][1] in refusal.message


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b'{"a": NaN}', b"\xff"])
def test_what_is_no_json_object(body: bytes) -> None:
    """Anything but an object is refused as such."""
    request = Request("POST", "/v1/chat/completions", {}, body)

    assert read_refusal(openai.WIRE, request).why == "bad_json"


@pytest.mark.parametrize(
    ("key", "why"), [(None, "no_key"), ("wrong", "bad_key"), (KEY + "2", "bad_key"), ("wrong key", "bad_key")]
)
def test_keys_are_checked_where_there_is_a_list(key: str | None, why: str) -> None:
    """Before anything else is looked at."""
    refusal = read_refusal(openai.WIRE, chat(key=key, messages=None), flavoured("openai", keys=(KEY,)))

    assert refusal.why == why


def test_the_right_key_is_let_in() -> None:
    """And it is known which it was."""
    assert read_ask(openai.WIRE, chat(key=KEY), flavoured("openai", keys=(KEY,))).key == KEY


def test_other_schemes_are_no_key() -> None:
    """A key that is not a bearer token is not there."""
    request = Request("POST", "/v1/chat/completions", {"Authorization": f"Basic {KEY}"}, chat().body)

    assert read_refusal(openai.WIRE, request, flavoured("openai", keys=(KEY,))).why == "no_key"


@pytest.mark.parametrize(("key", "shown"), [("short", "***"), ("abcdefghijklmnop", "abcd***mnop")])
def test_a_wrong_key_comes_back_masked(key: str, shown: str) -> None:
    """As OpenAI does: its beginning and its end."""
    assert masked(key) == shown


@pytest.mark.parametrize("name", ["stream_options", "seed", "max_completion_tokens", "user"])
def test_mistral_refuses_what_it_does_not_know(name: str) -> None:
    """Strictly, by name."""
    sent: dict[str, Any] = {name: "any value"}
    refusal = read_refusal(openai.WIRE, chat(stream=True, **sent), flavoured("mistral"))

    assert (refusal.why, refusal.subject) == ("unknown_field", name)


def test_a_provider_may_refuse_a_field() -> None:
    """`refuses` in the profile: as a reasoning model refuses max_tokens."""
    refusal = read_refusal(
        openai.WIRE, chat(max_tokens=3), flavoured("openai", refuses=frozenset({"max_tokens"}))
    )

    assert (refusal.why, refusal.subject) == ("unknown_field", "max_tokens")


@pytest.mark.parametrize(("flavour", "refused"), [("openai", True), ("groq", True), ("cerebras", False)])
def test_json_mode_wants_the_word(flavour: str, *, refused: bool) -> None:
    """OpenAI and Groq refuse JSON mode when no message speaks of JSON."""
    wanted: dict[str, Any] = {"response_format": {"type": "json_object"}}
    found = openai.read(chat(**wanted), moment(flavoured(flavour)))

    assert isinstance(found, Refusal) is refused
    assert read_ask(openai.WIRE, chat(messages=user("in JSON please"), **wanted), flavoured(flavour)).json


def test_together_wants_stops_in_a_list() -> None:
    """A single text is refused there."""
    assert read_refusal(openai.WIRE, chat(stop="x"), flavoured("together")).subject == "stop"
    assert read_ask(openai.WIRE, chat(stop=["x"]), flavoured("together")).stop == ("x",)


def test_ollama_reads_over_what_it_does_not_know() -> None:
    """Its OpenAI face ignores tool_choice and the newer cap, and knows models by their full names."""
    local = Provider("ollama", dialect="ollama", flavour="ollama", models=("llama3.2",))

    ask = read_ask(
        openai.WIRE,
        chat(model="llama3.2:latest", tools=[TOOL], tool_choice="required", max_completion_tokens=3),
        local,
    )

    assert (ask.tools, ask.max_tokens) == ((), None)


@given(openai_bodies())
def test_no_body_breaks_the_reader(body: Any) -> None:
    """Whatever JSON comes, it is understood or refused."""
    request = Request("POST", "/v1/chat/completions", {}, orjson.dumps(body))

    assert isinstance(openai.read(request, moment()), Ask | Refusal)


TWO = [TOOL, {"type": "function", "function": {"name": "now"}}]
BOTH = user("get_weather and now")


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, ["get_weather", "now"]),
        ({"tool_choice": "required"}, ["get_weather", "now"]),
        ({"parallel_tool_calls": True}, ["get_weather", "now"]),
        ({"parallel_tool_calls": False}, ["get_weather"]),
        ({"tool_choice": NAMED}, ["get_weather"]),
        ({"tool_choice": "none"}, []),
    ],
)
def test_several_tools_at_once(fields: dict[str, Any], names: list[str]) -> None:
    """All that the question names, where the request lets it."""
    ask = read_ask(openai.WIRE, chat(tools=TWO, messages=BOTH, **fields))

    assert [tool.name for tool in ask.tools] == names


BEGUN = {"role": "assistant", "content": "Well,"}


@pytest.mark.parametrize(
    ("flavour", "last", "onset"),
    [
        ("generic", BEGUN, "rest"),
        ("groq", BEGUN, "rest"),
        ("openai", BEGUN, "anew"),
        ("mistral", BEGUN | {"prefix": True}, "echo"),
    ],
)
def test_a_last_turn_of_the_assistant(flavour: str, last: dict[str, Any], onset: str) -> None:
    """The beginning of the answer, or a turn like others: as the provider has it."""
    ask = read_ask(openai.WIRE, chat(messages=[*user("hi"), last]), flavoured(flavour))

    assert (ask.prompt, ask.prefix, ask.onset) == ("hi", "Well,", onset)


@pytest.mark.parametrize("last", [BEGUN, BEGUN | {"prefix": False}])
def test_mistral_wants_the_mark(last: dict[str, Any]) -> None:
    """A 400 in words of its own."""
    of = flavoured("mistral")
    refusal = read_refusal(openai.WIRE, chat(messages=[*user("hi"), last]), of)
    reply = openai.WIRE.refuse(refusal, moment(of))

    assert reply.status == 400
    assert orjson.loads(reply.body) == {
        "object": "error",
        "message": (
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"
        ),
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }


def test_an_answer_that_broke_off() -> None:
    """The last two turns are kept apart, with the conversation before."""
    ask = read_ask(openai.WIRE, chat(messages=[*user("hi"), BEGUN, *user("Go on")]))

    assert ask.broken == Unfinished("hi", "Well,", "Go on")
    assert (ask.prompt, ask.prefix) == ("hi\nWell,\nGo on", "")
