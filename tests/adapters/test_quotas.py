"""racer_adapters/quotas.py: which limit a refusal names, as providers word it, and as nobody does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters import DIALECTS
from racer_adapters.bodies import Said, in_json
from racer_adapters.errors import Closed, Kind
from racer_adapters.quotas import named


def google(*quotas: tuple[str, Any]) -> dict[str, Any]:
    violations = [{"quotaId": name, "quotaValue": size} for name, size in quotas]
    details = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}]
    return {"error": {"code": 429, "message": "Please retry in 46s.", "details": details}}


def limited(where: str) -> str:
    return f"Rate limit reached for model `openai/gpt-oss-20b` in organization `org_1` on {where}"


DAY = ("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "20")
MINUTE = ("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "5")
TOKENS = ("GenerateContentInputTokensPerModelPerMinute-FreeTier", "250000")

SAID: list[tuple[str, str, Any, Closed | None]] = [
    ("a day", "gemini", google(DAY), Closed("requests", "day", 20.0)),
    ("a minute's tokens", "gemini", google(TOKENS), Closed("input_tokens", "minute", 250_000.0)),
    ("the longest", "gemini", google(TOKENS, MINUTE, DAY, MINUTE), Closed("requests", "day", 20.0)),
    ("no size", "gemini", google(("PerDayPerModel", None)), Closed(None, "day")),
    ("no window", "gemini", google(("OutputTokens", 9)), Closed("output_tokens", None, 9.0)),
    ("tokens", "gemini", google(("TokensPerDay", "many")), Closed("tokens", "day")),
    ("a name that says nothing", "gemini", google(("Banana", "")), None),
    ("in an array, as OpenAI", "openai", [google(MINUTE)], Closed("requests", "minute", 5.0)),
    (
        "groq, a day",
        "openai",
        limited("requests per day (RPD): Limit 1000, Used 1000, Requested 1. Please try again in 1m26.4s."),
        Closed("requests", "day", 1000.0),
    ),
    (
        "groq, a minute",
        "openai",
        limited("tokens per minute (TPM): Limit 8000, Used 7800, Requested 500."),
        Closed("tokens", "minute", 8000.0),
    ),
    (
        "openai",
        "openai",
        limited("tokens per min (TPM): Limit 30,000, Used 29,000."),
        Closed("tokens", "minute", 30_000.0),
    ),
    (
        "openai, older",
        "openai",
        limited("requests per min. Limit: 3 / min. Current: 4 / min."),
        Closed("requests", "minute", 3.0),
    ),
    ("initials alone", "openai", limited("TPM"), Closed("tokens", "minute")),
    ("initials of an hour", "openai", limited("RPH: Limit 9"), Closed("requests", "hour", 9.0)),
    (
        "openrouter, a day",
        "openai",
        "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
        Closed("requests", "day"),
    ),
    (
        "openrouter, a minute",
        "openai",
        "Rate limit exceeded: free-models-per-min.",
        Closed("requests", "minute"),
    ),
    (
        "openrouter, with its headers",
        "openai",
        {
            "message": "Rate limit exceeded: free-models-per-day",
            "metadata": {"headers": {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0"}},
        },
        Closed("requests", "day", 50.0),
    ),
    (
        "headers of a limit that is not used up",
        "openai",
        {
            "message": "Rate limit exceeded: free-models-per-day",
            "metadata": {"headers": {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "4"}},
        },
        Closed("requests", "day"),
    ),
    (
        "cerebras",
        "openai",
        "Tokens per minute limit exceeded - too many tokens processed.",
        Closed("tokens", "minute"),
    ),
    ("together", "openai", "The maximum rate is 6.0 queries per minute", Closed("requests", "minute", 6.0)),
    ("mistral", "openai", "Requests rate limit exceeded", Closed("requests")),
    ("mistral, busy", "openai", "Service tier capacity exceeded for this model.", None),
    ("cloudflare's door", "openai", {"errors": [{"code": 3036, "message": "x"}]}, Closed("neurons", "day")),
    (
        "cloudflare",
        "cloudflare",
        {
            "errors": [
                {"code": 3036, "message": "you have used up your daily free allocation of 10,000 neurons"}
            ]
        },
        Closed("neurons", "day", 10_000.0),
    ),
    (
        "anthropic",
        "anthropic",
        "This request would exceed your organization's rate limit of 30,000 input tokens per minute. For it,",
        Closed("input_tokens", "minute", 30_000.0),
    ),
    (
        "anthropic, what comes out",
        "anthropic",
        "would exceed your rate limit of 8,000 output tokens per minute",
        Closed("output_tokens", "minute", 8000.0),
    ),
    ("anthropic, unnamed", "anthropic", "This request would exceed the rate limit", None),
    (
        "cohere, a month",
        "cohere",
        "You are using a Trial key, which is limited to 1000 API calls / month.",
        Closed("requests", "month", 1000.0),
    ),
    (
        "cohere, a minute",
        "cohere",
        "You are past the per minute request limit, please wait",
        Closed("requests", "minute"),
    ),
    (
        "cohere, tokens",
        "cohere",
        "trial token rate limit exceeded, limit is 100000 tokens per minute",
        Closed("tokens", "minute", 100_000.0),
    ),
    (
        "replicate",
        "replicate",
        "Your rate limit is reduced to 6 requests per minute with a burst of 1 requests, while you have $5.0",
        Closed("requests", "minute", 6.0),
    ),
    ("ollama, a week", "ollama", "you (ann) have reached your weekly usage limit", Closed(None, "week")),
    ("ollama, a session", "ollama", "you (ann) have reached your session usage limit", None),
    ("in flight", "openai", "Too many concurrent requests", Closed("calls", "flight")),
    ("a type", "openai", {"message": "not more: 5 per day", "type": "tokens"}, Closed("tokens", "day", 5.0)),
    ("in seconds", "openai", "Rate limit of 150 per 86400s exceeded. Wait 5 s", Closed(None, "day", 150.0)),
    ("in minutes", "openai", "20 requests per 60 minutes", Closed("requests", "hour", 20.0)),
    ("an odd window", "openai", "tokens per 5s: Limit 30", Closed("tokens", None, 30.0)),
    ("an unknown window", "openai", "5 requests per project", Closed("requests")),
    ("the first", "openai", "5 calls per minute; pay for 1000 per day", Closed("requests", "minute", 5.0)),
    ("the name of the status", "openai", "Too Many Requests", None),
    ("no words", "openai", "", None),
]


@pytest.mark.parametrize(
    ("dialect", "said", "closed"), [row[1:] for row in SAID], ids=[row[0] for row in SAID]
)
def test_the_limit_that_a_refusal_names(dialect: str, said: Any, closed: Closed | None) -> None:
    """As far as its words go, and no further."""
    body: Any = {"error": {"message": said}} if isinstance(said, str) else said
    error = DIALECTS[dialect].classify(429, {}, json.dumps(body).encode())

    assert error.kind in (Kind.RATE, Kind.QUOTA)
    assert error.closed == closed


@pytest.mark.parametrize("number", ["1e9", "٣", "-1", "", "1,00", "9" * 400, "None", "1_000"])
def test_a_size_that_is_no_number_is_none(number: str) -> None:
    """The rest is told all the same."""
    headers = {"x-ratelimit-limit": number, "x-ratelimit-remaining": "0"}

    assert named(Said(quotas=(("requestsperday", number),)), {}) == Closed("requests", "day")
    assert named(in_json({"error": "requests per day"}), headers) == Closed("requests", "day")


PIECES = (
    "per ", "/ ", "per day", "9 ", "9,999", "1.5", "limit ", "limit is 5", "tokens ", "input tokens", "calls",
    "daily", "tpm", "free-models-per-", "code=3036;", "٣", "concurrent", "1" * 40, "9,999," * 40,
)  # fmt: skip


@given(
    st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=60).map("".join)),
    st.dictionaries(
        st.sampled_from(["x-ratelimit-limit", "x-ratelimit-remaining"]),
        st.text("0123456789.,-e ", max_size=40),
    ),
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=3),
)
def test_any_text_is_read(text: str, headers: dict[str, str], quotas: list[tuple[str, str]]) -> None:
    """Never an exception; a size is never below zero, and what says nothing is None."""
    said = in_json({"error": text})
    for closed in (named(said, headers), named(Said(words=said.words, quotas=tuple(quotas)), headers)):
        assert closed is None or (closed != Closed() and (closed.limit is None or closed.limit >= 0))
