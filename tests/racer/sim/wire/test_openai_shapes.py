"""Error bodies of the OpenAI dialect: one form a provider."""

from __future__ import annotations

from typing import Any

import pytest

from racer.sim.exchange import Refusal
from racer.sim.json_value import as_object
from racer.sim.quota import Closed, Standing
from racer.sim.wire.openai_errors import error_body
from tests.racer.sim.scenes import flavoured, moment

TOKENS = Refusal("limit", subject="m", closed=Closed(Standing("tokens", "minute", 60.0, 30, 29, 5.0), 9))
FIELD = Refusal("bad_field", "wrong", "messages.0.role")


@pytest.mark.parametrize(
    ("flavour", "refusal", "body"),
    [
        (
            "openai",
            FIELD,
            {
                "error": {
                    "message": "wrong",
                    "type": "invalid_request_error",
                    "param": "messages.0.role",
                    "code": None,
                }
            },
        ),
        ("groq", TOKENS, {"error": {"type": "tokens", "param": None, "code": "rate_limit_exceeded"}}),
        (
            "openai",
            Refusal("no_quota"),
            {"error": {"type": "insufficient_quota", "code": "insufficient_quota"}},
        ),
        ("openai", Refusal("no_model", subject="x"), {"error": {"code": "model_not_found", "param": None}}),
        ("generic", Refusal("no_model", subject="x"), {"error": {"type": "NotFoundError", "code": 404}}),
        ("generic", Refusal("server"), {"error": {"type": "InternalServerError", "code": 500}}),
        ("generic", FIELD, {"error": {"type": "BadRequestError", "code": 400}}),
        (
            "openrouter",
            TOKENS,
            {
                "error": {"code": 429, "metadata": {"error_type": "rate_limit_exceeded"}},
                "user_id": "user_sim",
            },
        ),
        ("openrouter", FIELD, {"error": {"code": 400, "metadata": {"error_type": "invalid_request"}}}),
        ("mistral", Refusal("bad_key"), {"detail": "Unauthorized"}),
        (
            "mistral",
            FIELD,
            {
                "detail": [
                    {
                        "type": "value_error",
                        "loc": ["body", "messages", "0", "role"],
                        "msg": "wrong",
                        "input": None,
                    }
                ]
            },
        ),
        (
            "mistral",
            Refusal("unknown_field", "no", "seed"),
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "no", "input": None}]},
        ),
        (
            "mistral",
            TOKENS,
            {"object": "error", "type": "service_tier_capacity_exceeded", "param": None, "code": "3505"},
        ),
        (
            "mistral",
            Refusal("no_model", subject="x"),
            {"object": "error", "type": "invalid_model", "code": "1500"},
        ),
        ("mistral", Refusal("server"), {"object": "error", "type": "server_error", "code": None}),
        ("cerebras", TOKENS, {"type": "too_many_requests_error", "code": "token_quota_exceeded"}),
        ("cerebras", Refusal("bad_key"), {"type": "invalid_request_error", "code": "wrong_api_key"}),
        ("nvidia", TOKENS, {"status": 429, "title": "Too Many Requests"}),
        ("nvidia", Refusal("no_model", subject="x"), {"status": 404, "title": "Not Found"}),
        ("nvidia", Refusal("server"), {"status": 500, "title": "Internal Server Error"}),
        ("nvidia", FIELD, {"status": 400, "title": "Bad Request", "detail": "wrong"}),
        ("ollama", Refusal("no_model", subject="x"), {"error": {"type": "not_found_error", "code": None}}),
        ("ollama", FIELD, {"error": {"type": "invalid_request_error"}}),
        ("ollama", Refusal("server"), {"error": {"type": "api_error"}}),
    ],
)
def test_bodies(flavour: str, refusal: Refusal, body: dict[str, Any]) -> None:
    """Each provider's form, with its own names for the same thing."""
    assert contains(error_body(refusal, moment(flavoured(flavour))), body)


def contains(found: Any, part: Any) -> bool:
    if (inner := as_object(part)) is not None:
        return all(name in found and contains(found[name], value) for name, value in inner.items())
    return bool(found == part)


def test_nvidia_says_no_more_than_too_many() -> None:
    """Its 429 has no detail."""
    assert "detail" not in error_body(TOKENS, moment(flavoured("nvidia")))
