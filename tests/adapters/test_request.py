"""racer_adapters/request.py: body fields, headers, bytes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from racer_adapters.request import given, headers_of, post, settled
from racer_adapters.secret import Secret
from racer_adapters.types import Target


def target(**quirks: Any) -> Target:
    return Target("http://127.0.0.1:1/v1", "m", **quirks)


def test_extra_is_merged_as_it_is_and_wins() -> None:
    """Also with values that we would leave out."""
    body, dropped = settled({"a": 1, "b": 2}, {"b": 3, "c": None}, target())

    assert body == {"a": 1, "b": 3, "c": None}
    assert dropped == ()


def test_fields_are_renamed() -> None:
    """A field under its new name; what is not there is not made."""
    body, _ = settled({"seed": 7}, {}, target(renames={"seed": "random_seed", "user": "user_id"}))

    assert body == {"random_seed": 7}


@pytest.mark.parametrize("new", [{"max_completion_tokens": 9}, {"max_completion_tokens": 9, "max_tokens": 8}])
def test_what_extra_says_under_the_new_name_stands(new: dict[str, int]) -> None:
    """The caller's own word for it beats our translation, in any order."""
    body, _ = settled({"max_tokens": 1}, new, target(renames={"max_tokens": "max_completion_tokens"}))

    assert body == {"max_completion_tokens": 9}


@pytest.mark.parametrize("drop", ["seed", "random_seed"])
def test_fields_are_dropped_by_either_name(drop: str) -> None:
    """Under its own name or the new one; what was dropped is told by the caller's name."""
    quirks = target(renames={"seed": "random_seed"}, drops=frozenset({drop, "absent"}))

    assert settled({"seed": 7, "a": 1}, {}, quirks) == ({"a": 1}, ("seed",))


def test_a_drop_that_nobody_asked_for_is_not_told() -> None:
    """`stream_options` is ours, unless the caller wrote it."""
    quirks = target(drops=frozenset({"stream_options"}))

    assert settled({"stream_options": 1}, {}, quirks, {"stream_options"}) == ({}, ())
    assert settled({"stream_options": 1}, {"stream_options": 2}, quirks, {"stream_options"}) == (
        {},
        ("stream_options",),
    )


def test_the_arguments_are_left_alone() -> None:
    """Fields and extra stay as they were."""
    fields, extra = {"a": 1}, {"b": 2}
    settled(fields, extra, target(renames={"a": "c"}, drops=frozenset({"b"})))

    assert (fields, extra) == ({"a": 1}, {"b": 2})


def test_a_request_without_a_key_has_no_authorization() -> None:
    """And one slash between base URL and path, however the base URL ends."""
    for base in ("http://h/v1", "http://h/v1/", "http://h/v1//"):
        request = post(Target(base, "m"), "/chat", {"a": [1]}, ("b",))

        assert (request.method, request.url) == ("POST", "http://h/v1/chat")
        assert request.headers == {"content-type": "application/json"}
        assert orjson.loads(request.body) == {"a": [1]}
        assert request.dropped == ("b",)


def test_the_key_goes_into_one_header_and_shows_nowhere() -> None:
    """As a bearer token; a repr holds neither headers nor body."""
    key = "test-key-" + "x" * 12
    request = post(Target("http://h", "m", Secret(key)), "/chat", {}, ())

    assert request.headers["authorization"] == f"Bearer {key}"
    assert key not in repr(request)


def test_the_targets_headers_win_whatever_their_case() -> None:
    """One header of a name, in lower case."""
    headers = {"Authorization": "Basic abc", "X-Title": "t"}
    request = post(Target("http://h", "m", Secret("k"), headers), "/chat", {}, ())

    assert request.headers == {
        "content-type": "application/json",
        "authorization": "Basic abc",
        "x-title": "t",
    }


def test_a_key_may_have_a_header_of_its_own() -> None:
    """There it stands bare."""
    key = "test-key-" + "x" * 12
    request = post(Target("http://h", "m", Secret(key), {"x-api-version": "1"}), "/chat", {}, (), "x-api-key")

    assert request.headers == {"content-type": "application/json", "x-api-key": key, "x-api-version": "1"}
    assert headers_of(Target("http://h", "m"), "x-api-key") == {}


def test_what_is_none_or_empty_was_not_given() -> None:
    """Zero and false were."""
    assert given(a=None, b="", c=[], d=(), e={}) == {}
    assert given(a=0, b=False, c=0.0, d=[0], e="0") == {"a": 0, "b": False, "c": 0.0, "d": [0], "e": "0"}
