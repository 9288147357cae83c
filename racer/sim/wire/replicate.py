"""Replicate as it speaks: predictions that are made and looked at, streams of plain text, problem details."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import STATUSES, Frames, Refusal, Reply, Unfit, Wire, job_id
from racer.sim.wire.replicate_request import OFFICIAL, read_ask, read_errand

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from racer.sim.exchange import Ask, Job, Moment, Request, Turn, Why

JSON = {"content-type": "application/json"}
STATES = {
    "queued": "starting",
    "running": "processing",
    "done": "succeeded",
    "failed": "failed",
    "cancelled": "canceled",
}
FAILED = "E6716 UnknownError: An unknown error occurred."
TOO_LONG = "E1002 PromptTooLong: Prompt length exceeds maximum input length"

# Where their status differs from the usual one.
STATUS: Mapping[Why, int] = {**STATUSES, "bad_field": 422, "unknown_field": 422, "no_quota": 402}
TITLES: Mapping[Why, str] = {
    "no_key": "Unauthenticated",
    "bad_key": "Unauthenticated",
    "bad_field": "Input validation failed",
    "unknown_field": "Input validation failed",
    "credit": "Insufficient credit",
    "no_quota": "Insufficient credit",
}
WORDS: Mapping[Why, str] = {
    "no_key": "You did not pass an authentication token",
    "bad_key": "You did not pass a valid authentication token",
    "credit": "You have insufficient credit to run this model.",
    "no_quota": "You have insufficient credit to run this model.",
    "forbidden": "You do not have permission to perform this action.",
    "method": "Method not allowed.",
    "bad_json": "The request body could not be parsed as JSON.",
    "too_big": "The request body is too large.",
    "parallel": "Request was throttled. Your rate limit resets in ~1s.",
    "server": "Internal server error",
    "gateway": "Bad gateway",
    "unavailable": "Service unavailable",
    "timeout": "Gateway timeout",
    "overloaded": "Service overloaded",
}


def read(request: Request, moment: Moment) -> Ask | Reply | Refusal | None:
    if request.path != "/v1/predictions" and not OFFICIAL.fullmatch(request.path):
        return None
    if request.method != "POST":
        return Refusal("method")
    try:
        return read_ask(request, moment)
    except Unfit as error:
        return error.refusal


# ---------------------------------------------------------------- a prediction


def _pieces(turn: Turn) -> list[str]:
    """A model that thinks does so aloud, between tags."""
    thoughts = turn.answer.reasoning
    return [*(("<think>", *thoughts, "</think>\n\n") if thoughts else ()), *turn.answer.tokens]


def _prediction(turn: Turn, state: str) -> dict[str, Any]:
    moment, id_ = turn.moment, job_id(turn)
    here = f"{moment.origin}/v1/predictions/{id_}"
    model, _, version = turn.ask.model.rpartition(":")
    return {
        "id": id_,
        "model": model or turn.ask.model,
        "version": "hidden" if "/" in version else version,
        "input": {"prompt": turn.ask.prompt},
        "logs": "",
        "output": None,
        "data_removed": False,
        "error": None,
        "source": "api",
        "status": state,
        "created_at": _time(moment.at),
        "urls": {
            "get": here,
            "cancel": f"{here}/cancel",
            "stream": f"{moment.origin}/v1/streams/{id_}",
            "web": f"https://replicate.invalid/p/{id_}",
        },
    }


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def _done(turn: Turn) -> dict[str, Any]:
    counts = {
        "input_token_count": turn.answer.prompt_tokens,
        "output_token_count": turn.answer.output_tokens,
        "predict_time": round(turn.total - turn.loading, 6),
        "total_time": round(turn.total, 6),
    }
    ended = {"started_at": _time(turn.moment.at), "completed_at": _time(turn.moment.at + turn.total)}
    return _prediction(turn, "succeeded") | {"output": _pieces(turn), "metrics": counts} | ended


def job(stands: Job) -> Reply:
    status = 201 if stands.new else 200
    if stands.state == "done":
        return Reply(status, JSON, orjson.dumps(_done(stands.turn)))
    prediction = _prediction(stands.turn, STATES[stands.state])
    if stands.state == "failed":
        prediction["error"] = FAILED
    return Reply(status, JSON, orjson.dumps(prediction))


def whole(turn: Turn) -> Reply:
    return Reply(200, JSON, orjson.dumps(_done(turn)))


# ---------------------------------------------------------------- its stream


def _event(turn: Turn, kind: str, data: str, number: int) -> bytes:
    """Data is plain text: each of its lines on one of its own."""
    lines = "".join(f"data: {line}\n" for line in data.split("\n"))
    return f"event: {kind}\nid: {int(turn.moment.at * 1000)}:{number}\n{lines}\n".encode()


def _outputs(turn: Turn, pieces: Iterable[str]) -> list[bytes]:
    return [_event(turn, "output", piece, number) for number, piece in enumerate(pieces)]


def stream(turn: Turn) -> Frames:
    """The tags of the thoughts go with the first and the last of them: one frame a token."""
    thoughts = list(turn.answer.reasoning)
    if thoughts:
        thoughts[0] = "<think>" + thoughts[0]
        thoughts[-1] += "</think>\n\n"
    end = _event(turn, "done", "{}", 0)
    return Frames(
        headers={"content-type": "text/event-stream"},
        opening=b"",
        reasoning=tuple(_outputs(turn, thoughts)),
        tokens=tuple(_outputs(turn, turn.answer.tokens)),
        closing=end,
        end=end,
        comment=b": keep-alive\n\n",
        early=True,
    )


def error_frame(refusal: Refusal, turn: Turn) -> bytes:
    return _event(turn, "error", FAILED, 0) + _event(turn, "done", '{"reason": "error"}', 0)


# ---------------------------------------------------------------- refusals


def refuse(refusal: Refusal, moment: Moment) -> Reply:
    """A prompt that is too long is found out by the model: the prediction is made, and has failed."""
    if refusal.why == "too_long":
        name = moment.provider.models[0]
        failed = {"id": f"prediction-{moment.serial}", "model": name, "version": "hidden", "status": "failed"}
        return Reply(201, JSON, orjson.dumps(failed | {"error": TOO_LONG, "output": None}))
    status = STATUS[refusal.why]
    problem: dict[str, Any] = {"detail": _words(refusal), "status": status}
    if refusal.why in TITLES:
        problem["title"] = TITLES[refusal.why]
    elif refusal.why == "no_model":
        status, problem = _no_model(refusal)
    if (wait := _seconds(refusal)) is not None:
        problem["retry_after"] = wait
    asked = refusal.retry_after
    headers = {"content-type": "application/problem+json"}
    headers |= {"retry-after": asked} if isinstance(asked, str) else {}
    return Reply(status, headers, orjson.dumps(problem))


def _seconds(refusal: Refusal) -> int | None:
    wait = refusal.retry_after
    return math.ceil(wait) if isinstance(wait, float) and math.isfinite(wait) else None


def _no_model(refusal: Refusal) -> tuple[int, dict[str, Any]]:
    """An official model that is not there is a page not found; a version is a field that is wrong."""
    if "/" in refusal.subject:
        return 404, {"detail": "The requested resource could not be found.", "status": 404}
    detail = "The specified version does not exist (or perhaps you don't have permission to use it?)"
    return 422, {"title": "Invalid version or not permitted", "detail": detail, "status": 422}


def _words(refusal: Refusal) -> str:
    if refusal.closed is not None and not refusal.message:
        wait = _seconds(refusal)
        return "Request was throttled." + ("" if wait is None else f" Your rate limit resets in ~{wait}s.")
    return refusal.message or WORDS.get(refusal.why, "The requested resource could not be found.")


WIRE = Wire(
    name="replicate",
    read=read,
    whole=whole,
    stream=stream,
    refuse=refuse,
    error_frame=error_frame,
    base="/v1",
    errand=read_errand,
    job=job,
)
