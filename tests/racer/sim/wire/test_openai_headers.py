"""Rate-limit headers: names, units and time formats of each provider."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from racer.sim.quota import Closed, Standing
from racer.sim.wire.openai_headers import limit_headers, span
from tests.racer.sim.scenes import AT, moment

if TYPE_CHECKING:
    from racer.sim.profile import Unit

PERIODS = {"second": 1.0, "minute": 60.0, "day": 86400.0}
UNITS: tuple[tuple[Unit, int], ...] = (("requests", 1), ("tokens", 1000))
STANDINGS = tuple(
    Standing(unit, period, seconds, limit, 2, seconds / 4)
    for unit, scale in UNITS
    for (period, seconds), limit in zip(PERIODS.items(), (5 * scale, 30 * scale, 900 * scale), strict=True)
)
MINUTE = STANDINGS[1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1.0, "0ms"),
        (0.0, "0ms"),
        (0.02, "20ms"),
        (1.0, "1s"),
        (7.66, "7.66s"),
        (59.9999, "1m0s"),
        (179.56, "2m59.56s"),
        (360.0, "6m0s"),
        (3603.0, "1h0m3s"),
        (86399.5, "23h59m59.5s"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    """Durations as OpenAI and Groq write them."""
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("style", "headers"),
    [
        ("", {}),
        (
            "openai",
            {
                "x-ratelimit-limit-requests": "5",
                "x-ratelimit-remaining-requests": "3",
                "x-ratelimit-reset-requests": "250ms",
                "x-ratelimit-limit-tokens": "5000",
                "x-ratelimit-remaining-tokens": "4998",
                "x-ratelimit-reset-tokens": "250ms",
            },
        ),
        (
            "groq",
            {
                "x-ratelimit-limit-requests": "900",
                "x-ratelimit-remaining-requests": "898",
                "x-ratelimit-reset-requests": "6h0m0s",
                "x-ratelimit-limit-tokens": "30000",
                "x-ratelimit-remaining-tokens": "29998",
                "x-ratelimit-reset-tokens": "15s",
            },
        ),
        (
            "cerebras",
            {
                "x-ratelimit-limit-requests-day": "900",
                "x-ratelimit-remaining-requests-day": "898",
                "x-ratelimit-reset-requests-day": "21600.0",
                "x-ratelimit-limit-tokens-minute": "30000",
                "x-ratelimit-remaining-tokens-minute": "29998",
                "x-ratelimit-reset-tokens-minute": "15.0",
            },
        ),
        (
            "sambanova",
            {
                "x-ratelimit-limit-requests": "30",
                "x-ratelimit-remaining-requests": "28",
                "x-ratelimit-reset-requests": "15",
                "x-ratelimit-limit-requests-day": "900",
                "x-ratelimit-remaining-requests-day": "898",
                "x-ratelimit-reset-requests-day": "21600",
            },
        ),
        (
            "together",
            {
                "x-ratelimit-limit": "5",
                "x-ratelimit-remaining": "3",
                "x-ratelimit-reset": "1",
                "x-tokenlimit-limit": "5000",
                "x-tokenlimit-remaining": "4998",
            },
        ),
        (
            "mistral",
            {
                "x-ratelimit-limit-req-minute": "30",
                "x-ratelimit-remaining-req-minute": "28",
                "x-ratelimit-limit-tokens-minute": "30000",
                "x-ratelimit-remaining-tokens-minute": "29998",
            },
        ),
        ("openrouter", {}),
    ],
)
def test_styles(style: str, headers: dict[str, str]) -> None:
    """Each provider's headers, from the same limits; the windows that it has no header for stay silent."""
    assert limit_headers(style, moment(standings=STANDINGS)) == headers


@pytest.mark.parametrize("style", ["openai", "groq", "cerebras", "sambanova", "together", "mistral"])
def test_no_limits_no_headers(style: str) -> None:
    """And a limit for good has no window to tell of."""
    assert limit_headers(style, moment()) == {}
    once = Standing("requests", "once", math.inf, 5, 1, math.inf)
    assert limit_headers(style, moment(standings=(once,))) == {}


@pytest.mark.parametrize("style", ["openai", "groq", "cerebras", "sambanova", "together", "mistral"])
def test_headers_are_only_of_the_limits_there_are(style: str) -> None:
    """A provider that limits one unit says nothing of the other."""
    for unit, other in (("request", "token"), ("token", "request")):
        only = tuple(one for one in STANDINGS if one.unit == f"{unit}s")
        headers = " ".join(limit_headers(style, moment(standings=only))).replace("req-", "requests-")
        assert f"{other}s-" not in headers
        assert f"{other}limit" not in headers


def test_openrouter_tells_only_when_it_refuses() -> None:
    """And then when the window ends, in milliseconds of Unix time."""
    assert limit_headers("openrouter", moment(standings=STANDINGS), Closed(MINUTE, 1)) == {
        "X-RateLimit-Limit": "30",
        "X-RateLimit-Remaining": "28",
        "X-RateLimit-Reset": str(round((AT + 15) * 1000)),
    }
    forever = Closed(Standing("requests", "once", math.inf, 5, 5, math.inf), 1)
    assert limit_headers("openrouter", moment(), forever) == {}


def test_nothing_is_ever_less_than_zero() -> None:
    """Remaining stops at zero."""
    over = Standing("requests", "minute", 60.0, 5, 9, 10.0)

    assert limit_headers("openai", moment(standings=(over,)))["x-ratelimit-remaining-requests"] == "0"
