"""Headers on limits: every provider's own names, meanings and forms of time; whatever they hold, no error."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from racer_adapters import DIALECTS, limits
from racer_adapters.limits import FORMATS, Reading, no_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = 1_763_600_000.0  # 2025-11-20T00:53:20Z
DATE = "Thu, 20 Nov 2025 00:53:20 GMT"

READ: list[tuple[str, str, Mapping[str, str], list[Reading]]] = [
    (
        "openai",
        "openai",
        {
            "x-ratelimit-limit-requests": "5000",
            "x-ratelimit-remaining-requests": "4999",
            "x-ratelimit-reset-requests": "20ms",
            "x-ratelimit-limit-tokens": "160000",
            "x-ratelimit-remaining-tokens": "159976",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        [
            Reading("requests", "minute", 5000, 4999, 0.02),
            Reading("tokens", "minute", 160000, 159976, 360),
        ],
    ),
    (
        "groq, whose requests are of the day",
        "groq",
        {
            "x-ratelimit-limit-requests": "14400",
            "x-ratelimit-remaining-requests": "14370",
            "x-ratelimit-reset-requests": "2m59.56s",
            "x-ratelimit-limit-tokens": "18000",
            "x-ratelimit-remaining-tokens": "17997",
            "x-ratelimit-reset-tokens": "7.66s",
            "retry-after": "2",
        },
        [
            Reading("requests", "day", 14400, 14370, 179.56),
            Reading("tokens", "minute", 18000, 17997, 7.66),
        ],
    ),
    (
        "cerebras, in seconds with fractions",
        "cerebras",
        {
            "x-ratelimit-limit-requests-day": "14400",
            "x-ratelimit-remaining-requests-day": "14399",
            "x-ratelimit-reset-requests-day": "33011.382867",
            "x-ratelimit-limit-tokens-minute": "30000",
            "x-ratelimit-remaining-tokens-minute": "0",
            "x-ratelimit-reset-tokens-minute": "11.382867",
        },
        [
            Reading("requests", "day", 14400, 14399, 33011.382867),
            Reading("tokens", "minute", 30000, 0, 11.382867),
        ],
    ),
    (
        "cerebras, the hour",
        "cerebras",
        {"x-ratelimit-limit-tokens-hour": "1000000", "x-ratelimit-remaining-tokens-hour": "999000"},
        [Reading("tokens", "hour", 1_000_000, 999_000)],
    ),
    (
        "sambanova, minute and day",
        "sambanova",
        {
            "x-ratelimit-limit-requests": "20",
            "x-ratelimit-remaining-requests": "19",
            "x-ratelimit-reset-requests": "60",
            "x-ratelimit-limit-requests-day": "20",
            "x-ratelimit-remaining-requests-day": "0",
            "x-ratelimit-reset-requests-day": "4h17m",
        },
        [Reading("requests", "minute", 20, 19, 60), Reading("requests", "day", 20, 0, 4 * 3600 + 17 * 60)],
    ),
    (
        "sambanova, the reset as a moment",
        "sambanova",
        {"x-ratelimit-remaining-requests-day": "3", "x-ratelimit-reset-requests-day": str(int(NOW) + 90)},
        [Reading("requests", "day", None, 3, 90)],
    ),
    (
        "anthropic, by the clock of its own date",
        "anthropic",
        {
            "date": "Thu, 21 Aug 2025 12:40:00 GMT",
            "anthropic-ratelimit-requests-limit": "1000",
            "anthropic-ratelimit-requests-remaining": "999",
            "anthropic-ratelimit-requests-reset": "2025-08-21T12:40:59Z",
            "anthropic-ratelimit-input-tokens-limit": "80000",
            "anthropic-ratelimit-input-tokens-remaining": "80000",
            "anthropic-ratelimit-input-tokens-reset": "2025-08-21T12:40:00Z",
            "anthropic-ratelimit-output-tokens-limit": "16000",
            "anthropic-ratelimit-output-tokens-remaining": "15000",
            "anthropic-ratelimit-tokens-limit": "96000",
        },
        [
            Reading("requests", "minute", 1000, 999, 59),
            Reading("tokens", "minute", 96000, None),
            Reading("input_tokens", "minute", 80000, 80000, 0),
            Reading("output_tokens", "minute", 16000, 15000),
        ],
    ),
    (
        "openrouter, in milliseconds of the epoch, with no word on the window",
        "openrouter",
        {
            "x-ratelimit-limit": "50",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(int(NOW * 1000) + 30_000),
        },
        [Reading("requests", None, 50, 0, 30)],
    ),
    (
        "fireworks, tokens in and out",
        "fireworks",
        {
            "x-ratelimit-limit-tokens-prompt": "3600000",
            "x-ratelimit-remaining-tokens-prompt": "3599000",
            "x-ratelimit-limit-tokens-cache-adjusted-prompt": "900000",
            "x-ratelimit-limit-tokens-generated": "36000",
        },
        [
            Reading("input_tokens", "minute", 3_600_000, 3_599_000),
            Reading("output_tokens", "minute", 36000, None),
        ],
    ),
    (
        "together, by the second",
        "together",
        {
            "x-ratelimit-limit": "10",
            "x-ratelimit-remaining": "9.5",
            "x-ratelimit-reset": "1",
            "x-tokenlimit-limit": "3000",
            "x-tokenlimit-remaining": "2900",
        },
        [Reading("requests", "second", 10, 9.5, 1), Reading("tokens", "second", 3000, 2900)],
    ),
    (
        "mistral, by the minute",
        "mistral",
        {
            "x-ratelimit-limit-req-minute": "720",
            "x-ratelimit-remaining-req-minute": "717",
            "x-ratelimit-limit-tokens-minute": "5000000",
            "x-ratelimit-remaining-tokens-minute": "4999911",
            "x-ratelimit-tokens-query-cost": "52",
        },
        [Reading("requests", "minute", 720, 717), Reading("tokens", "minute", 5_000_000, 4_999_911)],
    ),
    (
        "mistral, a model that the plan has nothing of",
        "mistral",
        {"x-ratelimit-limit-req-minute": "0"},
        [Reading("requests", "minute", 0, None)],
    ),
    (
        "cohere, a trial key",
        "cohere",
        {
            "x-trial-endpoint-call-limit": "20",
            "x-trial-endpoint-call-remaining": "19",
            "x-endpoint-monthly-call-limit": "1000",
        },
        [Reading("requests", "minute", 20, 19), Reading("requests", "month", 1000, None)],
    ),
    ("nothing known", "none", {"x-ratelimit-limit-requests": "5", "x-ratelimit-limit": "5"}, []),
    ("nothing said", "openai", {"content-type": "application/json"}, []),
    ("a reset alone", "openai", {"x-ratelimit-reset-requests": "1s"}, []),
    ("no number", "openai", {"x-ratelimit-limit-requests": "many"}, []),
    ("negative", "openai", {"x-ratelimit-remaining-requests": "-1"}, []),
    (
        "a reset that is none",
        "openai",
        {"x-ratelimit-limit-requests": " 60 ", "x-ratelimit-reset-requests": "soon"},
        [Reading("requests", "minute", 60, None)],
    ),
]


@pytest.mark.parametrize(
    ("name", "headers", "readings"), [row[1:] for row in READ], ids=[row[0] for row in READ]
)
def test_readings(name: str, headers: Mapping[str, str], readings: list[Reading]) -> None:
    """Each limit that the headers speak of, with the window that this provider means."""
    assert [rounded(reading) for reading in FORMATS[name](headers, NOW)] == readings


def rounded(reading: Reading) -> Reading:
    """To the microsecond: instants are large numbers."""
    return replace(reading, resets_in=reading.resets_in and round(reading.resets_in, 6))


def test_every_format_has_a_case() -> None:
    """None of the formats goes unread."""
    assert {row[1] for row in READ} == set(FORMATS)


NAMES = sorted({header for _, _, headers, _ in READ for header in headers})
VALUES = st.one_of(
    st.text(max_size=200),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        ["1e9", "٣", "0x10", "1_000", "9" * 400, "2m59.56s", DATE, "0001-01-01T00:00:00+14:00", "−1"]
    ),
)


@given(
    st.sampled_from(sorted(FORMATS)), st.dictionaries(st.sampled_from(NAMES), VALUES), st.floats(-1e15, 1e15)
)
@example("openai", {"x-ratelimit-limit-requests": "9" * 15, "x-ratelimit-reset-requests": "9" * 90}, 0.0)
def test_headers_never_raise(name: str, headers: Mapping[str, str], now: float) -> None:
    """Whatever they hold: readings of counts that are not negative, and waits within a month."""
    for reading in FORMATS[name](headers, now):
        assert (reading.limit, reading.remaining) != (None, None)
        assert all(count >= 0 for count in (reading.limit, reading.remaining) if count is not None)
        assert reading.resets_in is None or 0 <= reading.resets_in <= 31 * 86400


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_what_a_dialect_reads_by_itself(name: str) -> None:
    """Where the row names no format: OpenAI's, Anthropic's and Cohere's own; the others say nothing."""
    own = {"openai": limits.OPENAI, "anthropic": limits.ANTHROPIC, "cohere": limits.COHERE}

    assert DIALECTS[name].limits is own.get(name, no_limits)
