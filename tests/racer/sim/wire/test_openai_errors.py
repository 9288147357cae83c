"""Refusals of the OpenAI dialect: status, wording, wait."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, get_args

import pytest

from racer.sim.exchange import Refusal, Why
from racer.sim.quota import Closed, Standing
from racer.sim.wire.flavour import FLAVOURS
from racer.sim.wire.openai_errors import refuse, status_of, wording
from tests.racer.sim.scenes import flavoured, moment, said

if TYPE_CHECKING:
    from racer.sim.profile import Unit


def closed(unit: Unit = "requests", period: str = "minute", *, requested: int = 1, limit: int = 30) -> Closed:
    return Closed(Standing(unit, period, 60.0, limit, 29, 7.66), requested)


def limited(unit: Unit = "requests", period: str = "minute", *, requested: int = 1) -> Refusal:
    return Refusal("limit", subject="m", retry_after=7.66, closed=closed(unit, period, requested=requested))


@pytest.mark.parametrize("flavour", sorted(FLAVOURS))
@pytest.mark.parametrize("why", get_args(Why))
def test_every_refusal_is_said_in_every_flavour(flavour: str, why: Why) -> None:
    """With a status of an error, JSON, and no hole in the words."""
    room = closed() if why in ("limit", "beyond_limit") else None
    reply = refuse(
        Refusal(why, "x" if why == "bad_field" else "", "m", closed=room), moment(flavoured(flavour))
    )

    assert reply.status >= 400
    assert said(reply)
    assert reply.headers["content-type"] == "application/json"
    assert b"{subject}" not in reply.body


@pytest.mark.parametrize(
    ("flavour", "why", "status"),
    [
        ("openai", "no_model", 404),
        ("openrouter", "no_model", 400),
        ("openai", "beyond_limit", 429),
        ("groq", "beyond_limit", 413),
        ("openai", "bad_field", 400),
        ("mistral", "bad_field", 422),
        ("mistral", "unknown_field", 422),
        ("together", "bad_field", 422),
        ("openai", "overloaded", 529),
    ],
)
def test_statuses_by_flavour(flavour: str, why: Why, status: int) -> None:
    """Where a provider's status is its own."""
    assert status_of(Refusal(why), FLAVOURS[flavour]) == status


@pytest.mark.parametrize(
    ("flavour", "refusal", "words"),
    [
        (
            "openai",
            limited(),
            "on requests per min (RPM): Limit 30, Used 29, Requested 1. Please try again in 7.66s.",
        ),
        (
            "groq",
            limited("tokens", "day", requested=3),
            "service tier `on_demand` on tokens per day (TPD): Limit 30, Used 29, Requested 3. Please",
        ),
        ("groq", limited(), "on requests per minute (RPM)"),
        (
            "groq",
            limited("tokens", requested=99),
            "Request too large for `m` on tokens per minute (TPM): Limit 30, Requested 99.",
        ),
        ("sambanova", limited(period="5 s"), "on requests per 5 s:"),
        ("openrouter", limited(period="day"), "Rate limit exceeded: free-models-per-day."),
        ("openrouter", limited(), "Rate limit exceeded: free-models-per-min."),
        ("cerebras", limited("tokens"), "Tokens per minute limit exceeded - too many tokens processed."),
        ("cerebras", limited(), "Requests per minute limit exceeded - too many requests sent."),
        ("mistral", limited(), "Service tier capacity exceeded for this model."),
        ("openai", Refusal("bad_key", subject="abcd***wxyz"), "Incorrect API key provided: abcd***wxyz"),
        ("openai", Refusal("no_model", subject="x"), "The model `x` does not exist"),
        ("openrouter", Refusal("no_model", subject="x"), "x is not a valid model ID"),
        ("openai", Refusal("too_long", subject="9"), "maximum context length is 5 tokens"),
        ("cerebras", Refusal("too_long", subject="9"), "Current length is 9 while limit is 5"),
        ("openai", Refusal("server", "own words"), "own words"),
    ],
)
def test_wordings(flavour: str, refusal: Refusal, words: str) -> None:
    """What clients look for in the text: the window, the wait, the model."""
    assert words in wording(refusal, moment(flavoured(flavour, context=5)))


@pytest.mark.parametrize(
    ("flavour", "wait", "expected"),
    [
        ("openai", 7.66, {"retry-after": "8", "retry-after-ms": "7660"}),
        ("groq", 7.66, {"retry-after": "8"}),
        ("nvidia", 7.66, {}),
        ("groq", None, {}),
        ("groq", math.inf, {}),
        ("nvidia", "tomorrow", {"retry-after": "tomorrow"}),
    ],
)
def test_waits(flavour: str, wait: float | str | None, expected: dict[str, str]) -> None:
    """In seconds, rounded up; NVIDIA never says; a text goes out as it is."""
    headers = refuse(Refusal("limit", retry_after=wait, closed=closed()), moment(flavoured(flavour))).headers

    assert {name: value for name, value in headers.items() if name.startswith("retry")} == expected


def test_no_wait_no_promise() -> None:
    """Without a wait the text does not speak of one."""
    assert "try again in" not in wording(Refusal("limit", closed=closed()), moment(flavoured("groq")))


def test_openrouters_headers_come_with_its_429() -> None:
    """And not with another error."""
    of = moment(flavoured("openrouter"))

    assert "X-RateLimit-Reset" in refuse(limited(), of).headers
    assert "X-RateLimit-Reset" not in refuse(Refusal("server"), of).headers
