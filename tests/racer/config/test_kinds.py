"""The kinds: each says in words what it allows."""

from __future__ import annotations

import pytest

from racer.config import forms
from racer.config.kinds import Day, Either, Flag, Items, Kind, Names, Number, Table, Text, Whole, Word

WORD = Text("a word", forms.word)


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (Flag(), "true or false"),
        (Whole(1, 64), "a whole number from 1 to 64"),
        (Number(0, 0.5), "a number from 0 to 0.5"),
        (Number(0.001, 9, "a number above 0"), "a number above 0"),
        (WORD, "a word"),
        (Word(("a", "b")), '"a" or "b"'),
        (Day(), 'a date such as "2027-01-31"'),
        (Items(Flag()), "a list with, in each place, true or false"),
        (Items(Flag(), 2, 2), "a list of 2 with, in each place, true or false"),
        (Table({"a": Flag(), "b": Flag()}), "a table of a, b"),
        (Names(WORD, Flag()), "a table from a word to true or false"),
        (Either((Flag(), WORD)), "true or false, or a word"),
    ],
)
def test_allowed(kind: Kind, allowed: str) -> None:
    """The words can be read after `allowed:`."""
    assert kind.allowed == allowed
