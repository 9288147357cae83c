"""Anthropic's Messages as they speak them: /v1/messages and /v1/models, errors, and headers of limits."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import STATUSES, Frames, Refusal, Reply, Unfit, Wire
from racer.sim.wire.anthropic_request import read_ask, read_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from racer.sim.exchange import Ask, Moment, Request, Turn, Why
    from racer.sim.quota import Closed, Standing

JSON = {"content-type": "application/json"}
STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
SIGNATURE = "c2lnbmVk"
TEXT = {"type": "text", "text": ""}

# why -> type of the error and what it says
NAMES: Mapping[Why, tuple[str, str]] = {
    "no_route": ("not_found_error", "Not found"),
    "method": ("invalid_request_error", "Method Not Allowed"),
    "no_key": ("authentication_error", "x-api-key header is required"),
    "bad_key": ("authentication_error", "invalid x-api-key"),
    "bad_json": ("invalid_request_error", "The request body is not valid JSON"),
    "no_model": ("not_found_error", "model: {subject}"),
    "too_long": ("invalid_request_error", "prompt is too long: {subject} tokens > {context} maximum"),
    "too_big": ("request_too_large", "Request exceeds the maximum size"),
    "parallel": ("rate_limit_error", "Number of concurrent connections has exceeded your rate limit"),
    "no_quota": ("rate_limit_error", "The spend limit of your organization has been reached"),
    "credit": ("billing_error", "Your credit balance is too low to access the Anthropic API"),
    "forbidden": ("permission_error", "Your API key does not have permission to use the specified resource"),
    "server": ("api_error", "Internal server error"),
    "gateway": ("api_error", "Bad gateway"),
    "unavailable": ("api_error", "Service unavailable"),
    "timeout": ("timeout_error", "Request timed out"),
    "overloaded": ("overloaded_error", "Overloaded"),
}


def read(request: Request, moment: Moment) -> Ask | Reply | Refusal | None:
    methods = {"/v1/messages": "POST", "/v1/models": "GET"}
    if request.path not in methods:
        return None
    if request.method != methods[request.path]:
        return Refusal("method")
    try:
        return read_ask(request, moment) if request.path == "/v1/messages" else _models(request, moment)
    except Unfit as error:
        return error.refusal


def _models(request: Request, moment: Moment) -> Reply:
    read_key(request, moment)
    names = moment.provider.models
    models = [
        {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-02T00:00:00Z"}
        for name in names
    ]
    body = {"data": models, "has_more": False, "first_id": names[0], "last_id": names[-1]}
    return Reply(200, JSON | _headers(moment), orjson.dumps(body))


def _headers(moment: Moment) -> dict[str, str]:
    headers = {"request-id": _request_id(moment)}
    for standing in sorted(moment.standings, key=lambda one: -one.seconds):  # the shortest has the last word
        if math.isfinite(standing.seconds):
            headers |= _limit_headers(standing, moment.at)
    return headers


def _limit_headers(standing: Standing, at: float) -> dict[str, str]:
    reset = datetime.fromtimestamp(math.ceil(at + standing.resets_in), UTC)
    head = f"anthropic-ratelimit-{standing.unit}"
    return {
        f"{head}-limit": str(standing.limit),
        f"{head}-remaining": str(standing.remaining),
        f"{head}-reset": reset.isoformat().replace("+00:00", "Z"),
    }


def _request_id(moment: Moment) -> str:
    return f"req_{moment.provider.name}{moment.serial}"


def _usage(turn: Turn, output: int) -> dict[str, Any]:
    return {
        "input_tokens": turn.answer.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output,
        "service_tier": "standard",
    }


def _message(turn: Turn, content: list[dict[str, Any]], stop: str | None, output: int) -> dict[str, Any]:
    return {
        "id": f"msg_{turn.moment.provider.name}{turn.moment.serial}",
        "type": "message",
        "role": "assistant",
        "model": turn.ask.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "stop_details": None,
        "usage": _usage(turn, output),
    }


def whole(turn: Turn) -> Reply:
    answer = turn.answer
    content: list[dict[str, Any]] = []
    if answer.reasoning:
        thought = "".join(answer.reasoning)
        content.append({"type": "thinking", "thinking": thought, "signature": SIGNATURE})
    content += [_call(turn, n, call.name, call.arguments) for n, call in enumerate(answer.calls)]
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    body = _message(turn, content, STOPS[answer.finish], answer.output_tokens)
    return Reply(200, JSON | _headers(turn.moment), orjson.dumps(body))


def _call(turn: Turn, place: int, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    id_ = f"toolu_{turn.moment.serial + 1000 * place:05d}"
    return {"type": "tool_use", "id": id_, "name": name, "input": arguments}


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"


PING = _event("ping")
END = _event("message_stop")


def stream(turn: Turn) -> Frames:
    answer = turn.answer
    last = {"stop_reason": STOPS[answer.finish], "stop_sequence": None}
    after = 1 if answer.reasoning else 0
    signed = _delta(0, "signature", "signature", SIGNATURE)
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    return Frames(
        headers={"content-type": "text/event-stream; charset=utf-8", **_headers(turn.moment)},
        opening=_event("message_start", message=_message(turn, [], None, 1)) + PING,
        reasoning=_deltas(0, thinking, ("thinking", "thinking"), answer.reasoning, signed),
        tokens=_call_frames(turn, after) or _deltas(after, TEXT, ("text", "text"), answer.tokens),
        closing=_event("message_delta", delta=last, usage={"output_tokens": answer.output_tokens}) + END,
        end=END,
        comment=PING,
    )


def _call_frames(turn: Turn, after: int) -> tuple[bytes, ...]:
    """One block a call, one behind the other."""
    frames: list[bytes] = []
    for n, call in enumerate(turn.answer.calls):
        begun = _call(turn, n, call.name, {})
        frames += _deltas(after + n, begun, ("input_json", "partial_json"), call.tokens)
    return tuple(frames)


def _deltas(
    index: int, block: dict[str, Any], names: tuple[str, str], tokens: Iterable[str], last: bytes = b""
) -> tuple[bytes, ...]:
    """One frame a token; the block's start goes with the first, its stop with the last."""
    frames = [_delta(index, *names, token) for token in tokens]
    if frames:
        frames[0] = _event("content_block_start", index=index, content_block=block) + frames[0]
        frames[-1] += last + _event("content_block_stop", index=index)
    return tuple(frames)


def _delta(index: int, kind: str, field: str, token: str) -> bytes:
    return _event("content_block_delta", index=index, delta={"type": f"{kind}_delta", field: token})


def refuse(refusal: Refusal, moment: Moment) -> Reply:
    headers = JSON | _headers(moment)
    wait = refusal.retry_after
    if isinstance(wait, str) or (wait is not None and math.isfinite(wait)):
        headers["retry-after"] = wait if isinstance(wait, str) else str(math.ceil(wait))
    return Reply(STATUSES[refusal.why], headers, orjson.dumps(_error(refusal, moment)))


def _error(refusal: Refusal, moment: Moment) -> dict[str, Any]:
    kind, words = NAMES.get(refusal.why, ("invalid_request_error", "Bad request"))
    if refusal.closed is not None:
        kind, words = "rate_limit_error", _limit_words(refusal.closed)
    said = words.format(subject=refusal.subject, context=moment.provider.context)
    error: dict[str, Any] = {"type": kind, "message": refusal.message or said}
    if refusal.why == "no_quota":
        error["details"] = {"error_code": "enforced_spend_limit_reached"}
    return {"type": "error", "error": error, "request_id": _request_id(moment)}


def _limit_words(closed: Closed) -> str:
    standing = closed.standing
    return (
        f"This request would exceed your organization's rate limit of {standing.limit:,} "
        f"{standing.unit} per {standing.period}. Please try again later."
    )


def error_frame(refusal: Refusal, turn: Turn) -> bytes:
    return b"event: error\ndata: " + orjson.dumps(_error(refusal, turn.moment)) + b"\n\n"


WIRE = Wire(name="anthropic", read=read, whole=whole, stream=stream, refuse=refuse, error_frame=error_frame)
