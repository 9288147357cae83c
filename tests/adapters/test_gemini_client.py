"""Our goldens and Google's own client: what we send is what it sends, what we read is what it reads.

Documented differences, each evened out below:
1. The client writes some names inside a field in snake_case. Google takes either spelling.
2. The client writes bytes with the alphabet of base64 that suits addresses. Google takes either alphabet.
3. The client sends an empty `generationConfig` where nothing is asked of it. We leave it out.
4. The client asks version v1 unless it is told otherwise. The catalogue's row has v1beta, as Google's pages.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from google import genai
from google.genai import types

from racer_adapters.gemini import GEMINI
from racer_adapters.gemini_reply import REASONS
from racer_adapters.jsontext import as_list, as_object
from racer_adapters.secret import Secret
from racer_adapters.types import Call, Message, Target
from tests.adapters import goldens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racer_adapters.types import Answer

KEY = "test-key-" + "x" * 12
REPLIES = goldens.replies("gemini")
WHOLE = b'{"candidates":[{"content":{"role":"model","parts":[{"text":"a"}]},"finishReason":"STOP"}]}'
FREE = ("args", "parametersJsonSchema", "response", "responseJsonSchema")


def named(sdk: str) -> list[goldens.Reply]:
    found = [reply for reply in REPLIES if reply.sdk == sdk]
    assert len(found) > 5, f"hardly any golden reply is for {sdk}"
    return found


class Wire:
    """A transport for the client: it keeps what was sent and answers with `body`."""

    def __init__(self, body: bytes = WHOLE) -> None:
        self.sent = httpx.Request("GET", "http://127.0.0.1:1")
        self._body = body
        transport = httpx.MockTransport(lambda request: self._answer(request))
        options = types.HttpOptions(
            base_url="http://127.0.0.1:1",
            api_version="v1beta",
            httpx_client=httpx.Client(transport=transport),
        )
        # Of no type, for theirs names a library of pictures that is not installed.
        self.models: Any = genai.Client(api_key=KEY, http_options=options).models

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent = request
        return httpx.Response(200, content=self._body)


# ---------------------------------------------------------------- requests


def config_of(body: dict[str, Any]) -> types.GenerateContentConfig:
    """What the client keeps in one place, and sends as several fields."""
    fields = {name: value for name, value in body.items() if name not in ("contents", "generationConfig")}
    return types.GenerateContentConfig.model_validate_json(
        json.dumps(body.get("generationConfig", {}) | fields)
    )


def as_google_sends(request: goldens.Request, wire: Wire) -> dict[str, Any]:
    """The body that the client makes, given our fields as its arguments; difference 3 is evened out."""
    body = request.body
    contents: Any = [types.Content.model_validate_json(json.dumps(turn)) for turn in body["contents"]]
    ask = wire.models.generate_content_stream if request.call.stream else wire.models.generate_content
    answer = ask(model="m", contents=contents, config=config_of(body))
    if request.call.stream:
        list(answer)
    sent: dict[str, Any] = json.loads(wire.sent.content)
    return {name: value for name, value in sent.items() if value != {}}


def evened(value: Any) -> Any:
    """Differences 1 and 2; what the caller made up is left as it is."""
    if isinstance(value, list):
        return [evened(item) for item in as_list(value)]
    if not isinstance(value, dict):
        return value
    return {(name := camel(each)): in_one_alphabet(name, item) for each, item in as_object(value).items()}


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def in_one_alphabet(name: str, value: Any) -> Any:
    if name in ("data", "thoughtSignature"):
        return value.replace("-", "+").replace("_", "/")
    return value if name in FREE else evened(value)


@pytest.mark.parametrize("request_", goldens.requests("gemini"), ids=str)
def test_it_sends_what_we_send(request_: goldens.Request) -> None:
    """Field for field, but for the differences above, to the same place."""
    stream = b"data: " + WHOLE + b"\r\n\r\n"
    wire = Wire(stream if request_.call.stream else WHOLE)
    ours = GEMINI.encode(request_.call, Target("http://127.0.0.1:1/v1beta", "m"))

    assert evened(as_google_sends(request_, wire)) == evened(json.loads(ours.body))
    assert str(wire.sent.url) == ours.url


def test_its_headers_are_ours() -> None:
    """Key and type; the rest says who the client is."""
    wire = Wire()
    wire.models.generate_content(model="m", contents="Hi")
    ours = GEMINI.encode(Call((Message("user", "Hi"),)), Target("http://h", "m", Secret(KEY))).headers

    assert ours.items() <= dict(wire.sent.headers).items()


# ---------------------------------------------------------------- replies


@pytest.mark.parametrize("reply", named("whole"), ids=str)
def test_it_reads_our_whole_replies(reply: goldens.Reply) -> None:
    """The golden is what Google calls a response, and says the same to both of us."""
    check([Wire(reply.body).models.generate_content(model="m", contents="Hi")], reply.outcome.answer)


@pytest.mark.parametrize("reply", named("events"), ids=str)
def test_it_reads_our_streams(reply: goldens.Reply) -> None:
    """Its pieces, joined as its users join them, say the same."""
    wire = Wire(reply.body)

    check([*wire.models.generate_content_stream(model="m", contents="Hi")], reply.outcome.answer)


def check(responses: list[types.GenerateContentResponse], answer: Answer) -> None:
    candidates = [candidate for response in responses for candidate in response.candidates or []]
    parts = [part for each in candidates for part in (each.content and each.content.parts) or []]
    texts = [part for part in parts if part.text]
    (reason,) = [candidate.finish_reason for candidate in candidates if candidate.finish_reason]
    called = "tool_calls" if answer.tool_calls else REASONS[reason.value]

    assert "".join(part.text or "" for part in texts if not part.thought) == answer.text
    assert "".join(part.text or "" for part in texts if part.thought) == answer.reasoning
    assert calls_of(parts) == [(call.name, json.loads(call.arguments)) for call in answer.tool_calls]
    assert called == answer.finish_reason
    assert counts([response.usage_metadata for response in responses]) == (
        answer.usage and (answer.usage.input_tokens, answer.usage.output_tokens)
    )


def calls_of(parts: list[types.Part]) -> list[tuple[str | None, dict[str, Any]]]:
    calls = [part.function_call for part in parts if part.function_call]
    return [(call.name, call.args or {}) for call in calls]


def counts(usages: Iterable[types.GenerateContentResponseUsageMetadata | None]) -> tuple[int, int] | None:
    """Of the last usage."""
    said = [usage for usage in usages if usage]
    if not said:
        return None
    output = (said[-1].candidates_token_count or 0) + (said[-1].thoughts_token_count or 0)
    return said[-1].prompt_token_count or 0, output


def test_it_reads_our_signatures() -> None:
    """The same bytes that we keep as text, at the same call."""
    (reply,) = [reply for reply in named("whole") if reply.name == "whole_tools"]
    (candidate,) = Wire(reply.body).models.generate_content(model="m", contents="Hi").candidates

    assert [part.thought_signature for part in candidate.content.parts] == [b"signed\xfb\xff", None]
    assert [call.signature for call in reply.outcome.answer.tool_calls] == ["c2lnbmVk+/8=", ""]
