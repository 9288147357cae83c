"""Our goldens and Anthropic's own client: what we send is what it sends, what we read is what it reads.

There is no difference to be evened out: given our fields as its arguments, it makes our body.
"""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import pytest

from racer_adapters.anthropic import ANTHROPIC
from racer_adapters.anthropic_reply import REASONS
from racer_adapters.secret import Secret
from racer_adapters.types import Answer, Call, Message, Target
from tests.adapters import goldens

KEY = "test-key-" + "x" * 12
READ = [reply for reply in goldens.replies("anthropic") if reply.sdk == "message"]
FAILED = [reply for reply in goldens.replies("anthropic") if reply.sdk == "error"]
HELLO: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}


class Wire:
    """A transport: it keeps what was sent and answers with `body`."""

    def __init__(self, body: bytes) -> None:
        self.sent = httpx2.Request("GET", "http://127.0.0.1:1")
        self.body = body
        self.stream = not body.startswith(b"{")

    def client(self) -> anthropic.Anthropic:
        transport = httpx2.MockTransport(lambda request: self._answer(request))
        http = httpx2.Client(transport=transport)
        return anthropic.Anthropic(
            api_key=KEY, base_url="http://127.0.0.1:1", http_client=http, max_retries=0
        )

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.sent = request
        kind = "text/event-stream" if self.stream else "application/json"
        return httpx2.Response(200, headers={"content-type": kind}, content=self.body)


WHOLE = next(reply for reply in READ if reply.name == "whole_text")


@pytest.mark.parametrize("request_", goldens.requests("anthropic"), ids=str)
def test_it_sends_what_we_send(request_: goldens.Request) -> None:
    """Field for field, to the same place."""
    wire = Wire(WHOLE.body)
    with wire.client() as client:
        client.messages.create(**request_.body)

    assert json.loads(wire.sent.content) == request_.body
    assert str(wire.sent.url) == ANTHROPIC.encode(request_.call, Target("http://127.0.0.1:1", "m")).url


def test_its_headers_are_ours() -> None:
    """Key, version and type; the rest says who the client is."""
    wire = Wire(WHOLE.body)
    with wire.client() as client:
        client.messages.create(**HELLO)
    ours = ANTHROPIC.encode(Call((Message("user", "Hello"),)), Target("http://h", "m", Secret(KEY))).headers

    assert ours.items() <= dict(wire.sent.headers).items()


@pytest.mark.parametrize("reply", READ, ids=str)
def test_it_reads_our_replies(reply: goldens.Reply) -> None:
    """Streamed and whole, they say the same to both of us."""
    wire = Wire(reply.body)
    with wire.client() as client:
        messages: Any = client.messages  # what it makes of a mapping of arguments has no type
        if wire.stream:
            with messages.stream(**HELLO) as stream:
                check(stream.get_final_message(), reply.outcome.answer)
        else:
            check(messages.create(**HELLO), reply.outcome.answer)


def check(said: anthropic.types.Message, answer: Answer) -> None:
    texts = [block.text for block in said.content if block.type == "text"]
    thoughts = [block.thinking for block in said.content if block.type == "thinking"]
    calls = [(block.id, block.name, block.input) for block in said.content if block.type == "tool_use"]

    assert ("".join(texts), "".join(thoughts)) == (answer.text, answer.reasoning)
    assert calls == [(call.id, call.name, json.loads(call.arguments)) for call in answer.tool_calls]
    reason = REASONS.get(said.stop_reason or "", "other")
    assert ("tool_calls" if calls else reason) == answer.finish_reason
    assert counted(said.usage) == counts(answer)


def counted(usage: anthropic.types.Usage) -> tuple[int, int]:
    cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    return usage.input_tokens + cached, usage.output_tokens


def counts(answer: Answer) -> tuple[int, int] | None:
    return None if answer.usage is None else (answer.usage.input_tokens, answer.usage.output_tokens)


@pytest.mark.parametrize("reply", FAILED, ids=str)
def test_it_fails_where_we_fail(reply: goldens.Reply) -> None:
    """With the same words."""
    error = reply.outcome.error
    assert error is not None
    with Wire(reply.body).client() as client, pytest.raises(anthropic.APIStatusError) as caught:
        list(client.messages.create(**HELLO, stream=True))

    assert caught.value.api_message == error.message


def test_there_are_replies_of_each_sort() -> None:
    """An empty list would pass all of this."""
    assert len(READ) > 15
    assert len(FAILED) > 2
