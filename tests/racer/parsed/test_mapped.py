"""racer/parsed/mapped.py: a caller's own schema, checked before it is sent, and replies checked by it."""

from __future__ import annotations

from typing import Any

import pytest

from racer.core.into import Misfit
from racer.errors import BadRequest
from racer.parsed.mapped import made

INTEGER = {"type": "integer"}


def thing(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


def branch(kind: str, **properties: Any) -> dict[str, Any]:
    return {**thing(kind={"const": kind}, **properties), "required": ["kind", *properties]}


EITHER = {"anyOf": [branch("a", n=INTEGER), branch("b", m={"type": "string"})]}

BAD: list[tuple[Any, str]] = [
    ({"type": "thing"}, "$.type: 'thing' is not valid"),
    (thing(a={"type": 5}), "$.properties.a.type: 5 is not valid"),
    (thing(a={"pattern": "("}), "$.properties.a.pattern: '(' is not a 'regex'"),
    ({"required": "a"}, "$.required: 'a' is not of type 'array'"),
    ({"properties": []}, "$.properties: [] is not of type 'object'"),
    ({"$schema": 5}, '$["$schema"]: not a text'),
    ({"$ref": "https://example.org/schema"}, '$["$ref"]: a reference to somewhere else'),
    ({"$ref": "#"}, "$: a reference that never ends"),
    ({"type": "json_schema", "json_schema": {"schema": {}}}, "give the schema itself"),
    (
        {"$dynamicRef": "#x", "$defs": {"a": {"$dynamicAnchor": "x", "not": {"$ref": "#/$defs/b"}}}},
        "to nothing",
    ),
    (deep(250), "nested too deep"),
    ({1: 2}, "into cannot be written as JSON"),
    ({"default": object()}, "into cannot be written as JSON"),
    ({"type": "x" * 10_000}, "$.type: 'xxx"),
]


@pytest.mark.parametrize(("schema", "why"), BAD, ids=[row[1][:40] for row in BAD])
def test_a_schema_that_cannot_be_used(schema: Any, why: str) -> None:
    """It is refused with the place, in one short line. Nothing is fetched."""
    with pytest.raises(BadRequest) as caught:
        made(schema)

    assert why in str(caught.value)
    assert len(str(caught.value)) < 500


FITS: list[tuple[dict[str, Any], str, object]] = [
    ({}, "[1]", [1]),
    (thing(a=INTEGER), '{"a":1,"b":2}', {"a": 1, "b": 2}),
    (thing(a=INTEGER), '{"a":123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
    ({"$defs": {"a": INTEGER}, **thing(a={"$ref": "#/$defs/a"})}, '{"a":1}', {"a": 1}),
    ({"$defs": {"a": {"$anchor": "x", **INTEGER}}, "items": {"$ref": "#x"}}, "[1]", [1]),
    (thing(a={"$ref": "#"}), '{"a":{"a":{}}}', {"a": {"a": {}}}),
    (thing(**{"$ref": INTEGER}), '{"$ref":1}', {"$ref": 1}),
    ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [INTEGER]}, '[1,"x"]', [1, "x"]),
    ({"$schema": "https://example.org/unknown", **INTEGER}, "5", 5),
    ({"enum": [{"$ref": "data"}]}, '{"$ref":"data"}', {"$ref": "data"}),
    (thing(a={"pattern": r"^\p{Lu}"}), '{"a":"x"}', {"a": "x"}),
    (
        {
            "$id": "https://example.org/s.json",
            "$defs": {"a": INTEGER},
            **thing(a={"$ref": "s.json#/$defs/a"}),
        },
        '{"a":1}',
        {"a": 1},
    ),
]


@pytest.mark.parametrize(("schema", "text", "value"), FITS)
def test_what_fits(schema: dict[str, Any], text: str, value: object) -> None:
    """The value is plain, and as exact as it was written."""
    copied, read = made(schema)

    assert copied == schema
    assert read(text) == value


WRONG: list[tuple[dict[str, Any], str, str]] = [
    (thing(), "[]", "$: expected object, got array"),
    (thing(a={"items": INTEGER}), '{"a":[1,"x"]}', "$.a[1]: expected int, got str"),
    (thing(a={"type": ["string", "null"]}), '{"a":1}', "$.a: expected str or null, got int"),
    ({"required": ["a", "b"]}, '{"a":1}', '$: the key "b" is missing'),
    ({**thing(a={}), "additionalProperties": False}, '{"a":1,"b c":1}', '$: the key "b c" is not allowed'),
    ({"additionalProperties": False}, '{"b":1}', '$: the key "b" is not allowed'),
    (
        {"patternProperties": {"^a": {}}, "additionalProperties": False},
        '{"b":1}',
        "$: does not fit additionalProperties: false",
    ),
    ({"additionalProperties": INTEGER}, '{"a b":"x"}', '$["a b"]: expected int, got str'),
    (thing(a={"enum": ["x", "y"]}), '{"a":"' + "z" * 10_000 + '"}', '$.a: does not fit enum: ["x","y"]'),
    (thing(a={"minimum": 3}), '{"a":1}', "$.a: does not fit minimum: 3"),
    ({"anyOf": [thing(a=INTEGER), {"type": "null"}]}, '{"a":"x"}', "$.a: expected int, got str"),
    (EITHER, '{"kind":"b","m":5}', "$.m: expected str, got int"),
    (EITHER, '{"kind":"b"}', '$: the key "m" is missing'),
    (EITHER, '{"kind":"c"}', '$.kind: does not fit const: "a" or "b"'),
    (EITHER, "7", "$: expected object, got int"),
    (
        {"items": {"oneOf": [INTEGER, {"type": "array", "items": INTEGER}]}},
        '[1,["x"]]',
        "$[1][0]: expected int",
    ),
    ({"anyOf": [INTEGER, {"type": "null"}]}, '"x"', "$: expected int or null, got str"),
    ({"oneOf": [INTEGER, {"minimum": 1}]}, "5", '$: does not fit oneOf: [{"type":"integer"},{"minimum":1}]'),
    ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, "{}", '$: the key "a" or "b" is missing'),
    (thing(a=False), '{"a":1}', "$: there is a value where the schema says false"),
    ({"not": {}}, "1", "$: does not fit not: {}"),
    ({"multipleOf": 0.5}, "1" + "0" * 400, "$: cannot be checked (int"),
    ({}, "1" * 5_000, "$: a number too long to be read"),
    ({}, "[" * 5_000 + "]" * 5_000, "$: nested too deep"),
    (thing(a={"$ref": "#"}), '{"a":' * 700 + "{}" + "}" * 700, "$: nested too deep"),
]


@pytest.mark.parametrize(("schema", "text", "told"), WRONG, ids=[row[2] for row in WRONG])
def test_what_does_not_fit(schema: dict[str, Any], text: str, told: str) -> None:
    """With its place, and never with the value, which may be huge."""
    _, read = made(schema)

    with pytest.raises(Misfit) as caught:
        read(text)

    assert str(caught.value).startswith(told)
    assert len(str(caught.value)) < 350


def test_of_many_faults_few_are_looked_at() -> None:
    """A list of a hundred thousand wrong values costs no more than one."""
    _, read = made({"items": INTEGER})

    with pytest.raises(Misfit, match=r"^\$\[0\]: expected int, got str$"):
        read("[" + ",".join(['"x"'] * 100_000) + "]")
