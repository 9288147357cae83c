"""Fragments of calls, in order and mixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from racer.server.calls import NAMELESS, Calls
from racer_adapters.types import ToolDelta

if TYPE_CHECKING:
    import random


def told(*fragments: ToolDelta) -> list[tuple[int, str, str, str]]:
    calls = Calls()
    given_ = [each for fragment in fragments for each in calls.add([fragment])] + calls.rest()
    return [(each.index, each.id, each.name, each.arguments) for each in given_]


def test_one_behind_the_other() -> None:
    """Each begins with its id and name, and is told as it comes."""
    calls = Calls()

    assert not calls
    assert calls.add([ToolDelta(0, "1", "add")]) == []
    assert calls
    assert calls.add([ToolDelta(0, arguments='{"a"')]) == [ToolDelta(0, "1", "add", '{"a"')]
    assert calls.add([ToolDelta(0, arguments=":1}"), ToolDelta(1, "2", "sub", "{}")]) == [
        ToolDelta(0, arguments=":1}"), ToolDelta(1, "2", "sub", "{}"),
    ]  # fmt: skip
    assert calls.rest() == []


def test_mixed() -> None:
    """A call that has begun goes on; the other waits until the end."""
    assert told(
        ToolDelta(0, "1", "add", "{"), ToolDelta(1, "2", "sub", "{"), ToolDelta(0, arguments="}"),
        ToolDelta(1, arguments="}"),
    ) == [(0, "1", "add", "{"), (0, "", "", "}"), (1, "2", "sub", "{"), (1, "", "", "}")]  # fmt: skip


def test_names() -> None:
    """In pieces, repeated, or missing."""
    assert told(
        ToolDelta(0, "1", "get_"), ToolDelta(0, "1", "time"), ToolDelta(0, "", "get_time", "{}"),
        ToolDelta(1, "", "", "{}"),
    ) == [(0, "1", "get_time", "{}"), (1, "", NAMELESS, "{}")]  # fmt: skip


def test_calls_without_arguments() -> None:
    """They are told at the end, for more could have come."""
    assert told(ToolDelta(0, "1", "now"), ToolDelta(1, "2", "today")) == [
        (0, "1", "now", ""), (1, "2", "today", ""),
    ]  # fmt: skip


def test_what_comes_too_late() -> None:
    """Behind a whole call there is nothing but blanks: they are left out."""
    assert told(
        ToolDelta(0, "1", "add", "{}"), ToolDelta(1, "2", "sub", "{}"), ToolDelta(0, arguments=" ")
    ) == [(0, "1", "add", "{}"), (1, "2", "sub", "{}")]


@given(st.lists(st.sampled_from(["{}", '{"a":1}', '{"text":"hello {}"}']), max_size=4), st.randoms())
def test_nothing_is_lost(arguments: list[str], chance: random.Random) -> None:
    """However fragments are mixed, each call comes whole and in one go."""
    left = [
        [ToolDelta(at, f"id{at}", f"tool{at}"), *(ToolDelta(at, arguments=sign) for sign in text)]
        for at, text in enumerate(arguments)
    ]
    mixed: list[ToolDelta] = []
    while any(left):
        mixed.append(chance.choice([each for each in left if each]).pop(0))
    found = told(*mixed)

    for at, text in enumerate(arguments):
        assert "".join(each[3] for each in found if each[0] == at) == text
        assert [each[1:3] for each in found if each[0] == at and each[2]] == [(f"id{at}", f"tool{at}")]
    order = [each[0] for each in found]
    assert [at for n, at in enumerate(order) if n == 0 or order[n - 1] != at] == list(dict.fromkeys(order))
