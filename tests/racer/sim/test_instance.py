"""Values that fit a JSON schema. Pydantic is the judge: it made neither the schema's reader nor the value."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from racer.sim.instance import LONGEST, Maker
from racer.sim.json_value import as_object
from tests.racer.sim.bodies import schemas


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    model_config = ConfigDict(extra="forbid")
    street: str = Field(min_length=3, max_length=12)
    number: int = Field(ge=1, lt=20)


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    age: int = Field(gt=0, le=120)
    score: float = Field(gt=0, lt=1)
    small: float = Field(le=-3)
    adult: bool
    colour: Colour
    kind: Literal["person"]
    nothing: None
    nick: str | None
    home: Address
    homes: list[Address] = Field(min_length=1, max_length=3)
    tags: list[str]
    note: str | int = "none"


class Tree(BaseModel):
    value: int
    left: Tree | None
    children: list[Tree]


@pytest.mark.parametrize("model", [Person, Tree, Address])
@given(noise=st.binary(min_size=1, max_size=64))
def test_pydantic_takes_what_is_made(model: type[BaseModel], noise: bytes) -> None:
    """Objects, arrays, texts, numbers, enums, references, choices and recursion, whatever the noise."""
    model.model_validate(Maker(model.model_json_schema(), noise).make())


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({}, str),
        ({"type": "string", "format": "date"}, str),
        ({"properties": {"a": {}}}, dict),
        ({"items": {"type": "integer"}}, list),
        ({"type": ["number", "null"]}, float),
        ({"type": "null"}, type(None)),
        ({"oneOf": [{"type": "boolean"}]}, bool),
        ({"allOf": [{"type": "object"}, {"properties": {"a": {"type": "string"}}}]}, dict),
        ({"$ref": "#/$defs/nowhere"}, str),
        ({"$ref": "#"}, str),
    ],
)
def test_loose_schemas_give_something_of_their_kind(schema: dict[str, Any], kind: type) -> None:
    """Schemas that leave things open, and ones that are broken, still give a value."""
    assert isinstance(Maker(schema, b"\1\2\3").make(), kind)


def test_required_without_properties() -> None:
    """A name that is required but not described is made all the same."""
    assert Maker({"type": "object", "required": ["x"]}, b"\1").make().keys() == {"x"}


def test_endless_recursion_ends() -> None:
    """A schema that nothing finite fits is cut off."""
    endless = {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}

    assert isinstance(Maker(endless, b"\1").make(), dict)


def test_the_same_noise_makes_the_same_value() -> None:
    """Nothing but schema and noise decides."""
    schema = Person.model_json_schema()

    assert Maker(schema, b"abc").make() == Maker(schema, b"abc").make()
    assert Maker(schema, b"abc").make() != Maker(schema, b"xyz").make()


def test_sizes_are_bounded() -> None:
    """A schema cannot make us fill the memory."""
    huge = {"type": "array", "minItems": 10**12, "items": {"type": "null"}}

    assert len(Maker(huge, b"\1").make()) == LONGEST
    assert len(Maker({"type": "string", "minLength": 10**12}, b"\1").make()) == LONGEST


@given(schemas(), st.binary(max_size=8))
def test_no_schema_breaks_the_maker(schema: Any, noise: bytes) -> None:
    """Whatever is sent as a schema, something comes out that is JSON."""
    assert orjson.dumps(Maker(as_object(schema) or {}, noise).make())
