"""Answers: the headers that go with each, and what is told of them after."""

from __future__ import annotations

from typing import Any, cast

import orjson
import pytest

from racer.core.reply import Reply
from racer.server.guard import Holder
from racer.server.question import Refused
from racer.server.visit import SAFE, Visit, racer_headers
from racer_adapters.types import Usage


class Asked:
    """As much of a request as is looked at."""

    method = "POST"


def visit() -> Visit:
    return Visit(cast("Any", Asked()), route="/v1/chat/completions")


def test_json() -> None:
    """With the headers that every answer has."""
    answer = visit().json({"a": 1}, 202, {"allow": "GET"})

    assert (answer.status, answer.body) == (202, b'{"a":1}')
    assert {name: answer.headers[name] for name in SAFE} == SAFE
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["allow"] == "GET"


def test_a_reply() -> None:
    """With who gave it; the same is told after."""
    came = visit()
    came.known_as(Holder("team"))
    answer = came.whole({}, Reply("hi", "groq", "m", Usage(), 1.0, "abc"))
    told = came.served(200, 0.5)

    assert answer.headers["x-racer-provider"] == "groq"
    assert answer.headers["x-racer-race-id"] == "abc"
    assert answer.headers["x-racer-lanes"] == "0"
    assert (told.method, told.route, told.status, told.seconds) == ("POST", "/v1/chat/completions", 200, 0.5)
    assert (told.token, told.race, told.provider, told.streamed, told.code) == (
        "team",
        "abc",
        "groq",
        False,
        None,
    )
    assert came.trail.token == "team"


@pytest.mark.parametrize(
    ("refused", "headers"),
    [
        (Refused(400, "no"), {}),
        (Refused(429, "no", retry_after=7), {"retry-after": "7"}),
        (Refused(502, "no", again=False), {"x-should-retry": "false"}),
    ],
)
def test_refusals(refused: Refused, headers: dict[str, str]) -> None:
    """When to come again, and whether at all."""
    came = visit()
    answer = came.refusal({"error": 1}, refused)

    assert answer.status == refused.status
    told = ("retry-after", "x-should-retry", "x-racer-race-id")
    assert {name: answer.headers[name] for name in told if name in answer.headers} == headers


@pytest.mark.parametrize(
    ("status", "stays"), [(401, False), (413, False), (421, False), (404, True), (429, True)]
)
def test_who_is_turned_away_at_the_door(status: int, *, stays: bool) -> None:
    """Nothing more is read of a connection whose request was not."""
    came = visit()
    came.trail.race = "abc"
    answer = came.refusal({}, Refused(status, "no", code="why"))

    assert (answer.keep_alive is not False) is stays
    assert answer.headers["x-racer-race-id"] == "abc"
    assert came.served(status, 0.1).code == "why"


def test_names_that_no_header_can_hold() -> None:
    """They are left out, and so is what is not known."""
    assert racer_headers("a\r\nx: 1", None, 2) == {"x-racer-lanes": "2"}
    assert racer_headers("é", "abc", 0) == {"x-racer-race-id": "abc", "x-racer-lanes": "0"}


def test_each_visit_has_a_name() -> None:
    """No two have the same."""
    names = {visit().id for _ in range(100)}

    assert len(names) == 100
    assert all(len(name) == 16 for name in names)
    assert orjson.dumps(sorted(names))
