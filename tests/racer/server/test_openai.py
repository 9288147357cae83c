"""OpenAI's surface: every field of a body, whole answers and chunks, errors."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from racer.core.piece import Piece
from racer.core.reply import Reply
from racer.server.openai import NO_EFFECT, OWN, PASSED_ON, SURFACE, USED, model_card, model_list
from racer.server.question import Refused
from racer.server.streaming import Opening
from racer_adapters.types import ToolCall, ToolDelta, Usage

ASKED = [{"role": "user", "content": "hi"}]
REPLY = Reply("hello", "groq", "m", Usage(3, 4), 1.0, "abc", finish_reason="stop", created=7)
# What the official client can send, and what it could before.
REFERENCE = {*CompletionCreateParamsBase.__annotations__, "stream", "functions", "function_call"}


def question(**body: Any) -> Any:
    return SURFACE.question({"model": "auto", "messages": ASKED, **body}, ())


def refused(**body: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        question(**body)
    return caught.value


def test_the_least_question() -> None:
    """A model and messages are all that is needed."""
    asked = question()

    assert (asked.messages, asked.options, asked.model) == (ASKED, {}, "auto")
    assert not asked.stream
    assert not asked.include_usage


def test_fields_that_race_has() -> None:
    """They are its options, under the same names."""
    given: dict[str, Any] = {
        "temperature": 0.5, "top_p": 0.9, "stop": ["x"], "seed": 4, "tools": [{}], "tool_choice": "auto",
        "response_format": {"type": "json_object"}, "max_tokens": 9,
    }  # fmt: skip

    assert question(**given).options == given
    assert question(max_completion_tokens=5, max_tokens=9).options == {"max_tokens": 5}
    assert question(model="groq,auto:fast").options == {"task": "fast", "prefer": ["groq"]}


def test_fields_that_are_passed_on() -> None:
    """Into the provider's body, as they are."""
    given = {
        "frequency_penalty": 0.5, "presence_penalty": -1, "logit_bias": {"50256": -100},
        "parallel_tool_calls": False, "reasoning_effort": "low", "verbosity": "high",
    }  # fmt: skip

    assert question(**given).options == {"extra": given}
    assert set(given) == set(PASSED_ON)


@pytest.mark.parametrize(
    "body",
    [
        {"n": 1, "logprobs": False, "top_logprobs": 0, "modalities": ["text"], "functions": []},
        {"frequency_penalty": 0, "presence_penalty": 0.0, "logit_bias": {}, "parallel_tool_calls": True},
        {
            "temperature": None,
            "tools": None,
            "stop": None,
            "stream": None,
            "stream_options": None,
            "audio": None,
        },
        {name: kinds[0]() for name, (kinds, _) in NO_EFFECT.items()},
        {"user": "ann", "store": True, "metadata": {"a": "b"}, "service_tier": "auto"},
        {"stream": False, "unknown": None},
    ],
)
def test_fields_that_say_nothing(body: dict[str, Any]) -> None:
    """Clients send them all the time; the answer is the same without."""
    assert question(**body) == question()


WRONG: list[tuple[str, object, str]] = [
    ("n", 2, "only be 1"), ("n", True, "only be 1"), ("n", "1", "only be 1"),
    ("logprobs", True, "leave it out"), ("top_logprobs", 3, "leave it out"),
    ("functions", [{}], "use tools"), ("function_call", "auto", "use tool_choice"),
    ("audio", {"voice": "x"}, "answers are text"), ("modalities", ["text", "audio"], "answers are text"),
    ("prediction", {}, "leave it out"), ("web_search_options", {}, "leave it out"),
    ("temprature", 1, "not known"),
    ("frequency_penalty", "x", "a number"), ("presence_penalty", True, "a number"),
    ("logit_bias", [1], "an object"), ("parallel_tool_calls", 0, "true or false"),
    ("user", {"a": 1}, "a text"), ("metadata", 5, "an object"), ("store", "x", "true or false"),
    ("store", 1, "true or false"), ("prompt_cache_key", True, "a text"), ("service_tier", [], "a text"),
    ("reasoning_effort", 4, "a text"), ("verbosity", {}, "a text"),
    ("max_tokens", 0, "above 0"), ("max_tokens", True, "above 0"), ("max_tokens", 1.5, "above 0"),
    ("max_completion_tokens", "x", "above 0"), ("max_completion_tokens", -1, "above 0"),
    ("stream", "yes", "true or false"), ("stream", 1, "true or false"),
    ("messages", None, "missing"), ("messages", "hi", "no list"), ("messages", {}, "no list"),
    ("model", None, "missing"), ("model", 4, "no text"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "says"), WRONG)
def test_each_field_that_is_wrong(field: str, value: object, says: str) -> None:
    """400 with its name, and what to do instead."""
    told = refused(**{field: value})

    assert (told.status, told.param) == (400, field)
    assert says in told.message


@pytest.mark.parametrize(
    "field",
    [
        "base_url", "api_base", "api_key", "api_version", "extra_headers", "extra_body", "extra_query",
        "headers",
        "timeout", "organization", "only", "exclude", "policy", "extra", "cache", "deadline", "valid", "into",
    ],
)  # fmt: skip
def test_nothing_changes_where_a_request_goes(field: str) -> None:
    """Destination, headers and keys are the server's alone, and so is what racer itself is told."""
    told = refused(**{field: "http://127.0.0.1/"})

    assert (told.status, told.param, told.code) == (400, field, "unknown_parameter")


@pytest.mark.parametrize(("field", "param"), [("", ""), ("a.b", "a.b"), ("\x1b[2J", "\\x1b[2J")])
def test_names_that_are_none(field: str, param: str) -> None:
    """Told as they are, but none steers a terminal."""
    told = refused(**{field: 1})

    assert told.param == param
    assert "is not taken" in told.message


def test_every_field_of_the_reference() -> None:
    """Each is used, passed on, of no effect, or refused with words of its own."""
    known = {*USED, *OWN, *PASSED_ON, *NO_EFFECT}

    for field in REFERENCE - known:
        assert refused(**{field: "x"}).code == "unsupported_parameter", field
    assert known <= REFERENCE


@pytest.mark.parametrize(
    ("options", "usage"),
    [
        (None, False), ({}, False), ({"include_usage": True}, True), ({"include_usage": False}, False),
        ({"include_usage": None}, False), ({"include_usage": True, "include_obfuscation": False}, True),
    ],
)  # fmt: skip
def test_usage_of_streams(options: object, *, usage: bool) -> None:
    """It comes where it is asked for."""
    asked = question(stream=True, stream_options=options)

    assert asked.stream
    assert asked.include_usage is usage


@pytest.mark.parametrize(
    ("stream", "options", "param"),
    [
        (True, [], "stream_options"), (True, {"more": 1}, "stream_options"), (False, {}, "stream_options"),
        (True, {"include_usage": 1}, "stream_options.include_usage"),
    ],
)  # fmt: skip
def test_wrong_options_of_streams(options: object, param: str, *, stream: bool) -> None:
    """Also where nothing is streamed."""
    assert refused(stream=stream, stream_options=options).param == param


def test_whole_answers() -> None:
    """The official client's own type takes them; thoughts stand where others put them."""
    reply = Reply(
        "", "groq", "m", Usage(3, 4), 1.0, "abc", reasoning="hm", tool_calls=(ToolCall("1", "add", "{}"),)
    )
    plain = ChatCompletion.model_validate(SURFACE.whole(question(), REPLY), strict=True)
    message = ChatCompletion.model_validate(SURFACE.whole(question(), reply)).choices[0].message

    assert plain.choices[0].message.content == "hello"
    assert "reasoning_content" not in SURFACE.whole(question(), REPLY)["choices"][0]["message"]
    assert (message.model_extra or {})["reasoning_content"] == "hm"
    assert message.tool_calls is not None


def chunks(*pieces: Piece, usage: bool = False, reply: Reply = REPLY) -> list[ChatCompletionChunk]:
    encoder = SURFACE.encoder(question(stream=True, stream_options={"include_usage": usage}))
    data = encoder.begin(Opening("abc", "groq", "m", 7))
    data += b"".join(encoder.piece(piece) for piece in pieces) + encoder.end(reply)
    *events, done, rest = data.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    return [
        ChatCompletionChunk.model_validate(orjson.loads(event.removeprefix(b"data: "))) for event in events
    ]


def test_chunks() -> None:
    """One for each piece, the role in the first alone, then why it ends."""
    first, second, last = chunks(Piece("hel", "hm"), Piece("lo"))

    assert first.choices[0].delta.model_dump(exclude_none=True) == {
        "role": "assistant", "content": "hel", "reasoning_content": "hm",
    }  # fmt: skip
    assert second.choices[0].delta.model_dump(exclude_none=True) == {"content": "lo"}
    assert last.choices[0].delta.model_dump(exclude_none=True) == {}
    assert (first.choices[0].finish_reason, last.choices[0].finish_reason) == (None, "stop")
    assert {(each.id, each.created, each.model) for each in (first, second, last)} == {
        ("chatcmpl-abc", 7, "groq/m")
    }
    assert "usage" not in second.model_fields_set


def test_chunks_of_a_call() -> None:
    """Index, id and name in the first fragment, arguments as they come."""
    opened = ToolDelta(0, "1", "add", '{"a"', "signed")
    first, second, last = chunks(
        Piece(tool_calls=(opened,)), Piece(tool_calls=(ToolDelta(0, arguments=":1}"), ToolDelta(1, "2",
        "sub"))),
        reply=Reply("", "groq", "m", Usage(), 1.0, "abc", tool_calls=(ToolCall("1", "add", '{"a":1}'),)),
    )  # fmt: skip

    (call,) = first.choices[0].delta.tool_calls or []
    assert call.model_dump(exclude_none=True) == {
        "index": 0, "id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a"'},
        "extra_content": {"google": {"thought_signature": "signed"}},
    }  # fmt: skip
    more, other = second.choices[0].delta.tool_calls or []
    assert more.model_dump(exclude_none=True) == {"index": 0, "function": {"arguments": ":1}"}}
    assert (other.index, other.id) == (1, "2")
    assert last.choices[0].finish_reason == "tool_calls"


def test_usage_comes_last() -> None:
    """In a chunk of its own, without choices; the others say that it is still to come."""
    first, _, last = chunks(Piece("hello"), usage=True)

    assert "usage" in first.model_fields_set
    assert first.usage is None
    assert last.choices == []
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens) == (3, 4, 7)


def test_an_answer_without_pieces() -> None:
    """The role comes with the end."""
    (only,) = chunks(reply=Reply("", "groq", "m", Usage(), 1.0, "abc", finish_reason="length"))

    assert only.choices[0].delta.role == "assistant"
    assert only.choices[0].finish_reason == "length"


def test_what_is_no_piece() -> None:
    """A comment while the race is open, and an error in the stream, both also before it has begun."""
    encoder = SURFACE.encoder(question(stream=True))

    assert encoder.keep_alive() == b": waiting\n\n"
    event = encoder.broken(Refused(502, "broke", kind="server_error", code="stream_broken"))
    assert orjson.loads(event.removeprefix(b"data: ")) == {
        "error": {"message": "broke", "type": "server_error", "param": None, "code": "stream_broken"}
    }
    assert encoder.content_type.startswith("text/event-stream")


def test_lists_of_models() -> None:
    """In the form of the official client."""
    assert model_list([("auto", "racer")]) == {"object": "list", "data": [model_card("auto", "racer")]}
