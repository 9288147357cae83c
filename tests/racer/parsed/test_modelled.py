"""racer/parsed/modelled.py: what pydantic 2 reads, and where it finds a fault."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic
import pydantic.v1
import pytest

from racer.core.into import Misfit
from racer.parsed.modelled import is_model, made


class Step(pydantic.BaseModel):
    amount: int


class Cat(pydantic.BaseModel):
    type: Literal["cat"]
    lives: int


class Dog(pydantic.BaseModel):
    type: Literal["dog"]
    bones: int


class Recipe(pydantic.BaseModel):
    name: str
    steps: list[Step] = []
    tags: dict[str, int] = {}
    pet: Annotated[Cat | Dog, pydantic.Field(discriminator="type")] | None = None
    either: int | list[int] = 0
    short: Annotated[str, pydantic.Field(max_length=3)] = ""

    @pydantic.field_validator("name")
    @classmethod
    def _not_rude(cls, name: str) -> str:
        if name == "rude":
            raise ValueError("rude")
        return name


class Pets(pydantic.BaseModel):
    one: Cat | Dog | None = None
    many: list[Cat | Dog] = []
    named: dict[str, Cat | Dog] = {}
    maybe: int | list[Cat | Dog] | None = None
    either: Annotated[Cat | Dog, pydantic.Field(discriminator="type")] | None = None
    pair: tuple[int, str] = (1, "")
    numbers: dict[int, int] = {}


class Shut(pydantic.BaseModel, extra="forbid"):
    a: int


class Aliased(pydantic.BaseModel):
    a: int = pydantic.Field(alias="theA")


class Node(pydantic.BaseModel):
    next: Node | None = None


class Stubborn(pydantic.BaseModel):
    a: int

    @pydantic.model_validator(mode="before")
    @classmethod
    def _forever(cls, _: Any) -> Any:
        raise RecursionError


@pydantic.dataclasses.dataclass
class Plain:
    a: int


FITS: list[tuple[Any, str, object]] = [
    (Recipe, '{"name":"x","more":1}', Recipe(name="x")),
    (Recipe, '{"name":"x","tags":{"a":"5"}}', Recipe(name="x", tags={"a": 5})),
    (Plain, '{"a":1}', Plain(1)),
    (Aliased, '{"theA":1}', Aliased(theA=1)),
    (list[Step], '[{"amount":1}]', [Step(amount=1)]),
]


@pytest.mark.parametrize(("target", "text", "value"), FITS)
def test_what_fits(target: Any, text: str, value: object) -> None:
    """By pydantic's own rules: a number may stand in a text."""
    _, read = made(target)

    assert read(text) == value


WRONG: list[tuple[Any, str, str]] = [
    (Recipe, "[]", "$: expected object, got array"),
    (Recipe, "{}", '$: the key "name" is missing'),
    (Recipe, '{"name":1}', "$.name: expected str, got int"),
    (Recipe, '{"name":"rude"}', "$.name: value error, rude"),
    (Recipe, '{"name":"x","short":"long"}', "$.short: string should have at most 3 characters"),
    (
        Recipe,
        '{"name":"x","steps":[{"amount":1},{"amount":"x"}]}',
        "$.steps[1].amount: expected int, got str",
    ),
    (Recipe, '{"name":"x","steps":[{"amount":1.5}]}', "$.steps[0].amount: expected int, got float"),
    (Recipe, '{"name":"x","steps":[{}]}', '$.steps[0]: the key "amount" is missing'),
    (Recipe, '{"name":"x","steps":{}}', "$.steps: expected array, got object"),
    (Recipe, '{"name":"x","tags":{"a b":"x"}}', '$.tags["a b"]: expected int, got str'),
    (Recipe, '{"name":"x","pet":{"type":"cat"}}', '$.pet: the key "lives" is missing'),
    (Recipe, '{"name":"x","either":["x"]}', "$.either[0]: expected int, got str"),
    (Recipe, '{"name":"x","either":{}}', "$.either: expected int or array, got object"),
    (Pets, '{"one":{"type":"dog","bones":"x"}}', "$.one.bones: expected int, got str"),
    (Pets, '{"one":{"type":"dog"}}', '$.one: the key "bones" is missing'),
    (Pets, '{"one":{"type":"cow"}}', "$.one.type: input should be 'cat' or 'dog'"),
    (Pets, '{"one":5}', "$.one: expected object, got int"),
    (Pets, '{"many":[{"type":"cat","lives":9},{"type":"dog","bones":"x"}]}', "$.many[1].bones: expected int"),
    (Pets, '{"named":{"Cat":{"type":"dog","bones":"x"}}}', "$.named.Cat.bones: expected int, got str"),
    (Pets, '{"maybe":[{"type":"dog","bones":"x"}]}', "$.maybe[0].bones: expected int, got str"),
    (Pets, '{"either":{"Dog":1,"type":"dog","bones":"x"}}', "$.either.bones: expected int, got str"),
    (Pets, '{"pair":[1]}', "$.pair: too few items: 1"),
    (Pets, '{"pair":[]}', "$.pair: too few items: 0"),
    (Pets, '{"pair":[1,"a",2]}', "$.pair: tuple should have at most 2 items"),
    (Pets, '{"numbers":{"x":1}}', "$.numbers: a key: expected int, got str"),
    (Shut, '{"a":1,"b":2}', '$: the key "b" is not allowed'),
    (list[Shut], '[{"a":1,"b":2}]', '$[0]: the key "b" is not allowed'),
    (Aliased, '{"a":1}', '$: the key "theA" is missing'),
    (Plain, '{"a":null}', "$.a: expected int, got null"),
    (
        Node,
        '{"next":' * 900 + "null" + "}" * 900,
        "$: nested too deep",
    ),
    (Stubborn, "{}", "$: nested too deep"),
]


@pytest.mark.parametrize(("target", "text", "told"), WRONG)
def test_what_does_not_fit(target: Any, text: str, told: str) -> None:
    """With its place in the JSON: the names of types are no part of it."""
    _, read = made(target)

    with pytest.raises(Misfit) as caught:
        read(text)

    assert str(caught.value).startswith(told)
    assert len(str(caught.value)) < 200


def test_a_fault_in_a_long_list_of_unions_is_found_at_once() -> None:
    """Only the faults of the first union are compared."""
    _, read = made(list[Cat | Dog])

    with pytest.raises(Misfit, match=r"^\$\[0\]\.type: input should be 'cat' or 'dog'$"):
        read("[" + ",".join(['{"type":"cow"}'] * 20_000) + "]")


def test_what_is_a_model() -> None:
    """A class, and not of the first pydantic."""

    class Old(pydantic.v1.BaseModel):
        a: int

    assert [is_model(each) for each in (Recipe, Plain)] == [True, True]
    assert [is_model(each) for each in (Old, int, Step(amount=1), list[Recipe])] == [False] * 4
