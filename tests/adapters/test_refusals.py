"""racer_adapters/refusals.py: the tables that all dialects share; each dialect's test has its own rows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters.bodies import Said, in_json
from racer_adapters.errors import Closed, Kind, WireError
from racer_adapters.ollama import RULES as OLLAMA_RULES
from racer_adapters.openai import RULES as OPENAI_RULES
from racer_adapters.refusals import BY_STATUS, COMMON, STATUS_OF_WORD, Rules, classify, in_band, rows


def refused(status: int, said: Any = "", **headers: str) -> WireError:
    return classify(COMMON, status, headers, json.dumps({"error": said}).encode())


def test_each_status_has_a_class() -> None:
    """Without a word of explanation."""
    wanted = {
        Kind.REDIRECT: (300, 301, 302, 303, 304, 307, 308, 399),
        Kind.BAD_REQUEST: (400, 406, 411, 412, 415, 418, 422, 428, 431, 497),
        Kind.AUTH: (401, 403),
        Kind.CREDIT: (402,),
        Kind.NO_MODEL: (404, 405, 410),
        Kind.CONNECT: (407,),
        Kind.SERVER: (408, 409, 424, 425, 499, 500, 501, 505, 599, 0, -1, 100, 600, 9999),
        Kind.TOO_LONG: (413,),
        Kind.RATE: (429, 498),
        Kind.DENIED: (451,),
        Kind.OVERLOADED: (502, 503, 504, 520, 521, 522, 523, 524, 529, 530),
    }
    for kind, statuses in wanted.items():
        for status in statuses:
            assert (status, refused(status).kind) == (status, kind)
    assert set(BY_STATUS) <= {status for statuses in wanted.values() for status in statuses}


TEXTS: list[tuple[int, Any, Kind]] = [
    (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, Kind.CREDIT),
    (400, "Your credit balance is too low to access the API", Kind.CREDIT),
    (429, {"details": {"error_code": "enforced_spend_limit_reached"}, "message": "no"}, Kind.CREDIT),
    (403, "Your team has used all available credits", Kind.CREDIT),
    (400, {"message": "API key not valid. Please pass one", "status": "INVALID_ARGUMENT"}, Kind.AUTH),
    (400, {"message": "no", "details": [{"reason": "API_KEY_INVALID"}]}, Kind.AUTH),
    (401, "Invalid username or password.", Kind.AUTH),
    (403, "This token has no permission to do that", Kind.AUTH),
    (403, "You may not use the model large-one", Kind.DENIED),
    (400, "User location is not supported for the API use.", Kind.DENIED),
    (403, {"message": "Input was flagged for this model", "metadata": {"reasons": ["x"]}}, Kind.BLOCKED),
    (400, {"code": "content_filter", "message": "no"}, Kind.BLOCKED),
    (400, {"code": "context_length_exceeded", "message": "no"}, Kind.TOO_LONG),
    (400, "This model's maximum context length is 8192 tokens.", Kind.TOO_LONG),
    (400, "prompt is too long: 210000 tokens > 200000 maximum", Kind.TOO_LONG),
    (400, "The input token count (9) exceeds the maximum (8)", Kind.TOO_LONG),
    (400, "request (9412 tokens) exceeds the available context size (8192 tokens)", Kind.TOO_LONG),
    (400, "Current length is 9 while limit is 8", Kind.TOO_LONG),
    (400, "too many tokens: 9", Kind.TOO_LONG),
    (429, "too many tokens per minute", Kind.RATE),
    (
        400,
        {"code": "unsupported_parameter", "message": "'max_tokens' does not exist for this model"},
        Kind.BAD_REQUEST,
    ),
    (400, "no such model: x", Kind.NO_MODEL),
    (400, {"code": "model_not_found", "message": "no"}, Kind.NO_MODEL),
    (400, "x is not a valid model ID", Kind.NO_MODEL),
    (410, "has reached its end of life", Kind.NO_MODEL),
    (429, "The engine is currently overloaded", Kind.OVERLOADED),
    (429, "limit of 50 requests per day", Kind.QUOTA),
    (429, "limited to 1000 API calls / month", Kind.QUOTA),
    (429, "your daily allowance", Kind.QUOTA),
    (429, "slow down", Kind.RATE),
    (503, "slow down", Kind.OVERLOADED),
    (422, "temperature must be a number", Kind.BAD_REQUEST),
]


@pytest.mark.parametrize(("status", "said", "kind"), TEXTS)
def test_words_that_say_more_than_the_status(status: int, said: Any, kind: Kind) -> None:
    """The first fitting row decides; words of another status do not count."""
    assert refused(status, said).kind is kind


@pytest.mark.parametrize("rules", [COMMON, OPENAI_RULES, OLLAMA_RULES], ids=["common", "openai", "ollama"])
def test_no_row_is_hidden_by_those_before_it(rules: Rules) -> None:
    """The needles of each row alone, with each of its statuses, mean what the row says."""
    for row in rules:
        words = (" ".join(row.needles) + " .").encode()
        for status in row.statuses:
            found = classify(rules, status, {}, words)

            assert (row, found.kind, found.model_only) == (row, row.kind, row.model_only)


def test_the_first_row_that_fits_decides() -> None:
    """A dialect's rows come before the shared ones; every needle of a row must be there."""
    rules = (*rows(Kind.QUOTA, (429,), "a & b", model_only=True), *rows(Kind.DENIED, (), "a"))

    assert classify(rules, 429, {}, b"B A").facts() == (Kind.QUOTA, "B A", 429, None, True, None)
    assert classify(rules, 429, {}, b"a").kind is Kind.DENIED
    assert classify(rules, 400, {}, b"a b").kind is Kind.DENIED
    assert classify(rules, 429, {}, b"b").kind is Kind.RATE


@pytest.mark.parametrize(("said", "wait"), [("119s", None), ("120s", 120.0), ("1h", 3600.0)])
def test_too_short_a_wait_for_its_row_is_not_believed(said: str, wait: float | None) -> None:
    """It speaks of another limit than the row does."""
    rules = rows(Kind.QUOTA, (429,), "a day", least_wait=120.0)

    assert classify(rules, 429, {}, f"a day, retry in {said}".encode()).retry_after == wait
    assert classify(rules, 429, {}, f"a minute, retry in {said}".encode()).retry_after is not None


@pytest.mark.parametrize(
    ("headers", "body", "wait"),
    [
        ({"Retry-After": "7"}, {"error": "retry in 3s", "retry_after": 5}, 7.0),
        ({"RETRY-AFTER-MS": "250"}, {}, 0.25),
        ({}, {"error": "retry in 3s", "retry_after": 5}, 5.0),
        ({}, {"error": "retry in 3s"}, 3.0),
        ({"Retry-After": "Thu, 20 Nov 2025 00:53:50 GMT", "Date": "Thu, 20 Nov 2025 00:53:20 GMT"}, {}, 30.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "90"}, {}, 90.0),
        (
            {"X-RateLimit-Remaining": "0"},
            {"error": {"metadata": {"headers": {"X-RateLimit-Reset": "80"}}}},
            80.0,
        ),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "90"}, {}, None),
        ({}, {}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_was_asked_for(
    status: int, headers: dict[str, str], body: Any, wait: float | None
) -> None:
    """Headers first, then the body's field, then its words, then the reset of a limit that is used up."""
    assert classify(COMMON, status, headers, json.dumps(body).encode()).retry_after == wait


def test_a_wait_that_is_too_short_for_its_row_is_not_believed() -> None:
    """The next one stated counts, or none: half a minute says nothing of a day's limit."""
    rules = rows(Kind.QUOTA, (429,), "a day", least_wait=60.0)
    field, text = (
        b'{"error": "a day", "retry_after": 20}',
        b'{"error": "a day: retry in 2h", "retry_after": 20}',
    )

    assert classify(rules, 429, {"retry-after": "3"}, field).retry_after is None
    assert classify(rules, 429, {}, text).retry_after == 7200.0
    assert classify(rules, 200, {}, text).retry_after == 7200.0
    assert classify(rules, 429, {}, b'{"error": "a minute", "retry_after": 20}').retry_after == 20.0


def test_a_used_up_limit_in_the_headers_counts_as_a_word() -> None:
    """A day's requests at zero make a 429 a daily quota."""
    headers = {"X-RateLimit-Remaining-Requests-Day": " 0 ", "X-RateLimit-Reset-Requests-Day": "3600"}

    assert classify(COMMON, 429, headers, b"").facts() == (Kind.QUOTA, "", 429, 3600.0, False, None)


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("https://other.test/v1?key=secret", "it redirects to other.test; redirects are not followed"),
        ("/login", "it redirects; redirects are not followed"),
        ("http://[", "it redirects; redirects are not followed"),
        ("http://a\x1bb/", "it redirects to a b; redirects are not followed"),
    ],
)
def test_a_redirect_names_the_host_alone(location: str, message: str) -> None:
    """The rest of the address may hold a key."""
    assert classify(COMMON, 302, {"Location": location}, b"<html>moved</html>").message == message


IN_BAND: list[tuple[Any, WireError]] = [
    ({"error": "boom"}, WireError(Kind.IN_BAND, "boom")),
    ({"error": {"message": "boom", "type": "banana"}}, WireError(Kind.IN_BAND, "boom")),
    ({"error": {"message": "slow", "code": 429}}, WireError(Kind.RATE, "slow", status=429)),
    ({"error": {"message": "slow", "code": "429"}}, WireError(Kind.RATE, "slow", status=429)),
    ({"error": {"message": "slow", "code": "rate_limit_exceeded"}}, WireError(Kind.RATE, "slow")),
    ({"error": {"message": "busy", "type": "overloaded_error"}}, WireError(Kind.OVERLOADED, "busy")),
    ({"error": "busy", "error_type": "overloaded"}, WireError(Kind.OVERLOADED, "busy")),
    ({"error": {"message": "bad", "type": "invalid_request_error"}}, WireError(Kind.BAD_REQUEST, "bad")),
    (
        {"error": {"message": "bad", "type": "invalid_request_error", "code": 503}},
        WireError(Kind.OVERLOADED, "bad", status=503),
    ),
    ({"error": {"message": "quota", "code": "insufficient_quota"}}, WireError(Kind.CREDIT, "quota")),
    ({"error": "maximum context length is 8"}, WireError(Kind.TOO_LONG, "maximum context length is 8")),
    (
        {"error": "100 per day, retry in 5s"},
        WireError(
            Kind.QUOTA, "100 per day, retry in 5s", retry_after=5.0, closed=Closed(window="day", limit=100.0)
        ),
    ),
    ({"error": "while running the model"}, WireError(Kind.IN_BAND, "while running the model")),
    ({"error": "your daily news"}, WireError(Kind.IN_BAND, "your daily news")),
]


@pytest.mark.parametrize(("body", "error"), IN_BAND)
def test_an_error_in_a_good_status(body: Any, error: WireError) -> None:
    """The body's number, else its code word, else its text decides; weak words alone decide nothing."""
    assert in_band(COMMON, in_json(body)) == error
    assert classify(COMMON, 200, {}, json.dumps(body).encode()) == error


@pytest.mark.parametrize(
    ("status", "said", "closed"),
    [
        (429, "50 requests per day", Closed("requests", "day", 50.0)),
        (498, "50 requests per minute", Closed("requests", "minute", 50.0)),
        (503, "50 requests per minute", None),
        (429, {"message": "50 requests per day", "code": "insufficient_quota"}, None),
        (401, "50 requests per day", None),
    ],
)
def test_only_a_refusal_for_a_limit_says_which(status: int, said: Any, closed: Closed | None) -> None:
    """Of a limit, in a refusal for something else, nothing can be learned."""
    assert refused(status, said).closed == closed


def test_the_headers_may_tell_the_size_of_the_limit() -> None:
    """Those of the response, and those that its body repeats."""
    headers = {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0"}
    body = {"error": {"message": "20 per day", "code": 429, "metadata": {"headers": headers}}}
    silent = {"error": {"message": "used up per day", "code": 429, "metadata": {"headers": headers}}}

    assert refused(429, "used up per day", **headers).closed == Closed(window="day", limit=50.0)
    assert in_band(COMMON, in_json(silent)).closed == Closed(window="day", limit=50.0)
    assert in_band(COMMON, in_json(body)).closed == Closed(window="day", limit=20.0)


def test_every_code_word_stands_for_a_status_with_a_class() -> None:
    """None of them is left as IN_BAND."""
    for word in STATUS_OF_WORD:
        assert in_band(COMMON, in_json({"error": {"message": "", "type": word}})).kind is not Kind.IN_BAND


def test_nothing_said_is_an_error_in_band() -> None:
    """An error without words is one all the same."""
    assert in_band(COMMON, Said()) == WireError(Kind.IN_BAND, "")


@given(
    st.integers(),
    st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4),
    st.binary(max_size=200),
)
def test_any_refusal_is_classified(status: int, headers: dict[str, str], body: bytes) -> None:
    """Never an exception, whatever the status, the headers and the body are."""
    error = classify(COMMON, status, headers, body)

    assert error.kind in Kind
    assert error.message.isprintable()
