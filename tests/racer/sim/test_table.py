"""A table of TOML, read key by key."""

from __future__ import annotations

import pytest

from racer.sim.profile import ProfileError
from racer.sim.table import Table


def test_what_is_absent_is_its_default() -> None:
    """Every reader has a default for a key that is not there."""
    table = Table({}, "f")

    assert table.number("a", 1.5) == 1.5
    assert table.integer("b", 2) == 2
    assert table.maybe_integer("c") is None
    assert table.text("d", "x") == "x"
    assert table.choice("e", "y", ("y",)) == "y"
    assert table.texts("f") == ()
    assert table.below_each("g") == []


def test_done_names_the_key_that_nobody_asked_for() -> None:
    """Unknown keys are errors, and the known ones are listed."""
    table = Table({"known": 1, "other": 2}, "file.toml", "part")
    table.number("known", 0)

    with pytest.raises(ProfileError, match=r"^file\.toml: part\.other: unknown key, allowed: known$"):
        table.done()


def test_done_is_content_when_all_was_asked_for() -> None:
    """Keys that were read are no error."""
    table = Table({"known": 1}, "f")
    table.has("known")

    table.done()


@pytest.mark.parametrize("value", [True, "1", -1, [1]])
def test_a_number_is_a_number(value: object) -> None:
    """Booleans, texts and lists are no numbers, and bounds hold."""
    with pytest.raises(ProfileError, match=r"f: a: found .*, allowed: a number from 0"):
        Table({"a": value}, "f").number("a", 0.0)


def test_what_is_there_is_read() -> None:
    """Each reader gives the value of its kind."""
    values = {"a": 1, "b": 2, "c": 3, "d": "x", "e": "y", "f": ["z"], "g": [{"h": 1}]}
    table = Table(values, "f")

    assert table.keys() == list(values)
    assert table.raw("a") == 1
    assert table.number("a", 9.0) == 1.0
    assert table.integer("b", 9) == 2
    assert table.maybe_integer("c") == 3
    assert table.text("d", "") == "x"
    assert table.choice("e", "", ("x", "y")) == "y"
    assert table.texts("f") == ("z",)
    assert table.below_each("g")[0].number("h", 0.0) == 1.0
    table.done()


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("below", 3, "a table"),
        ("below_each", 3, "an array of tables"),
        ("below_each", [3], "an array of tables"),
        ("texts", "x", "an array of texts"),
        ("texts", ["x", 3], "an array of texts"),
        ("maybe_integer", 1.5, "a whole number from 1"),
    ],
)
def test_what_is_of_another_kind_is_refused(key: str, value: object, allowed: str) -> None:
    """With what was found and what is allowed."""
    with pytest.raises(ProfileError, match=f"found .*, allowed: {allowed}$"):
        getattr(Table({key: value}, "f"), key)(key)


@pytest.mark.parametrize(
    ("value", "found"), [(3, "found 3, allowed: a text"), ("z", "found 'z', allowed: x, y")]
)
def test_a_choice_is_one_of_its_words(value: object, found: str) -> None:
    """Anything else is refused with the words there are."""
    with pytest.raises(ProfileError, match=found):
        Table({"a": value}, "f").choice("a", "x", ("y", "x"))


def test_a_range_is_named() -> None:
    """Both ends of it."""
    with pytest.raises(ProfileError, match=r"found 2, allowed: a number from 0 to 1$"):
        Table({"a": 2}, "f").number("a", 0.0, high=1.0)


def test_paths_grow_downwards() -> None:
    """An error deep down names the whole way."""
    deep = Table({"a": {"b": [{}, {"c": "x"}]}}, "f").below("a").below_each("b")[1]

    with pytest.raises(ProfileError, match=r"^f: a\.b\[1\]\.c: "):
        deep.integer("c", 0)
