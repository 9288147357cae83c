"""Perplexity's Agent API as it speaks: typed events that are numbered, a cost in dollars, two shut doors."""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import STATUSES, Frames, Refusal, Reply, Unfit, Wire
from racer.sim.wire.openai_request import read_key
from racer.sim.wire.responses_request import read_ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from racer.sim.exchange import Ask, Moment, Request, Turn, Why

JSON = {"content-type": "application/json"}
ASKING = ("/v1/responses", "/v1/agent")
RETIRED = ("/chat/completions", "/v1/sonar")
MOVED = "Sonar is now the Agent API. Use /v1/responses instead of /v1/sonar."
DOLLARS = 1e-6

# Where their status differs from the usual one.
STATUS: Mapping[Why, int] = {**STATUSES, "no_model": 400, "no_quota": 401}
TYPES: Mapping[Why, str] = {
    "no_key": "authentication_error",
    "bad_key": "authentication_error",
    "no_quota": "insufficient_quota",
    "credit": "insufficient_credits",
    "forbidden": "chat_completions_not_available",
    "limit": "rate_limit_exceeded",
    "beyond_limit": "rate_limit_exceeded",
    "parallel": "rate_limit_exceeded",
    "too_long": "context_length_exceeded",
    "server": "internal_server_error",
    "unavailable": "service_unavailable",
    "overloaded": "overloaded",
    "timeout": "timeout",
}
WORDS: Mapping[Why, str] = {
    "no_route": "not found",
    "method": "method not allowed",
    "no_key": "Invalid API key provided",
    "bad_key": "Invalid API key provided",
    "bad_json": "the body is not valid JSON",
    "unknown_field": 'validation failed: unknown field "{subject}"',
    "no_model": 'validation failed: model "{subject}" is not supported',
    "too_long": "the input of {subject} tokens exceeds the maximum context length",
    "too_big": "request body too large",
    "limit": "Request rate limit exceeded, please try again later",
    "beyond_limit": "Request rate limit exceeded, please try again later",
    "parallel": "Too many concurrent requests",
    "no_quota": "You exceeded your current quota, please check your plan and billing details",
    "credit": "Insufficient credits: add credits to go on",
    "forbidden": MOVED,
    "server": "Internal server error",
    "gateway": "Bad gateway",
    "unavailable": "The service is temporarily unavailable",
    "timeout": "The request timed out",
    "overloaded": "The model is overloaded",
}


def read(request: Request, moment: Moment) -> Ask | Reply | Refusal | None:
    """The doors of the old API tell everybody with a good key to go elsewhere."""
    methods = dict.fromkeys((*ASKING, *RETIRED), "POST") | {"/v1/models": "GET"}
    if request.path not in methods:
        return None
    if request.method != methods[request.path]:
        return Refusal("method")
    try:
        if request.path in ASKING:
            return read_ask(request, moment)
        read_key(request, moment)
    except Unfit as error:
        return error.refusal
    return Refusal("forbidden") if request.path in RETIRED else _models(moment)


def _models(moment: Moment) -> Reply:
    models = [
        {"id": name, "object": "model", "created": 0, "owned_by": name.partition("/")[0]}
        for name in moment.provider.models
    ]
    return Reply(200, JSON, orjson.dumps({"object": "list", "data": models}))


# ---------------------------------------------------------------- the answer


def _id(turn: Turn, kind: str) -> str:
    return f"{kind}_{turn.moment.provider.name}{turn.moment.serial}"


def _message(turn: Turn, text: str, status: str) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "id": _id(turn, "msg"), "role": "assistant", "status": status}
    return message | {"content": [part] if status == "completed" else []}


def _call(turn: Turn, arguments: str, status: str) -> dict[str, Any]:
    named = {"id": _id(turn, "fc"), "call_id": _id(turn, "call"), "name": turn.answer.calls[0].name}
    return {"type": "function_call", **named, "arguments": arguments, "status": status}


def _item(turn: Turn) -> dict[str, Any]:
    """The one item of the output."""
    calls = turn.answer.calls
    return _call(turn, calls[0].text, "completed") if calls else _message(turn, turn.answer.text, "completed")


def _response(turn: Turn, status: str) -> dict[str, Any]:
    done = status != "in_progress"
    response: dict[str, Any] = {
        "id": _id(turn, "resp"),
        "object": "response",
        "created_at": int(turn.moment.at),
        "model": turn.ask.model,
        "status": status,
        "output": [_item(turn)] if done else [],
        "error": None,
    }
    return response | ({"usage": _usage(turn)} if done else {})


def _status(turn: Turn) -> str:
    """A call of a tool wants an action; of a text that its cap cut off nothing is told."""
    return "requires_action" if turn.answer.calls else "completed"


def _usage(turn: Turn) -> dict[str, Any]:
    prompt, output = turn.answer.prompt_tokens, turn.answer.output_tokens
    cost = {"input_cost": prompt * DOLLARS, "output_cost": output * DOLLARS}
    return {
        "input_tokens": prompt,
        "output_tokens": output,
        "total_tokens": prompt + output,
        "cost": {"currency": "USD", **cost, "total_cost": (prompt + output) * DOLLARS},
    }


def whole(turn: Turn) -> Reply:
    """Thoughts are counted and not told."""
    return Reply(200, JSON, orjson.dumps(_response(turn, _status(turn))))


class _Events:
    """Makes the events of one stream, each with the next number."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self._numbers: Iterator[int] = count()

    def event(self, kind: str, **fields: Any) -> bytes:
        data = orjson.dumps({"type": kind, "sequence_number": next(self._numbers), **fields})
        return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"

    def response(self, kind: str, status: str) -> bytes:
        return self.event(kind, response=_response(self.turn, status))

    def item(self, kind: str, item: dict[str, Any]) -> bytes:
        return self.event(kind, output_index=0, item=item)

    def text(self, kind: str, **fields: Any) -> bytes:
        return self.event(kind, item_id=_id(self.turn, "msg"), output_index=0, content_index=0, **fields)


def stream(turn: Turn) -> Frames:
    """There is one call of a tool at most. It has no deltas: its arguments come whole when it is done."""
    events, answer, status = _Events(turn), turn.answer, _status(turn)
    hello = events.response("response.created", "in_progress")
    hello += events.response("response.in_progress", "in_progress")
    reasoning = tuple(events.event("response.reasoning.started", thought=token) for token in answer.reasoning)
    begun = events.item(
        "response.output_item.added",
        _call(turn, "", "in_progress") if answer.calls else _message(turn, "", "in_progress"),
    )
    tokens = [events.text("response.output_text.delta", delta=token) for token in answer.tokens]
    done = b"" if answer.calls else events.text("response.output_text.done", text=answer.text)
    done += events.item("response.output_item.done", _item(turn))
    if answer.calls:
        tokens, done = [done], b""
    end = events.response("response.completed", status)
    return Frames(
        headers={"content-type": "text/event-stream"},
        opening=b"",
        reasoning=reasoning,
        tokens=(begun + tokens[0], *tokens[1:]) if tokens else (),
        closing=done + end,
        end=end,
        comment=b": keep-alive\n\n",
        early=True,
        hello=hello,
    )


# ---------------------------------------------------------------- refusals


def refuse(refusal: Refusal, moment: Moment) -> Reply:
    status = STATUS[refusal.why]
    wait = refusal.retry_after
    headers = dict(JSON)
    if isinstance(wait, str):
        headers["retry-after"] = wait
    elif wait is not None and math.isfinite(wait):
        headers["retry-after"] = str(math.ceil(wait))
    return Reply(status, headers, orjson.dumps({"error": {**_error(refusal), "code": status}}))


def _error(refusal: Refusal) -> dict[str, str]:
    words = WORDS.get(refusal.why, "validation failed").format(subject=refusal.subject)
    return {"message": refusal.message or words, "type": TYPES.get(refusal.why, "invalid_request_error")}


def error_frame(refusal: Refusal, turn: Turn) -> bytes:
    """A code is a text in a stream, and a number in a refusal."""
    error = {**_error(refusal), "code": TYPES.get(refusal.why, "invalid_request_error")}
    return _Events(turn).event("response.failed", error=error)


WIRE = Wire(
    name="responses",
    read=read,
    whole=whole,
    stream=stream,
    refuse=refuse,
    error_frame=error_frame,
    base="/v1",
)
