"""Ollama's own dialect as the server speaks it: chat and generate in NDJSON, and what it tells of itself."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import STATUSES, Frames, Refusal, Reply, Unfit, Wire
from racer.sim.loaded import full_name
from racer.sim.wire.ollama_request import check_key, read_ask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.sim.exchange import Ask, Call, Moment, Request, Turn, Why

VERSION = "0.17.4"
SIZE = 2_019_393_189
FOREVER = datetime(2318, 1, 1, tzinfo=UTC)
ASKING = {"/api/chat": "chat", "/api/generate": "generate"}
WORDS: Mapping[Why, str] = {
    "no_route": "404 page not found",
    "method": "405 method not allowed",
    "no_key": "unauthorized",
    "bad_key": "unauthorized",
    "no_model": "model '{subject}' not found",
    "too_long": "the prompt is longer than the context length currently available",
    "too_big": "request body too large",
    "beyond_limit": "request larger than your usage limit",
    "limit": "you have reached your usage limit, upgrade for higher limits",
    "parallel": "too many concurrent requests",
    "no_quota": "you have reached your weekly usage limit, upgrade for higher limits",
    "credit": "payment required",
    "forbidden": "this model requires a subscription, upgrade for access",
    "server": "llama runner process has terminated: exit status 2",
    "gateway": "bad gateway",
    "unavailable": "server busy, please try again.  maximum pending requests exceeded",
    "timeout": "timed out waiting for llama runner to start",
    "overloaded": "server overloaded, please try again shortly",
}


def read(request: Request, moment: Moment) -> Ask | Reply | Refusal | None:
    path = request.path or "/"
    try:
        if path in ASKING:
            return read_ask(request, moment, ASKING[path]) if request.method == "POST" else Refusal("method")
        page = _page(path, moment)
        if page is None:
            return None
        check_key(request, moment)
    except Unfit as error:
        return error.refusal
    return page if request.method in {"GET", "HEAD"} else Refusal("method")


def _page(path: str, moment: Moment) -> Reply | None:
    if path == "/":
        return Reply(200, {"content-type": "text/plain; charset=utf-8"}, b"Ollama is running")
    pages = {"/api/version": _version, "/api/tags": _tags, "/api/ps": _ps}
    return _json(pages[path](moment)) if path in pages else None


def _json(body: Mapping[str, Any], status: int = 200) -> Reply:
    return Reply(status, {"content-type": "application/json; charset=utf-8"}, orjson.dumps(body))


def _version(moment: Moment) -> dict[str, Any]:
    return {"version": VERSION}


def _tags(moment: Moment) -> dict[str, Any]:
    models = [_model(name) | {"modified_at": "2026-01-02T03:04:05Z"} for name in moment.provider.models]
    return {"models": models}


def _ps(moment: Moment) -> dict[str, Any]:
    context = moment.provider.context or 4096
    models = [
        _model(name) | {"expires_at": _until(until), "size_vram": SIZE, "context_length": context}
        for name, until in moment.loaded.items()
    ]
    return {"models": models}


def _model(name: str) -> dict[str, Any]:
    full = full_name(name)
    family = full.partition(":")[0].rstrip("0123456789.")
    return {
        "name": full,
        "model": full,
        "size": SIZE,
        "digest": hashlib.sha256(full.encode()).hexdigest(),
        "details": {
            "parent_model": "",
            "format": "gguf",
            "family": family,
            "families": [family],
            "parameter_size": "3.2B",
            "quantization_level": "Q4_K_M",
        },
        "capabilities": ["completion", "tools"],
    }


def _until(at: float) -> str:
    moment = FOREVER if math.isinf(at) else datetime.fromtimestamp(at, UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _line(turn: Turn, **fields: Any) -> dict[str, Any]:
    """A line of a stream, or the beginning of a whole body."""
    at = datetime.fromtimestamp(turn.moment.at, UTC).isoformat().replace("+00:00", "Z")
    return {"model": turn.ask.model, "created_at": at, **fields}


def _said(turn: Turn, content: str, thinking: str = "") -> dict[str, Any]:
    if turn.ask.surface == "generate":
        return {"response": content} | ({"thinking": thinking} if thinking else {})
    return {
        "message": {"role": "assistant", "content": content} | ({"thinking": thinking} if thinking else {})
    }


def _called(*calls: Call) -> dict[str, Any]:
    called = [{"function": {"name": call.name, "arguments": call.arguments}} for call in calls]
    return {"message": {"role": "assistant", "content": "", "tool_calls": called}}


def _summary(turn: Turn) -> dict[str, Any]:
    """The end of an answer; counts that are zero are left out, as the server does."""
    if turn.ask.warm_up:
        return {"done": True, "done_reason": "load"}
    answer, nanoseconds = turn.answer, 1_000_000_000
    spent = {
        "total_duration": int(turn.total * nanoseconds),
        "load_duration": int(turn.loading * nanoseconds),
        "prompt_eval_count": answer.prompt_tokens,
        "eval_count": answer.output_tokens,
        "eval_duration": int((turn.total - turn.loading) * nanoseconds),
    }
    reason = "length" if answer.finish == "length" else "stop"
    return {"done": True, "done_reason": reason} | {name: value for name, value in spent.items() if value > 0}


def whole(turn: Turn) -> Reply:
    answer = turn.answer
    said = _called(*answer.calls) if answer.calls else _said(turn, answer.text, "".join(answer.reasoning))
    return _json(_line(turn, **said) | _summary(turn))


def stream(turn: Turn) -> Frames:
    answer = turn.answer
    shared = orjson.dumps(_line(turn))[:-1] + b","
    called = tuple(_token(shared, _called(call)) for call in answer.calls)
    closing = _ndjson(_line(turn, **_said(turn, "")) | _summary(turn))
    return Frames(
        headers={"content-type": "application/x-ndjson"},
        opening=b"",
        reasoning=tuple(_token(shared, _said(turn, "", token)) for token in answer.reasoning),
        tokens=called or tuple(_token(shared, _said(turn, token)) for token in answer.tokens),
        closing=closing,
        end=closing,
        comment=b"\n",
    )


def _ndjson(line: Mapping[str, Any]) -> bytes:
    return orjson.dumps(line) + b"\n"


def _token(shared: bytes, said: Mapping[str, Any]) -> bytes:
    return shared + orjson.dumps(said)[1:-1] + b',"done":false}\n'


def refuse(refusal: Refusal, moment: Moment) -> Reply:
    body = _error(refusal)
    if refusal.why in {"no_key", "bad_key"}:
        body["signin_url"] = "https://ollama.invalid/connect"
    reply = _json(body, STATUSES[refusal.why])
    wait = refusal.retry_after
    if wait is None or (isinstance(wait, float) and not math.isfinite(wait)):
        return reply
    text = wait if isinstance(wait, str) else str(math.ceil(wait))
    return Reply(reply.status, {**reply.headers, "retry-after": text}, reply.body)


def _error(refusal: Refusal) -> dict[str, Any]:
    words = refusal.message or WORDS.get(refusal.why, "error")
    return {"error": words.format(subject=refusal.subject) if not refusal.message else words}


def error_frame(refusal: Refusal, turn: Turn) -> bytes:
    return _ndjson(_error(refusal))


WIRE = Wire(name="ollama", read=read, whole=whole, stream=stream, refuse=refuse, error_frame=error_frame)
