"""racer_adapters/anthropic_schema.py: schemas that they take."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters.anthropic_schema import closed

STRING = {"type": "string"}
NULL = {"type": "null"}


def thing(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def listed(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def shut(**properties: Any) -> dict[str, Any]:
    return {**thing(**properties), "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        (thing(a=STRING), shut(a=STRING)),
        (thing(a=thing(b=STRING)), shut(a=shut(b=STRING))),
        (listed(thing(a=STRING), minItems=1), listed(shut(a=STRING), minItems=1)),
        ({"type": "array", "minItems": 2}, {"type": "array", "description": "(minItems: 2)"}),
        (
            {"type": "integer", "minimum": 1, "maximum": 5, "description": "A mark"},
            {"type": "integer", "description": "A mark\n(minimum: 1, maximum: 5)"},
        ),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "isbn"}, {"type": "string", "description": '(format: "isbn")'}),
        ({"type": "string", "format": ["odd"]}, {"type": "string", "description": '(format: ["odd"])'}),
        ({"enum": ["a", "b"], "title": "T"}, {"enum": ["a", "b"], "title": "T"}),
        ({"const": None}, {"const": None}),
        ({"oneOf": [thing(a=STRING), NULL]}, {"anyOf": [shut(a=STRING), NULL]}),
        ({"allOf": [thing(a=STRING)]}, {"allOf": [shut(a=STRING)]}),
        (
            {"$defs": {"x": thing(a=STRING)}, "$ref": "#/$defs/x", "title": "T"},
            {"$defs": {"x": shut(a=STRING)}, "$ref": "#/$defs/x"},
        ),
        (
            {"definitions": {"x": thing(a=STRING)}, **thing(x={"$ref": "#/definitions/x"})},
            {"definitions": {"x": shut(a=STRING)}, **shut(x={"$ref": "#/definitions/x"})},
        ),
        (shut(a=STRING), shut(a=STRING)),
        (listed(True), listed(True)),
        ({}, {}),
    ],
)
def test_a_schema_is_closed(schema: dict[str, Any], found: dict[str, Any]) -> None:
    """Every object; what they do not know is told in the description. The caller's own is left alone."""
    before = deepcopy(schema)

    assert closed(schema) == found
    assert schema == before


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {}},
        {**thing(a=STRING), "additionalProperties": True},
        {"type": "object", "additionalProperties": STRING},
        thing(a=listed({"type": "object"})),
        {"$defs": {"x": {"type": "object"}}, "$ref": "#/$defs/x"},
        {"anyOf": [NULL, {"type": "object"}]},
    ],
)
def test_an_object_with_names_of_its_own_choosing_cannot_be_closed(schema: dict[str, Any]) -> None:
    """Closed, it would have to be empty: a wrong answer that looks right."""
    assert closed(schema) is None


@pytest.mark.parametrize(
    "schema",
    [
        thing(a={"$ref": "#"}),
        {"$defs": {"x": thing(a={"$ref": "#/$defs/x"})}, "$ref": "#/$defs/x"},
        {"definitions": {"x": thing(a=listed({"$ref": "#/definitions/x"}))}, "$ref": "#/definitions/x"},
        {
            "$defs": {
                "x": thing(a={"$ref": "#/$defs/y"}),
                "y": thing(a={"anyOf": [NULL, {"$ref": "#/$defs/z"}]}),
                "z": thing(a={"$ref": "#/$defs/x"}),
            },
            **thing(x={"$ref": "#/$defs/x"}),
        },
    ],
)
def test_a_schema_that_refers_to_itself_is_not_taken(schema: dict[str, Any]) -> None:
    """They answer it with a 400, so it is asked for in words."""
    assert closed(schema) is None


def test_definitions_may_refer_to_one_another() -> None:
    """One that is used twice, on two ways, has an end."""
    definitions = {"x": shut(a={"$ref": "#/$defs/y"}), "y": shut(a=STRING)}
    schema = {"$defs": definitions, **shut(x={"$ref": "#/$defs/x"}, y={"$ref": "#/$defs/y"})}

    assert closed(schema) == schema


@pytest.mark.parametrize(
    "schema",
    [
        thing(a=STRING, b={"type": "integer", "minimum": 3}, c={"enum": [1, 2]}),
        {**thing(a=listed(thing(b=STRING), minItems=1)), "required": ["a"], "title": "T"},
        {"$defs": {"x": thing(a=STRING)}, **thing(x={"$ref": "#/$defs/x"}, y={"anyOf": [STRING, NULL]})},
        {"oneOf": [thing(a=STRING), thing(b={"type": "string", "format": "date-time"})]},
        thing(a={"type": "string", "pattern": "^a", "description": "An a"}),
    ],
)
def test_it_is_what_their_own_client_makes(schema: dict[str, Any]) -> None:
    """Save for the wording of descriptions."""
    assert undescribed(closed(schema)) == undescribed(anthropic.transform_schema(deepcopy(schema)))


def undescribed(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: undescribed(value) for name, value in part.items() if name != "description"}  # pyright: ignore[reportUnknownVariableType]  of anything
    return [undescribed(item) for item in part] if isinstance(part, list) else part  # pyright: ignore[reportUnknownVariableType]  of anything


@given(
    st.dictionaries(
        st.sampled_from(["type", "properties", "items", "anyOf", "$ref", "$defs", "format", "minItems", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.sampled_from(["object", "array", "date"]),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["type", "properties", "anyOf", "items", "a"]), inner, max_size=3
                )
            ),
        ),
    )
)
def test_any_schema_is_read(schema: dict[str, Any]) -> None:
    """However broken: their server will say what is wrong."""
    found = closed(schema)

    assert found is None or isinstance(found, dict)
