"""racer/parsed/callers.py: what is checked of a caller's schema before it is sent."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from racer.errors import BadRequest
from racer.parsed.callers import check_references, checkable, refuse_wrapper

INTEGER = {"type": "integer"}
INNER: dict[str, Any] = {"type": "object", "properties": {"a": INTEGER}}
ID = "https://example.org/s.json"


def ref(to: str) -> dict[str, Any]:
    return {"$ref": to}


@pytest.mark.parametrize(
    ("given", "inner"),
    [
        ({"name": "r", "strict": True, "schema": INNER}, 'into["schema"]'),
        ({"type": "json_schema", "name": "r", "schema": INNER}, 'into["schema"]'),
        ({"type": "json_schema", "json_schema": {"schema": INNER}}, 'into["json_schema"]["schema"]'),
        ({"json_schema": {"schema": INNER}}, 'into["json_schema"]["schema"]'),
    ],
)
def test_a_wrapper_is_refused(given: dict[str, Any], inner: str) -> None:
    """With the place of what is meant."""
    with pytest.raises(BadRequest) as caught:
        refuse_wrapper(given)

    assert str(caught.value).endswith(f"give the schema itself, {inner}")


@pytest.mark.parametrize("given", [{}, INNER, {"schema": "x"}, {"properties": {"schema": INTEGER}}])
def test_a_schema_is_no_wrapper(given: dict[str, Any]) -> None:
    """Though it may have such a key."""
    refuse_wrapper(given)


BAD: list[tuple[dict[str, Any], str]] = [
    (ref("https://example.org/x"), '$["$ref"]: a reference to somewhere else'),
    ({"items": ref("other.json#/a")}, '$.items["$ref"]: a reference to somewhere else'),
    ({"not": {"items": {"$dynamicRef": "x"}}}, '$.not.items["$dynamicRef"]: a reference to somewhere else'),
    (ref("#/$defs/none"), '$["$ref"]: a reference to nothing'),
    ({"anyOf": [ref("#none")]}, '$.anyOf[0]["$ref"]: a reference to nothing'),
    ({"items": [INTEGER], "properties": {"a": ref("#/items/x")}}, "a reference to nothing"),
    ({"$defs": {"a": INTEGER, "b": {"$id": "urn:b", **ref("#/$defs/a")}}}, "a reference to nothing"),
    (
        {
            "properties": {"a": ref("#/unknown/x")},
            "unknown": {"x": {"not": ref("#/unknown/y")}, "y": ref("#/unknown/x")},
        },
        "a reference that never ends",
    ),
    (ref("#"), "$: a reference that never ends"),
    ({"$defs": {"a": ref("#/$defs/a")}}, '$["$defs"].a: a reference that never ends'),
    (
        {"properties": {"x": ref("#/$defs/a")}, "$defs": {"a": ref("#/$defs/b"), "b": ref("#/$defs/a")}},
        "a reference that never ends",
    ),
    ({"$defs": {"a": {"anyOf": [INTEGER, {"allOf": [ref("#/$defs/a")]}]}}}, "a reference that never ends"),
]


@pytest.mark.parametrize(("schema", "why"), BAD, ids=[row[1] for row in BAD])
def test_references_that_cannot_be_followed(schema: dict[str, Any], why: str) -> None:
    """Out of the schema, to nothing, or back to where they came from."""
    with pytest.raises(BadRequest) as caught:
        check_references(schema)

    assert why in str(caught.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": ref("#")}},
        {"$defs": {"a": {"items": ref("#/$defs/b")}, "b": {"anyOf": [INTEGER, ref("#/$defs/a")]}}},
        {"$defs": {"a": {"$anchor": "x", **INTEGER}}, "items": ref("#x")},
        {"$id": ID, "$defs": {"a": INTEGER}, "items": ref(f"{ID}#/$defs/a")},
        {"$id": ID, "$defs": {"a": INTEGER}, "items": ref("s.json#/$defs/a")},
        {"$defs": {"a": {"$id": "urn:a", "items": ref("#/$defs/b"), "$defs": {"b": INTEGER}}}},
        {"$defs": {"a": True}, "items": ref("#/$defs/a")},
        {"properties": {"x": INTEGER}, "items": ref("#/properties/x")},
        {"items": ref("#/unknown/x"), "unknown": {"x": INTEGER}},
    ],
)
def test_references_that_can(schema: dict[str, Any]) -> None:
    """Also by the schema's own name, and in circles that a value ends."""
    check_references(schema)


PATTERNS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"pattern": "^a+$"}, {"pattern": "^a+$"}),
    ({"pattern": "("}, {"pattern": "("}),
    ({"pattern": r"(\p{L}"}, {"pattern": r"(\p{L}"}),
    ({"pattern": 5}, {"pattern": 5}),
    ({"pattern": r"^\p{L}[\p{N}-]*\u{1F600}$"}, {}),
    ({"pattern": r"(?<year>\d{4})-\k<year>"}, {}),
    ({"pattern": "(?<=a+)b"}, {}),
    ({"items": {"pattern": r"\p{L}", "type": "string"}}, {"items": {"type": "string"}}),
    (
        {"patternProperties": {r"^\p{L}": INTEGER, "^x": INTEGER}, "additionalProperties": False},
        {"patternProperties": {"^x": INTEGER}},
    ),
    ({"properties": {"pattern": INTEGER}}, {"properties": {"pattern": INTEGER}}),
    ({"properties": []}, {"properties": []}),
]


@pytest.mark.parametrize(("schema", "left"), PATTERNS)
def test_patterns_of_other_languages_are_not_checked(schema: dict[str, Any], left: dict[str, Any]) -> None:
    """What is broken in any language stays, to be refused."""
    before = deepcopy(schema)

    assert checkable(schema) == left
    assert schema == before
