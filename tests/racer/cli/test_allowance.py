"""Limits in words."""

from __future__ import annotations

import pytest

from racer.cli.allowance import UNKNOWN, amount, in_words, of, one
from racer.core.provider import Limit, Model, Provider

SINGLE = [
    (Limit("requests", 30, "minute"), "30 requests a minute"),
    (Limit("requests", 1, "second"), "1 request a second"),
    (Limit("requests", 60, "hour"), "60 requests an hour"),
    (Limit("requests", 1000, "rolling 24h"), "1,000 requests in any 24h"),
    (Limit("neurons", 10000, "day", reset="00:00 UTC"), "10,000 neurons a day from 00:00 UTC"),
    (Limit("input_tokens", 3600000, "minute"), "3,600,000 input tokens a minute"),
    (Limit("output_tokens", 2.5, "week"), "2.5 output tokens a week"),
    (Limit("usd", 0.1, "month"), "0.1 USD a month"),
    (Limit("usd", 1, "once"), "1 USD once"),
    (Limit("usd", 5, "once", expires="2027-01-31"), "5 USD once, until 2027-01-31"),
    (Limit("tokens", 10**15, "month"), "1,000,000,000,000,000 tokens a month"),
]


@pytest.mark.parametrize(("limit", "words"), SINGLE, ids=[words for _, words in SINGLE])
def test_a_limit_reads_as_a_phrase(limit: Limit, words: str) -> None:
    """Amount, unit, time, and when the time begins or it all ends."""
    assert one(limit) == words


def test_limits_of_one_scope_stand_together() -> None:
    """The account's own first, so that "for each model" does not seem to hold for them."""
    limits = [
        Limit("requests", 1, "second", scope="model"),
        Limit("tokens", 500, "minute", scope="model"),
        Limit("tokens", 9000, "month"),
        Limit("requests", 7, "day", scope="team"),
    ]

    assert in_words(limits) == (
        "9,000 tokens a month; for each model: 1 request a second, 500 tokens a minute; "
        "for the keys of team together: 7 requests a day"
    )


def test_no_limit_is_not_no_bounds() -> None:
    """What is not known is called so."""
    assert in_words([]) == UNKNOWN == "no limit known"


OWN = (Limit("requests", 5, "minute", scope="model"),)
TOGETHER = [
    (Provider("a", "openai", ""), "no limit known"),
    (Provider("a", "openai", "", models=(Model("m"),), limits=OWN), "for each model: 5 requests a minute"),
    (Provider("a", "openai", "", models=(Model("m", limits=OWN),)), "1 model has limits of its own"),
    (
        Provider("a", "openai", "", models=(Model("m", limits=OWN), Model("n", limits=OWN)), limits=OWN),
        "for each model: 5 requests a minute; 2 models have limits of their own",
    ),
]


@pytest.mark.parametrize(("provider", "words"), TOGETHER, ids=[words for _, words in TOGETHER])
def test_a_provider_in_one_line(provider: Provider, words: str) -> None:
    """Its own limits in full, and that of its models some have more."""
    assert of(provider) == words


@pytest.mark.parametrize(("value", "text"), [(1000.0, "1,000"), (0.25, "0.25"), (1e15, "1" + ",000" * 5)])
def test_amounts_are_exact(value: float, text: str) -> None:
    """Every digit counts where people compare."""
    assert amount(value) == text
