"""Fields by their names, and lanes by a model's name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from racer.server.fields import all_speak, check_names, flag, given, lanes_for
from racer.server.question import Refused
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.provider import Lane


def speaking(id_: str, dialect: str) -> Lane:
    made = lane(id_)
    return replace(made, provider=replace(made.provider, dialect=dialect))


LANES = [speaking("a/m", "ollama"), speaking("a/n", "ollama"), speaking("b/m", "openai")]


def refused(said: dict[str, Any], place: str = "") -> Refused:
    with pytest.raises(Refused) as caught:
        check_names(said, ("known",), "use known", place, {"old": "use new"})
    return caught.value


def test_names() -> None:
    """One that is not known is told with its place; of some there is more to say."""
    check_names({"known": 1}, ("known",), "use known")

    unknown, old, deep = refused({"x": 1}), refused({"old": 1}), refused({"x": 1}, "options")
    assert (unknown.message, unknown.param, unknown.code) == (
        "x is not taken: use known", "x", "unknown_parameter",
    )  # fmt: skip
    assert (old.message, old.code) == ("old is not taken: use new", "unsupported_parameter")
    assert (deep.status, deep.param) == (400, "options.x")


@pytest.mark.parametrize(
    ("field", "param"),
    [
        ("", ""),
        ("top-k", "top-k"),
        ("a b", "a b"),
        ("<script>", "<script>"),
        ("x" * 65, "x" * 64 + "…"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202e", "\\u202e"),
    ],
)
def test_names_that_are_none(field: str, param: str) -> None:
    """Told as they are, but none steers a terminal or fills a page."""
    told = refused({field: 1})

    assert told.param == param
    assert told.message.replace('"', "") == f"{param} is not taken: use known"
    assert (refused({"top-k": 1}, "options").param, refused({"a": 1}, "options").message) == (
        "options.top-k", "options.a is not taken: use known",
    )  # fmt: skip


def test_flags() -> None:
    """True, false, or what holds without a word."""
    assert flag({"x": True}, "x")
    assert flag({}, "x", default=True)
    assert not flag({}, "x")
    with pytest.raises(Refused, match="x is to be true or false"):
        flag({"x": 1}, "x")


def test_nulls() -> None:
    """They are as good as nothing."""
    assert given({"a": None, "b": 0}) == {"b": 0}


def test_who_is_meant() -> None:
    """By `only` alone: who is preferred is not alone."""
    assert [each.id for each in lanes_for({"only": ["a/n"]}, LANES)] == ["a/n"]
    assert lanes_for({"prefer": ["a"]}, LANES) == LANES
    assert all_speak("ollama", {"only": ["a"]}, LANES)
    assert not all_speak("ollama", {}, LANES)
    assert not all_speak("ollama", {"only": ["nobody"]}, LANES)
