"""racer/parsed/typed.py: what msgspec reads, and where it finds a fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pytest

from racer.core.into import Misfit
from racer.parsed.typed import made


class Step(msgspec.Struct):
    amount: int


class Recipe(msgspec.Struct):
    name: str
    steps: list[Step] = []
    tags: dict[str, dict[str, int]] = {}


class Shut(msgspec.Struct, forbid_unknown_fields=True):
    a: int


class Node(msgspec.Struct):
    next: Node | None = None


class Odd(msgspec.Struct):
    value: dict[str, int] = msgspec.field(name="a.b", default_factory=dict[str, int])


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    bones: int


@dataclass
class Positive:
    a: int

    def __post_init__(self) -> None:
        if self.a < 0:
            raise ValueError("must not be\nnegative")


class Table(TypedDict, total=False):
    a: int


FITS: list[tuple[Any, str, object]] = [
    (Recipe, '{"name":"x","more":1}', Recipe("x")),
    (Table, '{"b":1}', {}),
    (Positive, '{"a":1,"b":2}', Positive(1)),
    (Cat | Dog, '{"type":"Dog","bones":2}', Dog(2)),
    (int, str(10**30), 10**30),
    (set[str], '["a","a"]', {"a"}),
    (dict[int, str], '{"1":"a"}', {1: "a"}),
]


@pytest.mark.parametrize(("target", "text", "value"), FITS)
def test_what_fits(target: Any, text: str, value: object) -> None:
    """Keys that nobody asked for are forgiven."""
    _, read = made(target)

    assert read(text) == value


MANY = '{"name":"x","tags":{"a":{},"b c":{"x":1,"y":"no","z":"no"},"d":{"e":null}}}'
WRONG: list[tuple[Any, str, str]] = [
    (Recipe, "[]", "$: expected object, got array"),
    (Recipe, "{}", '$: the key "name" is missing'),
    (Recipe, '{"name":1}', "$.name: expected str, got int"),
    (
        Recipe,
        '{"name":"x","steps":[{"amount":1},{"amount":"2"}]}',
        "$.steps[1].amount: expected int, got str",
    ),
    (Recipe, '{"name":"x","steps":[{}]}', '$.steps[0]: the key "amount" is missing'),
    (Recipe, MANY, '$.tags["b c"].y: expected int, got str'),
    (Recipe, '{"name":"x","tags":{"a":1}}', "$.tags.a: expected object, got int"),
    (list[dict[str, int]], '[{"a":1},{"a":1,"b":"x","c":1}]', "$[1].b: expected int, got str"),
    (dict[str, list[int]], '{"a":[1],"b":[1,"x"]}', "$.b[1]: expected int, got str"),
    (dict[int, int], '{"1":1,"x":1}', "$: a key: expected int, got str"),
    (dict[str, dict[int, int]], '{"a":{},"b":{"x":1}}', "$.b: a key: expected int, got str"),
    (Odd, '{"a.b":{"c":"x"}}', "$.a.b[...]: expected int, got str"),
    (Shut, '{"a":1,"b`":2}', '$: the key "b`" is not allowed'),
    (list[Shut], '[{"a":1,"b":2}]', '$[0]: the key "b" is not allowed'),
    (Cat | Dog, '{"type":"Cow"}', "$.type: invalid value 'Cow'"),
    (Literal["a", "b"], '"c"', "$: invalid enum value 'c'"),
    (Annotated[int, msgspec.Meta(ge=1)], "0", "$: expected int >= 1"),
    (tuple[int, str], "[1]", "$: expected array of length 2"),
    (int, "5.5", "$: expected int, got float"),
    (int | None, '"x"', "$: expected int | null, got str"),
    (list[Positive], '[{"a":-1}]', "$[0]: must not be negative"),
    (Node, '{"next":' * 1000 + "null" + "}" * 1000, "$: nested too deep"),
]


@pytest.mark.parametrize(("target", "text", "told"), WRONG)
def test_what_does_not_fit(target: Any, text: str, told: str) -> None:
    """With its place, to the key; numbers in texts are no numbers."""
    _, read = made(target)

    with pytest.raises(Misfit) as caught:
        read(text)

    assert str(caught.value) == told


def test_the_wrong_one_of_many_is_found_by_halves() -> None:
    """A table may be long."""
    _, read = made(dict[str, int])
    text = "{" + ",".join(f'"k{n}":{n if n != 41_234 else "null"}' for n in range(50_000)) + "}"

    with pytest.raises(Misfit, match=r"^\$\.k41234: expected int, got null$"):
        read(text)


def test_a_key_that_would_take_too_long_to_find_is_left_open() -> None:
    """Whatever else the reply holds is read again for each half, so it must not be much."""
    _, read = made(tuple[list[int], dict[str, int]])
    table = ",".join(f'"k{n}":1' for n in range(1_000))
    text = f'[[{"1," * 2_000_000}1],{{{table},"last":null}}]'

    with pytest.raises(Misfit, match=r"^\$\[1\]\[\.\.\.\]: expected int, got null$"):
        read(text)


def test_half_a_character_behind_it_does_not_hide_the_key() -> None:
    """It cannot be written as it was read."""
    _, read = made(tuple[dict[str, int], Any])

    with pytest.raises(Misfit, match=r"^\$\[0\]\.b: expected int, got str$"):
        read('[{"a":1,"b":"x"},"\\ud800"]')


def test_a_fault_beyond_what_is_there_is_told_as_it_is() -> None:
    """A name that msgspec writes like two steps leads nowhere."""
    _, read = made(dict[str, list[Odd]])

    with pytest.raises(Misfit, match=r"^\$\[\.\.\.\]\[0\]\.a\.b\[\.\.\.\]: expected int"):
        read('{"x":[{"a.b":{"c":"x"}}]}')


@pytest.mark.parametrize("target", [object, Step | Recipe])
def test_what_msgspec_does_not_know(target: Any) -> None:
    """In one line."""
    with pytest.raises(TypeError, match=r"is not supported$") as caught:
        made(target)

    assert "\n" not in str(caught.value)
