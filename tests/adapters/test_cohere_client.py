"""Our goldens and Cohere's own client: what we send is what it sends, what we read is what it reads.

There is no difference to be evened out: given our fields as its arguments, it makes our body.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cohere
import httpx
import pytest

from racer_adapters.cohere import COHERE
from racer_adapters.cohere_reply import REASONS
from racer_adapters.secret import Secret
from racer_adapters.types import Answer, Call, Message, Target
from tests.adapters import goldens

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "test-key-" + "x" * 12
READ = [reply for reply in goldens.replies("cohere") if reply.sdk == "chat"]
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


class Wire:
    """A transport: it keeps what was sent and answers with `body`."""

    def __init__(self, body: bytes) -> None:
        self.sent = httpx.Request("GET", "http://127.0.0.1:1")
        self.body = body
        self.stream = not body.startswith(b"{")
        self.http = httpx.Client(transport=httpx.MockTransport(lambda request: self._answer(request)))

    def client(self) -> Any:
        """Of no type, for we give our fields as they are."""
        return cohere.ClientV2(api_key=KEY, base_url="http://127.0.0.1:1", httpx_client=self.http)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent = request
        kind = "text/event-stream" if self.stream else "application/json"
        return httpx.Response(200, headers={"content-type": kind}, content=self.body)


STREAMED, WHOLE = (
    next(reply.body for reply in READ if reply.name == name) for name in ("stream_text", "whole_text")
)


@pytest.mark.parametrize("request_", goldens.requests("cohere"), ids=str)
def test_it_sends_what_we_send(request_: goldens.Request) -> None:
    """Field for field, to the same place."""
    given = dict(request_.body)
    if given.pop("stream"):
        wire = Wire(STREAMED)
        list(wire.client().chat_stream(**given))
    else:
        wire = Wire(WHOLE)
        wire.client().chat(**given)

    assert json.loads(wire.sent.content) == request_.body
    assert str(wire.sent.url) == COHERE.encode(request_.call, Target("http://127.0.0.1:1", "m")).url


def test_its_headers_are_ours() -> None:
    """Key and type; the rest says who the client is."""
    wire = Wire(WHOLE)
    wire.client().chat(**HELLO)
    ours = COHERE.encode(Call((Message("user", "Hello"),)), Target("http://h", "m", Secret(KEY))).headers

    assert ours.items() <= dict(wire.sent.headers).items()


@pytest.mark.parametrize("reply", [reply for reply in READ if reply.body.startswith(b"{")], ids=str)
def test_it_reads_our_whole_replies(reply: goldens.Reply) -> None:
    """They say the same to both of us."""
    said: cohere.V2ChatResponse = Wire(reply.body).client().chat(**HELLO)
    answer, parts = reply.outcome.answer, said.message.content or []
    thoughts = [part.thinking for part in parts if part.type == "thinking"]

    assert "".join(part.text for part in parts if part.type == "text") == answer.text
    assert "".join([said.message.tool_plan or "", *thoughts]) == answer.reasoning
    calls = [as_call(call) for call in said.message.tool_calls or []]
    assert calls == [(call.id, call.name, call.arguments) for call in answer.tool_calls]
    check_end(said.finish_reason, said.usage, answer)


def as_call(call: cohere.ToolCallV2) -> tuple[str, str | None, str | None]:
    assert call.function is not None
    return call.id, call.function.name, call.function.arguments


def check_end(reason: str | None, usage: cohere.Usage | None, answer: Answer) -> None:
    ended = REASONS.get(reason or "", "other")
    assert ("tool_calls" if answer.tool_calls else ended) == answer.finish_reason
    counted = usage and (usage.billed_units or usage.tokens)
    counts = answer.usage and (answer.usage.input_tokens, answer.usage.output_tokens)
    assert (counted and (counted.input_tokens, counted.output_tokens)) == counts


@pytest.mark.parametrize("reply", [reply for reply in READ if not reply.body.startswith(b"{")], ids=str)
def test_it_reads_our_streams(reply: goldens.Reply) -> None:
    """Its events, joined as its users join them, say the same."""
    events = list(Wire(reply.body).client().chat_stream(**HELLO))
    answer = reply.outcome.answer
    parts = [event.delta.message for event in events if event.type in ("content-start", "content-delta")]
    plans = [event.delta.message.tool_plan for event in events if event.type == "tool-plan-delta"]

    assert "".join(part.content.text or "" for part in parts) == answer.text
    assert "".join([*plans, *(part.content.thinking or "" for part in parts)]) == answer.reasoning
    assert [*joined_calls(events)] == [(call.id, call.name, call.arguments) for call in answer.tool_calls]
    (end,) = [event.delta for event in events if event.type == "message-end"]
    check_end(end.finish_reason, end.usage, answer)


def joined_calls(events: list[Any]) -> Iterator[tuple[str, str, str]]:
    for start in events:
        if start.type == "tool-call-start":
            call = start.delta.message.tool_calls
            fragments = [
                event.delta.message.tool_calls.function.arguments
                for event in events
                if event.type == "tool-call-delta" and event.index == start.index
            ]
            yield call.id, call.function.name, "".join([call.function.arguments, *fragments]) or "{}"


def test_there_are_replies_of_each_sort() -> None:
    """An empty list would pass all of this."""
    assert len([reply for reply in READ if reply.body.startswith(b"{")]) > 5
    assert len([reply for reply in READ if not reply.body.startswith(b"{")]) > 8
