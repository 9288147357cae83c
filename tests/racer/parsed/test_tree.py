"""racer/parsed/tree.py: schemas in schemas, and what is none."""

from __future__ import annotations

from typing import Any

from racer.parsed.tree import nodes, rebuilt

LEAF = {"type": "string"}
SCHEMA: dict[str, Any] = {
    "properties": {"$ref": LEAF, "enum": {"enum": [{"type": "data"}]}},
    "items": [LEAF, True],
    "additionalProperties": LEAF,
    "anyOf": [{"items": LEAF}],
    "default": {"type": "data"},
    "not": False,
    "dependencies": {"a": ["b"]},
}


def test_nodes_are_schemas_with_their_places() -> None:
    """Names and data are not taken for schemas, nor are true and false."""
    assert [place for place, _ in nodes(SCHEMA)] == [
        (),
        ("properties", "$ref"),
        ("properties", "enum"),
        ("anyOf", 0),
        ("anyOf", 0, "items"),
        ("items", 0),
        ("additionalProperties",),
    ]


def test_a_schema_is_rebuilt_from_its_parts() -> None:
    """The parts right below are changed, the rest is as it was."""
    made = rebuilt(SCHEMA, lambda part: {"was": part})

    assert made == {
        **SCHEMA,
        "properties": {"$ref": {"was": LEAF}, "enum": {"was": SCHEMA["properties"]["enum"]}},
        "items": [{"was": LEAF}, True],
        "additionalProperties": {"was": LEAF},
        "anyOf": [{"was": {"items": LEAF}}],
    }
