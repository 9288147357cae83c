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


def test_paths_grow_downwards() -> None:
    """An error deep down names the whole way."""
    deep = Table({"a": {"b": [{}, {"c": "x"}]}}, "f").below("a").below_each("b")[1]

    with pytest.raises(ProfileError, match=r"^f: a\.b\[1\]\.c: "):
        deep.integer("c", 0)
