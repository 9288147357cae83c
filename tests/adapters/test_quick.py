"""racer_adapters/quick.py: frozen dataclasses that are made quicker, and are the same in all else."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Generic, TypeVar

import pytest

from racer_adapters.quick import quick

T = TypeVar("T")


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    name: str
    size: int = 1
    more: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Usual:
    name: str
    size: int = 1
    more: dict[str, int] = field(default_factory=dict[str, int])


@quick
@dataclass(frozen=True, slots=True)
class Box(Generic[T]):
    """With something in it."""

    inside: T


@quick
@dataclass(frozen=True, slots=True)
class Nothing:
    """It has no field."""


def test_it_has_its_fields() -> None:
    """Those that are given, by their place or their name, and the defaults of the others."""
    made = Quick("a", more={"b": 2})
    assert (made.name, made.size, made.more) == ("a", 1, {"b": 2})
    assert type(made) is Quick
    assert repr(made) == "Quick(name='a', size=1, more={'b': 2})"
    assert repr(Nothing()) == "Nothing()"
    assert Box("b").inside == "b"


def test_what_is_made_for_each_is_its_own() -> None:
    """Two do not share what a factory makes."""
    one, other = Quick("a"), Quick("a")
    assert one == other
    assert one.more is not other.more


def test_it_stays_as_it_was_made() -> None:
    """No field can be set or deleted, and no other one added."""
    made = Quick("a")
    for name in ("name", "other"):
        with pytest.raises((FrozenInstanceError, TypeError)):
            setattr(made, name, "b")
    with pytest.raises(FrozenInstanceError):
        delattr(made, "name")
    assert made == Quick("a")


def test_it_is_compared_and_hashed_by_its_fields() -> None:
    """As every frozen dataclass is."""
    assert Box(1) == Box(1)
    assert Box(1) != Box(2)
    assert len({Box(1), Box(1), Nothing(), Nothing()}) == 2


def test_it_is_copied_replaced_and_pickled() -> None:
    """What programs do with records works."""
    made = Quick("a", 2)
    assert replace(made, size=3) == Quick("a", 3)
    assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made


def test_what_is_wrong_is_said_as_ever() -> None:
    """Too few fields, or strange ones."""
    with pytest.raises(TypeError, match="name"):
        Quick()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match="strange"):
        Quick("a", strange=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_editors_see_its_parameters() -> None:
    """Their names, which of them may be left out, and their types."""
    quick_ones = list(inspect.signature(Quick).parameters.values())
    seen = [(each.name, each.kind, each.annotation) for each in quick_ones]
    wanted = inspect.signature(Usual).parameters.values()
    assert seen == [(each.name, each.kind, each.annotation) for each in wanted]
    assert [each.name for each in quick_ones if each.default is inspect.Parameter.empty] == ["name"]
    assert Quick.__init__.__qualname__ == "Quick.__init__"
