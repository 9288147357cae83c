"""racer/parsed/misfits.py: where, and what is wrong there, in one short line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.parsed.misfits import (
    at,
    lacking,
    line,
    misfit,
    place,
    steps,
    superfluous,
    too_deep,
    too_few,
    unlike,
    walked,
)


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ((), "$"),
        (("steps", 2, "amount"), "$.steps[2].amount"),
        (("a b", 0), '$["a b"][0]'),
        (("", "é"), '$[""].é'),
        (("1",), '$["1"]'),
        (("k" * 41,), '$["' + "k" * 39 + '…"]'),
    ],
)
def test_a_place(pieces: tuple[str | int, ...], text: str) -> None:
    """One form, whichever library found it."""
    assert place(pieces) == text


def test_words() -> None:
    """The same for all kinds of target."""
    assert lacking("a") == 'the key "a" is missing'
    assert superfluous("a" * 1000) == 'the key "' + "a" * 39 + '…" is not allowed'
    assert unlike("int", "5") == "expected int, got str"
    values: list[Any] = [None, True, 1, 1.5, "", [], {}]
    assert [unlike("x", value)[16:] for value in values] == [
        *("null", "bool", "int", "float", "str", "array", "object")
    ]
    assert unlike("int", object()) == "expected int, got another value"


@pytest.mark.parametrize(
    ("pieces", "path"),
    [
        (("u", "int"), ["u"]),
        (("u", "list[int]", 0), ["u", 0]),
        (("u", 5), ["u"]),
        (("u", -1), ["u"]),
        (("missing",), []),
        ((), []),
    ],
)
def test_only_what_is_a_step_is_walked(pieces: tuple[str | int, ...], path: list[Any]) -> None:
    """pydantic names the members of a union on the way."""
    assert walked({"u": ["x"]}, pieces) == path


def test_a_key_that_is_named_like_a_type_is_told_apart_by_what_stands_there() -> None:
    """pydantic tells the value that is wrong; the way that leads to it is right."""
    value: Any = {"u": {"Cat": {"n": 1}, "n": "x"}}

    assert steps(value, ("u", "Cat", "n"), "x") == [0, 2]
    assert steps(value, ("u", "Cat", "n"), 1) == [0, 1, 2]
    assert steps(value, ("u", "Cat", "n"), "elsewhere") == [0, 1, 2]
    assert steps(value, ("u",), "elsewhere") == [0]
    deep = ("a",) * 99
    value = None
    for key in deep:
        value = {key: value}
    assert steps(value, deep, "elsewhere") == list(range(99))
    assert str(too_deep()) == "$: nested too deep"
    assert too_few([1]) == "too few items: 1"


def test_both_ends_of_a_long_place_are_told() -> None:
    """The root and the fault; what lies between is more of the same."""
    told = str(misfit(["next"] * 200 + ["amount"], "no"))

    assert told.startswith("$.next.next")
    assert told.endswith("next.amount: no")
    assert len(told) < 200


@given(st.text(), st.text())
def test_a_misfit_is_one_short_line(where: str, what: str) -> None:
    """Whatever the model wrote."""
    told = str(at(f"${where}" * 50, what * 50))

    assert len(told) <= 330
    assert told.isprintable()
    assert told.startswith("$")


def test_a_huge_value_is_never_looked_at_whole() -> None:
    """Nor shown."""
    assert len(line("x" * 10_000_000)) < 1_000
    assert line("a\n\tb\x07c") == "a b�c"
