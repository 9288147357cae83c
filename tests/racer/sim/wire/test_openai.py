"""Answers of the OpenAI dialect, whole and streamed, in each flavour. The official client's tests are
in test_openai_client.py; here the bytes are looked at."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from racer.sim.exchange import Ask, Refusal, Reply, Request
from racer.sim.quota import Standing
from racer.sim.wire import openai
from racer.sim.wire.flavour import FLAVOURS
from tests.racer.sim.scenes import (
    KEY,
    calling,
    chat,
    events,
    flavoured,
    moment,
    read_ask,
    read_refusal,
    said,
    turn,
)

STREAM = Ask(model="m", prompt="hi", stream=True)
USAGE = Ask(model="m", prompt="hi", stream=True, usage=True)


def streamed(flavour: str, ask: Ask = STREAM) -> list[bytes]:
    frames = openai.stream(turn(flavoured(flavour), ask=ask))
    return [frames.opening, *frames.reasoning, *frames.tokens, frames.closing]


@pytest.mark.parametrize("root", ["", "/v1", "/api/v1", "/openai/v1"])
def test_every_root_leads_to_the_same(root: str) -> None:
    """Clients bring the root that the real provider has, or none."""
    assert read_ask(openai.WIRE, chat(f"{root}/chat/completions")).model == "m"
    assert isinstance(openai.read(Request("GET", f"{root}/models", {}), moment()), Reply)


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/embeddings", "/chat/completions/more"])
def test_other_paths_are_not_mine(path: str) -> None:
    """None leaves them to somebody else."""
    assert openai.read(Request("POST", path, {}), moment()) is None


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/chat/completions"), ("POST", "/v1/models")])
def test_other_methods_are_refused(method: str, path: str) -> None:
    """Each path has its method."""
    assert read_refusal(openai.WIRE, Request(method, path, {})).why == "method"


def test_models_are_listed_for_those_with_a_key() -> None:
    """The list needs a key where questions need one."""
    of = flavoured("openai", keys=(KEY,), context=4096)
    request = Request("GET", "/v1/models", {"Authorization": f"Bearer {KEY}"})

    found = openai.read(request, moment(of))

    assert isinstance(found, Reply)
    assert said(found)["data"][0] | {"created": 0} == {
        "id": "m",
        "object": "model",
        "created": 0,
        "owned_by": "a",
        "context_length": 4096,
    }
    assert read_refusal(openai.WIRE, Request("GET", "/v1/models", {}), of).why == "no_key"


@pytest.mark.parametrize("flavour", sorted(FLAVOURS))
def test_a_whole_answer(flavour: str) -> None:
    """Text, finish reason, usage, model: in every flavour at the same places."""
    reply = openai.whole(turn(flavoured(flavour)))
    body = said(reply)

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "One two three."}
    assert body["choices"][0]["finish_reason"] == ("eos" if flavour == "together" else "stop")
    assert body["usage"]["total_tokens"] == 6


@pytest.mark.parametrize("flavour", sorted(FLAVOURS))
def test_a_stream(flavour: str) -> None:
    """Role first, one frame a token, then the finish reason and the end marker."""
    opening, *tokens, closing = streamed(flavour)

    assert events(opening)[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [events(token)[0]["choices"][0]["delta"] for token in tokens] == [
        {"content": "One"},
        {"content": " two"},
        {"content": " three."},
    ]
    assert events(closing)[0]["choices"][0]["finish_reason"] == ("eos" if flavour == "together" else "stop")
    assert closing.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("flavour", sorted(FLAVOURS))
def test_all_chunks_of_one_answer_share_their_id(flavour: str) -> None:
    """Id, model and time are the same throughout."""
    chunks = events(b"".join(streamed(flavour, USAGE)))

    assert len({(chunk["id"], chunk["model"], chunk["created"]) for chunk in chunks}) == 1
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}


@pytest.mark.parametrize(
    ("flavour", "unasked", "asked"),
    [
        ("openai", [], ["choiceless"]),
        ("generic", [], ["choiceless"]),
        ("groq", [], ["choiceless"]),
        ("openrouter", ["choiceless"], ["choiceless"]),
        ("mistral", ["finish"], ["finish"]),
        ("together", ["finish"], ["finish"]),
    ],
)
def test_where_a_stream_tells_its_usage(flavour: str, unasked: list[str], asked: list[str]) -> None:
    """When asked, always, or in the last chunk: once, and not elsewhere."""

    def places(ask: Ask) -> list[str]:
        chunks = [chunk for chunk in events(b"".join(streamed(flavour, ask))) if chunk.get("usage")]
        assert all(chunk["usage"]["total_tokens"] == 6 for chunk in chunks)
        return ["finish" if chunk["choices"] else "choiceless" for chunk in chunks]

    assert (places(STREAM), places(USAGE)) == (unasked, asked)


def test_groq_tells_usage_its_own_way() -> None:
    """Under x_groq in the last chunk, asked or not."""
    opening, *_, closing = streamed("groq")

    assert "id" in events(opening)[0]["x_groq"]
    assert events(closing)[0]["x_groq"]["usage"]["total_tokens"] == 6


@pytest.mark.parametrize(("padding", "padded"), [(True, True), (False, False)])
def test_openai_pads_its_chunks(*, padding: bool, padded: bool) -> None:
    """The field `obfuscation` is there unless it was declined."""
    chunk = events(streamed("openai", Ask(model="m", prompt="hi", stream=True, padding=padding))[1])[0]

    assert ("obfuscation" in chunk) is padded


@pytest.mark.parametrize(("flavour", "field"), [("groq", "reasoning"), ("generic", "reasoning_content")])
def test_reasoning_has_a_field_of_its_own(flavour: str, field: str) -> None:
    """Streamed and whole, and never in the content."""
    thinking = turn(flavoured(flavour), "Yes.", reasoning=("Let", " me"))

    frames = openai.stream(thinking)

    deltas = [events(frame)[0]["choices"][0]["delta"] for frame in frames.reasoning]
    assert deltas == [{field: "Let"}, {field: " me"}]
    message = said(openai.whole(thinking))["choices"][0]["message"]
    assert (message[field], message["content"]) == ("Let me", "Yes.")


@pytest.mark.parametrize(("flavour", "count"), [("generic", 3), ("openai", 3), ("groq", 1), ("mistral", 1)])
def test_tool_calls_are_streamed(flavour: str, count: int) -> None:
    """In fragments that join to the arguments, or in one piece, as the provider does it."""
    calling = turn(flavoured(flavour), '{"a"', ":1}", tool="add", finish="tool_calls")

    frames = openai.stream(calling)

    calls = [events(frame)[0]["choices"][0]["delta"]["tool_calls"][0] for frame in frames.tokens]
    assert len(calls) == count
    assert (calls[0]["function"]["name"], calls[0]["type"]) == ("add", "function")
    assert calls[0]["id"].startswith("call_")
    assert "".join(call["function"]["arguments"] for call in calls) == '{"a":1}'
    assert {call["index"] for call in calls} == {0}
    assert events(frames.opening)[0]["choices"][0]["delta"]["content"] is None


def test_a_tool_call_in_one_body() -> None:
    """No content, one call, and the finish reason says so."""
    choice = said(openai.whole(turn(None, '{"a":1}', tool="add", finish="tool_calls")))["choices"][0]

    assert (choice["message"]["content"], choice["finish_reason"]) == (None, "tool_calls")
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a":1}'}


@pytest.mark.parametrize("text", ['"quoted"', "back\\slash", "line\nbreak", "naïve 🐱", "\0"])
def test_any_text_survives_the_framing(text: str) -> None:
    """Quotes, breaks, letters of all kinds."""
    frames = openai.stream(turn(None, text))

    assert events(frames.tokens[0])[0]["choices"][0]["delta"]["content"] == text


def test_limit_headers_come_with_answers() -> None:
    """Streamed and whole alike."""
    of = flavoured("openai")
    standing = Standing("requests", "minute", 60.0, 10, 3, 20.0)
    counted = turn(of)
    counted = type(counted)(moment(of, standings=(standing,)), counted.ask, counted.answer)

    for headers in (openai.whole(counted).headers, openai.stream(counted).headers):
        assert headers["x-ratelimit-remaining-requests"] == "7"
        assert headers["x-request-id"] == "req-7"


@pytest.mark.parametrize(
    ("flavour", "begins"),
    [
        ("generic", b'data: {"error":{'),
        ("groq", b'event: error\ndata: {"error":{'),
        ("cerebras", b'data: {"error":{"message"'),
        ("openrouter", b'data: {"id":"gen-'),
        ("mistral", b'data: {"id":"a7"'),
        ("ollama", b'data: {"id":"chatcmpl-'),
    ],
)
def test_error_frames(flavour: str, begins: bytes) -> None:
    """Each provider breaks off in its own way."""
    assert openai.error_frame(Refusal("server"), turn(flavoured(flavour))).startswith(begins)


def test_what_error_frames_hold() -> None:
    """OpenRouter: error and finish reason in a chunk. Mistral: the finish reason alone. Cerebras: the
    status beside it. Ollama: nothing but an empty delta, and no end marker."""
    frames = {name: openai.error_frame(Refusal("server"), turn(flavoured(name))) for name in FLAVOURS}
    parsed = {name: events(frame.removeprefix(b"event: error\n")) for name, frame in frames.items()}

    assert parsed["openrouter"][0]["error"]["code"] == 500
    assert parsed["openrouter"][0]["choices"][0]["finish_reason"] == "error"
    assert parsed["mistral"][0]["choices"][0]["finish_reason"] == "error"
    assert parsed["cerebras"][0]["status_code"] == 500
    assert parsed["ollama"][0]["choices"][0] | {"logprobs": None} == {
        "index": 0,
        "delta": {"content": ""},
        "logprobs": None,
        "finish_reason": None,
    }
    assert b"[DONE]" not in frames["ollama"]
    assert orjson.loads(frames["nvidia"].removeprefix(b"data: "))["error"]["status"] == 500


ADD, ONE, NOW, NONE = (0, "add", ""), (0, None, '{"a":'), (1, "now", ""), (1, None, "{}")
REST = (0, None, "1}")
WHOLE = [(0, "add", '{"a":1}'), (1, "now", "{}")]


@pytest.mark.parametrize(
    ("flavour", "expected"),
    [
        ("generic", [ADD, NOW, ONE, NONE, REST]),
        ("openai", [ADD, ONE, REST, NOW, NONE]),
        ("groq", WHOLE),
        ("mistral", WHOLE),
    ],
)
def test_parallel_calls_are_streamed(flavour: str, expected: list[Any]) -> None:
    """In turns, one behind the other, or all in one chunk; the index tells them apart."""
    deltas = [
        call
        for frame in openai.stream(calling(flavoured(flavour))).tokens
        for call in events(frame)[0]["choices"][0]["delta"]["tool_calls"]
    ]

    found = [(call["index"], call["function"].get("name"), call["function"]["arguments"]) for call in deltas]
    assert found == expected
    assert len({call["id"] for call in deltas if "id" in call}) == 2


def test_parallel_calls_in_one_body() -> None:
    """Each with an id of its own, and without a number."""
    calls = said(openai.whole(calling()))["choices"][0]["message"]["tool_calls"]

    assert [call["function"]["name"] for call in calls] == ["add", "now"]
    assert len({call["id"] for call in calls}) == 2
    assert "index" not in calls[0]
