"""racer_adapters/placed.py: single values of the caller's, each with its place in the sentence."""

from __future__ import annotations

from collections import UserDict
from typing import Any

import pytest

from racer_adapters.placed import (
    items,
    json_object,
    mapping,
    optional_bool,
    optional_text,
    shown,
    text,
    wrong,
)


@pytest.mark.parametrize("value", [[1, 2], (1, 2)])
def test_items_are_a_new_list(value: Any) -> None:
    """From a list or a tuple."""
    found = items(value, "here", "a list")

    assert found == [1, 2]
    assert found is not value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("abc", '"abc"'),
        (b"abc", "a bytes"),
        ({}, "a dict"),
        (7, "an int"),
        (None, "missing"),
        (iter(()), "a tuple_iterator"),
        (object(), "an object"),
        ("x" * 41, '"' + "x" * 40 + '…"'),
    ],
)
def test_a_sentence_says_place_finding_and_remedy(value: object, said: str) -> None:
    """Short texts are shown, of anything else its type: a prompt does not belong in an error."""
    assert str(wrong(value, "here", "a list")) == f"here is {said}: give a list"
    assert str(wrong(value, "here", "a list", "use")) == f"here is {said}: use a list"
    with pytest.raises(ValueError, match=r"^here is .*: give a list$"):
        items(value, "here", "a list")


def test_a_mapping_of_any_kind_is_one() -> None:
    """Not only a dict."""
    assert mapping(UserDict(a=1), "here", "a mapping")["a"] == 1
    with pytest.raises(ValueError, match=r"^here is an int: give a mapping$"):
        mapping(7, "here", "a mapping")


class Loud(str):
    """A text with a will of its own."""

    __slots__ = ("more",)


def test_a_text_is_a_plain_copy() -> None:
    """A subclass of str is the caller's object; we keep none."""
    found = text(Loud("abc"), "here", "a text")

    assert found == "abc"
    assert type(found) is str


@pytest.mark.parametrize("value", ["", None, 7, b"abc"])
def test_what_is_no_text_is_refused(value: object) -> None:
    """Bytes and the empty text too."""
    with pytest.raises(ValueError, match=r"^here is .*: give a text$"):
        text(value, "here", "a text")


def test_an_empty_text_may_be_fine() -> None:
    """Where it is asked for."""
    assert text("", "here", "a text", empty_is_fine=True) == ""


def test_half_a_character_is_refused() -> None:
    """It could reach neither a provider nor a database."""
    with pytest.raises(
        ValueError, match=r"^here has half a character \(a lone surrogate\) at position 2: decode"
    ):
        text("ab\ud800", "here", "a text")


def test_optional_texts() -> None:
    """Missing, null and empty are None; anything but a text is refused."""
    assert [optional_text(said, "a", "here") for said in ({}, {"a": None}, {"a": ""}, {"a": "b"})] == [
        None
    ] * 3 + ["b"]
    with pytest.raises(ValueError, match=r"^here\.a is an int: give a text$"):
        optional_text({"a": 7}, "a", "here")


def test_optional_truths() -> None:
    """Only true, false and nothing."""
    assert [optional_bool(said, "a", "here") for said in ({}, {"a": True}, {"a": False})] == [
        None,
        True,
        False,
    ]
    with pytest.raises(ValueError, match=r"^here\.a is an int: give true or false$"):
        optional_bool({"a": 1}, "a", "here")


def test_a_json_object_is_a_deep_copy() -> None:
    """What the caller changes later does not change what is sent."""
    inner = [1]
    found = json_object({"a": inner}, "here", "a mapping")
    inner.append(2)

    assert found == {"a": [1]}


def circle() -> dict[str, Any]:
    ring: dict[str, Any] = {}
    ring["ring"] = ring
    return ring


@pytest.mark.parametrize(
    "value", [{"a": object()}, {1: 2}, {"a": 2**70}, {"a": "\ud800"}, {"a": {1, 2}}, circle()]
)
def test_what_cannot_be_sent_is_refused(value: Any) -> None:
    """Also what goes round in a circle, or holds half a character."""
    with pytest.raises(ValueError, match=r"^here cannot be written as JSON \(.*\): use texts, numbers"):
        json_object(value, "here", "a mapping")


def test_shown_uses_the_right_article() -> None:
    """A small courtesy."""
    values: list[object] = [7, 1.5, [], True]

    assert [shown(value) for value in values] == ["an int", "a float", "a list", "a bool"]
