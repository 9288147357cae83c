"""Our goldens and the official clients: what we send is what they send, what we read is what they read.

Documented differences, each with its reason at the place where it is evened out below:
1. OpenAI's client sends the caller's words as they are; we send "system" for "developer", "" for a null
   content beside tool calls, and an image's address always inside an object.
2. Ollama's client leaves out an empty content, and sends tools even when there are none; we do neither.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import ollama
import openai
import pytest

from racer_adapters.completions import REASONS
from racer_adapters.jsontext import as_list
from tests.adapters import goldens

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

    from racer_adapters.types import Answer

Json = dict[str, Any]
OPENAI = goldens.replies("openai")
OLLAMA = goldens.replies("ollama")


def named(replies: list[goldens.Reply], sdk: str) -> list[goldens.Reply]:
    found = [reply for reply in replies if reply.sdk == sdk]
    assert found, f"no golden reply is for {sdk}"
    return found


# ---------------------------------------------------------------- openai


class Wire:
    """A transport for a client: it keeps what was sent and answers with `body`."""

    def __init__(self, body: bytes = b"", content_type: str = "application/json") -> None:
        self.sent: Json = {}
        self._body = body
        self._headers = {"content-type": content_type}

    def openai(self) -> openai.OpenAI:
        transport = httpx2.MockTransport(lambda request: self._answer2(request))
        return openai.OpenAI(
            api_key="none",
            base_url="http://127.0.0.1:1/v1",
            http_client=httpx2.Client(transport=transport),
            max_retries=0,
        )

    def ollama(self) -> Any:
        """Of no type, for the client's own are incomplete."""
        return ollama.Client(
            "http://127.0.0.1:11434", transport=httpx.MockTransport(lambda request: self._answer(request))
        )

    def _answer2(self, request: httpx2.Request) -> httpx2.Response:
        assert (request.method, request.url.path) == ("POST", "/v1/chat/completions")
        self.sent = json.loads(request.content)
        return httpx2.Response(200, headers=self._headers, content=self._body)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/api/chat")
        self.sent = json.loads(request.content)
        return httpx.Response(200, headers=self._headers, content=self._body)


WHOLE = b'{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[]}'


def as_openai_sends(asked: Json) -> Json:
    """The body that OpenAI's client makes of a golden call."""
    asked = dict(asked)
    extra = asked.pop("extra", None)
    stream = asked.pop("stream", True)
    if isinstance(asked["messages"], str):
        asked["messages"] = [{"role": "user", "content": asked["messages"]}]
    if stream:
        asked.update(stream=True, stream_options={"include_usage": True})
    wire = Wire(WHOLE)
    with wire.openai() as client:
        client.chat.completions.create(model="some-model", extra_body=extra, **asked)
    return wire.sent


def evened(message: Json) -> Json:
    """Difference 1: servers that are not OpenAI's know less than OpenAI's does."""
    message = dict(message)
    if message["role"] == "developer":
        message["role"] = "system"
    if message["content"] is None:
        message["content"] = ""
    parts = as_list(message["content"])
    for part in parts:
        if isinstance(part.get("image_url"), str):
            part["image_url"] = {"url": part["image_url"]}
    return message


@pytest.mark.parametrize("request_", goldens.requests("openai"), ids=str)
def test_openais_client_sends_what_we_send(request_: goldens.Request) -> None:
    """Field for field, but for the differences above."""
    sent = as_openai_sends(request_.asked)

    assert {**sent, "messages": [evened(message) for message in sent["messages"]]} == request_.body


@pytest.mark.parametrize("reply", named(OPENAI, "completion"), ids=str)
def test_openais_client_reads_our_whole_replies(reply: goldens.Reply) -> None:
    """The golden is what OpenAI calls a completion, and says the same to both of us."""
    with Wire(reply.body).openai() as client:
        said = client.chat.completions.create(model="m", messages=[])

    check_completion(said, reply.outcome.answer)


def check_completion(said: ChatCompletion, answer: Answer) -> None:
    (choice,) = said.choices
    calls = [call for call in choice.message.tool_calls or [] if call.type == "function"]
    assert same_text(choice.message.refusal or choice.message.content or "", answer)
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
        (call.id, call.name, call.arguments) for call in answer.tool_calls
    ]
    assert choice.message.refusal or REASONS[choice.finish_reason] == answer.finish_reason
    assert (said.usage and (said.usage.prompt_tokens, said.usage.completion_tokens)) == counts(answer)


@pytest.mark.parametrize("reply", named(OPENAI, "chunks"), ids=str)
def test_openais_client_reads_our_streams(reply: goldens.Reply) -> None:
    """Its chunks, joined as its users join them, say the same."""
    with Wire(reply.body, "text/event-stream").openai() as client:
        chunks = list(client.chat.completions.create(model="m", messages=[], stream=True))
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    answer = reply.outcome.answer

    assert same_text("".join(choice.delta.content or "" for choice in choices), answer)
    assert joined_calls(chunks) == [(call.id, call.name, call.arguments) for call in answer.tool_calls]
    reasons = [choice.finish_reason for choice in choices if choice.finish_reason]
    assert [REASONS[reason] for reason in reasons] == [answer.finish_reason] * bool(answer.finish_reason)
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    if usages:
        assert (usages[-1].prompt_tokens, usages[-1].completion_tokens) == counts(answer)


def joined_calls(chunks: list[ChatCompletionChunk]) -> list[tuple[str, str, str]]:
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or []:
                parts = calls.setdefault(call.index, ["", "", ""])
                function = call.function
                parts[0] += call.id or ""
                parts[1] += (function and function.name) or ""
                parts[2] += (function and function.arguments) or ""
    return [(id_, name, arguments) for _, (id_, name, arguments) in sorted(calls.items())]


def same_text(said: str, answer: Answer) -> bool:
    """The client leaves inline reasoning where it is."""
    return said == answer.text or (
        bool(answer.reasoning) and said.startswith(("<think>", "\n<think>")) and said.endswith(answer.text)
    )


def counts(answer: Answer) -> tuple[int, int] | None:
    usage = answer.usage
    return None if usage is None else (usage.input_tokens, usage.output_tokens)


# ---------------------------------------------------------------- ollama


@pytest.mark.parametrize("request_", goldens.requests("ollama"), ids=str)
def test_ollamas_client_sends_what_we_send(request_: goldens.Request) -> None:
    """Given our fields as its arguments it makes our body, so each has its name, place and type."""
    body = dict(request_.body)
    unknown = {"temperature"} if request_.name == "request_extra" else set[str]()
    given = {name: body[name] for name in body if name not in unknown}
    wire = Wire(b'{"message":{"role":"assistant","content":"a"},"done":true}')
    read(wire.ollama().chat(**given))

    assert {"tools": [], **wire.sent} == {
        "tools": [],
        **given,
        "messages": [shortened(message) for message in given["messages"]],
    }


def read(said: Any) -> list[ollama.ChatResponse]:
    return [said] if isinstance(said, ollama.ChatResponse) else list(said)


def shortened(message: Json) -> Json:
    """Difference 2."""
    return {name: message[name] for name in message if message[name] != ""}


@pytest.mark.parametrize("reply", [*named(OLLAMA, "whole"), *named(OLLAMA, "lines")], ids=str)
def test_ollamas_client_reads_our_replies(reply: goldens.Reply) -> None:
    """Whole or in lines, it says the same to both of us."""
    kind = "application/json" if reply.sdk == "whole" else "application/x-ndjson"
    lines = read(Wire(reply.body, kind).ollama().chat("m", [], stream=reply.sdk == "lines"))
    answer = reply.outcome.answer
    calls = [call.function for line in lines for call in line.message.tool_calls or []]

    assert same_text("".join(line.message.content or "" for line in lines), answer)
    if any(line.message.thinking for line in lines):
        assert "".join(line.message.thinking or "" for line in lines) == answer.reasoning
    assert [(call.name, call.arguments) for call in calls] == [
        (call.name, json.loads(call.arguments)) for call in answer.tool_calls
    ]
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    last = lines[-1]
    told = (
        (last.prompt_eval_count or 0, last.eval_count or 0)
        if last.prompt_eval_count or last.eval_count
        else None
    )
    assert told == counts(answer)


@pytest.mark.parametrize("reply", named(OLLAMA, "error"), ids=str)
def test_ollamas_client_fails_where_we_fail(reply: goldens.Reply) -> None:
    """With the same words."""
    error = reply.outcome.error
    assert error is not None

    with pytest.raises(ollama.ResponseError) as caught:
        read(Wire(reply.body, "application/x-ndjson").ollama().chat("m", [], stream=True))

    assert caught.value.error == error.message
