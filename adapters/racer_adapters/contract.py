"""What every dialect must satisfy: put one through its paces, ours or anybody's.

    check_dialect(DIALECT, samples)    raises AssertionError with a sentence on what it breaks
    decode(DIALECT, chunks)            the answer that a body holds, and the error that it ends in

Samples are replies as a server sends them. Each must read the same whole, byte by byte, and with junk
behind it; cut off anywhere, it must fail or still give its whole answer, never a part of it.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from racer_adapters.assembly import Assembly
from racer_adapters.errors import Kind, WireError
from racer_adapters.jsontext import as_object
from racer_adapters.secret import Secret
from racer_adapters.types import (
    Answer,
    Call,
    ImagePart,
    Message,
    Shape,
    Target,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
)
from racer_adapters.waits import LONGEST_WAIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from racer_adapters.dialect import Dialect
    from racer_adapters.types import FollowUp, Undo

LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class Sample:
    """`marked`: the reply itself says where it ends, so that what follows it is not looked at."""

    body: bytes
    answer: Answer
    marked: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a body comes to; a job's may come to another request, and to one that stops it."""

    answer: Answer
    error: WireError | None = None
    follow_up: FollowUp | None = None
    undo: Undo | None = None


def decode(dialect: Dialect, chunks: Iterable[bytes]) -> Outcome:
    """Feed a fresh decoder, close it, and put the pieces together."""
    decoder = dialect.decoder()
    assembly = Assembly()
    try:
        for chunk in chunks:
            assembly.add(decoder.feed(chunk))
        assembly.add(decoder.close())
    except WireError as error:
        return Outcome(assembly.answer(), error, assembly.follow_up, assembly.undo)
    return Outcome(assembly.answer(), None, assembly.follow_up, assembly.undo)


def check_dialect(dialect: Dialect, samples: Iterable[Sample] = ()) -> None:
    """Raises AssertionError at the first rule that the dialect breaks; what it raises itself passes on."""
    for name, call in CALLS.items():
        _check_request(dialect, name, call)
    for body in HOSTILE:
        _check_body(dialect, body)
    for sample in samples:
        _check_sample(dialect, sample)
    _check_refusals(dialect)
    if dialect.listing is not None:
        for body in (*HOSTILE, b'{"data": [{}], "models": [{}]}'):
            found = dialect.listing.read([body for _ in dialect.listing.paths])
            _hold(
                all(model.name for model in found), f"the listing {body[:40]!r} gives a model without a name"
            )


# ---------------------------------------------------------------- requests

_WEATHER = Tool(
    "weather", "Weather of a place", {"type": "object", "properties": {"place": {"type": "string"}}}
)
_ASKED = ToolCall("c1", "weather", '{"place":"Oslo"}')
_HELLO = Message("user", "Hello")
_PICTURE = "data:image/png;base64,iVBORw0KGgo="

CALLS: dict[str, Call] = {
    "plain": Call((_HELLO,)),
    "whole": Call((_HELLO,), stream=False),
    "sampled": Call(
        (Message("system", "Be brief."), _HELLO, Message("assistant", "Hi"), Message("user", "Bye")),
        max_tokens=16, temperature=0.0, top_p=0.5, stop=("END",), seed=0,
    ),
    "tools": Call((_HELLO,), tools=(_WEATHER, Tool("now")), tool_choice=ToolChoice("named", "weather")),
    "results": Call(
        (
            _HELLO,
            Message("assistant", "", (_ASKED, ToolCall("c2", "now", "?"))),
            Message("tool", "cold", tool_call_id="c1"),
            Message("tool", "", tool_call_id="c2"),
        ),
        tools=(_WEATHER,), tool_choice=ToolChoice("required"),
    ),
    "picture": Call((Message("user", (TextPart("What is it?"), ImagePart(_PICTURE, "low"))),)),
    "json": Call((_HELLO,), shape=Shape("json")),
    "schema": Call((_HELLO,), shape=Shape("schema", {"type": "object"}, "thing", strict=True)),
    "odd text": Call((Message("user", "é\u2028\x00\U0001f600\"\\"),), extra={"user": "somebody"}),
}  # fmt: skip


def _check_request(dialect: Dialect, name: str, call: Call) -> None:
    plain = "test-key-" + "x" * 12
    target = Target("https://example.test/base/", "some-model", headers={"X-Title": "a"})
    keyed = Target(target.base_url, target.model, Secret(plain), target.headers)
    extra = deepcopy(dict(call.extra))
    request = dialect.encode(call, keyed)
    sent = _sent(request.body, name)
    headers = {key.lower(): value for key, value in request.headers.items()}
    _hold(request.method == "POST", f"{name}: the method is {request.method}")
    _hold(request.url.startswith("https://example.test/base/"), f"{name}: the URL leaves the base URL")
    _hold("//" not in request.url.removeprefix("https://"), f"{name}: the URL has a double slash")
    _hold(plain not in repr(request) + request.url, f"{name}: the key shows")
    _hold(plain.encode() not in request.body, f"{name}: the key is in the body")
    _hold(any(plain in value for value in headers.values()), f"{name}: the key is not sent")
    _hold(headers.get("x-title") == "a", f"{name}: the target's headers are not sent")
    _hold(not headers.keys() & {"user-agent", "accept-encoding"}, f"{name}: sets the transport's headers")
    _hold(target.model in request.url + request.body.decode(), f"{name}: the model is not named")
    _hold(dict(call.extra) == extra, f"{name}: the call was changed")
    _hold(dialect.encode(call, keyed) == request, f"{name}: two encodings differ")
    _hold(sent.items() >= extra.items(), f"{name}: extra is not merged")
    bare = dialect.encode(call, target)
    _hold(bare.headers.keys() < request.headers.keys(), f"{name}: a header for no key")
    for field in sent:
        less = dialect.encode(call, Target(target.base_url, target.model, drops=frozenset({field})))
        _hold(field not in _sent(less.body, name), f"{name}: {field} was to be dropped")


def _sent(body: bytes, name: str) -> Mapping[str, Any]:
    sent: Any = orjson.loads(body)
    _hold(isinstance(sent, dict), f"{name}: the body is no JSON object")
    return as_object(sent)


# ---------------------------------------------------------------- replies

_DEEP = b"[" * 5000
HOSTILE: tuple[bytes, ...] = (
    b"", b" \r\n\t", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"hello", b"<!doctype html><title>Log in</title>",
    b"null", b"5", b'"text"', b"[]", b"{}", b"[[]]", b"{", b'{"a"', b'{"error":', b"data:", b"data: \n\n",
    b"data: {}\n\n", b"data: [1]\n\n", b"data: null\n\n", b"data: [DONE]\n\n", b": comment\n\n",
    b"event: error\n\n", b"event: error\ndata: broken\n\n", b'data: {"error":"broken"}\n\n',
    b'{"error":"broken"}', b"{}\n{}\n", b'{"error":{"message":["odd"],"code":{}}}', b'{"choices":7}',
    b'{"choices":[null]}', b'{"message":7}', b'{"message":"odd","done":"yes"}',
    b'data: {"choices":[{"delta":null,"finish_reason":7}]}\n\n', b'{"a":"\\ud800","b":NaN}',
    b'{"a":' + b"9" * 400 + b"}", _DEEP, b"data: " + _DEEP + b"\n\n",
)  # fmt: skip


def _check_body(dialect: Dialect, body: bytes) -> None:
    whole = decode(dialect, [body])
    _hold(decode(dialect, _bytes(body)) == whole, f"byte by byte {body[:40]!r} reads otherwise")
    decoder = dialect.decoder()
    events = [*decoder.feed(body), *decoder.close()]
    errors = [event for event in events if isinstance(event, WireError)]
    _hold(errors == events[len(events) - len(errors) :], f"an error is not the last event of {body[:40]!r}")
    _hold(len(errors) <= 1, f"several errors in {body[:40]!r}")
    _hold(not decoder.feed(body) and not decoder.close(), f"events after the end of {body[:40]!r}")
    if not body.strip():
        _hold(bool(errors), f"{body!r} passes for a reply")


def _check_sample(dialect: Dialect, sample: Sample) -> None:
    body, wanted = sample.body, Outcome(sample.answer)
    shown = f"the sample {body[:40]!r}"
    _hold(decode(dialect, [body]) == wanted, f"{shown} reads as {decode(dialect, [body])}")
    _hold(decode(dialect, _bytes(body)) == wanted, f"{shown} reads otherwise byte by byte")
    if sample.marked:
        for junk in (b"\x00\xff junk", b"\n\ndata: {junk\n\n{", b"<html>", body):
            _hold(
                decode(dialect, [body + junk]) == wanted, f"{shown} reads otherwise with {junk[:8]!r} behind"
            )
    for end in range(len(body)):
        cut = decode(dialect, [body[:end]])
        fine = cut.error is not None or _said(cut.answer) == _said(sample.answer)
        _hold(fine, f"{shown} cut off at byte {end} passes for whole")


def _said(answer: Answer) -> tuple[object, ...]:
    return (answer.text, answer.reasoning, answer.tool_calls)


def _bytes(body: bytes) -> list[bytes]:
    return [body[index : index + 1] for index in range(len(body))]


# ---------------------------------------------------------------- refusals


def _check_refusals(dialect: Dialect) -> None:
    for status, kinds in _CERTAIN.items():
        kind = dialect.classify(status, {}, b"").kind
        _hold(kind in kinds, f"status {status} is classified as {kind}")
    for status in (-1, 0, *range(100, 600), 10**6):
        _check_refusal(dialect, status, {}, b"")
    for body in HOSTILE:
        for status in (200, 400, 401, 403, 404, 429, 500, 503):
            _check_refusal(dialect, status, _HEADERS, body)


_CERTAIN: dict[int, frozenset[Kind]] = {
    302: frozenset({Kind.REDIRECT}),
    400: frozenset({Kind.BAD_REQUEST}),
    401: frozenset({Kind.AUTH}),
    402: frozenset({Kind.CREDIT}),
    404: frozenset({Kind.NO_MODEL}),
    413: frozenset({Kind.TOO_LONG}),
    429: frozenset({Kind.RATE}),
    500: frozenset({Kind.SERVER, Kind.OVERLOADED}),
    503: frozenset({Kind.OVERLOADED}),
}
_HEADERS = {
    "Retry-After": "99999999999999",
    "Location": "http://[",
    "Date": "\x00",
    "x-ratelimit-remaining": "0",
}


def _check_refusal(dialect: Dialect, status: int, headers: Mapping[str, str], body: bytes) -> None:
    error = dialect.classify(status, headers, body)
    shown = f"the refusal {status} {body[:40]!r}"
    _hold(len(error.message) <= LONGEST_MESSAGE, f"{shown} has a message of {len(error.message)} characters")
    _hold(error.message.isprintable(), f"{shown} has control characters in its message")
    wait = error.retry_after
    _hold(wait is None or 0 <= wait <= LONGEST_WAIT, f"{shown} asks to wait {wait} seconds")


def _hold(fine: bool, sentence: str) -> None:
    if not fine:
        raise AssertionError(sentence)
