"""Workers AI as Cloudflare speaks it: envelopes, and streams in the form that the model has.

Models under @cf/qwen/ answer in OpenAI's form, gpt-oss in that of OpenAI's Responses and never as a stream,
all others in Cloudflare's own.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from racer.sim.exchange import STATUSES, Frames, Refusal, Reply, Unfit, Wire
from racer.sim.wire.cloudflare_request import read_ask
from racer.sim.wire.openai_request import read_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.sim.exchange import Ask, Moment, Request, Turn, Why

JSON = {"content-type": "application/json"}
PATH = re.compile(r"/client/v4/accounts/([^/]+)/ai/(run/(?P<model>.+)|models/search)")
ACCOUNT = "sim"
END = b"data: [DONE]\n\n"
NEURONS_PER_TOKEN = 0.05
STATUS: Mapping[Why, int] = {**STATUSES, "no_model": 400, "timeout": 408, "overloaded": 429}

# Cloudflare's number and words for each refusal.
ERRORS: Mapping[Why, tuple[int, str]] = {
    "no_route": (7003, "Could not route to {subject}, perhaps your object identifier is invalid?"),
    "method": (10405, "Method not allowed for this authentication scheme"),
    "no_key": (10000, "Authentication error"),
    "bad_key": (10000, "Authentication error"),
    "bad_json": (3003, "Request is missing headers or body: {subject}"),
    "bad_field": (5006, "AiError: Bad input"),
    "bad_turns": (5006, "AiError: Bad input"),
    "unknown_field": (5006, "AiError: Bad input"),
    "no_model": (5007, "No such model {subject} or task"),
    "too_long": (
        5021,
        "AiError: The estimated number of tokens ({subject}) exceeded this context window limit ({context}).",
    ),
    "too_big": (3006, "Request is too large"),
    "beyond_limit": (3036, "You have used up your daily free allocation of 10,000 neurons."),
    "no_quota": (3036, "You have used up your daily free allocation of 10,000 neurons."),
    "limit": (3036, "You have used up your daily free allocation of 10,000 neurons."),
    "parallel": (971, "You are being rate limited"),
    "credit": (10001, "Payment required"),
    "forbidden": (5018, "The account is not allowed to access this model"),
    "server": (3043, "Internal server error"),
    "gateway": (3043, "Bad gateway"),
    "unavailable": (3043, "Service unavailable"),
    "timeout": (3007, "Request timeout"),
    "overloaded": (3040, "No more data centers to forward the request to"),
}


def read(request: Request, moment: Moment) -> Ask | Reply | Refusal | None:
    if not request.path.startswith("/client/v4/"):
        return None
    found = PATH.fullmatch(request.path)
    if found is None or found[1] != ACCOUNT:
        return Refusal("no_route", subject=request.path)
    model = found["model"]
    if request.method != ("GET" if model is None else "POST"):
        return Refusal("method")
    try:
        return _models(request, moment) if model is None else read_ask(request, moment, model)
    except Unfit as error:
        return error.refusal


def _models(request: Request, moment: Moment) -> Reply:
    """All on the first page; the others are empty."""
    read_key(request, moment)
    if parse_qs(request.query).get("page", ["1"]) != ["1"]:
        return _enveloped([])
    properties = [{"property_id": "function_calling", "value": "true"}]
    models = [
        {
            "id": f"model-{n}",
            "source": 1,
            "name": name,
            "task": {"name": "Text Generation"},
            "properties": properties,
        }
        for n, name in enumerate(moment.provider.models)
    ]
    embedding = {
        "id": "model-e",
        "source": 1,
        "name": "@cf/sim/embedding",
        "task": {"name": "Text Embeddings"},
    }
    return _enveloped([*models, embedding])


def _enveloped(result: Any) -> Reply:
    envelope: dict[str, Any] = {"result": result, "success": True, "errors": [], "messages": []}
    return Reply(200, JSON, orjson.dumps(envelope))


def _usage(turn: Turn) -> dict[str, Any]:
    prompt, output = turn.answer.prompt_tokens, turn.answer.output_tokens
    usage = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}
    return usage | {"neurons": round((prompt + output) * NEURONS_PER_TOKEN, 6)}


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # a fault has spoiled it
        return text


def whole(turn: Turn) -> Reply:
    return _enveloped(WHOLES[turn.ask.surface](turn))


def _native(turn: Turn) -> dict[str, Any]:
    """JSON that was asked for comes parsed."""
    if calls := _native_calls(turn):
        return {"response": None, "tool_calls": calls, "usage": _usage(turn)}
    response, ended = turn.answer.text, turn.answer.finish == "stop"
    parsed = _parsed(response) if turn.ask.json and ended else response
    return {"response": parsed, "tool_calls": [], "usage": _usage(turn)}


def _native_calls(turn: Turn) -> list[dict[str, Any]]:
    return [{"name": call.name, "arguments": call.arguments} for call in turn.answer.calls]


def _calls(turn: Turn) -> list[dict[str, Any]]:
    functions = ({"name": call.name, "arguments": call.text} for call in turn.answer.calls)
    return [
        {"id": f"call_{turn.moment.serial + 1000 * n}", "type": "function", "function": function}
        for n, function in enumerate(functions)
    ]


def _openai(turn: Turn) -> dict[str, Any]:
    answer = turn.answer
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if answer.calls:
        message |= {"content": None, "tool_calls": _calls(turn)}
    if answer.reasoning:
        message["reasoning_content"] = "".join(answer.reasoning)
    choice = {"index": 0, "message": message, "finish_reason": answer.finish}
    return _chunk(turn) | {"choices": [choice], "usage": _usage(turn)}


def _chunk(turn: Turn) -> dict[str, Any]:
    return {"id": f"id-{turn.moment.serial}", "object": "chat.completion", "model": turn.ask.model}


def _responses(turn: Turn) -> dict[str, Any]:
    answer = turn.answer
    items: list[dict[str, Any]] = []
    if answer.reasoning:
        thought = {"type": "reasoning_text", "text": "".join(answer.reasoning)}
        items.append({"type": "reasoning", "content": [thought], "summary": []})
    for n, call in enumerate(answer.calls):
        named = {"call_id": f"call_{turn.moment.serial + 1000 * n}", "name": call.name}
        items.append({"type": "function_call", **named, "arguments": call.text})
    if not answer.calls:
        text = {"type": "output_text", "text": answer.text, "annotations": list[Any]()}
        items.append({"type": "message", "role": "assistant", "content": [text]})
    cut = {"reason": "max_output_tokens"} if answer.finish == "length" else None
    status = "incomplete" if cut else "completed"
    return {"output": items, "status": status, "incomplete_details": cut, "usage": _usage(turn)}


WHOLES = {"native": _native, "openai": _openai, "responses": _responses}


def _event(data: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def stream(turn: Turn) -> Frames:
    """Gpt-oss does not stream: a fault that wants a stream of it gets one in Cloudflare's own form."""
    return _openai_stream(turn) if turn.ask.surface == "openai" else _native_stream(turn)


def _native_stream(turn: Turn) -> Frames:
    answer = turn.answer
    calls = _native_calls(turn)
    said = [{"response": token, "p": "abcdefgh"[: n % 9]} for n, token in enumerate(answer.tokens)]
    return Frames(
        headers={"content-type": "text/event-stream"},
        opening=b"",
        reasoning=(),
        tokens=(_event({"tool_calls": calls}),) if calls else tuple(map(_event, said)),
        closing=_event({"response": "", "usage": _usage(turn)}) + END,
        end=END,
        comment=b": keep-alive\n\n",
    )


def _openai_stream(turn: Turn) -> Frames:
    """Ends with a chunk whose usage is all zero, and Cloudflare's own behind it."""
    answer = turn.answer
    calls = [call | {"index": n} for n, call in enumerate(_calls(turn))]
    said = [{"tool_calls": calls}] if calls else [{"content": token} for token in answer.tokens]
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    last = _delta(turn, {}, answer.finish) | {"usage": nothing}
    return Frames(
        headers={"content-type": "text/event-stream"},
        opening=_event(_delta(turn, {"role": "assistant", "content": ""})),
        reasoning=tuple(_event(_delta(turn, {"reasoning_content": text})) for text in answer.reasoning),
        tokens=tuple(_event(_delta(turn, delta)) for delta in said),
        closing=_event(last) + _event({"response": "", "usage": _usage(turn)}) + END,
        end=END,
        comment=b": keep-alive\n\n",
    )


def _delta(turn: Turn, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _chunk(turn) | {"object": "chat.completion.chunk", "choices": [choice]}


def refuse(refusal: Refusal, moment: Moment) -> Reply:
    """When the day's neurons come back is not told; when the next request may come is."""
    if refusal.closed is not None and refusal.closed.standing.unit == "requests":
        refusal = Refusal("parallel", retry_after=refusal.retry_after)
    headers, wait = dict(JSON), refusal.retry_after
    if isinstance(wait, str):
        headers["retry-after"] = wait
    elif refusal.closed is None and wait is not None and math.isfinite(wait):
        headers["retry-after"] = str(math.ceil(wait))
    return Reply(STATUS[refusal.why], headers, orjson.dumps(_error(refusal, moment)))


def _error(refusal: Refusal, moment: Moment) -> dict[str, Any]:
    code, words = ERRORS[refusal.why]
    subject = refusal.subject or "body"
    message = refusal.message or words.format(subject=subject, context=moment.provider.context)
    errors = [{"code": code, "message": message}]
    return {"result": None, "success": False, "errors": errors, "messages": []}


def error_frame(refusal: Refusal, turn: Turn) -> bytes:
    return _event(_error(refusal, turn.moment))


WIRE = Wire(
    name="cloudflare",
    read=read,
    whole=whole,
    stream=stream,
    refuse=refuse,
    error_frame=error_frame,
    base=f"/client/v4/accounts/{ACCOUNT}/ai",
)
