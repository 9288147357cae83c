"""The checker, on small tables of its own."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.config import forms
from racer.config.check import Problem, check, dotted, fits, shown
from racer.config.kinds import Day, Either, Flag, Items, Kind, Names, Number, Table, Text, Whole, Word
from racer.config.schema import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WORD = Text("a word", forms.word)
SECRET = Text("a name", forms.key_reference, hidden=True)


def odd_rule(table: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if len(table) % 2:
        yield "", f"{len(table)} keys", "an even number"
    if "b" in table:
        yield "b", "b", "anything else"


PAIR = Table({"a": Whole(0, 9), "b": Whole(0, 9)}, required=("a",), rule=odd_rule)

RIGHT: list[tuple[Kind, list[object]]] = [
    (Flag(), [True, False]),
    (Whole(1, 9), [1, 9]),
    (Number(0, 1), [0, 1, 0.5, 1.0]),
    (Text("a word", forms.word), ["chat"]),
    (Word(("a", "b")), ["a", "b"]),
    (Day(), ["2027-01-31", date(2027, 1, 31)]),
    (Items(Whole(0, 9)), [[], [1, 2]]),
    (Names(WORD, Flag()), [{}, {"a": True, "b": False}]),
    (Either((Whole(0, 9), WORD)), [3, "chat"]),
    (Table({"a": Flag(), "b": Flag()}), [{}, {"a": True}]),
]
WRONG: list[tuple[Kind, list[object]]] = [
    (Flag(), [0, 1, "true", None, []]),
    (Whole(1, 9), [0, 10, 1.0, "1", True, None, float("nan"), 10**400]),
    (Number(0, 1), [-0.1, 1.1, float("inf"), float("nan"), True, "0.5", 10**400]),
    (Text("a word", forms.word), ["", "Chat", 1, True, None, ["chat"]]),
    (Word(("a", "b")), ["c", "", 1, None]),
    (Day(), ["2027-02-30", "soon", datetime(2027, 1, 31), 20270131, True]),
    (Items(Whole(0, 9)), ["12", {"a": 1}, (1, 2), None]),
    (Items(Flag(), 2, 2), [[], [True], [True, True, True]]),
    (Names(WORD, Flag()), [[], "a", {"A": True}, {"a": 1}]),
    (Either((Whole(0, 9), WORD)), [10, "Chat", True, 1.5, []]),
    (Table({"a": Flag()}), [[], "a", {"a": 1}, {"b": True}]),
    (PAIR, [{}, {"a": 1}, {"a": 1, "b": 2}]),
]


def cases(table: list[tuple[Kind, list[object]]]) -> list[tuple[Kind, object]]:
    return [(kind, value) for kind, values in table for value in values]


@pytest.mark.parametrize(("kind", "value"), cases(RIGHT))
def test_right(kind: Kind, value: object) -> None:
    """A value of the right type, range and form is no problem."""
    assert check(value, kind) == []


@pytest.mark.parametrize(("kind", "value"), cases(WRONG))
def test_wrong(kind: Kind, value: object) -> None:
    """Anything else is a problem that says what was found and what is allowed."""
    problems = check(value, kind, ("it",))

    assert problems
    assert all(problem.found and problem.allowed for problem in problems)
    assert all(problem.path[0] == "it" for problem in problems)


def test_all_at_once() -> None:
    """The checker goes on after a problem, into every list and table."""
    kind = Table({"a": Whole(0, 9), "b": Items(Flag()), "c": Flag()}, required=("c",))
    problems = check({"a": "x", "b": [True, 1, 2], "d": 0}, kind)

    assert [dotted(problem.path) for problem in problems] == ["a", "b[1]", "b[2]", "d", "c"]


def test_rule_waits_for_the_keys() -> None:
    """What a rule finds is told by its key; where a single key is wrong already, the rule is not asked."""
    assert [problem.path for problem in check({"a": 1, "b": 1}, PAIR)] == [("b",)]
    assert [problem.path for problem in check({"a": 1}, PAIR)] == [()]
    assert [problem.path for problem in check({"a": "x"}, PAIR)] == [("a",)]


def test_near_misses() -> None:
    """A key or a word that is nearly right is asked after; a key that smells of a secret gets advice."""
    kind = Table({"policy": Word(("all", "frugal")), "keys": Flag()})
    unknown, word = check({"polcy": 1, "policy": "fruggal"}, kind)

    assert unknown.hint == "; did you mean policy?"
    assert word.hint == "; did you mean frugal?"
    assert 'keys = ["$NAME"]' in check({"secret": "x"}, kind)[0].hint


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (2**80, "a huge number"),
        (0.5, "0.5"),
        (float("nan"), "nan"),
        ("abc", "the text 'abc'"),
        ("a\nb", r"the text 'a\nb'"),
        ("x" * 16, "a text of 16 characters"),
        ("a b " * 16, "a text of 64 characters"),
        ([1], "a list"),
        ({}, "a table"),
        (date(2027, 1, 31), "2027-01-31"),
    ],
)
def test_shown(value: object, text: str) -> None:
    """Short values are shown as they are, long runs of characters never, for they may be keys."""
    assert shown(value) == text


def test_hidden_texts() -> None:
    """Where keys are expected, not even a short text is repeated."""
    assert "hunter2" not in str(check("hunter2", SECRET)[0])


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("race", "lanes"), "race.lanes"),
        (("providers", "groq", "limits", 2, "per"), "providers.groq.limits[2].per"),
        (("a\nb",), r"'a\nb'"),
        (("x" * 41,), "…"),
        (("k1" * 8,), "…"),
        (("providers", "a-long-name-of-2026", "per"), "providers.a-long-name-of-2026.per"),
        (("providers", "A-long-name-of-2026"), "providers.…"),
        ((), ""),
    ],
)
def test_dotted(path: tuple[str | int, ...], text: str) -> None:
    """A path reads as in the file; a name that may be a key is left out."""
    assert dotted(path) == text


def test_problem_as_text() -> None:
    """A problem is one line: where, what was found, what is allowed, and a hint."""
    problem = Problem(("race", "lanes"), "0", "a whole number from 1 to 64", "; more")

    assert str(problem) == "race.lanes: found 0; allowed: a whole number from 1 to 64; more"


def test_fits_by_type_alone() -> None:
    """Type and range are two questions: a number that is too large still fits the type."""
    assert fits(100, Whole(0, 9))
    assert fits("x", Either((Flag(), WORD)))
    assert not fits(True, Either((Whole(0, 9), WORD)))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
)
KNOWN_NAMES = st.sampled_from(
    [*FILE.keys, "groq", "keys", "limits", "models", "headers", "base_url", "per", "pool"]
)
FILES = st.recursive(
    VALUES, lambda inner: st.dictionaries(KNOWN_NAMES, inner, max_size=5) | st.lists(inner, max_size=3)
)


@given(FILES)
def test_any_value_is_checked(value: object) -> None:
    """Whatever a file may hold, the checker answers with problems, each of one line."""
    for problem in check(value, FILE):
        assert "\n" not in str(problem)
