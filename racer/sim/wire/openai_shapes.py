"""The forms that error bodies of the OpenAI dialect come in: a refusal, its status, its wording -> JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racer.sim.exchange import Refusal, Why

# why -> type and code of OpenAI's error object
NAMES: Mapping[Why, tuple[str, str | None]] = {
    "no_key": ("invalid_request_error", None),
    "bad_key": ("invalid_request_error", "invalid_api_key"),
    "unknown_field": ("invalid_request_error", "unsupported_parameter"),
    "no_model": ("invalid_request_error", "model_not_found"),
    "too_long": ("invalid_request_error", "context_length_exceeded"),
    "too_big": ("invalid_request_error", "request_too_large"),
    "beyond_limit": ("tokens", "rate_limit_exceeded"),
    "limit": ("requests", "rate_limit_exceeded"),
    "parallel": ("requests", "rate_limit_exceeded"),
    "no_quota": ("insufficient_quota", "insufficient_quota"),
    "credit": ("billing_error", "payment_required"),
    "forbidden": ("permission_error", "permission_denied"),
    "server": ("server_error", None),
    "gateway": ("server_error", "bad_gateway"),
    "unavailable": ("server_error", "service_unavailable"),
    "timeout": ("server_error", "timeout"),
    "overloaded": ("server_error", "overloaded"),
}
OPENROUTER_TYPES: Mapping[Why, str] = {
    "no_key": "authentication",
    "bad_key": "authentication",
    "no_model": "not_found",
    "too_long": "context_length_exceeded",
    "limit": "rate_limit_exceeded",
    "too_big": "payload_too_large",
    "beyond_limit": "rate_limit_exceeded",
    "parallel": "rate_limit_exceeded",
    "no_quota": "payment_required",
    "credit": "payment_required",
    "forbidden": "permission_denied",
    "server": "server",
    "gateway": "provider_unavailable",
    "unavailable": "provider_unavailable",
    "timeout": "timeout",
    "overloaded": "provider_overloaded",
}
TITLES = {
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
}


def _names(refusal: Refusal) -> tuple[str, str | None]:
    kind, code = NAMES.get(refusal.why, ("invalid_request_error", None))
    if refusal.closed is not None:
        kind = refusal.closed.standing.unit
    return kind, code


def _openai_shape(refusal: Refusal, status: int, message: str) -> dict[str, Any]:
    kind, code = _names(refusal)
    param = refusal.subject if refusal.why in {"bad_field", "unknown_field"} else None
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _code_shape(refusal: Refusal, status: int, message: str) -> dict[str, Any]:
    """As vLLM has it: the code is the status."""
    kind = {401: "AuthenticationError", 404: "NotFoundError", 429: "RateLimitError"}.get(
        status, "BadRequestError"
    )
    return {
        "error": {
            "message": message,
            "type": kind if status < 500 else "InternalServerError",
            "param": None,
            "code": status,
        }
    }


def _numeric_shape(refusal: Refusal, status: int, message: str) -> dict[str, Any]:
    kind = OPENROUTER_TYPES.get(refusal.why, "invalid_request")
    return {
        "error": {"code": status, "message": message, "metadata": {"error_type": kind}},
        "user_id": "user_sim",
    }


def _flat_shape(refusal: Refusal, status: int, message: str) -> dict[str, Any]:
    """Cerebras has no `error` around it."""
    kind, code = _names(refusal)
    if refusal.closed is not None:
        unit = refusal.closed.standing.unit
        kind, code = "too_many_requests_error", f"{unit.removesuffix('s')}_quota_exceeded"
    if refusal.why in {"bad_key", "no_key"}:
        code = "wrong_api_key"
    return {"message": message, "type": kind, "param": refusal.subject or None, "code": code}


def _object_shape(refusal: Refusal, status: int, message: str) -> dict[str, Any]:
    """Mistral: a bare detail for keys, a list of details for fields, else an error object."""
    if refusal.why in {"bad_key", "no_key"}:
        return {"detail": "Unauthorized"}
    if status == 422:
        kind = "extra_forbidden" if refusal.why == "unknown_field" else "value_error"
        place = ["body", *refusal.subject.split(".")] if refusal.subject else ["body"]
        return {"detail": [{"type": kind, "loc": place, "msg": message, "input": None}]}
    kind, code = {
        "limit": ("service_tier_capacity_exceeded", "3505"),
        "no_model": ("invalid_model", "1500"),
    }.get(refusal.why, (_names(refusal)[0], None))
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


def _title_shape(refusal: Refusal, status: int, message: str) -> dict[str, Any]:
    title = TITLES.get(status, "Bad Request" if status < 500 else "Internal Server Error")
    return {"status": status, "title": title} | ({} if status == 429 else {"detail": message})


def _ollama_shape(refusal: Refusal, status: int, message: str) -> dict[str, Any]:
    kind = "not_found_error" if status == 404 else "invalid_request_error" if status == 400 else "api_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


SHAPES: Mapping[str, Callable[[Refusal, int, str], dict[str, Any]]] = {
    "openai": _openai_shape,
    "code": _code_shape,
    "numeric": _numeric_shape,
    "flat": _flat_shape,
    "object": _object_shape,
    "title": _title_shape,
    "ollama": _ollama_shape,
}
