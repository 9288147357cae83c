"""Refusals of the Gemini API: Google's statuses, words, and details with quota and wait."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import STATUSES, Reply
from racer.sim.wire.openai_headers import span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.sim.exchange import Moment, Refusal, Why
    from racer.sim.quota import Standing

JSON = {"content-type": "application/json; charset=UTF-8"}
TYPES = "type.googleapis.com/google.rpc."
SERVICE = "generativelanguage.googleapis.com"

# Where Google's status differs from the usual one.
STATUS: Mapping[Why, int] = {
    **STATUSES, "method": 404, "no_key": 403, "bad_key": 400, "too_big": 400, "overloaded": 503,
}  # fmt: skip
NAMES = {
    400: "INVALID_ARGUMENT",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    504: "DEADLINE_EXCEEDED",
}
WORDS: Mapping[Why, str] = {
    "no_route": "Requested entity was not found.",
    "method": "Requested entity was not found.",
    "no_key": "Method doesn't allow unregistered callers. Please use API Key to call this API.",
    "bad_key": "API key not valid. Please pass a valid API key.",
    "bad_json": "Invalid JSON payload received.",
    "no_model": "models/{subject} is not found for API version v1beta, or is not supported for this method.",
    "too_long": "The input token count ({subject}) exceeds the maximum number of tokens allowed ({context}).",
    "too_big": "Request payload size exceeds the limit: 104857600 bytes.",
    "parallel": "Resource has been exhausted (e.g. check quota).",
    "no_quota": "You exceeded your current quota.\n* Quota exceeded for metric: "
    "{service}/generate_content_free_tier_requests, limit: 0, model: {subject}\nPlease retry in 11.6s.",
    "credit": "Your prepayment credits are depleted.",
    "forbidden": "The caller does not have permission",
    "server": "An internal error has occurred. Please retry.",
    "gateway": "Bad gateway",
    "unavailable": "The model is overloaded. Please try again later.",
    "timeout": "Deadline expired before operation could complete.",
    "overloaded": "The model is overloaded. Please try again later.",
}
METRICS = {"requests": "requests", "tokens": "input_token_count"}
QUOTAS = {
    "requests": "GenerateRequestsPer{period}PerProjectPerModel-FreeTier",
    "tokens": "GenerateContentInputTokensPerModelPer{period}-FreeTier",
}


def refuse(refusal: Refusal, moment: Moment) -> Reply:
    return Reply(STATUS[refusal.why], JSON, orjson.dumps(error_body(refusal, moment)))


def error_body(refusal: Refusal, moment: Moment) -> dict[str, Any]:
    status = STATUS[refusal.why]
    error = {
        "code": status,
        "message": wording(refusal, moment),
        "status": NAMES.get(status, "UNAVAILABLE"),
    }
    details = _details(refusal)
    return {"error": error | ({"details": details} if details else {})}


def wording(refusal: Refusal, moment: Moment) -> str:
    if refusal.message:
        return refusal.message
    if refusal.closed is not None:
        return _limit_words(refusal, refusal.closed.standing)
    words = WORDS[refusal.why]
    return words.format(subject=refusal.subject, context=moment.provider.context, service=SERVICE)


def _limit_words(refusal: Refusal, standing: Standing) -> str:
    """Tells metric, limit and model, and when to come back."""
    wait = refusal.retry_after
    metric = f"{SERVICE}/generate_content_free_tier_{METRICS[standing.unit]}"
    again = ""
    if isinstance(wait, float) and math.isfinite(wait):
        again = f"\nPlease retry in {span(wait)}."
    return (
        "You exceeded your current quota, please check your plan and billing details.\n"
        f"* Quota exceeded for metric: {metric}, limit: {standing.limit}, model: {refusal.subject}{again}"
    )


def _details(refusal: Refusal) -> list[dict[str, Any]]:
    if refusal.why == "bad_key":
        reason = {"reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": {"service": SERVICE}}
        return [{"@type": f"{TYPES}ErrorInfo", **reason}]
    details: list[dict[str, Any]] = []
    if refusal.closed is not None:
        details.append(
            {"@type": f"{TYPES}QuotaFailure", "violations": [_violation(refusal, refusal.closed.standing)]}
        )
    wait = refusal.retry_after
    if isinstance(wait, str) or (wait is not None and math.isfinite(wait)):
        delay = wait if isinstance(wait, str) else f"{math.ceil(wait)}s"
        details.append({"@type": f"{TYPES}RetryInfo", "retryDelay": delay})
    return details


def _violation(refusal: Refusal, standing: Standing) -> dict[str, Any]:
    period = standing.period.capitalize() if standing.period.isalpha() else "Minute"
    return {
        "quotaMetric": f"{SERVICE}/generate_content_free_tier_{METRICS[standing.unit]}",
        "quotaId": QUOTAS[standing.unit].format(period=period),
        "quotaDimensions": {"location": "global", "model": refusal.subject},
        "quotaValue": str(standing.limit),
    }
