"""Cohere's chat, version 2, as they speak it: typed events, two counts of tokens, errors in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import STATUSES, Frames, Refusal, Reply, Unfit, Wire
from racer.sim.wire.cohere_request import read_ask
from racer.sim.wire.openai_request import read_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from racer.sim.exchange import Ask, Moment, Request, Turn, Why
    from racer.sim.quota import Closed

JSON = {"content-type": "application/json"}
FINISHES = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}
TEMPLATE_TOKENS = 66

# Where their status differs from the usual one.
STATUS: Mapping[Why, int] = {**STATUSES, "unknown_field": 422}

WORDS: Mapping[Why, str] = {
    "no_route": "404 page not found",
    "method": "method not allowed",
    "no_key": "no api key supplied",
    "bad_key": "invalid api token",
    "bad_json": "invalid JSON syntax",
    "no_model": "model '{subject}' not found, make sure the correct model ID was used",
    "too_long": "too many tokens: tokens in the prompt cannot exceed {context} - received {subject}.",
    "too_big": "request body too large",
    "parallel": "Please wait and try again later",
    "no_quota": "You are using a Trial key, which is limited to 1000 API calls / month.",
    "credit": "Maximum billing reached for this API key; it resets at the beginning of next month.",
    "forbidden": "you do not have access to this resource",
    "server": "internal server error",
    "gateway": "upstream connect error",
    "unavailable": "service unavailable",
    "timeout": "the request timed out",
    "overloaded": "the service is overloaded",
}


def read(request: Request, moment: Moment) -> Ask | Reply | Refusal | None:
    methods = {"/v2/chat": "POST", "/v1/models": "GET"}
    if request.path not in methods:
        return None
    if request.method != methods[request.path]:
        return Refusal("method")
    try:
        return read_ask(request, moment) if request.path == "/v2/chat" else _models(request, moment)
    except Unfit as error:
        return error.refusal


def _models(request: Request, moment: Moment) -> Reply:
    read_key(request, moment)
    context = moment.provider.context or 128_000
    models = [
        {"name": name, "endpoints": ["chat"], "finetuned": False, "context_length": context}
        for name in moment.provider.models
    ]
    return Reply(200, JSON, orjson.dumps({"models": models}))


def _id(moment: Moment) -> str:
    return f"{moment.provider.name}-{moment.serial}"


def _usage(turn: Turn) -> dict[str, Any]:
    """Numbers are fractions here, and the second count has the template in it."""
    prompt, output = float(turn.answer.prompt_tokens), float(turn.answer.output_tokens)
    return {
        "billed_units": {"input_tokens": prompt, "output_tokens": output},
        "tokens": {"input_tokens": prompt + TEMPLATE_TOKENS, "output_tokens": output},
        "cached_tokens": 0.0,
    }


def _call(turn: Turn, place: int, name: str, arguments: str) -> dict[str, Any]:
    id_ = f"{name}_{turn.moment.serial + 1000 * place:05d}"
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def whole(turn: Turn) -> Reply:
    """Before a call of a tool they say what they are about to do, apart from the content."""
    answer, thought = turn.answer, "".join(turn.answer.reasoning)
    message: dict[str, Any] = {"role": "assistant"}
    if answer.calls:
        calls = [_call(turn, n, call.name, call.text) for n, call in enumerate(answer.calls)]
        message |= {"tool_plan": thought, "tool_calls": calls}
    else:
        thinking = [{"type": "thinking", "thinking": thought}] if thought else []
        message["content"] = [*thinking, {"type": "text", "text": answer.text}]
    finish = FINISHES[answer.finish]
    body = {"id": _id(turn.moment), "finish_reason": finish, "message": message, "usage": _usage(turn)}
    return Reply(200, JSON, orjson.dumps(body))


def _event(kind: str, *, index: int | None = None, **fields: Any) -> bytes:
    numbered = {} if index is None else {"index": index}
    data = orjson.dumps({"type": kind, **numbered, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def _said(kind: str, index: int | None = None, **message: Any) -> bytes:
    return _event(kind, index=index, delta={"message": message})


def stream(turn: Turn) -> Frames:
    answer = turn.answer
    opening: dict[str, Any] = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
    delta = {"finish_reason": FINISHES[answer.finish], "usage": _usage(turn)}
    closing = _event("message-end", id=_id(turn.moment), delta=delta)
    if answer.calls:
        reasoning = tuple(_said("tool-plan-delta", tool_plan=token) for token in answer.reasoning)
        tokens = _tool_frames(turn)
    else:
        reasoning = _content(0, "thinking", answer.reasoning)
        tokens = _content(1 if reasoning else 0, "text", answer.tokens)
    return Frames(
        headers={"content-type": "text/event-stream"},
        opening=_event("message-start", id=_id(turn.moment), delta={"message": opening}),
        reasoning=reasoning,
        tokens=tokens,
        closing=closing,
        end=closing,
        comment=b": keep-alive\n\n",
    )


def _content(index: int, name: str, tokens: Iterable[str]) -> tuple[bytes, ...]:
    """One frame a token; the start of the content goes with the first, its end with the last."""
    frames = [_said("content-delta", index, content={name: token}) for token in tokens]
    if frames:
        frames[0] = _said("content-start", index, content={"type": name, name: ""}) + frames[0]
        frames[-1] += _event("content-end", index=index)
    return tuple(frames)


def _tool_frames(turn: Turn) -> tuple[bytes, ...]:
    frames: list[bytes] = []
    for n, call in enumerate(turn.answer.calls):
        frames.append(_said("tool-call-start", n, tool_calls=_call(turn, n, call.name, "")))
        arguments = ({"function": {"arguments": token}} for token in call.tokens)
        frames += [_said("tool-call-delta", n, tool_calls=piece) for piece in arguments]
        frames.append(_event("tool-call-end", index=n))
    return tuple(frames)


def refuse(refusal: Refusal, moment: Moment) -> Reply:
    wait = refusal.retry_after
    headers = JSON | ({"retry-after": wait} if isinstance(wait, str) else {})
    body = {"id": _id(moment), "message": _words(refusal, moment)}
    return Reply(STATUS[refusal.why], headers, orjson.dumps(body))


def _words(refusal: Refusal, moment: Moment) -> str:
    if refusal.closed is not None and not refusal.message:
        return _limit_words(refusal.closed)
    words = WORDS.get(refusal.why, "invalid request")
    return refusal.message or words.format(subject=refusal.subject, context=moment.provider.context)


def _limit_words(closed: Closed) -> str:
    standing = closed.standing
    if standing.unit == "tokens":
        return f"trial token rate limit exceeded, limit is {standing.limit} tokens per {standing.period}"
    period = standing.period if math.isfinite(standing.seconds) else "month"
    return (
        f"You are using a Trial key, which is limited to {standing.limit} API calls / {period}. "
        "You can continue to use the Trial key for free or upgrade to a Production key."
    )


def error_frame(refusal: Refusal, turn: Turn) -> bytes:
    """In mid-stream an error is one more way in which the message ends."""
    finish = "TIMEOUT" if refusal.why == "timeout" else "ERROR"
    delta = {"finish_reason": finish, "error": _words(refusal, turn.moment)}
    return _event("message-end", id=_id(turn.moment), delta=delta)


WIRE = Wire(name="cohere", read=read, whole=whole, stream=stream, refuse=refuse, error_frame=error_frame)
