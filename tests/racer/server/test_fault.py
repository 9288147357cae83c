"""Errors of racer as clients are told of them."""

from __future__ import annotations

import pytest

from racer.core.heat import Outcome
from racer.core.reply import Attempt
from racer.errors import (
    BadRequest,
    ConfigError,
    DeadlineExceeded,
    NoLanes,
    RaceLost,
    RacerError,
    StoreError,
    StreamBroken,
)
from racer.server import fault
from racer.server.fault import SOON, refused
from racer_adapters.errors import Kind
from tests.core.lanes import lane

NOW = 1_800_000_000.0
LOST = Attempt("a/m", "a", "m", 0.0, 1.0, Outcome.FAILED, "server: no")


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "again"),
    [
        (BadRequest("no"), 400, "invalid_request_error", None, False),
        (RaceLost("all failed", attempts=[LOST]), 502, "server_error", "race_lost", False),
        (DeadlineExceeded("late"), 504, "server_error", "deadline_exceeded", False),
        (StreamBroken("broke"), 502, "server_error", "stream_broken", True),
        (StoreError("locked"), 500, "server_error", "internal_error", True),
        (ConfigError("wrong"), 500, "server_error", "internal_error", True),
        (RacerError("closed"), 500, "server_error", "internal_error", True),
    ],
)
def test_each_error(error: RacerError, status: int, kind: str, code: str | None, *, again: bool) -> None:
    """A true status; where racer has tried everything, clients need not try again."""
    told = refused(error, NOW)

    assert (told.status, told.kind, told.code, told.again) == (status, kind, code, again)
    assert told.message == str(error)


def test_the_field_that_is_wrong() -> None:
    """A client's own fault names its place."""
    assert refused(BadRequest("temperature is 9.0: use a number from 0 to 2"), NOW).param == "temperature"
    assert refused(BadRequest("two providers agree that the request is wrong: no"), NOW).param is None


@pytest.mark.parametrize("option", ["only", "prefer"])
def test_a_name_that_nobody_has(option: str) -> None:
    """It was written as `model`, and is told so."""
    told = refused(BadRequest(f"{option} names 'gpt', which is not known: did you mean x?"), NOW)

    assert (told.status, told.param, told.code) == (404, "model", "model_not_found")
    assert "'gpt'" in told.message


@pytest.mark.parametrize(
    ("skipped", "until", "status", "wait", "again"),
    [
        ([("a/m", "used up: 30 requests per minute")], NOW + 12.2, 429, 13, True),
        ([("a/m", "rate: slow down"), ("b/m", "not in only")], NOW + 12, 429, 12, True),
        ([("a/m", "used up: 30"), ("b/m", "cannot do tools"), ("c", "no key")], NOW + 12, 429, 12, True),
        ([("a/m", "used up: 30 requests"), ("b/m", "auth: bad key")], NOW + 12, 503, 12, True),
        ([("a/m", "server: 500")], NOW + 0.01, 503, 1, True),
        ([("a/m", "server: 500")], NOW - 5, 503, 1, True),
        ([("a/m", "used up: 1 request per day")], NOW + 3600, 429, 3600, False),
        ([("a/m", "used up: 1 request once")], None, 503, SOON, False),
        ([("groq", "no key: set GROQ_API_KEY")], None, 503, SOON, False),
        ([], NOW + 5, 503, 5, True),
    ],
)  # fmt: skip
def test_nobody_can_run(
    skipped: list[tuple[str, str]], until: float | None, status: int, wait: int, *, again: bool
) -> None:
    """429 where limits alone are in the way and it is known until when, else 503; both with a time."""
    told = refused(NoLanes("no lane can run", until=until, skipped=skipped), NOW)

    assert (told.status, told.retry_after, told.again) == (status, wait, again)


@pytest.mark.parametrize("name", ["a'b", "a'b\"c", 'a"b', "a\\b", "x', which is not known: y", "a\nb", "é"])
def test_a_name_with_quotes(name: str) -> None:
    """It is found whatever stands in it."""
    told = refused(BadRequest(f"only names {name!r}, which is not known: use a provider"), NOW)

    assert (told.status, told.code) == (404, "model_not_found")
    assert repr(name) in told.message


def attempt(name: str, reason: str) -> Attempt:
    return Attempt(f"{name}/m", name, "m", 0.0, 1.0, Outcome.FAILED, reason)


@pytest.mark.parametrize(
    ("reasons", "rests", "status", "wait", "again"),
    [
        (["rate 429: slow down"], [12.2], 429, 13, True),
        (["rate 429: slow down", "quota: used up"], [300, 12.2], 429, 13, True),
        (["quota: used up", "credit 402: no money"], [300, None], 429, 300, False),
        (["credit 402: no money"], [None], 429, SOON, False),
        (["rate 429: slow down", "overloaded 529: busy"], [40, 7], 503, 7, True),
        (["overloaded 503: busy"], [None], 503, None, True),
        (["overloaded 503: busy"], [900], 503, 900, False),
        (["rate 429: slow down", "server 500: no"], [12, None], 502, None, False),
        (["timeout: too slow"], [12], 502, None, False),
    ],
)
def test_what_all_providers_say(
    reasons: list[str], rests: list[float | None], status: int, wait: int | None, *, again: bool
) -> None:
    """Limits are a 429, those who are busy a 503; the first that is back says how long it takes."""
    lanes = [lane(f"{name}/m") for name in "abc"]
    error = RaceLost("all failed", attempts=[attempt("abc"[at], why) for at, why in enumerate(reasons)])
    waits: dict[str, float | None] = {lanes[at].id: rest for at, rest in enumerate(rests)}

    told = refused(error, NOW, lanes, lambda each: waits.get(each.id, 1.0))

    assert (told.status, told.retry_after, told.again) == (status, wait, again)
    assert told.message == str(error)


@pytest.mark.parametrize(
    ("reasons", "status", "code"),
    [
        ([f"{Kind.TOO_LONG} 400: too many tokens"], 400, "context_length_exceeded"),
        ([f"{Kind.TOO_LONG} 413: no", f"{Kind.TOO_LONG}: no"], 400, "context_length_exceeded"),
        ([f"{Kind.BAD_REQUEST} 400: no such field"], 400, None),
        ([f"{Kind.TOO_LONG} 413: no", f"{Kind.BAD_REQUEST} 400: no"], 400, None),
        ([f"{Kind.BAD_REQUEST} 400: no", "server 500: no"], 502, "race_lost"),
    ],
)
def test_what_is_the_clients_to_change(reasons: list[str], status: int, code: str | None) -> None:
    """Where every provider says so: with each one's words, and nothing to wait for."""
    error = RaceLost("all failed", attempts=[attempt("abc"[at], why) for at, why in enumerate(reasons)])
    told = refused(error, NOW)

    assert (told.status, told.code, told.again, told.retry_after) == (status, code, False, None)
    assert all(reason in told.message for reason in reasons)


def test_nobody_who_was_asked_can() -> None:
    """That is no 503: it says what to change."""
    told = refused(NoLanes("no lane can run", skipped=[("a/m", "cannot do tools")]), NOW)

    assert (told.status, told.param) == (400, "tools")


def test_faults_of_ours_are_not_told() -> None:
    """Neither are they anybody's business, nor could a client do anything about them."""
    assert fault.broken().status == 500
    assert "log" in fault.broken().message
    assert (fault.closing().status, fault.closing().retry_after) == (503, 5)
