"""What single providers say of a failure, as they word it: the simulator cannot say all of it.

Each body is met by a race that has one more lane. The failure must be told as what it is, and the race go on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from racer import Racer
from racer.config import Config
from racer.testing import ScriptedTransport, answers, provider_of, says
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True)
class Said:
    who: str
    dialect: str
    status: int
    body: Any
    kind: Kind


def openai(who: str, status: int, body: Any, kind: Kind) -> Said:
    return Said(who, "openai", status, body, kind)


def anthropic(status: int, type_: str, message: str, kind: Kind, **more: Any) -> Said:
    error = {"type": type_, "message": message, **more}
    return Said(f"anthropic: {message[-24:]}", "anthropic", status, {"type": "error", "error": error}, kind)


def cloudflare(status: int, code: int, kind: Kind) -> Said:
    body = {"result": None, "success": False, "errors": [{"code": code, "message": "x"}], "messages": []}
    return Said(f"cloudflare {code}", "cloudflare", status, body, kind)


def gemini(status: int, name: str, message: str, kind: Kind) -> Said:
    error = {"code": status, "status": name, "message": message}
    return Said(f"gemini: {message[-24:]}", "gemini", status, {"error": error}, kind)


def router(status: int, message: str, kind: Kind, **metadata: str) -> Said:
    body = {"error": {"code": status, "message": message, "metadata": metadata}, "user_id": "u"}
    return Said(f"openrouter: {message[-24:]}", "openai", status, body, kind)


def frames(*data: Any) -> bytes:
    texts = (each if isinstance(each, bytes) else orjson.dumps(each) for each in data)
    return b"".join(b"data: " + text + b"\n\n" for text in texts)


def chunk(delta: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"object": "chat.completion.chunk", "choices": [choice], **more}


SUSPENDED = "Account x is suspended, possibly due to reaching the monthly spending limit"
TPD = "Rate limit reached for model `m` on tokens per day (TPD): Limit 100000. Please try again in 9m38s."
MOVED = "Sonar is now the Agent API. Use /v1/responses instead of /v1/sonar."

REFUSALS = (
    openai(
        "xai, a key",
        400,
        {"code": "invalid-argument", "error": "Incorrect API key provided: x***"},
        Kind.AUTH,
    ),
    openai(
        "xai, money",
        403,
        {"code": "denied", "error": "Your team has used all available credits"},
        Kind.CREDIT,
    ),
    openai("openai, money", 429, {"error": {"message": "x", "code": "insufficient_quota"}}, Kind.CREDIT),
    openai("deepseek", 402, {"error": {"message": "Insufficient Balance"}}, Kind.CREDIT),
    openai(
        "huggingface", 402, {"error": "You have exceeded your monthly included credits for it."}, Kind.CREDIT
    ),
    openai("fireworks", 412, {"error": {"message": SUSPENDED}}, Kind.CREDIT),
    openai("chutes", 402, {"detail": "Quota exceeded and account balance is $0.0"}, Kind.CREDIT),
    openai(
        "nvidia, sick",
        400,
        {"detail": "Function id '1': DEGRADED function cannot be invoked"},
        Kind.OVERLOADED,
    ),
    openai(
        "nvidia, gone", 410, {"detail": "The model has reached its end of life on 2026-08-01"}, Kind.NO_MODEL
    ),
    openai(
        "nvidia, none",
        404,
        {"status": 404, "title": "Not Found", "detail": "Function '1': Not found"},
        Kind.NO_MODEL,
    ),
    openai("nvidia, busy", 429, {"status": 429, "title": "Too Many Requests"}, Kind.RATE),
    openai("groq, flex", 498, {"error": {"message": "x", "code": "capacity_exceeded"}}, Kind.RATE),
    openai("groq, the day", 429, {"error": {"message": TPD, "type": "tokens"}}, Kind.QUOTA),
    openai(
        "groq, too large",
        413,
        {"error": {"message": "Request too large for model `m` on TPM"}},
        Kind.TOO_LONG,
    ),
    openai("groq, no JSON", 400, {"error": {"message": "x", "code": "json_validate_failed"}}, Kind.INVALID),
    openai("mistral, a key", 401, {"detail": "Unauthorized"}, Kind.AUTH),
    openai(
        "mistral, busy",
        429,
        {"object": "error", "message": "Service tier capacity exceeded for this model."},
        Kind.RATE,
    ),
    openai(
        "cerebras", 400, {"message": "Current length is 9000 while limit is 8192", "code": "x"}, Kind.TOO_LONG
    ),
    openai("llama.cpp", 400, {"error": {"type": "exceed_context_size_error", "message": "x"}}, Kind.TOO_LONG),
    openai(
        "vllm",
        400,
        {"object": "error", "message": "maximum context length is 4096", "code": 400},
        Kind.TOO_LONG,
    ),
    openai("gemini's openai", 400, [{"error": {"message": "Please pass a valid API key"}}], Kind.AUTH),
    openai("github models", 410, b"", Kind.NO_MODEL),
    openai("a page", 502, b"<html><title>Bad gateway</title></html>", Kind.OVERLOADED),
    router(400, "x is not a valid model ID", Kind.NO_MODEL),
    router(404, "No endpoints found", Kind.NO_MODEL, error_type="not_found"),
    router(403, "Your chosen model requires moderation and your input was flagged", Kind.BLOCKED),
    router(429, "Rate limit exceeded: free-models-per-day", Kind.QUOTA),
    router(429, "Rate limit exceeded: free-models-per-min", Kind.RATE),
    router(402, "x", Kind.RATE, limit_source="openrouter_in_flight_budget"),
    router(402, "Insufficient credits", Kind.CREDIT),
    anthropic(400, "invalid_request_error", "Your credit balance is too low to access it", Kind.CREDIT),
    anthropic(402, "billing_error", "x", Kind.CREDIT),
    anthropic(
        429, "rate_limit_error", "spend", Kind.CREDIT, details={"error_code": "enforced_spend_limit_reached"}
    ),
    anthropic(429, "rate_limit_error", "ramp", Kind.RATE, details={"error_code": "ramp_limit_exceeded"}),
    anthropic(
        400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", Kind.TOO_LONG
    ),
    anthropic(529, "overloaded_error", "Overloaded", Kind.OVERLOADED),
    gemini(429, "RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0, model: m", Kind.DENIED),
    gemini(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", Kind.AUTH),
    gemini(400, "FAILED_PRECONDITION", "User location is not supported for the API use.", Kind.DENIED),
    gemini(
        400,
        "INVALID_ARGUMENT",
        "The input token count (9) exceeds the maximum number of tokens",
        Kind.TOO_LONG,
    ),
    gemini(402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", Kind.CREDIT),
    Said("cohere, a key", "cohere", 498, {"message": "invalid token"}, Kind.AUTH),
    Said(
        "cohere, too long", "cohere", 400, {"message": "too many tokens: size limit exceeded"}, Kind.TOO_LONG
    ),
    cloudflare(400, 5007, Kind.NO_MODEL),
    cloudflare(403, 5018, Kind.DENIED),
    cloudflare(404, 3042, Kind.NO_MODEL),
    cloudflare(413, 3006, Kind.TOO_LONG),
    cloudflare(429, 3036, Kind.QUOTA),
    cloudflare(429, 3040, Kind.OVERLOADED),
    Said("replicate, slow", "replicate", 429, {"detail": "Your rate limit resets in ~30s."}, Kind.RATE),
    Said("replicate, money", "replicate", 402, {"title": "Insufficient credit", "detail": "x"}, Kind.CREDIT),
    Said(
        "perplexity",
        "responses",
        403,
        {"error": {"message": MOVED, "type": "chat_completions_not_available"}},
        Kind.NO_MODEL,
    ),
    Said("runpod", "runpod", 401, b"", Kind.AUTH),
    Said(
        "ollama, a session", "ollama", 429, {"error": "you have reached your session usage limit"}, Kind.QUOTA
    ),
    Said("ollama, signed out", "ollama", 401, {"error": "unauthorized", "signin_url": "x"}, Kind.AUTH),
    Said("ollama, a plan", "ollama", 403, {"error": "this model requires a subscription"}, Kind.DENIED),
)

# Under a 200.
IN_BAND = (
    openai("an error and nothing else", 200, {"error": {"message": "x", "code": 503}}, Kind.OVERLOADED),
    openai(
        "openrouter, a chunk",
        200,
        frames(chunk({"content": ""}, "error", error={"code": 429, "message": "x"})),
        Kind.RATE,
    ),
    openai("a frame", 200, frames(chunk({"content": "He"}), {"error": {"message": "x"}}), Kind.IN_BAND),
    openai(
        "groq, a word", 200, frames(chunk({"content": "He"}), chunk({}, x_groq={"error": "x"})), Kind.IN_BAND
    ),
    openai("cerebras, in band", 200, frames({"error": {"message": "x"}, "status_code": 429}), Kind.RATE),
    openai("mistral, in band", 200, frames(chunk({"content": "He"}), chunk({}, "error")), Kind.IN_BAND),
    openai("huggingface, TGI", 200, frames({"error": "x", "error_type": "overloaded"}), Kind.OVERLOADED),
    openai("ollama's openai", 200, frames(chunk({"content": "He"}), chunk({})), Kind.TRUNCATED),
    openai("withheld", 200, frames(chunk({}, "content_filter"), b"[DONE]"), Kind.BLOCKED),
    Said(
        "ollama, in band",
        "ollama",
        200,
        b'{"message":{"content":"He"},"done":false}\n{"error":"x"}\n',
        Kind.IN_BAND,
    ),
    Said(
        "anthropic, in band",
        "anthropic",
        200,
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n',
        Kind.OVERLOADED,
    ),
    Said(
        "gemini, blocked", "gemini", 200, frames({"promptFeedback": {"blockReason": "SAFETY"}}), Kind.BLOCKED
    ),
    Said(
        "gemini, raw",
        "gemini",
        200,
        b'{\n "error": {\n "code": 503, "status": "UNAVAILABLE"}\n}\n',
        Kind.OVERLOADED,
    ),
    Said(
        "cohere, in band",
        "cohere",
        200,
        frames({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "x"}}),
        Kind.IN_BAND,
    ),
    Said(
        "cloudflare, in band",
        "cloudflare",
        200,
        {"success": False, "errors": [{"code": 3040, "message": "x"}]},
        Kind.OVERLOADED,
    ),
    Said("replicate, in band", "replicate", 201, {"id": "p", "status": "failed", "error": "x"}, Kind.IN_BAND),
    Said("runpod, in band", "runpod", 200, {"id": "r", "status": "TIMED_OUT"}, Kind.TIMEOUT),
    Said(
        "perplexity, in band",
        "responses",
        200,
        {"status": "failed", "error": {"message": "x", "code": 500}},
        Kind.SERVER,
    ),
)


async def reason_of(said: Said) -> str:
    """Why the lane failed that was told this, in a race that another one has won."""
    body = said.body if isinstance(said.body, bytes) else orjson.dumps(said.body)
    transport = ScriptedTransport({"said": answers(said.status, body), "well": says("Rhine", after=5)})
    providers = (replace(provider_of("said"), dialect=said.dialect), provider_of("well"))
    config = Config(providers=providers, env={"RACER_LOG": "off"})
    async with Racer(config, transport=transport) as racer:
        reply = await racer.race("Name a river.", lanes=2)
    assert reply.provider == "well"
    return next(attempt.reason or "" for attempt in reply.attempts if attempt.provider == "said")


@pytest.mark.parametrize("said", REFUSALS + IN_BAND, ids=lambda said: said.who)
async def test_it_is_told_as_what_it_is(said: Said) -> None:
    """A status is not the whole truth, and a 200 is none."""
    reason = await reason_of(said)

    assert reason.partition(":")[0].partition(" ")[0] == said.kind


def twice(cases: Sequence[Said]) -> set[str]:
    names = [said.who for said in cases]
    return {name for name in names if names.count(name) > 1}


def test_each_case_has_a_name_of_its_own() -> None:
    """A failure can be found by its name."""
    assert twice(REFUSALS + IN_BAND) == set()
