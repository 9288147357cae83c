"""Who may run beside whom, and whose turn it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.core.company import in_turn, is_in_the_way
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.provider import Lane

HERE, THERE = lane("o/x", local=True), lane("p/x", local=True)
KEY, OTHER = lane("a/m", account="k", pool="org"), lane("a/m", account="l", pool="org")
SHARED = replace(OTHER, model=KEY.model)


@pytest.mark.parametrize(
    ("asked", "at_work", "local_lanes", "expected"),
    [
        (HERE, [], 1, False),
        (HERE, [lane("o/y", local=True)], 1, True),
        (HERE, [lane("o/y", local=True)], 2, False),
        (HERE, [lane("o/y")], 1, False),
        (HERE, [THERE], 1, False),
        (lane("a/m"), [HERE, lane("a/n")], 1, False),
        (SHARED, [KEY], 1, True),
        (OTHER, [KEY], 1, False),
        (replace(SHARED, account=replace(SHARED.account, pool="b")), [KEY], 1, False),
        (replace(SHARED, account=replace(SHARED.account, pool=None)), [KEY], 1, False),
    ],
    ids=[
        "nobody there", "a busy machine", "a machine for two", "not local", "another machine", "no pool",
        "the same model on the same limits", "another model", "another pool", "limits of its own",
    ],
)  # fmt: skip
def test_who_is_in_the_way(asked: Lane, at_work: list[Lane], local_lanes: int, expected: bool) -> None:
    """A machine takes so many local lanes; a pool takes a model once."""
    assert expected is is_in_the_way(asked, at_work, local_lanes)


def test_providers_that_had_their_turns_go_last() -> None:
    """In order otherwise, on both sides of the line."""
    lanes = [lane(name) for name in ("a/x", "b/x", "a/y", "c/x")]
    a, b, c, d = lanes

    assert (lanes, 0) == in_turn(lanes, {}, 1)
    assert ([b, d, a, c], 2) == in_turn(lanes, {"a": 1}, 1)
    assert (lanes, 0) == in_turn(lanes, {"a": 1}, 2)
    assert ([c, b], 2) == in_turn([c, b], {"a": 1, "b": 1}, 1)
