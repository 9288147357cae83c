"""Our goldens and Cloudflare's own client: what we send is what it sends, what we read is what it reads.

Documented differences:
1. The client writes the `/` of a model's name as %2F. Cloudflare takes either.
2. The client knows neither `tool_choice` nor calls of tools in messages: they go along as they are given.
3. The client has no reader for the streams of models, so its bytes are joined here as its users do.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from cloudflare import Cloudflare
from cloudflare.types.ai import ai_run_response

from racer_adapters.cloudflare import CLOUDFLARE
from racer_adapters.secret import Secret
from racer_adapters.types import Call, Message, Target
from tests.adapters import goldens

KEY = "test-key-" + "x" * 12
BASE = "http://127.0.0.1:1/client/v4"
MODEL = "@cf/meta/llama-3.1-8b-instruct-fp8"
TARGET = Target(f"{BASE}/accounts/abc/ai", MODEL, Secret(KEY))
WHOLE = b'{"result":{"response":"Hello"},"success":true,"errors":[],"messages":[]}'
HI: list[Any] = [{"role": "user", "content": "Hi"}]


def named(sdk: str) -> list[goldens.Reply]:
    found = [reply for reply in goldens.replies("cloudflare") if reply.sdk == sdk]
    assert len(found) > 2, f"hardly any golden reply is for {sdk}"
    return found


class Wire:
    """A transport for the client: it keeps what was sent and answers with `body`."""

    def __init__(self, body: bytes = WHOLE) -> None:
        self.sent = httpx.Request("GET", "http://127.0.0.1:1")
        self._body = body
        self._http = httpx.Client(transport=httpx.MockTransport(lambda request: self._answer(request)))

    def client(self) -> Cloudflare:
        return Cloudflare(api_token=KEY, base_url=BASE, http_client=self._http, max_retries=0)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent = request
        kind = "application/json" if self._body.startswith(b"{") else "text/event-stream"
        return httpx.Response(200, headers={"content-type": kind}, content=self._body)


@pytest.mark.parametrize("request_", goldens.requests("cloudflare"), ids=str)
def test_it_sends_what_we_send(request_: goldens.Request) -> None:
    """Field for field, but for the differences above, to the same place."""
    given = dict(request_.body)
    unknown = {name: given.pop(name) for name in ("tool_choice",) if name in given}
    wire = Wire()
    wire.client().ai.run(MODEL, account_id="abc", extra_body=unknown, **given)
    ours = CLOUDFLARE.encode(request_.call, TARGET)

    assert json.loads(wire.sent.content) == json.loads(ours.body)
    assert unquote(str(wire.sent.url)) == ours.url


def test_its_headers_are_ours() -> None:
    """Key and type; the rest says who the client is."""
    wire = Wire()
    wire.client().ai.run(MODEL, account_id="abc", messages=HI)

    assert (
        CLOUDFLARE.encode(Call((Message("user", "Hi"),)), TARGET).headers.items()
        <= dict(wire.sent.headers).items()
    )


@pytest.mark.parametrize("reply", named("whole"), ids=str)
def test_it_reads_our_whole_replies(reply: goldens.Reply) -> None:
    """The result fits the client's own type, and says the same to both of us."""
    result: Any = Wire(reply.body).client().ai.run(MODEL, account_id="abc", messages=HI)
    read = ai_run_response.UnionMember8.model_validate(result | {"response": result["response"] or ""})
    answer, usage = reply.outcome.answer, read.usage

    assert read.response == answer.text
    assert [(call.name, call.arguments) for call in read.tool_calls or []] == [
        (call.name, json.loads(call.arguments)) for call in answer.tool_calls
    ]
    assert usage is not None
    assert answer.usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (
        answer.usage.input_tokens,
        answer.usage.output_tokens,
    )


@pytest.mark.parametrize("reply", named("events"), ids=str)
def test_it_hands_our_streams_through(reply: goldens.Reply) -> None:
    """Line for line, up to the marker."""
    run = Wire(reply.body).client().ai.with_streaming_response.run
    with run(MODEL, account_id="abc", messages=HI, stream=True) as response:
        lines = [line for line in response.iter_lines() if line]

    assert lines == [line for line in reply.body.decode().split("\n") if line]
    assert lines[-1] == "data: [DONE]"
