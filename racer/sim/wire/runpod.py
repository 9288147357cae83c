"""A RunPod queue as it speaks: the state of a job in an envelope, and in it what its vLLM worker says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import STATUSES, Frames, Refusal, Reply, Unfit, Wire, job_id
from racer.sim.wire.openai_request import read_key
from racer.sim.wire.runpod_request import ASKING, read_ask, read_errand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.sim.exchange import Ask, Job, Moment, Request, Turn, Why

JSON = {"content-type": "application/json"}
STATES = {
    "queued": "IN_QUEUE",
    "running": "IN_PROGRESS",
    "done": "COMPLETED",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
}
FAILED = "CUDA error: an illegal memory access was encountered"
DOLLARS = 1e-6
WORDS: Mapping[Why, str] = {
    "no_route": "job not found",
    "method": "method not allowed",
    "bad_json": "invalid JSON in the request body",
    "no_model": "endpoint not found",
    "too_big": "request body too large",
    "limit": "too many requests",
    "beyond_limit": "too many requests",
    "parallel": "too many requests",
    "no_quota": "insufficient balance",
    "credit": "insufficient balance",
    "forbidden": "forbidden",
    "server": "internal server error",
    "gateway": "bad gateway",
    "unavailable": "service unavailable",
    "timeout": "gateway timeout",
    "overloaded": "no worker is available",
}


def read(request: Request, moment: Moment) -> Ask | Reply | Refusal | None:
    health = any(request.path == f"/v2/{name}/health" for name in moment.provider.models)
    asking = ASKING.fullmatch(request.path)
    if asking is None and not health:
        return None
    if request.method != ("GET" if health else "POST"):
        return Refusal("method")
    try:
        if asking is not None:
            return read_ask(request, asking[1], asking[2], moment)
        read_key(request, moment)
    except Unfit as error:
        return error.refusal
    workers = {"idle": 1, "initializing": 0, "ready": 1, "running": 0, "throttled": 0, "unhealthy": 0}
    return _json({"jobs": {"inProgress": 0, "inQueue": 0}, "workers": workers})


def _json(body: Mapping[str, Any], status: int = 200) -> Reply:
    return Reply(status, JSON, orjson.dumps(body))


# ---------------------------------------------------------------- a job


def _batch(turn: Turn, tokens: Sequence[str], output: int) -> dict[str, Any]:
    """`output` counts what has been said by now, thoughts and all."""
    usage = {"input": turn.answer.prompt_tokens, "output": output}
    return {"choices": [{"tokens": list(tokens)}], "usage": usage}


def _aloud(turn: Turn) -> list[str]:
    """A model that thinks does so before its answer, between tags."""
    thoughts = turn.answer.reasoning
    return ["<think>", *thoughts, "</think>\n\n"] if thoughts else []


def _output(turn: Turn) -> list[dict[str, Any]]:
    answer = turn.answer
    batch = _batch(turn, [*_aloud(turn), *answer.tokens], answer.output_tokens)
    return [batch | {"cost": (answer.prompt_tokens + answer.output_tokens) * DOLLARS}]


def _done(turn: Turn) -> dict[str, Any]:
    return {
        "delayTime": int(turn.loading * 1000),
        "executionTime": int((turn.total - turn.loading) * 1000),
        "id": job_id(turn),
        "output": _output(turn),
        "status": "COMPLETED",
        "workerId": "sim",
    }


def job(stands: Job) -> Reply:
    if stands.state == "done":
        return _json(_done(stands.turn))
    envelope = {"id": stands.id, "status": STATES[stands.state]}
    return _json(envelope | ({"error": FAILED} if stands.state == "failed" else {}))


def pieces(stands: Job) -> Reply:
    """What is new since the last look, as one batch; nothing new is an empty list."""
    turn, envelope = stands.turn, {"status": STATES[stands.state]}
    tokens = turn.answer.tokens[stands.told : stands.due]
    if not tokens:
        return _json(envelope | {"stream": []})
    thoughts = _aloud(turn) if not stands.told else []
    batch = _batch(turn, [*thoughts, *tokens], len(turn.answer.reasoning) + stands.due)
    return _json(envelope | {"stream": [{"output": batch}]})


def whole(turn: Turn) -> Reply:
    return _json(_done(turn))


def stream(turn: Turn) -> Frames:
    """There is none: an answer is looked at, in one piece or in several."""
    body = whole(turn).body
    return Frames(JSON, opening=b"", reasoning=(), tokens=(body,), closing=b"", end=b"", comment=b"\n")


# ---------------------------------------------------------------- refusals


def refuse(refusal: Refusal, moment: Moment) -> Reply:
    """A wrong key is refused without a word; a prompt that is too long fails in the worker."""
    if refusal.why in ("no_key", "bad_key"):
        return Reply(401, {}, b"")
    if refusal.why == "too_long":
        words = f"the prompt of {refusal.subject} tokens is longer than the maximum context length"
        output = [{"error": {"object": "error", "message": words, "type": "BadRequestError", "code": 400}}]
        return _json({"id": f"run-{moment.serial}", "status": "COMPLETED", "output": output})
    wait = refusal.retry_after
    headers = JSON | ({"retry-after": wait} if isinstance(wait, str) else {})
    words = refusal.message or WORDS.get(refusal.why, "bad request")
    return Reply(STATUSES[refusal.why], headers, orjson.dumps({"error": words}))


def error_frame(refusal: Refusal, turn: Turn) -> bytes:
    return orjson.dumps({"id": job_id(turn), "status": "FAILED", "error": FAILED})


WIRE = Wire(
    name="runpod",
    read=read,
    whole=whole,
    stream=stream,
    refuse=refuse,
    error_frame=error_frame,
    base="/v2",
    errand=read_errand,
    job=job,
    pieces=pieces,
)
