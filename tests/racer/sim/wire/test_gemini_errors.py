"""Refusals of the Gemini API, in Google's form."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest

from racer.sim.exchange import Refusal, Why
from racer.sim.profile import Provider
from racer.sim.quota import Closed, Standing
from racer.sim.wire.gemini_errors import refuse
from tests.racer.sim.scenes import moment, said

GEMINI = Provider("gemini", dialect="gemini", models=("m",), context=100)


def error(refusal: Refusal) -> Any:
    return said(refuse(refusal, moment(GEMINI)))["error"]


def limit(unit: Any = "requests", period: str = "day", wait: float | str | None = 5.0) -> Refusal:
    standing = Standing(unit, period, 86400.0, 20, 20, 5.0)
    return Refusal("limit", subject="m", retry_after=wait, closed=Closed(standing, 1))


@pytest.mark.parametrize("why", get_args(Why))
def test_every_refusal_has_code_words_and_status(why: Why) -> None:
    """The code in the body is that of the reply; a bad key is a bad argument."""
    refusal = Refusal(
        why, message="Bad" if why.endswith(("_field", "_turns")) else "", subject="m", closed=limit().closed
    )
    reply = refuse(refusal if "limit" in why else Refusal(why, refusal.message, "m"), moment(GEMINI))
    body = said(reply)["error"]

    assert body["code"] == reply.status
    assert body["message"]
    assert body["status"].isupper()


@pytest.mark.parametrize(
    ("why", "code", "status"),
    [
        ("bad_key", 400, "INVALID_ARGUMENT"),
        ("no_key", 403, "PERMISSION_DENIED"),
        ("credit", 402, "RESOURCE_EXHAUSTED"),
        ("overloaded", 503, "UNAVAILABLE"),
        ("gateway", 502, "UNAVAILABLE"),
        ("timeout", 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_googles_codes(why: Why, code: int, status: str) -> None:
    """Where they are not the usual ones, or have names of their own."""
    body = error(Refusal(why))

    assert (body["code"], body["status"]) == (code, status)


def test_a_wrong_key_has_a_reason() -> None:
    """By which it is told from other bad arguments."""
    (detail,) = error(Refusal("bad_key"))["details"]

    assert (detail["@type"], detail["reason"]) == (
        "type.googleapis.com/google.rpc.ErrorInfo",
        "API_KEY_INVALID",
    )


@pytest.mark.parametrize(
    ("unit", "period", "quota"),
    [
        ("requests", "day", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
        ("requests", "minute", "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
        ("requests", "2 s", "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
        ("tokens", "minute", "GenerateContentInputTokensPerModelPerMinute-FreeTier"),
    ],
)
def test_a_limit_names_its_quota(unit: str, period: str, quota: str) -> None:
    """Unit and window stand in the id."""
    failure, retry = error(limit(unit, period))["details"]

    assert failure["violations"][0]["quotaId"] == quota
    assert failure["violations"][0]["quotaDimensions"]["model"] == "m"
    assert retry["retryDelay"] == "5s"


@pytest.mark.parametrize(
    ("wait", "delay", "words"),
    [
        (37025.72, "37026s", "Please retry in 10h17m5.72s."),
        (0.25, "1s", "Please retry in 250ms."),
        ("soon", "soon", ""),
        (math.inf, None, ""),
        (None, None, ""),
    ],
)
def test_the_wait_stands_in_words_and_details(
    wait: float | str | None, delay: str | None, words: str
) -> None:
    """In whole seconds and in Go's form; not at all where nobody knows it."""
    body = error(limit(wait=wait))
    delays = [detail["retryDelay"] for detail in body["details"] if "retryDelay" in detail]

    assert delays == ([] if delay is None else [delay])
    assert words in body["message"]
    assert ("Please retry" in body["message"]) is bool(words)


def test_a_model_that_is_not_for_this_project() -> None:
    """Has a limit of zero."""
    assert "limit: 0, model: m" in error(Refusal("no_quota", subject="m"))["message"]


def test_too_long_tells_both_numbers() -> None:
    """What came, and what is allowed."""
    assert (
        "(120) exceeds the maximum number of tokens allowed (100)"
        in (error(Refusal("too_long", subject="120"))["message"])
    )
