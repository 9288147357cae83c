"""Requests as they are shown: never with a key."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from racer.sim.counters import Visit
from racer.sim.record import visit_record
from tests.racer.sim.scenes import KEY


def record(headers: dict[str, str], path: str = "/v1/models", body: bytes = b"") -> dict[str, Any]:
    return visit_record(Visit(1, "a", "POST", path, headers, started_at=2.0, body=body))


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", f"Bearer {KEY}", "Bearer [key]"),
        ("authorization", KEY, "[key]"),
        ("x-api-key", KEY, "[key]"),
        ("X-Goog-Api-Key", KEY, "[key]"),
        ("cookie", f"session={KEY}", "[key]"),
        ("accept", "text/event-stream", "text/event-stream"),
    ],
)
def test_headers_that_hold_keys_are_masked(name: str, value: str, shown: str) -> None:
    """In any case of letters; others are shown as they came."""
    assert record({name: value})["headers"] == {name: shown}


def test_a_key_in_the_query_is_masked() -> None:
    """Other parameters stay."""
    assert record({}, f"/v1/x?a=1&key={KEY}&b")["path"] == "/v1/x?a=1&key=[key]&b"


def test_nothing_of_a_key_is_left() -> None:
    """The whole record holds no part of it."""
    shown = orjson.dumps(
        record({"Authorization": f"Bearer {KEY}", "x-api-key": KEY}, f"/p?key={KEY}")
    ).decode()

    assert KEY[:8] not in shown
    assert KEY[-8:] not in shown


def test_two_keys_can_be_told_apart() -> None:
    """The account is the same for the same key, by whatever header, and another for another."""
    one, again = record({"authorization": f"Bearer {KEY}"}), record({"x-api-key": KEY})

    assert one["account"] == again["account"]
    assert one["account"] != record({"authorization": f"Bearer {KEY}2"})["account"]
    assert record({})["account"] == "anonymous"


@pytest.mark.parametrize(("body", "shown"), [(b"", None), (b'{"a": 1}', {"a": 1}), (b"{\xff", "{\ufffd")])
def test_bodies_are_shown_as_json_or_text(body: bytes, shown: Any) -> None:
    """Whatever came can be shown."""
    assert record({}, body=body)["body"] == shown
