"""racer_adapters/responses.py: the dialect as a whole, by its golden folders and the official clients."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import openai
import orjson
import perplexity
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer_adapters.contract import check_dialect, decode
from racer_adapters.responses import RESPONSES
from racer_adapters.secret import Secret
from racer_adapters.types import Call, Message, Target, Tool, ToolCall
from tests.adapters import goldens
from tests.adapters.chopping import CUTS, bytewise, chopped, mutated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racer_adapters.types import Answer

Json = dict[str, Any]
REPLIES = goldens.replies("responses")
REQUESTS = goldens.requests("responses")
TARGET = Target("http://127.0.0.1:1/v1", "some-model")
HELLO = Message("user", "Hello")


def test_the_contract_holds() -> None:
    """All that every dialect must satisfy, with our golden replies as samples."""
    assert len(REPLIES) > 45
    check_dialect(RESPONSES, goldens.samples("responses"))


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_golden_replies(reply: goldens.Reply) -> None:
    """Each folder's body reads as it says: whole, byte by byte, and with junk behind a marked end."""
    assert decode(RESPONSES, [reply.body]) == reply.outcome
    assert decode(RESPONSES, bytewise(reply.body)) == reply.outcome
    if reply.marked and reply.outcome.error is None:
        assert decode(RESPONSES, [reply.body, b"\x00 junk", b"data: {\n\n"]) == reply.outcome


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_golden_requests(request_: goldens.Request) -> None:
    """Each folder's call is sent as it says, field for field."""
    sent = RESPONSES.encode(request_.call, TARGET)

    assert json.loads(sent.body) == request_.body
    assert sent.dropped == request_.dropped
    assert sent.url == "http://127.0.0.1:1/v1/responses"


@settings(max_examples=300)
@given(mutated([reply.body for reply in REPLIES]), CUTS)
def test_spoilt_replies_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(RESPONSES, chopped(body, cuts)) == decode(RESPONSES, [body])


@given(st.binary(max_size=300), CUTS)
def test_any_bytes_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(RESPONSES, chopped(body, cuts)) == decode(RESPONSES, [body])


# ---------------------------------------------------------------- requests


def sent(call: Call, target: Target = TARGET) -> Json:
    body: Json = orjson.loads(RESPONSES.encode(call, target).body)
    return body


def test_the_key_is_a_bearer_token() -> None:
    """And nothing else is said in headers."""
    keyed = RESPONSES.encode(Call((HELLO,)), Target("http://h", "m", Secret("k" * 9)))

    assert keyed.headers == {"content-type": "application/json", "authorization": "Bearer " + "k" * 9}


def test_what_a_row_refuses_is_told_by_its_name_here() -> None:
    """A row for a provider that takes no sampling, and calls the cap otherwise."""
    target = Target("http://h", "m", renames={"max_output_tokens": "cap"}, drops=frozenset({"temperature"}))
    request = RESPONSES.encode(Call((HELLO,), max_tokens=5, temperature=0.5, seed=1), target)

    assert json.loads(request.body)["cap"] == 5
    assert request.dropped == ("temperature", "seed")


def test_a_thinking_models_signature_comes_back_as_it_was() -> None:
    """Read from the reply, it goes along with the call in the next request."""
    (reply,) = (reply for reply in REPLIES if reply.name == "whole_tools")
    calls = decode(RESPONSES, [reply.body]).answer.tool_calls
    items = sent(Call((HELLO, Message("assistant", "", calls))))["input"]

    assert [item.get("thought_signature") for item in items] == [None, "c2ln", None]


def test_a_tool_may_be_a_name_alone() -> None:
    """An empty schema is one; what was not given is not sent."""
    tools = (Tool("f"), Tool("g", "", {}, strict=False))

    assert sent(Call((HELLO,), tools=tools))["tools"] == [
        {"type": "function", "name": "f"},
        {"type": "function", "name": "g", "strict": False, "parameters": {}},
    ]


def test_what_json_cannot_hold_is_the_callers_mistake() -> None:
    """parse_extra finds it earlier; here it is a TypeError."""
    with pytest.raises(TypeError):
        sent(Call((HELLO,), extra={"a": object()}))


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("refusal", goldens.refusals("responses"), ids=str)
def test_golden_refusals(refusal: goldens.Refusal) -> None:
    """What the provider's own words mean for key, model and account."""
    found = RESPONSES.classify(refusal.status, refusal.headers, refusal.body)

    assert (found.kind, found.retry_after, found.model_only) == refusal.meaning
    assert found.status == refusal.status
    assert found.message


# ---------------------------------------------------------------- the official clients


class Wire:
    """A transport for a client: it keeps what was sent and answers with `body`."""

    def __init__(self, body: bytes, content_type: str = "application/json") -> None:
        self.sent: Json = {}
        self._body = body
        self._headers = {"content-type": content_type}

    def perplexity(self) -> perplexity.Perplexity:
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        return perplexity.Perplexity(
            api_key="none", base_url="http://127.0.0.1:1", http_client=client, max_retries=0
        )

    def openai(self) -> openai.OpenAI:
        client = httpx2.Client(transport=httpx2.MockTransport(self._answer2))
        return openai.OpenAI(
            api_key="none", base_url="http://127.0.0.1:1/v1", http_client=client, max_retries=0
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self._keep(request.method, request.url.path, request.content)
        return httpx.Response(200, headers=self._headers, content=self._body)

    def _answer2(self, request: httpx2.Request) -> httpx2.Response:
        self._keep(request.method, request.url.path, request.content)
        return httpx2.Response(200, headers=self._headers, content=self._body)

    def _keep(self, method: str, path: str, content: bytes) -> None:
        assert (method, path) == ("POST", "/v1/responses")
        self.sent = json.loads(content)


WHOLE = next(reply.body for reply in REPLIES if reply.name == "whole_text")


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_perplexitys_client_sends_what_we_send(request_: goldens.Request) -> None:
    """Given our fields as its arguments it makes our body, so each has its name, place and type."""
    body = {name: value for name, value in request_.body.items() if name != "stream"}
    wire = Wire(WHOLE)
    with wire.perplexity() as client:
        client.responses.create(**body)

    assert wire.sent == body


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_openais_client_sends_what_we_send(request_: goldens.Request) -> None:
    """Field for field, but for a form of the reply: OpenAI has it elsewhere, and one step flatter."""
    body = {name: value for name, value in request_.body.items() if name != "stream"}
    ours = dict(body)
    extra = {name: ours.pop(name) for name in ("preset",) if name in ours}
    form = ours.pop("response_format", {"json_schema": None})["json_schema"]
    if form is not None:
        ours["text"] = {"format": {"type": "json_schema", **form}}
    wire = Wire(WHOLE)
    with wire.openai() as client:
        client.responses.create(**ours, extra_body=extra)

    theirs = dict(wire.sent)
    if form is not None:
        kind = theirs.pop("text")["format"]
        theirs["response_format"] = {"type": kind.pop("type"), "json_schema": kind}
    assert theirs == body


def named(sdk: str) -> list[goldens.Reply]:
    found = [reply for reply in REPLIES if reply.sdk == sdk]
    assert found, f"no golden reply is for {sdk}"
    return found


@pytest.mark.parametrize("reply", named("whole"), ids=str)
def test_both_clients_read_our_whole_replies(reply: goldens.Reply) -> None:
    """Text, calls and counts are the same to all three of us; a price is known to Perplexity's alone."""
    answer = reply.outcome.answer
    with Wire(reply.body).perplexity() as client:
        one: Any = client.responses.create(input="hi")
    with Wire(reply.body).openai() as client:
        other: Any = client.responses.create(input="hi")

    for said in (one, other):
        assert without_thoughts(said.output_text) == answer.text
        calls = [item for item in said.output if item.type == "function_call"]
        assert [ToolCall(call.call_id, call.name, call.arguments) for call in calls] == [
            ToolCall(call.id, call.name, call.arguments) for call in answer.tool_calls
        ]
        assert (said.usage and (said.usage.input_tokens, said.usage.output_tokens)) == counts(answer)
    if answer.usage and answer.usage.usd is not None:
        assert one.usage.cost.total_cost == answer.usage.usd


@pytest.mark.parametrize("reply", named("stream"), ids=str)
def test_both_clients_read_our_streams(reply: goldens.Reply) -> None:
    """Their deltas joined are the text; so is what the response at the end says."""
    answer = reply.outcome.answer
    with Wire(reply.body, "text/event-stream").perplexity() as client:
        one: Iterable[Any] = list(client.responses.create(input="hi", stream=True))
    with Wire(reply.body, "text/event-stream").openai() as client:
        other: Iterable[Any] = list(client.responses.create(input="hi", model="m", stream=True))

    for events in (one, other):
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        (end,) = (event for event in events if event.type == "response.completed")
        assert "".join(deltas) == end.response.output_text == answer.text
        assert (end.response.usage.input_tokens, end.response.usage.output_tokens) == counts(answer)


@pytest.mark.parametrize("reply", named("error"), ids=str)
def test_perplexitys_client_fails_where_we_fail(reply: goldens.Reply) -> None:
    """With the same words."""
    failure = reply.outcome.error
    assert failure is not None

    with (
        Wire(reply.body, "text/event-stream").perplexity() as client,
        pytest.raises(perplexity.APIStatusError, match=failure.message),
    ):
        list(client.responses.create(input="hi", stream=True))


def without_thoughts(text: str) -> str:
    """The clients leave inline reasoning where it is."""
    return text.rpartition("</think>\n\n")[2]


def counts(answer: Answer) -> tuple[int, int] | None:
    return None if answer.usage is None else (answer.usage.input_tokens, answer.usage.output_tokens)
