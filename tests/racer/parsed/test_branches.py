"""racer/parsed/branches.py: which branch of a union was meant."""

from __future__ import annotations

import pytest

from racer.parsed.branches import Fault, best, either

BEST: list[tuple[str, list[Fault], list[list[int]]]] = [
    ("one alone", [Fault("a", 0, "kind")], [[0]]),
    ("the right kind", [Fault("int", 0, "kind"), Fault("list", 1, "kind")], [[1]]),
    (
        "the right constant",
        [Fault("a", 1, "constant"), Fault("a", 0, "other"), Fault("b", 0, "other")],
        [[2]],
    ),
    ("the right kind, wrong constant", [Fault("null", 0, "kind"), Fault("a", 1, "constant")], [[1]]),
    ("a constant that is deep tells nothing", [Fault("a", 2, "constant"), Fault("b", 1, "other")], [[0]]),
    ("the deepest", [Fault("a", 1, "kind"), Fault("b", 3, "kind")], [[1]]),
    ("the fewest", [Fault("a", 1, "kind"), Fault("a", 1, "kind"), Fault("b", 1, "kind")], [[2]]),
    ("all alike", [Fault("a", 0, "kind"), Fault("b", 0, "kind")], [[0], [1]]),
]


@pytest.mark.parametrize(("faults", "numbers"), [row[1:] for row in BEST], ids=[row[0] for row in BEST])
def test_the_best_branch(faults: list[Fault], numbers: list[list[int]]) -> None:
    """The faults of a branch stay together."""
    assert best(faults) == numbers


@pytest.mark.parametrize(
    ("wordings", "words"),
    [
        (["expected int, got str"], "expected int, got str"),
        (["expected int, got str"] * 2, "expected int, got str"),
        (
            ["expected int, got str", "expected array, got str", "expected null, got str"],
            "expected int or array or null, got str",
        ),
        (["should be 'a'", "should be 'b'"], "should be 'a' or 'b'"),
        (["one", "another thing"], "one or another thing"),
        (["a b", "a b c"], "a b or b c"),
        (["", "a"], " or a"),
        ([f"x {n}" for n in range(9)], "x 0 or 1 or 2 or 3 or 4"),
    ],
)
def test_several_wordings_become_one(wordings: list[str], words: str) -> None:
    """What they share is said once."""
    assert either(wordings) == words
