"""What a job was made from, and what of it has changed."""

from __future__ import annotations

import pytest

from racer.batch.terms import Terms, input_change, option_changes, terms_of
from tests.racer.batch.jobs import Counted

FILE = Terms("/in", {"a": 1}, 5_000, "x", sure=True)


def test_the_terms_of_a_new_job() -> None:
    """A pipe cannot be counted, so nobody is ever sure of it."""
    assert terms_of("/in", {"a": 1}, Counted(5_000, "x")) == FILE
    assert terms_of("-", {}, None) == Terms("-")


def test_terms_survive_being_written_down() -> None:
    """By name, so that a later racer may have more of them."""
    assert Terms(**FILE.to_dict()) == FILE


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (Terms("/elsewhere", {}, 5_000, "x"), ""),
        (Terms("-"), ""),
        (Terms("/in", {}, 5_100, "y"), "it had 5,000 prompts and has 5,100 now"),
        (Terms("/in", {}, 5_000, "y"), "it has 5,000 prompts as before, but not the same ones"),
    ],
)
def test_how_an_input_differs(now: Terms, words: str) -> None:
    """Where it lies is no difference, and of a pipe nothing is known."""
    assert input_change(FILE, now) == words
    assert input_change(Terms("-"), now) == ""


def test_which_options_differ() -> None:
    """Each by name; the order of the keys inside is none, and long ones are cut."""
    was = Terms("", {"a": 1, "b": {"x": 1, "y": 2}, "gone": True, "n": None})
    now = Terms("", {"a": "z" * 99, "b": {"y": 2, "x": 1}, "new": [1]})

    assert option_changes(was, now) == [
        f'a: was 1, is "{"z" * 59}',
        "gone: was true, is not given",
        "new: was not given, is [1]",
    ]
