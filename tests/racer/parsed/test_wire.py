"""racer/parsed/wire.py: what is sent of a type, and of a caller's own schema."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from racer.parsed.wire import clean, shape_of_schema, shape_of_type

STRING = {"type": "string"}


def thing(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def shut(**properties: Any) -> dict[str, Any]:
    return {**thing(**properties), "required": list(properties), "additionalProperties": False}


def ref(name: str, **more: Any) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}", **more}


TYPES: list[tuple[str, dict[str, Any], dict[str, Any], bool | None]] = [
    (
        "closed, and all is required",
        thing(a=STRING, b=thing(c=STRING)),
        shut(a=STRING, b=shut(c=STRING)),
        True,
    ),
    ("defaults go", thing(a={**STRING, "default": "x"}), shut(a=STRING), True),
    (
        "a key may be named like a keyword",
        thing(default=STRING, enum=STRING),
        shut(default=STRING, enum=STRING),
        True,
    ),
    (
        "the root that refers",
        {**ref("A"), "$defs": {"A": thing(b=ref("B")), "B": thing(c=STRING), "C": STRING}},
        {**shut(b=ref("B")), "$defs": {"B": shut(c=STRING)}},
        True,
    ),
    ("no definition is left", {**ref("A"), "$defs": {"A": thing(b=STRING)}}, shut(b=STRING), True),
    (
        "definitions of pydantic 1",
        {**thing(b={"$ref": "#/definitions/B"}), "definitions": {"B": thing(c=STRING)}},
        {**shut(b=ref("B")), "$defs": {"B": shut(c=STRING)}},
        True,
    ),
    (
        "a reference stands alone",
        {
            **thing(b=ref("B", description="A b"), c=ref("B", title="C", default=1)),
            "$defs": {"B": thing(c=STRING)},
        },
        {**shut(b={**shut(c=STRING), "description": "A b"}, c=ref("B")), "$defs": {"B": shut(c=STRING)}},
        True,
    ),
    (
        "a reference in allOf",
        {**thing(b={"allOf": [ref("B")], "title": "B"}), "$defs": {"B": thing(c=STRING)}},
        {**shut(b=ref("B")), "$defs": {"B": shut(c=STRING)}},
        True,
    ),
    (
        "one of several",
        thing(a={"oneOf": [STRING, {"type": "null"}], "discriminator": {"propertyName": "x"}}),
        shut(a={"anyOf": [STRING, {"type": "null"}]}),
        True,
    ),
    ("a constant", thing(a={"const": "x"}), shut(a={"enum": ["x"], "type": "string"}), True),
    ("values of one kind", thing(a={"enum": [1, 2]}), shut(a={"enum": [1, 2], "type": "integer"}), True),
    ("values of several kinds", thing(a={"enum": [1, "a"]}), shut(a={"enum": [1, "a"]}), None),
    ("values of no kind", thing(a={"enum": [[1]]}), shut(a={"enum": [[1]]}), None),
    (
        "keys of its own choosing",
        thing(a={"type": "object", "additionalProperties": STRING}),
        shut(a={"type": "object", "additionalProperties": STRING}),
        None,
    ),
    (
        "more keys are welcome",
        {**thing(a=STRING), "additionalProperties": True},
        {**shut(a=STRING), "additionalProperties": True},
        None,
    ),
    ("anything", thing(a={}), shut(a={}), None),
    ("anything in a list", thing(a={"type": "array"}), shut(a={"type": "array"}), None),
    ("a list", thing(a={"type": "array", "items": STRING}), shut(a={"type": "array", "items": STRING}), True),
    (
        "true as a schema",
        thing(a={"type": "array", "items": True}),
        shut(a={"type": "array", "items": True}),
        None,
    ),
    (
        "a bound",
        thing(a={"type": "integer", "minimum": 1, "exclusiveMaximum": 9}),
        shut(a={"type": "integer", "description": "(minimum: 1, exclusiveMaximum: 9)"}),
        True,
    ),
    (
        "a format beside words",
        thing(a={**STRING, "format": "date-time", "description": "When."}),
        shut(a={**STRING, "description": "When. (format: date-time, as in 2024-05-01T10:00:00Z)"}),
        True,
    ),
    (
        "a pattern and a length",
        thing(a={**STRING, "format": "uuid", "pattern": "^x", "minLength": 2}),
        shut(a={**STRING, "description": "(format: uuid, pattern: ^x, minLength: 2)"}),
        True,
    ),
    (
        "a list of few and different ones",
        thing(a={"type": "array", "items": STRING, "maxItems": 3, "uniqueItems": True}),
        shut(a={"type": "array", "items": STRING, "description": "(maxItems: 3, uniqueItems: true)"}),
        True,
    ),
    (
        "a tuple",
        thing(a={"type": "array", "prefixItems": [STRING], "minItems": 1}),
        shut(a={"type": "array", "prefixItems": [STRING], "minItems": 1}),
        None,
    ),
    ("a text to be written", thing(a={**STRING, "writeOnly": True}), shut(a=STRING), True),
    (
        "one that holds its own kind",
        {**ref("N"), "$defs": {"N": {**thing(v=STRING, n=ref("N", description="x")), "required": ["v"]}}},
        {
            **shut(v=STRING, n=ref("N")),
            "required": ["v"],
            "$defs": {"N": {**shut(v=STRING, n=ref("N")), "required": ["v"]}},
        },
        None,
    ),
    ("no object", {"type": "array", "items": STRING}, {"type": "array", "items": STRING}, None),
    (
        "one of several objects",
        {"anyOf": [ref("A"), ref("B")], "$defs": {"A": thing(a=STRING), "B": thing(b=STRING)}},
        {"anyOf": [ref("A"), ref("B")], "$defs": {"A": shut(a=STRING), "B": shut(b=STRING)}},
        None,
    ),
]


@pytest.mark.parametrize(
    ("schema", "sent", "strict"), [row[1:] for row in TYPES], ids=[row[0] for row in TYPES]
)
def test_a_type(schema: dict[str, Any], sent: dict[str, Any], strict: bool | None) -> None:
    """Closed and complete where it can be; strict where every provider's strict mode takes it."""
    before = deepcopy(schema)

    shape = shape_of_type(schema, "Thing")

    assert shape.schema == sent
    assert shape.strict is strict
    assert schema == before


SCHEMAS: list[tuple[dict[str, Any], bool | None]] = [
    (shut(a=STRING), True),
    (shut(a=ref("B")) | {"$defs": {"B": STRING}}, True),
    (thing(a=STRING), None),
    ({**shut(a=STRING), "required": []}, None),
    (shut(a=ref("B", description="x")) | {"$defs": {"B": STRING}}, None),
    (shut(a={"$ref": "#"}), None),
    (shut(a={"oneOf": [STRING]}), None),
    (shut(a={**STRING, "format": "date"}), None),
    (shut(a={"type": ["string", "null"]}), None),
    (shut(a={**STRING, "default": "x"}), None),
    (shut(), None),
    ({}, None),
]


@pytest.mark.parametrize(("schema", "strict"), SCHEMAS)
def test_a_callers_own_is_sent_as_it_is(schema: dict[str, Any], strict: bool | None) -> None:
    """Strict only where it is so already."""
    shape = shape_of_schema(schema)

    assert shape.schema == schema
    assert shape.strict is strict
    assert shape.name == "reply"


@pytest.mark.parametrize("keyword", ["$defs", "definitions"])
def test_a_root_that_only_refers_is_resolved(keyword: str) -> None:
    """Providers want an object at the root, and it means the same."""
    node = thing(next={"$ref": f"#/{keyword}/Node"})
    schema = {"$ref": f"#/{keyword}/Node", keyword: {"Node": node, "Else": STRING}, "title": "T"}

    assert shape_of_schema(schema).schema == {**node, keyword: {"Node": node}, "title": "T"}


def test_a_root_that_others_refer_to_is_left_alone() -> None:
    """What they mean would change."""
    schema = {**ref("A"), "$defs": {"A": thing(a={"$ref": "#"})}}

    assert shape_of_schema(schema).schema == schema


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("Recipe", "Recipe"),
        ("list[Recipe]", "list_Recipe"),
        ("Rezept für 2", "Rezept_f_r_2"),
        ("日本", "reply"),
        ("x" * 99, "x" * 64),
    ],
)
def test_a_name_is_cleaned(name: str, cleaned: str) -> None:
    """Providers take letters, digits, lines and 64 of them."""
    assert clean(name) == cleaned
