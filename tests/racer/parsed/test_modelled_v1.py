"""racer/parsed/modelled_v1.py: what pydantic 1 reads, and where it finds a fault."""

from __future__ import annotations

from typing import Any, Optional

import pydantic
import pydantic.v1
import pytest

from racer.core.into import Misfit
from racer.parsed.modelled_v1 import is_model, made


class Step(pydantic.v1.BaseModel):
    amount: int


class Recipe(pydantic.v1.BaseModel):
    name: str
    steps: list[Step] = []
    tags: dict[str, int] = {}
    note: Optional[str] = None  # noqa: UP045 - their checks know this form alone


class Shut(pydantic.v1.BaseModel, extra="forbid"):
    a: int


class Steps(pydantic.v1.BaseModel):
    __root__: list[Step]


class Node(pydantic.v1.BaseModel):
    next: Optional[Node] = None  # noqa: UP045


Node.update_forward_refs()


@pydantic.v1.dataclasses.dataclass
class Plain:
    a: int


class New(pydantic.BaseModel):
    a: int


class Ducky:
    """What has the methods is a model; no library need be there."""

    __fields__ = ("a",)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        return {"type": "object"}

    @classmethod
    def parse_obj(cls, value: Any) -> Any:
        if value == {"a": 1}:
            return value
        raise ValueError("a bug")


def test_what_is_a_model() -> None:
    """Those of pydantic 2 have the old methods too, and are none."""
    assert [is_model(each) for each in (Recipe, Ducky, Plain)] == [True] * 3
    assert [is_model(each) for each in (New, int, Step(amount=1), list[Recipe])] == [False] * 4


def test_what_fits() -> None:
    """By pydantic's own rules: a number may stand in a text, more keys are forgiven."""
    schema, read = made(Recipe)

    assert schema == Recipe.schema()
    assert read('{"name":"x","tags":{"a":"5"},"more":1}') == Recipe(name="x", tags={"a": 5})
    assert made(Steps)[1]('[{"amount":1}]') == Steps(__root__=[Step(amount=1)])
    assert made(Ducky)[1]('{"a":1}') == {"a": 1}


WRONG: list[tuple[Any, str, str]] = [
    (Recipe, "[]", "$: expected object, got array"),
    (Recipe, "{}", '$: the key "name" is missing'),
    (Recipe, '{"name":[]}', "$.name: str type expected"),
    (
        Recipe,
        '{"name":"x","steps":[{"amount":1},{"amount":"x"}]}',
        "$.steps[1].amount: value is not a valid integer",
    ),
    (Recipe, '{"name":"x","steps":[{}]}', '$.steps[0]: the key "amount" is missing'),
    (Recipe, '{"name":"x","tags":{"a b":"x"}}', '$.tags["a b"]: value is not a valid integer'),
    (Shut, '{"a":1,"b":2}', '$: the key "b" is not allowed'),
    (Steps, '[{"amount":"x"}]', "$[0].amount: value is not a valid integer"),
    (Node, '{"next":' * 900 + "null" + "}" * 900, "$: nested too deep"),
]


@pytest.mark.parametrize(("target", "text", "told"), WRONG)
def test_what_does_not_fit(target: Any, text: str, told: str) -> None:
    """With its place in the JSON; an empty list is no object, though they would take it for one."""
    _, read = made(target)

    with pytest.raises(Misfit) as caught:
        read(text)

    assert str(caught.value) == told


def test_a_fault_that_has_no_places_is_told() -> None:
    """It is a bug, and none of the reply's."""
    with pytest.raises(ValueError, match=r"^a bug$"):
        made(Ducky)[1]("{}")


def test_their_dataclasses_are_not_read() -> None:
    """msgspec would read them without their checks."""
    with pytest.raises(TypeError, match="make it a model"):
        made(Plain)
