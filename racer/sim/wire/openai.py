"""The OpenAI dialect as a provider speaks it: /chat/completions and /models, in each flavour."""

from __future__ import annotations

from itertools import chain, count, zip_longest
from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import Frames, Refusal, Reply, Unfit, Wire
from racer.sim.wire.flavour import FLAVOURS
from racer.sim.wire.openai_errors import error_body, refuse, status_of
from racer.sim.wire.openai_headers import limit_headers
from racer.sim.wire.openai_request import read_ask, read_key

if TYPE_CHECKING:
    from racer.sim.exchange import Ask, Moment, Request, Turn
    from racer.sim.wire.flavour import Flavour

ROOTS = ("/openai/v1", "/api/v1", "/v1", "")
END = b"data: [DONE]\n\n"


def read(request: Request, moment: Moment) -> Ask | Reply | Refusal | None:
    route = next(request.path.removeprefix(root) for root in ROOTS if request.path.startswith(root))
    methods = {"/chat/completions": "POST", "/models": "GET"}
    if route not in methods:
        return None
    if request.method != methods[route]:
        return Refusal("method")
    try:
        return read_ask(request, moment) if route == "/chat/completions" else _models(request, moment)
    except Unfit as error:
        return error.refusal


def _models(request: Request, moment: Moment) -> Reply:
    read_key(request, moment)
    owner = moment.provider.name
    models = [
        {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": owner}
        | ({"context_length": moment.provider.context} if moment.provider.context else {})
        for name in moment.provider.models
    ]
    body = orjson.dumps({"object": "list", "data": models})
    return Reply(200, {"content-type": "application/json"}, body)


def _headers(turn: Turn, content_type: str) -> dict[str, str]:
    flavour = FLAVOURS[turn.moment.provider.flavour]
    headers = {"content-type": content_type, "x-request-id": f"req-{turn.moment.serial}"}
    return headers | limit_headers(flavour.headers, turn.moment)


def _frame_of(turn: Turn, kind: str) -> dict[str, Any]:
    """The fields that every body and every chunk of one answer share."""
    flavour = FLAVOURS[turn.moment.provider.flavour]
    return {
        "id": f"{flavour.ids}{turn.moment.provider.name}{turn.moment.serial}",
        "object": kind,
        "created": int(turn.moment.at),
        "model": turn.ask.model,
        **flavour.extras,
    }


def _usage(turn: Turn) -> dict[str, Any]:
    prompt, output = turn.answer.prompt_tokens, turn.answer.output_tokens
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "completion_tokens_details": {"reasoning_tokens": len(turn.answer.reasoning)},
    }
    if turn.moment.provider.flavour == "groq":
        usage |= {"queue_time": 0.0, "prompt_time": 0.0, "total_time": round(turn.total, 6)}
    return usage


def _finish(turn: Turn, flavour: Flavour) -> str:
    return flavour.stop if turn.answer.finish == "stop" else turn.answer.finish


def _x_groq(turn: Turn, usage: dict[str, Any] | None = None) -> dict[str, Any]:
    if turn.moment.provider.flavour != "groq":
        return {}
    return {"x_groq": {"id": f"req_{turn.moment.serial}"} | ({"usage": usage} if usage else {})}


def _calls(turn: Turn, *, whole: bool = True, numbered: bool = True) -> list[dict[str, Any]]:
    """The calls, with their arguments or before them; in a stream each has its number."""
    ids = (f"call_{turn.moment.serial + 1000 * n:05d}" for n in count())
    return [
        ({"index": n} if numbered else {})
        | {"id": id_, "type": "function"}
        | {"function": {"name": call.name, "arguments": call.text if whole else ""}}
        for n, (call, id_) in enumerate(zip(turn.answer.calls, ids, strict=False))
    ]


def whole(turn: Turn) -> Reply:
    flavour, answer = FLAVOURS[turn.moment.provider.flavour], turn.answer
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if answer.calls:
        message |= {"content": None, "tool_calls": _calls(turn, numbered=False)}
    if answer.reasoning:
        message[flavour.thoughts] = "".join(answer.reasoning)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(turn, flavour)}
    body = _frame_of(turn, "chat.completion") | {"choices": [choice], "usage": _usage(turn)} | _x_groq(turn)
    return Reply(200, _headers(turn, "application/json"), orjson.dumps(body))


class _Chunks:
    """Makes the frames of one stream; what they share is put into bytes once."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.flavour = FLAVOURS[turn.moment.provider.flavour]
        shared = orjson.dumps(_frame_of(turn, "chat.completion.chunk"))[:-1]
        self._head = b"data: " + shared + b',"choices":[{"index":0,"delta":'
        self._bare = b"data: " + shared + b',"choices":['
        self._usage = b',"usage":null' if turn.ask.usage and self.flavour.usage == "asked" else b""
        self._padded = turn.moment.provider.flavour == "openai" and turn.ask.padding

    def delta(self, delta: bytes, finish: bytes = b"null", more: bytes = b"") -> bytes:
        padding = b',"obfuscation":"' + b"x" * (16 - len(delta) % 16) + b'"' if self._padded else b""
        tail = (
            b',"logprobs":null,"finish_reason":' + finish + b"}]" + (more or self._usage) + padding + b"}\n\n"
        )
        return self._head + delta + tail

    def texts(self, name: bytes, tokens: tuple[str, ...]) -> tuple[bytes, ...]:
        if self._padded:
            return tuple(self.delta(b'{"' + name + b'":' + orjson.dumps(token) + b"}") for token in tokens)
        before, behind = self.delta(b'{"' + name + b'":\0}').split(b"\0")
        return tuple(before + orjson.dumps(token) + behind for token in tokens)

    def bare(self, more: dict[str, Any], choice: bytes = b"") -> bytes:
        """A chunk with the fields `more`, and with no choice unless one is given."""
        return self._bare + choice + b"]," + orjson.dumps(more)[1:] + b"\n\n"


def _tool_frames(chunks: _Chunks) -> tuple[bytes, ...]:
    turn = chunks.turn
    if chunks.flavour.whole_calls:
        return (chunks.delta(orjson.dumps({"tool_calls": _calls(turn)})),)
    each = [
        [_call_frame(chunks, begun), *(_call_frame(chunks, _piece(n, token)) for token in call.tokens)]
        for n, (call, begun) in enumerate(zip(turn.answer.calls, _calls(turn, whole=False), strict=True))
    ]
    if chunks.flavour.interleaves:
        return tuple(frame for frames in zip_longest(*each) for frame in frames if frame is not None)
    return tuple(chain.from_iterable(each))


def _call_frame(chunks: _Chunks, call: dict[str, Any]) -> bytes:
    return chunks.delta(orjson.dumps({"tool_calls": [call]}))


def _piece(place: int, token: str) -> dict[str, Any]:
    return {"index": place, "function": {"arguments": token}}


def _closing(chunks: _Chunks) -> bytes:
    turn, flavour, usage = chunks.turn, chunks.flavour, _usage(chunks.turn)
    more = {"usage": usage} if flavour.usage == "finish" else _x_groq(turn, usage)
    finish = orjson.dumps(_finish(turn, flavour))
    last = chunks.delta(b"{}", finish, b"," + orjson.dumps(more)[1:-1] if more else b"")
    asked = flavour.usage == "always" or (turn.ask.usage and flavour.usage == "asked")
    return last + (chunks.bare({"usage": usage}) if asked else b"") + END


def stream(turn: Turn) -> Frames:
    chunks = _Chunks(turn)
    answer, flavour = turn.answer, chunks.flavour
    thoughts = flavour.thoughts.encode()
    opening = b'{"role":"assistant","content":null}' if answer.calls else b'{"role":"assistant","content":""}'
    started = _x_groq(turn)
    return Frames(
        headers=_headers(turn, "text/event-stream; charset=utf-8"),
        opening=chunks.delta(opening, more=b"," + orjson.dumps(started)[1:-1] if started else b""),
        reasoning=chunks.texts(thoughts, answer.reasoning),
        tokens=_tool_frames(chunks) if answer.calls else chunks.texts(b"content", answer.tokens),
        closing=_closing(chunks),
        end=END,
        comment=flavour.comment,
        early=flavour.early,
        hello=flavour.hello,
    )


def error_frame(refusal: Refusal, turn: Turn) -> bytes:
    flavour, body = FLAVOURS[turn.moment.provider.flavour], error_body(refusal, turn.moment)
    chunks = _Chunks(turn)
    style = flavour.in_band
    if style == "silence":
        return chunks.delta(b'{"content":""}')
    if style == "finish":
        return chunks.delta(b'{"content":""}', b'"error"') + END
    if style == "chunk":
        choice = b'{"index":0,"delta":{"content":""},"finish_reason":"error"}'
        return chunks.bare({"error": body["error"]}, choice) + END
    if style == "status":
        body = {"error": body, "status_code": status_of(refusal, flavour)}
    event = b"event: error\n" if style == "event" else b""
    return event + b"data: " + orjson.dumps(body if "error" in body else {"error": body}) + b"\n\n"


WIRE = Wire(
    name="openai",
    read=read,
    whole=whole,
    stream=stream,
    refuse=refuse,
    error_frame=error_frame,
    base="/v1",
)
